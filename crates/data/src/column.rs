//! A column is Arrow arrays in chunks, and, where rows were chosen or reordered, an index into them:
//! `select`, `shuffle` and `rename` copy no values.

use std::sync::{Arc, OnceLock};

use arrow_array::builder::{BooleanBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch};
use arrow_schema::DataType;
use sha2::{Digest, Sha256};

use crate::ipc::Mapping;
use crate::list::ListBuilder;
use crate::{Dtype, Feature, List, Value};

/// The values of a column in the order of the file.
pub(crate) struct Chunks {
    arrays: Vec<ArrayRef>,
    /// The first row of each array, and the number of rows at the end.
    starts: Vec<usize>,
    mapping: Option<Arc<Mapping>>,
    /// Of the content: known from the file where the arrays are mapped, else taken when asked for.
    fingerprint: OnceLock<[u8; 32]>,
}

impl Chunks {
    pub(crate) fn new(arrays: Vec<ArrayRef>) -> Self {
        let mut starts = vec![0];
        for array in &arrays {
            starts.push(starts[starts.len() - 1] + array.len());
        }
        Self {
            arrays,
            starts,
            mapping: None,
            fingerprint: OnceLock::new(),
        }
    }

    fn len(&self) -> usize {
        self.starts[self.arrays.len()]
    }

    fn value(&self, row: usize) -> Value<'_> {
        if let Some(mapping) = &self.mapping {
            mapping.touch();
        }
        let chunk = self.starts.partition_point(|start| *start <= row) - 1;
        value_at(&self.arrays[chunk], row - self.starts[chunk])
    }

    fn fingerprint(&self) -> &[u8; 32] {
        self.fingerprint.get_or_init(|| {
            let mut hasher = Sha256::new();
            for row in 0..self.len() {
                hash_value(&mut hasher, self.value(row));
            }
            hasher.finalize().into()
        })
    }
}

fn hash_value(hasher: &mut Sha256, value: Value<'_>) {
    match value {
        Value::Null => hasher.update([0]),
        Value::Bool(value) => hasher.update([1, u8::from(value)]),
        Value::Int(value) => {
            hasher.update([2]);
            hasher.update(value.to_le_bytes());
        }
        Value::Float(value) => {
            hasher.update([3]);
            hasher.update(value.to_le_bytes());
        }
        Value::Float32(value) => {
            hasher.update([4]);
            hasher.update(value.to_le_bytes());
        }
        Value::Str(value) => {
            hasher.update([5]);
            hasher.update((value.len() as u64).to_le_bytes());
            hasher.update(value);
        }
        Value::List(list) => {
            hasher.update([6]);
            hasher.update((list.len() as u64).to_le_bytes());
            for item in list.iter() {
                hash_value(hasher, item);
            }
        }
    }
}

pub(crate) fn value_at(array: &ArrayRef, i: usize) -> Value<'_> {
    if array.is_null(i) {
        return Value::Null;
    }
    macro_rules! int {
        ($type:ty) => {
            Value::Int(i64::from(array.as_primitive::<$type>().value(i)))
        };
    }
    match array.data_type() {
        DataType::Utf8 => Value::Str(array.as_string::<i32>().value(i)),
        DataType::Boolean => Value::Bool(array.as_boolean().value(i)),
        DataType::Int8 => int!(Int8Type),
        DataType::Int16 => int!(Int16Type),
        DataType::Int32 => int!(Int32Type),
        DataType::Int64 => int!(Int64Type),
        DataType::UInt8 => int!(UInt8Type),
        DataType::UInt16 => int!(UInt16Type),
        DataType::UInt32 => int!(UInt32Type),
        DataType::UInt64 => {
            let value = array.as_primitive::<UInt64Type>().value(i);
            i64::try_from(value).map_or(Value::Float(value as f64), Value::Int)
        }
        DataType::Float32 => Value::Float32(array.as_primitive::<Float32Type>().value(i)),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(i)),
        DataType::List(_) => Value::List(List::of(array.as_list::<i32>(), i)),
        // No reader lets another type in.
        _ => Value::Null,
    }
}

/// A column of a dataset: chunks, and which of their rows in which order.
#[derive(Clone)]
pub(crate) struct Column {
    chunks: Arc<Chunks>,
    pub(crate) rows: Option<Arc<[u32]>>,
}

impl Column {
    pub(crate) fn new(arrays: Vec<ArrayRef>) -> Self {
        Self {
            chunks: Arc::new(Chunks::new(arrays)),
            rows: None,
        }
    }

    /// The columns of some record batches, which may live in a mapped file of known content.
    pub(crate) fn of_batches(
        num_columns: usize,
        batches: &[RecordBatch],
        mapped: Option<(Arc<Mapping>, [u8; 32])>,
    ) -> Vec<Self> {
        (0..num_columns)
            .map(|i| {
                let arrays = batches.iter().map(|b| Arc::clone(b.column(i))).collect();
                let mut chunks = Chunks::new(arrays);
                if let Some((mapping, content)) = &mapped {
                    let mut hasher = Sha256::new();
                    hasher.update(content);
                    hasher.update((i as u64).to_le_bytes());
                    chunks.mapping = Some(Arc::clone(mapping));
                    chunks.fingerprint = OnceLock::from(<[u8; 32]>::from(hasher.finalize()));
                }
                Self {
                    chunks: Arc::new(chunks),
                    rows: None,
                }
            })
            .collect()
    }

    /// The values of all columns, which are of one type, one column after the other.
    pub(crate) fn concatenated(columns: &[&Self]) -> Self {
        let arrays = columns
            .iter()
            .flat_map(|column| column.chunks.arrays.iter().cloned());
        let mut whole = Self::new(arrays.collect());
        if columns.iter().any(|column| column.rows.is_some()) {
            let mut rows = Vec::new();
            let mut start = 0;
            for column in columns {
                match &column.rows {
                    Some(chosen) => rows.extend(chosen.iter().map(|row| start + row)),
                    None => rows.extend(start..start + column.len() as u32),
                }
                start += column.chunks.len() as u32;
            }
            whole.rows = Some(rows.into());
        }
        whole
    }

    pub(crate) fn len(&self) -> usize {
        self.rows
            .as_ref()
            .map_or_else(|| self.chunks.len(), |rows| rows.len())
    }

    /// Panics past the end, as a slice does; the callers check.
    pub(crate) fn value(&self, row: usize) -> Value<'_> {
        let row = self.rows.as_ref().map_or(row, |rows| rows[row] as usize);
        self.chunks.value(row)
    }

    pub(crate) fn with_rows(&self, rows: Arc<[u32]>) -> Self {
        Self {
            chunks: Arc::clone(&self.chunks),
            rows: Some(rows),
        }
    }

    /// Identifies the values and their order.
    pub(crate) fn hash_into(&self, hasher: &mut Sha256) {
        hasher.update(self.chunks.fingerprint());
        match &self.rows {
            None => hasher.update([0]),
            Some(rows) => {
                hasher.update([1]);
                hasher.update((rows.len() as u64).to_le_bytes());
                for row in rows.iter() {
                    hasher.update(row.to_le_bytes());
                }
            }
        }
    }
}

/// A column of a dataset, read cell by cell.
#[derive(Clone, Copy)]
pub struct ColumnView<'a> {
    pub(crate) column: &'a Column,
    pub(crate) feature: &'a Feature,
}

impl<'a> ColumnView<'a> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.column.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    pub fn feature(&self) -> &'a Feature {
        self.feature
    }

    /// The value of a row, counted from 0.
    pub fn get(&self, row: usize) -> Option<Value<'a>> {
        (row < self.len()).then(|| self.column.value(row))
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let column = self.column;
        (0..column.len()).map(|row| column.value(row))
    }
}

/// Collects values of one type into an Arrow array.
pub(crate) struct ColumnBuilder {
    dtype: Dtype,
    values: Values,
}

enum Values {
    Text(StringBuilder),
    Bool(BooleanBuilder),
    Int(Vec<Option<i64>>),
    Float(Vec<Option<f64>>),
    List(ListBuilder),
}

impl ColumnBuilder {
    /// For values as a column of that type keeps them.
    pub(crate) fn of(feature: &Feature) -> Self {
        match feature {
            Feature::Value(dtype) => Self::new(*dtype),
            Feature::ClassLabel(_) => Self::new(Dtype::Int64),
            Feature::List(item) => Self {
                // Of no use to a list: the items have their own.
                dtype: Dtype::Int64,
                values: Values::List(ListBuilder::new(Self::of(item))),
            },
        }
    }

    pub(crate) fn new(dtype: Dtype) -> Self {
        let values = match dtype {
            Dtype::String => Values::Text(StringBuilder::new()),
            Dtype::Bool => Values::Bool(BooleanBuilder::new()),
            Dtype::Float32 | Dtype::Float64 => Values::Float(Vec::new()),
            _ => Values::Int(Vec::new()),
        };
        Self { dtype, values }
    }

    /// Adds a value; `false` where it doesn't fit the type. Whole numbers fit float columns, and
    /// floats without a fraction fit integer columns.
    #[must_use]
    pub(crate) fn push(&mut self, value: Value<'_>) -> bool {
        match (&mut self.values, value) {
            (Values::Text(builder), Value::Null) => builder.append_null(),
            (Values::Text(builder), Value::Str(text)) => builder.append_value(text),
            (Values::Bool(builder), Value::Null) => builder.append_null(),
            (Values::Bool(builder), Value::Bool(value)) => builder.append_value(value),
            (Values::Int(values), Value::Null) => values.push(None),
            (Values::Int(values), value) => {
                let whole = value
                    .as_i64()
                    .or_else(|| value.as_f64().and_then(exact_i64));
                match whole {
                    Some(whole) if fits(self.dtype, whole) => values.push(Some(whole)),
                    _ => return false,
                }
            }
            (Values::Float(values), Value::Null) => values.push(None),
            (Values::Float(values), value) => match value.as_f64() {
                Some(value) => values.push(Some(value)),
                None => return false,
            },
            (Values::List(lists), Value::Null) => lists.push_null(),
            (Values::List(_), Value::List(list)) => return self.push_list(list.iter()),
            _ => return false,
        }
        true
    }

    /// Adds a list of these items; `false` where this is no column of lists or an item doesn't fit.
    #[must_use]
    pub(crate) fn push_list<'v>(&mut self, items: impl Iterator<Item = Value<'v>>) -> bool {
        self.push_items(|builder| {
            let mut length = 0;
            for item in items {
                if !builder.push(item) {
                    return None;
                }
                length += 1;
            }
            Some(length)
        })
    }

    /// Adds a list whose items `push` adds, saying how many; see [`ListBuilder::push`].
    #[must_use]
    pub(crate) fn push_items(&mut self, push: impl FnOnce(&mut Self) -> Option<usize>) -> bool {
        match &mut self.values {
            Values::List(lists) => lists.push(push),
            _ => false,
        }
    }

    pub(crate) fn finish(self) -> ArrayRef {
        match self.values {
            Values::Text(mut builder) => Arc::new(builder.finish()),
            Values::Bool(mut builder) => Arc::new(builder.finish()),
            Values::Int(values) => int_array(self.dtype, values),
            Values::List(lists) => lists.finish(),
            Values::Float(values) => match self.dtype {
                Dtype::Float32 => Arc::new(
                    values
                        .into_iter()
                        .map(|v| v.map(|v| v as f32))
                        .collect::<PrimitiveArray<Float32Type>>(),
                ),
                _ => Arc::new(values.into_iter().collect::<PrimitiveArray<Float64Type>>()),
            },
        }
    }
}

fn int_array(dtype: Dtype, values: Vec<Option<i64>>) -> ArrayRef {
    macro_rules! narrow {
        ($($dtype:ident => $type:ty, $native:ty;)*) => {
            match dtype {
                // `fits` has checked each value.
                $(Dtype::$dtype => Arc::new(
                    values.into_iter().map(|v| v.map(|v| v as $native))
                        .collect::<PrimitiveArray<$type>>(),
                ),)*
                _ => Arc::new(values.into_iter().collect::<PrimitiveArray<Int64Type>>()),
            }
        };
    }
    narrow! {
        Int8 => Int8Type, i8;
        Int16 => Int16Type, i16;
        Int32 => Int32Type, i32;
        UInt8 => UInt8Type, u8;
        UInt16 => UInt16Type, u16;
        UInt32 => UInt32Type, u32;
        UInt64 => UInt64Type, u64;
    }
}

pub(crate) fn exact_i64(value: f64) -> Option<i64> {
    // 2^63 is exact in f64; i64::MAX is not.
    (libm::trunc(value) == value
        && (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value))
    .then_some(value as i64)
}

fn fits(dtype: Dtype, value: i64) -> bool {
    match dtype {
        Dtype::Int8 => i8::try_from(value).is_ok(),
        Dtype::Int16 => i16::try_from(value).is_ok(),
        Dtype::Int32 => i32::try_from(value).is_ok(),
        Dtype::UInt8 => u8::try_from(value).is_ok(),
        Dtype::UInt16 => u16::try_from(value).is_ok(),
        Dtype::UInt32 => u32::try_from(value).is_ok(),
        Dtype::UInt64 => value >= 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(dtype: Dtype, values: &[Value<'_>]) -> Option<ArrayRef> {
        let mut builder = ColumnBuilder::new(dtype);
        values
            .iter()
            .all(|value| builder.push(*value))
            .then(|| builder.finish())
    }

    #[test]
    fn every_type_comes_back_as_it_went_in() {
        for dtype in [Dtype::Int8, Dtype::Int64, Dtype::UInt8, Dtype::UInt64] {
            let values = [Value::Int(7), Value::Null, Value::Int(120)];
            let column = Column::new(built(dtype, &values).into_iter().collect());
            let back: Vec<Value<'_>> = (0..3).map(|row| column.value(row)).collect();
            assert_eq!(back, values, "{dtype}");
        }
        assert!(built(Dtype::Int8, &[Value::Int(128)]).is_none());
        assert!(built(Dtype::UInt8, &[Value::Int(-1)]).is_none());
        assert!(built(Dtype::Int64, &[Value::Float(0.5)]).is_none());
        assert!(built(Dtype::String, &[Value::Int(1)]).is_none());
        assert!(built(Dtype::Float32, &[Value::Int(1), Value::Float(0.5)]).is_some());
    }

    #[test]
    fn chunks_are_one_column() {
        let chunks = [vec![1, 2, 3], vec![], vec![4]].map(|ints: Vec<i64>| -> ArrayRef {
            Arc::new(
                ints.into_iter()
                    .map(Some)
                    .collect::<PrimitiveArray<Int64Type>>(),
            )
        });
        let column = Column::new(chunks.to_vec());
        let values: Vec<_> = (0..column.len())
            .map(|row| column.value(row).as_i64())
            .collect();
        assert_eq!(values, [Some(1), Some(2), Some(3), Some(4)]);
        let chosen = column.with_rows(Arc::from([3u32, 0]));
        assert_eq!(chosen.len(), 2);
        assert_eq!(chosen.value(0), Value::Int(4));
    }
}

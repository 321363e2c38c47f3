//! Cells that are lists: words and their tags, several labels of a row.

use std::fmt;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, ListArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::Value;
use crate::column::{ColumnBuilder, value_at};

/// The Arrow type of lists of such items. Items may be missing, as they may in `datasets`.
pub(crate) fn list_type(item: DataType) -> DataType {
    DataType::List(item_field(item))
}

fn item_field(item: DataType) -> Arc<Field> {
    Arc::new(Field::new("item", item, true))
}

/// The same lists with items that are called as ours are: parquet's writers call them what they like.
pub(crate) fn renamed(lists: &ListArray) -> ArrayRef {
    let field = item_field(lists.values().data_type().clone());
    let (_, offsets, items, nulls) = lists.clone().into_parts();
    // Only the field's name is another one.
    Arc::new(ListArray::new(field, offsets, items, nulls))
}

/// Lists with these ends, of items that lie one after the other.
pub(crate) fn lists(
    offsets: OffsetBuffer<i32>,
    items: ArrayRef,
) -> Result<ArrayRef, arrow_schema::ArrowError> {
    let field = item_field(items.data_type().clone());
    Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
}

/// The items of a cell, borrowed from the Arrow array they live in.
#[derive(Clone, Copy)]
pub struct List<'a> {
    items: &'a ArrayRef,
    start: usize,
    end: usize,
}

impl<'a> List<'a> {
    pub(crate) fn of(array: &'a ListArray, row: usize) -> Self {
        let offsets = array.value_offsets();
        Self {
            items: array.values(),
            start: offsets[row] as usize,
            end: offsets[row + 1] as usize,
        }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An item, counted from 0.
    pub fn get(&self, index: usize) -> Option<Value<'a>> {
        (index < self.len()).then(|| value_at(self.items, self.start + index))
    }

    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let items = self.items;
        (self.start..self.end).map(|index| value_at(items, index))
    }
}

impl PartialEq for List<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl fmt::Debug for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for item in self.iter() {
            list.serialize_element(&item)?;
        }
        list.end()
    }
}

/// Collects lists of one type.
pub(crate) struct ListBuilder {
    items: Box<ColumnBuilder>,
    lengths: Vec<usize>,
    valid: Vec<bool>,
    total: usize,
}

impl ListBuilder {
    pub(crate) fn new(items: ColumnBuilder) -> Self {
        Self {
            items: Box::new(items),
            lengths: Vec::new(),
            valid: Vec::new(),
            total: 0,
        }
    }

    pub(crate) fn push_null(&mut self) {
        self.lengths.push(0);
        self.valid.push(false);
    }

    /// Adds a list whose items `push` puts into the builder one by one; `false` where an item doesn't fit,
    /// and where all lists together have more items than 31-bit offsets count.
    pub(crate) fn push(&mut self, push: impl FnOnce(&mut ColumnBuilder) -> Option<usize>) -> bool {
        let Some(length) = push(&mut self.items) else {
            return false;
        };
        self.total += length;
        self.lengths.push(length);
        self.valid.push(true);
        i32::try_from(self.total).is_ok()
    }

    pub(crate) fn finish(self) -> ArrayRef {
        let nulls = NullBuffer::new(BooleanBuffer::from(self.valid));
        with_nulls(self.lengths, self.items.finish(), Some(nulls))
    }
}

/// Lists of these lengths, of items that lie one after the other.
pub(crate) fn list_array(lengths: Vec<usize>, items: ArrayRef) -> ArrayRef {
    with_nulls(lengths, items, None)
}

fn with_nulls(lengths: Vec<usize>, items: ArrayRef, nulls: Option<NullBuffer>) -> ArrayRef {
    let field = item_field(items.data_type().clone());
    let offsets = OffsetBuffer::from_lengths(lengths);
    // The lengths are those of the items, and there are as many as marks of validity.
    Arc::new(ListArray::new(field, offsets, items, nulls))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::column::Column;
    use crate::{Dtype, Feature};

    fn lists(lists: &[Option<&[Value<'static>]>]) -> Column {
        let feature = Feature::List(Box::new(Feature::Value(Dtype::String)));
        let mut builder = ColumnBuilder::of(&feature);
        for list in lists {
            match list {
                Some(items) => assert!(builder.push_list(items.iter().copied())),
                None => assert!(builder.push(Value::Null)),
            }
        }
        Column::new(vec![builder.finish()])
    }

    #[test]
    fn lists_come_back_as_they_went_in() {
        let words = [Value::Str("it's"), Value::Null, Value::Str("late")];
        let column = lists(&[Some(&words), None, Some(&[])]);
        let Value::List(list) = column.value(0) else {
            panic!("{:?}", column.value(0));
        };
        assert_eq!(list.iter().collect::<Vec<_>>(), words);
        assert_eq!((list.get(2), list.get(3)), (Some(words[2]), None));
        assert_eq!(column.value(0).to_string(), r#"["it's", null, "late"]"#);
        assert!(column.value(1).is_null());
        assert_eq!(column.value(2).to_string(), "[]");
        assert_ne!(column.value(0), column.value(2));
        assert_eq!(column.value(0), lists(&[Some(&words)]).value(0));
    }

    #[test]
    fn an_item_of_another_type_is_refused() {
        let feature = Feature::List(Box::new(Feature::Value(Dtype::Int64)));
        let mut builder = ColumnBuilder::of(&feature);
        assert!(builder.push_list([Value::Int(1), Value::Float(2.0)].into_iter()));
        assert!(!builder.push_list([Value::Str("x")].into_iter()));
        assert!(!ColumnBuilder::of(&feature).push(Value::Int(1)));
    }
}

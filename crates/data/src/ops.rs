//! What one does to a dataset, with the names and the results of Python's `datasets`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::types::{Float32Type, Float64Type, Int8Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, StringArray};

use crate::column::{Column, ColumnBuilder};
use crate::list::list_array;
use crate::{
    ClassLabel, DataError, Dataset, DatasetDict, Dtype, Feature, Features, Row, Value, permutation,
    target,
};

/// How much [`Dataset::train_test_split`] puts into the test split.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SplitSize {
    /// A part of the rows, between 0 and 1, rounded up.
    Fraction(f64),
    /// So many rows.
    Rows(usize),
}

impl From<f64> for SplitSize {
    fn from(fraction: f64) -> Self {
        Self::Fraction(fraction)
    }
}

impl From<usize> for SplitSize {
    fn from(rows: usize) -> Self {
        Self::Rows(rows)
    }
}

/// How [`Dataset::map`] goes through the rows.
#[derive(Clone, Debug)]
pub struct MapOptions {
    /// Rows handed to the function at once.
    pub batch_size: usize,
    /// Columns that the result does not keep.
    pub remove_columns: Vec<String>,
    /// How many batches are worked on at once; `None`: as many as there are cores. Where there are no
    /// threads, as in a browser, it is always one.
    pub num_proc: Option<usize>,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self {
            batch_size: 1000,
            remove_columns: Vec::new(),
            num_proc: None,
        }
    }
}

/// Values of a column that a function given to [`Dataset::map`] made; `None` is a missing value.
#[derive(Clone, Debug)]
pub struct NewColumn(ArrayRef);

macro_rules! new_column {
    ($($native:ty => $array:ty;)*) => {$(
        impl From<Vec<$native>> for NewColumn {
            fn from(values: Vec<$native>) -> Self {
                Self(Arc::new(values.into_iter().map(Some).collect::<$array>()))
            }
        }

        impl From<Vec<Option<$native>>> for NewColumn {
            fn from(values: Vec<Option<$native>>) -> Self {
                Self(Arc::new(values.into_iter().collect::<$array>()))
            }
        }

        impl From<Vec<Vec<$native>>> for NewColumn {
            /// A column of lists.
            fn from(lists: Vec<Vec<$native>>) -> Self {
                let lengths = lists.iter().map(Vec::len).collect();
                let items = lists.into_iter().flatten().map(Some).collect::<$array>();
                Self(list_array(lengths, Arc::new(items)))
            }
        }
    )*};
}

new_column! {
    String => StringArray;
    bool => BooleanArray;
    i8 => PrimitiveArray<Int8Type>;
    i32 => PrimitiveArray<Int32Type>;
    i64 => PrimitiveArray<Int64Type>;
    f32 => PrimitiveArray<Float32Type>;
    f64 => PrimitiveArray<Float64Type>;
}

/// The name that a value has as a class: what Python's `str` gives.
pub(crate) fn class_name(value: Value<'_>) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Str(text) => Some(text.to_owned()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Float(_) | Value::Float32(_) => {
            let text = value.to_string();
            Some(if text.contains(['.', 'e', 'n']) {
                text
            } else {
                format!("{text}.0")
            })
        }
        Value::Int(value) => Some(value.to_string()),
        Value::List(_) => None,
    }
}

impl Dataset {
    /// These rows in this order; a row may come twice. Copies no values.
    pub fn select(&self, rows: &[usize]) -> Result<Self, DataError> {
        for row in rows {
            self.check_row(*row)?;
        }
        Ok(self.select_checked(rows))
    }

    fn select_checked(&self, rows: &[usize]) -> Self {
        // Columns that share an index share the composed one too.
        let mut composed: BTreeMap<usize, Arc<[u32]>> = BTreeMap::new();
        let columns = self
            .columns
            .iter()
            .map(|column| {
                let key = column.rows.as_ref().map_or(0, |old| old.as_ptr() as usize);
                let index = composed.entry(key).or_insert_with(|| match &column.rows {
                    None => rows.iter().map(|row| *row as u32).collect(),
                    Some(old) => rows.iter().map(|row| old[*row]).collect(),
                });
                column.with_rows(Arc::clone(index))
            })
            .collect();
        Self {
            features: self.features.clone(),
            columns,
            num_rows: rows.len(),
        }
    }

    /// The first `count` rows, or all where there are fewer.
    pub fn take(&self, count: usize) -> Self {
        if count >= self.num_rows {
            return self.clone();
        }
        self.select_checked(&(0..count).collect::<Vec<_>>())
    }

    /// The rows for which `keep` says yes, in their order.
    pub fn filter(&self, keep: impl Fn(&Row<'_>) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.num_rows)
            .filter(|row| keep(&self.row_at(*row)))
            .collect();
        self.select_checked(&rows)
    }

    /// All rows in a random order: the order of `datasets`' `shuffle(seed=seed)`.
    pub fn shuffle(&self, seed: u64) -> Self {
        self.select_checked(&permutation(seed, self.num_rows))
    }

    /// Random rows for `test` and the others for `train`: the rows of `datasets`'
    /// `train_test_split(test_size=test_size, seed=seed)`.
    ///
    /// Fails where one of the two would be empty.
    pub fn train_test_split(
        &self,
        test_size: impl Into<SplitSize>,
        seed: u64,
    ) -> Result<DatasetDict, DataError> {
        let num_test = self.test_rows(test_size.into())?;
        let order = permutation(seed, self.num_rows);
        let mut splits = DatasetDict::new();
        splits.insert("train", self.select_checked(&order[num_test..]));
        splits.insert("test", self.select_checked(&order[..num_test]));
        Ok(splits)
    }

    /// The rows of a test split of this size.
    pub(crate) fn test_rows(&self, size: SplitSize) -> Result<usize, DataError> {
        let num_test = match size {
            SplitSize::Fraction(part) if part > 0.0 && part < 1.0 => {
                libm::ceil(part * self.num_rows as f64) as usize
            }
            SplitSize::Rows(rows) if rows > 0 && rows < self.num_rows => rows,
            _ => {
                return Err(DataError::Argument(format!(
                    "test_size is {size:?}: it must be a number of rows between 1 and {}, or a fraction between 0 and 1",
                    self.num_rows.saturating_sub(1)
                )));
            }
        };
        if num_test >= self.num_rows {
            return Err(DataError::Argument(format!(
                "with {} rows, test_size {size:?} leaves no rows to train on: choose a smaller one",
                self.num_rows
            )));
        }
        Ok(num_test)
    }

    /// All columns but these.
    pub fn remove_columns(&self, names: &[&str]) -> Result<Self, DataError> {
        for name in names {
            self.features.require(name)?;
        }
        self.keep_columns(|name| !names.contains(&name))
    }

    /// Only these columns, in this order.
    pub fn select_columns(&self, names: &[&str]) -> Result<Self, DataError> {
        let mut features = Vec::new();
        let mut columns = Vec::new();
        for name in names {
            let index = self.features.require(name)?;
            features.push(((*name).to_owned(), self.features.at(index).1.clone()));
            columns.push(self.columns[index].clone());
        }
        Ok(Self {
            features: Features::new(features)?,
            columns,
            num_rows: self.num_rows,
        })
    }

    fn keep_columns(&self, keep: impl Fn(&str) -> bool) -> Result<Self, DataError> {
        let names = self.features.names();
        self.select_columns(
            &names
                .into_iter()
                .filter(|name| keep(name))
                .collect::<Vec<_>>(),
        )
    }

    /// The same column under another name.
    pub fn rename_column(&self, from: &str, to: &str) -> Result<Self, DataError> {
        let index = self.features.require(from)?;
        let features = self
            .features
            .iter()
            .enumerate()
            .map(|(i, (name, feature))| {
                let name = if i == index { to } else { name };
                (name.to_owned(), feature.clone())
            });
        Ok(Self {
            features: Features::new(features)?,
            columns: self.columns.clone(),
            num_rows: self.num_rows,
        })
    }

    /// The same column with values of another type.
    ///
    /// Numbers become other numbers where nothing is lost, anything becomes a string, strings
    /// become numbers or truth values where they say one. Class labels come from class names or from
    /// numbers in range (-1 stays); other class labels go by their names (`datasets` keeps their
    /// numbers). The error names the first row that does not fit.
    pub fn cast_column(&self, name: &str, feature: Feature) -> Result<Self, DataError> {
        let index = self.features.require(name)?;
        let old = self.features.at(index).1;
        if *old == feature {
            return Ok(self.clone());
        }
        let mut builder = ColumnBuilder::of(&feature);
        for row in 0..self.num_rows {
            let value = self.columns[index].value(row);
            if !push_cast(&mut builder, old, &feature, value) {
                return Err(DataError::Value {
                    row,
                    column: name.to_owned(),
                    found: value.to_string(),
                    expected: match &feature {
                        Feature::ClassLabel(label) => {
                            format!("the classes are {}", label.names.join(", "))
                        }
                        Feature::Value(dtype) => {
                            format!("{dtype} is needed: correct the value, or choose another type")
                        }
                        Feature::List(_) => {
                            format!(
                                "{feature} is needed: correct the value, or choose another type"
                            )
                        }
                    },
                });
            }
        }
        self.replace_column(index, feature, Column::new(vec![builder.finish()]))
    }

    /// Turns strings (or numbers, by the way they print) into class labels: the classes are the
    /// sorted values, as `datasets`' `class_encode_column` does. Missing values stay missing, and
    /// class labels stay as they are.
    pub fn class_encode_column(&self, name: &str) -> Result<Self, DataError> {
        let view = self.column(name)?;
        let names: BTreeSet<String> = view.iter().filter_map(class_name).collect();
        self.encode_classes(name, &ClassLabel::new(names))
    }

    /// Values become the classes of their names: a number is not a class yet, but the name of one.
    pub(crate) fn encode_classes(&self, name: &str, label: &ClassLabel) -> Result<Self, DataError> {
        match self.column(name)?.feature() {
            Feature::ClassLabel(_) => Ok(self.clone()),
            Feature::Value(_) | Feature::List(_) => self
                .cast_column(name, Feature::Value(Dtype::String))?
                .cast_column(name, Feature::ClassLabel(label.clone())),
        }
    }

    pub(crate) fn replace_column(
        &self,
        index: usize,
        feature: Feature,
        column: Column,
    ) -> Result<Self, DataError> {
        let features = self.features.iter().enumerate().map(|(i, (name, old))| {
            let feature = if i == index { &feature } else { old };
            (name.to_owned(), feature.clone())
        });
        let mut columns = self.columns.clone();
        columns[index] = column;
        Ok(Self {
            features: Features::new(features)?,
            columns,
            num_rows: self.num_rows,
        })
    }

    /// Applies a function to batches of rows, on as many cores as `options` say; the order of rows never
    /// changes.
    ///
    /// The function gets `options.batch_size` rows as a dataset and returns columns to add or to
    /// replace, of values or of lists (`input_ids`). Where it returns another number of rows than it got,
    /// no old column may remain. `progress(done, total)` is called with numbers of rows. The new columns
    /// are in memory.
    ///
    /// Fails with the function's first error in the order of rows, or where the columns that it
    /// returns differ from batch to batch.
    pub fn map(
        &self,
        options: &MapOptions,
        progress: &mut dyn FnMut(usize, usize),
        f: impl Fn(&Self) -> Result<Vec<(String, NewColumn)>, DataError> + Send + Sync,
    ) -> Result<Self, DataError> {
        let removed: Vec<&str> = options.remove_columns.iter().map(String::as_str).collect();
        let kept = self.remove_columns(&removed)?;
        let size = options.batch_size.max(1);
        let batches = self.num_rows.div_ceil(size);
        // A few batches per core at a time: progress moves, and all cores stay busy.
        let group = options.num_proc.unwrap_or(target::width() * 4).max(1);
        let mut made: Vec<(String, Vec<ArrayRef>)> = Vec::new();
        progress(0, self.num_rows);
        for first in (0..batches).step_by(group) {
            let results = target::map_ordered(group.min(batches - first), |i| {
                let start = (first + i) * size;
                let rows: Vec<usize> = (start..(start + size).min(self.num_rows)).collect();
                f(&self.select_checked(&rows))
            });
            for columns in results {
                append(&mut made, columns?)?;
            }
            let done = first.saturating_add(group).min(batches);
            progress((done * size).min(self.num_rows), self.num_rows);
        }
        kept.with_new_columns(made)
    }

    /// A table of these columns, as `Dataset.from_dict`.
    ///
    /// # Errors
    /// Columns of one name, or of different lengths.
    pub fn from_dict(columns: Vec<(String, NewColumn)>) -> Result<Self, DataError> {
        let columns = columns.into_iter().map(|(name, new)| (name, vec![new.0]));
        Self::from_columns(Features::default(), Vec::new())?.with_new_columns(columns.collect())
    }

    fn with_new_columns(self, made: Vec<(String, Vec<ArrayRef>)>) -> Result<Self, DataError> {
        let mut features: Vec<(String, Feature)> = self
            .features
            .iter()
            .map(|(name, feature)| (name.to_owned(), feature.clone()))
            .collect();
        let mut columns = self.columns;
        for (name, arrays) in made {
            let Some(feature) = arrays
                .first()
                .and_then(|a| Feature::from_arrow(a.data_type()))
            else {
                continue;
            };
            let column = Column::new(arrays);
            match features.iter().position(|(old, _)| *old == name) {
                Some(i) => {
                    // A class label stays one, as in `datasets`.
                    if features[i].1.arrow() != feature.arrow() {
                        features[i].1 = feature;
                    }
                    columns[i] = column;
                }
                None => {
                    features.push((name, feature));
                    columns.push(column);
                }
            }
        }
        let lengths: Vec<usize> = columns.iter().map(Column::len).collect();
        if let Some(i) = lengths.iter().position(|length| *length != lengths[0]) {
            return Err(DataError::Mismatch(format!(
                "after map, column {:?} has {} rows and column {:?} has {}: a function that changes the number of rows must replace all columns, or have the others in remove_columns",
                features[0].0, lengths[0], features[i].0, lengths[i]
            )));
        }
        Self::from_columns(Features::new(features)?, columns)
    }
}

fn append(
    made: &mut Vec<(String, Vec<ArrayRef>)>,
    columns: Vec<(String, NewColumn)>,
) -> Result<(), DataError> {
    if made.is_empty() {
        made.extend(columns.into_iter().map(|(name, new)| (name, vec![new.0])));
        return Ok(());
    }
    let same = made.len() == columns.len()
        && made
            .iter()
            .zip(&columns)
            .all(|((name, arrays), (new_name, new))| {
                name == new_name && arrays[0].data_type() == new.0.data_type()
            });
    if !same {
        return Err(DataError::Mismatch(
            "the function given to map returned other columns or types for one batch than for the first: return the same for every batch".to_owned(),
        ));
    }
    for ((_, arrays), (_, new)) in made.iter_mut().zip(columns) {
        arrays.push(new.0);
    }
    Ok(())
}

fn push_cast(
    builder: &mut ColumnBuilder,
    old: &Feature,
    feature: &Feature,
    value: Value<'_>,
) -> bool {
    if value.is_null() {
        return builder.push(Value::Null);
    }
    match feature {
        Feature::ClassLabel(label) => {
            let id = match (old, value) {
                (_, Value::Str(text)) => label.str2int(text).or_else(|| text.trim().parse().ok()),
                (Feature::ClassLabel(old), Value::Int(id)) if id != -1 => {
                    old.int2str(id).and_then(|name| label.str2int(name))
                }
                (_, value) => value
                    .as_i64()
                    .or_else(|| value.as_f64().and_then(crate::column::exact_i64)),
            };
            let in_range = |id: &i64| (-1..label.num_classes() as i64).contains(id);
            id.filter(in_range)
                .is_some_and(|id| builder.push(Value::Int(id)))
        }
        Feature::List(item) => match (old, value) {
            (Feature::List(old), Value::List(list)) => builder.push_items(|builder| {
                let fits = list
                    .iter()
                    .all(|value| push_cast(builder, old, item, value));
                fits.then_some(list.len())
            }),
            _ => false,
        },
        Feature::Value(Dtype::String) => match (old, value) {
            (Feature::ClassLabel(label), Value::Int(id)) => label
                .int2str(id)
                .is_some_and(|name| builder.push(Value::Str(name))),
            (_, value) => class_name(value).is_some_and(|text| builder.push(Value::Str(&text))),
        },
        Feature::Value(dtype) => match value {
            Value::Str(text) => parse(text, *dtype).is_some_and(|value| builder.push(value)),
            value => builder.push(value),
        },
    }
}

fn parse(text: &str, dtype: Dtype) -> Option<Value<'static>> {
    let text = text.trim();
    match dtype {
        Dtype::Bool => match text {
            "True" | "true" => Some(Value::Bool(true)),
            "False" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => text
            .parse()
            .map(Value::Int)
            .or_else(|_| text.parse().map(Value::Float))
            .ok(),
    }
}

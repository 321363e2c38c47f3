//! Named splits of one dataset, in order, as `datasets.DatasetDict`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow_array::Int64Array;

use crate::column::Column;
use crate::ops::class_name;
use crate::{ClassLabel, DataError, Dataset, Dtype, Feature, MapOptions, NewColumn, Value};

/// Splits in order. `Display` is Python's `print(raw_datasets)`.
#[derive(Clone, Default)]
pub struct DatasetDict {
    splits: Vec<(String, Dataset)>,
}

impl DatasetDict {
    /// No splits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a split at the end, or replaces the one of that name.
    pub fn insert(&mut self, split: impl Into<String>, dataset: Dataset) {
        let split = split.into();
        match self.splits.iter_mut().find(|(name, _)| *name == split) {
            Some((_, old)) => *old = dataset,
            None => self.splits.push((split, dataset)),
        }
    }

    /// A split; the error lists the splits there are.
    pub fn get(&self, split: &str) -> Result<&Dataset, DataError> {
        self.find(split).ok_or_else(|| DataError::NoSplit {
            split: split.to_owned(),
            splits: self.splits.iter().map(|(name, _)| name.clone()).collect(),
        })
    }

    /// A split, where there is one of that name.
    pub fn find(&self, split: &str) -> Option<&Dataset> {
        self.splits
            .iter()
            .find(|(name, _)| name == split)
            .map(|(_, dataset)| dataset)
    }

    /// Split names in order.
    pub fn names(&self) -> Vec<&str> {
        self.splits.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Names and splits in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Dataset)> {
        self.splits.iter().map(|(name, data)| (name.as_str(), data))
    }

    /// How many splits there are.
    pub fn len(&self) -> usize {
        self.splits.len()
    }

    /// Whether there are no splits.
    pub fn is_empty(&self) -> bool {
        self.splits.is_empty()
    }

    /// The same operation on every split.
    pub fn map_splits(
        &self,
        mut f: impl FnMut(&str, &Dataset) -> Result<Dataset, DataError>,
    ) -> Result<Self, DataError> {
        let splits: Result<_, DataError> = self
            .iter()
            .map(|(name, dataset)| Ok((name.to_owned(), f(name, dataset)?)))
            .collect();
        Ok(Self { splits: splits? })
    }

    /// Applies a function to batches of rows of every split; see [`Dataset::map`].
    /// `progress(split, done, total)` is called with numbers of the split's rows.
    ///
    /// # Errors
    /// As [`Dataset::map`].
    pub fn map(
        &self,
        options: &MapOptions,
        progress: &mut dyn FnMut(&str, usize, usize),
        f: impl Fn(&Dataset) -> Result<Vec<(String, NewColumn)>, DataError> + Send + Sync,
    ) -> Result<Self, DataError> {
        self.map_splits(|split, dataset| {
            dataset.map(options, &mut |done, total| progress(split, done, total), &f)
        })
    }

    /// All columns but these, in every split.
    ///
    /// # Errors
    /// A split that lacks one of them.
    pub fn remove_columns(&self, names: &[&str]) -> Result<Self, DataError> {
        self.map_splits(|_, dataset| dataset.remove_columns(names))
    }

    /// The same column under another name, in every split.
    ///
    /// # Errors
    /// A split that lacks the column, or has one of the new name.
    pub fn rename_column(&self, from: &str, to: &str) -> Result<Self, DataError> {
        self.map_splits(|_, dataset| dataset.rename_column(from, to))
    }

    /// The column names of each split, in order.
    pub fn column_names(&self) -> Vec<(&str, Vec<&str>)> {
        let splits = self.iter();
        splits
            .map(|(name, dataset)| (name, dataset.column_names()))
            .collect()
    }

    /// Turns a column of strings (or numbers) into class labels in every split that has it.
    ///
    /// The names are the sorted values of all splits together, so that a class has one number
    /// everywhere. (`datasets` takes the names of each split apart.)
    pub fn class_encode_column(&self, column: &str) -> Result<Self, DataError> {
        let mut names = BTreeSet::new();
        let mut found = false;
        for (_, dataset) in self.iter() {
            if let Ok(view) = dataset.column(column) {
                found = true;
                names.extend(view.iter().filter_map(class_name));
            }
        }
        if !found && let Some((_, dataset)) = self.splits.first() {
            dataset.column(column)?;
        }
        let label = ClassLabel::new(names);
        self.map_splits(|_, dataset| match dataset.column(column) {
            Ok(_) => dataset.encode_classes(column, &label),
            Err(_) => Ok(dataset.clone()),
        })
    }

    /// Turns a column of strings into class labels: the values of the split `train`, or of all splits
    /// where there is none; see [`crate::LoadDataset::label_column`].
    pub(crate) fn encode_training_classes(&self, column: &str) -> Result<Self, DataError> {
        let Some(train) = self.find("train").filter(|train| train.num_rows() > 0) else {
            return self.class_encode_column(column);
        };
        let view = train.column(column)?;
        if *view.feature() != Feature::Value(Dtype::String) {
            return Ok(self.clone());
        }
        let names: BTreeSet<String> = view.iter().filter_map(class_name).collect();
        let label = ClassLabel::new(names);
        self.map_splits(|name, dataset| {
            let Ok(view) = dataset.column(column) else {
                return Ok(dataset.clone());
            };
            if *view.feature() != Feature::Value(Dtype::String) {
                return Ok(dataset.clone());
            }
            encode_known(dataset, column, &label)
                .map_err(|error| DataError::Mismatch(format!("split '{name}': {error}")))
        })
    }
}

/// Strings become classes; -1 where a label is not known.
fn encode_known(dataset: &Dataset, column: &str, label: &ClassLabel) -> Result<Dataset, DataError> {
    let index = dataset.features().require(column)?;
    let ids: BTreeMap<&str, i64> = label.names.iter().map(String::as_str).zip(0..).collect();
    let id = |(row, value): (usize, Value<'_>)| match value.as_str() {
        None => Ok(None),
        Some(text) => match ids.get(text) {
            Some(id) => Ok(Some(*id)),
            None if ["?", "-1", ""].contains(&text) => Ok(Some(-1)),
            None => Err(DataError::Value {
                row,
                column: column.to_owned(),
                found: value.to_string(),
                expected: format!(
                    "the classes of split 'train' are {}",
                    label.names.join(", ")
                ),
            }),
        },
    };
    let values = dataset.column(column)?.iter().enumerate();
    let ids: Int64Array = values.map(id).collect::<Result<Vec<_>, _>>()?.into();
    let feature = Feature::ClassLabel(label.clone());
    dataset.replace_column(index, feature, Column::new(vec![Arc::new(ids)]))
}

impl fmt::Display for DatasetDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatasetDict({\n")?;
        for (name, dataset) in &self.splits {
            for line in format!("{name}: {dataset}").lines() {
                writeln!(f, "    {line}")?;
            }
        }
        f.write_str("})")
    }
}

impl fmt::Debug for DatasetDict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

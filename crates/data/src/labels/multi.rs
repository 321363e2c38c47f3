//! Rows that may have several labels: from a list, from a text with a separator, or from columns of 0
//! and 1, to a number for each label.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array};

use super::{listed, null_label};
use crate::column::Column;
use crate::list::list_array;
use crate::ops::class_name;
use crate::{DataError, Dataset, Dtype, Feature, Features, Value};

/// What may stand between labels, the least likely part of a label first.
const SEPARATORS: [char; 4] = ['|', ';', '\t', ','];

/// The column of numbers where the labels come from several columns.
const TOGETHER: &str = "labels";

/// Where the labels of a row stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelColumns {
    /// A list of labels: names, class labels or ids; or a list of 0 and 1, one for each label.
    List(String),
    /// A text of labels with a separator between them.
    Separated {
        /// The column.
        column: String,
        /// What stands between two labels.
        separator: String,
    },
    /// A column of 0 and 1 for each label, which is called as the column is.
    Columns(Vec<String>),
}

impl LabelColumns {
    /// A column of lists or of text; `separator` stands between the labels of a text, and is looked for
    /// where it isn't given.
    ///
    /// # Errors
    /// Where there is no such column, or it can't hold several labels.
    pub fn of(dataset: &Dataset, column: &str, separator: Option<&str>) -> Result<Self, DataError> {
        let view = dataset.column(column)?;
        let column = column.to_owned();
        match view.feature() {
            Feature::List(_) => Ok(Self::List(column)),
            Feature::Value(Dtype::String) => {
                let separator = match separator {
                    Some("") => {
                        return Err(DataError::Argument(
                            "label_separator is empty: name the character between two labels, or leave it out".to_owned(),
                        ));
                    }
                    Some(separator) => separator.to_owned(),
                    None => {
                        let texts = view.iter().filter_map(|value| value.as_str());
                        sniff(texts.collect::<Vec<_>>().as_slice()).to_string()
                    }
                };
                Ok(Self::Separated { column, separator })
            }
            feature => Err(DataError::ColumnType {
                column,
                dtype: feature.to_string(),
                reason: "several labels of a row are a list, a text with a separator, or several columns of 0 and 1 (name those as label_column_names)".to_owned(),
            }),
        }
    }

    /// The column that [`MultiLabelEncoder::encode`] puts the numbers into.
    pub fn encoded(&self) -> &str {
        match self {
            Self::List(column) | Self::Separated { column, .. } => column,
            Self::Columns(_) => TOGETHER,
        }
    }

    /// Whether the rows have labels.
    pub fn are_labelled(&self, dataset: &Dataset) -> bool {
        let features = dataset.features();
        match self {
            Self::List(column) | Self::Separated { column, .. } => features.get(column).is_some(),
            Self::Columns(columns) => columns.iter().all(|name| features.get(name).is_some()),
        }
    }
}

/// Of the separators that are there the one that leaves the fewest different labels; a comma where none is.
fn sniff(texts: &[&str]) -> char {
    let labels = |separator: char| {
        let parts = texts.iter().flat_map(|text| text.split(separator));
        parts.map(str::trim).collect::<BTreeSet<&str>>().len()
    };
    let (mut fewest, mut best) = (usize::MAX, ',');
    for separator in SEPARATORS {
        let is_there = texts.iter().any(|text| text.contains(separator));
        let count = labels(separator);
        if is_there && count < fewest {
            (fewest, best) = (count, separator);
        }
    }
    best
}

/// The labels that a model is trained on, and the numbers of each row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiLabelEncoder {
    names: Vec<String>,
    ids: BTreeMap<String, usize>,
    columns: LabelColumns,
}

impl MultiLabelEncoder {
    /// Labels of these names, in the order of their ids.
    #[must_use]
    pub fn named(names: Vec<String>, columns: LabelColumns) -> Self {
        let ids = names.iter().cloned().zip(0..).collect();
        Self {
            names,
            ids,
            columns,
        }
    }

    /// The labels of the rows that a model is trained on: those of class labels and of columns in their
    /// order, else the distinct ones, sorted (numbers as numbers), as transformers' `run_classification`
    /// has them.
    ///
    /// # Errors
    /// Where there is no such column or no label.
    pub fn of_rows(dataset: &Dataset, columns: LabelColumns) -> Result<Self, DataError> {
        let names = match &columns {
            LabelColumns::Columns(names) => {
                for name in names {
                    dataset.column(name)?;
                }
                names.clone()
            }
            LabelColumns::List(column) => names_of_lists(dataset, column)?,
            LabelColumns::Separated { column, separator } => {
                let view = dataset.column(column)?;
                let texts = view.iter().filter_map(|value| value.as_str());
                let names: BTreeSet<&str> = texts.flat_map(|text| parts(text, separator)).collect();
                names.into_iter().map(str::to_owned).collect()
            }
        };
        if names.is_empty() {
            let column = columns.encoded();
            return Err(DataError::Argument(format!(
                "column {column:?}: no row has a label, so there is nothing to learn. Check that the right column was chosen"
            )));
        }
        Ok(Self::named(names, columns))
    }

    /// The labels' names in the order of their ids.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the labels stand.
    #[must_use]
    pub fn columns(&self) -> &LabelColumns {
        &self.columns
    }

    /// The same rows with a list of numbers in the column [`LabelColumns::encoded`]: 1 for each label
    /// that the row has, 0 for the others, `[names]`.
    ///
    /// # Errors
    /// The first row whose labels are missing or not among these.
    pub fn encode(&self, dataset: &Dataset) -> Result<Dataset, DataError> {
        let mut values = Vec::with_capacity(dataset.num_rows() * self.names.len());
        let are_flags = self.are_flags(dataset)?;
        for row in 0..dataset.num_rows() {
            self.add(dataset, row, are_flags, &mut values)?;
        }
        let lengths = vec![self.names.len(); dataset.num_rows()];
        let lists: ArrayRef = list_array(lengths, Arc::new(Float32Array::from(values)));
        with_lists(dataset, self.columns.encoded(), lists)
    }

    /// How many rows have each label, of rows that were encoded: `[names]`.
    ///
    /// # Errors
    /// Where they were not.
    pub fn counts(&self, encoded: &Dataset) -> Result<Vec<usize>, DataError> {
        let mut counts = vec![0; self.names.len()];
        for cell in encoded.column(self.columns.encoded())?.iter() {
            let numbers = cell.as_list().into_iter().flat_map(|list| list.iter());
            for (count, number) in counts.iter_mut().zip(numbers) {
                *count += usize::from(number.as_f64() == Some(1.0));
            }
        }
        Ok(counts)
    }

    /// Adds the numbers of a row.
    fn add(
        &self,
        dataset: &Dataset,
        row: usize,
        are_flags: bool,
        values: &mut Vec<f32>,
    ) -> Result<(), DataError> {
        let start = values.len();
        values.resize(start + self.names.len(), 0.0);
        let numbers = &mut values[start..];
        match &self.columns {
            LabelColumns::Columns(columns) => {
                for (number, column) in numbers.iter_mut().zip(columns) {
                    let value = dataset.column(column)?.get(row).unwrap_or(Value::Null);
                    *number = flag(value).ok_or_else(|| not_a_flag(row, column, value))?;
                }
                Ok(())
            }
            LabelColumns::Separated { column, separator } => {
                let value = dataset.column(column)?.get(row).unwrap_or(Value::Null);
                // An empty field of a CSV file is missing: a row without a label.
                for name in value
                    .as_str()
                    .into_iter()
                    .flat_map(|text| parts(text, separator))
                {
                    let id = self.ids.get(name).copied();
                    let id = id.ok_or_else(|| self.unknown(row, column, Value::Str(name)))?;
                    numbers[id] = 1.0;
                }
                Ok(())
            }
            LabelColumns::List(column) => {
                let view = dataset.column(column)?;
                let item = view.feature().item();
                let Some(Value::List(list)) = view.get(row) else {
                    return Err(null_label(row, column));
                };
                if are_flags {
                    if list.len() != self.names.len() {
                        return Err(DataError::Value {
                            row,
                            column: column.clone(),
                            found: format!("{} numbers", list.len()),
                            expected: format!(
                                "there are {} labels: give each row a 0 or a 1 for every label",
                                self.names.len()
                            ),
                        });
                    }
                    for (number, value) in numbers.iter_mut().zip(list.iter()) {
                        *number = flag(value).ok_or_else(|| not_a_flag(row, column, value))?;
                    }
                    return Ok(());
                }
                for value in list.iter() {
                    let id = match (value, item) {
                        (Value::Int(id), Some(Feature::ClassLabel(own))) => {
                            own.int2str(id).and_then(|name| self.ids.get(name).copied())
                        }
                        (Value::Int(id), _) => {
                            let named = self.ids.get(&id.to_string()).copied();
                            named.or_else(|| self.numbered(id))
                        }
                        (value, _) => {
                            let name = class_name(value);
                            name.and_then(|name| self.ids.get(name.trim()).copied())
                        }
                    };
                    let id = id.ok_or_else(|| self.unknown(row, column, value))?;
                    numbers[id] = 1.0;
                }
                Ok(())
            }
        }
    }

    /// The label that a number is, where labels have no numbers for names.
    fn numbered(&self, id: i64) -> Option<usize> {
        let are_numbers = self.names.iter().any(|name| name.parse::<i64>().is_ok());
        let place = usize::try_from(id).ok().filter(|_| !are_numbers)?;
        (place < self.names.len()).then_some(place)
    }

    /// Whether the lists have a number for every label already.
    fn are_flags(&self, dataset: &Dataset) -> Result<bool, DataError> {
        match &self.columns {
            LabelColumns::List(column) => Ok(flags_of(dataset, column)?.is_some()),
            LabelColumns::Separated { .. } | LabelColumns::Columns(_) => Ok(false),
        }
    }

    fn unknown(&self, row: usize, column: &str, value: Value<'_>) -> DataError {
        if value.is_null() {
            return null_label(row, column);
        }
        DataError::Value {
            row,
            column: column.to_owned(),
            found: value.to_string(),
            expected: format!(
                "the labels are {}; correct the label, remove the row, or add such rows to those trained on",
                listed(&self.names)
            ),
        }
    }
}

fn parts<'a>(text: &'a str, separator: &str) -> impl Iterator<Item = &'a str> {
    let parts: Vec<&str> = text.split(separator).map(str::trim).collect();
    parts.into_iter().filter(|part| !part.is_empty())
}

/// 1 or 0, where that is said.
fn flag(value: Value<'_>) -> Option<f32> {
    let number = match value {
        Value::Str(text) => match text.trim() {
            "1" | "true" | "True" => 1.0,
            "0" | "false" | "False" => 0.0,
            _ => return None,
        },
        value => value
            .as_i64()
            .map(|i| i as f64)
            .or_else(|| value.as_f64())?,
    };
    (number == 0.0 || number == 1.0).then_some(number as f32)
}

fn not_a_flag(row: usize, column: &str, value: Value<'_>) -> DataError {
    DataError::Value {
        row,
        column: column.to_owned(),
        found: value.to_string(),
        expected: "a label's column holds 1 where the row has the label, and 0 where not"
            .to_owned(),
    }
}

/// The numbers of a row, where the lists have one for every label and not the labels themselves: floats,
/// and whole numbers of 0 and 1 of which some list has one twice.
fn flags_of(dataset: &Dataset, column: &str) -> Result<Option<usize>, DataError> {
    let view = dataset.column(column)?;
    let is_float = match view.feature().item() {
        Some(Feature::Value(dtype)) if dtype.is_float() => true,
        Some(Feature::Value(dtype)) if dtype.is_integer() || *dtype == Dtype::Bool => false,
        _ => return Ok(None),
    };
    let (mut length, mut twice) = (None, is_float);
    for list in view.iter().filter_map(|cell| cell.as_list()) {
        if *length.get_or_insert(list.len()) != list.len() && !is_float {
            return Ok(None);
        }
        if is_float {
            break;
        }
        let mut seen = [0, 0];
        for value in list.iter() {
            match flag(value) {
                Some(number) => seen[number as usize] += 1,
                None => return Ok(None),
            }
        }
        twice |= seen.iter().any(|count| *count > 1);
    }
    Ok(length.filter(|_| twice))
}

fn names_of_lists(dataset: &Dataset, column: &str) -> Result<Vec<String>, DataError> {
    let view = dataset.column(column)?;
    if let Some(Feature::ClassLabel(label)) = view.feature().item() {
        return Ok(label.names.clone());
    }
    let numbered = |count: usize| (0..count).map(|id| format!("LABEL_{id}")).collect();
    if let Some(count) = flags_of(dataset, column)? {
        return Ok(numbered(count));
    }
    let cells = view.iter().filter_map(|cell| cell.as_list());
    let items: Vec<Value<'_>> = cells.flat_map(|list| list.iter()).collect();
    let numbers: BTreeSet<i64> = items.iter().filter_map(Value::as_i64).collect();
    if !numbers.is_empty() {
        let are_ids = numbers.iter().zip(0..).all(|(number, id)| *number == id);
        return Ok(match are_ids {
            true => numbered(numbers.len()),
            false => numbers.iter().map(i64::to_string).collect(),
        });
    }
    let names = items.into_iter().filter_map(class_name);
    let names: BTreeSet<String> = names.map(|name| name.trim().to_owned()).collect();
    Ok(names.into_iter().collect())
}

/// The rows with these lists in a column of that name, at the end where there is none.
fn with_lists(dataset: &Dataset, name: &str, lists: ArrayRef) -> Result<Dataset, DataError> {
    let feature = Feature::List(Box::new(Feature::Value(Dtype::Float32)));
    let column = Column::new(vec![lists]);
    if let Some(index) = dataset.features.position(name) {
        return dataset.replace_column(index, feature, column);
    }
    let features = dataset.features.iter();
    let features = features.map(|(name, feature)| (name.to_owned(), feature.clone()));
    let features = Features::new(features.chain([(name.to_owned(), feature)]))?;
    let mut columns = dataset.columns.clone();
    columns.push(column);
    Dataset::from_columns(features, columns)
}

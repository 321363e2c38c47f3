//! Looks at labels before a run starts, so that a bad one is told by its row and not by a NaN.

use crate::{ColumnView, DataError, Dataset, Feature, Value};

mod encoder;
mod multi;

pub use encoder::{LabelEncoder, TestLabels};
pub use multi::{LabelColumns, MultiLabelEncoder};

/// What the labels of a column ask of a model.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelInfo {
    /// Classes 0 to `num_labels - 1`.
    Classes {
        /// How many there are.
        num_labels: usize,
        /// Their names, where the dataset knows them.
        names: Option<Vec<String>>,
    },
    /// A number to predict (`num_labels` 1).
    Regression,
}

impl LabelInfo {
    /// The number of outputs a model needs.
    pub fn num_labels(&self) -> usize {
        match self {
            Self::Classes { num_labels, .. } => *num_labels,
            Self::Regression => 1,
        }
    }
}

/// What a label column holds: classes by name, classes by number, or floats to predict.
///
/// Whole numbers that are 0, 1, … up to the number of classes are class ids and have no names. Others
/// (ratings from 1 to 5, -1, 0 and 1, ids with gaps) name their classes: [`LabelEncoder`] gives the
/// rows class ids.
///
/// Fails for a column of strings: [`Dataset::class_encode_column`] turns those into classes.
pub fn label_info(dataset: &Dataset, column: &str) -> Result<LabelInfo, DataError> {
    let view = dataset.column(column)?;
    match view.feature() {
        Feature::ClassLabel(label) => Ok(LabelInfo::Classes {
            num_labels: label.num_classes(),
            names: Some(label.names.clone()),
        }),
        Feature::Value(dtype) if dtype.is_float() => Ok(LabelInfo::Regression),
        Feature::Value(crate::Dtype::String) | Feature::List(_) => Err(not_encoded(&view, column)),
        Feature::Value(_) => {
            let values = encoder::whole_numbers(&view);
            Ok(LabelInfo::Classes {
                num_labels: values.len(),
                names: (!encoder::are_ids(&values))
                    .then(|| values.iter().map(i64::to_string).collect()),
            })
        }
    }
}

pub(crate) fn not_encoded(view: &ColumnView<'_>, column: &str) -> DataError {
    DataError::ColumnType {
        column: column.to_owned(),
        dtype: view.feature().to_string(),
        reason: "labels must be numbers; class_encode_column turns strings into class labels"
            .to_owned(),
    }
}

/// Checks every label of a split to be trained or evaluated on, and counts the rows of each class
/// (`[num_labels]`; for one label, which is regression, the number of rows).
///
/// Fails for a split without rows, a column of strings, a missing label, a label outside
/// `0..num_labels` (-1 as well: such rows have no known label), a number that is not finite, and
/// where all rows have the same class.
pub fn check_labels(
    dataset: &Dataset,
    column: &str,
    num_labels: usize,
) -> Result<Vec<usize>, DataError> {
    let view = dataset.column(column)?;
    if view.is_empty() {
        return Err(DataError::Empty {
            what: "the split".to_owned(),
        });
    }
    if num_labels <= 1 {
        check_regression(&view, column)?;
        return Ok(vec![view.len()]);
    }
    let mut counts = vec![0usize; num_labels];
    for (row, value) in view.iter().enumerate() {
        let label = match value {
            Value::Null => return Err(null_label(row, column)),
            Value::Str(_) | Value::List(_) => return Err(not_encoded(&view, column)),
            value => value.as_i64().ok_or_else(|| DataError::Value {
                row,
                column: column.to_owned(),
                found: value.to_string(),
                expected: format!(
                    "a class label must be a whole number; cast the column, or set num_labels to 1 (not {num_labels}) to predict numbers"
                ),
            })?,
        };
        let count = usize::try_from(label)
            .ok()
            .and_then(|label| counts.get_mut(label))
            .ok_or_else(|| DataError::LabelOutOfRange {
                row,
                column: column.to_owned(),
                label,
                num_labels,
            })?;
        *count += 1;
    }
    if let Some(label) = counts.iter().position(|count| *count == view.len()) {
        let name = match view.feature() {
            Feature::ClassLabel(names) => names.int2str(label as i64),
            Feature::Value(_) | Feature::List(_) => None,
        };
        return Err(DataError::OneClass {
            column: column.to_owned(),
            num_rows: view.len(),
            label: name.map_or_else(|| label.to_string(), |name| format!("{label} ({name})")),
        });
    }
    Ok(counts)
}

fn check_regression(view: &ColumnView<'_>, column: &str) -> Result<(), DataError> {
    for (row, value) in view.iter().enumerate() {
        match value {
            Value::Null => return Err(null_label(row, column)),
            value if value.as_f64().is_some_and(f64::is_finite) => {}
            value => {
                return Err(DataError::Value {
                    row,
                    column: column.to_owned(),
                    found: value.to_string(),
                    expected: "a finite number is needed to predict numbers: correct it, or filter the row out".to_owned(),
                });
            }
        }
    }
    Ok(())
}

/// Names for a message: the first of them, and how many more there are.
pub(crate) fn listed(names: &[String]) -> String {
    const MOST: usize = 20;
    match names.split_at_checked(MOST) {
        None | Some((_, [])) => names.join(", "),
        Some((first, more)) => format!("{} and {} more", first.join(", "), more.len()),
    }
}

pub(crate) fn null_label(row: usize, column: &str) -> DataError {
    DataError::NullLabel {
        row,
        column: column.to_owned(),
    }
}

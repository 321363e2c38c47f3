//! Class ids for labels of any type. The classes are made once, of the training rows, and every split
//! is then asked for the same ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array};

use super::{check_regression, listed, null_label};
use crate::column::{Column, exact_i64};
use crate::ops::class_name;
use crate::{ClassLabel, ColumnView, DataError, Dataset, Dtype, Feature, Value};

/// What files write where a label is not known.
const UNKNOWN: [&str; 9] = ["?", "-1", "-1.0", "-", "", "NA", "nan", "NaN", "None"];

/// The labels that a model is trained on, and the class id (or the number) of each label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelEncoder {
    /// The classes' names; one for a regression.
    names: Vec<String>,
    ids: BTreeMap<String, i64>,
    /// Whether a whole number that no class is called by is the id of a class.
    numbers_are_ids: bool,
    /// Whether the classes have no names of their own.
    is_numbered: bool,
}

/// The rows of a split to be predicted.
#[derive(Debug)]
pub struct TestLabels {
    /// The split with class ids; without its label column where a row has no label that is known.
    pub dataset: Dataset,
    /// What a person should know of the labels that are not used.
    pub warning: Option<String>,
}

/// The distinct whole numbers of a column.
pub(super) fn whole_numbers(view: &ColumnView<'_>) -> BTreeSet<i64> {
    view.iter().filter_map(|value| whole(&value)).collect()
}

/// Whether these are class ids already: 0, 1, … without a gap.
pub(super) fn are_ids(values: &BTreeSet<i64>) -> bool {
    values.iter().zip(0..).all(|(value, id)| *value == id)
}

fn whole(value: &Value<'_>) -> Option<i64> {
    let number = || value.as_f64().and_then(exact_i64);
    value.as_i64().or_else(number)
}

/// transformers' names of classes that have none.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|id| format!("LABEL_{id}")).collect()
}

impl LabelEncoder {
    /// A number to predict.
    #[must_use]
    pub fn regression() -> Self {
        Self::named(numbered(1))
    }

    /// Classes of these names, in the order of their ids; a single one is a regression, as
    /// transformers' `num_labels` has it.
    #[must_use]
    pub fn named(names: Vec<String>) -> Self {
        let mut ids = BTreeMap::new();
        for (name, id) in names.iter().zip(0..) {
            ids.entry(name.clone()).or_insert(id);
        }
        let numbers_are_ids = !names.iter().any(|name| name.parse::<i64>().is_ok());
        Self {
            is_numbered: names == numbered(names.len()),
            names,
            ids,
            numbers_are_ids,
        }
    }

    /// The labels of the rows that a model is trained on: the classes of a class label, else the
    /// distinct values, sorted (numbers as numbers), else a regression for a column of floats.
    ///
    /// `task_labels` is the number of labels of a task that decides its own kind, as GLUE's do: 1 makes
    /// a regression of whatever numbers there are, more make classes of them.
    ///
    /// Fails where there is no such column, or where its values leave nothing to tell apart.
    pub fn of_rows(
        dataset: &Dataset,
        column: &str,
        task_labels: Option<usize>,
    ) -> Result<Self, DataError> {
        let view = dataset.column(column)?;
        if task_labels == Some(1) {
            return Ok(Self::regression());
        }
        let names = match view.feature() {
            Feature::ClassLabel(label) if label.num_classes() > 0 => {
                if let [only] = label.names.as_slice() {
                    return Err(one_class(&view, column, only.clone()));
                }
                return Ok(Self::named(label.names.clone()));
            }
            Feature::Value(dtype) if dtype.is_float() && task_labels.is_none() => {
                return Ok(Self::regression());
            }
            Feature::Value(Dtype::String | Dtype::Bool) => {
                let names: BTreeSet<String> = view.iter().filter_map(class_name).collect();
                names.into_iter().collect()
            }
            _ => {
                let values = whole_numbers(&view);
                let within = |count: usize| {
                    let count = i64::try_from(count).unwrap_or(i64::MAX);
                    values.iter().all(|value| (0..count).contains(value))
                };
                match task_labels {
                    Some(count) if within(count) => return Ok(Self::named(numbered(count))),
                    _ if values.len() > 1 && are_ids(&values) => {
                        return Ok(Self::named(numbered(values.len())));
                    }
                    _ if values.iter().eq([&-1]) => {
                        return Err(DataError::Argument(format!(
                            "column {column:?}: every label is -1, which marks rows without a known \
                             label: there is nothing to learn. Check that the right file and column were chosen"
                        )));
                    }
                    _ => values.iter().map(i64::to_string).collect::<Vec<_>>(),
                }
            }
        };
        match names.as_slice() {
            [] if view.is_empty() => Err(DataError::Empty {
                what: "the split".to_owned(),
            }),
            [] => Err(match view.get(0) {
                Some(value) if !value.is_null() => DataError::Value {
                    row: 0,
                    column: column.to_owned(),
                    found: value.to_string(),
                    expected:
                        "a class label must be a whole number or a word: correct the labels, or \
                               leave task_name out to predict numbers"
                            .to_owned(),
                },
                _ => null_label(0, column),
            }),
            [only] => Err(one_class(&view, column, only.clone())),
            _ => Ok(Self::named(names)),
        }
    }

    /// The classes' names in the order of their ids; one name for a regression.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a number is predicted, not a class.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        self.names.len() == 1
    }

    /// Whether the classes have no names of their own.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.is_numbered
    }

    /// The same rows with a class id, or a number, for each label. Rows that have them already stay as
    /// they are.
    ///
    /// Fails for the first row whose label is missing or is not one of the classes.
    pub fn encode(&self, dataset: &Dataset, column: &str) -> Result<Dataset, DataError> {
        let view = dataset.column(column)?;
        if self.is_regression() {
            let Some(numbers) = numbers(&view, column)? else {
                check_regression(&view, column)?;
                return Ok(dataset.clone());
            };
            let numbers: Float64Array = numbers.into_iter().collect();
            let feature = Feature::Value(Dtype::Float64);
            let encoded = with_labels(dataset, column, feature, Arc::new(numbers))?;
            check_regression(&encoded.column(column)?, column)?;
            return Ok(encoded);
        }
        let mut ids = Vec::with_capacity(view.len());
        for (row, value) in view.iter().enumerate() {
            match self.id(&view, value) {
                Some(id) => ids.push(Some(id)),
                None => return Err(self.unknown(&view, column, row)),
            }
        }
        self.with_ids(dataset, column, ids)
    }

    /// A split to be predicted, whose rows need no label. Where a row has none (the label is missing,
    /// -1 or ?), or one that is not among the classes, the whole split has none; so it has where all of
    /// its labels are -1.
    ///
    /// Fails where the data can't be read.
    pub fn encode_test(&self, dataset: &Dataset, column: &str) -> Result<TestLabels, DataError> {
        let Ok(view) = dataset.column(column) else {
            return Ok(TestLabels {
                dataset: dataset.clone(),
                warning: None,
            });
        };
        let is_known = |value: Value<'_>| match self.is_regression() {
            true => number(&view, value).is_some_and(f64::is_finite),
            false => self.id(&view, value).is_some(),
        };
        let marks = |value: &Value<'_>| {
            let text = value.as_str().map(str::trim);
            value.is_null()
                || text.is_some_and(|text| UNKNOWN.contains(&text))
                || whole(value) == Some(-1)
        };
        let all_marked = view.iter().all(|value| marks(&value));
        let unknown = view.iter().position(|value| !is_known(value));
        if !all_marked && unknown.is_none() {
            return Ok(TestLabels {
                dataset: self.encode(dataset, column)?,
                warning: None,
            });
        }
        let strange = view
            .iter()
            .position(|value| !is_known(value) && !marks(&value));
        let warning = match (strange, unknown) {
            (Some(row), _) => Some(format!(
                "{}. The rows are predicted without scores",
                self.unknown(&view, column, row)
            )),
            (None, Some(row)) if !all_marked => Some(format!(
                "row {row}, column {column:?}: the label is not known, so the rows are predicted without \
                 scores; remove the rows without a label to have the others measured"
            )),
            _ => None,
        };
        Ok(TestLabels {
            dataset: dataset.remove_columns(&[column])?,
            warning,
        })
    }

    /// The class of a label.
    fn id(&self, view: &ColumnView<'_>, value: Value<'_>) -> Option<i64> {
        let count = i64::try_from(self.names.len()).ok()?;
        let in_range = |id: i64| (0..count).contains(&id).then_some(id);
        if let (Feature::ClassLabel(own), Some(id)) = (view.feature(), value.as_i64()) {
            let name = own.int2str(id)?;
            let own_numbered = || {
                let first = own.names.first().is_some_and(|name| name == "LABEL_0");
                first && own.names == numbered(own.num_classes())
            };
            return match self.is_numbered || own.names == self.names || own_numbered() {
                true => in_range(id),
                false => self.ids.get(name).copied(),
            };
        }
        let as_id = |id: i64| self.numbers_are_ids.then(|| in_range(id)).flatten();
        match value {
            Value::Null | Value::List(_) => None,
            Value::Str(text) => {
                let found = self.ids.get(text).or_else(|| self.ids.get(text.trim()));
                let found = found.copied();
                found.or_else(|| as_id(text.trim().parse().ok()?))
            }
            Value::Bool(_) => {
                let name = class_name(value)?;
                let found = self.ids.get(&name);
                let found = found.or_else(|| self.ids.get(&name.to_lowercase()));
                found.copied().or_else(|| as_id(value.as_i64()?))
            }
            value => {
                let number = whole(&value);
                let by_name = |name: String| self.ids.get(&name).copied();
                let found = number.and_then(|number| by_name(number.to_string()));
                found
                    .or_else(|| by_name(class_name(value)?))
                    .or_else(|| as_id(number?))
            }
        }
    }

    fn with_ids(
        &self,
        dataset: &Dataset,
        column: &str,
        ids: Vec<Option<i64>>,
    ) -> Result<Dataset, DataError> {
        let view = dataset.column(column)?;
        let same = view.feature().dtype().is_some_and(Dtype::is_integer)
            && view
                .iter()
                .zip(&ids)
                .all(|(value, id)| value.as_i64() == *id);
        if same {
            return Ok(dataset.clone());
        }
        let ids: Int64Array = ids.into_iter().collect();
        let feature = Feature::ClassLabel(ClassLabel::new(self.names.clone()));
        with_labels(dataset, column, feature, Arc::new(ids))
    }

    fn unknown(&self, view: &ColumnView<'_>, column: &str, row: usize) -> DataError {
        let value = view.get(row).unwrap_or(Value::Null);
        let column = column.to_owned();
        if value.is_null() {
            return null_label(row, &column);
        }
        if self.is_regression() {
            return DataError::Value {
                row,
                column,
                found: value.to_string(),
                expected: "the model predicts a number, and this is none".to_owned(),
            };
        }
        if let Some(label) = whole(&value).filter(|_| self.is_numbered) {
            return DataError::LabelOutOfRange {
                row,
                column,
                label,
                num_labels: self.names.len(),
            };
        }
        let found = match (view.feature(), value.as_i64()) {
            (Feature::ClassLabel(own), Some(id)) => own.int2str(id),
            _ => None,
        };
        let hint = match whole(&value) {
            Some(-1) => "-1 marks rows without a known label: remove such rows",
            Some(_) => "correct the label, or remove the row",
            None if value.as_f64().is_some() => {
                "to predict numbers, write those of the training rows as fractions too (3.0 for 3)"
            }
            None => "correct the label, remove the row, or add such rows to those trained on",
        };
        DataError::Value {
            row,
            column,
            found: found.map_or_else(|| value.to_string(), |name| format!("{name:?}")),
            expected: format!("the classes are {}; {hint}", listed(&self.names)),
        }
    }
}

fn one_class(view: &ColumnView<'_>, column: &str, label: String) -> DataError {
    DataError::OneClass {
        column: column.to_owned(),
        num_rows: view.len(),
        label,
    }
}

/// The number that a label is.
fn number(view: &ColumnView<'_>, value: Value<'_>) -> Option<f64> {
    let parsed = |text: &str| text.trim().parse().ok();
    match (view.feature(), value) {
        (Feature::ClassLabel(own), Value::Int(id)) => own.int2str(id).and_then(parsed),
        (_, Value::Str(text)) => parsed(text),
        (_, Value::Bool(_)) => None,
        (_, value) => value.as_f64(),
    }
}

/// A column's numbers; `None` where they are floats already.
fn numbers(view: &ColumnView<'_>, column: &str) -> Result<Option<Vec<Option<f64>>>, DataError> {
    if view.feature().is_float() {
        return Ok(None);
    }
    let number = |(row, value): (usize, Value<'_>)| match number(view, value) {
        None if !value.is_null() => Err(DataError::Value {
            row,
            column: column.to_owned(),
            found: value.to_string(),
            expected: "a number is to be predicted: correct the label, or remove the row"
                .to_owned(),
        }),
        number => Ok(number),
    };
    view.iter()
        .enumerate()
        .map(number)
        .collect::<Result<_, _>>()
        .map(Some)
}

fn with_labels(
    dataset: &Dataset,
    column: &str,
    feature: Feature,
    labels: ArrayRef,
) -> Result<Dataset, DataError> {
    let index = dataset.features().require(column)?;
    dataset.replace_column(index, feature, Column::new(vec![labels]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::Format;

    fn rows(labels: &[&str]) -> Dataset {
        let lines: Vec<String> = labels.iter().map(|label| format!("t,{label}\n")).collect();
        let csv = format!("text,label\n{}", lines.concat());
        Dataset::from_bytes("rows.csv", Format::Csv, csv.into_bytes()).unwrap()
    }

    fn of(labels: &[&str]) -> LabelEncoder {
        LabelEncoder::of_rows(&rows(labels), "label", None).unwrap()
    }

    fn ids(encoder: &LabelEncoder, labels: &[&str]) -> Vec<i64> {
        let encoded = encoder.encode(&rows(labels), "label").unwrap();
        let view = encoded.column("label").unwrap();
        view.iter().filter_map(|value| value.as_i64()).collect()
    }

    fn refused(encoder: &LabelEncoder, labels: &[&str]) -> String {
        encoder
            .encode(&rows(labels), "label")
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn the_distinct_values_are_the_classes() {
        assert_eq!(of(&["yes", "no", "yes"]).names(), ["no", "yes"]);
        assert_eq!(
            of(&["0", "1", "2"]).names(),
            ["LABEL_0", "LABEL_1", "LABEL_2"]
        );
        let stars = of(&["10", "1", "5", "2"]);
        assert_eq!(stars.names(), ["1", "2", "5", "10"]);
        assert_eq!(ids(&stars, &["5", "10", "1"]), [2, 3, 0]);
        let signs = of(&["-1", "0", "1"]);
        assert_eq!(signs.names(), ["-1", "0", "1"]);
        assert_eq!(ids(&signs, &["1", "-1"]), [2, 0]);
        let far = of(&["3", "1073741824"]);
        assert_eq!(ids(&far, &["1073741824", "3"]), [1, 0]);
        let truth = of(&["True", "False"]);
        assert_eq!(truth.names(), ["False", "True"]);
        assert_eq!(ids(&truth, &["True", "False"]), [1, 0]);
        assert!(of(&["0.5", "1"]).is_regression());
    }

    #[test]
    fn what_leaves_nothing_to_tell_apart_is_told() {
        let refused = |labels: &[&str]| {
            let found = LabelEncoder::of_rows(&rows(labels), "label", None);
            found.unwrap_err().to_string()
        };
        assert!(refused(&["yes", "yes"]).contains("all 2 rows have the same label, yes"));
        assert!(refused(&["3", "3"]).contains("all 2 rows have the same label, 3"));
        assert!(refused(&["-1", "-1"]).contains("every label is -1"));
    }

    #[test]
    fn a_task_decides_its_own_kind() {
        let of = |labels: &[&str], task| LabelEncoder::of_rows(&rows(labels), "label", Some(task));
        let scores = of(&["5", "2", "0"], 1).unwrap();
        assert!(scores.is_regression());
        let encoded = scores.encode(&rows(&["5", "2"]), "label").unwrap();
        let values: Vec<_> = encoded.column("label").unwrap().iter().collect();
        assert_eq!(values, [Value::Float(5.0), Value::Float(2.0)]);
        let classes = of(&["0.0", "1.0"], 2).unwrap();
        assert_eq!(classes.names(), ["LABEL_0", "LABEL_1"]);
        assert_eq!(ids(&classes, &["1.0", "0.0"]), [1, 0]);
        assert_eq!(of(&["0", "2"], 3).unwrap().names().len(), 3);
    }

    #[test]
    fn a_label_that_is_no_class_is_told_with_its_row() {
        let words = of(&["no", "yes"]);
        let text = refused(&words, &["no", "maybe"]);
        assert!(
            text.starts_with("row 1, column \"label\": \"maybe\", but the classes are no, yes"),
            "{text}"
        );
        let text = refused(&of(&["0", "1"]), &["0", "2"]);
        assert!(
            text.contains("label 2 is out of range, the classes are 0 to 1"),
            "{text}"
        );
        let text = refused(&of(&["1", "2"]), &["1", "0"]);
        assert!(
            text.contains("row 1") && text.contains("the classes are 1, 2"),
            "{text}"
        );
        let text = refused(&of(&["1", "2"]), &["2.5", "1"]);
        assert!(text.contains("3.0 for 3"), "{text}");
    }

    #[test]
    fn rows_to_predict_need_no_label() {
        let words = of(&["no", "yes"]);
        let test = |encoder: &LabelEncoder, labels: &[&str]| {
            let found = encoder.encode_test(&rows(labels), "label").unwrap();
            (found.dataset.column("label").is_ok(), found.warning)
        };
        assert_eq!(test(&words, &["yes", "no"]), (true, None));
        for unknown in [["-1", "-1"], ["?", "?"], ["", ""], ["?", "-1"]] {
            assert_eq!(test(&words, &unknown), (false, None), "{unknown:?}");
        }
        let (has_label, warning) = test(&words, &["yes", "?"]);
        assert!(!has_label && warning.unwrap().starts_with("row 1"));
        let (has_label, warning) = test(&words, &["yes", "maybe"]);
        assert!(!has_label && warning.unwrap().contains("\"maybe\""));
        // -1 is a class here, but not where nothing else is there.
        let signs = of(&["-1", "0", "1"]);
        assert_eq!(test(&signs, &["-1", "1"]), (true, None));
        assert_eq!(test(&signs, &["-1", "-1"]), (false, None));
        let numbers = LabelEncoder::regression();
        assert_eq!(test(&numbers, &["-1", "-1"]), (false, None));
        assert_eq!(test(&numbers, &["-1", "2.5"]), (true, None));
    }

    #[test]
    fn a_models_own_names_are_found_by_name_or_by_id() {
        let named = |names: &[&str]| {
            LabelEncoder::named(names.iter().map(|name| (*name).to_owned()).collect())
        };
        let words = named(&["yes", "no"]);
        assert_eq!(ids(&words, &["no", "yes"]), [1, 0]);
        assert_eq!(ids(&words, &["1", "0"]), [1, 0]);
        let encoded = rows(&["no", "yes"]).class_encode_column("label").unwrap();
        let aligned = words.encode(&encoded, "label").unwrap();
        let view = aligned.column("label").unwrap();
        let found: Vec<_> = view.iter().filter_map(|value| value.as_i64()).collect();
        assert_eq!(found, [1, 0]);
        assert_eq!(ids(&named(&["1", "2", "3"]), &["3", "1"]), [2, 0]);
        assert_eq!(ids(&named(&["1", "2", "other"]), &["2", "1"]), [1, 0]);
    }
}

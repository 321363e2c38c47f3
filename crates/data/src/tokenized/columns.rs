//! Tokenized rows are a dataset with columns of lists, as `map` makes them, and the other way round: so
//! that one can look at them, and choose, name and filter them as any other rows.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int8Array, Int32Array, RecordBatch};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Schema};

use super::{INPUT_IDS, LABEL, LabelArray, TOKEN_TYPE_IDS, TokenizedDataset};
use crate::column::Column;
use crate::list::lists;
use crate::tokenize::{CHUNK_ROWS, label_field, labels, list, list_field};
use crate::{ColumnView, DataError, Dataset, Dtype, Feature, Features, List};

const ATTENTION_MASK: &str = "attention_mask";
/// The names that transformers' collators know the labels by; the first is what a model takes.
const LABELS: [&str; 3] = ["labels", "label", "label_ids"];

impl TokenizedDataset {
    /// The rows of a dataset that has been tokenized by [`Dataset::map`], for a trainer or a data loader
    /// (in Python `set_format("torch")`).
    ///
    /// The columns are `input_ids`, and where they are there `token_type_ids`, `attention_mask` and
    /// `labels` (or `label`, or `label_ids`). Others are left out, as the Trainer does
    /// (`remove_unused_columns`). Padding is dropped, since each batch is padded anew. Labels are classes,
    /// numbers, for several labels a list of 0 and 1 as floats, and for tokens a list of whole numbers,
    /// -100 where one counts for nothing.
    ///
    /// # Errors
    /// A column that is missing or of another type, lists of one row that have different lengths, padding
    /// between tokens, and labels that are none; the message has the row.
    pub fn from_dataset(dataset: &Dataset) -> Result<Self, DataError> {
        let source = Source::of(dataset)?;
        let total = dataset.num_rows();
        let mut batches = Vec::new();
        for start in (0..total).step_by(CHUNK_ROWS) {
            batches.push(source.batch(start, (start + CHUNK_ROWS).min(total))?);
        }
        Self::of_batches(&batches).ok_or_else(|| {
            DataError::Mismatch("the tokenized columns make no tokenized rows".to_owned())
        })
    }

    /// The rows as a dataset with the columns `input_ids`, `token_type_ids` (where there are some),
    /// `attention_mask` and `labels` (where there are some).
    ///
    /// # Errors
    /// More rows than a dataset can number.
    pub fn to_dataset(&self) -> Result<Dataset, DataError> {
        let list_of = |dtype| Feature::List(Box::new(Feature::Value(dtype)));
        let mut columns: Vec<(&str, Feature, Vec<ArrayRef>)> = Vec::new();
        let mut put = |name, feature, array| match columns.iter_mut().find(|(n, ..)| *n == name) {
            Some((.., arrays)) => arrays.push(array),
            None => columns.push((name, feature, vec![array])),
        };
        let failed = |error: arrow_schema::ArrowError| DataError::Mismatch(error.to_string());
        for chunk in &self.chunks {
            let offsets = || chunk.offsets.clone();
            let ids: ArrayRef = Arc::new(chunk.input_ids.clone());
            let tokens = ids.len();
            let ids = lists(offsets(), ids).map_err(failed)?;
            put(INPUT_IDS, list_of(Dtype::Int32), ids);
            if let Some(types) = &chunk.token_type_ids {
                let types = lists(offsets(), Arc::new(types.clone())).map_err(failed)?;
                put(TOKEN_TYPE_IDS, list_of(Dtype::Int8), types);
            }
            let mask = Arc::new(Int8Array::from(vec![1; tokens]));
            let mask = lists(offsets(), mask).map_err(failed)?;
            put(ATTENTION_MASK, list_of(Dtype::Int8), mask);
            match &chunk.labels {
                LabelArray::None => {}
                LabelArray::Class(classes) => {
                    let feature = Feature::Value(Dtype::Int64);
                    put(LABELS[0], feature, Arc::new(classes.clone()));
                }
                LabelArray::Regression(values) => {
                    let feature = Feature::Value(Dtype::Float32);
                    put(LABELS[0], feature, Arc::new(values.clone()));
                }
                LabelArray::MultiHot(offsets, values) => {
                    let values = lists(offsets.clone(), Arc::new(values.clone()));
                    put(LABELS[0], list_of(Dtype::Float32), values.map_err(failed)?);
                }
                LabelArray::Tokens(classes) => {
                    let classes = lists(offsets(), Arc::new(classes.clone())).map_err(failed)?;
                    put(LABELS[0], list_of(Dtype::Int32), classes);
                }
            }
        }
        let (mut features, mut made) = (Vec::new(), Vec::new());
        for (name, feature, arrays) in columns {
            features.push((name.to_owned(), feature));
            made.push(Column::new(arrays));
        }
        Dataset::from_columns(Features::new(features)?, made)
    }
}

/// The columns that are taken.
struct Source<'a> {
    input_ids: ColumnView<'a>,
    token_type_ids: Option<ColumnView<'a>>,
    attention_mask: Option<ColumnView<'a>>,
    labels: Option<(&'static str, ColumnView<'a>)>,
}

impl<'a> Source<'a> {
    fn of(dataset: &'a Dataset) -> Result<Self, DataError> {
        let optional = |name| match dataset.features().get(name) {
            Some(_) => integers(dataset, name).map(Some),
            None => Ok(None),
        };
        let mut found = LABELS
            .into_iter()
            .filter_map(|name| Some((name, dataset.column(name).ok()?)));
        let labels = found.next();
        if let (Some((first, _)), Some((second, _))) = (&labels, found.next()) {
            return Err(DataError::Mismatch(format!(
                "there is a column {first:?} and a column {second:?}: remove the one that is not the label"
            )));
        }
        Ok(Self {
            input_ids: integers(dataset, INPUT_IDS)?,
            token_type_ids: optional(TOKEN_TYPE_IDS)?,
            attention_mask: optional(ATTENTION_MASK)?,
            labels,
        })
    }

    /// Whether the labels are of tokens.
    fn tags(&self) -> Option<(&'static str, ColumnView<'a>)> {
        self.labels.filter(|(_, view)| is_integers(view.feature()))
    }

    fn batch(&self, start: usize, end: usize) -> Result<RecordBatch, DataError> {
        let mut lengths = Vec::with_capacity(end - start);
        let (mut ids, mut types, mut tags) = (Vec::new(), Vec::new(), Vec::new());
        for row in start..end {
            let tokens = cells(&self.input_ids, INPUT_IDS, row)?;
            let list_at = |view: &ColumnView<'a>, name| {
                let list = cells(view, name, row)?;
                if list.len() == tokens.len() {
                    return Ok(list);
                }
                Err(DataError::Value {
                    row,
                    column: name.to_owned(),
                    found: format!("{} numbers", list.len()),
                    expected: format!(
                        "input_ids has {}: one for each token is needed",
                        tokens.len()
                    ),
                })
            };
            let kept = match &self.attention_mask {
                Some(view) => unpadded(list_at(view, ATTENTION_MASK)?, row)?,
                None => 0..tokens.len(),
            };
            lengths.push(kept.len());
            extend(&mut ids, tokens, kept.clone(), INPUT_IDS, row, 0..=i32::MAX)?;
            if let Some(view) = &self.token_type_ids {
                let list = list_at(view, TOKEN_TYPE_IDS)?;
                let range = 0..=i32::from(i8::MAX);
                extend(&mut types, list, kept.clone(), TOKEN_TYPE_IDS, row, range)?;
            }
            if let Some((name, view)) = &self.tags() {
                let list = list_at(view, name)?;
                extend(&mut tags, list, kept, name, row, i32::MIN..=i32::MAX)?;
            }
        }
        let offsets = OffsetBuffer::from_lengths(lengths);
        let mut fields = vec![list_field(INPUT_IDS, DataType::Int32)];
        let ids = Arc::new(Int32Array::from(ids));
        let mut columns = vec![list(INPUT_IDS, offsets.clone(), ids)?];
        if self.token_type_ids.is_some() {
            fields.push(list_field(TOKEN_TYPE_IDS, DataType::Int8));
            let types: Int8Array = types.into_iter().map(|id| Some(id as i8)).collect();
            columns.push(list(TOKEN_TYPE_IDS, offsets.clone(), Arc::new(types))?);
        }
        if self.tags().is_some() {
            fields.push(list_field(LABEL, DataType::Int32));
            columns.push(list(LABEL, offsets, Arc::new(Int32Array::from(tags)))?);
        } else if let Some((name, view)) = &self.labels {
            let field: Field = label_field(view, name)?;
            fields.push(field);
            columns.push(labels(view, name, start, end)?);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
            .map_err(|error| DataError::Mismatch(error.to_string()))
    }
}

fn is_integers(feature: &Feature) -> bool {
    let item = feature.item().and_then(Feature::dtype);
    item.is_some_and(Dtype::is_integer)
}

fn integers<'a>(dataset: &'a Dataset, name: &str) -> Result<ColumnView<'a>, DataError> {
    let view = dataset.column(name)?;
    if is_integers(view.feature()) {
        return Ok(view);
    }
    Err(DataError::ColumnType {
        column: name.to_owned(),
        dtype: view.feature().to_string(),
        reason: "lists of whole numbers are needed, as a tokenizer gives them".to_owned(),
    })
}

fn cells<'a>(view: &ColumnView<'a>, name: &str, row: usize) -> Result<List<'a>, DataError> {
    let value = view.column.value(row);
    value.as_list().ok_or_else(|| DataError::Value {
        row,
        column: name.to_owned(),
        found: value.to_string(),
        expected: "a list of whole numbers is needed: filter such rows out".to_owned(),
    })
}

/// Which part of a row the mask keeps.
fn unpadded(mask: List<'_>, row: usize) -> Result<std::ops::Range<usize>, DataError> {
    let wrong = |found: String| DataError::Value {
        row,
        column: ATTENTION_MASK.to_owned(),
        found,
        expected: "1 for each token and 0 for padding before or after them is needed".to_owned(),
    };
    let (mut start, mut end) = (0, 0);
    for (place, value) in mask.iter().enumerate() {
        match value.as_i64() {
            Some(0) => {}
            Some(1) if end == 0 => (start, end) = (place, place + 1),
            Some(1) if end == place => end = place + 1,
            Some(1) => return Err(wrong("padding between tokens".to_owned())),
            _ => return Err(wrong(value.to_string())),
        }
    }
    Ok(start..end)
}

/// Adds the numbers of a row at these places, where they are in range.
fn extend(
    numbers: &mut Vec<i32>,
    list: List<'_>,
    places: std::ops::Range<usize>,
    name: &str,
    row: usize,
    range: std::ops::RangeInclusive<i32>,
) -> Result<(), DataError> {
    for place in places {
        let value = list.get(place);
        let number = value.and_then(|value| i32::try_from(value.as_i64()?).ok());
        match number.filter(|number| range.contains(number)) {
            Some(number) => numbers.push(number),
            None => {
                return Err(DataError::Value {
                    row,
                    column: name.to_owned(),
                    found: value.map_or_else(String::new, |value| value.to_string()),
                    expected: format!(
                        "whole numbers from {} to {} are needed",
                        range.start(),
                        range.end()
                    ),
                });
            }
        }
    }
    Ok(())
}

//! What data looks like before it is tokenized: for a screen that maps columns.

use std::collections::BTreeMap;

use tunesmith::data::{ColumnView, Dataset, Feature, Value};
use tunesmith_protocol::{
    ColumnInfo, ColumnKind, Event, Inspection, LabelCount, RunConfig, SplitInfo,
};

use crate::SessionError;
use crate::background::background;
use crate::columns::{Question, task};
use crate::fetch::{dataset, load};
use crate::session::Shared;

/// Rows shown.
const ROWS: usize = 8;

/// Labels counted one by one; a column with more is no column of classes.
const MOST_LABELS: usize = 100;

/// Reads the data that `config` names, and says what a training would take of it.
///
/// # Errors
/// Data that is not there or damaged, with its place; a text column that isn't there.
pub async fn inspect(
    config: RunConfig,
    tell: &mut dyn FnMut(Event),
) -> Result<Inspection, SessionError> {
    let shared = Shared::default();
    let (data, cache) = (config.data, config.model.cache_dir);
    let task = task(&data)?;
    let request = dataset(&data, cache.as_deref(), task, &shared).await?;
    let work = background(&shared, move |emit| {
        let label = data.label_column_name.as_deref().unwrap_or("label");
        let question = Question {
            named: data.text_column_names.clone(),
            task,
            label: label.to_owned(),
            ..Question::default()
        };
        let loaded = load(request, &data, &question, emit)?.splits;
        let Some((_, first)) = loaded.iter().next() else {
            return Err(SessionError::Arguments(
                "the data has no split: name a file or a data set with rows".to_owned(),
            ));
        };
        let mut warnings = Vec::new();
        let text_column_names = match question.ask(first) {
            Ok((columns, warning)) => {
                warnings.extend(warning);
                columns.names()
            }
            // The person is about to map the columns.
            Err(error) => {
                warnings.push(error.to_string());
                Vec::new()
            }
        };
        let label = first.column(label).is_ok().then(|| label.to_owned());
        let label_counts = match &label {
            Some(label) => label_counts(&first.column(label)?),
            None => Vec::new(),
        };
        Ok(Inspection {
            splits: loaded
                .iter()
                .map(|(name, rows)| SplitInfo {
                    name: name.to_owned(),
                    num_rows: rows.num_rows() as u64,
                })
                .collect(),
            columns: columns(first),
            rows: preview(first)?,
            text_column_names,
            label_column_name: label,
            label_counts,
            warnings,
        })
    });
    shared.passing_on(work, tell).await
}

fn columns(dataset: &Dataset) -> Vec<ColumnInfo> {
    let kind = |feature: &Feature| match feature {
        Feature::ClassLabel(_) => ColumnKind::Label,
        Feature::Value(dtype) if dtype.name() == "string" => ColumnKind::Text,
        Feature::Value(dtype) if dtype.is_integer() || dtype.is_float() => ColumnKind::Number,
        _ => ColumnKind::Other,
    };
    let features = dataset.features().iter();
    features
        .map(|(name, feature)| ColumnInfo {
            name: name.to_owned(),
            kind: kind(feature),
        })
        .collect()
}

fn preview(dataset: &Dataset) -> Result<Vec<Vec<Option<String>>>, SessionError> {
    let names = dataset.column_names();
    let columns: Vec<ColumnView<'_>> = names
        .into_iter()
        .map(|name| dataset.column(name))
        .collect::<Result<_, _>>()?;
    Ok((0..dataset.num_rows().min(ROWS))
        .map(|row| {
            let cells = columns.iter();
            cells.map(|column| text(column, column.get(row)?)).collect()
        })
        .collect())
}

/// A cell as a person reads it: a class by its name.
pub(crate) fn text(column: &ColumnView<'_>, value: Value<'_>) -> Option<String> {
    if value.is_null() {
        return None;
    }
    if let (Feature::ClassLabel(classes), Some(id)) = (column.feature(), value.as_i64()) {
        return Some(match classes.int2str(id) {
            Some(name) => name.to_owned(),
            None => id.to_string(),
        });
    }
    Some(match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    })
}

fn label_counts(column: &ColumnView<'_>) -> Vec<LabelCount> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for value in column.iter() {
        let label = text(column, value).unwrap_or_default();
        *counts.entry(label).or_default() += 1;
    }
    let mut counts: Vec<LabelCount> = counts
        .into_iter()
        .map(|(label, count)| LabelCount { label, count })
        .collect();
    if counts.len() > MOST_LABELS {
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
        counts.truncate(MOST_LABELS);
    }
    counts
}

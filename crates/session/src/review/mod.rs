//! What a trained model gets wrong: its metrics, the confusion matrix, a report for each label, and the
//! worst rows.

mod rows;
mod tally;

use std::path::Path;

use tunesmith::metrics::Metric;
use tunesmith::train::PredictionOutput;
use tunesmith_protocol::{Event, Review, RunConfig, Threshold};

use crate::background::background;
use crate::columns::{Question, splits, task};
use crate::fetch::{dataset, load};
use crate::label_columns::task_of;
use crate::labels::{Labels, Wanted};
use crate::metric::metric;
use crate::session::Shared;
use crate::{Predictor, SessionError};
pub(crate) use rows::{Reader, Rows};
use tally::Tally;

/// Rows that a screen shows.
const MOST_WRONG: usize = 50;

/// Rows that a report has one by one.
const MOST_REPORTED: usize = 10_000;

/// Rows between two progress events.
const ROWS: usize = 64;

/// Asks the model in `model` about the validation split that `config` names, and compares.
///
/// # Errors
/// Data or a model that can't be read; a row without a label, or with one that the model doesn't know.
pub async fn review(
    config: RunConfig,
    model: &Path,
    tell: &mut dyn FnMut(Event),
) -> Result<Review, SessionError> {
    let shared = Shared::default();
    let work = compare(config, model, &shared);
    shared.passing_on(work, tell).await
}

async fn compare(config: RunConfig, model: &Path, shared: &Shared) -> Result<Review, SessionError> {
    let RunConfig {
        model: arguments,
        data,
        training,
    } = config;
    let cache = arguments.cache_dir;
    let mut predictor = Predictor::load(model, training.device, data.max_seq_length).await?;
    if let Some(threshold) = &data.threshold
        && *threshold != Threshold::Tune
    {
        predictor.set_threshold(threshold)?;
    }
    let glue = task(&data)?;
    let question = Question {
        classes: predictor.labels().to_vec(),
        ..Question::of(&data, glue, Some(predictor.config()))
    };
    let request = dataset(&data, cache.as_deref(), glue, shared).await?;
    let split = splits("validation", glue).swap_remove(0);
    let wanted = split.clone();
    let arguments = data.clone();
    let asked = question.clone();
    let rows = background(shared, move |emit| {
        let loaded = load(request, &arguments, &asked, emit)?.splits;
        Ok(loaded.get(&wanted)?.clone())
    })
    .await?;
    let rows = match data.max_eval_samples {
        Some(most) => rows.take(most),
        None => rows,
    };
    let (columns, _) = question.columns(&rows)?;
    let wanted = Wanted {
        glue,
        task: data.problem_type.map(task_of),
        label_all_tokens: data.label_all_tokens,
    };
    let at = || SessionError::split(&split);
    let labels = Labels::of_model(predictor.config(), &rows, columns.labels, wanted);
    let (labels, _) = labels.map_err(at())?;
    let rows = labels.encode(&rows).map_err(at())?.dataset;
    let mut tally = Tally::new(&labels, metric(data.metric_name.as_deref(), glue, &labels)?);
    let reader = Reader {
        labels: &labels,
        text: &columns.text,
        tokenizer: predictor.tokenizer(),
        options: predictor.options(),
    };
    let reading = Rows {
        rows: &rows,
        split: &split,
        reader: &reader,
    };
    for start in (0..rows.num_rows()).step_by(ROWS) {
        let range = start..rows.num_rows().min(start + ROWS);
        let end = range.end;
        reading.ask(range, &predictor, &mut tally).await?;
        shared
            .emit(Event::Progress {
                stage: "predicting".to_owned(),
                done: end as u64,
                total: rows.num_rows() as u64,
            })
            .await;
    }
    tally.finish(split, MOST_WRONG)
}

/// The same of rows that were evaluated, from what that gave.
pub(crate) fn review_of(
    rows: &Rows<'_>,
    found: &PredictionOutput,
    thresholds: &[f64],
    metric: Metric,
) -> Result<Review, SessionError> {
    let mut tally = Tally::new(rows.reader.labels, metric);
    rows.take(found, thresholds, &mut tally)?;
    let mut review = tally.finish(rows.split.to_owned(), MOST_REPORTED)?;
    for (name, value) in found.evaluation.metrics.iter() {
        review.metrics.insert(name, value);
    }
    Ok(review)
}

//! After training: the last evaluation, predictions, and the files that tell of them.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;
use tunesmith::data::{Aggregation, TagColumns, TokenizedDataset, entities};
use tunesmith::metrics::above_thresholds;
use tunesmith::model::Task;
use tunesmith::train::{PredictionOutput, TrainOutput, Trainer, replace_file, sigmoid};
use tunesmith_platform::fs;
use tunesmith_protocol::{Event, Metrics, Review};

use crate::SessionError;
use crate::labels::{Labels, chosen};
use crate::metric::metric;
use crate::prepare::SplitRows;
use crate::review::{Reader, Rows, review_of};
use crate::session::Shared;

/// Saves the model and what its training came to.
pub(crate) async fn save_training(
    trainer: &Trainer,
    output: &TrainOutput,
    rows: usize,
    shared: &Shared,
) -> Result<(), SessionError> {
    trainer
        .save_model(Path::new(&trainer.args.output_dir))
        .await?;
    let mut metrics = output.metrics();
    metrics.insert("epoch", output.epoch);
    metrics.insert("train_samples", rows as f64);
    save_metrics(trainer, "train", &metrics, shared).await?;
    trainer.save_state()?;
    Ok(())
}

async fn save_metrics(
    trainer: &Trainer,
    split: &str,
    metrics: &Metrics,
    shared: &Shared,
) -> Result<(), SessionError> {
    if let Some(message) = trainer.save_metrics(split, metrics)? {
        shared.emit(Event::Warning { message }).await;
    }
    Ok(())
}

/// Evaluates every split, but for the first where training ended with its evaluation; gives what the model gets
/// right and wrong on each.
pub(crate) async fn evaluate_at_end(
    trainer: &mut Trainer,
    splits: &[SplitRows],
    mut last: Option<PredictionOutput>,
    reader: &Reader<'_>,
    shared: &Shared,
) -> Result<Vec<Review>, SessionError> {
    let mut all = Metrics::default();
    let mut reviews = Vec::with_capacity(splits.len());
    for (number, split) in splits.iter().enumerate() {
        let output = match last.take() {
            Some(found) => found,
            None => {
                let found = pass(trainer, &split.rows, shared).await?;
                let evaluation = &found.evaluation;
                if trainer.args.do_train {
                    trainer.state.log(&evaluation.prefixed("eval"));
                }
                let event = evaluation.event(&split.name, &trainer.state);
                shared.emit(event).await;
                found
            }
        };
        reviews.push(review(trainer, split, reader, &output)?);
        let found = output.evaluation;
        // run_glue's names of MNLI's second split.
        let suffix = if number == 0 { "" } else { "_mm" };
        let numbers = found.prefixed("eval");
        for (name, value) in numbers.iter() {
            all.insert(format!("{name}{suffix}"), value);
        }
        all.insert(format!("eval_samples{suffix}"), found.samples as f64);
    }
    if trainer.args.do_train {
        all.insert("epoch", trainer.state.epoch);
        trainer.save_state()?;
        trainer.save_model_card(Path::new(&trainer.args.output_dir))?;
    }
    save_metrics(trainer, "eval", &all, shared).await?;
    Ok(reviews)
}

fn review(
    trainer: &Trainer,
    split: &SplitRows,
    reader: &Reader<'_>,
    found: &PredictionOutput,
) -> Result<Review, SessionError> {
    let rows = Rows {
        rows: &split.texts,
        split: &split.name,
        reader,
    };
    let thresholds = trainer.model.config.thresholds();
    let metric = metric(None, None, reader.labels)?;
    review_of(&rows, found, &thresholds, metric)
}

/// Predicts every split into `predict_results_<split>.txt`, and measures where labels are known.
pub(crate) async fn predict_at_end(
    trainer: &mut Trainer,
    splits: &[SplitRows],
    reader: &Reader<'_>,
    shared: &Shared,
) -> Result<(), SessionError> {
    for split in splits {
        let name = &split.name;
        let found = pass(trainer, &split.rows, shared).await?;
        let dir = Path::new(&trainer.args.output_dir);
        fs::create_dir_all(dir).map_err(SessionError::io("create", dir))?;
        let path = dir.join(format!("predict_results_{name}.txt"));
        let predictions = predictions(trainer, &found, split, reader)?;
        replace_file(&path, table(&predictions).as_bytes())?;
        let mut metrics = found.evaluation.prefixed("predict");
        metrics.insert("predict_samples", found.evaluation.samples as f64);
        save_metrics(trainer, "predict", &metrics, shared).await?;
        if found.label_ids.is_some() {
            shared
                .emit(found.evaluation.event(name, &trainer.state))
                .await;
        }
    }
    Ok(())
}

/// Evaluates a split from its first row to its last, telling how far it is.
pub(crate) async fn pass(
    trainer: &mut Trainer,
    rows: &TokenizedDataset,
    shared: &Shared,
) -> Result<PredictionOutput, SessionError> {
    let mut pass = trainer.pass(rows)?;
    while !pass.is_done() {
        pass.step(trainer).await?;
        let (done, total) = (pass.rows_done() as u64, pass.rows() as u64);
        shared
            .emit(Event::Progress {
                stage: "evaluating".to_owned(),
                done,
                total,
            })
            .await;
    }
    Ok(pass.finish()?)
}

/// What is predicted of each row: the name of its class, its number to three digits, its labels with
/// commas between, a tag for each word, or the entities of its text as JSON.
fn predictions(
    trainer: &Trainer,
    found: &PredictionOutput,
    split: &SplitRows,
    reader: &Reader<'_>,
) -> Result<Vec<String>, SessionError> {
    let names = reader.labels.names();
    let name = |class: usize| names.get(class).cloned().unwrap_or_default();
    Ok(match reader.labels.task() {
        Task::Regression => {
            let numbers = found.logits.iter();
            numbers.map(|value| format!("{value:3.3}")).collect()
        }
        Task::SingleLabel => found.predicted_classes().into_iter().map(name).collect(),
        Task::MultiLabel => {
            let thresholds = trainer.model.config.thresholds();
            let probabilities = sigmoid(&found.logits);
            let there = above_thresholds(&probabilities, &thresholds, found.num_labels);
            let rows = there.chunks(found.num_labels.max(1));
            rows.map(|row| chosen(names, row).join(",")).collect()
        }
        Task::Tokens => tags(found, split, reader)?,
    })
}

/// Words get the tag of their first token (`O`, or the first tag there is, where they were cut off);
/// texts their entities.
fn tags(
    found: &PredictionOutput,
    split: &SplitRows,
    reader: &Reader<'_>,
) -> Result<Vec<String>, SessionError> {
    let Labels::Tags(encoder) = reader.labels else {
        return Ok(Vec::new());
    };
    let names = encoder.names();
    let outside = names.iter().find(|name| *name == "O").or(names.first());
    let classes = found.predicted_classes();
    let mut rows = Vec::with_capacity(split.texts.num_rows());
    let mut first = 0;
    for row in 0..split.texts.num_rows() {
        let read = encoder.tokenize_text(&split.texts, row, reader.tokenizer, reader.options);
        let (text, tokens, _) = read.map_err(SessionError::split(&split.name))?;
        let places = first..first + tokens.len();
        first = places.end;
        let TagColumns::Words { words, .. } = encoder.columns() else {
            let width = found.num_labels;
            let logits = &found.logits[places.start * width..places.end * width];
            let simple = Aggregation::Simple;
            let found = entities(&text, &tokens, logits, names, reader.tokenizer, simple);
            let spans = found.map_err(SessionError::split(&split.name))?;
            let spans: Vec<_> = spans
                .iter()
                .map(|span| json!({"start": span.start, "end": span.end, "label": span.label}))
                .collect();
            rows.push(json!(spans).to_string());
            continue;
        };
        let words = split.texts.column(words)?.get(row);
        let count = words
            .and_then(|words| words.as_list())
            .map_or(0, |words| words.len());
        let mut tags: Vec<Option<&String>> = vec![None; count];
        for (class, word) in classes[places].iter().zip(&tokens.word_ids) {
            let tag = word.and_then(|word| tags.get_mut(word as usize));
            if let Some(tag) = tag {
                tag.get_or_insert_with(|| &names[*class]);
            }
        }
        let tags: Vec<&str> = tags
            .into_iter()
            .filter_map(|tag| tag.or(outside).map(String::as_str))
            .collect();
        rows.push(tags.join(" "));
    }
    Ok(rows)
}

/// run_glue's table of predictions.
fn table(predictions: &[String]) -> String {
    let mut text = String::from("index\tprediction\n");
    for (row, prediction) in predictions.iter().enumerate() {
        let _ = writeln!(text, "{row}\t{prediction}");
    }
    text
}

//! After training: the last evaluation, predictions, and the files that tell of them.

use std::fmt::Write;
use std::path::Path;

use tunesmith::data::TokenizedDataset;
use tunesmith::train::{Evaluation, PredictionOutput, TrainOutput, Trainer, replace_file};
use tunesmith_platform::fs;
use tunesmith_protocol::{Eval, Event, Metrics};

use crate::SessionError;
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

/// Evaluates every split, but for the first where training ended with its evaluation.
pub(crate) async fn evaluate_at_end(
    trainer: &mut Trainer,
    splits: &[(String, TokenizedDataset)],
    mut last: Option<Evaluation>,
    shared: &Shared,
) -> Result<(), SessionError> {
    let mut all = Metrics::default();
    for (number, (split, rows)) in splits.iter().enumerate() {
        let found = match last.take() {
            Some(found) => found,
            None => {
                let found = pass(trainer, rows, shared).await?.evaluation;
                if trainer.args.do_train {
                    trainer.state.log(&found.prefixed("eval"));
                }
                shared.emit(eval_event(trainer, split, &found)).await;
                found
            }
        };
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
    save_metrics(trainer, "eval", &all, shared).await
}

/// Predicts every split into `predict_results_<split>.txt`, and measures where labels are known.
pub(crate) async fn predict_at_end(
    trainer: &Trainer,
    splits: &[(String, TokenizedDataset)],
    labels: &[String],
    shared: &Shared,
) -> Result<(), SessionError> {
    for (split, rows) in splits {
        let found = pass(trainer, rows, shared).await?;
        let dir = Path::new(&trainer.args.output_dir);
        fs::create_dir_all(dir).map_err(SessionError::io("create", dir))?;
        let path = dir.join(format!("predict_results_{split}.txt"));
        replace_file(&path, table(&found, labels).as_bytes())?;
        let mut metrics = found.evaluation.prefixed("predict");
        metrics.insert("predict_samples", found.evaluation.samples as f64);
        save_metrics(trainer, "predict", &metrics, shared).await?;
        if found.label_ids.is_some() {
            shared
                .emit(eval_event(trainer, split, &found.evaluation))
                .await;
        }
    }
    Ok(())
}

async fn pass(
    trainer: &Trainer,
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

fn eval_event(trainer: &Trainer, split: &str, found: &Evaluation) -> Event {
    Event::Eval(Eval {
        epoch: trainer.state.epoch,
        step: trainer.state.global_step,
        split: split.to_owned(),
        loss: found.loss.unwrap_or(f64::NAN),
        metrics: found.metrics.clone(),
        runtime: found.runtime,
        samples_per_second: found.samples_per_second,
        steps_per_second: found.steps_per_second,
    })
}

/// run_glue's table of predictions: names of classes, or numbers to three digits.
fn table(found: &PredictionOutput, labels: &[String]) -> String {
    let predictions: Vec<String> = if found.num_labels == 1 {
        found
            .logits
            .iter()
            .map(|value| format!("{value:3.3}"))
            .collect()
    } else {
        let name = |class: usize| labels.get(class).cloned().unwrap_or_default();
        found.predicted_classes().into_iter().map(name).collect()
    };
    let mut text = String::from("index\tprediction\n");
    for (row, prediction) in predictions.iter().enumerate() {
        let _ = writeln!(text, "{row}\t{prediction}");
    }
    text
}

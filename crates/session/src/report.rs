//! `report.html` and the tables beside it, in the output folder.

use std::path::Path;

use serde_json::Value;
use tunesmith::data::csv_record;
use tunesmith::train::{LogEntry, NO_METRIC, Trainer, replace_file};
use tunesmith_platform::fs;
use tunesmith_protocol::{Done, Eval, Event, Log, Metrics, Review, RunConfig, RunView};
use tunesmith_report::{Report, tables};

use crate::SessionError;
use crate::session::Shared;

/// The page, in the output folder.
const PAGE: &str = "report.html";

/// The folder of its tables, one folder a split.
const TABLES: &str = "report";

/// Writes what the run came to. The model is saved by now: where this fails, a warning tells it.
pub(crate) async fn write_report(
    trainer: &Trainer,
    told: &RunConfig,
    done: &Done,
    reviews: &[Review],
    shared: &Shared,
) {
    let mut view = shared.view.take();
    let split = reviews.first().map_or("validation", |review| &review.split);
    view.resume(&logged(&trainer.state.log_history, split));
    view.done = Some(done.clone());
    let dir = Path::new(&trainer.args.output_dir);
    let arguments = arguments(told);
    let report = Report {
        view: &view,
        arguments: &arguments,
        reviews,
    };
    if let Err(error) = write(dir, &report) {
        let message = format!("the report could not be written: {error}");
        shared.emit(Event::Warning { message }).await;
    }
}

fn write(dir: &Path, report: &Report<'_>) -> Result<(), SessionError> {
    fs::create_dir_all(dir).map_err(SessionError::io("create", dir))?;
    replace_file(&dir.join(PAGE), report.html().as_bytes())?;
    for review in report.reviews {
        let folder = dir.join(TABLES).join(&review.split);
        fs::create_dir_all(&folder).map_err(SessionError::io("create", &folder))?;
        for table in tables(review) {
            let csv: String = table.rows.iter().map(csv_record).collect();
            replace_file(&folder.join(table.name), csv.as_bytes())?;
        }
    }
    Ok(())
}

/// The arguments that aren't at their default.
fn arguments(told: &RunConfig) -> Vec<(String, String)> {
    let flat = |config: &RunConfig| serde_json::to_value(config).unwrap_or_default();
    let (given, default) = (flat(told), flat(&RunConfig::default()));
    let given = given.as_object().into_iter().flatten();
    let changed =
        given.filter(|(name, value)| !value.is_null() && default.get(name) != Some(value));
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    changed
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}

/// What `log_history` has of a run, as a screen would have seen it.
fn logged(history: &[LogEntry], split: &str) -> RunView {
    let mut view = RunView::default();
    for entry in history {
        let number = |name: &str| entry.get(name).and_then(Value::as_f64);
        let epoch = number("epoch").unwrap_or(0.0);
        let step = entry.get("step").and_then(Value::as_u64).unwrap_or(0);
        if let (Some(loss), Some(learning_rate)) = (number("loss"), number("learning_rate")) {
            view.logs.push(Log {
                epoch,
                grad_norm: number("grad_norm").unwrap_or(f64::NAN),
                learning_rate,
                loss,
                step,
            });
        } else if let Some(loss) = number("eval_loss") {
            let value = |name: &str| number(name).unwrap_or(0.0);
            view.evals.push(Eval {
                epoch,
                step,
                split: split.to_owned(),
                loss,
                metrics: metrics(entry),
                per_class: Vec::new(),
                runtime: value("eval_runtime"),
                samples_per_second: value("eval_samples_per_second"),
                steps_per_second: value("eval_steps_per_second"),
            });
        }
    }
    view
}

/// The metrics of an evaluation's entry.
fn metrics(entry: &LogEntry) -> Metrics {
    let values = entry
        .iter()
        .filter(|(name, _)| !NO_METRIC.contains(&name.as_str()));
    let values =
        values.filter_map(|(name, value)| Some((name.strip_prefix("eval_")?, value.as_f64()?)));
    values.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_log_is_what_a_screen_saw() {
        let history = json!([
            {"epoch": 1.0, "grad_norm": 2.0, "learning_rate": 1e-5, "loss": 0.5, "step": 10},
            {"epoch": 1.0, "eval_accuracy": 0.75, "eval_loss": 0.6, "eval_runtime": 1.5,
             "eval_samples_per_second": 2.0, "eval_steps_per_second": 3.0, "step": 10},
            {"epoch": 1.0, "step": 10, "train_loss": 0.5, "train_runtime": 2.0},
        ]);
        let history: Vec<LogEntry> = serde_json::from_value(history).unwrap();
        let view = logged(&history, "validation");
        assert_eq!((view.logs.len(), view.logs[0].loss), (1, 0.5));
        let [eval] = view.evals.as_slice() else {
            panic!("there is one evaluation: {:?}", view.evals);
        };
        assert_eq!(
            (eval.split.as_str(), eval.loss, eval.runtime),
            ("validation", 0.6, 1.5)
        );
        assert_eq!(eval.metrics, [("accuracy", 0.75)].into_iter().collect());
    }

    #[test]
    fn arguments_are_those_that_were_changed() {
        let mut config = RunConfig::default();
        config.training.learning_rate = 1e-4;
        config.data.train_file = Some("mine.csv".to_owned());
        let changed = arguments(&config);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert!(
            changed.contains(&pair("learning_rate", "0.0001")),
            "{changed:?}"
        );
        assert!(
            changed.contains(&pair("train_file", "mine.csv")),
            "{changed:?}"
        );
        assert_eq!(changed.len(), 2, "{changed:?}");
    }
}

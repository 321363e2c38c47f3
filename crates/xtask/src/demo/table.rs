//! The evaluations of a run as a table, from the `trainer_state.json` that it wrote.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// Keys of an evaluation that tell its speed, not its quality.
const SPEED: [&str; 3] = [
    "eval_runtime",
    "eval_samples_per_second",
    "eval_steps_per_second",
];

/// One row for each evaluation: epoch, step, loss and the metrics in the run's order.
///
/// # Errors
/// When the file can't be read or holds no evaluation.
pub fn evaluations(path: &Path) -> Result<String> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let state: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    render(&state).with_context(|| format!("{} holds no evaluation", path.display()))
}

fn render(state: &Value) -> Option<String> {
    let entries: Vec<&Value> = state["log_history"]
        .as_array()?
        .iter()
        .filter(|entry| entry.get("eval_loss").is_some())
        .collect();
    let metrics: Vec<&str> = entries
        .first()?
        .as_object()?
        .keys()
        .map(String::as_str)
        .filter(|key| key.starts_with("eval_") && !SPEED.contains(key))
        .collect();
    let mut lines = vec![format!("{:>6} {:>6}", "epoch", "step")];
    lines[0].extend(
        metrics
            .iter()
            .map(|key| format!(" {:>10}", key.trim_start_matches("eval_"))),
    );
    for entry in entries {
        let number = |key: &str| entry[key].as_f64().unwrap_or(f64::NAN);
        let mut line = format!("{:>6.2} {:>6}", number("epoch"), number("step"));
        line.extend(metrics.iter().map(|key| format!(" {:>10.4}", number(key))));
        lines.push(line);
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn evaluations_become_rows_and_training_entries_do_not() {
        let state = json!({"log_history": [
            {"epoch": 0.5, "loss": 0.61, "step": 80},
            {"epoch": 1.0, "eval_loss": 0.5123, "eval_accuracy": 0.75, "eval_f1": 0.8,
             "eval_runtime": 3.2, "eval_samples_per_second": 1.0, "eval_steps_per_second": 1.0,
             "step": 160},
            {"epoch": 2.0, "eval_loss": 0.4, "eval_accuracy": 0.8125, "eval_f1": 0.86, "step": 320},
        ]});
        assert_eq!(
            render(&state).unwrap(),
            " epoch   step       loss   accuracy         f1\n\
             \x20 1.00    160     0.5123     0.7500     0.8000\n\
             \x20 2.00    320     0.4000     0.8125     0.8600"
        );
        assert!(render(&json!({"log_history": []})).is_none());
    }
}

//! Ending a training whose evaluations don't get better: transformers' `EarlyStoppingCallback`.

use serde_json::{Value, json};
use tunesmith_protocol::TrainingArguments;

/// What the Trainer calls it among `stateful_callbacks`.
pub(crate) const NAME: &str = "EarlyStoppingCallback";

/// How many evaluations in succession have not improved on the best one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EarlyStopping {
    patience: u64,
    threshold: f64,
    counter: u64,
}

impl EarlyStopping {
    /// As the arguments ask for it, if they do.
    pub(crate) fn from_arguments(args: &TrainingArguments) -> Option<Self> {
        args.early_stopping_patience.map(|patience| Self {
            patience,
            threshold: args.early_stopping_threshold,
            counter: 0,
        })
    }

    /// Counts an evaluation, given the best value of those before it.
    pub(crate) fn evaluated(&mut self, value: f64, best: Option<f64>, greater_is_better: bool) {
        let improves = best.is_none_or(|best| {
            let gain = if greater_is_better {
                value - best
            } else {
                best - value
            };
            gain > 0.0 && gain > self.threshold
        });
        self.counter = if improves { 0 } else { self.counter + 1 };
    }

    /// Whether the patience is at its end.
    pub(crate) fn is_over(&self) -> bool {
        self.counter >= self.patience
    }

    /// Evaluations in succession without an improvement.
    pub(crate) fn counter(&self) -> u64 {
        self.counter
    }

    /// As `trainer_state.json` has it.
    pub(crate) fn state(&self) -> Value {
        json!({
            "args": {
                "early_stopping_patience": self.patience,
                "early_stopping_threshold": self.threshold,
            },
            "attributes": { "early_stopping_patience_counter": self.counter },
        })
    }

    /// Goes on counting from there; patience and threshold stay as the arguments have them.
    pub(crate) fn restore(&mut self, state: &Value) {
        let counter = &state["attributes"]["early_stopping_patience_counter"];
        self.counter = counter.as_u64().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(values: &[f64], threshold: f64, greater: bool) -> Vec<u64> {
        let mut stopping = EarlyStopping {
            patience: 2,
            threshold,
            counter: 0,
        };
        let mut best: Option<f64> = None;
        let better = |value: f64, best: f64| if greater { value > best } else { value < best };
        values
            .iter()
            .map(|value| {
                stopping.evaluated(*value, best, greater);
                // As the run keeps it: what is better by less than the threshold is the best too.
                best = Some(best.filter(|best| !better(*value, *best)).unwrap_or(*value));
                stopping.counter()
            })
            .collect()
    }

    // Expected values: transformers 5.23's EarlyStoppingCallback.check_metric_value.
    #[test]
    fn evaluations_count_as_transformers_counts_them() {
        assert_eq!(
            counters(&[1.0, 0.9, 0.95, 0.9, 0.8], 0.0, false),
            [0, 0, 1, 2, 0]
        );
        assert_eq!(counters(&[0.5, 0.5, 0.6, 0.55], 0.0, true), [0, 1, 0, 1]);
        // Small steps add up to nothing: each is measured from the best so far.
        assert_eq!(counters(&[1.0, 0.95, 0.9, 0.7], 0.125, false), [0, 1, 2, 0]);
        assert_eq!(counters(&[1.0, f64::NAN, 0.5], 0.0, false), [0, 1, 0]);
    }

    #[test]
    fn the_count_goes_on_from_a_saved_state() {
        let args = TrainingArguments {
            early_stopping_patience: Some(2),
            early_stopping_threshold: 0.25,
            ..TrainingArguments::default()
        };
        let mut first = EarlyStopping::from_arguments(&args).expect("it is asked for");
        first.evaluated(1.0, Some(1.0), true);
        let mut second = EarlyStopping::from_arguments(&args).expect("it is asked for");
        second.restore(&first.state());
        assert_eq!(first, second);
        second.evaluated(1.1, Some(1.0), true);
        assert!(second.is_over() && !first.is_over());
        second.restore(&Value::Null);
        assert_eq!(second.counter(), 0);
    }
}

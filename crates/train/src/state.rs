//! `trainer_state.json`, key for key as transformers 5 writes it (sorted, indented by two).

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tunesmith_protocol::{Metrics, TrainingArguments};

use crate::TrainError;
use crate::files::{read_json, write_json};

/// One line of `log_history`.
pub type LogEntry = BTreeMap<String, Value>;

/// How far a run is and what it has logged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    /// The optimizer step of the best evaluation.
    pub best_global_step: Option<u64>,
    /// The best value of `metric_for_best_model`.
    pub best_metric: Option<f64>,
    /// The folder of the best checkpoint.
    pub best_model_checkpoint: Option<String>,
    /// Epochs done, with the fraction of the current one.
    pub epoch: f64,
    /// Steps between evaluations, where they go by steps.
    pub eval_steps: u64,
    /// Optimizer steps taken.
    pub global_step: u64,
    /// Always true: there is one process.
    pub is_local_process_zero: bool,
    /// Always true: there is one process.
    pub is_world_process_zero: bool,
    /// Everything logged, in order.
    pub log_history: Vec<LogEntry>,
    /// Steps between training entries, where they go by steps.
    pub logging_steps: u64,
    /// Optimizer steps planned.
    pub max_steps: u64,
    /// Tokens of the rows trained on, where `include_num_input_tokens_seen` asks for them.
    pub num_input_tokens_seen: u64,
    /// Epochs planned, a started one counted whole.
    pub num_train_epochs: u64,
    /// Steps between checkpoints, where they go by steps.
    pub save_steps: u64,
    /// What callbacks go on from, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stateful_callbacks: BTreeMap<String, Value>,
    /// Floating point operations: 6 x padded tokens x parameters without embeddings.
    pub total_flos: f64,
    /// Rows of a training batch.
    pub train_batch_size: u64,
}

impl TrainerState {
    /// The state before the first step. Intervals that are a share of the run become steps.
    #[must_use]
    pub fn new(args: &TrainingArguments, total_steps: u64, num_train_epochs: u64) -> Self {
        Self {
            best_global_step: None,
            best_metric: None,
            best_model_checkpoint: None,
            epoch: 0.0,
            eval_steps: args.effective_eval_steps().resolve(total_steps).max(1),
            global_step: 0,
            is_local_process_zero: true,
            is_world_process_zero: true,
            log_history: Vec::new(),
            logging_steps: args.logging_steps.resolve(total_steps).max(1),
            max_steps: total_steps,
            num_input_tokens_seen: 0,
            num_train_epochs,
            save_steps: args.save_steps.resolve(total_steps).max(1),
            stateful_callbacks: BTreeMap::new(),
            total_flos: 0.0,
            train_batch_size: args.per_device_train_batch_size as u64,
        }
    }

    /// Adds an entry, with the current epoch and step.
    pub fn log(&mut self, values: &Metrics) {
        let mut entry: LogEntry = values
            .iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        entry.insert("epoch".to_owned(), Value::from(self.epoch));
        entry.insert("step".to_owned(), Value::from(self.global_step));
        self.log_history.push(entry);
    }

    /// Reads a `trainer_state.json`.
    ///
    /// # Errors
    /// Names the file that can't be read.
    pub fn load(path: &Path) -> Result<Self, TrainError> {
        read_json(path)
    }

    /// Writes a `trainer_state.json`.
    ///
    /// # Errors
    /// Names the file that can't be written.
    pub fn save(&self, path: &Path) -> Result<(), TrainError> {
        write_json(path, self)
    }
}

//! The part of transformers' `TrainingArguments` that has a meaning here, with its defaults.

use serde::{Deserialize, Deserializer, Serialize};

use super::{DeviceChoice, IntervalStrategy, ResumeFrom, SchedulerType, Steps};

/// How to train, evaluate and save. The defaults are those of transformers 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct TrainingArguments {
    /// Where the model and its checkpoints are written.
    pub output_dir: String,
    /// Write into `output_dir` although it holds something.
    pub overwrite_output_dir: bool,
    /// Train.
    pub do_train: bool,
    /// Evaluate on the validation split at the end; implied by an `eval_strategy` other than `no`.
    pub do_eval: bool,
    /// Predict the test split at the end.
    pub do_predict: bool,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Time the matrix product's variants on the device first, and take the quickest.
    ///
    /// Otherwise they are chosen by the sort of adapter. A run's numbers are the same up to rounding, not
    /// bit for bit.
    pub autotune: bool,

    /// Rows of a training batch.
    pub per_device_train_batch_size: usize,
    /// Rows of an evaluation batch.
    pub per_device_eval_batch_size: usize,
    /// Batches to an optimizer step.
    pub gradient_accumulation_steps: usize,
    /// Epochs; a fraction ends within one.
    pub num_train_epochs: f64,
    /// Optimizer steps, in place of `num_train_epochs` where it is greater than 0.
    pub max_steps: i64,
    /// Leave out an epoch's last batch where it is not full.
    pub dataloader_drop_last: bool,
    /// Draw batches of rows of like length, which saves padding.
    pub group_by_length: bool,

    /// AdamW's step size after warm-up.
    pub learning_rate: f64,
    /// How the learning rate changes.
    pub lr_scheduler_type: SchedulerType,
    /// What the schedule needs besides: `num_cycles` (cosine), `power` and `lr_end` (polynomial).
    #[cfg_attr(test, ts(type = "Partial<SchedulerKwargs>"))]
    #[serde(deserialize_with = "or_default")]
    pub lr_scheduler_kwargs: SchedulerKwargs,
    /// Steps over which the learning rate rises from 0; less than 1 is a share of the run.
    pub warmup_steps: Steps,
    /// Decoupled weight decay, on all but biases and LayerNorm.
    pub weight_decay: f64,
    /// AdamW's beta of the mean gradient.
    pub adam_beta1: f64,
    /// AdamW's beta of the mean squared gradient.
    pub adam_beta2: f64,
    /// AdamW's epsilon.
    pub adam_epsilon: f64,
    /// The global gradient norm that a step is clipped to; 0 clips nothing.
    pub max_grad_norm: f64,
    /// The share of a label's weight that is spread over all labels, 0 to 1.
    pub label_smoothing_factor: f64,

    /// The seed of everything random.
    pub seed: u64,
    /// The seed of the order of rows; default `seed`.
    pub data_seed: Option<u64>,

    /// When the mean training loss is logged.
    pub logging_strategy: IntervalStrategy,
    /// Every so many steps; less than 1 is a share of the run.
    pub logging_steps: Steps,
    /// Log the first step too.
    pub logging_first_step: bool,
    /// When the validation split is evaluated.
    pub eval_strategy: IntervalStrategy,
    /// Every so many steps; less than 1 is a share of the run. Default `logging_steps`.
    pub eval_steps: Option<Steps>,
    /// When a checkpoint is written.
    pub save_strategy: IntervalStrategy,
    /// Every so many steps; less than 1 is a share of the run.
    pub save_steps: Steps,
    /// Keep only so many checkpoints, the best one always among them.
    pub save_total_limit: Option<usize>,
    /// End with the best checkpoint's weights instead of the last's.
    pub load_best_model_at_end: bool,
    /// What "best" means; default `loss`.
    pub metric_for_best_model: Option<String>,
    /// Whether more is better; default yes, except where the metric's name ends in `loss`.
    pub greater_is_better: Option<bool>,
    /// Go on from this checkpoint, or with `true` from the last.
    pub resume_from_checkpoint: ResumeFrom,
}

/// transformers writes an empty value as `null`.
fn or_default<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Default for TrainingArguments {
    fn default() -> Self {
        Self {
            output_dir: "trainer_output".to_owned(),
            overwrite_output_dir: false,
            do_train: false,
            do_eval: false,
            do_predict: false,
            device: DeviceChoice::Auto,
            autotune: false,
            per_device_train_batch_size: 8,
            per_device_eval_batch_size: 8,
            gradient_accumulation_steps: 1,
            num_train_epochs: 3.0,
            max_steps: -1,
            dataloader_drop_last: false,
            group_by_length: false,
            learning_rate: 5e-5,
            lr_scheduler_type: SchedulerType::Linear,
            lr_scheduler_kwargs: SchedulerKwargs::default(),
            warmup_steps: Steps(0.0),
            weight_decay: 0.0,
            adam_beta1: 0.9,
            adam_beta2: 0.999,
            adam_epsilon: 1e-8,
            max_grad_norm: 1.0,
            label_smoothing_factor: 0.0,
            seed: 42,
            data_seed: None,
            logging_strategy: IntervalStrategy::Steps,
            logging_steps: Steps(500.0),
            logging_first_step: false,
            eval_strategy: IntervalStrategy::No,
            eval_steps: None,
            save_strategy: IntervalStrategy::Steps,
            save_steps: Steps(500.0),
            save_total_limit: None,
            load_best_model_at_end: false,
            metric_for_best_model: None,
            greater_is_better: None,
            resume_from_checkpoint: ResumeFrom::No,
        }
    }
}

impl TrainingArguments {
    /// `eval_steps`, or `logging_steps` where it isn't given, as the Trainer has it.
    #[must_use]
    pub fn effective_eval_steps(&self) -> Steps {
        self.eval_steps.unwrap_or(self.logging_steps)
    }

    /// Whether the validation split is evaluated at all.
    #[must_use]
    pub fn evaluates(&self) -> bool {
        self.do_eval || self.eval_strategy != IntervalStrategy::No
    }

    /// The metric that chooses the best checkpoint, with the prefix `eval_`, and whether more of it
    /// is better. `None` where no metric is named and the best model isn't asked for.
    #[must_use]
    pub fn best_metric(&self) -> Option<(String, bool)> {
        let name = match &self.metric_for_best_model {
            Some(name) => name.as_str(),
            None if self.load_best_model_at_end => "loss",
            None => return None,
        };
        let greater = self
            .greater_is_better
            .unwrap_or_else(|| !name.ends_with("loss"));
        let name = name.strip_prefix("eval_").unwrap_or(name);
        Some((format!("eval_{name}"), greater))
    }
}

/// transformers' `lr_scheduler_kwargs`; each has a meaning for one schedule only, and is refused with
/// another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct SchedulerKwargs {
    /// `cosine`: waves over the run; 0.5 falls once from the top to 0.
    pub num_cycles: f64,
    /// `polynomial`: the power.
    pub power: f64,
    /// `polynomial`: the learning rate at the end.
    pub lr_end: f64,
}

impl Default for SchedulerKwargs {
    fn default() -> Self {
        Self {
            num_cycles: 0.5,
            power: 1.0,
            lr_end: 1e-7,
        }
    }
}

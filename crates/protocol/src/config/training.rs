//! The part of transformers' `TrainingArguments` that has a meaning here, with its defaults.

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    ClassWeights, DeviceChoice, IntervalStrategy, Layers, LogLevel, LossType, ReportTo, ResumeFrom,
    SamplingStrategy, SaveStrategy, SchedulerKwargs, SchedulerType, Steps, TokenCount,
};

/// How to train, evaluate and save. The defaults are those of transformers 5.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct TrainingArguments {
    /// Folder for the model and its checkpoints.
    pub output_dir: String,
    /// Write into `output_dir` even if it isn't empty.
    pub overwrite_output_dir: bool,
    /// Train.
    pub do_train: bool,
    /// Evaluate on the validation split at the end. On if `eval_strategy` isn't `no`.
    pub do_eval: bool,
    /// Predict the test split at the end.
    pub do_predict: bool,
    /// Where to compute.
    pub device: DeviceChoice,
    /// Train on several devices: `all` GPUs, numbers as `tunesmith doctor` lists the adapters (`0,1`), or `cpu:2` for
    /// two CPU workers. Each takes batches of `per_device_train_batch_size` rows.
    pub devices: Option<String>,
    /// Time the variants of the matrix product on this device, then use the fastest; a GPU's first use does so by itself.
    ///
    /// Later runs use what that found; in a browser it is only done when asked for. Otherwise they are chosen by the sort of adapter. A run's numbers are the same up to rounding, not
    /// bit for bit.
    pub autotune: bool,

    /// Rows per training batch.
    pub per_device_train_batch_size: usize,
    /// Rows per evaluation batch.
    pub per_device_eval_batch_size: usize,
    /// Batches per optimizer step.
    pub gradient_accumulation_steps: usize,
    /// Where a batch doesn't fit into memory, compute it in smaller parts; a step has as many rows as before.
    pub auto_find_batch_size: bool,
    /// Keep less of each layer for the backward pass, and compute the rest again: less memory, a third more time, the
    /// same numbers.
    pub gradient_checkpointing: bool,
    /// Store activations as 16-bit numbers (half precision), with dynamic loss scaling: about half the memory for
    /// activations, nearly the same results. Works on every device.
    pub fp16: bool,
    /// Store activations as 16-bit numbers in evaluations and predictions, too, where `fp16` is off.
    pub fp16_full_eval: bool,
    /// How many times to go through the training rows. May be fractional.
    pub num_train_epochs: f64,
    /// Number of optimizer steps. If greater than 0, it replaces `num_train_epochs`.
    pub max_steps: i64,
    /// Drop the last batch of an epoch if it isn't full.
    pub dataloader_drop_last: bool,
    /// Put rows of similar length into the same batch, which saves padding.
    pub group_by_length: bool,
    /// The order of rows: `random`, as they are (`sequential`), or `group_by_length`.
    pub train_sampling_strategy: SamplingStrategy,

    /// The peak learning rate of AdamW.
    pub learning_rate: f64,
    /// How the learning rate changes during training.
    pub lr_scheduler_type: SchedulerType,
    /// Options of the schedule: `num_cycles` (cosine), `power` and `lr_end` (polynomial), and others.
    #[cfg_attr(test, ts(type = "Partial<SchedulerKwargs>"))]
    #[serde(deserialize_with = "or_default")]
    pub lr_scheduler_kwargs: SchedulerKwargs,
    /// Raise the learning rate from 0 over the first N steps; below 1, over a fraction of the run.
    pub warmup_steps: Steps,
    /// Decoupled weight decay, applied to all parameters except biases and LayerNorm.
    pub weight_decay: f64,
    /// AdamW's beta1, for the mean of the gradient.
    pub adam_beta1: f64,
    /// AdamW's beta2, for the mean of the squared gradient.
    pub adam_beta2: f64,
    /// AdamW's epsilon.
    pub adam_epsilon: f64,
    /// Clip the global gradient norm to this value; 0 turns clipping off.
    pub max_grad_norm: f64,
    /// Label smoothing, 0 to 1: the share of a label's weight that is spread over all labels.
    pub label_smoothing_factor: f64,
    /// How much each class counts in the loss: `balanced` (the rarer the more), `none`, or JSON with a number for each
    /// label. The loss is the mean by these weights, over all rows of a step.
    ///
    /// As PyTorch's `CrossEntropyLoss(weight=…)`, and over all batches of a step: those that are accumulated and those of
    /// other devices weigh by the sums of their labels' weights. Where tokens have labels, the mean is within a batch,
    /// and batches weigh by their rows, as without weights. Evaluations have the same loss.
    pub class_weights: ClassWeights,
    /// What is minimized where a row or token has one class; `focal` counts a row the less the surer the model is of it.
    pub loss: LossType,
    /// The focal loss's gamma: a row counts times (1 - p) to the power of it, with p its label's probability.
    pub focal_gamma: f64,
    /// Draw the rows of an epoch with replacement, those of rare classes as often as those of frequent ones.
    pub weighted_sampling: bool,

    /// Train the head alone (with BERT's pooler), and leave all of the encoder as it is: the least time and memory.
    pub train_head_only: bool,
    /// Leave the embeddings as they are: words, positions (relative ones too) and segments.
    pub freeze_embeddings: bool,
    /// Leave these layers as they are, counted from 0: `0-5`, or `0,1,3-5`.
    ///
    /// Nothing is computed, stored or saved for what is frozen: no gradients, no moments; the backward pass ends at the
    /// lowest layer that is trained.
    #[cfg_attr(test, ts(type = "string | null"))]
    pub freeze_layers: Option<Layers>,
    /// Layer-wise learning rate decay: each layer trains at the rate of the one above it times this, the embeddings
    /// slowest; 0.9 is usual. 1 turns it off.
    ///
    /// The head has the full rate, and the topmost layer that times this.
    pub llrd: f64,

    /// Seed for everything random.
    pub seed: u64,
    /// Seed for the order of rows. Default: `seed`.
    pub data_seed: Option<u64>,

    /// When to log the mean training loss.
    pub logging_strategy: IntervalStrategy,
    /// Log every N steps; below 1, every fraction of the run.
    pub logging_steps: Steps,
    /// Also log the first step.
    pub logging_first_step: bool,
    /// Count the tokens of the training rows in `trainer_state.json`: `all`, or those that aren't padding.
    pub include_num_input_tokens_seen: TokenCount,
    /// What the command writes on standard error; `error` and `critical` leave out warnings.
    pub log_level: LogLevel,
    /// Draw no progress bars.
    pub disable_tqdm: bool,
    /// What the model card calls the model. Default: the output folder's name.
    pub run_name: Option<String>,
    /// Write the log while training: `tensorboard` for event files, `csv` for a table, `all` for both.
    pub report_to: ReportTo,
    /// Folder for what `report_to` writes. Default: a new folder in `runs` of `output_dir`.
    pub logging_dir: Option<String>,
    /// When to evaluate on the validation split.
    pub eval_strategy: IntervalStrategy,
    /// Evaluate every N steps; below 1, every fraction of the run. Default: `logging_steps`.
    pub eval_steps: Option<Steps>,
    /// Evaluate once before the first step.
    pub eval_on_start: bool,
    /// Don't evaluate before this many steps, or with `eval_strategy` `epoch` this many epochs.
    pub eval_delay: f64,
    /// When to save a checkpoint; `best` saves after each evaluation that is the best so far.
    pub save_strategy: SaveStrategy,
    /// Save every N steps; below 1, every fraction of the run.
    pub save_steps: Steps,
    /// Save the model without the optimizer's state: a third of the size, and no run can be resumed from it.
    pub save_only_model: bool,
    /// Keep at most N checkpoints; the best one is always kept.
    pub save_total_limit: Option<usize>,
    /// End with the weights of the best checkpoint instead of the last.
    pub load_best_model_at_end: bool,
    /// The metric that decides which checkpoint is best. Default: `loss`.
    pub metric_for_best_model: Option<String>,
    /// Whether a higher metric is better. Default: yes, but for losses and errors (names that end in `loss`, `mse`, `mae`).
    pub greater_is_better: Option<bool>,
    /// End the training when `metric_for_best_model` hasn't improved in this many evaluations in succession.
    pub early_stopping_patience: Option<u64>,
    /// How much the metric must improve for an evaluation to count as better.
    pub early_stopping_threshold: f64,
    /// Continue from this checkpoint, or with `true` from the last one.
    pub resume_from_checkpoint: ResumeFrom,
}

/// Metrics of which less is better, beside those whose names end in `loss`. transformers takes more of them for
/// better unless told otherwise, and so keeps the worst model.
pub const ERRORS: [&str; 2] = ["mse", "mae"];

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
            devices: None,
            autotune: false,
            per_device_train_batch_size: 8,
            per_device_eval_batch_size: 8,
            gradient_accumulation_steps: 1,
            auto_find_batch_size: false,
            gradient_checkpointing: false,
            fp16: false,
            fp16_full_eval: false,
            num_train_epochs: 3.0,
            max_steps: -1,
            dataloader_drop_last: false,
            group_by_length: false,
            train_sampling_strategy: SamplingStrategy::Random,
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
            class_weights: ClassWeights::None,
            loss: LossType::CrossEntropy,
            focal_gamma: 2.0,
            weighted_sampling: false,
            train_head_only: false,
            freeze_embeddings: false,
            freeze_layers: None,
            llrd: 1.0,
            seed: 42,
            data_seed: None,
            logging_strategy: IntervalStrategy::Steps,
            logging_steps: Steps(500.0),
            logging_first_step: false,
            include_num_input_tokens_seen: TokenCount::default(),
            log_level: LogLevel::Passive,
            disable_tqdm: false,
            run_name: None,
            report_to: ReportTo::default(),
            logging_dir: None,
            eval_strategy: IntervalStrategy::No,
            eval_steps: None,
            eval_on_start: false,
            eval_delay: 0.0,
            save_strategy: SaveStrategy::Steps,
            save_only_model: false,
            save_steps: Steps(500.0),
            save_total_limit: None,
            load_best_model_at_end: false,
            metric_for_best_model: None,
            greater_is_better: None,
            early_stopping_patience: None,
            early_stopping_threshold: 0.0,
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

    /// The order of rows, by either of the arguments that ask for it.
    #[must_use]
    pub fn sampling(&self) -> SamplingStrategy {
        match self.group_by_length {
            true => SamplingStrategy::GroupByLength,
            false => self.train_sampling_strategy,
        }
    }

    /// Whether the validation split is evaluated at all.
    #[must_use]
    pub fn evaluates(&self) -> bool {
        self.do_eval || self.eval_on_start || self.eval_strategy != IntervalStrategy::No
    }

    /// The metric that chooses the best checkpoint, and that early stopping and some schedules follow, with the
    /// prefix `eval_`, and whether more of it is better. `None` where no metric is named and none of these is
    /// asked for.
    #[must_use]
    pub fn best_metric(&self) -> Option<(String, bool)> {
        let name = match &self.metric_for_best_model {
            Some(name) => name.as_str(),
            None if self.load_best_model_at_end
                || self.early_stopping_patience.is_some()
                || self.save_strategy == SaveStrategy::Best
                || self.lr_scheduler_type.follows_metric() =>
            {
                "loss"
            }
            None => return None,
        };
        let name = name.strip_prefix("eval_").unwrap_or(name);
        let greater = self
            .greater_is_better
            .unwrap_or_else(|| !name.ends_with("loss") && !ERRORS.contains(&name));
        Some((format!("eval_{name}"), greater))
    }
}

// Generated from crates/protocol by `TUNESMITH_UPDATE=1 cargo test -p tunesmith-protocol types`: do not edit.

/**
 * One line of the event stream: an `Event` with its place in the stream.
 *
 * In JSON the event's fields lie beside these two:
 * `{"version":1,"seq":4,"type":"warning","message":"…"}`.
 */
export type Record = {
  /** `PROTOCOL_VERSION` of the writer. */
  version: number,
  /**
   * Place in the stream: 0 begins a stream, later records have greater numbers. A gap means that
   * step events were coalesced.
   */
  seq: number,
} & Event;

/**
 * Something that happened in a run. Only `Event::Step` may be coalesced on the way to a screen;
 * no other event is ever dropped.
 */
export type Event = { "type": "run_started" } & RunStarted | { "type": "download",
  /** The file, as the hub names it. */
  file: string,
  /** Bytes here so far. */
  loaded: number,
  /** Bytes in all, where the server says so. */
  total: number | null,
} | { "type": "progress",
  /** The stage, as a person reads it: `tokenizing`, `evaluating`. */
  stage: string,
  /** Items done. */
  done: number,
  /** Items in all. */
  total: number,
} | { "type": "dataset_ready" } & DatasetReady | { "type": "step" } & Step | { "type": "log" } & Log | { "type": "eval" } & Eval | { "type": "checkpoint",
  /** Optimizer steps taken. */
  step: number,
  /** The checkpoint's folder. */
  path: string,
} | { "type": "warning",
  /** What, where, and what to do. */
  message: string,
} | { "type": "device_lost",
  /** What the driver said, and what to do. */
  message: string,
} | { "type": "done" } & Done | { "type": "failed",
  /** What, where, and what to do. */
  message: string,
};

/** What is about to be trained, on what, and for how long. */
export type RunStarted = {
  /** `model_name_or_path`. */
  model: string,
  /** The data set: a hub id with its configuration (`glue/mrpc`), a folder, or a file. */
  dataset: string,
  /** The GLUE task that gives the metrics, if one was named. */
  task: string | null,
  /** The device that computes. */
  device: DeviceInfo,
  /** Further devices that compute beside it, in the order of ranks. */
  other_devices?: Array<DeviceInfo>,
  /** Rows of the training split, after `max_train_samples`. */
  num_examples: number,
  /** Epochs planned; a fraction where `max_steps` or `num_train_epochs` says so. */
  num_epochs: number,
  /** Optimizer steps planned. */
  total_steps: number,
  /** Rows of a batch on each device. */
  per_device_train_batch_size: number,
  /** Batches to an optimizer step. */
  gradient_accumulation_steps: number,
  /** The seed of everything random. */
  seed: number,
  /** Numbers that the optimizer changes. */
  trainable_parameters: number,
  /** The optimizer steps already taken, where the run goes on from a checkpoint. */
  resumed_from_step: number | null,
  /**
   * The tensors of the layer that gives the answer, where the checkpoint has none: they start from
   * random values, and this run trains them.
   */
  new_parameters?: Array<string>,
};

/** The device a run computes on, as the person should see it. */
export type DeviceInfo = {
  /** The adapter's own name. */
  name: string,
  /** What drives it: `vulkan`, `metal`, `dx12`, `webgpu`, `flex`. */
  backend: string,
  /** What sort of device it is. */
  kind: DeviceKind,
};

/**
 * What sort of device computes. A software adapter is told apart because it may be handed out
 * silently and is many times slower than what a person expects of "the GPU".
 */
export type DeviceKind = "discrete_gpu" | "integrated_gpu" | "software_gpu" | "cpu" | "other";

/** The splits of the data, ready for the first batch. */
export type DatasetReady = {
  /** The splits, in the data set's order. */
  splits: Array<Split>,
  /** The label's names in the order of their ids; empty for a regression. */
  labels: Array<string>,
  /** What is predicted. */
  problem_type: ProblemType,
};

/** One split of a data set. */
export type Split = {
  /** `train`, `validation`, `test`. */
  name: string,
  /** Rows. */
  num_rows: number,
  /** A digest of the tokenized rows, by which two targets compare; `null` where none was taken. */
  digest: string | null,
  /**
   * Of a split to be measured on whose rows have one class each: the most frequent class. Always
   * giving it is the least that a model should beat.
   */
  most_frequent?: LabelCount,
};

/** One optimizer step. */
export type Step = {
  /** Optimizer steps taken, this one included: the first is 1. */
  step: number,
  /** Epochs done, with the fraction of the current one. */
  epoch: number,
  /** The mean loss over the step's rows, before the update; the device's `f32` exactly. */
  loss: number | null,
  /** The learning rate this step used. */
  learning_rate: number,
  /** The global norm of the gradients before clipping. */
  grad_norm: number | null,
  /** Rows in this step. */
  batch_rows: number,
  /** The padded length of the step's longest batch, in tokens. */
  batch_length: number,
  /**
   * A digest of the step's batches, padding, attention mask and labels included, by which two
   * targets compare.
   */
  batch_digest: string,
  /** Rows a second, smoothed; 0 until it is known. */
  samples_per_second: number,
  /** Seconds until the last step at this speed; `null` until it is known. */
  remaining_seconds: number | null,
};

/** The Trainer's training entry in `log_history`, with its keys in its order. */
export type Log = {
  /** Epochs done. */
  epoch: number,
  /** The last step's global gradient norm, before clipping. */
  grad_norm: number | null,
  /** The last step's learning rate. */
  learning_rate: number,
  /** The mean loss since the last entry. */
  loss: number | null,
  /** Optimizer steps taken. */
  step: number,
};

/** An evaluation of one split. */
export type Eval = {
  /** Epochs done. */
  epoch: number,
  /** Optimizer steps taken. */
  step: number,
  /** The split's name. */
  split: string,
  /** The mean loss over the split. */
  loss: number | null,
  /** The metrics by evaluate's names, without a prefix. */
  metrics: Metrics,
  /** Each label, or each type of entity, by itself; empty where a row has one class or a number. */
  per_class?: Array<ClassReport>,
  /** Seconds the evaluation took. */
  runtime: number,
  /** Rows a second. */
  samples_per_second: number,
  /** Batches a second. */
  steps_per_second: number,
};

/** Metric values by name, in a fixed order; a JSON object, with `null` where a value is not finite. */
export type Metrics = { [name: string]: number | null };

/** The end of a run: the last entry of `log_history`, and where the result lies. */
export type Done = {
  /** The folder that holds the fine-tuned model. */
  output_dir: string,
  /** Optimizer steps taken. */
  step: number,
  /** Epochs done. */
  epoch: number,
  /** The mean loss over the whole training. */
  train_loss: number | null,
  /** Seconds of training. */
  train_runtime: number,
  /** Rows a second. */
  train_samples_per_second: number,
  /** Optimizer steps a second. */
  train_steps_per_second: number,
  /** The best value of `metric_for_best_model`, where one is kept. */
  best_metric: number | null,
  /** The checkpoint of that value. */
  best_model_checkpoint: string | null,
  /** Whether the run ended early because a `Command` asked for it. */
  stopped: boolean,
};

/** How far a run is. Whether it is paused is the shell's to know, who asked for it. */
export type RunState = "idle" | "preparing" | "training" | "done" | "device_lost" | "failed";

/** One point of the loss curve. */
export type LossPoint = {
  /** Optimizer steps taken. */
  step: number,
  /** The step's loss. */
  loss: number | null,
  /** The step's learning rate. */
  learning_rate: number,
  /** The step's global gradient norm, before clipping. */
  grad_norm: number | null,
};

/** How far a file's download is. */
export type DownloadState = {
  /** The file. */
  file: string,
  /** Bytes here so far. */
  loaded: number,
  /** Bytes in all, where known. */
  total: number | null,
};

/** How far a stage is. */
export type ProgressState = {
  /** The stage. */
  stage: string,
  /** Items done. */
  done: number,
  /** Items in all. */
  total: number,
};

/** All that a screen shows of a run. */
export type RunView = {
  /** How far the run is. */
  state: RunState,
  /** The last record applied. */
  seq: number | null,
  /** What is trained, on what. */
  run: RunStarted | null,
  /** The data. */
  dataset: DatasetReady | null,
  /** Downloads, in the order in which they began. */
  downloads: Array<DownloadState>,
  /** The stage in progress; `null` when it is complete and while steps are taken. */
  progress: ProgressState | null,
  /** The last step. */
  step: Step | null,
  /** The loss curve, by ascending step. */
  losses: Array<LossPoint>,
  /** The training entries of the log. */
  logs: Array<Log>,
  /** The evaluations. */
  evals: Array<Eval>,
  /** The last checkpoint's folder, from which a run can be resumed. */
  last_checkpoint: string | null,
  /** All warnings. */
  warnings: Array<string>,
  /** The latest thing said to the person: a warning, an error, or that a checkpoint was written. */
  message: string | null,
  /** How the run ended. */
  done: Done | null,
};

/** A request to a run in progress; in JSON `{"type": "stop_and_save"}`. */
export type Command = { "type": "pause" } | { "type": "resume" } | { "type": "stop" } | { "type": "stop_and_save" };

/** Everything a run is told before it starts. */
export type RunConfig = ModelArguments & DataArguments & TrainingArguments;

/** Which checkpoint is fine-tuned. */
export type ModelArguments = {
  /**
   * The checkpoint to start from: a name on the Hugging Face Hub, or a folder with `config.json`
   * and `model.safetensors`. Required.
   */
  model_name_or_path: string,
  /** Branch, tag or commit of the checkpoint on the Hub. Default: `main`. */
  model_revision: string,
  /** Use the tokenizer of another model: a name on the Hub or a folder. */
  tokenizer_name: string | null,
  /** Folder for downloads. Default: the cache shared with Python (`HF_HUB_CACHE`). */
  cache_dir: string | null,
  /**
   * If the checkpoint's classifier has another number of labels, start a new one instead of
   * stopping with an error.
   */
  ignore_mismatched_sizes: boolean,
  /** Sets all three dropout rates of the model, 0 to 1; 0 turns dropout off. */
  dropout: number | null,
  /** Dropout of the hidden layers, 0 to 1, instead of the model's. */
  hidden_dropout_prob: number | null,
  /** Dropout of the attention weights, 0 to 1, instead of the model's. */
  attention_probs_dropout_prob: number | null,
  /** Dropout before the classifier, 0 to 1, instead of the model's. */
  classifier_dropout: number | null,
};

/**
 * Which rows, and how their text becomes tokens.
 *
 * Two defaults are the course's and not run_glue's: padding is dynamic, and a row is cut at the
 * model's own limit.
 */
export type DataArguments = {
  /** A GLUE task (`mrpc`): sets the metrics, and the dataset if none is named. */
  task_name: string | null,
  /** A dataset's name on the Hub, or a folder laid out like one. */
  dataset_name: string | null,
  /** The dataset's configuration (`mrpc` of `glue`). */
  dataset_config_name: string | null,
  /**
   * Training rows: CSV, TSV, JSON, JSON Lines, parquet or `.xlsx`. Several files stand with commas between, or are named
   * by a pattern (`part-*.csv`).
   */
  train_file: string | null,
  /** Validation rows, in the same formats. */
  validation_file: string | null,
  /**
   * If there is no validation split, set aside this percentage of the training rows, 1 to 99.
   *
   * The rows are those that `datasets`' `train_test_split(test_size=N/100, seed=42)` takes,
   * whatever the run's seed, so that runs can be compared. run_mlm's argument of this name takes
   * the first rows, which in a file sorted by label are all of one class.
   */
  validation_split_percentage: number | null,
  /** Test rows, in the same formats. */
  test_file: string | null,
  /**
   * The one or two text columns, as a list or separated by commas; for tagged words, the column of
   * words. Default: what the task says, else the first text columns.
   */
  text_column_names: Array<string> | null,
  /** The column with the labels. Default: `label`, else the column of tags or of several labels. */
  label_column_name: string | null,
  /**
   * For several labels a row: the columns with 1 where a row has the label and 0 where not, as a
   * list or separated by commas. Each label is called what its column is.
   */
  label_column_names: Array<string> | null,
  /**
   * For several labels a row in one column of text: what stands between two labels. Default: `|`,
   * `;`, a tab or a comma, whichever the column uses.
   */
  label_separator: string | null,
  /**
   * What is predicted: one class a row, several labels, a number, or the class of each token.
   * Default: what the labels look like.
   */
  problem_type: ProblemType | null,
  /**
   * For several labels a row: the probability above which a label is predicted; a number, one for
   * each label, or `tune` for the best F1 on the validation rows. Default: 0.5. It is saved with the
   * model.
   */
  threshold: Threshold | null,
  /** For tagged tokens: label all tokens of a word, and not only its first. */
  label_all_tokens: boolean,
  /**
   * What evaluations measure, as a list or separated by commas: `f1_macro`, `roc_auc`, `log_loss` and others; an
   * unknown name lists them. Default: what the task or the labels are usually judged by.
   */
  metric_name: Array<string> | null,
  /** Maximum number of tokens per row, special tokens included. Default: the model's limit. */
  max_seq_length: number | null,
  /** Which text to cut if a row is too long. */
  truncation: Truncation,
  /** Pad every row to `max_seq_length` instead of to the longest row of its batch. */
  pad_to_max_length: boolean,
  /** Round the padded length of a batch up to a multiple of this. */
  pad_to_multiple_of: number | null,
  /** Tokenize again even if the rows are in the cache. */
  overwrite_cache: boolean,
  /** What the training split is called in the data set. Default: `train`. */
  train_split_name: string | null,
  /** What the validation split is called in the data set. Default: `validation`. */
  validation_split_name: string | null,
  /** What the test split is called in the data set. Default: `test`. */
  test_split_name: string | null,
  /** Splits of the data set to leave out, as a list or separated by commas. */
  remove_splits: Array<string> | null,
  /** Columns to leave out, as a list or separated by commas. */
  remove_columns: Array<string> | null,
  /** Shuffle the training rows once before `max_train_samples` takes the first. */
  shuffle_train_dataset: boolean,
  /** The seed of `shuffle_train_dataset`. Default: 42. */
  shuffle_seed: number | null,
  /** Use only the first N training rows. */
  max_train_samples: number | null,
  /** Use only the first N validation rows. */
  max_eval_samples: number | null,
  /** Use only the first N test rows. */
  max_predict_samples: number | null,
};

/** How to train, evaluate and save. The defaults are those of transformers 5. */
export type TrainingArguments = {
  /** Folder for the model and its checkpoints. */
  output_dir: string,
  /** Write into `output_dir` even if it isn't empty. */
  overwrite_output_dir: boolean,
  /** Train. */
  do_train: boolean,
  /** Evaluate on the validation split at the end. On if `eval_strategy` isn't `no`. */
  do_eval: boolean,
  /** Predict the test split at the end. */
  do_predict: boolean,
  /** Where to compute. */
  device: DeviceChoice,
  /**
   * Train on several devices: `all` GPUs, numbers as `tunesmith doctor` lists the adapters (`0,1`), or `cpu:2` for
   * two CPU workers. Each takes batches of `per_device_train_batch_size` rows.
   */
  devices: string | null,
  /**
   * Time the variants of the matrix product on this device, then use the fastest; a GPU's first use does so by itself.
   *
   * Later runs use what that found; in a browser it is only done when asked for. Otherwise they are chosen by the sort of adapter. A run's numbers are the same up to rounding, not
   * bit for bit.
   */
  autotune: boolean,
  /** Rows per training batch. */
  per_device_train_batch_size: number,
  /** Rows per evaluation batch. */
  per_device_eval_batch_size: number,
  /** Batches per optimizer step. */
  gradient_accumulation_steps: number,
  /** Where a batch doesn't fit into memory, compute it in smaller parts; a step has as many rows as before. */
  auto_find_batch_size: boolean,
  /**
   * Keep less of each layer for the backward pass, and compute the rest again: less memory, a third more time, the
   * same numbers.
   */
  gradient_checkpointing: boolean,
  /**
   * Store activations as 16-bit numbers (half precision), with dynamic loss scaling: about half the memory for
   * activations, nearly the same results. Works on every device.
   */
  fp16: boolean,
  /** Store activations as 16-bit numbers in evaluations and predictions, too, where `fp16` is off. */
  fp16_full_eval: boolean,
  /** How many times to go through the training rows. May be fractional. */
  num_train_epochs: number,
  /** Number of optimizer steps. If greater than 0, it replaces `num_train_epochs`. */
  max_steps: number,
  /** Drop the last batch of an epoch if it isn't full. */
  dataloader_drop_last: boolean,
  /** Put rows of similar length into the same batch, which saves padding. */
  group_by_length: boolean,
  /** The order of rows: `random`, as they are (`sequential`), or `group_by_length`. */
  train_sampling_strategy: SamplingStrategy,
  /** The peak learning rate of AdamW. */
  learning_rate: number,
  /** How the learning rate changes during training. */
  lr_scheduler_type: SchedulerType,
  /** Options of the schedule: `num_cycles` (cosine), `power` and `lr_end` (polynomial), and others. */
  lr_scheduler_kwargs: Partial<SchedulerKwargs>,
  /** Raise the learning rate from 0 over the first N steps; below 1, over a fraction of the run. */
  warmup_steps: Steps,
  /** Decoupled weight decay, applied to all parameters except biases and LayerNorm. */
  weight_decay: number,
  /** AdamW's beta1, for the mean of the gradient. */
  adam_beta1: number,
  /** AdamW's beta2, for the mean of the squared gradient. */
  adam_beta2: number,
  /** AdamW's epsilon. */
  adam_epsilon: number,
  /** Clip the global gradient norm to this value; 0 turns clipping off. */
  max_grad_norm: number,
  /** Label smoothing, 0 to 1: the share of a label's weight that is spread over all labels. */
  label_smoothing_factor: number,
  /**
   * How much each class counts in the loss: `balanced` (the rarer the more), `none`, or JSON with a number for each
   * label. The loss is the mean by these weights, over all rows of a step.
   *
   * As PyTorch's `CrossEntropyLoss(weight=…)`, and over all batches of a step: those that are accumulated and those of
   * other devices weigh by the sums of their labels' weights. Where tokens have labels, the mean is within a batch,
   * and batches weigh by their rows, as without weights. Evaluations have the same loss.
   */
  class_weights: ClassWeights,
  /** What is minimized where a row or token has one class; `focal` counts a row the less the surer the model is of it. */
  loss: LossType,
  /** The focal loss's gamma: a row counts times (1 - p) to the power of it, with p its label's probability. */
  focal_gamma: number,
  /** Draw the rows of an epoch with replacement, those of rare classes as often as those of frequent ones. */
  weighted_sampling: boolean,
  /** Train the head alone (with BERT's pooler), and leave all of the encoder as it is: the least time and memory. */
  train_head_only: boolean,
  /** Leave the embeddings as they are: words, positions (relative ones too) and segments. */
  freeze_embeddings: boolean,
  /**
   * Leave these layers as they are, counted from 0: `0-5`, or `0,1,3-5`.
   *
   * Nothing is computed, stored or saved for what is frozen: no gradients, no moments; the backward pass ends at the
   * lowest layer that is trained.
   */
  freeze_layers: string | null,
  /**
   * Layer-wise learning rate decay: each layer trains at the rate of the one above it times this, the embeddings
   * slowest; 0.9 is usual. 1 turns it off.
   *
   * The head has the full rate, and the topmost layer that times this.
   */
  llrd: number,
  /** Seed for everything random. */
  seed: number,
  /** Seed for the order of rows. Default: `seed`. */
  data_seed: number | null,
  /** When to log the mean training loss. */
  logging_strategy: IntervalStrategy,
  /** Log every N steps; below 1, every fraction of the run. */
  logging_steps: Steps,
  /** Also log the first step. */
  logging_first_step: boolean,
  /** Count the tokens of the training rows in `trainer_state.json`: `all`, or those that aren't padding. */
  include_num_input_tokens_seen: TokenCount,
  /** What the command writes on standard error; `error` and `critical` leave out warnings. */
  log_level: LogLevel,
  /** Draw no progress bars. */
  disable_tqdm: boolean,
  /** What the model card calls the model. Default: the output folder's name. */
  run_name: string | null,
  /** Write the log while training: `tensorboard` for event files, `csv` for a table, `all` for both. */
  report_to: ReportTo,
  /** Folder for what `report_to` writes. Default: a new folder in `runs` of `output_dir`. */
  logging_dir: string | null,
  /** When to evaluate on the validation split. */
  eval_strategy: IntervalStrategy,
  /** Evaluate every N steps; below 1, every fraction of the run. Default: `logging_steps`. */
  eval_steps: Steps | null,
  /** Evaluate once before the first step. */
  eval_on_start: boolean,
  /** Don't evaluate before this many steps, or with `eval_strategy` `epoch` this many epochs. */
  eval_delay: number,
  /** When to save a checkpoint; `best` saves after each evaluation that is the best so far. */
  save_strategy: SaveStrategy,
  /** Save every N steps; below 1, every fraction of the run. */
  save_steps: Steps,
  /** Save the model without the optimizer's state: a third of the size, and no run can be resumed from it. */
  save_only_model: boolean,
  /** Keep at most N checkpoints; the best one is always kept. */
  save_total_limit: number | null,
  /** End with the weights of the best checkpoint instead of the last. */
  load_best_model_at_end: boolean,
  /** The metric that decides which checkpoint is best. Default: `loss`. */
  metric_for_best_model: string | null,
  /** Whether a higher metric is better. Default: yes, but for losses and errors (names that end in `loss`, `mse`, `mae`). */
  greater_is_better: boolean | null,
  /** End the training when `metric_for_best_model` hasn't improved in this many evaluations in succession. */
  early_stopping_patience: number | null,
  /** How much the metric must improve for an evaluation to count as better. */
  early_stopping_threshold: number,
  /** Continue from this checkpoint, or with `true` from the last one. */
  resume_from_checkpoint: ResumeFrom,
};

/** How the learning rate changes over a run, after warm-up. */
export type SchedulerType = "linear" | "cosine" | "cosine_with_restarts" | "polynomial" | "constant" | "constant_with_warmup" | "inverse_sqrt" | "reduce_lr_on_plateau" | "cosine_with_min_lr" | "cosine_warmup_with_min_lr" | "warmup_stable_decay" | "greedy";

/**
 * transformers' `lr_scheduler_kwargs`. Each has a meaning for some schedules only, and is refused with
 * another. What is left out has transformers' default.
 */
export type SchedulerKwargs = {
  /**
   * `cosine`, `cosine_with_min_lr`, `cosine_warmup_with_min_lr`, `warmup_stable_decay`: waves over
   * the fall, 0.5 by default, which falls once from the top to the end. `cosine_with_restarts`: how many
   * times it falls, 1 by default.
   */
  num_cycles: number | null,
  /** `polynomial`: the power, 1 by default. */
  power: number | null,
  /** `polynomial`: the learning rate at the end, 1e-7 by default. */
  lr_end: number | null,
  /**
   * `inverse_sqrt`: steps until the rate has fallen to 0.7, by default those of the warm-up, or 10,000
   * where there is none.
   */
  timescale: number | null,
  /**
   * `cosine_with_min_lr`, `cosine_warmup_with_min_lr`: the rate at the end. `reduce_lr_on_plateau`,
   * `greedy`: the lowest rate, by default 0 and 0.001.
   */
  min_lr: number | null,
  /**
   * `cosine_with_min_lr`, `cosine_warmup_with_min_lr`: the rate at the end as a share of the top, in
   * place of `min_lr`.
   */
  min_lr_rate: number | null,
  /**
   * `cosine_warmup_with_min_lr`: the rate at the start as a share of the top, by default 1 divided by
   * the steps of the warm-up.
   */
  warmup_lr_rate: number | null,
  /** `warmup_stable_decay`: steps of the fall. Has no default. */
  num_decay_steps: number | null,
  /** `warmup_stable_decay`: steps at the top, by default those that warm-up and fall leave. */
  num_stable_steps: number | null,
  /** `warmup_stable_decay`: the curve of the rise, `linear` by default. */
  warmup_type: RateCurve | null,
  /** `warmup_stable_decay`: the curve of the fall, `cosine` by default. */
  decay_type: RateCurve | null,
  /** `warmup_stable_decay`: the rate at both ends as a share of the top, 0 by default. */
  min_lr_ratio: number | null,
  /** `reduce_lr_on_plateau`, `greedy`: whether the metric should fall (`min`, the default) or rise. */
  mode: MetricMode | null,
  /**
   * `reduce_lr_on_plateau`, `greedy`: what the rate is multiplied by to lower it, by default 0.1 and
   * 0.95; `greedy` divides by it to raise it.
   */
  factor: number | null,
  /**
   * `reduce_lr_on_plateau`, `greedy`: how many evaluations in succession pass before the rate changes, 10
   * by default.
   */
  patience: number | null,
  /** `reduce_lr_on_plateau`, `greedy`: the least improvement that counts, by default 1e-4 and 1e-6. */
  threshold: number | null,
  /** `reduce_lr_on_plateau`, `greedy`: what `threshold` is measured by, by default `rel` and `abs`. */
  threshold_mode: ThresholdMode | null,
  /** `reduce_lr_on_plateau`, `greedy`: evaluations that count for nothing after a fall, 0 by default. */
  cooldown: number | null,
  /** `greedy`: evaluations that count for nothing after a rise, 0 by default. */
  warmup: number | null,
  /** `greedy`: the highest rate, 1 by default. */
  max_lr: number | null,
  /** `reduce_lr_on_plateau`, `greedy`: a smaller change of the rate is not made, 1e-8 by default. */
  eps: number | null,
  /** `greedy`: whether the mean of the last values is followed, not the last value. Off by default. */
  smooth: boolean | null,
  /** `greedy`: how many values that mean is of, 50 by default. */
  window_size: number | null,
  /** `greedy`: how many falls at the lowest rate lead back to the first rate, 500 by default. */
  reset_start: number | null,
};

/** Which values of a metric are better. */
export type MetricMode = "min" | "max";

/** What an improvement is measured by. */
export type ThresholdMode = "rel" | "abs";

/** The curve that a rate rises or falls along. */
export type RateCurve = "linear" | "cosine" | "1-sqrt";

/** How often something is done. */
export type IntervalStrategy = "no" | "steps" | "epoch";

/** When a checkpoint is saved. */
export type SaveStrategy = "no" | "steps" | "epoch" | "best";

/** In which order the rows of an epoch come. */
export type SamplingStrategy = "random" | "sequential" | "group_by_length";

/** What a head of classes minimizes. */
export type LossType = "cross_entropy" | "focal";

/**
 * How much each class counts in the loss. In JSON `"none"`, `"balanced"`, an object of labels and numbers, or a list
 * with a number for each label in the order of their ids.
 */
export type ClassWeights = "none" | "balanced" | { [label: string]: number } | readonly number[];

/** Which tokens of the training rows are counted; in JSON also `true` (all) and `false` (none). */
export type TokenCount = "no" | "all" | "non_padding";

/** What the command writes on standard error. */
export type LogLevel = "passive" | "debug" | "info" | "warning" | "error" | "critical";

/** What is cut where a row has more tokens than fit. */
export type Truncation = "longest_first" | "only_first" | "only_second" | "do_not_truncate";

/** What a model is trained to tell of a row. */
export type ProblemType = "single_label_classification" | "multi_label_classification" | "regression" | "token_classification";

/**
 * The probability above which a label is predicted, where a row may have several labels. In JSON a
 * number, a list with one for each label, or `"tune"`.
 */
export type Threshold = number | readonly number[] | "tune";

/** Who is told of a training's log. In JSON `"none"`, `"all"`, a name, or a list of names. */
export type ReportTo = "none" | "all" | "tensorboard" | "csv" | readonly ("tensorboard" | "csv")[];

/** Where a run computes. */
export type DeviceChoice = "auto" | "gpu" | "cpu" | "software-gpu";

/** The type of the numbers in an ONNX file, by transformers.js's names. */
export type OnnxDtype = "fp32" | "fp16" | "q8";

/** A number of optimizer steps, or where it is less than 1 a share of the run's steps. */
export type Steps = number;

/** Which checkpoint a run goes on from. In JSON `false`, `true` (the last) or a path. */
export type ResumeFrom = boolean | string;

/** What was opened, before anything else is asked. */
export type Opened = {
  /** Where files are kept. */
  storage: Storage,
  /** Why files can't be kept for longer, where they are in memory. */
  reason: string | null,
  /** The version of Tunesmith. */
  version: string,
};

/** Where a browser's files are kept. */
export type Storage = "opfs" | "memory";

/** A request of a user interface to whoever holds the session; in JSON `{"type": "inspect", …}`. */
export type Request = { "type": "adapters" } | { "type": "list",
  /** The folder. */
  path: string,
} | { "type": "remove",
  /** Which one. */
  path: string,
} | { "type": "fetch_model",
  /** Its id, `owner/name`. */
  name: string,
  /** A branch, tag or commit; `main` where none is given. */
  revision?: string | null,
} | { "type": "check_model",
  /** The folder. */
  path: string,
} | { "type": "inspect",
  /** Which data, and which columns. */
  config: RunConfigJson,
} | { "type": "estimate",
  /** The training. */
  config: RunConfigJson,
} | { "type": "predict",
  /** The model's folder. */
  model: string,
  /** The texts. */
  texts: Array<Pair>,
  /** Where to compute. */
  device?: DeviceChoice,
} | { "type": "review",
  /** The run's configuration, whose validation split is read. */
  config: RunConfigJson,
  /** The model's folder. */
  model: string,
} | { "type": "runs" } | { "type": "memory" } | { "type": "onnx",
  /** The model's folder. */
  model: string,
  /** A file for each. */
  dtypes: Array<OnnxDtype>,
} | { "type": "zip",
  /** The folder. */
  path: string,
};

/** An adapter that could compute. */
export type AdapterInfo = {
  /** The driver's name for it. */
  name: string,
  /** `vulkan`, `metal`, `dx12`, `webgpu`. */
  backend: string,
  /** What sort of device it is. */
  kind: DeviceKind,
  /** The largest tensor it can bind, in bytes. */
  max_binding_bytes: number,
  /** The largest buffer it can allocate, in bytes. */
  max_buffer_bytes: number,
};

/** A file and its size. */
export type FileEntry = {
  /** Its whole path. */
  path: string,
  /** Bytes. */
  bytes: number,
};

/** A model or data set of the hub, found there or in the cache that all programs share. */
export type HubRepo = {
  /** Its id: `owner/name`, of an old one `name`. */
  id: string,
  /** Its downloads of the last 30 days, where the hub told. */
  downloads: number | null,
  /** The bytes that it takes up on this computer, where it was looked for in the cache. */
  bytes: number | null,
};

/** How much memory is held, in bytes. */
export type MemoryUsage = {
  /** The program's own; in a browser it never shrinks. */
  host_bytes: number,
  /** On the devices that are open, whether in use or kept for the next step. */
  device_bytes: number,
};

/** Where something was put. */
export type Place = {
  /** The folder or file. */
  path: string,
  /** Bytes of a file. */
  bytes: number | null,
};

/** A text, or two to be read together. */
export type Pair = {
  /** The text, or the first of the two. */
  text: string,
  /** The second text. */
  text_pair?: string | null,
};

/** What a model says of a text, by what it was trained to tell. */
export type Prediction = { "problem_type": "single_label_classification",
  /** The most likely class, or `unknown` where its probability lies below a threshold that was asked for. */
  label: string,
  /** The id of the most likely class. */
  label_id: number,
  /** Its probability. */
  score: number,
  /** The probabilities of all classes in the order of their ids: `[num_labels]`. */
  scores: Array<number>,
  /** The model's outputs as they are: `[num_labels]`. */
  logits: Array<number>,
} | { "problem_type": "multi_label_classification",
  /** The labels whose probability lies above their threshold, the most likely first. */
  labels: Array<string>,
  /** The probabilities of all labels in the order of their ids: `[num_labels]`. */
  scores: Array<number>,
  /** The model's outputs as they are: `[num_labels]`. */
  logits: Array<number>,
} | { "problem_type": "regression",
  /** The number. */
  score: number,
  /** The model's output as it is: `[1]`. */
  logits: Array<number>,
} | { "problem_type": "token_classification",
  /** The entities in their order. */
  entities: Array<Entity>,
};

/** A part of a text with a class, such as a name; in the fields of transformers' pipeline. */
export type Entity = {
  /** Its type (`PER`); the whole tag (`B-PER`) where tokens stand by themselves. */
  entity_group: string,
  /** Its probability, the mean of its tokens' or words'. */
  score: number,
  /** Its tokens put together as the tokenizer does; the text itself is between `start` and `end`. */
  word: string,
  /** Its first character, counted from 0 in Unicode characters (not UTF-16 units or bytes). */
  start: number,
  /** The character after its last. */
  end: number,
};

/** A prediction, and what the model read. */
export type TokenizedPrediction = {
  /** The text's tokens, special ones included. */
  tokens: Array<string>,
} & Prediction;

/** What data looks like before it is tokenized. */
export type Inspection = {
  /** The splits with their rows, in the data set's order. */
  splits: Array<SplitInfo>,
  /** The columns of the first split. */
  columns: Array<ColumnInfo>,
  /** The first rows of the first split, a cell a column; `null` where a cell is empty. */
  rows: Array<Array<string | null>>,
  /** The columns that a training would take as text: one, or a pair. */
  text_column_names: Array<string>,
  /** The column that it would take as the label, where there is one. */
  label_column_name: string | null,
  /** The columns of 0 and 1 that it would take as labels, where there are several. */
  label_column_names: Array<string>,
  /** What it would predict; `null` where there are no labels. */
  problem_type: ProblemType | null,
  /**
   * How often each label occurs in the first split, by label, and each type of entity where tokens
   * are tagged; the most frequent ones of a great many.
   */
  label_counts: Array<LabelCount>,
  /** What should be known of the data. */
  warnings: Array<string>,
};

/** A split and its rows. */
export type SplitInfo = {
  /** `train`, `validation`, `test`. */
  name: string,
  /** Rows. */
  num_rows: number,
};

/** A column and what it holds. */
export type ColumnInfo = {
  /** Its name. */
  name: string,
  /** What it holds. */
  kind: ColumnKind,
};

/** What a column holds. */
export type ColumnKind = "text" | "label" | "number" | "list" | "other";

/** A label and how often it occurs. */
export type LabelCount = {
  /** The class's name, the value, or the type of entity. */
  label: string,
  /** Rows that have it; entities of this type. */
  count: number,
};

/** What a training would take, by formula. */
export type Estimate = {
  /** Numbers that are trained. */
  parameters: number,
  /** Weights, gradients, moments, and what the longest batch keeps, in bytes. */
  device_bytes: number,
  /** The largest single tensor, which must fit a binding, in bytes. */
  largest_bytes: number,
  /** Optimizer steps. */
  total_steps: number,
  /** Rows of the training split. */
  num_examples: number,
  /** The longest row that is assumed, in tokens. */
  longest_length: number,
};

/** What a trained model gets right and wrong on a split. */
export type Review = {
  /** The split. */
  split: string,
  /** What the model predicts. */
  problem_type: ProblemType,
  /** Rows that were compared. */
  num_rows: number,
  /** Those that are wholly right; for numbers, 0. */
  num_right: number,
  /** The metrics over all rows by evaluate's names. */
  metrics: Metrics,
  /** The labels' names in the order of their ids; none for numbers. */
  labels: Array<string>,
  /** Rows by their true class, then by the predicted one, where a row has one class; else empty. */
  confusion: Array<Array<number>>,
  /** Each class, label or type of entity by itself; none for numbers. */
  per_class: Array<ClassReport>,
  /** The rows with the greatest loss among those it got wrong, the worst first. */
  most_wrong: Array<WrongRow>,
  /** Where numbers are predicted: the true and the predicted number of each of the first rows. */
  numbers?: Array<[number, number]>,
  /**
   * How often probabilities from 0 to 1 were right, by tenths: those of the predicted class of each row or token,
   * or of each label of each row where a row may have several. None for numbers.
   */
  calibration?: Array<CalibrationBin>,
};

/**
 * The precision, recall and F1 of a class, label or type of entity, as scikit-learn's
 * `classification_report` and seqeval have them.
 */
export type ClassReport = {
  /** The class, label or type. */
  label: string,
  /** Of those predicted to be of it, the share that is. */
  precision: number,
  /** Of those that are of it, the share that was predicted to be. */
  recall: number,
  /** The harmonic mean of the two. */
  f1: number,
  /** How many are of it. */
  support: number,
};

/** Probabilities that are close to each other. */
export type CalibrationBin = {
  /** From this probability on. */
  from: number,
  /** Below this one; the last holds 1 too. */
  to: number,
  /** How many there are. */
  count: number,
  /** Of those, how many were right; where a row may have several labels, how many have the label. */
  right: number,
  /** Their mean; 0 where there are none. */
  mean_score: number,
};

/** A row that the model got wrong. */
export type WrongRow = {
  /** Its number in the split, from 0. */
  row: number,
  /** Its text. */
  text: string,
  /** Its second text. */
  text_pair: string | null,
  /**
   * What is true of it: its class, its labels with commas between, its number, or its entities with
   * their types.
   */
  label: string,
  /** What the model said, written in the same way. */
  predicted: string,
  /** The probability that the model gave the true class, where a row has one; else `null`. */
  score: number | null,
  /** The probability that the model gave its own answer, where a row has one class; else `null`. */
  confidence: number | null,
  /** The row's loss. */
  loss: number | null,
};

/** A run whose output is kept. */
export type SavedRun = {
  /** Its folder. */
  output_dir: string,
  /** The step of its last checkpoint or of its end. */
  last_step: number,
  /** The steps that were planned. */
  total_steps: number | null,
  /** Its configuration, as far as it was kept. */
  config: RunConfig | null,
  /** Whether it came to its end. */
  finished: boolean,
  /** Whether another window or command writes to its folder now. */
  in_use: boolean,
  /** What it wrote to `all_results.json`: `train_loss`, `eval_accuracy`. */
  results?: Metrics,
  /** The names of its model's classes, by their number. */
  labels?: Array<string>,
  /** What its model predicts, where it has one. */
  problem_type: ProblemType | null,
};

/** The arguments of a run; what is left out has transformers' default. */
export type RunConfigJson = Partial<RunConfig>;

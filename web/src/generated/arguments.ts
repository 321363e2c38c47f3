// Generated from crates/protocol by `TUNESMITH_UPDATE=1 cargo test -p tunesmith-protocol types`: do not edit.

import type { RunConfigJson } from "./protocol.js";

/** An argument's name. */
export type ArgumentName = keyof RunConfigJson;

/** How a value is entered: a word for one that is typed or switched, or the words to choose from. */
export type ArgumentKind = "integer" | "number" | "text" | "flag" | "json" | readonly string[];

/** One argument. */
export type Argument = {
  /** The name, as JSON and transformers spell it. */
  name: ArgumentName,
  /** How a value is entered. */
  kind: ArgumentKind,
  /** What holds where nothing is entered, as a person reads it. */
  fallback: string,
  /** The first paragraph of its documentation, without backticks. */
  help: string,
};

/** Arguments that belong together. */
export type ArgumentGroup = {
  /** The heading. */
  group: string,
  /** The arguments, in the order in which they are shown. */
  items: readonly Argument[],
};

/** Arguments that the panels set by themselves: which model, which data, which columns. */
export const SET_BY_PANELS: readonly ArgumentName[] = [
  "model_name_or_path",
  "cache_dir",
  "dataset_name",
  "dataset_config_name",
  "train_file",
  "validation_file",
  "validation_split_percentage",
  "test_file",
  "train_split_name",
  "validation_split_name",
  "test_split_name",
  "remove_splits",
  "remove_columns",
  "text_column_names",
  "label_column_name",
  "label_column_names",
  "problem_type",
];

/** The arguments by group, in the order in which they are shown. */
export const ARGUMENTS: readonly ArgumentGroup[] = [
  {
    group: "Length of the run",
    items: [
      { name: "num_train_epochs", kind: "number", fallback: "3", help: "How many times to go through the training rows. May be fractional." },
      { name: "max_steps", kind: "integer", fallback: "-1", help: "Number of optimizer steps. If greater than 0, it replaces num_train_epochs." },
      { name: "per_device_train_batch_size", kind: "integer", fallback: "8", help: "Rows per training batch." },
      { name: "gradient_accumulation_steps", kind: "integer", fallback: "1", help: "Batches per optimizer step." },
      { name: "auto_find_batch_size", kind: "flag", fallback: "false", help: "Where a batch doesn't fit into memory, compute it in smaller parts; a step has as many rows as before." },
      { name: "gradient_checkpointing", kind: "flag", fallback: "false", help: "Keep less of each layer for the backward pass, and compute the rest again: less memory, a third more time, the same numbers." },
      { name: "fp16", kind: "flag", fallback: "false", help: "Store activations as 16-bit numbers (half precision), with dynamic loss scaling: about half the memory for activations, nearly the same results. Works on every device." },
      { name: "fp16_full_eval", kind: "flag", fallback: "false", help: "Store activations as 16-bit numbers in evaluations and predictions, too, where fp16 is off." },
      { name: "max_train_samples", kind: "integer", fallback: "all", help: "Use only the first N training rows." },
      { name: "shuffle_train_dataset", kind: "flag", fallback: "false", help: "Shuffle the training rows once before max_train_samples takes the first." },
      { name: "shuffle_seed", kind: "integer", fallback: "42 here", help: "The seed of shuffle_train_dataset. Default: 42." },
      { name: "dataloader_drop_last", kind: "flag", fallback: "false", help: "Drop the last batch of an epoch if it isn't full." },
      { name: "group_by_length", kind: "flag", fallback: "false", help: "Put rows of similar length into the same batch, which saves padding." },
      { name: "train_sampling_strategy", kind: ["random", "sequential", "group_by_length"], fallback: "random", help: "The order of rows: random, as they are (sequential), or group_by_length." },
    ],
  },
  {
    group: "Optimizer",
    items: [
      { name: "learning_rate", kind: "number", fallback: "5e-5", help: "The peak learning rate of AdamW." },
      { name: "lr_scheduler_type", kind: ["linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt", "reduce_lr_on_plateau", "cosine_with_min_lr", "cosine_warmup_with_min_lr", "warmup_stable_decay", "greedy"], fallback: "linear", help: "How the learning rate changes during training." },
      { name: "lr_scheduler_kwargs", kind: "json", fallback: "{}", help: "Options of the schedule: num_cycles (cosine), power and lr_end (polynomial), and others." },
      { name: "warmup_steps", kind: "number", fallback: "0", help: "Raise the learning rate from 0 over the first N steps; below 1, over a fraction of the run." },
      { name: "weight_decay", kind: "number", fallback: "0", help: "Decoupled weight decay, applied to all parameters except biases and LayerNorm." },
      { name: "adam_beta1", kind: "number", fallback: "0.9", help: "AdamW's beta1, for the mean of the gradient." },
      { name: "adam_beta2", kind: "number", fallback: "0.999", help: "AdamW's beta2, for the mean of the squared gradient." },
      { name: "adam_epsilon", kind: "number", fallback: "1e-8", help: "AdamW's epsilon." },
      { name: "max_grad_norm", kind: "number", fallback: "1", help: "Clip the global gradient norm to this value; 0 turns clipping off." },
      { name: "label_smoothing_factor", kind: "number", fallback: "0", help: "Label smoothing, 0 to 1: the share of a label's weight that is spread over all labels." },
      { name: "class_weights", kind: "text", fallback: "none", help: "How much each class counts in the loss: balanced (the rarer the more), none, or JSON with a number for each label. The loss is the mean by these weights, over all rows of a step." },
      { name: "loss", kind: ["cross_entropy", "focal"], fallback: "cross_entropy", help: "What is minimized where a row or token has one class; focal counts a row the less the surer the model is of it." },
      { name: "focal_gamma", kind: "number", fallback: "2", help: "The focal loss's gamma: a row counts times (1 - p) to the power of it, with p its label's probability." },
      { name: "weighted_sampling", kind: "flag", fallback: "false", help: "Draw the rows of an epoch with replacement, those of rare classes as often as those of frequent ones." },
    ],
  },
  {
    group: "Parts that are trained",
    items: [
      { name: "train_head_only", kind: "flag", fallback: "false", help: "Train the head alone (with BERT's pooler), and leave all of the encoder as it is: the least time and memory." },
      { name: "freeze_embeddings", kind: "flag", fallback: "false", help: "Leave the embeddings as they are: words, positions (relative ones too) and segments." },
      { name: "freeze_layers", kind: "text", fallback: "", help: "Leave these layers as they are, counted from 0: 0-5, or 0,1,3-5." },
      { name: "llrd", kind: "number", fallback: "1", help: "Layer-wise learning rate decay: each layer trains at the rate of the one above it times this, the embeddings slowest; 0.9 is usual. 1 turns it off." },
    ],
  },
  {
    group: "Text",
    items: [
      { name: "max_seq_length", kind: "integer", fallback: "the model's", help: "Maximum number of tokens per row, special tokens included. Default: the model's limit." },
      { name: "truncation", kind: ["longest_first", "only_first", "only_second", "do_not_truncate"], fallback: "longest_first", help: "Which text to cut if a row is too long." },
      { name: "pad_to_max_length", kind: "flag", fallback: "false", help: "Pad every row to max_seq_length instead of to the longest row of its batch." },
      { name: "pad_to_multiple_of", kind: "integer", fallback: "none", help: "Round the padded length of a batch up to a multiple of this." },
      { name: "overwrite_cache", kind: "flag", fallback: "false", help: "Tokenize again even if the rows are in the cache." },
      { name: "task_name", kind: "text", fallback: "none", help: "A GLUE task (mrpc): sets the metrics, and the dataset if none is named." },
    ],
  },
  {
    group: "Labels",
    items: [
      { name: "label_separator", kind: "text", fallback: "found", help: "For several labels a row in one column of text: what stands between two labels. Default: |, ;, a tab or a comma, whichever the column uses." },
      { name: "threshold", kind: "text", fallback: "0.5 each", help: "For several labels a row: the probability above which a label is predicted; a number, one for each label, or tune for the best F1 on the validation rows. Default: 0.5. It is saved with the model." },
      { name: "label_all_tokens", kind: "flag", fallback: "false", help: "For tagged tokens: label all tokens of a word, and not only its first." },
    ],
  },
  {
    group: "Model",
    items: [
      { name: "model_revision", kind: "text", fallback: "main", help: "Branch, tag or commit of the checkpoint on the Hub. Default: main." },
      { name: "tokenizer_name", kind: "text", fallback: "the model's", help: "Use the tokenizer of another model: a name on the Hub or a folder." },
      { name: "ignore_mismatched_sizes", kind: "flag", fallback: "false", help: "If the checkpoint's classifier has another number of labels, start a new one instead of stopping with an error." },
      { name: "dropout", kind: "number", fallback: "the model's", help: "Sets all three dropout rates of the model, 0 to 1; 0 turns dropout off." },
      { name: "hidden_dropout_prob", kind: "number", fallback: "the model's", help: "Dropout of the hidden layers, 0 to 1, instead of the model's." },
      { name: "attention_probs_dropout_prob", kind: "number", fallback: "the model's", help: "Dropout of the attention weights, 0 to 1, instead of the model's." },
      { name: "classifier_dropout", kind: "number", fallback: "the model's", help: "Dropout before the classifier, 0 to 1, instead of the model's." },
    ],
  },
  {
    group: "Evaluation",
    items: [
      { name: "do_eval", kind: "flag", fallback: "false", help: "Evaluate on the validation split at the end. On if eval_strategy isn't no." },
      { name: "eval_strategy", kind: ["no", "steps", "epoch"], fallback: "no", help: "When to evaluate on the validation split." },
      { name: "eval_steps", kind: "number", fallback: "logging_steps", help: "Evaluate every N steps; below 1, every fraction of the run. Default: logging_steps." },
      { name: "eval_on_start", kind: "flag", fallback: "false", help: "Evaluate once before the first step." },
      { name: "eval_delay", kind: "number", fallback: "0", help: "Don't evaluate before this many steps, or with eval_strategy epoch this many epochs." },
      { name: "metric_name", kind: "text", fallback: "the task's", help: "What evaluations measure, as a list or separated by commas: f1_macro, roc_auc, log_loss and others; an unknown name lists them. Default: what the task or the labels are usually judged by." },
      { name: "per_device_eval_batch_size", kind: "integer", fallback: "8", help: "Rows per evaluation batch." },
      { name: "max_eval_samples", kind: "integer", fallback: "all", help: "Use only the first N validation rows." },
      { name: "do_predict", kind: "flag", fallback: "false", help: "Predict the test split at the end." },
      { name: "max_predict_samples", kind: "integer", fallback: "all", help: "Use only the first N test rows." },
    ],
  },
  {
    group: "Checkpoints and output",
    items: [
      { name: "output_dir", kind: "text", fallback: "a new folder", help: "Folder for the model and its checkpoints." },
      { name: "overwrite_output_dir", kind: "flag", fallback: "false", help: "Write into output_dir even if it isn't empty." },
      { name: "save_strategy", kind: ["no", "steps", "epoch", "best"], fallback: "steps", help: "When to save a checkpoint; best saves after each evaluation that is the best so far." },
      { name: "save_steps", kind: "number", fallback: "500", help: "Save every N steps; below 1, every fraction of the run." },
      { name: "save_only_model", kind: "flag", fallback: "false", help: "Save the model without the optimizer's state: a third of the size, and no run can be resumed from it." },
      { name: "save_total_limit", kind: "integer", fallback: "all", help: "Keep at most N checkpoints; the best one is always kept." },
      { name: "load_best_model_at_end", kind: "flag", fallback: "false", help: "End with the weights of the best checkpoint instead of the last." },
      { name: "metric_for_best_model", kind: "text", fallback: "loss", help: "The metric that decides which checkpoint is best. Default: loss." },
      { name: "greater_is_better", kind: "flag", fallback: "by its name", help: "Whether a higher metric is better. Default: yes, but for losses and errors (names that end in loss, mse, mae)." },
      { name: "early_stopping_patience", kind: "integer", fallback: "off", help: "End the training when metric_for_best_model hasn't improved in this many evaluations in succession." },
      { name: "early_stopping_threshold", kind: "number", fallback: "0", help: "How much the metric must improve for an evaluation to count as better." },
      { name: "resume_from_checkpoint", kind: "text", fallback: "false", help: "Continue from this checkpoint, or with true from the last one." },
    ],
  },
  {
    group: "Logging, device and seeds",
    items: [
      { name: "logging_strategy", kind: ["no", "steps", "epoch"], fallback: "steps", help: "When to log the mean training loss." },
      { name: "logging_steps", kind: "number", fallback: "500", help: "Log every N steps; below 1, every fraction of the run." },
      { name: "logging_first_step", kind: "flag", fallback: "false", help: "Also log the first step." },
      { name: "include_num_input_tokens_seen", kind: ["no", "all", "non_padding"], fallback: "no", help: "Count the tokens of the training rows in trainer_state.json: all, or those that aren't padding." },
      { name: "log_level", kind: ["passive", "debug", "info", "warning", "error", "critical"], fallback: "passive", help: "What the command writes on standard error; error and critical leave out warnings." },
      { name: "disable_tqdm", kind: "flag", fallback: "false", help: "Draw no progress bars." },
      { name: "run_name", kind: "text", fallback: "the folder", help: "What the model card calls the model. Default: the output folder's name." },
      { name: "report_to", kind: ["none", "tensorboard", "csv", "all"], fallback: "none", help: "Write the log while training: tensorboard for event files, csv for a table, all for both." },
      { name: "logging_dir", kind: "text", fallback: "in output_dir", help: "Folder for what report_to writes. Default: a new folder in runs of output_dir." },
      { name: "do_train", kind: "flag", fallback: "true", help: "Train." },
      { name: "device", kind: ["auto", "gpu", "cpu", "software-gpu"], fallback: "auto", help: "Where to compute." },
      { name: "devices", kind: "text", fallback: "", help: "Train on several devices: all GPUs, numbers as tunesmith doctor lists the adapters (0,1), or cpu:2 for two CPU workers. Each takes batches of per_device_train_batch_size rows." },
      { name: "autotune", kind: "flag", fallback: "false", help: "Time the variants of the matrix product on this device, then use the fastest; a GPU's first use does so by itself." },
      { name: "seed", kind: "integer", fallback: "42", help: "Seed for everything random." },
      { name: "data_seed", kind: "integer", fallback: "seed", help: "Seed for the order of rows. Default: seed." },
    ],
  },
];

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
  "text_column_names",
  "label_column_name",
];

/** The arguments by group, in the order in which they are shown. */
export const ARGUMENTS: readonly ArgumentGroup[] = [
  {
    group: "Length of the run",
    items: [
      { name: "num_train_epochs", kind: "number", fallback: "3", help: "Epochs; a fraction ends within one." },
      { name: "max_steps", kind: "integer", fallback: "-1", help: "Optimizer steps, in place of num_train_epochs where it is greater than 0." },
      { name: "per_device_train_batch_size", kind: "integer", fallback: "8", help: "Rows of a training batch." },
      { name: "gradient_accumulation_steps", kind: "integer", fallback: "1", help: "Batches to an optimizer step." },
      { name: "max_train_samples", kind: "integer", fallback: "all", help: "Use only the first so many training rows." },
      { name: "dataloader_drop_last", kind: "flag", fallback: "false", help: "Leave out an epoch's last batch where it is not full." },
      { name: "group_by_length", kind: "flag", fallback: "false", help: "Draw batches of rows of like length, which saves padding." },
    ],
  },
  {
    group: "Optimizer",
    items: [
      { name: "learning_rate", kind: "number", fallback: "5e-5", help: "AdamW's step size after warm-up." },
      { name: "lr_scheduler_type", kind: ["linear", "cosine", "constant", "constant_with_warmup", "polynomial"], fallback: "linear", help: "How the learning rate changes." },
      { name: "lr_scheduler_kwargs", kind: "json", fallback: "{}", help: "What the schedule needs besides: num_cycles (cosine), power and lr_end (polynomial)." },
      { name: "warmup_steps", kind: "number", fallback: "0", help: "Steps over which the learning rate rises from 0; less than 1 is a share of the run." },
      { name: "weight_decay", kind: "number", fallback: "0", help: "Decoupled weight decay, on all but biases and LayerNorm." },
      { name: "adam_beta1", kind: "number", fallback: "0.9", help: "AdamW's beta of the mean gradient." },
      { name: "adam_beta2", kind: "number", fallback: "0.999", help: "AdamW's beta of the mean squared gradient." },
      { name: "adam_epsilon", kind: "number", fallback: "1e-8", help: "AdamW's epsilon." },
      { name: "max_grad_norm", kind: "number", fallback: "1", help: "The global gradient norm that a step is clipped to; 0 clips nothing." },
      { name: "label_smoothing_factor", kind: "number", fallback: "0", help: "The share of a label's weight that is spread over all labels, 0 to 1." },
    ],
  },
  {
    group: "Text",
    items: [
      { name: "max_seq_length", kind: "integer", fallback: "the model's", help: "The most tokens of a row, special ones included. Default: the model's limit." },
      { name: "truncation", kind: ["longest_first", "only_first", "only_second", "do_not_truncate"], fallback: "longest_first", help: "What is cut where a row is longer." },
      { name: "pad_to_max_length", kind: "flag", fallback: "false", help: "Pad every row to max_seq_length instead of to the longest of its batch." },
      { name: "pad_to_multiple_of", kind: "integer", fallback: "none", help: "Pad the batch's length up to a multiple of this." },
      { name: "overwrite_cache", kind: "flag", fallback: "false", help: "Tokenize again although the cache holds these rows." },
      { name: "task_name", kind: "text", fallback: "none", help: "A GLUE task (mrpc): names the metrics, and the data where no data set or file is named." },
    ],
  },
  {
    group: "Model",
    items: [
      { name: "model_revision", kind: "text", fallback: "main", help: "Branch, tag or commit on the hub, of the model and of tokenizer_name. Default main." },
      { name: "tokenizer_name", kind: "text", fallback: "the model's", help: "A tokenizer other than the model's: a hub id or a folder." },
      { name: "ignore_mismatched_sizes", kind: "flag", fallback: "false", help: "Draw a new head where the checkpoint's has another number of labels, instead of an error." },
      { name: "dropout", kind: "number", fallback: "the model's", help: "Overrides all three dropouts of the config, 0 to 1; 0 turns dropout off." },
      { name: "hidden_dropout_prob", kind: "number", fallback: "the model's", help: "Overrides the config's dropout of the hidden layers, 0 to 1." },
      { name: "attention_probs_dropout_prob", kind: "number", fallback: "the model's", help: "Overrides the config's dropout of the attention weights, 0 to 1." },
      { name: "classifier_dropout", kind: "number", fallback: "the model's", help: "Overrides the config's dropout before the head, 0 to 1." },
    ],
  },
  {
    group: "Evaluation",
    items: [
      { name: "do_eval", kind: "flag", fallback: "false", help: "Evaluate on the validation split at the end; implied by an eval_strategy other than no." },
      { name: "eval_strategy", kind: ["no", "steps", "epoch"], fallback: "no", help: "When the validation split is evaluated." },
      { name: "eval_steps", kind: "number", fallback: "logging_steps", help: "Every so many steps; less than 1 is a share of the run. Default logging_steps." },
      { name: "per_device_eval_batch_size", kind: "integer", fallback: "8", help: "Rows of an evaluation batch." },
      { name: "max_eval_samples", kind: "integer", fallback: "all", help: "Use only the first so many validation rows." },
      { name: "do_predict", kind: "flag", fallback: "false", help: "Predict the test split at the end." },
      { name: "max_predict_samples", kind: "integer", fallback: "all", help: "Use only the first so many test rows." },
    ],
  },
  {
    group: "Checkpoints and output",
    items: [
      { name: "output_dir", kind: "text", fallback: "a new folder", help: "Where the model and its checkpoints are written." },
      { name: "overwrite_output_dir", kind: "flag", fallback: "false", help: "Write into output_dir although it holds something." },
      { name: "save_strategy", kind: ["no", "steps", "epoch"], fallback: "steps", help: "When a checkpoint is written." },
      { name: "save_steps", kind: "number", fallback: "500", help: "Every so many steps; less than 1 is a share of the run." },
      { name: "save_total_limit", kind: "integer", fallback: "all", help: "Keep only so many checkpoints, the best one always among them." },
      { name: "load_best_model_at_end", kind: "flag", fallback: "false", help: "End with the best checkpoint's weights instead of the last's." },
      { name: "metric_for_best_model", kind: "text", fallback: "loss", help: "What \"best\" means; default loss." },
      { name: "greater_is_better", kind: "flag", fallback: "by its name", help: "Whether more is better; default yes, except where the metric's name ends in loss." },
      { name: "resume_from_checkpoint", kind: "text", fallback: "false", help: "Go on from this checkpoint, or with true from the last." },
    ],
  },
  {
    group: "Logging, device and seeds",
    items: [
      { name: "logging_strategy", kind: ["no", "steps", "epoch"], fallback: "steps", help: "When the mean training loss is logged." },
      { name: "logging_steps", kind: "number", fallback: "500", help: "Every so many steps; less than 1 is a share of the run." },
      { name: "logging_first_step", kind: "flag", fallback: "false", help: "Log the first step too." },
      { name: "do_train", kind: "flag", fallback: "true", help: "Train." },
      { name: "device", kind: ["auto", "gpu", "cpu", "software-gpu"], fallback: "auto", help: "Where to compute." },
      { name: "autotune", kind: "flag", fallback: "false", help: "Time the matrix product's variants on the device first, and take the quickest." },
      { name: "seed", kind: "integer", fallback: "42", help: "The seed of everything random." },
      { name: "data_seed", kind: "integer", fallback: "seed", help: "The seed of the order of rows; default seed." },
    ],
  },
];

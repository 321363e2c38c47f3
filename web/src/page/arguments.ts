/** Every argument of a run that a person can set, as the drawer lists it. */

import type { RunConfigJson } from "../generated/protocol.js";

/** An argument's name. */
export type ArgumentName = keyof RunConfigJson;

/** How a value is entered. */
export type ArgumentKind = "integer" | "number" | "text" | "flag" | "json" | readonly string[];

/** One argument. */
export interface Argument {
  name: ArgumentName;
  kind: ArgumentKind;
  /** What holds where nothing is entered, as a person reads it. */
  fallback: string;
  /** The first lines of its documentation. */
  help: string;
}

/** Arguments that the panels set by themselves: which data, which columns, which model. */
export const SET_BY_PANELS: readonly ArgumentName[] = [
  "model_name_or_path",
  "cache_dir",
  "dataset_name",
  "dataset_config_name",
  "train_file",
  "validation_file",
  "test_file",
  "text_column_names",
  "label_column_name",
];

const SCHEDULES = ["linear", "cosine", "constant", "constant_with_warmup", "polynomial"] as const;
const INTERVALS = ["no", "steps", "epoch"] as const;
const TRUNCATIONS = ["longest_first", "only_first", "only_second", "do_not_truncate"] as const;
const DEVICES = ["auto", "gpu", "cpu", "software-gpu"] as const;

function argument(name: ArgumentName, kind: ArgumentKind, fallback: string, help: string): Argument {
  return { name, kind, fallback, help };
}

/** The arguments by group, in the order in which they are shown. */
export const ARGUMENTS: readonly { group: string; items: readonly Argument[] }[] = [
  {
    group: "Length of the run",
    items: [
      argument("num_train_epochs", "number", "3", "Epochs; a fraction ends within one."),
      argument("max_steps", "integer", "-1", "Optimizer steps, in place of num_train_epochs where it is greater than 0."),
      argument("per_device_train_batch_size", "integer", "8", "Rows of a training batch."),
      argument("gradient_accumulation_steps", "integer", "1", "Batches to an optimizer step."),
      argument("max_train_samples", "integer", "all", "Use only the first so many training rows."),
      argument("dataloader_drop_last", "flag", "false", "Leave out an epoch's last batch where it is not full."),
      argument("group_by_length", "flag", "false", "Draw batches of rows of like length, which saves padding."),
    ],
  },
  {
    group: "Optimizer",
    items: [
      argument("learning_rate", "number", "5e-5", "AdamW's step size after warm-up."),
      argument("lr_scheduler_type", SCHEDULES, "linear", "How the learning rate changes."),
      argument("lr_scheduler_kwargs", "json", "{}", "What the schedule needs besides."),
      argument("warmup_steps", "number", "0", "Steps over which the learning rate rises from 0; less than 1 is a share of the run."),
      argument("weight_decay", "number", "0", "Decoupled weight decay, on all but biases and LayerNorm."),
      argument("adam_beta1", "number", "0.9", "AdamW's beta of the mean gradient."),
      argument("adam_beta2", "number", "0.999", "AdamW's beta of the mean squared gradient."),
      argument("adam_epsilon", "number", "1e-8", "AdamW's epsilon."),
      argument("max_grad_norm", "number", "1", "The global gradient norm that a step is clipped to; 0 clips nothing."),
      argument("label_smoothing_factor", "number", "0", "The share of a label's weight that is spread over all labels, 0 to 1."),
    ],
  },
  {
    group: "Text",
    items: [
      argument("max_seq_length", "integer", "the model's", "The most tokens of a row, special ones included. Default: the model's limit."),
      argument("truncation", TRUNCATIONS, "longest_first", "What is cut where a row is longer."),
      argument("pad_to_max_length", "flag", "false", "Pad every row to max_seq_length instead of to the longest of its batch."),
      argument("pad_to_multiple_of", "integer", "none", "Pad the batch's length up to a multiple of this."),
      argument("overwrite_cache", "flag", "false", "Tokenize again although the cache holds these rows."),
      argument("task_name", "text", "none", "A GLUE task (mrpc): names the metrics, and the data where no data set or file is named."),
    ],
  },
  {
    group: "Model",
    items: [
      argument("model_revision", "text", "main", "Branch, tag or commit on the hub. Default main."),
      argument("tokenizer_name", "text", "the model's", "A tokenizer other than the model's: a hub id or a folder."),
      argument("ignore_mismatched_sizes", "flag", "false", "Draw a new head where the checkpoint's has another number of labels, instead of an error."),
      argument("dropout", "number", "the model's", "Overrides all three dropouts of the config, 0 to 1; 0 turns dropout off."),
      argument("hidden_dropout_prob", "number", "the model's", "Overrides the config's dropout of the hidden layers, 0 to 1."),
      argument("attention_probs_dropout_prob", "number", "the model's", "Overrides the config's dropout of the attention weights, 0 to 1."),
      argument("classifier_dropout", "number", "the model's", "Overrides the config's dropout before the head, 0 to 1."),
    ],
  },
  {
    group: "Evaluation",
    items: [
      argument("do_eval", "flag", "false", "Evaluate on the validation split at the end; implied by an eval_strategy other than no."),
      argument("eval_strategy", INTERVALS, "no", "When the validation split is evaluated."),
      argument("eval_steps", "number", "logging_steps", "Every so many steps; less than 1 is a share of the run. Default logging_steps."),
      argument("per_device_eval_batch_size", "integer", "8", "Rows of an evaluation batch."),
      argument("max_eval_samples", "integer", "all", "Use only the first so many validation rows."),
      argument("do_predict", "flag", "false", "Predict the test split at the end."),
      argument("max_predict_samples", "integer", "all", "Use only the first so many test rows."),
    ],
  },
  {
    group: "Checkpoints and output",
    items: [
      argument("output_dir", "text", "a new folder", "Where the model and its checkpoints are written."),
      argument("overwrite_output_dir", "flag", "false", "Write into output_dir although it holds something."),
      argument("save_strategy", INTERVALS, "steps", "When a checkpoint is written."),
      argument("save_steps", "number", "500", "Every so many steps; less than 1 is a share of the run."),
      argument("save_total_limit", "integer", "all", "Keep only so many checkpoints, the best one always among them."),
      argument("load_best_model_at_end", "flag", "false", "End with the best checkpoint's weights instead of the last's."),
      argument("metric_for_best_model", "text", "loss", "What \"best\" means; default loss."),
      argument("greater_is_better", "flag", "by its name", "Whether more is better; default yes, except where the metric's name ends in loss."),
      argument("resume_from_checkpoint", "text", "false", "Go on from a checkpoint."),
    ],
  },
  {
    group: "Logging, device and seeds",
    items: [
      argument("logging_strategy", INTERVALS, "steps", "When the mean training loss is logged."),
      argument("logging_steps", "number", "500", "Every so many steps; less than 1 is a share of the run."),
      argument("logging_first_step", "flag", "false", "Log the first step too."),
      argument("do_train", "flag", "true", "Train."),
      argument("device", DEVICES, "auto", "Where to compute."),
      argument("seed", "integer", "42", "The seed of everything random."),
      argument("data_seed", "integer", "seed", "The seed of the order of rows; default seed."),
    ],
  },
];

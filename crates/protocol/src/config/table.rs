//! Every argument of a run that a person can set, as a page or a window lists it. The web page's copy,
//! `web/src/generated/arguments.ts`, is made from this table.

mod panels;
mod parts;
#[cfg(test)]
mod tests;

use super::{
    CountedTokens, DeviceChoice, IntervalStrategy, LogLevel, LossType, ReportTo, SamplingStrategy,
    SaveStrategy, SchedulerType, Truncation,
};
use ArgumentKind::{Choice, Flag, Integer, Json, Number, Text};
pub use panels::SET_BY_PANELS;
use parts::PARTS;

/// How a value is entered: a word for one that is typed or switched, or the words to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(type = r#""integer" | "number" | "text" | "flag" | "json" | readonly string[]"#)
)]
pub enum ArgumentKind {
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// Any words.
    Text,
    /// Yes or no.
    Flag,
    /// A JSON object.
    Json,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// One argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Argument {
    /// The name, as JSON and transformers spell it.
    #[cfg_attr(test, ts(type = "ArgumentName"))]
    pub name: &'static str,
    /// How a value is entered.
    pub kind: ArgumentKind,
    /// What holds where nothing is entered, as a person reads it.
    pub fallback: &'static str,
    /// The first paragraph of its documentation, without backticks.
    pub help: &'static str,
}

impl Argument {
    /// The argument of this name; `None` where [`ARGUMENTS`] has none, as for those in
    /// [`SET_BY_PANELS`].
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let mut items = ARGUMENTS.iter().flat_map(|group| group.items);
        items.find(|argument| argument.name == name)
    }
}

/// Arguments that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ArgumentGroup {
    /// The heading.
    pub group: &'static str,
    /// The arguments, in the order in which they are shown.
    #[cfg_attr(test, ts(type = "readonly Argument[]"))]
    pub items: &'static [Argument],
}

const fn argument(
    name: &'static str,
    kind: ArgumentKind,
    fallback: &'static str,
    help: &'static str,
) -> Argument {
    Argument {
        name,
        kind,
        fallback,
        help,
    }
}

/// The arguments by group, in the order in which they are shown.
pub const ARGUMENTS: &[ArgumentGroup] = &[
    ArgumentGroup {
        group: "Length of the run",
        items: &[
            argument(
                "num_train_epochs",
                Number,
                "3",
                "How many times to go through the training rows. May be fractional.",
            ),
            argument(
                "max_steps",
                Integer,
                "-1",
                "Number of optimizer steps. If greater than 0, it replaces num_train_epochs.",
            ),
            argument(
                "per_device_train_batch_size",
                Integer,
                "8",
                "Rows per training batch.",
            ),
            argument(
                "gradient_accumulation_steps",
                Integer,
                "1",
                "Batches per optimizer step.",
            ),
            argument(
                "auto_find_batch_size",
                Flag,
                "false",
                "Where a batch doesn't fit into memory, compute it in smaller parts; a step has as many rows as before.",
            ),
            argument(
                "gradient_checkpointing",
                Flag,
                "false",
                "Keep less of each layer for the backward pass, and compute the rest again: less memory, a third more time, the same numbers.",
            ),
            argument(
                "fp16",
                Flag,
                "false",
                "Store activations as 16-bit numbers (half precision), with dynamic loss scaling: about half the memory for activations, nearly the same results. Works on every device.",
            ),
            argument(
                "fp16_full_eval",
                Flag,
                "false",
                "Store activations as 16-bit numbers in evaluations and predictions, too, where fp16 is off.",
            ),
            argument(
                "max_train_samples",
                Integer,
                "all",
                "Use only the first N training rows.",
            ),
            argument(
                "shuffle_train_dataset",
                Flag,
                "false",
                "Shuffle the training rows once before max_train_samples takes the first.",
            ),
            argument(
                "shuffle_seed",
                Integer,
                "42 here",
                "The seed of shuffle_train_dataset. Default: 42.",
            ),
            argument(
                "dataloader_drop_last",
                Flag,
                "false",
                "Drop the last batch of an epoch if it isn't full.",
            ),
            argument(
                "group_by_length",
                Flag,
                "false",
                "Put rows of similar length into the same batch, which saves padding.",
            ),
            argument(
                "train_sampling_strategy",
                Choice(SamplingStrategy::WORDS),
                "random",
                "The order of rows: random, as they are (sequential), or group_by_length.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Optimizer",
        items: &[
            argument(
                "learning_rate",
                Number,
                "5e-5",
                "The peak learning rate of AdamW.",
            ),
            argument(
                "lr_scheduler_type",
                Choice(SchedulerType::WORDS),
                "linear",
                "How the learning rate changes during training.",
            ),
            argument(
                "lr_scheduler_kwargs",
                Json,
                "{}",
                "Options of the schedule: num_cycles (cosine), power and lr_end (polynomial), and others.",
            ),
            argument(
                "warmup_steps",
                Number,
                "0",
                "Raise the learning rate from 0 over the first N steps; below 1, over a fraction of the run.",
            ),
            argument(
                "weight_decay",
                Number,
                "0",
                "Decoupled weight decay, applied to all parameters except biases and LayerNorm.",
            ),
            argument(
                "adam_beta1",
                Number,
                "0.9",
                "AdamW's beta1, for the mean of the gradient.",
            ),
            argument(
                "adam_beta2",
                Number,
                "0.999",
                "AdamW's beta2, for the mean of the squared gradient.",
            ),
            argument("adam_epsilon", Number, "1e-8", "AdamW's epsilon."),
            argument(
                "max_grad_norm",
                Number,
                "1",
                "Clip the global gradient norm to this value; 0 turns clipping off.",
            ),
            argument(
                "label_smoothing_factor",
                Number,
                "0",
                "Label smoothing, 0 to 1: the share of a label's weight that is spread over all labels.",
            ),
            argument(
                "class_weights",
                Text,
                "none",
                "How much each class counts in the loss: balanced (the rarer the more), none, or JSON with a number for each label. The loss is the mean by these weights, over all rows of a step.",
            ),
            argument(
                "loss",
                Choice(LossType::WORDS),
                "cross_entropy",
                "What is minimized where a row or token has one class; focal counts a row the less the surer the model is of it.",
            ),
            argument(
                "focal_gamma",
                Number,
                "2",
                "The focal loss's gamma: a row counts times (1 - p) to the power of it, with p its label's probability.",
            ),
            argument(
                "weighted_sampling",
                Flag,
                "false",
                "Draw the rows of an epoch with replacement, those of rare classes as often as those of frequent ones.",
            ),
        ],
    },
    PARTS,
    ArgumentGroup {
        group: "Text",
        items: &[
            argument(
                "max_seq_length",
                Integer,
                "the model's",
                "Maximum number of tokens per row, special tokens included. Default: the model's limit.",
            ),
            argument(
                "truncation",
                Choice(Truncation::WORDS),
                "longest_first",
                "Which text to cut if a row is too long.",
            ),
            argument(
                "pad_to_max_length",
                Flag,
                "false",
                "Pad every row to max_seq_length instead of to the longest row of its batch.",
            ),
            argument(
                "pad_to_multiple_of",
                Integer,
                "none",
                "Round the padded length of a batch up to a multiple of this.",
            ),
            argument(
                "overwrite_cache",
                Flag,
                "false",
                "Tokenize again even if the rows are in the cache.",
            ),
            argument(
                "task_name",
                Text,
                "none",
                "A GLUE task (mrpc): sets the metrics, and the dataset if none is named.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Labels",
        items: &[
            argument(
                "label_separator",
                Text,
                "found",
                "For several labels a row in one column of text: what stands between two labels. Default: |, ;, a tab or a comma, whichever the column uses.",
            ),
            argument(
                "threshold",
                Text,
                "0.5 each",
                "For several labels a row: the probability above which a label is predicted; a number, one for each label, or tune for the best F1 on the validation rows. Default: 0.5. It is saved with the model.",
            ),
            argument(
                "label_all_tokens",
                Flag,
                "false",
                "For tagged tokens: label all tokens of a word, and not only its first.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Model",
        items: &[
            argument(
                "model_revision",
                Text,
                "main",
                "Branch, tag or commit of the checkpoint on the Hub. Default: main.",
            ),
            argument(
                "tokenizer_name",
                Text,
                "the model's",
                "Use the tokenizer of another model: a name on the Hub or a folder.",
            ),
            argument(
                "ignore_mismatched_sizes",
                Flag,
                "false",
                "If the checkpoint's classifier has another number of labels, start a new one instead of stopping with an error.",
            ),
            argument(
                "dropout",
                Number,
                "the model's",
                "Sets all three dropout rates of the model, 0 to 1; 0 turns dropout off.",
            ),
            argument(
                "hidden_dropout_prob",
                Number,
                "the model's",
                "Dropout of the hidden layers, 0 to 1, instead of the model's.",
            ),
            argument(
                "attention_probs_dropout_prob",
                Number,
                "the model's",
                "Dropout of the attention weights, 0 to 1, instead of the model's.",
            ),
            argument(
                "classifier_dropout",
                Number,
                "the model's",
                "Dropout before the classifier, 0 to 1, instead of the model's.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Evaluation",
        items: &[
            argument(
                "do_eval",
                Flag,
                "false",
                "Evaluate on the validation split at the end. On if eval_strategy isn't no.",
            ),
            argument(
                "eval_strategy",
                Choice(IntervalStrategy::WORDS),
                "no",
                "When to evaluate on the validation split.",
            ),
            argument(
                "eval_steps",
                Number,
                "logging_steps",
                "Evaluate every N steps; below 1, every fraction of the run. Default: logging_steps.",
            ),
            argument(
                "eval_on_start",
                Flag,
                "false",
                "Evaluate once before the first step.",
            ),
            argument(
                "eval_delay",
                Number,
                "0",
                "Don't evaluate before this many steps, or with eval_strategy epoch this many epochs.",
            ),
            argument(
                "metric_name",
                Text,
                "the task's",
                "What evaluations measure, as a list or separated by commas: f1_macro, roc_auc, log_loss and others; an unknown name lists them. Default: what the task or the labels are usually judged by.",
            ),
            argument(
                "per_device_eval_batch_size",
                Integer,
                "8",
                "Rows per evaluation batch.",
            ),
            argument(
                "max_eval_samples",
                Integer,
                "all",
                "Use only the first N validation rows.",
            ),
            argument(
                "do_predict",
                Flag,
                "false",
                "Predict the test split at the end.",
            ),
            argument(
                "max_predict_samples",
                Integer,
                "all",
                "Use only the first N test rows.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Checkpoints and output",
        items: &[
            argument(
                "output_dir",
                Text,
                "a new folder",
                "Folder for the model and its checkpoints.",
            ),
            argument(
                "overwrite_output_dir",
                Flag,
                "false",
                "Write into output_dir even if it isn't empty.",
            ),
            argument(
                "save_strategy",
                Choice(SaveStrategy::WORDS),
                "steps",
                "When to save a checkpoint; best saves after each evaluation that is the best so far.",
            ),
            argument(
                "save_steps",
                Number,
                "500",
                "Save every N steps; below 1, every fraction of the run.",
            ),
            argument(
                "save_only_model",
                Flag,
                "false",
                "Save the model without the optimizer's state: a third of the size, and no run can be resumed from it.",
            ),
            argument(
                "save_total_limit",
                Integer,
                "all",
                "Keep at most N checkpoints; the best one is always kept.",
            ),
            argument(
                "load_best_model_at_end",
                Flag,
                "false",
                "End with the weights of the best checkpoint instead of the last.",
            ),
            argument(
                "metric_for_best_model",
                Text,
                "loss",
                "The metric that decides which checkpoint is best. Default: loss.",
            ),
            argument(
                "greater_is_better",
                Flag,
                "by its name",
                "Whether a higher metric is better. Default: yes, but for losses and errors (names that end in loss, mse, mae).",
            ),
            argument(
                "early_stopping_patience",
                Integer,
                "off",
                "End the training when metric_for_best_model hasn't improved in this many evaluations in succession.",
            ),
            argument(
                "early_stopping_threshold",
                Number,
                "0",
                "How much the metric must improve for an evaluation to count as better.",
            ),
            argument(
                "resume_from_checkpoint",
                Text,
                "false",
                "Continue from this checkpoint, or with true from the last one.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Logging, device and seeds",
        items: &[
            argument(
                "logging_strategy",
                Choice(IntervalStrategy::WORDS),
                "steps",
                "When to log the mean training loss.",
            ),
            argument(
                "logging_steps",
                Number,
                "500",
                "Log every N steps; below 1, every fraction of the run.",
            ),
            argument(
                "logging_first_step",
                Flag,
                "false",
                "Also log the first step.",
            ),
            argument(
                "include_num_input_tokens_seen",
                Choice(CountedTokens::WORDS),
                "no",
                "Count the tokens of the training rows in trainer_state.json: all, or those that aren't padding.",
            ),
            argument(
                "log_level",
                Choice(LogLevel::WORDS),
                "passive",
                "What the command writes on standard error; error and critical leave out warnings.",
            ),
            argument("disable_tqdm", Flag, "false", "Draw no progress bars."),
            argument(
                "run_name",
                Text,
                "the folder",
                "What the model card calls the model. Default: the output folder's name.",
            ),
            argument(
                "report_to",
                Choice(ReportTo::WORDS),
                "none",
                "Write the log while training: tensorboard for event files, csv for a table, all for both.",
            ),
            argument(
                "logging_dir",
                Text,
                "in output_dir",
                "Folder for what report_to writes. Default: a new folder in runs of output_dir.",
            ),
            argument("do_train", Flag, "true", "Train."),
            argument(
                "device",
                Choice(DeviceChoice::WORDS),
                "auto",
                "Where to compute.",
            ),
            argument(
                "devices",
                Text,
                "",
                "Train on several devices: all GPUs, numbers as tunesmith doctor lists the adapters (0,1), or cpu:2 for two CPU workers. Each takes batches of per_device_train_batch_size rows.",
            ),
            argument(
                "autotune",
                Flag,
                "false",
                "Time the variants of the matrix product on this device, then use the fastest; a GPU's first use does so by itself.",
            ),
            argument("seed", Integer, "42", "Seed for everything random."),
            argument(
                "data_seed",
                Integer,
                "seed",
                "Seed for the order of rows. Default: seed.",
            ),
        ],
    },
];

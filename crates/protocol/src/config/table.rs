//! Every argument of a run that a person can set, as a page or a window lists it. The web page's copy,
//! `web/src/generated/arguments.ts`, is made from this table.

use super::{DeviceChoice, IntervalStrategy, SchedulerType, Truncation};
use ArgumentKind::{Choice, Flag, Integer, Json, Number, Text};

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

/// Arguments that the panels set by themselves: which model, which data, which columns.
pub const SET_BY_PANELS: ArgumentGroup = ArgumentGroup {
    group: "Model and data",
    items: &[
        argument(
            "model_name_or_path",
            Text,
            "",
            "A hub id, or a folder with config.json and model.safetensors. Required.",
        ),
        argument(
            "cache_dir",
            Text,
            "",
            "The folder of downloads, models and data sets; default the shared HF_HUB_CACHE.",
        ),
        argument(
            "dataset_name",
            Text,
            "",
            "A hub id, or a folder in the Hub's layout.",
        ),
        argument(
            "dataset_config_name",
            Text,
            "",
            "The data set's configuration (mrpc of glue).",
        ),
        argument(
            "train_file",
            Text,
            "",
            "Training rows: CSV, TSV, JSON Lines or parquet.",
        ),
        argument("validation_file", Text, "", "Validation rows."),
        argument(
            "validation_split_percentage",
            Integer,
            "",
            "Where there is no validation split, this percentage of the training rows becomes one, 1 to 99.",
        ),
        argument("test_file", Text, "", "Test rows."),
        argument(
            "text_column_names",
            Text,
            "",
            "The one or two text columns; a list, or words with commas between. Default: what the task says, else the first string columns.",
        ),
        argument(
            "label_column_name",
            Text,
            "",
            "The label's column. Default label.",
        ),
    ],
};

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
                "Epochs; a fraction ends within one.",
            ),
            argument(
                "max_steps",
                Integer,
                "-1",
                "Optimizer steps, in place of num_train_epochs where it is greater than 0.",
            ),
            argument(
                "per_device_train_batch_size",
                Integer,
                "8",
                "Rows of a training batch.",
            ),
            argument(
                "gradient_accumulation_steps",
                Integer,
                "1",
                "Batches to an optimizer step.",
            ),
            argument(
                "max_train_samples",
                Integer,
                "all",
                "Use only the first so many training rows.",
            ),
            argument(
                "dataloader_drop_last",
                Flag,
                "false",
                "Leave out an epoch's last batch where it is not full.",
            ),
            argument(
                "group_by_length",
                Flag,
                "false",
                "Draw batches of rows of like length, which saves padding.",
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
                "AdamW's step size after warm-up.",
            ),
            argument(
                "lr_scheduler_type",
                Choice(SchedulerType::WORDS),
                "linear",
                "How the learning rate changes.",
            ),
            argument(
                "lr_scheduler_kwargs",
                Json,
                "{}",
                "What the schedule needs besides: num_cycles (cosine), power and lr_end (polynomial).",
            ),
            argument(
                "warmup_steps",
                Number,
                "0",
                "Steps over which the learning rate rises from 0; less than 1 is a share of the run.",
            ),
            argument(
                "weight_decay",
                Number,
                "0",
                "Decoupled weight decay, on all but biases and LayerNorm.",
            ),
            argument(
                "adam_beta1",
                Number,
                "0.9",
                "AdamW's beta of the mean gradient.",
            ),
            argument(
                "adam_beta2",
                Number,
                "0.999",
                "AdamW's beta of the mean squared gradient.",
            ),
            argument("adam_epsilon", Number, "1e-8", "AdamW's epsilon."),
            argument(
                "max_grad_norm",
                Number,
                "1",
                "The global gradient norm that a step is clipped to; 0 clips nothing.",
            ),
            argument(
                "label_smoothing_factor",
                Number,
                "0",
                "The share of a label's weight that is spread over all labels, 0 to 1.",
            ),
        ],
    },
    ArgumentGroup {
        group: "Text",
        items: &[
            argument(
                "max_seq_length",
                Integer,
                "the model's",
                "The most tokens of a row, special ones included. Default: the model's limit.",
            ),
            argument(
                "truncation",
                Choice(Truncation::WORDS),
                "longest_first",
                "What is cut where a row is longer.",
            ),
            argument(
                "pad_to_max_length",
                Flag,
                "false",
                "Pad every row to max_seq_length instead of to the longest of its batch.",
            ),
            argument(
                "pad_to_multiple_of",
                Integer,
                "none",
                "Pad the batch's length up to a multiple of this.",
            ),
            argument(
                "overwrite_cache",
                Flag,
                "false",
                "Tokenize again although the cache holds these rows.",
            ),
            argument(
                "task_name",
                Text,
                "none",
                "A GLUE task (mrpc): names the metrics, and the data where no data set or file is named.",
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
                "Branch, tag or commit on the hub, of the model and of tokenizer_name. Default main.",
            ),
            argument(
                "tokenizer_name",
                Text,
                "the model's",
                "A tokenizer other than the model's: a hub id or a folder.",
            ),
            argument(
                "ignore_mismatched_sizes",
                Flag,
                "false",
                "Draw a new head where the checkpoint's has another number of labels, instead of an error.",
            ),
            argument(
                "dropout",
                Number,
                "the model's",
                "Overrides all three dropouts of the config, 0 to 1; 0 turns dropout off.",
            ),
            argument(
                "hidden_dropout_prob",
                Number,
                "the model's",
                "Overrides the config's dropout of the hidden layers, 0 to 1.",
            ),
            argument(
                "attention_probs_dropout_prob",
                Number,
                "the model's",
                "Overrides the config's dropout of the attention weights, 0 to 1.",
            ),
            argument(
                "classifier_dropout",
                Number,
                "the model's",
                "Overrides the config's dropout before the head, 0 to 1.",
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
                "Evaluate on the validation split at the end; implied by an eval_strategy other than no.",
            ),
            argument(
                "eval_strategy",
                Choice(IntervalStrategy::WORDS),
                "no",
                "When the validation split is evaluated.",
            ),
            argument(
                "eval_steps",
                Number,
                "logging_steps",
                "Every so many steps; less than 1 is a share of the run. Default logging_steps.",
            ),
            argument(
                "per_device_eval_batch_size",
                Integer,
                "8",
                "Rows of an evaluation batch.",
            ),
            argument(
                "max_eval_samples",
                Integer,
                "all",
                "Use only the first so many validation rows.",
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
                "Use only the first so many test rows.",
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
                "Where the model and its checkpoints are written.",
            ),
            argument(
                "overwrite_output_dir",
                Flag,
                "false",
                "Write into output_dir although it holds something.",
            ),
            argument(
                "save_strategy",
                Choice(IntervalStrategy::WORDS),
                "steps",
                "When a checkpoint is written.",
            ),
            argument(
                "save_steps",
                Number,
                "500",
                "Every so many steps; less than 1 is a share of the run.",
            ),
            argument(
                "save_total_limit",
                Integer,
                "all",
                "Keep only so many checkpoints, the best one always among them.",
            ),
            argument(
                "load_best_model_at_end",
                Flag,
                "false",
                "End with the best checkpoint's weights instead of the last's.",
            ),
            argument(
                "metric_for_best_model",
                Text,
                "loss",
                "What \"best\" means; default loss.",
            ),
            argument(
                "greater_is_better",
                Flag,
                "by its name",
                "Whether more is better; default yes, except where the metric's name ends in loss.",
            ),
            argument(
                "resume_from_checkpoint",
                Text,
                "false",
                "Go on from this checkpoint, or with true from the last.",
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
                "When the mean training loss is logged.",
            ),
            argument(
                "logging_steps",
                Number,
                "500",
                "Every so many steps; less than 1 is a share of the run.",
            ),
            argument(
                "logging_first_step",
                Flag,
                "false",
                "Log the first step too.",
            ),
            argument("do_train", Flag, "true", "Train."),
            argument(
                "device",
                Choice(DeviceChoice::WORDS),
                "auto",
                "Where to compute.",
            ),
            argument(
                "autotune",
                Flag,
                "false",
                "Time the matrix product's variants on the device first, and take the quickest.",
            ),
            argument("seed", Integer, "42", "The seed of everything random."),
            argument(
                "data_seed",
                Integer,
                "seed",
                "The seed of the order of rows; default seed.",
            ),
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Map, Value, json};
    use ts_rs::{Config, TS};

    use super::*;
    use crate::{DataArguments, ModelArguments, RunConfig, TrainingArguments};

    fn all() -> impl Iterator<Item = &'static Argument> {
        ARGUMENTS.iter().flat_map(|group| group.items)
    }

    #[test]
    fn every_argument_has_one_place() {
        let shown = all().map(|argument| argument.name);
        let mut named: Vec<&str> = shown
            .chain(SET_BY_PANELS.items.iter().map(|set| set.name))
            .collect();
        let mut keys = RunConfig::keys();
        named.sort_unstable();
        keys.sort_unstable();
        assert_eq!(named, keys);
    }

    #[test]
    fn an_argument_is_found_by_its_name() {
        let found = Argument::named("seed").expect("seed can be set");
        assert_eq!((found.kind, found.fallback), (Integer, "42"));
        assert_eq!(Argument::named("train_file"), None);
    }

    #[test]
    fn help_is_what_the_documentation_says() {
        let config = Config::new();
        let documented: BTreeMap<String, String> = [
            ModelArguments::decl(&config),
            DataArguments::decl(&config),
            TrainingArguments::decl(&config),
        ]
        .iter()
        .flat_map(|declaration| documentation(declaration))
        .collect();
        for Argument { name, help, .. } in all().chain(SET_BY_PANELS.items) {
            assert_eq!(
                Some(*help),
                documented.get(*name).map(String::as_str),
                "{name}"
            );
        }
    }

    /// The fields of a TypeScript declaration, each with the first paragraph of its comment.
    fn documentation(declaration: &str) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        let mut comment = Vec::new();
        for line in declaration.lines().map(str::trim) {
            if line.ends_with("/**") {
                comment.clear();
            } else if let Some(text) = line.strip_prefix('*') {
                comment.push(text.trim().replace('`', ""));
            } else if let Some((name, _)) = line.split_once(": ") {
                // The last line is the slash that ends the comment.
                let paragraph = comment.split(|line| line.is_empty() || line == "/").next();
                fields.push((name.to_owned(), paragraph.unwrap_or_default().join(" ")));
            }
        }
        fields
    }

    /// Fallbacks that don't repeat the default: a shell names a new folder and trains unless told
    /// otherwise, and the schedule's default arguments are many.
    const OTHER_THAN_DEFAULT: &[(&str, &str)] = &[
        ("output_dir", "a new folder"),
        ("do_train", "true"),
        ("lr_scheduler_kwargs", "{}"),
    ];

    #[test]
    fn fallbacks_are_the_defaults() {
        let defaults = json!(RunConfig::default());
        for Argument { name, fallback, .. } in all() {
            if OTHER_THAN_DEFAULT.contains(&(name, fallback)) {
                continue;
            }
            let stated = serde_json::from_str(fallback).unwrap_or_else(|_| json!(fallback));
            match &defaults[*name] {
                Value::Null => {
                    assert!(stated.is_string(), "{name} has no default: say so in words")
                }
                Value::Number(number) => assert_eq!(stated.as_f64(), number.as_f64(), "{name}"),
                default => assert_eq!(stated, *default, "{name}"),
            }
        }
    }

    #[test]
    fn what_a_kind_gives_is_taken() {
        for Argument { name, kind, .. } in all() {
            let taken = |value: &Value| {
                RunConfig::from_map(Map::from_iter([((*name).to_owned(), value.clone())])).is_ok()
            };
            let values = match kind {
                Integer => vec![json!(1)],
                Number => vec![json!(1), json!(0.5)],
                Text => vec![json!("words")],
                Flag => vec![json!(true), json!(false)],
                Json => vec![json!({})],
                Choice(words) => words.iter().map(|word| json!(word)).collect(),
            };
            assert!(values.iter().all(taken), "{name}: {values:?}");
            assert!(
                *kind != Integer || !taken(&json!(0.5)),
                "{name} takes fractions"
            );
        }
    }
}

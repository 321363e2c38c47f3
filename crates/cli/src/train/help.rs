//! `tunesmith train --help`. The names and defaults are the protocol's; only the sentences are here,
//! and a test holds them to the list.

use clap::{Arg, Command};
use serde_json::Value;
use tunesmith_protocol::RunConfig;

/// The whole help.
pub fn text() -> String {
    let defaults = serde_json::to_value(RunConfig::default()).unwrap_or_default();
    let mut command = Command::new("train")
        .bin_name("tunesmith train")
        .disable_help_flag(true)
        .about("Fine-tune a model: the arguments of transformers' run_glue.py, or one JSON file of them.")
        .override_usage(
            "tunesmith train --model_name_or_path MODEL --dataset_name NAME [--dataset_config_name CONFIG] --output_dir DIR […]\n       \
             tunesmith train ARGUMENTS.json […]",
        )
        .after_help(
            "--a_b and --a-b are the same. A flag replaces what the file says. The first Ctrl-C \
             finishes the step and saves; a second one stops at once.",
        );
    for (heading, lines) in HELP {
        for (name, sentence) in *lines {
            let mut sentence = (*sentence).to_owned();
            if let Some(default) = shown(&defaults[*name]) {
                sentence.push_str(&format!(" [default: {default}]"));
            }
            let arg = Arg::new(*name)
                .long(*name)
                .help(sentence)
                .help_heading(*heading);
            command = command.arg(match *name {
                "resume_from_checkpoint" => arg.num_args(0..=1).value_name("true|DIR"),
                name if defaults[name].is_boolean() => arg.num_args(0..=1).value_name("true|false"),
                _ => arg.value_name("VALUE"),
            });
        }
    }
    let events = Arg::new("events")
        .long("events")
        .value_name("FILE")
        .help_heading("Shell");
    command
        .arg(events.help("Write the event stream as JSON Lines"))
        .render_help()
        .to_string()
}

/// A default worth showing: not an empty one, and not the "no" of a switch.
fn shown(default: &Value) -> Option<String> {
    match default {
        Value::Null | Value::Bool(false) | Value::Object(_) => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

type Section = (&'static str, &'static [(&'static str, &'static str)]);

const HELP: &[Section] = &[
    (
        "Model",
        &[
            (
                "model_name_or_path",
                "A hub id, or a folder with config.json and model.safetensors",
            ),
            ("model_revision", "Branch, tag or commit on the hub"),
            (
                "tokenizer_name",
                "A tokenizer other than the model's: a hub id or a folder",
            ),
            (
                "cache_dir",
                "Folder of downloads; default the shared HF_HUB_CACHE",
            ),
            (
                "ignore_mismatched_sizes",
                "Draw a new head where the checkpoint's has other labels",
            ),
            (
                "dropout",
                "All three dropouts, in place of the config's; 0 turns dropout off",
            ),
            (
                "hidden_dropout_prob",
                "Dropout of the hidden layers, in place of the config's",
            ),
            (
                "attention_probs_dropout_prob",
                "Dropout of the attention weights, in place of the config's",
            ),
            (
                "classifier_dropout",
                "Dropout before the head, in place of the config's",
            ),
        ],
    ),
    (
        "Data",
        &[
            (
                "task_name",
                "A GLUE task (mrpc): names the metrics, and the data where none is named",
            ),
            (
                "dataset_name",
                "A hub id (glue), or a folder in the Hub's layout",
            ),
            (
                "dataset_config_name",
                "The dataset's configuration (mrpc of glue)",
            ),
            (
                "train_file",
                "Training rows: CSV, TSV, JSON Lines or parquet",
            ),
            ("validation_file", "Validation rows"),
            ("test_file", "Test rows"),
            (
                "text_column_names",
                "One text column, or two with a comma between; default the task's",
            ),
            ("label_column_name", "The label's column; default label"),
            (
                "max_seq_length",
                "The most tokens of a row; default the model's limit",
            ),
            (
                "truncation",
                "What is cut: longest_first, only_first, only_second, do_not_truncate",
            ),
            (
                "pad_to_max_length",
                "Pad every row to max_seq_length, not to the batch's longest",
            ),
            (
                "pad_to_multiple_of",
                "Pad the batch's length up to a multiple of this",
            ),
            (
                "overwrite_cache",
                "Tokenize again although the cache holds these rows",
            ),
            ("max_train_samples", "Only the first so many training rows"),
            ("max_eval_samples", "Only the first so many validation rows"),
            ("max_predict_samples", "Only the first so many test rows"),
        ],
    ),
    (
        "Run",
        &[
            (
                "output_dir",
                "Where the model and its checkpoints are written",
            ),
            (
                "overwrite_output_dir",
                "Write into output_dir although it holds something",
            ),
            ("do_train", "Train; this command does unless told false"),
            ("do_eval", "Evaluate on the validation split at the end"),
            ("do_predict", "Predict the test split at the end"),
            (
                "device",
                "auto (a real GPU, else the CPU), gpu, cpu, software-gpu",
            ),
            ("seed", "The seed of everything random"),
            ("data_seed", "The seed of the order of rows; default seed"),
            (
                "resume_from_checkpoint",
                "Go on from this checkpoint, or with true from the last",
            ),
        ],
    ),
    (
        "Training",
        &[
            ("per_device_train_batch_size", "Rows of a training batch"),
            ("per_device_eval_batch_size", "Rows of an evaluation batch"),
            (
                "gradient_accumulation_steps",
                "Batches to an optimizer step",
            ),
            ("num_train_epochs", "Epochs; a fraction ends within one"),
            (
                "max_steps",
                "Optimizer steps in place of epochs, where greater than 0",
            ),
            (
                "dataloader_drop_last",
                "Leave out an epoch's last batch where it is not full",
            ),
            (
                "group_by_length",
                "Batches of rows of like length, which saves padding",
            ),
            ("learning_rate", "AdamW's step size after warm-up"),
            (
                "lr_scheduler_type",
                "linear, cosine, constant, constant_with_warmup, polynomial",
            ),
            (
                "lr_scheduler_kwargs",
                "JSON: num_cycles (cosine), power and lr_end (polynomial)",
            ),
            (
                "warmup_steps",
                "Steps of rising learning rate; less than 1 is a share of the run",
            ),
            (
                "weight_decay",
                "Decoupled weight decay, on all but biases and LayerNorm",
            ),
            ("adam_beta1", "AdamW's beta of the mean gradient"),
            ("adam_beta2", "AdamW's beta of the mean squared gradient"),
            ("adam_epsilon", "AdamW's epsilon"),
            (
                "max_grad_norm",
                "The global gradient norm a step is clipped to; 0 clips nothing",
            ),
            (
                "label_smoothing_factor",
                "Share of a label's weight that is spread over all labels",
            ),
        ],
    ),
    (
        "Logging, evaluation, checkpoints",
        &[
            ("logging_strategy", "no, steps or epoch"),
            (
                "logging_steps",
                "Every so many steps; less than 1 is a share of the run",
            ),
            ("logging_first_step", "Log the first step too"),
            ("eval_strategy", "no, steps or epoch"),
            ("eval_steps", "Every so many steps; default logging_steps"),
            ("save_strategy", "no, steps or epoch"),
            (
                "save_steps",
                "Every so many steps; less than 1 is a share of the run",
            ),
            (
                "save_total_limit",
                "Keep only so many checkpoints, the best one among them",
            ),
            (
                "load_best_model_at_end",
                "End with the best checkpoint's weights",
            ),
            ("metric_for_best_model", "What best means; default loss"),
            (
                "greater_is_better",
                "Whether more is better; default yes, but for a loss",
            ),
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_argument_of_the_protocol_is_explained_and_no_other() {
        let explained: Vec<&str> = HELP
            .iter()
            .flat_map(|(_, lines)| lines.iter().map(|(name, _)| *name))
            .collect();
        let known = RunConfig::keys();
        let known: BTreeSet<&str> = known.iter().map(String::as_str).collect();
        assert_eq!(explained.iter().copied().collect::<BTreeSet<_>>(), known);
        assert_eq!(
            explained.len(),
            known.len(),
            "an argument is explained twice"
        );
        let text = text();
        assert!(
            text.contains("--learning_rate") && text.contains("[default: linear]"),
            "{text}"
        );
        assert!(text.contains("--events <FILE>"), "{text}");
    }
}

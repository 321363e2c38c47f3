//! `tunesmith train --help`, from the protocol's table of arguments.

use clap::{Arg, Command};
use serde_json::Value;
use tunesmith_protocol::{ARGUMENTS, ArgumentKind, RunConfig, SET_BY_PANELS};

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
            "This command trains unless told --do_train false. --a_b and --a-b are the same. A flag replaces \
             what the file says. The first Ctrl-C, SIGTERM or SIGHUP finishes the step and saves; a second one \
             stops at once.",
        );
    for group in [SET_BY_PANELS].iter().chain(ARGUMENTS) {
        for argument in group.items {
            let mut sentence = argument.help.trim_end_matches('.').to_owned();
            if let ArgumentKind::Choice(words) = argument.kind {
                sentence.push_str(&format!(" [possible values: {}]", words.join(", ")));
            }
            if let Some(default) = shown(&defaults[argument.name]) {
                sentence.push_str(&format!(" [default: {default}]"));
            }
            let arg = Arg::new(argument.name)
                .long(argument.name)
                .help(sentence)
                .help_heading(group.group);
            command = command.arg(match argument.kind {
                _ if argument.name == "resume_from_checkpoint" => {
                    arg.num_args(0..=1).value_name("true|DIR")
                }
                ArgumentKind::Flag => arg.num_args(0..=1).value_name("true|false"),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_explained_with_its_default_and_its_words() {
        let text = text();
        for name in RunConfig::keys() {
            assert!(text.contains(&format!("--{name} ")), "{name}:\n{text}");
        }
        let line = |name: &str| {
            let start = text.find(&format!("--{name} ")).expect("it is explained");
            let end = text[start..]
                .find("\n      --")
                .map_or(text.len(), |end| start + end);
            let words: Vec<&str> = text[start..end].split_whitespace().collect();
            words.join(" ")
        };
        assert_eq!(
            line("seed"),
            "--seed <VALUE> Seed for everything random [default: 42]"
        );
        assert!(
            line("lr_scheduler_type").ends_with(
                "[possible values: linear, cosine, cosine_with_restarts, polynomial, constant, \
                 constant_with_warmup, inverse_sqrt, reduce_lr_on_plateau, cosine_with_min_lr, \
                 cosine_warmup_with_min_lr, warmup_stable_decay, greedy] [default: linear]"
            ),
            "{text}"
        );
        assert!(text.contains("--events <FILE>"), "{text}");
    }
}

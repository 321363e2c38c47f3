//! The words of `tunesmith train` become a [`RunConfig`]: the protocol's keys as flags, over a JSON
//! file of the same keys. Whatever is wrong is found by the protocol, for both in the same words.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Map, Number, Value};
use tunesmith_protocol::{OLD_SPELLINGS, RunConfig};

/// A command line that was understood.
#[derive(Debug)]
pub struct Arguments {
    /// What to run.
    pub config: Box<RunConfig>,
    /// Where to write the event stream.
    pub events: Option<PathBuf>,
    /// The file of arguments.
    pub file: Option<PathBuf>,
    /// Older spellings that were used.
    pub warnings: Vec<String>,
}

/// Reads the words after `train`.
///
/// # Errors
/// When a file can't be read, and for all arguments that are unknown or can't be used, at once.
pub fn parse(words: &[String]) -> Result<Arguments> {
    let given = Given::read(words)?;
    let mut map = match &given.file {
        Some(path) => read_file(path)?,
        None => Map::new(),
    };
    for (name, value) in given.flags {
        // A flag replaces the file's value, however either is spelt.
        map.retain(|key, _| current(key) != current(&name));
        map.insert(name, value);
    }
    // Who says `train` wants to train; run_glue has to be told.
    if !map.contains_key("do_train") {
        map.insert("do_train".to_owned(), Value::Bool(true));
    }
    let (config, warnings) = RunConfig::from_map(map).map_err(unusable)?;
    config.validate().map_err(unusable)?;
    Ok(Arguments {
        config: Box::new(config),
        events: given.events,
        file: given.file,
        warnings,
    })
}

fn unusable(error: tunesmith_protocol::ConfigError) -> anyhow::Error {
    anyhow!("the arguments can't be used (tunesmith train --help lists them):\n{error}")
}

fn read_file(path: &Path) -> Result<Map<String, Value>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("can't read the file of arguments {}", path.display()))?;
    let map: Map<String, Value> = serde_json::from_str(&text).with_context(|| {
        format!(
            "{} is not a file of arguments (one JSON object)",
            path.display()
        )
    })?;
    Ok(map
        .into_iter()
        .map(|(key, value)| (plain(&key), value))
        .collect())
}

/// `--max-steps` as the protocol has it: `max_steps`.
fn plain(name: &str) -> String {
    name.trim_start_matches("--").replace('-', "_")
}

/// The name that an older spelling has now.
fn current(name: &str) -> String {
    let old = OLD_SPELLINGS.iter().find(|(old, _)| *old == name);
    old.map_or(name, |(_, current)| *current).to_owned()
}

/// The words by what they are, before anyone asks whether they are right.
#[derive(Default)]
struct Given {
    file: Option<PathBuf>,
    events: Option<PathBuf>,
    flags: Vec<(String, Value)>,
}

impl Given {
    fn read(words: &[String]) -> Result<Self> {
        let defaults = serde_json::to_value(RunConfig::default())?;
        let mut given = Self::default();
        let mut words = words.iter().map(String::as_str).peekable();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix("--") else {
                if word.starts_with('-') {
                    bail!("there is no flag {word}; arguments begin with two dashes");
                }
                if let Some(first) = given.file.replace(word.into()) {
                    bail!(
                        "{word}: there can be one file of arguments, and {} was given; a value \
                         belongs behind its flag",
                        first.display()
                    );
                }
                continue;
            };
            let (name, attached) = match flag.split_once('=') {
                Some((name, text)) => (plain(name), Some(text)),
                None => (plain(flag), None),
            };
            let default = defaults.get(&name);
            let is_switch =
                matches!(default, Some(Value::Bool(_))) && name != "resume_from_checkpoint";
            let text = attached.or_else(|| {
                words.next_if(|next| {
                    !next.starts_with("--") && (!is_switch || truth(next).is_some())
                })
            });
            if name == "events" {
                let path = text.context("--events needs a file")?;
                given.events = Some(path.into());
                continue;
            }
            let value = match text {
                Some(text) => value(&name, text),
                None if default.is_none_or(Value::is_boolean) => Value::Bool(true),
                None => bail!("--{name} needs a value"),
            };
            // The last one counts, as in Python's argparse.
            given.flags.retain(|(earlier, _)| *earlier != name);
            given.flags.push((name, value));
        }
        Ok(given)
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A word as the JSON value that the argument takes: a truth value, a number or an object where it
/// takes one, else a string.
fn value(name: &str, text: &str) -> Value {
    let string = Value::String(text.to_owned());
    let read = truth(text)
        .map(Value::Bool)
        .or_else(|| serde_json::from_str(text).ok())
        .or_else(|| {
            text.parse()
                .ok()
                .and_then(Number::from_f64)
                .map(Value::Number)
        });
    let Some(read) = read else { return string };
    let takes = |value: &Value| {
        RunConfig::from_map([(name.to_owned(), value.clone())].into_iter().collect()).is_ok()
    };
    if takes(&string) && !takes(&read) {
        string
    } else {
        read
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith_protocol::{DeviceChoice, IntervalStrategy, ResumeFrom};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    const NEEDED: &str = "--model_name_or_path m --task_name mrpc --output_dir out";

    fn parsed(line: &str) -> Arguments {
        parse(&words(&format!("{NEEDED} {line}"))).unwrap()
    }

    fn refused(line: &str) -> String {
        parse(&words(&format!("{NEEDED} {line}")))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn flags_are_the_protocols_keys_in_either_spelling() {
        let config = parsed(
            "--learning_rate 2e-5 --per-device-train-batch-size=16 --eval-strategy epoch --device cpu \
             --load_best_model_at_end --save_strategy epoch --group_by_length False --max_steps 7 \
             --text_column_names a,b --resume_from_checkpoint",
        )
        .config;
        assert!(config.training.do_train);
        assert_eq!(config.training.learning_rate, 2e-5);
        assert_eq!(config.training.per_device_train_batch_size, 16);
        assert_eq!(config.training.eval_strategy, IntervalStrategy::Epoch);
        assert_eq!(config.training.device, DeviceChoice::Cpu);
        assert!(config.training.load_best_model_at_end);
        assert!(!config.training.group_by_length);
        assert_eq!(config.training.max_steps, 7);
        assert_eq!(config.data.text_column_names.unwrap(), ["a", "b"]);
        assert_eq!(config.training.resume_from_checkpoint, ResumeFrom::Last);
    }

    #[test]
    fn a_number_is_a_string_where_a_string_is_meant() {
        let config = parsed("--model_revision 2024 --metric_for_best_model true --seed 7").config;
        assert_eq!(config.model.model_revision, "2024");
        assert_eq!(config.training.metric_for_best_model.unwrap(), "true");
        assert_eq!(config.training.seed, 7);
        let path = "--resume_from_checkpoint out/checkpoint-5";
        let expected = ResumeFrom::Checkpoint("out/checkpoint-5".to_owned());
        assert_eq!(
            parsed(path).config.training.resume_from_checkpoint,
            expected
        );
        assert_eq!(
            parsed("--learning_rate .5").config.training.learning_rate,
            0.5
        );
    }

    #[test]
    fn flags_lie_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("args.json");
        let text = r#"{"model-name-or-path": "m", "task_name": "mrpc", "evaluation_strategy": "steps",
                       "learning_rate": 1e-3, "seed": 1, "do_train": false, "do_eval": true}"#;
        fs::write(&file, text).unwrap();
        let line = format!(
            "{} --seed 2 --eval_strategy epoch --events e.jsonl",
            file.display()
        );
        let Arguments {
            config,
            events,
            warnings,
            ..
        } = parse(&words(&line)).unwrap();
        assert_eq!(config.model.model_name_or_path, "m");
        assert_eq!(
            (config.training.seed, config.training.learning_rate),
            (2, 1e-3)
        );
        assert_eq!(config.training.eval_strategy, IntervalStrategy::Epoch);
        assert!(!config.training.do_train && config.training.do_eval);
        assert_eq!(events.unwrap(), Path::new("e.jsonl"));
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[test]
    fn older_spellings_work_with_a_warning() {
        let Arguments {
            config, warnings, ..
        } = parsed("--evaluation_strategy epoch --warmup_ratio 0.1");
        assert_eq!(config.training.eval_strategy, IntervalStrategy::Epoch);
        assert_eq!(config.training.warmup_steps.0, 0.1);
        assert_eq!(warnings.len(), 2, "{warnings:?}");
        assert!(warnings[0].contains("use eval_strategy"), "{warnings:?}");
    }

    #[test]
    fn what_transformers_has_and_we_do_not_is_told() {
        parsed("--report_to none --bf16 false --optim adamw_torch");
        assert!(refused("--bf16").contains("has no bfloat16: use fp16"));
        assert!(refused("--bf16_full_eval").contains("has no bfloat16: use fp16_full_eval"));
        assert!(refused("--report_to wandb").contains("read the event stream"));
    }

    #[test]
    fn mistakes_are_told_together_with_what_was_meant() {
        let message = refused("--learning_rat 1 --num_train_epochs many");
        assert!(
            message
                .contains("learning_rat: there is no such argument; did you mean learning_rate?"),
            "{message}"
        );
        assert!(
            message.contains("num_train_epochs: invalid type"),
            "{message}"
        );
        assert!(refused("--learning_rate --seed 1").contains("--learning_rate needs a value"));
        assert!(refused("-x").contains("two dashes"));
        assert!(refused("a.json b.json").contains("one file of arguments"));
        assert!(refused("nothing.json").contains("can't read the file of arguments nothing.json"));
        assert!(refused("--max_steps 0").contains("max_steps: 0 is no number of steps"));
    }
}

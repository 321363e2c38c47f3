//! The round trip: what is fine-tuned here loads in Python's transformers and gives the same logits,
//! for each kind of task.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::Tally;
use super::sets::{self, PAIR_LABELS, SETS};
use crate::project::{PARAPHRASE_CONFIG, Project};
use crate::setup::minilm;
use crate::shell::Cmd;

/// Fine-tunes a model of each kind for a few steps and lets Python load it: a test for each kind and
/// each script in `tests/python`.
///
/// # Errors
/// When the set-up fails, or the command doesn't build.
pub fn run(project: &Project, python: &Path) -> Result<Tally> {
    let checkpoint = minilm::for_tests(project)?;
    let tunesmith = project.tunesmith()?;
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let scripts = scripts(&project.root.join("tests").join("python"))?;

    // MiniLM and the repository's pairs, then a model of two layers for the other kinds.
    let pairs = scratch.path().join("pairs");
    make(&pairs)?;
    let mut trainings = vec![(
        pairs,
        PAIR_LABELS,
        true,
        train(&tunesmith, &checkpoint, "5", "5e-5")
            .arg("--dataset_name")
            .arg(project.paraphrase())
            .args(["--dataset_config_name", PARAPHRASE_CONFIG]),
    )];
    for set in SETS {
        let folder = scratch.path().join(set.name);
        make(&folder)?;
        set.write(&folder)?;
        let command = train(
            &tunesmith,
            &project.root.join("data").join("tiny"),
            "120",
            "2e-3",
        )
        .arg("--train_file")
        .arg(folder.join("train.csv"))
        .arg("--validation_file")
        .arg(folder.join("validation.csv"));
        trainings.push((folder, set.labels, set.is_pair, command));
    }

    let mut tally = Tally::default();
    for (folder, labels, is_pair, command) in trainings {
        let made = fine_tune(&tunesmith, &folder, command, labels, is_pair);
        for script in &scripts {
            let ran = match &made {
                Ok(()) => Cmd::new(python)
                    .arg(script)
                    .arg(&folder)
                    // The model is a folder: transformers has nothing to ask the hub.
                    .env("HF_HUB_OFFLINE", "1")
                    .run(),
                Err(error) => Err(anyhow::anyhow!("{}: {error:#}", folder.display())),
            };
            tally.count(ran.is_ok());
            if let Err(error) = ran {
                eprintln!("error: {error:#}");
            }
        }
    }
    Ok(tally)
}

fn make(folder: &Path) -> Result<()> {
    fs::create_dir(folder).with_context(|| format!("can't make {}", folder.display()))
}

/// So many steps, far enough that the weights are no longer those that were loaded, and that rows differ.
fn train(tunesmith: &Path, checkpoint: &Path, steps: &str, learning_rate: &str) -> Cmd {
    Cmd::new(tunesmith)
        .args(["train", "--device", "cpu", "--max_steps", steps])
        .args(["--learning_rate", learning_rate])
        .args(["--eval_strategy", "no", "--save_strategy", "no"])
        .arg("--model_name_or_path")
        .arg(checkpoint)
}

/// Leaves `model`, `texts.jsonl`, `predictions.jsonl` and `expected.json` in the folder.
fn fine_tune(
    tunesmith: &Path,
    folder: &Path,
    train: Cmd,
    labels: &[&str],
    is_pair: bool,
) -> Result<()> {
    let file = |name: &str| folder.join(name);
    train.arg("--output_dir").arg(file("model")).run()?;
    sets::write_texts(&file("texts.jsonl"), is_pair)?;
    Cmd::new(tunesmith)
        .args(["predict", "--device", "cpu", "--model"])
        .arg(file("model"))
        .arg("--input")
        .arg(file("texts.jsonl"))
        .args(["--text_column_names", sets::text_columns(is_pair)])
        .arg("--output")
        .arg(file("predictions.jsonl"))
        .run()?;
    let expected = json!({"labels": labels}).to_string();
    sets::write(&file("expected.json"), &expected)
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut scripts: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("test_") && name.ends_with(".py"))
        })
        .collect();
    scripts.sort();
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_python_test_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["test_b.py", "test_a.py", "helper.py", "test_notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = scripts(folder.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["test_a.py", "test_b.py"]);
    }
}

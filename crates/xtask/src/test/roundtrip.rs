//! The round trip: what is fine-tuned here gives the same logits in Python's transformers and, exported as
//! ONNX, in onnxruntime, for each kind of task and each family of models.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use super::Tally;
use super::families::{self, TASKS};
use super::sets::{self, PAIR_LABELS, SETS};
use crate::project::{PARAPHRASE_CONFIG, Project};
use crate::setup::minilm;
use crate::shell::Cmd;

/// A model to be made, and what it must be.
struct Training {
    folder: PathBuf,
    train: Cmd,
    predict: Vec<&'static str>,
    problem_type: &'static str,
    labels: Vec<&'static str>,
    is_pair: bool,
}

/// Fine-tunes a model of each kind for a few steps and lets Python load it: a test for each kind and
/// each script in `tests/python`.
///
/// # Errors
/// When the set-up fails, or the command doesn't build.
pub fn run(project: &Project, python: &Path) -> Result<Tally> {
    let tunesmith = project.tunesmith()?;
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let scripts = scripts(&project.root.join("tests").join("python"))?;
    let mut trainings = of_kinds(project, &tunesmith, scratch.path())?;
    trainings.extend(of_families(project, &tunesmith, scratch.path())?);

    let mut tally = Tally::default();
    let mut made = Vec::new();
    for training in trainings {
        let folder = training.folder.clone();
        match fine_tune(&tunesmith, training) {
            Ok(()) => made.push(folder),
            Err(error) => {
                eprintln!("error: {}: {error:#}", folder.display());
                scripts.iter().for_each(|_| tally.count(false));
            }
        }
    }
    for script in &scripts {
        let mut passed = 0;
        // The models are folders: transformers has nothing to ask the hub.
        let command = Cmd::new(python).arg(script).args(&made);
        let ended = command
            .env("HF_HUB_OFFLINE", "1")
            .lines(|line| passed += usize::from(line.starts_with("passed: ")))?;
        let passed = passed.min(made.len());
        (0..passed).for_each(|_| tally.count(true));
        (passed..made.len()).for_each(|_| tally.count(false));
        if passed == made.len() && !ended.success() {
            tally.count(false);
        }
    }
    Ok(tally)
}

/// MiniLM and the repository's pairs, then a model of two layers for the other kinds.
fn of_kinds(project: &Project, tunesmith: &Path, scratch: &Path) -> Result<Vec<Training>> {
    let pairs = scratch.join("pairs");
    make(&pairs)?;
    let mut trainings = vec![Training {
        folder: pairs,
        train: train(tunesmith, &minilm::for_tests(project)?, "5", "5e-5")
            .arg("--dataset_name")
            .arg(project.paraphrase())
            .args(["--dataset_config_name", PARAPHRASE_CONFIG]),
        predict: Vec::new(),
        problem_type: "single_label_classification",
        labels: PAIR_LABELS.to_vec(),
        is_pair: true,
    }];
    for set in SETS {
        let folder = scratch.join(set.name);
        make(&folder)?;
        set.write(&folder)?;
        let tiny = project.root.join("data").join("tiny");
        trainings.push(Training {
            train: train(tunesmith, &tiny, "120", "2e-3")
                .arg("--train_file")
                .arg(folder.join("train.csv"))
                .arg("--validation_file")
                .arg(folder.join("validation.csv")),
            folder,
            predict: Vec::new(),
            problem_type: match set.labels {
                [] => "regression",
                _ => "single_label_classification",
            },
            labels: set.labels.to_vec(),
            is_pair: set.is_pair,
        });
    }
    Ok(trainings)
}

/// A tiny model of each family, for each task.
fn of_families(project: &Project, tunesmith: &Path, scratch: &Path) -> Result<Vec<Training>> {
    let mut trainings = Vec::new();
    for family in families::draw(project, &scratch.join("families"))? {
        for task in &TASKS {
            let folder = scratch.join(format!("{}-{}", family.name, task.name));
            make(&folder)?;
            let rows = folder.join("train.jsonl");
            task.write(&rows)?;
            trainings.push(Training {
                // The head that was drawn is for two classes.
                train: train(tunesmith, &family.folder, "30", "5e-3")
                    .arg("--ignore_mismatched_sizes")
                    .arg("--train_file")
                    .arg(rows),
                folder,
                predict: task.predict.to_vec(),
                problem_type: task.problem_type,
                labels: task.labels.to_vec(),
                is_pair: false,
            });
        }
    }
    Ok(trainings)
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
        .args(["--report_to", "all", "--logging_steps", "2"])
        .arg("--model_name_or_path")
        .arg(checkpoint)
}

/// Leaves `model` with its `onnx`, `texts.jsonl`, `predictions.jsonl` and `expected.json` in the folder.
fn fine_tune(tunesmith: &Path, training: Training) -> Result<()> {
    let Training {
        folder,
        train,
        predict,
        problem_type,
        labels,
        is_pair,
    } = training;
    let file = |name: &str| folder.join(name);
    train.arg("--output_dir").arg(file("model")).run()?;
    match problem_type {
        families::TOKENS => families::write_texts(&file("texts.jsonl"))?,
        _ => sets::write_texts(&file("texts.jsonl"), is_pair)?,
    }
    Cmd::new(tunesmith)
        .args(["predict", "--device", "cpu", "--model"])
        .arg(file("model"))
        .arg("--input")
        .arg(file("texts.jsonl"))
        .args(["--text_column_names", sets::text_columns(is_pair)])
        .args(predict)
        .arg("--output")
        .arg(file("predictions.jsonl"))
        .run()?;
    Cmd::new(tunesmith)
        .args(["export", "--onnx", "--dtype", "fp32,fp16,q8", "--model"])
        .arg(file("model"))
        .run()?;
    let expected = json!({"problem_type": problem_type, "labels": labels}).to_string();
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

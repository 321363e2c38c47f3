//! A tiny model of each family, with drawn weights, and rows for each task, to be fine-tuned and read by
//! Python.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::sets::{DISHES, write};
use crate::project::Project;
use crate::shell::Cmd;

/// The one kind of task that a model's configuration has no `problem_type` for.
pub const TOKENS: &str = "token_classification";

/// A checkpoint.
pub struct Family {
    /// Its `model_type`.
    pub name: String,
    /// Where it lies.
    pub folder: PathBuf,
}

/// Rows for a task.
pub struct TaskRows {
    /// The name in messages, and of folders.
    pub name: &'static str,
    /// What the model predicts.
    pub problem_type: &'static str,
    /// The labels' names by id; none for numbers.
    pub labels: &'static [&'static str],
    /// What `tunesmith predict` is told besides.
    pub predict: &'static [&'static str],
    row: fn(usize) -> Value,
}

const PLACES: [&str; 5] = ["harbour", "station", "market", "mill", "bridge"];

fn sentence(i: usize) -> String {
    let (dish, place) = (DISHES[i % 6], PLACES[i / 2 % 5]);
    let served = ["warm", "cold"][i % 2];
    format!("The {dish} at the {place} was served {served}")
}

/// One for each task.
pub const TASKS: [TaskRows; 4] = [
    TaskRows {
        name: "classes",
        problem_type: "single_label_classification",
        labels: &["cold", "fair", "warm"],
        predict: &[],
        row: |i| {
            let label = ["warm", "cold", "fair"][i % 3];
            json!({"text": sentence(i), "label": label})
        },
    },
    TaskRows {
        name: "labels",
        problem_type: "multi_label_classification",
        labels: &["baked", "cold", "warm"],
        predict: &[],
        row: |i| {
            let mut labels = vec![["warm", "cold"][i % 2]];
            if i % 6 == 1 || i % 6 == 5 {
                labels.push("baked");
            }
            json!({"text": sentence(i), "labels": labels})
        },
    },
    TaskRows {
        name: "numbers",
        problem_type: "regression",
        labels: &[],
        predict: &[],
        row: |i| json!({"text": sentence(i), "label": 0.25 + 0.5 * (i % 7) as f64}),
    },
    TaskRows {
        name: "tokens",
        problem_type: TOKENS,
        // None of them is O, so that every token is in the answer.
        labels: &["DISH", "OTHER", "PLACE"],
        predict: &["--aggregation_strategy", "none"],
        row: |i| {
            let sentence = sentence(i);
            let words: Vec<&str> = sentence.split(' ').collect();
            let tag = |word: &&str| match () {
                () if DISHES.contains(word) => "DISH",
                () if PLACES.contains(word) => "PLACE",
                () => "OTHER",
            };
            let tags: Vec<&str> = words.iter().map(tag).collect();
            json!({"tokens": words, "ner_tags": tags})
        },
    },
];

impl TaskRows {
    /// Writes rows to train on, as JSON Lines.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let rows: String = (0..60).map(|i| format!("{}\n", (self.row)(i))).collect();
        write(path, &rows)
    }
}

/// Writes texts whose tokens a model is asked about, as JSON Lines: none is cut.
///
/// # Errors
/// When the file can't be written.
pub fn write_texts(path: &Path) -> Result<()> {
    let texts = [
        "The soup was served at the bridge",
        "Café prices rose again — fish, too!",
        "Yes",
    ];
    let rows: String = texts
        .iter()
        .map(|text| format!("{}\n", json!({"text": text})))
        .collect();
    write(path, &rows)
}

/// Draws a checkpoint of each family: the first of its configurations that transformers' goldens are of,
/// with the tokenizer of `data/tiny`.
///
/// # Errors
/// When the goldens can't be read, or the program that draws doesn't build.
pub fn draw(project: &Project, folder: &Path) -> Result<Vec<Family>> {
    let path = project.root.join("tests/goldens/families.json");
    let text =
        fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let goldens: Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    let cases = goldens["cases"].as_object().cloned().unwrap_or_default();
    fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let bench = project.bench(false)?;
    let mut families = Vec::new();
    for (name, mut config) in first_of_each(&cases) {
        // That of the tokenizer; and so wide a range that texts get different answers.
        config["pad_token_id"] = json!(0);
        config["initializer_range"] = json!(0.3);
        let (from, to) = (folder.join(format!("{name}.json")), folder.join(&name));
        write(&from, &config.to_string())?;
        Cmd::new(&bench)
            .args(["checkpoint", "--config"])
            .arg(from)
            .arg("--tokenizer")
            .arg(project.root.join("data/tiny"))
            .arg("--output")
            .arg(&to)
            .run()?;
        families.push(Family { name, folder: to });
    }
    Ok(families)
}

/// The configurations by the type of the model.
fn first_of_each(cases: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut seen = BTreeSet::new();
    let mut first = Vec::new();
    for case in cases.values() {
        let config = &case["config"];
        let name = config["model_type"].as_str().unwrap_or_default();
        if seen.insert(name.to_owned()) {
            first.push((name.to_owned(), config.clone()));
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_occurs_in_training() {
        for task in TASKS {
            let mut found = BTreeSet::new();
            for row in (0..60).map(task.row) {
                let labels = row
                    .get("label")
                    .or(row.get("labels"))
                    .or(row.get("ner_tags"));
                match labels {
                    Some(Value::Array(labels)) => found.extend(labels.iter().cloned().map(text)),
                    Some(label) => found.extend([text(label.clone())]),
                    None => panic!("{row}"),
                }
            }
            match task.labels {
                [] => assert!(found.iter().all(|label| label.contains('.')), "{found:?}"),
                labels => assert!(found.iter().eq(labels), "{found:?}"),
            }
        }
    }

    fn text(value: Value) -> String {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    }

    #[test]
    fn a_family_is_taken_once() {
        let cases = json!({
            "bert": {"config": {"model_type": "bert", "hidden_size": 8}},
            "bert-wide": {"config": {"model_type": "bert", "hidden_size": 16}},
            "mpnet": {"config": {"model_type": "mpnet"}},
        });
        let cases = cases.as_object().cloned().unwrap_or_default();
        let names: Vec<String> = first_of_each(&cases)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["bert", "mpnet"]);
    }
}

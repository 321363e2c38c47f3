//! Small sets to fine-tune on, of each kind of task, made here: what is learned doesn't matter, only
//! that the model has the labels and weights of its kind.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Texts of one kind, and what a model of them must be.
pub struct Set {
    /// The name in messages, and of its folder.
    pub name: &'static str,
    /// The names of the classes by id; none for a regression.
    pub labels: &'static [&'static str],
    /// The files' header, then a row for each number.
    header: &'static str,
    row: fn(usize) -> String,
    /// Whether a row has two texts.
    pub is_pair: bool,
}

pub(super) const DISHES: [&str; 6] = ["soup", "bread", "fish", "salad", "tea", "cake"];
const PLACES: [&str; 5] = ["harbour", "station", "market", "old mill", "bridge"];
const GRADES: [&str; 5] = ["awful", "poor", "fair", "good", "great"];

/// One for each kind of task but pairs of two classes, for which the repository has a set of its own.
pub const SETS: [Set; 3] = [
    Set {
        name: "singles",
        labels: &["cold", "warm"],
        header: "sentence,label",
        row: |i| {
            let (dish, place) = (DISHES[i % 6], PLACES[i / 2 % 5]);
            let label = ["warm", "cold"][i % 2];
            format!("\"The {dish} at the {place} was served {label}, again.\",{label}")
        },
        is_pair: false,
    },
    Set {
        name: "five-classes",
        labels: &["awful", "fair", "good", "great", "poor"],
        header: "sentence,label",
        row: |i| {
            let (dish, grade) = (DISHES[i / 3 % 6], GRADES[i * 2 % 5]);
            format!("We all thought the {dish} was {grade} that day.,{grade}")
        },
        is_pair: false,
    },
    Set {
        name: "regression",
        labels: &[],
        header: "sentence1,sentence2,label",
        row: |i| {
            let (one, two) = (PLACES[i % 5], PLACES[i / 4 % 5]);
            let score = if one == two {
                4.75
            } else {
                0.25 * (i % 7) as f64
            };
            format!("A boat lay near the {one}.,There was a boat at the {two}.,{score:?}")
        },
        is_pair: true,
    },
];

/// The classes of the repository's own set of pairs.
pub const PAIR_LABELS: &[&str] = &["not_equivalent", "equivalent"];

impl Set {
    /// Writes `train.csv` and `validation.csv`.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn write(&self, folder: &Path) -> Result<()> {
        for (name, rows) in [("train.csv", 0..60), ("validation.csv", 60..80)] {
            let rows: String = rows.map(|i| format!("{}\n", (self.row)(i))).collect();
            write(&folder.join(name), &format!("{}\n{rows}", self.header))?;
        }
        Ok(())
    }
}

/// The columns of `texts.jsonl`, as `--text_column_names` takes them: other names than those of any
/// training, so that the command has to be told.
pub fn text_columns(is_pair: bool) -> &'static str {
    match is_pair {
        true => "text,text_pair",
        false => "text",
    }
}

/// Writes texts to ask a model about, as JSON Lines: of different lengths, so that batches are padded;
/// one is cut at the model's limit.
///
/// # Errors
/// When the file can't be written.
pub fn write_texts(path: &Path, is_pair: bool) -> Result<()> {
    let long = "A sentence that goes on and on and says nothing new. ".repeat(60);
    let pairs = [
        (
            "The council approved the budget.",
            "The budget was approved by the council.",
        ),
        (
            "Rain is expected on Friday.",
            "No rain is expected on Friday, the service said in its outlook.",
        ),
        ("Yes.", "No."),
        (
            "Café prices rose 3.5% — again!",
            "Coffee houses charge more.",
        ),
        (long.as_str(), "Short."),
    ];
    let object = |(text, pair): (&str, &str)| -> Value {
        match is_pair {
            true => json!({"text": text, "text_pair": pair}),
            false => json!({"text": text}),
        }
    };
    let lines: String = pairs.map(|pair| format!("{}\n", object(pair))).concat();
    write(path, &lines)
}

/// Writes a text file.
///
/// # Errors
/// When it can't be written; the message names it.
pub fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_class_occurs_in_training_and_names_are_sorted() {
        for set in SETS {
            let label = |i| (set.row)(i).rsplit(',').next().map(str::to_owned);
            let found: BTreeSet<String> = (0..60).filter_map(label).collect();
            if set.labels.is_empty() {
                assert!(found.iter().all(|label| label.contains('.')), "{found:?}");
            } else {
                assert!(found.iter().eq(set.labels), "{found:?}");
            }
        }
    }
}

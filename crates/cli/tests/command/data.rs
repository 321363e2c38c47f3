//! `tunesmith data`: a set as `datasets` shows it.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Ran, Scratch, contains, golden, minilm, paraphrase};

/// What `tunesmith data` shows of this repository's own set.
fn shown(more: &[&str]) -> String {
    let (scratch, folder) = (Scratch::new(), paraphrase());
    let words = ["data", folder.to_str().unwrap(), "mrpc_like"];
    Ran::of(scratch.command(words.iter().chain(more)).output().unwrap()).ok()
}

#[test]
fn a_set_is_shown_as_datasets_shows_it() {
    let golden = &golden("datasets_ops.json")["paraphrase"];
    let line = |text: &Value| format!("{}\n", text.as_str().unwrap());
    assert_eq!(shown(&[]), line(&golden["shown"]));
    assert_eq!(shown(&["--features"]), line(&golden["features"]));
}

#[test]
fn rows_are_those_that_datasets_gives() {
    let golden = &golden("tokenization.json")["paraphrase"];
    for (split, expected) in golden.as_object().unwrap() {
        for row in expected["shown"].as_array().unwrap() {
            let number = row["row"].to_string();
            let shown = shown(&["--split", split, "--row", &number]);
            assert_eq!(
                serde_json::from_str::<Value>(&shown).unwrap(),
                row["values"]
            );
        }
    }
    // The first split is meant where none is named.
    assert_eq!(
        shown(&["--row", "15"]),
        shown(&["--split", "train", "--row", "15"])
    );
}

#[test]
fn digests_are_those_of_datasets_and_of_tokenizers() {
    let rows = &golden("datasets_ops.json")["paraphrase"]["splits"];
    let tokens = &golden("tokenization.json")["paraphrase"];
    let shown = shown(&["--digest", "--model", minilm().to_str().unwrap()]);
    let lines: Vec<Vec<&str>> = shown
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 3, "{shown}");
    for (line, split) in lines.iter().zip(["train", "validation", "test"]) {
        let count = rows[split]["rows"].to_string();
        let content = rows[split]["content_sha256"].as_str().unwrap();
        let tokens = tokens[split]["digest"].as_str().unwrap();
        assert_eq!(*line, [split, count.as_str(), content, tokens]);
    }
}

#[test]
fn own_files_become_splits_with_class_labels() {
    let scratch = Scratch::ready();
    let files = "--train-file train.csv --validation_file validation.csv";
    let shown = scratch
        .run(&format!(
            "data {files} --label-column-name label --features"
        ))
        .ok();
    contains(&shown, &["'label': ClassLabel(names=['tame', 'wild'])"]);
    let shown = scratch.run(&format!("data {files}")).ok();
    contains(
        &shown,
        &[
            "train: Dataset",
            "num_rows: 64",
            "validation: Dataset",
            "num_rows: 16",
        ],
    );
    let row = scratch.run("data train.csv --row 0").ok();
    let row: Value = serde_json::from_str(&row).unwrap();
    let expected = json!({"sentence1": "the cat sat here", "sentence2": "that cat sat there", "label": "tame"});
    assert_eq!(row, expected);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let scratch = Scratch::ready();
    let mut command = scratch.command(["data", "train.csv"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn data_is_looked_at_before_it_is_trained_on() {
    let scratch = Scratch::ready();
    let many = |label: &str| -> String {
        (0..12)
            .map(|i| format!("a {label} animal {i},{label}\n"))
            .collect()
    };
    let good = format!("text,label\n{}{}", many("tame"), many("wild"));
    scratch.write("good.csv", &good);
    let found = scratch.run("data --train_file good.csv --check").ok();
    assert_eq!(found, "Nothing was found that needs a look.\n");

    scratch.write("train.csv", format!("{good}a tame animal 3,wild\n,tame\n"));
    scratch.write("dev.csv", "text,label\na wild animal 1,wild\n");
    let found = scratch
        .run("data --train_file train.csv --validation_file dev.csv --check --model model --max_length 4")
        .ok();
    contains(
        &found,
        &[
            "train: 1 row has no text (row 25)",
            "(row 24 says wild, row 3 tame)",
            "validation: 1 of 1 row is also trained on",
            "cut to 4 tokens",
        ],
    );
}

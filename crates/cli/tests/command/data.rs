//! `tunesmith data`: MRPC as `datasets` shows it.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Ran, Scratch, contains, golden, minilm, shared};

fn mrpc(more: &[&str]) -> String {
    let scratch = Scratch::new();
    let glue = shared("mrpc/glue");
    let words = ["data", glue.to_str().unwrap(), "mrpc"];
    Ran::of(scratch.command(words.iter().chain(more)).output().unwrap()).ok()
}

#[test]
fn mrpc_is_shown_as_datasets_shows_it() {
    let features = "features: ['sentence1', 'sentence2', 'label', 'idx'],";
    let splits = [("train", 3668), ("validation", 408), ("test", 1725)];
    let expected: String = splits
        .iter()
        .map(|(split, rows)| {
            format!(
                "    {split}: Dataset({{\n        {features}\n        num_rows: {rows}\n    }})\n"
            )
        })
        .collect();
    assert_eq!(mrpc(&[]), format!("DatasetDict({{\n{expected}}})\n"));
    assert_eq!(
        mrpc(&["--features"]),
        "{'sentence1': Value('string'), 'sentence2': Value('string'), \
         'label': ClassLabel(names=['not_equivalent', 'equivalent']), 'idx': Value('int32')}\n"
    );
}

#[test]
fn rows_are_the_published_ones() {
    let golden = golden("tokenization_mrpc_rows.json");
    for (name, split, row) in [
        ("train_15", "train", "15"),
        ("validation_87", "validation", "87"),
    ] {
        let shown: Value = serde_json::from_str(&mrpc(&["--split", split, "--row", row])).unwrap();
        let wanted = ["sentence1", "sentence2", "label", "idx"]
            .map(|column| (column.to_owned(), golden[name][column].clone()));
        assert_eq!(shown, Value::Object(wanted.into_iter().collect()));
    }
    // The first split is meant where none is named.
    assert_eq!(
        mrpc(&["--row", "15"]),
        mrpc(&["--split", "train", "--row", "15"])
    );
}

#[test]
fn digests_are_those_of_the_published_rows_and_of_tokenizers() {
    let info = fs::read_to_string(shared("mrpc/glue/mrpc/INFO.json")).unwrap();
    let info: Value = serde_json::from_str(&info).unwrap();
    // Computed by Python's tokenizers 0.23.3 over all rows.
    let tokens = [
        (
            "train",
            "7b7662c59543fb066b271ee607dc63db78451b29fe4f6d584d05b971f5ad972a",
        ),
        (
            "validation",
            "28e49f82eed0c27dcc83d7446683df0ce97f9c9669fb932273a536b5fb91ad70",
        ),
        (
            "test",
            "9d56e4a87136921f9a2a44e05751dd24c88a700e8eeabcfc2c2f8f86bf2e9cf1",
        ),
    ];
    let shown = mrpc(&["--digest", "--model", minilm().to_str().unwrap()]);
    let lines: Vec<Vec<&str>> = shown
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(lines.len(), 3, "{shown}");
    for (line, (split, tokens)) in lines.iter().zip(tokens) {
        let rows = info[split]["rows"].to_string();
        let content = info[split]["content_sha256"].as_str().unwrap();
        assert_eq!(*line, [split, rows.as_str(), content, tokens]);
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

//! The command on MRPC, which isn't ours to publish, and on what Python's libraries made of it.
//! `cargo xtask test --reference DIR` runs this and nothing else does.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../command/compare.rs"]
mod compare;
#[path = "../command/support.rs"]
#[allow(dead_code, reason = "shared with the other tests of the command")]
mod support;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use support::{Ran, Scratch, minilm};

fn reference(path: &str) -> PathBuf {
    let root = std::env::var_os("TUNESMITH_REFERENCE").map(PathBuf::from);
    let path = root.map(|root| root.join(path));
    path.filter(|path| path.exists()).expect(
        "TUNESMITH_REFERENCE names no folder with the reference data: `cargo xtask test --reference DIR` sets it",
    )
}

fn golden(name: &str) -> Value {
    let text = fs::read_to_string(reference("golden").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn assorted_pairs_get_the_ids_of_transformers() {
    let golden = golden("tokenization_assorted_pairs.json");
    let compared = compare::encodings(golden["cases"].as_array().unwrap());
    assert!(compared >= 150, "only {compared} encodings were compared");
}

#[test]
fn every_case_scores_what_evaluate_gave() {
    let golden = golden("metrics_glue.json");
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 59);
    compare::scores(cases);
}

fn mrpc(more: &[&str]) -> String {
    let scratch = Scratch::new();
    let glue = reference("mrpc/glue");
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
    let info = fs::read_to_string(reference("mrpc/glue/mrpc/INFO.json")).unwrap();
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

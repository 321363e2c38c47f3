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

#[test]
fn what_is_saved_is_what_was_read() {
    let scratch = Scratch::new();
    scratch.write(
        "rows.csv",
        "id;text;note;score\n007;\"a; \"\"b\"\"\";;1.50\n8;\"two\nlines\";é, x;2\n",
    );
    for name in ["rows.jsonl", "rows.parquet", "copy.csv"] {
        let shown = scratch.run(&format!("data rows.csv --save {name}")).ok();
        assert_eq!(shown, format!("2 rows written to {name}\n"));
    }
    let csv = std::fs::read_to_string(scratch.path("copy.csv")).unwrap();
    assert_eq!(
        csv,
        "id,text,note,score\n007,\"a; \"\"b\"\"\",,1.50\n8,\"two\nlines\",\"é, x\",2\n"
    );
    for row in ["0", "1"] {
        let of = |file: &str| scratch.run(&format!("data {file} --row {row}")).ok();
        assert_eq!(of("rows.jsonl"), of("rows.csv"));
        assert_eq!(of("rows.parquet"), of("rows.csv"));
    }
    let types = |file: &str| scratch.run(&format!("data {file} --features")).ok();
    assert_eq!(types("rows.parquet"), types("rows.csv"));
    let ran = scratch.run("data rows.csv --save rows.parquet --label_column_name note");
    assert_eq!(ran.ok(), "2 rows written to rows.parquet\n");
    contains(
        &types("rows.parquet"),
        &["'note': ClassLabel(names=['é, x'])"],
    );
}

#[test]
fn rows_are_split_by_their_shares() {
    let scratch = Scratch::new();
    let row = |n: usize| {
        format!(
            "{n},the text {},{}\n",
            n % 90,
            ["rare", "usual"][usize::from(!n.is_multiple_of(10))]
        )
    };
    let rows: String = (0..100).map(row).collect();
    scratch.write("rows.csv", format!("id,text,label\n{rows}"));
    let read = |name: &str| -> Vec<String> {
        let text = std::fs::read_to_string(scratch.path(name)).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    };
    let shown = scratch
        .run("data rows.csv --save parts --split 80/10/10 --stratify --label_column_name label")
        .ok();
    contains(
        &shown,
        &["80 rows written to parts", "10 rows written to parts"],
    );
    let mut all = Vec::new();
    for (part, count) in [("train", 80), ("validation", 10), ("test", 10)] {
        let rows = read(&format!("parts/{part}.csv"));
        let rare = rows.iter().filter(|row| row.ends_with(",rare")).count();
        assert_eq!((rows.len(), rare), (count, count / 10), "{part}");
        all.extend(rows);
    }
    all.sort();
    let mut wanted = read("rows.csv");
    wanted.sort();
    assert_eq!(all, wanted);
    let other = "data rows.csv --save other --split 80/20 --seed";
    scratch.run(&format!("{other} 1")).ok();
    let first = read("other/validation.csv");
    scratch.run(&format!("{other} 2")).ok();
    assert_eq!(first.len(), 20);
    assert_ne!(first, read("other/validation.csv"));
    assert!(!scratch.path("other/test.csv").exists());

    let ran = scratch.run("data rows.csv --save once.csv --dedupe");
    contains(&ran.stderr, &["10 of 100 rows repeated", "(text)"]);
    assert_eq!(ran.ok(), "90 rows written to once.csv\n");
    assert_eq!(read("once.csv"), read("rows.csv")[..90]);

    for (line, said) in [
        ("--save one.csv --split 80/20", "name a folder"),
        ("--save parts --stratify", "say how to split"),
        ("--save parts --split 80/10/10/5", "such as 80/10/10"),
        ("--save rows.txt/x.csv", "cannot write"),
    ] {
        let message = scratch.run(&format!("data rows.csv {line}")).error();
        contains(&message, &[said]);
    }
}

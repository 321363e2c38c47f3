//! Data that can't be used: each kind of damage is told with its place, and nothing is written.

use std::fs;
use std::path::Path;

use crate::support::{Scratch, contains, pairs};

/// Trains on this file and gives the refusal.
fn refused(file: &str, content: impl AsRef<[u8]>) -> String {
    let scratch = Scratch::ready();
    scratch.write(file, content);
    let line = format!(
        "train --model_name_or_path model --train_file {file} --output_dir out --device cpu"
    );
    let message = scratch.run(&line).error();
    let out = scratch.path("out");
    assert!(
        !out.join("model.safetensors").exists(),
        "a model was written all the same"
    );
    message
}

fn parquet() -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = root.join("data/paraphrase/mrpc_like");
    fs::read(folder.join("validation-00000-of-00001.parquet")).unwrap()
}

#[test]
fn parquet_cut_short() {
    let whole = parquet();
    let message = refused("rows.parquet", &whole[..whole.len() / 2]);
    contains(
        &message,
        &[
            "rows.parquet is not a readable parquet file",
            "cut short or damaged",
        ],
    );
    contains(
        &refused("rows.parquet", b""),
        &["rows.parquet is not a readable parquet file"],
    );
}

#[test]
fn parquet_with_damage_in_the_middle() {
    let whole = parquet();
    // The footer is at the end, the first page's header at the start.
    for place in [
        4,
        64,
        whole.len() / 3,
        whole.len() / 2,
        whole.len() - 400,
        whole.len() - 40,
    ] {
        let scratch = Scratch::new();
        let mut damaged = whole.clone();
        let end = (place + 48).min(damaged.len() - 8);
        damaged[place..end].fill(0xA5);
        scratch.write("rows.parquet", damaged);
        contains(
            &scratch.run("data rows.parquet --digest").error(),
            &["rows.parquet is not a readable parquet file"],
        );
    }
}

#[test]
fn csv_with_a_wrong_number_of_fields() {
    let text = "sentence1,sentence2,label\na b,c d,same\ne f,g, h,other\n";
    let message = refused("rows.csv", text);
    contains(
        &message,
        &["rows.csv, line 3: 4 fields where the header has 3"],
    );
}

#[test]
fn csv_that_is_not_utf8() {
    let message = refused(
        "rows.csv",
        b"sentence1,sentence2,label\na,b,same\ncaf\xe9\x81,b,other\n",
    );
    contains(
        &message,
        &[
            "rows.csv, line 3",
            "is not UTF-8",
            "Save it with the encoding UTF-8",
        ],
    );
}

#[test]
fn a_missing_or_misnamed_column() {
    let message = refused(
        "rows.csv",
        "sentence1,sentence2,lable\na,b,same\nc,d,other\n",
    );
    contains(
        &message,
        &["no column \"label\"", "Did you mean \"lable\"?"],
    );
    let scratch = Scratch::ready();
    let message = scratch
        .train("--text_column_names sentense1,sentence2")
        .error();
    contains(
        &message,
        &["no column \"sentense1\"", "Did you mean \"sentence1\"?"],
    );
    let message = refused("rows.csv", "n,label\n1,0\n2,1\n");
    contains(&message, &["column"]);
}

#[test]
fn labels_out_of_range_missing_or_of_the_wrong_type() {
    let message = refused("rows.csv", "sentence1,sentence2,label\na,b,-1\nc,d,-1\n");
    contains(&message, &["column \"label\"", "every label is -1"]);
    // One that is missing costs its row; with none at all there is nothing to learn.
    let scratch = Scratch::ready();
    let rows = "sentence1,sentence2,label\na,b,same\nc,d,\ne,f,other\n";
    scratch.write("train.csv", rows);
    let ran = scratch.train("--eval_strategy no");
    contains(
        &ran.stderr,
        &["split 'train': 1 row of 3 has no label in the column 'label' and is left out"],
    );
    ran.ok();
    let message = refused("rows.csv", "sentence1,sentence2,label\na,b,\nc,d,\n");
    contains(&message, &["label is missing"]);
    let lines = "{\"sentence1\": \"a\", \"sentence2\": \"b\", \"label\": 1}\n\
                 {\"sentence1\": \"c\", \"sentence2\": \"d\", \"label\": [0]}\n";
    contains(
        &refused("rows.jsonl", lines),
        &["rows.jsonl", "column \"label\" is a list or an object"],
    );

    // The training rows have two classes; the validation rows name a third.
    let scratch = Scratch::ready();
    scratch.write("train.csv", "sentence1,sentence2,label\na,b,0\nc,d,1\n");
    scratch.write(
        "validation.csv",
        "sentence1,sentence2,label\na,b,0\nc,d,2\n",
    );
    let message = scratch.train("--do_eval").error();
    contains(
        &message,
        &["row 1, column \"label\": label 2 is out of range, the classes are 0 to 1"],
    );
}

#[test]
fn an_empty_split() {
    let message = refused("rows.csv", "sentence1,sentence2,label\n");
    contains(&message, &["no rows"]);
    contains(&refused("rows.csv", ""), &["rows.csv"]);
}

#[test]
fn one_class_only() {
    let text = pairs(64, 0);
    let tame: String = text
        .lines()
        .filter(|line| !line.ends_with(",wild"))
        .map(|line| format!("{line}\n"))
        .collect();
    let scratch = Scratch::ready();
    scratch.write("train.csv", tame);
    let line =
        "train --model_name_or_path model --train_file train.csv --output_dir out --device cpu";
    let message = scratch.run(line).error();
    contains(
        &message,
        &[
            "column \"label\": all 32 rows have the same label",
            "nothing to tell apart",
        ],
    );
}

#[test]
fn a_file_that_is_not_there_or_of_no_known_kind() {
    let scratch = Scratch::ready();
    fs::remove_file(scratch.path("train.csv")).unwrap();
    contains(&scratch.train("").error(), &["train.csv", "No such file"]);
    contains(
        &refused("rows.doc", "PK"),
        &["rows.doc", ".parquet, .csv, .tsv, .jsonl"],
    );
}

//! `tunesmith predict` on texts and on files, with a head that is known.

use std::fs;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Scratch, contains, pairs, wait_until};

fn fine_tuned() -> Scratch {
    let scratch = Scratch::ready();
    scratch.train("--max_steps 2 --save_strategy no").ok();
    scratch
}

#[test]
fn a_file_and_a_text_get_the_same_answer() {
    let scratch = fine_tuned();
    scratch.write(
        "pairs.jsonl",
        "{\"sentence1\": \"the cat sat\", \"sentence2\": \"that cat ran\"}\n\
         {\"sentence1\": \"the owl ate\", \"sentence2\": \"that bee slept there\"}\n",
    );
    scratch.write(
        "pairs.csv",
        "sentence1,sentence2\nthe cat sat,that cat ran\nthe owl ate,that bee slept there\n",
    );
    scratch.write(
        "pairs.tsv",
        "sentence1\tsentence2\nthe cat sat\tthat cat ran\nthe owl ate\tthat bee slept there\n",
    );
    for input in ["pairs.jsonl", "pairs.csv", "pairs.tsv"] {
        let line = format!("predict --model out --device cpu --input {input} --output {input}.out");
        assert_eq!(
            scratch.run(&line).ok(),
            format!("2 predictions written to {input}.out\n")
        );
    }
    let of = |input: &str| fs::read_to_string(scratch.path(&format!("{input}.out"))).unwrap();
    assert_eq!(of("pairs.jsonl"), of("pairs.csv"));
    assert_eq!(of("pairs.jsonl"), of("pairs.tsv"));

    let first: Value = serde_json::from_str(of("pairs.jsonl").lines().next().unwrap()).unwrap();
    let logits: Vec<f64> = serde_json::from_value(first["logits"].clone()).unwrap();
    let scores: Vec<f64> = serde_json::from_value(first["scores"].clone()).unwrap();
    let softmax = 1.0 / (1.0 + (logits[0] - logits[1]).exp());
    assert!((scores[1] - softmax).abs() < 1e-6, "{first}");
    let best = usize::from(scores[1] > scores[0]);
    assert_eq!(first["label"], json!(["tame", "wild"][best]));

    let words = [
        "predict",
        "--model",
        "out",
        "--device",
        "cpu",
        "--text",
        "the cat sat",
        "--text-pair",
        "that cat ran",
    ];
    let output = scratch.command(words).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    let head = format!("{} ({:.4})", first["label"].as_str().unwrap(), scores[best]);
    assert_eq!(shown.lines().next(), Some(head.as_str()), "{shown}");
    contains(&shown, &["tame", "wild"]);
}

#[test]
fn what_cannot_be_predicted_is_told() {
    let scratch = fine_tuned();
    let message = scratch
        .run("predict --model nowhere --device cpu --text cat")
        .error();
    contains(&message, &["nowhere"]);
    scratch.write("rows.csv", "title,n\na,1\n");
    let line = "predict --model out --device cpu --input rows.csv --output o.jsonl --text_column_names titel";
    contains(
        &scratch.run(line).error(),
        &["no column \"titel\"", "Did you mean \"title\"?"],
    );
    let line = "predict --model out --device cpu --input validation.csv --output nowhere/o.jsonl \
                --text_column_names sentence1,sentence2";
    contains(
        &scratch.run(line).error(),
        &["cannot write nowhere/o.jsonl"],
    );
    let ran = scratch.run("predict --model out --input rows.csv");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    contains(&ran.stderr, &["--output <FILE>"]);
}

/// A model in `out` that was trained on columns with names of their own, those of `train.csv`.
fn titles() -> Scratch {
    let scratch = Scratch::ready();
    scratch.write(
        "train.csv",
        "title,topic\nthe cat sat,tame\nthe fox ran,wild\n",
    );
    let train = "train --model_name_or_path model --train_file train.csv --output_dir out \
                 --device cpu --max_steps 1 --save_strategy no";
    let named = "--text_column_names title --label_column_name topic";
    scratch.run(&format!("{train} {named}")).ok();
    scratch
}

#[test]
fn a_model_is_asked_by_the_columns_that_it_was_trained_on() {
    let scratch = titles();
    let predict = "predict --model out --device cpu --input train.csv --output";
    scratch.run(&format!("{predict} a.jsonl")).ok();
    scratch
        .run(&format!("{predict} b.jsonl --text_column_names title"))
        .ok();
    let read = |name: &str| fs::read_to_string(scratch.path(name)).unwrap();
    assert_eq!(read("a.jsonl"), read("b.jsonl"));
    scratch.write("other.csv", "text,note\nthe cat,here\n");
    let line = "predict --model out --device cpu --input other.csv --output c.jsonl";
    contains(
        &scratch.run(line).error(),
        &["trained on the text column title", "columns text, note"],
    );
}

#[test]
fn texts_of_digits_are_texts() {
    let scratch = Scratch::ready();
    scratch.write("digits.csv", "text\n12\n007\n");
    let line = "predict --model model --device cpu --input digits.csv --output o.jsonl";
    contains(&scratch.run(line).ok(), &["2 predictions"]);
    let line = format!("{line} --text_column_names text");
    contains(&scratch.run(&line).ok(), &["2 predictions"]);
}

/// The predictions of a file of JSON Lines.
fn lines(scratch: &Scratch, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(scratch.path(name)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn rows_come_back_in_their_order_whatever_their_lengths() {
    let scratch = fine_tuned();
    // More than a block, so that several are read, and lengths that change from row to row.
    let rows = 5000;
    let animals = [
        "cat",
        "owl ate the bee",
        "fox",
        "bee slept there",
        "the owl",
    ];
    let text = |row: usize| format!("the {} ran", animals[row * 7 % 5].repeat(row % 3 + 1));
    let mut csv = "sentence1,sentence2\n".to_owned();
    for row in 0..rows {
        csv += &format!("{},that cat sat\n", text(row));
    }
    scratch.write("many.csv", csv);
    let line = "predict --model out --device cpu --input many.csv --output many.jsonl";
    contains(&scratch.run(line).ok(), &["5000 predictions"]);
    let found = lines(&scratch, "many.jsonl");
    assert_eq!(found.len(), rows);
    for row in [0, 1, 2, 3, 4, 4094, 4095, 4096, 4999] {
        let words = [
            "predict".to_owned(),
            "--model=out".to_owned(),
            "--device=cpu".to_owned(),
            format!("--text={}", text(row)),
            "--text-pair=that cat sat".to_owned(),
        ];
        let shown = String::from_utf8(scratch.command(words).output().unwrap().stdout).unwrap();
        let (label, score) = (&found[row]["label"], &found[row]["score"]);
        let head = format!(
            "{} ({:.4})",
            label.as_str().unwrap(),
            score.as_f64().unwrap()
        );
        assert_eq!(shown.lines().next(), Some(head.as_str()), "row {row}");
    }
}

#[test]
fn a_table_has_the_texts_and_the_probability_of_each_class() {
    let scratch = fine_tuned();
    scratch.write(
        "rows.csv",
        "sentence1,sentence2\n\"the cat, the owl\",that bee\nthe fox ran,that cat\n",
    );
    let line = "predict --model out --device cpu --input rows.csv --output";
    scratch.run(&format!("{line} rows.jsonl")).ok();
    scratch.run(&format!("{line} said.csv")).ok();
    scratch.run(&format!("{line} said.parquet")).ok();
    let wanted = lines(&scratch, "rows.jsonl");
    let csv = fs::read_to_string(scratch.path("said.csv")).unwrap();
    let mut csv = csv.lines();
    assert_eq!(
        csv.next(),
        Some("sentence1,sentence2,label,score,score_tame,score_wild")
    );
    let first = csv.next().unwrap();
    assert!(
        first.starts_with("\"the cat, the owl\",that bee,"),
        "{first}"
    );
    for (row, wanted) in wanted.iter().enumerate() {
        let shown = scratch.run(&format!("data said.parquet --row {row}")).ok();
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["label"], wanted["label"]);
        assert_eq!(shown["score"], wanted["score"]);
        assert_eq!(
            json!([shown["score_tame"], shown["score_wild"]]),
            wanted["scores"]
        );
    }
    assert!(!scratch.path("said.csv.partial").exists());
}

#[test]
fn a_row_below_the_threshold_is_unknown() {
    let scratch = fine_tuned();
    let input = "--input validation.csv --text_column_names sentence1,sentence2";
    let line = format!("predict --model out --device cpu {input} --output");
    scratch.run(&format!("{line} all.jsonl")).ok();
    let all = lines(&scratch, "all.jsonl");
    let mut scores: Vec<f64> = all
        .iter()
        .map(|row| row["score"].as_f64().unwrap())
        .collect();
    scores.sort_by(f64::total_cmp);
    let least = scores[scores.len() / 2];
    scratch
        .run(&format!("{line} some.jsonl --threshold {least}"))
        .ok();
    let some = lines(&scratch, "some.jsonl");
    let mut unknown = 0;
    for (row, before) in some.iter().zip(&all) {
        assert_eq!(row["scores"], before["scores"]);
        if row["score"].as_f64().unwrap() < least {
            unknown += 1;
            assert_eq!(row["label"], "unknown");
        } else {
            assert_eq!(row["label"], before["label"]);
        }
    }
    assert!(unknown > 0 && unknown < all.len(), "{unknown}");
    for wrong in ["1.5", "0.5,0.5", "tune"] {
        let ran = scratch.run(&format!("{line} no.jsonl --threshold {wrong}"));
        contains(&ran.error(), &["one probability between 0 and 1"]);
    }
}

#[test]
fn only_the_most_likely_classes_are_told_where_so_many_are_asked_for() {
    let scratch = fine_tuned();
    let input = "--input validation.csv --text_column_names sentence1,sentence2";
    let line = format!("predict --model out --device cpu {input} --output");
    scratch.run(&format!("{line} all.jsonl")).ok();
    scratch.run(&format!("{line} top.jsonl --top_k 1")).ok();
    scratch.run(&format!("{line} top.csv --top_k 5")).ok();
    let top = lines(&scratch, "top.jsonl");
    for (row, all) in top.iter().zip(lines(&scratch, "all.jsonl")) {
        let best = json!([{"label": all["label"], "score": all["score"]}]);
        assert_eq!(row["top_k"], best);
        assert_eq!(row.get("scores"), None);
    }
    let csv = fs::read_to_string(scratch.path("top.csv")).unwrap();
    let head = "sentence1,sentence2,label,score,label_1,score_1,label_2,score_2";
    assert_eq!(csv.lines().next(), Some(head));
    let ran = scratch.run(&format!("{line} no.jsonl --top_k 0"));
    contains(&ran.error(), &["top_k is 0"]);
}

#[test]
fn a_plain_text_has_a_row_on_each_line() {
    let scratch = titles();
    scratch.write("rows.txt", "the cat sat\r\n\nthe fox, it ran\n");
    scratch.write("rows.csv", "title\nthe cat sat\n\"the fox, it ran\"\n");
    let predict = "predict --model out --device cpu --input";
    contains(
        &scratch
            .run(&format!("{predict} rows.txt --output txt.jsonl"))
            .ok(),
        &["3 predictions"],
    );
    scratch
        .run(&format!("{predict} rows.csv --output csv.jsonl"))
        .ok();
    let (text, csv) = (lines(&scratch, "txt.jsonl"), lines(&scratch, "csv.jsonl"));
    assert_eq!(vec![text[0].clone(), text[2].clone()], csv);
    scratch.write("empty.txt", "");
    let ran = scratch.run(&format!("{predict} empty.txt --output no.jsonl"));
    contains(&ran.error(), &["empty.txt", "the file is empty"]);
}

#[test]
fn what_is_killed_leaves_no_half_file() {
    let scratch = fine_tuned();
    scratch.write("many.csv", pairs(200_000, 0));
    scratch.write("said.csv", "of an earlier run\n");
    let line = "predict --model out --device cpu --input many.csv --output said.csv \
                --text_column_names sentence1,sentence2";
    let mut child = scratch
        .command(line.split_whitespace())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let partial = scratch.path("said.csv.partial");
    let size = || fs::metadata(&partial).map_or(0, |file| file.len());
    wait_until("some rows", || size() > 100_000);
    child.kill().unwrap();
    child.wait().unwrap();
    let kept = fs::read_to_string(scratch.path("said.csv")).unwrap();
    assert_eq!(kept, "of an earlier run\n");
    let text = fs::read_to_string(&partial).unwrap();
    assert!(
        text.starts_with("sentence1,sentence2,label,score,"),
        "{}",
        &text[..60]
    );
}

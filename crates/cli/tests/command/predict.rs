//! `tunesmith predict` on texts and on files, with a head that is known.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Scratch, contains};

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

#[test]
fn a_model_is_asked_by_the_columns_that_it_was_trained_on() {
    let scratch = Scratch::ready();
    scratch.write(
        "train.csv",
        "title,topic\nthe cat sat,tame\nthe fox ran,wild\n",
    );
    let train = "train --model_name_or_path model --train_file train.csv --output_dir out \
                 --device cpu --max_steps 1 --save_strategy no";
    let named = "--text_column_names title --label_column_name topic";
    scratch.run(&format!("{train} {named}")).ok();
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

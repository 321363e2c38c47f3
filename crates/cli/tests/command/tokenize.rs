//! `tunesmith tokenize`: MiniLM's tokens, id for id.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::compare;
use crate::support::{Ran, Scratch, contains, golden, minilm};

#[test]
fn assorted_pairs_get_the_ids_of_transformers() {
    let golden = golden("tokenization.json");
    let compared = compare::encodings(golden["cases"].as_array().unwrap());
    assert!(compared >= 600, "only {compared} encodings were compared");
}

#[test]
fn a_pair_is_shown_as_a_table() {
    let scratch = Scratch::new();
    let golden = &golden("tokenization.json")["course_example"];
    let model = minilm();
    let texts = golden["text"].as_array().unwrap();
    let words = [
        "tokenize",
        "--model",
        model.to_str().unwrap(),
        "--text",
        texts[0].as_str().unwrap(),
        "--text_pair",
        texts[1].as_str().unwrap(),
    ];
    let shown = Ran::of(scratch.command(words).output().unwrap()).ok();
    let lines: Vec<Vec<&str>> = shown
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        lines[0],
        ["token", "input_ids", "token_type_ids", "attention_mask"]
    );
    let column = |column: usize| -> Vec<u64> {
        lines[1..16]
            .iter()
            .map(|line| line[column].parse().unwrap())
            .collect()
    };
    assert_eq!(json!(column(1)), golden["pair"]["input_ids"]);
    assert_eq!(json!(column(2)), golden["pair"]["token_type_ids"]);
    assert_eq!(json!(column(3)), golden["pair"]["attention_mask"]);
    assert_eq!((lines[1][0], lines[6][0]), ("[CLS]", "sentence"));
    assert_eq!(shown.lines().last(), Some("15 tokens"));
}

#[test]
fn lines_come_from_standard_input_too() {
    let scratch = Scratch::ready();
    let mut command = scratch.command(["tokenize", "--model", "model", "--input", "-"]);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let text = b"{\"text\": \"the cats\"}\n\n{\"text\": \"that dog\", \"text_pair\": null}\n";
    child.stdin.take().unwrap().write_all(text).unwrap();
    let shown = Ran::of(child.wait_with_output().unwrap()).ok();
    let ids: Vec<Value> = shown
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["input_ids"].clone())
        .collect();
    assert_eq!(ids, [json!([2, 5, 11, 10, 3]), json!([2, 6, 12, 3])]);
}

#[test]
fn type_ids_are_left_out_where_the_model_takes_none() {
    let scratch = Scratch::ready();
    scratch.write(
        "model/tokenizer_config.json",
        r#"{"model_input_names": ["input_ids", "attention_mask"]}"#,
    );
    scratch.write("texts.jsonl", r#"{"text": "the cat"}"#);
    let shown = scratch
        .run("tokenize --model model --input texts.jsonl")
        .ok();
    assert_eq!(
        shown,
        "{\"input_ids\":[2,5,11,3],\"attention_mask\":[1,1,1,1]}\n"
    );
}

#[test]
fn what_cannot_be_tokenized_is_told() {
    let scratch = Scratch::ready();
    scratch.write(
        "texts.jsonl",
        "{\"text\": \"the cat\"}\n{\"txt\": \"the dog\"}\n",
    );
    let message = scratch
        .run("tokenize --model model --input texts.jsonl")
        .error();
    contains(
        &message,
        &[
            "texts.jsonl, line 2",
            "txt",
            r#"must look like {"text": "…""#,
        ],
    );
    let message = scratch
        .run("tokenize --model model --text cat --max-length 1")
        .error();
    contains(
        &message,
        &["max_length 1 is too short", "special tokens alone are 2"],
    );
    let message = scratch
        .run("tokenize --model model --text cat --truncation middle")
        .error();
    contains(
        &message,
        &["\"middle\" is not known", "longest_first, only_first"],
    );
    let message = scratch.run("tokenize --model nowhere --text cat").error();
    contains(&message, &["nowhere", "No such file"]);
}

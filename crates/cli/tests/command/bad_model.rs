//! Checkpoints that can't be used.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Scratch, config, contains, write_model, write_tokenizer};

fn weights(scratch: &Scratch) -> Vec<u8> {
    fs::read(scratch.path("model/model.safetensors")).unwrap()
}

/// Rewrites the header of the weights: 8 bytes of length, then JSON, then the numbers.
fn edit_header(scratch: &Scratch, edit: impl FnOnce(&mut Value)) {
    let bytes = weights(scratch);
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    edit(&mut header);
    let text = header.to_string();
    let mut edited = (text.len() as u64).to_le_bytes().to_vec();
    edited.extend(text.as_bytes());
    edited.extend(&bytes[8 + length..]);
    scratch.write("model/model.safetensors", edited);
}

fn edit_config(scratch: &Scratch, key: &str, value: Value) {
    let mut config: Value =
        serde_json::from_slice(&fs::read(scratch.path("model/config.json")).unwrap()).unwrap();
    config[key] = value;
    scratch.write("model/config.json", config.to_string());
}

const WEIGHT: &str = "bert.encoder.layer.1.output.dense.weight";

#[test]
fn weights_cut_short() {
    let scratch = Scratch::ready();
    let whole = weights(&scratch);
    for length in [whole.len() - 1, whole.len() / 2, 100, 4, 0] {
        scratch.write("model/model.safetensors", &whole[..length]);
        let message = scratch.train("").error();
        contains(
            &message,
            &[
                "model.safetensors",
                "not a complete safetensors file",
                "download it again",
            ],
        );
    }
}

#[test]
fn weights_of_the_wrong_shape() {
    let scratch = Scratch::ready();
    edit_header(&scratch, |header| header[WEIGHT]["shape"] = json!([64, 32]));
    let message = scratch.train("").error();
    contains(
        &message,
        &[
            "model.safetensors",
            WEIGHT,
            "[64, 32]",
            "[32, 64]",
            "not of one model",
        ],
    );
}

#[test]
fn weights_of_the_wrong_type() {
    let scratch = Scratch::ready();
    edit_header(&scratch, |header| header[WEIGHT]["dtype"] = json!("I32"));
    let message = scratch.train("").error();
    contains(
        &message,
        &[
            "model.safetensors",
            WEIGHT,
            "I32",
            "F32, F16, BF16 and F64 can be read",
        ],
    );
}

#[test]
fn weights_that_are_missing() {
    let scratch = Scratch::ready();
    edit_header(&scratch, |header| {
        let weight = header[WEIGHT].take();
        header.as_object_mut().unwrap().remove(WEIGHT);
        header["something.else"] = weight;
    });
    contains(
        &scratch.train("").error(),
        &["lacks 1 weights of the encoder", WEIGHT],
    );
    fs::remove_file(scratch.path("model/model.safetensors")).unwrap();
    contains(&scratch.train("").error(), &["model.safetensors"]);
}

#[test]
fn an_unknown_model_type() {
    let scratch = Scratch::ready();
    edit_config(&scratch, "model_type", json!("gpt2"));
    contains(
        &scratch.train("").error(),
        &[
            "config.json",
            "model_type 'gpt2' is not supported",
            "bert, distilbert, roberta",
        ],
    );
}

#[test]
fn a_head_for_other_labels() {
    let scratch = Scratch::new();
    let mut three = config();
    three["id2label"] = json!({"0": "a", "1": "b", "2": "c"});
    write_model(&scratch.path("model"), &three);
    scratch.write("train.csv", crate::support::pairs(16, 0));
    scratch.write("validation.csv", crate::support::pairs(16, 16));
    contains(
        &scratch.train("").error(),
        &["classifier.weight", "ignore_mismatched_sizes"],
    );
    scratch
        .train("--ignore_mismatched_sizes --max_steps 1")
        .ok();
}

#[test]
fn a_tokenizer_with_more_tokens_than_embeddings() {
    let scratch = Scratch::ready();
    let words: Vec<String> = (0..40).map(|i| format!("word{i}")).collect();
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    let words: Vec<&str> = special
        .into_iter()
        .chain(words.iter().map(String::as_str))
        .collect();
    write_tokenizer(&scratch.path("model"), &words);
    contains(&scratch.train("").error(), &["tokenizer", "45", "23"]);
}

#[test]
fn a_max_length_over_the_positions() {
    let scratch = Scratch::ready();
    let message = scratch.train("--max_seq_length 64").error();
    contains(&message, &["max_seq_length", "64", "32"]);
}

#[test]
fn a_model_that_is_nowhere() {
    let scratch = Scratch::ready();
    let line =
        "train --model_name_or_path ./nowhere --train_file train.csv --output_dir out --device cpu";
    contains(&scratch.run(line).error(), &["nowhere"]);
}

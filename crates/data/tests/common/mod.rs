//! Where the tests find the data that is not in the repository.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tunesmith_data::{DatasetDict, LoadDataset, Tokenizer};

/// The reference data: `TUNESMITH_SHARED`, else `shared` beside the workspace.
pub fn shared(path: &str) -> PathBuf {
    let root = std::env::var_os("TUNESMITH_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join(path);
    assert!(
        path.exists(),
        "{} is missing: set TUNESMITH_SHARED to the folder with the reference data",
        path.display()
    );
    path
}

pub fn golden(name: &str) -> Json {
    let text = std::fs::read_to_string(shared("golden").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn mrpc() -> DatasetDict {
    let folder = shared("mrpc/glue");
    LoadDataset::new(folder.to_str().unwrap())
        .config("mrpc")
        .load()
        .unwrap()
}

/// MiniLM's folder: `TUNESMITH_MINILM`, else where `cargo xtask test` puts it.
pub fn minilm() -> PathBuf {
    let folder = std::env::var_os("TUNESMITH_MINILM").map_or_else(
        || {
            Path::new(&std::env::var_os("HOME").unwrap_or_default())
                .join(".cache/tunesmith/models/all-MiniLM-L6-v2")
        },
        PathBuf::from,
    );
    assert!(
        folder.join("tokenizer.json").exists(),
        "there is no tokenizer.json in {}: `cargo xtask test` fetches it, or set TUNESMITH_MINILM",
        folder.display()
    );
    folder
}

pub fn tokenizer() -> Tokenizer {
    Tokenizer::from_file(minilm()).unwrap()
}

/// A list of numbers in a golden.
pub fn numbers<T: TryFrom<u64>>(json: &Json) -> Vec<T>
where
    T::Error: std::fmt::Debug,
{
    let list = json.as_array().unwrap();
    let number = |n: &Json| T::try_from(n.as_u64().unwrap()).unwrap();
    list.iter().map(number).collect()
}

/// A small tokenizer of whole words, made up here: `[PAD] [UNK] [CLS] [SEP]`, then the words.
pub fn word_tokenizer(words: &[&str]) -> Tokenizer {
    Tokenizer::from_bytes(word_tokenizer_json(words).as_bytes(), None).unwrap()
}

pub fn word_tokenizer_json(words: &[&str]) -> String {
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"];
    let vocab: serde_json::Map<String, Json> = special
        .iter()
        .chain(words)
        .enumerate()
        .map(|(id, word)| ((*word).to_owned(), id.into()))
        .collect();
    let special_token =
        |id: usize| serde_json::json!({"id": special[id], "ids": [id], "tokens": [special[id]]});
    let token =
        |token: &str, id: usize| serde_json::json!({"SpecialToken": {"id": token, "type_id": id}});
    let text = |name: &str, id: usize| serde_json::json!({"Sequence": {"id": name, "type_id": id}});
    serde_json::json!({
        "version": "1.0",
        "truncation": {"direction": "Left", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 1, "pad_token": "[PAD]"},
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)],
            "pair": [token("[CLS]", 0), text("A", 0), token("[SEP]", 0), text("B", 1), token("[SEP]", 1)],
            "special_tokens": {"[CLS]": special_token(2), "[SEP]": special_token(3)},
        },
        "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"},
    })
    .to_string()
}

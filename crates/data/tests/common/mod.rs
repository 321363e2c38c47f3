//! Where the tests find their data, and the comparisons that goldens and reference data share.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use serde_json::Value as Json;
use tunesmith_data::{
    Batch, DatasetDict, Encoding, Labels, LoadDataset, TokenizeArgs, TokenizeOptions, Tokenizer,
    Truncation,
};
use zip::write::{SimpleFileOptions, ZipWriter};

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A zip of these members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> Json {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// A golden; `tests/goldens/generate` has what made it.
pub fn golden(name: &str) -> Json {
    read(&repository().join("tests/goldens").join(name))
}

/// This repository's own set of pairs: a folder in the Hub's layout.
pub fn paraphrase_folder() -> PathBuf {
    repository().join("data/paraphrase")
}

pub fn paraphrase() -> DatasetDict {
    let folder = paraphrase_folder();
    LoadDataset::new(folder.to_str().unwrap())
        .config("mrpc_like")
        .load()
        .unwrap()
}

/// A file of the reference data, which isn't in the repository.
pub fn reference(path: &str) -> PathBuf {
    let root = std::env::var_os("TUNESMITH_REFERENCE").map(PathBuf::from);
    let path = root.map(|root| root.join(path));
    path.filter(|path| path.exists()).expect(
        "TUNESMITH_REFERENCE names no folder with the reference data: `cargo xtask test --reference DIR` sets it",
    )
}

pub fn reference_golden(name: &str) -> Json {
    read(&reference("golden").join(name))
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

/// The columns of MRPC and of our own set.
pub fn pair_args() -> TokenizeArgs {
    TokenizeArgs {
        text_pair_column: Some("sentence2".to_owned()),
        label_column: Some("label".to_owned()),
        ..TokenizeArgs::new("sentence1")
    }
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

/// The numbers of rows `[batch, seq]`, one row after another.
pub fn flat(rows: &Json) -> Vec<u32> {
    let rows = rows.as_array().unwrap();
    rows.iter().flat_map(numbers::<u32>).collect()
}

pub fn to(max_length: usize) -> TokenizeOptions {
    TokenizeOptions {
        max_length: Some(max_length),
        ..TokenizeOptions::default()
    }
}

#[track_caller]
pub fn assert_encoding(found: &Encoding, expected: &Json, place: &str) {
    let fields = [
        ("input_ids", &found.input_ids),
        ("token_type_ids", &found.token_type_ids),
        ("attention_mask", &found.attention_mask),
    ];
    for (name, found) in fields {
        assert_eq!(*found, numbers::<u32>(&expected[name]), "{place}: {name}");
    }
}

/// Compares every encoding of a golden's cases; gives how many there were.
pub fn compare_cases(cases: &[Json], tokenizer: &Tokenizer) -> usize {
    let mut compared = 0;
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let pair = case["text_pair"].as_str().unwrap();
        let mut check = |key: &str, pair: Option<&str>, options: &TokenizeOptions| {
            let expected = match &case[key] {
                Json::Null => return,
                // "same as …"
                Json::String(same) => &case[same.trim_start_matches("same as ")],
                expected => expected,
            };
            let found = tokenizer.encode(text, pair, options).unwrap();
            assert_encoding(&found, expected, &format!("case {} {key}", case["case"]));
            compared += 1;
        };
        let unlimited = TokenizeOptions {
            truncation: Truncation::DoNotTruncate,
            ..TokenizeOptions::default()
        };
        check("single_text_max128", None, &to(128));
        check("single_text_max512", None, &to(512));
        let length = |pair| {
            let encoding = tokenizer.encode(text, pair, &unlimited).unwrap();
            encoding.input_ids.len() as u64
        };
        assert_eq!(
            length(None),
            case["single_untruncated_length"].as_u64().unwrap()
        );
        if pair.is_empty() {
            // Two bare strings drop an empty second one in transformers; a batch keeps it, and so
            // do `tokenizers` and this crate.
            check("pair_batched_call_max128", Some(pair), &to(128));
            continue;
        }
        check("pair_max128", Some(pair), &to(128));
        check("pair_max512", Some(pair), &to(512));
        check("pair_max512", Some(pair), &TokenizeOptions::default());
        check("pair_untruncated", Some(pair), &unlimited);
        check("pair_max16", Some(pair), &to(16));
        check("pair_max17", Some(pair), &to(17));
        assert_eq!(
            length(Some(pair)),
            case["pair_untruncated_length"].as_u64().unwrap()
        );
    }
    compared
}

/// Compares a batch with one of transformers', lists of rows by name.
#[track_caller]
pub fn assert_batch(batch: &Batch, expected: &Json, place: &str) {
    assert_eq!(batch.input_ids, flat(&expected["input_ids"]), "{place}");
    let types = &expected["token_type_ids"];
    let types = (!types.is_null()).then(|| flat(types));
    assert_eq!(batch.token_type_ids, types, "{place}");
    assert_eq!(
        batch.attention_mask(),
        flat(&expected["attention_mask"]),
        "{place}"
    );
    let labels = match &expected["labels"] {
        Json::Null => Labels::None,
        labels if labels[0].is_u64() => Labels::Class(numbers(labels)),
        labels => {
            let labels = labels.as_array().unwrap().iter();
            Labels::Regression(labels.map(|label| label.as_f64().unwrap() as f32).collect())
        }
    };
    assert_eq!(batch.labels, labels, "{place}");
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

//! Tokenizers without `tokenizer.json` give the ids that transformers' own conversion of them gives.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};

use common::golden;
use sha2::{Digest, Sha256};
use tunesmith_data::{Encoding, TokenizeOptions, Tokenizer, Truncation};

const WHOLE: TokenizeOptions = TokenizeOptions {
    max_length: None,
    truncation: Truncation::DoNotTruncate,
    add_special_tokens: true,
};

fn files(kind: &str) -> PathBuf {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens");
    goldens.join("tokenizer_files").join(kind)
}

/// SHA-256 over ids and types, as the generator computes it.
fn digest(encoding: &Encoding) -> String {
    let mut hasher = Sha256::new();
    for id in &encoding.input_ids {
        hasher.update(id.to_le_bytes());
    }
    for kind in &encoding.token_type_ids {
        hasher.update([u8::try_from(*kind).unwrap()]);
    }
    let bytes = hasher.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_kind_gives_the_ids_of_transformers() {
    let golden = golden("tokenizer_files.json");
    let texts: Vec<[String; 2]> = serde_json::from_value(golden["texts"].clone()).unwrap();
    let kinds = golden["kinds"].as_object().unwrap();
    assert!(kinds.len() >= 14 && texts.len() >= 100);
    let mut wrong = Vec::new();
    for (kind, made) in kinds {
        let tokenizer = Tokenizer::from_file(files(kind)).unwrap();
        assert_eq!(tokenizer.vocab_size() as u64, made["size"], "{kind}");
        let pad = tokenizer.pad_token_id().map(u64::from);
        assert_eq!(pad, made["pad_token_id"].as_u64(), "{kind}");
        let ids: Vec<[Vec<u32>; 2]> = serde_json::from_value(made["ids"].clone()).unwrap();
        let pairs: Vec<String> = serde_json::from_value(made["pairs"].clone()).unwrap();
        assert_eq!((ids.len(), pairs.len()), (texts.len(), texts.len()));
        for ((texts, ids), pair) in texts.iter().zip(&ids).zip(&pairs) {
            for (text, ids) in texts.iter().zip(ids) {
                let found = tokenizer.encode(text, None, &WHOLE).unwrap();
                if found.input_ids != *ids {
                    wrong.push(format!(
                        "{kind}: {text:?} is {:?}, not {ids:?}: {:?}",
                        found.input_ids, found.tokens
                    ));
                }
            }
            let found = tokenizer
                .encode(&texts[0], Some(&texts[1]), &WHOLE)
                .unwrap();
            if digest(&found) != *pair {
                wrong.push(format!(
                    "{kind}: the pair {texts:?} is {:?}",
                    found.input_ids
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(10)].join("\n")
    );
}

#[test]
fn what_was_converted_is_the_same_tokenizer_by_itself() {
    for kind in [
        "bert_cased",
        "mpnet",
        "roberta_prefix",
        "camembert",
        "deberta_v3",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let made = Tokenizer::converted(files(kind)).unwrap().unwrap();
        std::fs::write(folder.path().join("tokenizer.json"), made).unwrap();
        for name in ["tokenizer_config.json", "config.json"] {
            let _ = std::fs::copy(files(kind).join(name), folder.path().join(name));
        }
        let (before, after) = (
            Tokenizer::from_file(files(kind)).unwrap(),
            Tokenizer::from_file(folder.path()).unwrap(),
        );
        let text = "Þorsteinn keypti bát, <e1> <extra> [MASK] <mask> 1,000, naïve Ａ";
        assert_eq!(
            before.encode(text, Some("x"), &WHOLE).unwrap(),
            after.encode(text, Some("x"), &WHOLE).unwrap()
        );
        assert!(Tokenizer::converted(folder.path()).unwrap().is_none());
    }
}

#[test]
fn what_can_t_be_converted_is_told_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    let told = |file: &str, said: &str| {
        let message = Tokenizer::from_file(folder.path())
            .err()
            .unwrap()
            .to_string();
        assert!(
            message.contains(file) && message.contains(said),
            "{message}"
        );
    };
    told("tokenizer.json", "cannot read");
    write("vocab.txt", b"[PAD]\n[CLS]\n");
    told("vocab.txt", "neither tokenizer_config.json");
    write("config.json", br#"{"model_type": "gpt_neo"}"#);
    told("vocab.txt", "the model_type gpt_neo");
    write(
        "tokenizer_config.json",
        br#"{"tokenizer_class": "BertJapaneseTokenizer"}"#,
    );
    told("vocab.txt", "its class is BertJapaneseTokenizer");
    write("config.json", br#"{"model_type": "bert"}"#);
    write("tokenizer_config.json", b"{}");
    told("vocab.txt", "no line \"[UNK]\"");
    write("vocab.txt", b"[UNK]\n\xff\n");
    told("vocab.txt", "not UTF-8");
    write("tokenizer_config.json", br#"{"do_lower_case": "no"}"#);
    write("vocab.txt", b"[UNK]\n");
    told(
        "vocab.txt",
        "do_lower_case in tokenizer_config.json is \"no\"",
    );
    write("tokenizer_config.json", b"{}");
    write("config.json", br#"{"model_type": "roberta"}"#);
    told("vocab.txt", "in vocab.json, which is not there");
    write("vocab.json", b"{\"a\": 0}");
    told("merges.txt", "cannot read");
    write("merges.txt", b"#version: 0.2\na b c\n");
    told("vocab.json", "line 2 of merges.txt");
    write("merges.txt", b"#version: 0.2\na b\n");
    told("vocab.json", "not in the vocabulary");
    write("vocab.json", b"{\"a\": -1}");
    told("vocab.json", "the id -1");
    write("config.json", br#"{"model_type": "xlm-roberta"}"#);
    write("sentencepiece.bpe.model", b"\x0a\xff");
    told(
        "sentencepiece.bpe.model",
        "not a complete sentencepiece model",
    );
    write("sentencepiece.bpe.model", b"");
    told("sentencepiece.bpe.model", "it has no pieces");
}

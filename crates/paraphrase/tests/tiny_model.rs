//! The committed tiny model loads, and fits the committed sentences.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::PathBuf;

use safetensors::SafeTensors;
use tokenizers::Tokenizer;
use tunesmith_paraphrase::files::SPLITS;
use tunesmith_paraphrase::tiny::FOLDER;

fn path(name: &str) -> PathBuf {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    repository.join(FOLDER).join(name)
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_file(path("tokenizer.json")).unwrap()
}

#[test]
fn no_sentence_of_the_set_gives_an_unknown_token() {
    let tokenizer = tokenizer();
    let unknown = tokenizer.token_to_id("[UNK]").unwrap();
    for (split, _) in SPLITS {
        for row in support::read(split) {
            for sentence in [row.sentence1, row.sentence2] {
                let encoding = tokenizer.encode_fast(sentence.as_str(), true).unwrap();
                assert!(!encoding.get_ids().contains(&unknown), "{sentence}");
            }
        }
    }
}

#[test]
fn every_pair_fits_the_positions() {
    let tokenizer = tokenizer();
    for (split, _) in SPLITS {
        for row in support::read(split) {
            let pair = (row.sentence1.as_str(), row.sentence2.as_str());
            let length = tokenizer.encode_fast(pair, true).unwrap().len();
            assert!(length <= 128, "{length} tokens: {pair:?}");
        }
    }
}

#[test]
fn a_pair_is_framed_and_other_words_are_spelled() {
    let tokenizer = tokenizer();
    let encoding = tokenizer.encode(("The judge", "Xqz!"), true).unwrap();
    assert_eq!(
        encoding.get_tokens(),
        [
            "[CLS]", "the", "judge", "[SEP]", "x", "##q", "##z", "!", "[SEP]"
        ]
    );
    assert_eq!(encoding.get_type_ids(), [0, 0, 0, 0, 1, 1, 1, 1, 1]);
    assert_eq!(
        tokenizer.decode(encoding.get_ids(), true).unwrap(),
        "the judge xqz!"
    );
    let special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
    for (id, token) in (0..).zip(special) {
        assert_eq!(tokenizer.token_to_id(token), Some(id));
        assert_eq!(tokenizer.encode(token, false).unwrap().get_ids(), [id]);
    }
}

#[test]
fn the_vocabulary_is_the_same_everywhere() {
    let tokenizer = tokenizer();
    let listed = std::fs::read_to_string(path("vocab.txt")).unwrap();
    let tokens: Vec<&str> = listed.lines().collect();
    for (id, token) in (0..).zip(&tokens) {
        assert_eq!(tokenizer.id_to_token(id).as_deref(), Some(*token));
    }
    assert_eq!(tokenizer.get_vocab_size(true), tokens.len());
    let weights = std::fs::read(path("model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&weights).unwrap();
    let words = tensors.tensor("embeddings.word_embeddings.weight").unwrap();
    assert_eq!(words.shape(), [tokens.len(), 64]);
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(path("config.json")).unwrap()).unwrap();
    assert_eq!(config["vocab_size"], tokens.len());
}

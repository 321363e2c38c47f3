//! The vocabulary and the tokenizer's files, in the format of the `tokenizers` library.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::{
    NormalizedString, Normalizer as _, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer as _,
};

use super::MAX_POSITION_EMBEDDINGS;
use crate::error::Error;

/// The most entries of the vocabulary: the embeddings are most of the model's size.
pub const MAX_VOCABULARY: usize = 3000;

/// Their ids are their places.
const SPECIAL_TOKENS: [&str; 5] = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];

pub(super) const PAD_TOKEN_ID: usize = 0;
const CLS_TOKEN_ID: usize = 2;
const SEP_TOKEN_ID: usize = 3;

/// Special tokens, single characters, continuations, then the words of `sentences`.
///
/// The characters and continuations spell any other word of ASCII letters and digits. Where there
/// are too many words, the rarest are left out.
pub(super) fn vocabulary(sentences: &[String]) -> Result<Vec<String>, Error> {
    let is_lower = |c: &char| !c.is_ascii_uppercase();
    let characters = ('!'..='~').filter(is_lower).map(String::from);
    let letters_and_digits = ('0'..='9').chain('a'..='z');
    let continuations = letters_and_digits.map(|c| format!("##{c}"));
    let mut vocabulary = SPECIAL_TOKENS.map(str::to_owned).to_vec();
    vocabulary.extend(characters.chain(continuations));

    let mut words: Vec<(String, usize)> = counts(sentences)?
        .into_iter()
        .filter(|(word, _)| !vocabulary.contains(word))
        .collect();
    // Stable, so that words of one count stay sorted and the cut is the same every time.
    words.sort_by_key(|(_, count)| Reverse(*count));
    words.truncate(MAX_VOCABULARY - vocabulary.len());
    words.sort();
    vocabulary.extend(words.into_iter().map(|(word, _)| word));
    Ok(vocabulary)
}

/// How often each word occurs, lower case and split as the tokenizer does.
fn counts(sentences: &[String]) -> Result<BTreeMap<String, usize>, Error> {
    let mut counts = BTreeMap::new();
    for sentence in sentences {
        let words = split(sentence).map_err(|source| Error::Words {
            sentence: sentence.clone(),
            source,
        })?;
        for word in words {
            *counts.entry(word).or_default() += 1;
        }
    }
    Ok(counts)
}

fn split(sentence: &str) -> tokenizers::Result<Vec<String>> {
    let mut text = NormalizedString::from(sentence);
    BertNormalizer::default().normalize(&mut text)?;
    let mut text = PreTokenizedString::from(text);
    BertPreTokenizer.pre_tokenize(&mut text)?;
    let words = text.get_splits(OffsetReferential::Normalized, OffsetType::Byte);
    Ok(words.iter().map(|(word, ..)| (*word).to_owned()).collect())
}

/// The content of `tokenizer.json`.
pub(super) fn tokenizer(vocabulary: &[String]) -> Value {
    let ids = (0u32..).map(Value::from);
    let vocab: Map<String, Value> = vocabulary.iter().cloned().zip(ids).collect();
    let added_tokens: Vec<Value> = SPECIAL_TOKENS
        .iter()
        .enumerate()
        .map(|(id, content)| {
            json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens,
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": post_processor(),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocab,
        },
    })
}

/// `[CLS] $A [SEP]` and `[CLS] $A [SEP] $B:1 [SEP]:1`.
fn post_processor() -> Value {
    let special = |token: &str, type_id| json!({"SpecialToken": {"id": token, "type_id": type_id}});
    let sequence = |name: &str, type_id| json!({"Sequence": {"id": name, "type_id": type_id}});
    let token = |id: usize| {
        let content = SPECIAL_TOKENS[id];
        json!({"id": content, "ids": [id], "tokens": [content]})
    };
    let single = [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)];
    let mut pair = single.to_vec();
    pair.extend([sequence("B", 1), special("[SEP]", 1)]);
    json!({
        "type": "TemplateProcessing",
        "single": single,
        "pair": pair,
        "special_tokens": {"[CLS]": token(CLS_TOKEN_ID), "[SEP]": token(SEP_TOKEN_ID)},
    })
}

/// The content of `tokenizer_config.json`.
pub(super) fn config() -> Value {
    json!({
        "cls_token": "[CLS]",
        "do_lower_case": true,
        "mask_token": "[MASK]",
        "model_max_length": MAX_POSITION_EMBEDDINGS,
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "strip_accents": null,
        "tokenize_chinese_chars": true,
        "tokenizer_class": "BertTokenizer",
        "unk_token": "[UNK]",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn words_of(sentences: &[&str]) -> Vec<String> {
        let sentences: Vec<String> = sentences.iter().map(|&s| s.to_owned()).collect();
        let all = vocabulary(&sentences).unwrap();
        let first = all.iter().position(|entry| entry == "##z").unwrap() + 1;
        all[first..].to_vec()
    }

    #[test]
    fn words_are_split_lowered_and_sorted() {
        let words = words_of(&["It won't Rain: 12% a day.", "Rain won't stop"]);
        assert_eq!(words, ["12", "day", "it", "rain", "stop", "won"]);
    }

    #[test]
    fn the_rarest_words_are_left_out() {
        let many: Vec<String> = (1000..5000).map(|n| n.to_string()).collect();
        let often = "zebra zebra yak yak";
        let all = vocabulary(&[many.join(" "), often.to_owned()]).unwrap();
        assert_eq!(all.len(), MAX_VOCABULARY);
        assert_eq!(all[all.len() - 2..], ["yak", "zebra"]);
        assert!(all.contains(&"1000".to_owned()) && !all.contains(&"4999".to_owned()));
    }
}

//! `vocab.txt` (WordPiece), and `vocab.json` with `merges.txt` (byte-level BPE).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::added::{Added, BERT, template};
use super::family::Family;
use super::flag;
use crate::tokenizer_config::Beside;

/// A tokenizer of BERT's or MPNet's class.
pub(super) fn word_piece(family: &Family, bytes: &[u8], beside: &Beside) -> Result<Json, String> {
    let text = utf8(bytes)?;
    // As tokenizers reads it: a word a line, its id the line's number; of two alike the later.
    let vocabulary: BTreeMap<String, u64> = (0..)
        .zip(text.lines())
        .map(|(id, line)| (line.trim_end().to_owned(), id))
        .collect();
    let token = |key: &str| family.token(key, beside);
    let unknown = token("unk_token");
    if !vocabulary.contains_key(&unknown) {
        return Err(format!(
            "it has no line {unknown:?} for words that it doesn't know"
        ));
    }
    let vocab: Map<String, Json> = vocabulary
        .iter()
        .map(|(word, id)| (word.clone(), Json::from(*id)))
        .collect();
    let strip_accents = match beside.tokenizer_config.get("strip_accents") {
        None | Some(Json::Null) => Json::Null,
        Some(_) => Json::from(flag(beside, "strip_accents", false)?),
    };
    let normalizer = json!({
        "type": "BertNormalizer",
        "clean_text": true,
        "handle_chinese_chars": flag(beside, "tokenize_chinese_chars", true)?,
        "strip_accents": strip_accents,
        "lowercase": flag(beside, "do_lower_case", true)?,
    });
    let added = Added::of(*family, beside, vocabulary, &[]);
    let (cls, sep) = (token("cls_token"), token("sep_token"));
    let (cls, sep) = (
        (cls.as_str(), added.id(&cls)),
        (sep.as_str(), added.id(&sep)),
    );
    let post_processor = if *family == Family::MpNet {
        roberta_processing(sep, cls, true, false)
    } else {
        template(BERT.0, BERT.1, &[cls, sep])
    };
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added.json(),
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": post_processor,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }))
}

/// A tokenizer of RoBERTa's class.
pub(super) fn byte_level(
    family: &Family,
    bytes: &[u8],
    merges: &[u8],
    beside: &Beside,
) -> Result<Json, String> {
    let vocab: Map<String, Json> =
        serde_json::from_slice(bytes).map_err(|error| format!("not valid JSON ({error})"))?;
    let mut vocabulary = BTreeMap::new();
    for (token, id) in &vocab {
        let id = id
            .as_u64()
            .filter(|id| u32::try_from(*id).is_ok())
            .ok_or_else(|| format!("the token {token:?} has the id {id}"))?;
        vocabulary.insert(token.clone(), id);
    }
    let text = std::str::from_utf8(merges)
        .map_err(|error| format!("merges.txt beside it is not UTF-8 ({error})"))?;
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.starts_with("#version") {
            continue;
        }
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            [first, second] => pairs.push(json!([first, second])),
            _ => {
                return Err(format!(
                    "line {number} of merges.txt beside it is {line:?}, not two pieces"
                ));
            }
        }
    }
    let prefix = flag(beside, "add_prefix_space", false)?;
    let trim = flag(beside, "trim_offsets", true)?;
    let added = Added::of(*family, beside, vocabulary, &[]);
    let (cls, sep) = (
        family.token("cls_token", beside),
        family.token("sep_token", beside),
    );
    let (cls, sep) = (
        (cls.as_str(), added.id(&cls)),
        (sep.as_str(), added.id(&sep)),
    );
    Ok(json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "post_processor": roberta_processing(sep, cls, trim, prefix),
        "added_tokens": added.json(),
        "normalizer": null,
        "pre_tokenizer": {
            "type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": true, "use_regex": true,
        },
        "decoder": {
            "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
        },
        "model": {
            "type": "BPE",
            "dropout": null,
            "unk_token": null,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": false,
            "byte_fallback": false,
            "ignore_merges": false,
            "vocab": vocab,
            "merges": pairs,
        },
    }))
}

fn roberta_processing(sep: (&str, u64), cls: (&str, u64), trim: bool, prefix: bool) -> Json {
    json!({
        "type": "RobertaProcessing",
        "sep": [sep.0, sep.1],
        "cls": [cls.0, cls.1],
        "trim_offsets": trim,
        "add_prefix_space": prefix,
    })
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| format!("it is not UTF-8 ({error})"))
}

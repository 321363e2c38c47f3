//! `tokenizer.json` for checkpoints that have only the files of older tokenizers: `vocab.txt`,
//! `vocab.json` with `merges.txt`, or a model of sentencepiece.
//!
//! The conversions are those of transformers 5.23 (`models/*/tokenization_*.py`, and
//! `convert_slow_tokenizer.py` for the order of sentencepiece's vocabularies), which builds the whole
//! tokenizer from its class's defaults and `tokenizer_config.json`. All is done on JSON: what comes out is
//! read, and checked, like any other `tokenizer.json`.

mod added;
mod family;
mod pieces;
mod sentencepiece;
mod words;

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tunesmith_platform::fs;

use self::family::Family;
use crate::DataError;
use crate::tokenizer_config::Beside;

/// The files of older tokenizers, any of which is converted.
pub(super) const FILES: [&str; 5] = [
    "vocab.txt",
    "vocab.json",
    "spm.model",
    "sentencepiece.bpe.model",
    "spiece.model",
];

/// A `tokenizer.json` made from other files.
pub(super) struct Converted {
    pub(super) json: Vec<u8>,
    /// The file that its vocabulary is of.
    pub(super) source: PathBuf,
}

/// Converts the files of a folder; `None` where it has none of [`FILES`].
///
/// Fails where no family is known for them, or a file isn't what its name says; names the file.
pub(super) fn convert(dir: &Path, beside: &Beside) -> Result<Option<Converted>, DataError> {
    let Some(there) = FILES.iter().find(|name| fs::is_file(dir.join(name))) else {
        return Ok(None);
    };
    let family = Family::of(beside).map_err(|reason| refused(&dir.join(there), &reason))?;
    let source = dir.join(family.file());
    if !fs::is_file(&source) {
        let reason = format!(
            "a tokenizer of this class ({}) has its vocabulary in {}, which is not there",
            family.class(),
            family.file()
        );
        return Err(refused(&dir.join(there), &reason));
    }
    let bytes = read(&source)?;
    let made = match family.file() {
        "vocab.txt" => words::word_piece(&family, &bytes, beside),
        "vocab.json" => {
            let merges = read(&dir.join("merges.txt"))?;
            words::byte_level(&family, &bytes, &merges, beside)
        }
        _ => pieces::unigram(&family, &bytes, beside),
    };
    let json = made.map_err(|reason| refused(&source, &reason))?;
    Ok(Some(Converted {
        json: json.to_string().into_bytes(),
        source,
    }))
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    fs::read(path).map_err(DataError::io("read", path))
}

/// What to do where there is no `tokenizer.json` and another file can't stand for it.
fn refused(path: &Path, reason: &str) -> DataError {
    let name = path.file_name().unwrap_or_default().display();
    let dir = path.parent().unwrap_or(Path::new("."));
    let dir = dir.components().as_path().display();
    DataError::Tokenizer {
        place: path.display().to_string(),
        reason: format!(
            "its folder has {name} and no tokenizer.json, and {name} can't be converted to one: {reason}. \
             Write a tokenizer.json with Python's transformers: python -c \"from transformers import \
             AutoTokenizer as T; T.from_pretrained('{dir}').save_pretrained('{dir}')\". Or name another \
             folder or model with this vocabulary as tokenizer_name"
        ),
    }
}

/// A setting of `tokenizer_config.json`, or its default.
fn flag(beside: &Beside, key: &str, usual: bool) -> Result<bool, String> {
    match beside.tokenizer_config.get(key) {
        None | Some(Json::Null) => Ok(usual),
        Some(value) => value.as_bool().ok_or_else(|| {
            format!("{key} in tokenizer_config.json is {value}: write true or false")
        }),
    }
}

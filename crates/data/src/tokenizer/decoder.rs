//! The decoder of a `tokenizer.json`, which makes text of tokens. It is read apart from the rest: nothing
//! that trains needs it, so a damaged one must not keep a tokenizer from being used.

use serde_json::Value as Json;
use tokenizers::Decoder as _;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::decoders::wordpiece::WordPiece;

use super::{Tokenizer, refused};
use crate::DataError;
use crate::caught::caught;

/// Decoders in a row.
const MOST_STEPS: usize = 64;

/// Bytes that one replacement may put in.
const MOST_CONTENT: usize = 64;

/// The decoder, where it is one that files have. `tokenizers` tries each kind on every level of a nested
/// one, which takes forever for a file made to do that; real ones have at most one row of plain decoders.
pub(super) fn read(json: Json) -> Option<DecoderWrapper> {
    let is_known = match json.get("type")?.as_str()? {
        "Sequence" => {
            let steps = json.get("decoders")?.as_array()?;
            steps.len() <= MOST_STEPS && steps.iter().all(is_plain)
        }
        _ => is_plain(&json),
    };
    if !is_known {
        return None;
    }
    caught(|| serde_json::from_value(json)).ok()?.ok()
}

fn is_plain(json: &Json) -> bool {
    match json.get("type").and_then(Json::as_str) {
        Some(
            "ByteLevel" | "WordPiece" | "Metaspace" | "BPEDecoder" | "ByteFallback" | "Fuse"
            | "Strip" | "CTC",
        ) => true,
        Some("Replace") => {
            let content = json.get("content").and_then(Json::as_str);
            let pattern = json["pattern"].get("String").and_then(Json::as_str);
            content.is_some_and(|content| content.len() <= MOST_CONTENT)
                && pattern.is_some_and(|pattern| !pattern.is_empty())
        }
        _ => false,
    }
}

impl Tokenizer {
    /// The text of tokens: `convert_tokens_to_string` in transformers.
    ///
    /// # Errors
    /// Where the tokenizer's decoder refuses them.
    pub fn tokens_to_text(&self, tokens: Vec<String>) -> Result<String, DataError> {
        self.guarded(|| {
            let text = match &self.decoder {
                None => return Ok(tokens.join(" ")),
                // transformers' tokenizers of BERT's kind clean up whatever the file says.
                Some(DecoderWrapper::WordPiece(decoder)) => {
                    WordPiece::new(decoder.prefix.clone(), true).decode(tokens)
                }
                Some(decoder) => decoder.decode(tokens),
            };
            text.map_err(|error| refused("the tokens", &error))
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decoders_that_files_have_are_read_and_others_are_left() {
        let fuse = json!({"type": "Fuse"});
        for known in [
            json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
            json!({"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, fuse,
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ]}),
        ] {
            assert!(read(known.clone()).is_some(), "{known}");
        }
        for other in [
            Json::Null,
            json!({"type": "WordPiece"}),
            json!({"type": "Unheard"}),
            json!({"type": "Sequence", "decoders": [{"type": "Sequence", "decoders": [fuse]}]}),
            json!({"type": "Replace", "pattern": {"String": ""}, "content": " "}),
            json!({"type": "Replace", "pattern": {"Regex": "x"}, "content": " "}),
        ] {
            assert!(read(other.clone()).is_none(), "{other}");
        }
    }
}

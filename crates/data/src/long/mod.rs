//! Long texts a piece at a time: a tokenizer needs up to two hundred bytes for each byte of a text that it is
//! given at once.
//!
//! A text is cut only where the tokens of the whole are those of its pieces, one after the other.

mod spaces;
#[cfg(test)]
mod tests;
mod words;

use std::borrow::Cow;

use spaces::Spaces;
use words::Words;

/// Bytes of a piece, about; texts that are shorter are left whole.
const PIECE: usize = 1 << 16;

/// The longest text, or part of a text, that is tokenized though it can't be cut.
const MOST_UNCUT: usize = 4_000_000;

/// Where the texts of a tokenizer may be cut.
pub(crate) enum Cutter {
    Words(Words),
    Spaces(Spaces),
    /// Nowhere: nobody has shown where that leaves the tokens as they are.
    Nowhere,
}

impl Cutter {
    pub(crate) fn of(tokenizer: &tokenizers::Tokenizer) -> Self {
        let words = || Words::of(tokenizer).map(Self::Words);
        let spaces = || Spaces::of(tokenizer).map(Self::Spaces);
        words().or_else(spaces).unwrap_or(Self::Nowhere)
    }

    /// The text with what can't matter of its longest words left out.
    pub(crate) fn shortened<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self {
            Self::Words(words) => words.shortened(text),
            Self::Spaces(_) | Self::Nowhere => Cow::Borrowed(text),
        }
    }

    /// The pieces of a text in order. What can't be cut stays whole.
    pub(crate) fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        self.pieces_of(text, PIECE)
    }

    fn pieces_of<'a>(&self, text: &'a str, bytes: usize) -> Vec<&'a str> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while rest.len() > bytes {
            let half = rest.floor_char_boundary(bytes / 2);
            let cut = match self {
                Self::Words(words) => words.cut(rest, half),
                Self::Spaces(spaces) => spaces.cut(rest, half),
                Self::Nowhere => None,
            };
            let Some(cut) = cut else {
                break;
            };
            let (piece, after) = rest.split_at(cut);
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }
}

/// Fails for texts and parts of texts that would take gigabytes.
pub(crate) fn check_length(bytes: usize) -> Result<(), String> {
    if bytes <= MOST_UNCUT {
        return Ok(());
    }
    Err(format!(
        "it has {} MB without a space or line break at which it could be cut, and at most {} MB of that are supported: shorten it, or leave it out",
        bytes / 1_000_000,
        MOST_UNCUT / 1_000_000
    ))
}

/// The largest of the blocks that BERT's normalizer puts spaces around.
fn is_ideograph(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

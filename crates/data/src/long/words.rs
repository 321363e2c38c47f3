//! Where texts of BERT's kind may be cut: the normalizer looks at single characters and words end at white
//! space and punctuation, so the tokens of a text are those of its pieces wherever it is cut after such a
//! character.

use std::borrow::Cow;

use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

use super::{PIECE, is_ideograph};

/// Letters of a word that are kept where a word has more: such words are unknown as a whole.
const WORD: usize = 1 << 12;

/// Where the texts of such a tokenizer may be cut.
pub(crate) struct Words {
    /// Characters after which a text may be cut.
    after: [bool; 128],
    /// Whether it may be cut between two Chinese characters.
    ideographs: bool,
    /// Whether words of more than [`WORD`] letters are unknown, whatever they are.
    long_words: bool,
}

impl Words {
    /// `None` where cutting might change the tokens.
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Option<Self> {
        let ideographs = match tokenizer.get_normalizer() {
            None => false,
            Some(NormalizerWrapper::BertNormalizer(bert)) => bert.handle_chinese_chars,
            Some(_) => return None,
        };
        let punctuation = match tokenizer.get_pre_tokenizer()? {
            PreTokenizerWrapper::BertPreTokenizer(_) => true,
            PreTokenizerWrapper::WhitespaceSplit(_) => false,
            _ => return None,
        };
        let mut long_words = match tokenizer.get_model() {
            ModelWrapper::WordPiece(model) => model.max_input_chars_per_word < WORD / 2,
            ModelWrapper::WordLevel(_) => false,
            _ => return None,
        };
        let mut after = [false; 128];
        for (byte, after) in (0_u8..).zip(&mut after) {
            let space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
            *after = space || (punctuation && byte.is_ascii_punctuation());
        }
        // Tokens such as [MASK] are found before a text is split into words.
        for token in tokenizer.get_added_tokens_decoder().values() {
            if token.content.contains(char::is_whitespace) {
                return None;
            }
            long_words &= token.content.chars().any(|c| !c.is_ascii_alphanumeric());
            if !token.content.is_ascii() {
                return None;
            }
            for byte in token.content.bytes() {
                after[usize::from(byte)] = false;
            }
        }
        Some(Self {
            after,
            ideographs,
            long_words,
        })
    }

    /// The text with what can't matter of its longest words left out.
    pub(super) fn shortened<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if text.len() <= PIECE || !self.long_words {
            return Cow::Borrowed(text);
        }
        let bytes = text.as_bytes();
        let mut shorter = String::new();
        let (mut copied, mut at) = (0, 0);
        while at < bytes.len() {
            let run = bytes[at..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric());
            let length = run.count();
            if length > WORD {
                shorter.push_str(&text[copied..at + WORD]);
                copied = at + length;
            }
            at += length.max(1);
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        shorter.push_str(&text[copied..]);
        Cow::Owned(shorter)
    }

    /// The first place from `start` on where the text may be cut.
    pub(super) fn cut(&self, text: &str, start: usize) -> Option<usize> {
        let mut before = None;
        for (at, c) in text[start..].char_indices() {
            let both = before.is_some_and(is_ideograph) && is_ideograph(c);
            if at > 0 && self.ideographs && both {
                return Some(start + at);
            }
            if c.is_ascii() && self.after[c as usize] {
                let end = start + at + 1;
                return (end < text.len()).then_some(end);
            }
            before = Some(c);
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::Cutter;
    use super::*;

    fn words() -> Words {
        let mut after = [false; 128];
        for c in [' ', '\n', '.', '+'] {
            after[c as usize] = true;
        }
        Words {
            after,
            ideographs: true,
            long_words: true,
        }
    }

    #[test]
    fn pieces_are_the_text_and_end_where_words_do() {
        for text in [
            "four word s. é ".repeat(20_000),
            "日本語".repeat(50_000),
            "a+/b".repeat(60_000),
        ] {
            let pieces = Cutter::Words(words()).pieces(&text);
            assert_eq!(pieces.concat(), text);
            assert!(pieces.len() > 2);
            assert!(pieces.iter().all(|piece| piece.len() <= PIECE));
            let last = |piece: &&str| piece.chars().last().unwrap();
            assert!(
                pieces[..pieces.len() - 1]
                    .iter()
                    .map(last)
                    .all(|c| " .+語日本".contains(c))
            );
        }
        assert_eq!(Cutter::Words(words()).pieces("short"), ["short"]);
        let whole = "é".repeat(PIECE);
        assert_eq!(Cutter::Words(words()).pieces(&whole), [whole.as_str()]);
    }

    #[test]
    fn words_without_end_are_shortened() {
        let text = format!("a {}-b {}", "x".repeat(5_000_000), "9".repeat(WORD));
        let short = words().shortened(&text).into_owned();
        assert_eq!(
            short,
            format!("a {}-b {}", "x".repeat(WORD), "9".repeat(WORD))
        );
        let usual = "word ".repeat(PIECE);
        assert!(matches!(words().shortened(&usual), Cow::Borrowed(_)));
    }
}

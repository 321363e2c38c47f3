//! Where texts of a byte-level BPE or a sentencepiece tokenizer may be cut: before a single white space, at
//! which the pre-tokenizer begins a new word, whatever stands around it.
//!
//! Three steps could look across such a place. Added tokens are refused here where they could. Normalizers
//! are tried on the place itself, and only those that act on single characters, on a character with its
//! marks, or on white space are trusted beyond what is tried. The pre-tokenizer's own rule must end a word
//! before the white space and may not ask what stood before it:
//!
//! - GPT-2's pattern (`ByteLevel`) has white space only at the beginning of a match or in a match of white
//!   space alone, and looks ahead only from there.
//! - Metaspace begins a word at each space, and puts one before a text only if that begins without.
//! - Others drop white space.

use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{NormalizedString, Normalizer, SplitDelimiterBehavior};

use super::is_ideograph;

/// Bytes to each side of a place on which the normalizer is tried.
const AROUND: usize = 64;

/// What sentencepiece writes for a space.
const METASPACE: char = '▁';

/// Regular expressions of normalizers in use that find white space only.
const OF_WHITE_SPACE: [&str; 4] = [" {2,}", r"\s+", r"\s{2,}", r"\s{2,}|[\n\r\t]"];

/// What ends Chinese and Japanese sentences and their parts.
const STOPS: [char; 6] = ['。', '，', '、', '！', '？', '；'];

/// Where the texts of such a tokenizer may be cut.
pub(crate) struct Spaces {
    normalizer: Option<NormalizerWrapper>,
    begins: Begins,
    /// Last characters of added tokens that take the white space behind them.
    takes_space: Vec<char>,
    /// Whether a text may also be cut between an ideograph and a full stop or comma.
    stops: bool,
}

/// The white space that begins a word, after normalizing.
#[derive(Clone, Copy)]
enum Begins {
    Any,
    Space,
    /// A space, or what stands for it.
    Meta(char),
}

impl Spaces {
    /// `None` where cutting might change the tokens.
    pub(super) fn of(tokenizer: &tokenizers::Tokenizer) -> Option<Self> {
        let draws_lots = match tokenizer.get_model() {
            ModelWrapper::BPE(model) => model.dropout.is_some_and(|rate| rate > 0.0),
            ModelWrapper::Unigram(model) => model.alpha.is_some() || model.nbest_size.is_some(),
            ModelWrapper::WordPiece(_) | ModelWrapper::WordLevel(_) => false,
        };
        if draws_lots {
            return None;
        }
        let normalizer = tokenizer.get_normalizer().cloned();
        if normalizer.as_ref().is_some_and(|all| !is_local(all)) {
            return None;
        }
        let (begins, is_pattern) = begins(tokenizer.get_pre_tokenizer()?)?;
        let mut spaces = Self {
            normalizer,
            begins,
            takes_space: Vec::new(),
            stops: is_pattern,
        };
        for token in tokenizer.get_added_tokens_decoder().values() {
            let normalized = spaces.normalized(&token.content)?;
            for content in [token.content.as_str(), &normalized] {
                let is_white = |c: char| c.is_whitespace() || c == METASPACE;
                if content.contains(is_white) && !content.chars().all(is_white) {
                    return None;
                }
                spaces.stops &= !content.contains(STOPS);
                if token.rstrip {
                    spaces.takes_space.extend(content.chars().last());
                }
            }
        }
        Some(spaces)
    }

    /// The first place from `start` on where the text may be cut.
    pub(super) fn cut(&self, text: &str, start: usize) -> Option<usize> {
        let mut characters = text[start..].char_indices().peekable();
        let (_, mut before) = characters.next()?;
        while let Some((at, c)) = characters.next() {
            let after = characters.peek().map(|(_, after)| *after);
            let is_single = c.is_whitespace()
                && !before.is_whitespace()
                && after.is_some_and(|after| !after.is_whitespace());
            let is_stop = self.stops && is_ideograph(before) && STOPS.contains(&c);
            if (is_single || is_stop) && self.is_boundary(text, start + at, is_stop) {
                return Some(start + at);
            }
            before = c;
        }
        None
    }

    /// Whether what was seen in the text is still there in the normalized text.
    fn is_boundary(&self, text: &str, at: usize, is_stop: bool) -> bool {
        let from = text.floor_char_boundary(at.saturating_sub(AROUND));
        let to = text.floor_char_boundary((at + AROUND).min(text.len()));
        let (left, right) = (&text[from..at], &text[at..to]);
        let parts = (
            self.normalized(left),
            self.normalized(right),
            self.normalized(&text[from..to]),
        );
        let (Some(before), Some(after), Some(both)) = parts else {
            return false;
        };
        let (last, first) = (before.chars().last(), after.chars().next());
        let (Some(last), Some(first)) = (last, first) else {
            return false;
        };
        if both.len() != before.len() + after.len()
            || !both.starts_with(&before)
            || !both.ends_with(&after)
        {
            return false;
        }
        if is_stop {
            return is_ideograph(last) && !first.is_alphanumeric() && !first.is_whitespace();
        }
        let is_white = |c: char| c.is_whitespace() || c == METASPACE;
        let begins = match self.begins {
            Begins::Any => first.is_whitespace(),
            Begins::Space => first == ' ',
            Begins::Meta(meta) => first == ' ' || first == meta,
        };
        let taken = |c: Option<char>| c.is_some_and(|c| self.takes_space.contains(&c));
        begins
            && !is_white(last)
            && after.chars().nth(1).is_some_and(|second| !is_white(second))
            && !taken(left.chars().last())
            && !taken(Some(last))
    }

    fn normalized(&self, text: &str) -> Option<String> {
        let mut normalized = NormalizedString::from(text);
        if let Some(normalizer) = &self.normalizer {
            normalizer.normalize(&mut normalized).ok()?;
        }
        Some(normalized.get().to_owned())
    }
}

/// Whether a normalizer changes no more than what is near enough to be tried.
fn is_local(normalizer: &NormalizerWrapper) -> bool {
    match normalizer {
        NormalizerWrapper::Sequence(all) => all.as_ref().iter().all(is_local),
        NormalizerWrapper::Replace(replace) => {
            let json = serde_json::to_value(replace).unwrap_or_default();
            let pattern = &json["pattern"];
            let white = |c: char| c.is_whitespace() || c == METASPACE;
            match (pattern["String"].as_str(), pattern["Regex"].as_str()) {
                (Some(text), _) => !text.contains(white) || text.chars().all(white),
                (None, Some(regex)) => OF_WHITE_SPACE.contains(&regex),
                (None, None) => false,
            }
        }
        NormalizerWrapper::BertNormalizer(_)
        | NormalizerWrapper::StripNormalizer(_)
        | NormalizerWrapper::StripAccents(_)
        | NormalizerWrapper::NFC(_)
        | NormalizerWrapper::NFD(_)
        | NormalizerWrapper::NFKC(_)
        | NormalizerWrapper::NFKD(_)
        | NormalizerWrapper::Lowercase(_)
        | NormalizerWrapper::Nmt(_)
        | NormalizerWrapper::Precompiled(_) => true,
        NormalizerWrapper::Prepend(_) | NormalizerWrapper::ByteLevel(_) => false,
    }
}

/// The white space at which words begin, by the first step that splits at white space, and whether GPT-2's
/// pattern alone decides, on the text as it is.
fn begins(pre_tokenizer: &PreTokenizerWrapper) -> Option<(Begins, bool)> {
    let alone = [pre_tokenizer];
    let steps: Vec<_> = match pre_tokenizer {
        PreTokenizerWrapper::Sequence(all) => all.as_ref().iter().collect(),
        _ => alone.to_vec(),
    };
    for step in &steps {
        let begins = match step {
            PreTokenizerWrapper::BertPreTokenizer(_)
            | PreTokenizerWrapper::Whitespace(_)
            | PreTokenizerWrapper::WhitespaceSplit(_) => Begins::Any,
            PreTokenizerWrapper::ByteLevel(bytes) if !bytes.use_regex => return None,
            PreTokenizerWrapper::ByteLevel(bytes) if bytes.add_prefix_space => Begins::Space,
            PreTokenizerWrapper::ByteLevel(_) => return Some((Begins::Any, steps.len() == 1)),
            PreTokenizerWrapper::Metaspace(meta) if meta.get_split() => {
                Begins::Meta(meta.get_replacement())
            }
            PreTokenizerWrapper::Digits(_) => continue,
            // Other ways to split may put a punctuation and what follows together.
            PreTokenizerWrapper::Punctuation(punctuation)
                if punctuation.behavior == SplitDelimiterBehavior::Isolated =>
            {
                continue;
            }
            _ => return None,
        };
        return Some((begins, false));
    }
    None
}

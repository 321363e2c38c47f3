//! Tokens with their places in the text: what tags need, for which a token's word and characters count.

use tokenizers::Encoding as RawEncoding;
use tokenizers::models::ModelWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;

use super::{TokenizeOptions, Tokenizer, checked, refused};
use crate::DataError;
use crate::caught::caught;

/// The tokens of a text or of words, with their places; all fields have the same length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedTokens {
    /// Token ids.
    pub input_ids: Vec<u32>,
    /// 0 for every token: there is one text.
    pub token_type_ids: Vec<u32>,
    /// The tokens as text.
    pub tokens: Vec<String>,
    /// The first character of each token and the one after its last, counted as Python counts them: within
    /// the text, or within the word where words were given. (0, 0) for special tokens.
    pub offsets: Vec<(usize, usize)>,
    /// The word of each token, `word_ids()` in transformers; none for special tokens.
    pub word_ids: Vec<Option<u32>>,
    /// Whether the token was added (`[CLS]`, `</s>`) and stands for no text.
    pub is_special: Vec<bool>,
}

impl PlacedTokens {
    fn of(raw: &RawEncoding) -> Self {
        let special = raw.get_special_tokens_mask().iter();
        Self {
            input_ids: raw.get_ids().to_vec(),
            token_type_ids: raw.get_type_ids().to_vec(),
            tokens: raw.get_tokens().to_vec(),
            offsets: raw.get_offsets().to_vec(),
            word_ids: raw.get_word_ids().to_vec(),
            is_special: special.map(|mask| *mask == 1).collect(),
        }
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }
}

impl Tokenizer {
    /// Tokenizes a text, with the place of each token in it.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_with_offsets(
        &self,
        text: &str,
        options: &TokenizeOptions,
    ) -> Result<PlacedTokens, DataError> {
        checked(text.len())?;
        let raw = self.guarded(|| {
            let first = self.inner.encode_char_offsets(text, false);
            let first = first.map_err(|error| refused("the text", &error))?;
            self.finish(first, None, options)
        })?;
        Ok(PlacedTokens::of(&raw))
    }

    /// Tokenizes a text that is words already, as transformers does with `is_split_into_words`.
    ///
    /// Where a tokenizer takes a space as part of the word that follows (byte-level BPE), each word gets
    /// one, as transformers' example has it (`add_prefix_space`): that is how words stand in a text.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`].
    pub fn encode_words(
        &self,
        words: &[&str],
        options: &TokenizeOptions,
    ) -> Result<PlacedTokens, DataError> {
        checked(words.iter().map(|word| word.len()).sum())?;
        let spaced = self.spaces_belong_to_words();
        let needs_space = |word: &str| spaced && !word.starts_with(char::is_whitespace);
        let raw = self.guarded(|| {
            let first = if spaced {
                let words = words.iter().map(|word| match needs_space(word) {
                    true => format!(" {word}"),
                    false => (*word).to_owned(),
                });
                let words: Vec<String> = words.collect();
                self.inner.encode_char_offsets(words, false)
            } else {
                self.inner.encode_char_offsets(words, false)
            };
            let first = first.map_err(|error| refused("the words", &error))?;
            self.finish(first, None, options)
        })?;
        let mut placed = PlacedTokens::of(&raw);
        for (offsets, word) in placed.offsets.iter_mut().zip(&placed.word_ids) {
            let word = word.and_then(|word| words.get(word as usize));
            if word.is_some_and(|word| needs_space(word)) {
                *offsets = (offsets.0.saturating_sub(1), offsets.1.saturating_sub(1));
            }
        }
        Ok(placed)
    }

    fn spaces_belong_to_words(&self) -> bool {
        fn bare(pre_tokenizer: &PreTokenizerWrapper) -> bool {
            match pre_tokenizer {
                PreTokenizerWrapper::ByteLevel(bytes) => !bytes.add_prefix_space,
                PreTokenizerWrapper::Sequence(all) => all.as_ref().iter().any(bare),
                _ => false,
            }
        }
        self.inner.get_pre_tokenizer().is_some_and(bare)
    }

    /// Whether a token shows by its own text that it goes on with a word (`##ing`).
    pub(crate) fn marks_continuations(&self) -> bool {
        match self.inner.get_model() {
            ModelWrapper::WordPiece(model) => !model.continuing_subword_prefix.is_empty(),
            ModelWrapper::BPE(model) => {
                let prefix = model.get_continuing_subword_prefix();
                prefix.as_ref().is_some_and(|prefix| !prefix.is_empty())
            }
            _ => false,
        }
    }

    pub(super) fn guarded<T>(
        &self,
        run: impl FnOnce() -> Result<T, DataError>,
    ) -> Result<T, DataError> {
        caught(run).unwrap_or_else(|panic| {
            Err(DataError::Tokenizer {
                place: "the text".to_owned(),
                reason: format!(
                    "tokenizer.json is damaged or not supported: it fails on this text ({panic})"
                ),
            })
        })
    }
}

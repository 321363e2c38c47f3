//! A `tokenizer.json` behind the options of Hugging Face's tokenizers.
//!
//! Truncation and padding saved inside a `tokenizer.json` are what somebody needed once; they are
//! taken out, and only their sides and the padding token are remembered, as transformers does. An
//! empty second text is a second text: two separators, as `tokenizers` and a batched call in
//! transformers give (its call with two bare strings drops it).

mod call;
mod charsmap;
mod check;
mod convert;
mod decoder;
mod offsets;
mod options;
mod pattern;

use std::path::Path;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::ModelWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::utils::padding::PaddingDirection;
use tokenizers::utils::truncation::{
    TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings,
};
use tokenizers::{Encoding as RawEncoding, Model, PostProcessor};
use tunesmith_platform::fs;

use crate::DataError;
use crate::caught::caught;
use crate::long::{Cutter, check_length};
use crate::tokenizer_config::Beside;

pub use call::{BatchEncoding, Padding, TextInput};
pub use offsets::PlacedTokens;
pub use options::{PaddingSide, TokenizeOptions, Truncation};

/// transformers writes 1e30 where a tokenizer has no limit.
const LONGEST: f64 = (1_u64 << 30) as f64;

/// Tokens of a text that aren't cut off, at two hundred bytes each while it is tokenized.
const MOST_TOKENS: usize = 2_000_000;

/// A tokenized text or pair of texts; all fields have the same length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoding {
    /// Token ids.
    pub input_ids: Vec<u32>,
    /// 0 for the first text, 1 for the second.
    pub token_type_ids: Vec<u32>,
    /// 1 for every token: nothing is padded here.
    pub attention_mask: Vec<u32>,
    /// The tokens as text.
    pub tokens: Vec<String>,
}

/// Reads the tokenizer of a model of any family.
#[derive(Debug)]
pub struct AutoTokenizer;

impl AutoTokenizer {
    /// The tokenizer of a model's folder, whichever files it has.
    ///
    /// # Errors
    /// As [`Tokenizer::from_file`].
    pub fn from_pretrained(dir: impl AsRef<Path>) -> Result<Tokenizer, DataError> {
        Tokenizer::from_file(dir)
    }
}

/// Turns text into token ids.
pub struct Tokenizer {
    /// Without truncation, padding and post-processing: those are applied here, call by call.
    inner: tokenizers::Tokenizer,
    post_processor: Option<PostProcessorWrapper>,
    /// What makes text of tokens.
    decoder: Option<DecoderWrapper>,
    truncation_side: TruncationDirection,
    padding_side: PaddingSide,
    pad_token: Option<(String, u32)>,
    pad_token_type_id: u32,
    unk_token_id: Option<u32>,
    model_max_length: Option<usize>,
    gives_token_types: Option<bool>,
    fingerprint: [u8; 32],
    cutter: Cutter,
}

impl Tokenizer {
    /// Reads a `tokenizer.json` (or a folder with one) and what stands beside it and overrules it:
    /// `tokenizer_config.json`, and for older checkpoints `special_tokens_map.json` and
    /// `added_tokens.json`; the model's `config.json` says which kind of tokenizer it is where no other
    /// file does. Where there is no `tokenizer.json`, the files of older tokenizers stand for it:
    /// `vocab.txt`, `vocab.json` with `merges.txt`, or a model of sentencepiece.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, DataError> {
        let path = path.as_ref();
        let path = if fs::is_dir(path) {
            path.join("tokenizer.json")
        } else {
            path.to_path_buf()
        };
        match fs::read(&path) {
            Ok(bytes) => Self::named(&path.display().to_string(), &bytes, &beside(&path)?),
            Err(error)
                if error.kind() == std::io::ErrorKind::NotFound
                    && path
                        .file_name()
                        .is_some_and(|name| name == "tokenizer.json") =>
            {
                let dir = path.parent().unwrap_or(Path::new("."));
                match convert::convert(dir, &beside(&path)?)? {
                    Some(made) => {
                        let name = made.source.display().to_string();
                        Self::named(&name, &made.json, &beside(&path)?)
                    }
                    None => Err(DataError::io("read", &path)(error)),
                }
            }
            Err(error) => Err(DataError::io("read", &path)(error)),
        }
    }

    /// The `tokenizer.json` of a folder that has only the files of older tokenizers, for a folder that
    /// holds what was made of it; `None` where there is a `tokenizer.json`, or nothing to convert.
    ///
    /// Fails as [`Self::from_file`] does.
    pub fn converted(dir: impl AsRef<Path>) -> Result<Option<Vec<u8>>, DataError> {
        let path = dir.as_ref().join("tokenizer.json");
        if fs::is_file(&path) {
            return Ok(None);
        }
        let made = convert::convert(dir.as_ref(), &beside(&path)?)?;
        Ok(made.map(|made| made.json))
    }

    /// From the contents of a `tokenizer.json` and, where there is one, a `tokenizer_config.json`.
    pub fn from_bytes(
        tokenizer_json: &[u8],
        tokenizer_config_json: Option<&[u8]>,
    ) -> Result<Self, DataError> {
        let config = match tokenizer_config_json {
            Some(config) => parse("tokenizer_config.json beside tokenizer.json", config)?,
            None => Json::Null,
        };
        let beside = Beside {
            tokenizer_config: config,
            ..Beside::default()
        };
        Self::named("tokenizer.json", tokenizer_json, &beside)
    }

    fn named(name: &str, bytes: &[u8], beside: &Beside) -> Result<Self, DataError> {
        let overruled = beside.applied_to(bytes)?;
        let bytes = overruled.as_deref().unwrap_or(bytes);
        let config = &beside.tokenizer_config;
        let (mut inner, decoder) = build(bytes).map_err(|reason| DataError::Tokenizer {
            place: name.to_owned(),
            reason: format!("damaged or not supported: {reason}"),
        })?;
        let saved_padding = inner.get_padding().cloned();
        let saved_truncation = inner.get_truncation().cloned();
        let post_processor = inner.get_post_processor().cloned();
        inner.with_padding(None);
        inner.with_post_processor(None::<PostProcessorWrapper>);
        inner
            .with_truncation(None)
            .map_err(|error| refused(name, &error))?;

        let side = |key| config.get(key).and_then(Json::as_str);
        let padding_side = match (side("padding_side"), &saved_padding) {
            (Some("left"), _) => PaddingSide::Left,
            (None, Some(saved)) if matches!(saved.direction, PaddingDirection::Left) => {
                PaddingSide::Left
            }
            _ => PaddingSide::Right,
        };
        let truncation_side = match (side("truncation_side"), &saved_truncation) {
            (Some("left"), _) => TruncationDirection::Left,
            (None, Some(saved)) => saved.direction,
            _ => TruncationDirection::Right,
        };
        let configured = beside.special("pad_token").map(str::to_owned);
        let saved = saved_padding.as_ref().map(|saved| saved.pad_token.clone());
        let usual = ["[PAD]", "<pad>"].map(|token| Some(token.to_owned()));
        let pad_token = [configured, saved]
            .into_iter()
            .chain(usual)
            .flatten()
            .find_map(|token| inner.token_to_id(&token).map(|id| (token, id)));
        let pad_token_type_id = config
            .get("pad_token_type_id")
            .and_then(Json::as_u64)
            .and_then(|id| u32::try_from(id).ok())
            .or(saved_padding.map(|saved| saved.pad_type_id))
            .unwrap_or(0);
        let model_max_length = config
            .get("model_max_length")
            .or_else(|| config.get("max_len"))
            .and_then(Json::as_f64)
            .filter(|length| (1.0..LONGEST).contains(length))
            .map(|length| length as usize);

        let mut hasher = Sha256::new();
        hasher.update(bytes);
        hasher.update(truncation_side.as_ref());
        Ok(Self {
            cutter: Cutter::of(&inner),
            decoder,
            post_processor,
            truncation_side,
            padding_side,
            pad_token,
            pad_token_type_id,
            unk_token_id: beside
                .special("unk_token")
                .and_then(|token| inner.token_to_id(token))
                .or_else(|| unknown(inner.get_model())),
            model_max_length,
            gives_token_types: beside.gives_token_types(),
            fingerprint: hasher.finalize().into(),
            inner,
        })
    }

    /// Tokenizes a text or a pair of texts.
    ///
    /// Fails where `max_length` has no room for the special tokens, and where `only_first` or
    /// `only_second` cannot cut enough.
    pub fn encode(
        &self,
        text: &str,
        pair: Option<&str>,
        options: &TokenizeOptions,
    ) -> Result<Encoding, DataError> {
        let encode = |text: &str| self.inner.encode(text, false);
        let raw = self.encode_guarded(text, pair, options, encode)?;
        Ok(Encoding {
            input_ids: raw.get_ids().to_vec(),
            token_type_ids: raw.get_type_ids().to_vec(),
            attention_mask: raw.get_attention_mask().to_vec(),
            tokens: raw.get_tokens().to_vec(),
        })
    }

    /// Ids and type ids only, which is faster: the tokens have no text.
    pub(crate) fn encode_ids(
        &self,
        text: &str,
        pair: Option<&str>,
        options: &TokenizeOptions,
    ) -> Result<RawEncoding, DataError> {
        let encode = |text: &str| self.inner.encode_fast(text, false);
        self.encode_guarded(text, pair, options, encode)
    }

    /// A panic of `tokenizers` is an error of the file's.
    fn encode_guarded(
        &self,
        text: &str,
        pair: Option<&str>,
        options: &TokenizeOptions,
        encode: impl Fn(&str) -> tokenizers::Result<RawEncoding>,
    ) -> Result<RawEncoding, DataError> {
        caught(|| self.encode_with(text, pair, options, encode)).unwrap_or_else(|panic| {
            Err(DataError::Tokenizer {
                place: "the text".to_owned(),
                reason: format!(
                    "tokenizer.json is damaged or not supported: it fails on this text ({panic})"
                ),
            })
        })
    }

    fn encode_with(
        &self,
        text: &str,
        pair: Option<&str>,
        options: &TokenizeOptions,
        encode: impl Fn(&str) -> tokenizers::Result<RawEncoding>,
    ) -> Result<RawEncoding, DataError> {
        let special = self.special_tokens(pair.is_some(), options);
        let most = self.max_length(options);
        let room = most.map(|most| most.saturating_sub(special));
        let is_alone = pair.is_none();
        let one = |text| self.encode_long(text, room, is_alone, &encode);
        let (mut first, first_length) = one(text)?;
        let mut second = None;
        if let Some(pair) = pair {
            let (mut encoding, length) = one(pair)?;
            // Where both are far too long, the longer one decides which has the odd token.
            if let Some(room) = room
                && first_length > room
                && length > room
                && (first.len() < first_length || encoding.len() < length)
            {
                let shorter = if first_length > length {
                    &mut encoding
                } else {
                    &mut first
                };
                shorter.truncate(room, 0, self.truncation_side);
                if first_length == length {
                    encoding.truncate(room, 0, self.truncation_side);
                }
            }
            second = Some(encoding);
        }
        self.finish(first, second, options)
    }

    /// Cuts what is too long and adds the special tokens.
    fn finish(
        &self,
        mut first: RawEncoding,
        mut second: Option<RawEncoding>,
        options: &TokenizeOptions,
    ) -> Result<RawEncoding, DataError> {
        let most = self.max_length(options);
        if let Some(second) = &mut second {
            second.set_type_ids(vec![1; second.len()]);
        }
        if let Some(max_length) = most
            && let Some(strategy) = strategy(options.truncation)
        {
            let special = self.special_tokens(second.is_some(), options);
            let room = max_length.checked_sub(special).ok_or_else(|| {
                DataError::Argument(format!(
                    "max_length {max_length} is too short: the special tokens alone are {special}"
                ))
            })?;
            let params = TruncationParams {
                direction: self.truncation_side,
                max_length: room,
                strategy,
                stride: 0,
            };
            (first, second) =
                truncate_encodings(first, second, &params).map_err(|error| DataError::Tokenizer {
                    place: "the text".to_owned(),
                    reason: format!(
                        "cannot be cut to {max_length} tokens by {} ({error}); use longest_first or a larger max_length",
                        options.truncation.name()
                    ),
                })?;
            // What was cut off comes in pieces, and every pair of pieces would be put together.
            for cut in [Some(&mut first), second.as_mut()].into_iter().flatten() {
                cut.take_overflowing();
            }
        }
        match &self.post_processor {
            Some(processor) => processor
                .process(first, second, options.add_special_tokens)
                .map_err(|error| refused("the text", &error)),
            None => Ok(RawEncoding::merge(
                std::iter::once(first).chain(second),
                false,
            )),
        }
    }

    fn special_tokens(&self, is_pair: bool, options: &TokenizeOptions) -> usize {
        match &self.post_processor {
            Some(processor) if options.add_special_tokens => processor.added_tokens(is_pair),
            _ => 0,
        }
    }

    /// The tokens of a text and how many there are. Of a long one, which is tokenized in pieces, one more
    /// than `room` is kept, of the side that isn't cut; of one that `is_alone` the others aren't counted.
    fn encode_long(
        &self,
        text: &str,
        room: Option<usize>,
        is_alone: bool,
        encode: &impl Fn(&str) -> tokenizers::Result<RawEncoding>,
    ) -> Result<(RawEncoding, usize), DataError> {
        let text = self.cutter.shortened(text);
        let mut pieces = self.cutter.pieces(&text);
        let from_left = matches!(self.truncation_side, TruncationDirection::Right);
        if !from_left {
            pieces.reverse();
        }
        let keep = room.map_or(usize::MAX, |room| room.saturating_add(1));
        let mut kept = Vec::new();
        let (mut length, mut count) = (0, 0);
        for piece in pieces {
            checked(piece.len())?;
            let encoding = encode(piece).map_err(|error| refused("the text", &error))?;
            length += encoding.len();
            if count < keep {
                count = length;
                kept.push(encoding);
                if count > MOST_TOKENS {
                    return Err(DataError::Tokenizer {
                        place: "the text".to_owned(),
                        reason: format!(
                            "it has more than {MOST_TOKENS} tokens: let it be truncated (max_length), or shorten it"
                        ),
                    });
                }
            } else if is_alone {
                break;
            }
        }
        if !from_left {
            kept.reverse();
        }
        let mut whole = match (kept.len(), kept.pop()) {
            (1, Some(only)) => return Ok((only, length)),
            (_, last) => RawEncoding::merge(kept.into_iter().chain(last), false),
        };
        if whole.len() > keep {
            whole.truncate(keep, 0, self.truncation_side);
        }
        Ok((whole, length))
    }

    /// The most tokens that these options leave; `None` where nothing is cut.
    pub fn max_length(&self, options: &TokenizeOptions) -> Option<usize> {
        match options.truncation {
            Truncation::DoNotTruncate => None,
            _ => options.max_length.or(self.model_max_length),
        }
    }

    /// The model's limit by `tokenizer_config.json`.
    pub fn model_max_length(&self) -> Option<usize> {
        self.model_max_length
    }

    /// Whether `token_type_ids` are among the `model_input_names` of `tokenizer_config.json`; `None` where
    /// it doesn't name them, and what the model takes decides.
    pub fn gives_token_types(&self) -> Option<bool> {
        self.gives_token_types
    }

    /// Entries of the vocabulary, added tokens included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// One more than the highest id: the rows that an embedding needs.
    pub fn num_ids(&self) -> usize {
        let highest = self.inner.get_vocab(true).into_values().max();
        highest.map_or(0, |id| id as usize + 1)
    }

    /// Where batches are filled up.
    pub fn padding_side(&self) -> PaddingSide {
        self.padding_side
    }

    /// The token that batches are filled up with.
    pub fn pad_token(&self) -> Option<&str> {
        self.pad_token.as_ref().map(|(token, _)| token.as_str())
    }

    /// Its id.
    pub fn pad_token_id(&self) -> Option<u32> {
        self.pad_token.as_ref().map(|(_, id)| *id)
    }

    /// The type id of padding.
    pub fn pad_token_type_id(&self) -> u32 {
        self.pad_token_type_id
    }

    /// The id of what stands for unknown words.
    pub fn unk_token_id(&self) -> Option<u32> {
        self.unk_token_id
    }

    /// The id of a token.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The token of an id.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// SHA-256 of everything that decides which ids a text gets.
    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

/// Builds the tokenizer of a `tokenizer.json` that has been found whole.
fn build(bytes: &[u8]) -> Result<(tokenizers::Tokenizer, Option<DecoderWrapper>), String> {
    let (json, decoder) = check::parse(bytes)?;
    caught(|| serde_json::from_value(json))?
        .map(|tokenizer| (tokenizer, decoder::read(decoder)))
        .map_err(|error| format!("{error}. It must be the tokenizer.json of a fast tokenizer"))
}

/// The id of the model's own token for unknown words.
fn unknown(model: &ModelWrapper) -> Option<u32> {
    let token = match model {
        ModelWrapper::WordPiece(model) => Some(&model.unk_token),
        ModelWrapper::WordLevel(model) => Some(&model.unk_token),
        ModelWrapper::BPE(model) => model.unk_token.as_ref(),
        ModelWrapper::Unigram(_) => None,
    };
    model.token_to_id(token?)
}

fn strategy(truncation: Truncation) -> Option<TruncationStrategy> {
    match truncation {
        Truncation::LongestFirst => Some(TruncationStrategy::LongestFirst),
        Truncation::OnlyFirst => Some(TruncationStrategy::OnlyFirst),
        Truncation::OnlySecond => Some(TruncationStrategy::OnlySecond),
        Truncation::DoNotTruncate => None,
    }
}

fn parse(place: &str, text: &[u8]) -> Result<Json, DataError> {
    serde_json::from_slice(text).map_err(|error| DataError::Tokenizer {
        place: place.to_owned(),
        reason: format!("not valid JSON ({error})"),
    })
}

/// The files beside a `tokenizer.json`, whether that is there or not.
fn beside(path: &Path) -> Result<Beside, DataError> {
    let json = |name: &str| -> Result<Json, DataError> {
        let path = path.with_file_name(name);
        match fs::read(&path) {
            Ok(text) => parse(&path.display().to_string(), &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Json::Null),
            Err(error) => Err(DataError::io("read", &path)(error)),
        }
    };
    Ok(Beside {
        tokenizer_config: json("tokenizer_config.json")?,
        // A damaged one is told where the model is read.
        model_config: json("config.json").unwrap_or_default(),
        special_tokens_map: json("special_tokens_map.json")?,
        added_tokens: json("added_tokens.json")?,
    })
}

/// For what is tokenized at once.
fn checked(bytes: usize) -> Result<(), DataError> {
    check_length(bytes).map_err(|reason| DataError::Tokenizer {
        place: "the text".to_owned(),
        reason,
    })
}

fn refused(place: &str, error: &tokenizers::Error) -> DataError {
    DataError::Tokenizer {
        place: place.to_owned(),
        reason: format!("the tokenizer refused it: {error}"),
    }
}

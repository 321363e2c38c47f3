//! A tokenizer called on many texts at once, with padding, as transformers' is; and the tokens of ids.

use crate::{Batch, DataError, Labels, NewColumn, PaddingSide, TokenizeOptions, Tokenizer, target};

/// Texts that a core tokenizes at a time.
const WORK_TEXTS: usize = 64;

/// What a tokenizer is called on: a text (`"a"`) or a pair of texts (`("a", "b")`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextInput<'a> {
    /// The text, or the first one.
    pub text: &'a str,
    /// The second one.
    pub text_pair: Option<&'a str>,
}

impl<'a> From<&'a str> for TextInput<'a> {
    fn from(text: &'a str) -> Self {
        let text_pair = None;
        Self { text, text_pair }
    }
}

impl<'a> From<&'a String> for TextInput<'a> {
    fn from(text: &'a String) -> Self {
        text.as_str().into()
    }
}

impl<'a> From<(&'a str, &'a str)> for TextInput<'a> {
    fn from((text, pair): (&'a str, &'a str)) -> Self {
        let text_pair = Some(pair);
        Self { text, text_pair }
    }
}

/// To which length texts are filled up, on the tokenizer's side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Padding {
    /// Not at all: each keeps its own.
    #[default]
    DoNotPad,
    /// To the longest of the call.
    Longest,
    /// To `max_length` of the options, or else the model's limit. A longer text stays as long as it is.
    MaxLength,
}

/// Some tokenized texts or pairs, as lists: one of each kind for every text, all three of one length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchEncoding {
    /// Token ids.
    pub input_ids: Vec<Vec<u32>>,
    /// 0 for the first text, 1 for the second.
    pub token_type_ids: Vec<Vec<u32>>,
    /// 1 for a token, 0 for padding.
    pub attention_mask: Vec<Vec<u32>>,
    /// Which side is filled up.
    pub padding_side: PaddingSide,
}

impl Tokenizer {
    /// Tokenizes texts or pairs, in their order, on all cores.
    ///
    /// # Errors
    /// As [`Tokenizer::encode`], with the text's place, counted from 0; padding where the tokenizer has no
    /// padding token, or to a `max_length` that nothing names.
    pub fn encode_batch<'a, T: Into<TextInput<'a>>>(
        &self,
        texts: impl IntoIterator<Item = T>,
        padding: Padding,
        options: &TokenizeOptions,
    ) -> Result<BatchEncoding, DataError> {
        let texts: Vec<TextInput<'a>> = texts.into_iter().map(Into::into).collect();
        let pieces = target::map_ordered(texts.len().div_ceil(WORK_TEXTS), |piece| {
            let first = piece * WORK_TEXTS;
            let of_piece = texts.iter().enumerate().skip(first).take(WORK_TEXTS);
            of_piece
                .map(|(place, input)| {
                    let encoding = self.encode_ids(input.text, input.text_pair, options);
                    encoding.map_err(|error| at_text(place, error))
                })
                .collect::<Result<Vec<_>, DataError>>()
        });
        let mut batch = BatchEncoding {
            padding_side: self.padding_side(),
            ..BatchEncoding::default()
        };
        for piece in pieces {
            for encoding in piece? {
                batch.input_ids.push(encoding.get_ids().to_vec());
                batch.token_type_ids.push(encoding.get_type_ids().to_vec());
                let mask = encoding.get_attention_mask().to_vec();
                batch.attention_mask.push(mask);
            }
        }
        self.pad(&mut batch, padding, options)?;
        Ok(batch)
    }

    fn pad(
        &self,
        batch: &mut BatchEncoding,
        padding: Padding,
        options: &TokenizeOptions,
    ) -> Result<(), DataError> {
        let length = match padding {
            Padding::DoNotPad => return Ok(()),
            Padding::Longest => batch.input_ids.iter().map(Vec::len).max().unwrap_or(0),
            Padding::MaxLength => options
                .max_length
                .or(self.model_max_length())
                .ok_or_else(|| {
                    DataError::Argument(
                        "padding to max_length: neither the options nor tokenizer_config.json (model_max_length) name a length; set max_length"
                            .to_owned(),
                    )
                })?,
        };
        let pad_token_id = self.require_pad_token_id()?;
        for (rows, filler) in [
            (&mut batch.input_ids, pad_token_id),
            (&mut batch.token_type_ids, self.pad_token_type_id()),
            (&mut batch.attention_mask, 0),
        ] {
            for row in rows {
                let missing = length.saturating_sub(row.len());
                let padding = std::iter::repeat_n(filler, missing);
                match self.padding_side() {
                    PaddingSide::Right => row.extend(padding),
                    PaddingSide::Left => drop(row.splice(0..0, padding)),
                }
            }
        }
        Ok(())
    }

    pub(crate) fn require_pad_token_id(&self) -> Result<u32, DataError> {
        self.pad_token_id().ok_or_else(|| DataError::Tokenizer {
            place: "the tokenizer".to_owned(),
            reason: "it has no padding token; name one as pad_token in tokenizer_config.json"
                .to_owned(),
        })
    }

    /// The token of each id, special ones included.
    ///
    /// # Errors
    /// An id that the vocabulary doesn't have.
    pub fn convert_ids_to_tokens(&self, ids: &[u32]) -> Result<Vec<String>, DataError> {
        let tokens = ids.iter().map(|id| {
            self.id_to_token(*id).ok_or_else(|| {
                DataError::Argument(format!(
                    "token id {id} is not in the vocabulary, whose highest is {}: the ids are of another tokenizer",
                    self.num_ids().saturating_sub(1)
                ))
            })
        });
        tokens.collect()
    }
}

fn at_text(place: usize, error: DataError) -> DataError {
    match error {
        DataError::Tokenizer { reason, .. } => DataError::Tokenizer {
            place: format!("text {place}"),
            reason,
        },
        other => other,
    }
}

impl BatchEncoding {
    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.input_ids.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.input_ids.is_empty()
    }

    /// The lists as columns `input_ids`, `token_type_ids` and `attention_mask`, for [`crate::Dataset::map`].
    #[must_use]
    pub fn columns(self) -> Vec<(String, NewColumn)> {
        // Ids are indices of an embedding, so they fit 31 bits; types are 0 and 1, or few more.
        let ids: Vec<Vec<i32>> = converted(self.input_ids, |id| id as i32);
        let types: Vec<Vec<i8>> = converted(self.token_type_ids, |id| id as i8);
        let mask: Vec<Vec<i8>> = converted(self.attention_mask, |id| id as i8);
        vec![
            ("input_ids".to_owned(), ids.into()),
            ("token_type_ids".to_owned(), types.into()),
            ("attention_mask".to_owned(), mask.into()),
        ]
    }

    /// The lists as one rectangle, as a model takes them (`return_tensors`); labels may be added.
    ///
    /// # Errors
    /// No texts, texts of different lengths, or a mask with padding in the middle.
    pub fn tensors(self) -> Result<Batch, DataError> {
        let Some(seq) = self.input_ids.first().map(Vec::len) else {
            return Err(DataError::Empty {
                what: "the batch".to_owned(),
            });
        };
        let rows = [&self.input_ids, &self.token_type_ids, &self.attention_mask];
        for rows in rows {
            if rows.len() != self.input_ids.len() || rows.iter().any(|row| row.len() != seq) {
                return Err(DataError::Mismatch(
                    "the texts have different numbers of tokens, so they make no rectangle: pad them (Padding::Longest) and truncate them when tokenizing".to_owned(),
                ));
            }
        }
        let mut lengths = Vec::with_capacity(self.len());
        for (row, mask) in self.attention_mask.iter().enumerate() {
            let length = mask.iter().filter(|mask| **mask != 0).count();
            let tokens = match self.padding_side {
                PaddingSide::Right => &mask[..length],
                PaddingSide::Left => &mask[seq - length..],
            };
            if tokens.contains(&0) {
                return Err(DataError::Mismatch(format!(
                    "text {row}: attention_mask has padding between tokens, or on another side than padding_side says"
                )));
            }
            lengths.push(length as u32);
        }
        Ok(Batch {
            batch: self.len(),
            seq,
            input_ids: self.input_ids.concat(),
            token_type_ids: Some(self.token_type_ids.concat()),
            lengths,
            padding_side: self.padding_side,
            labels: Labels::None,
        })
    }
}

fn converted<T>(rows: Vec<Vec<u32>>, convert: impl Fn(u32) -> T + Copy) -> Vec<Vec<T>> {
    let row = |row: Vec<u32>| row.into_iter().map(convert).collect();
    rows.into_iter().map(row).collect()
}

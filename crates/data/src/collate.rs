//! Examples of different lengths become one rectangular batch of integers on the host. Masks come
//! from lengths, never from comparing ids with the padding id: a text may contain that token.

use serde::{Deserialize, Serialize};

use crate::{DataError, ExampleRef, IGNORED, Label, PaddingSide, Tokenizer};

/// Pads examples to the longest of their batch, as transformers' class of the same name; the labels of tokens
/// with -100, as its `DataCollatorForTokenClassification`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataCollatorWithPadding {
    /// Fills up `input_ids`.
    pub pad_token_id: u32,
    /// Fills up `token_type_ids`.
    pub pad_token_type_id: u32,
    /// Which side is filled up.
    pub padding_side: PaddingSide,
    /// Lengthens every batch to a multiple of this.
    pub pad_to_multiple_of: Option<usize>,
    /// Pads every batch to this length (`pad_to_max_length`), instead of to its longest example.
    pub max_length: Option<usize>,
}

/// What makes a batch of examples: [`DataCollatorWithPadding`], or a function of one's own
/// (`|examples: &[ExampleRef<'_>]| …`).
pub trait DataCollator: Send + Sync {
    /// Makes a batch of these examples, in their order.
    ///
    /// # Errors
    /// Examples that make no batch.
    fn batch(&self, examples: &[ExampleRef<'_>]) -> Result<Batch, DataError>;
}

impl DataCollator for DataCollatorWithPadding {
    fn batch(&self, examples: &[ExampleRef<'_>]) -> Result<Batch, DataError> {
        self.collate(examples.iter().copied())
    }
}

impl<F> DataCollator for F
where
    F: Fn(&[ExampleRef<'_>]) -> Result<Batch, DataError> + Send + Sync,
{
    fn batch(&self, examples: &[ExampleRef<'_>]) -> Result<Batch, DataError> {
        self(examples)
    }
}

/// The labels of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Labels {
    /// None of the examples has one.
    None,
    /// Classes: `[batch]`.
    Class(Vec<u32>),
    /// Numbers: `[batch]`.
    Regression(Vec<f32>),
    /// For each label 1 where the row has it and 0 where not: `[batch, num_labels]`, row by row.
    MultiHot(Vec<f32>),
    /// The class of each token, [`IGNORED`] for padding and what else counts for nothing: `[batch, seq]`,
    /// row by row.
    Tokens(Vec<i32>),
}

/// A batch on the host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Examples.
    pub batch: usize,
    /// Tokens of each example, padding included.
    pub seq: usize,
    /// `[batch, seq]`, row by row.
    pub input_ids: Vec<u32>,
    /// `[batch, seq]`, row by row, where the model takes type ids.
    pub token_type_ids: Option<Vec<u32>>,
    /// Tokens of each example without padding: `[batch]`.
    pub lengths: Vec<u32>,
    /// Which side is padding.
    pub padding_side: PaddingSide,
    /// The labels, where the examples have some.
    pub labels: Labels,
}

/// Tokens of a batch, padding included: half a gigabyte of ids.
const MOST_TOKENS: usize = 1 << 27;

impl DataCollatorWithPadding {
    /// As the tokenizer pads. Fails where it has no padding token.
    pub fn from_tokenizer(tokenizer: &Tokenizer) -> Result<Self, DataError> {
        Ok(Self {
            pad_token_id: tokenizer.require_pad_token_id()?,
            pad_token_type_id: tokenizer.pad_token_type_id(),
            padding_side: tokenizer.padding_side(),
            pad_to_multiple_of: None,
            max_length: None,
        })
    }

    /// Makes a batch of these examples, in their order.
    ///
    /// Fails for no examples, for one longer than `max_length`, and where only some have labels or
    /// type ids.
    pub fn collate<'a>(
        &self,
        examples: impl IntoIterator<Item = ExampleRef<'a>>,
    ) -> Result<Batch, DataError> {
        let examples: Vec<ExampleRef<'a>> = examples.into_iter().collect();
        let Some(first) = examples.first() else {
            return Err(DataError::Empty {
                what: "the batch".to_owned(),
            });
        };
        let longest = examples
            .iter()
            .map(|e| e.input_ids.len())
            .max()
            .unwrap_or(0);
        if let Some(max_length) = self.max_length.filter(|max_length| *max_length < longest) {
            return Err(DataError::Mismatch(format!(
                "an example has {longest} tokens, more than the max_length {max_length} that batches are padded to: truncate to it when tokenizing"
            )));
        }
        let length = self.max_length.unwrap_or(longest);
        let multiple = self.pad_to_multiple_of.unwrap_or(1).max(1);
        let seq = length
            .checked_next_multiple_of(multiple)
            .filter(|seq| {
                let tokens = seq.checked_mul(examples.len());
                tokens.is_some_and(|tokens| tokens <= MOST_TOKENS)
            })
            .ok_or_else(|| {
                DataError::Argument(format!(
                    "a batch of {} rows of {length} tokens, padded to a multiple of {multiple}, is too large: lower per_device_train_batch_size, max_seq_length or pad_to_multiple_of",
                    examples.len()
                ))
            })?;
        let with_types = first.token_type_ids.is_some();
        let mut batch = Batch {
            batch: examples.len(),
            seq,
            input_ids: Vec::with_capacity(examples.len() * seq),
            token_type_ids: with_types.then(|| Vec::with_capacity(examples.len() * seq)),
            lengths: Vec::with_capacity(examples.len()),
            padding_side: self.padding_side,
            labels: self.labels(&examples, seq)?,
        };
        for example in &examples {
            batch.lengths.push(example.input_ids.len() as u32);
            let ids = example.input_ids.iter().map(|id| *id as u32);
            self.pad(&mut batch.input_ids, ids, seq, self.pad_token_id);
            match (&mut batch.token_type_ids, example.token_type_ids) {
                (Some(types), Some(ids)) => {
                    let ids = ids.iter().map(|id| *id as u32);
                    self.pad(types, ids, seq, self.pad_token_type_id);
                }
                (None, None) => {}
                _ => {
                    return Err(DataError::Mismatch(
                        "some examples of a batch have token_type_ids and some have not: tokenize all in the same way".to_owned(),
                    ));
                }
            }
        }
        Ok(batch)
    }

    fn labels(&self, examples: &[ExampleRef<'_>], seq: usize) -> Result<Labels, DataError> {
        let mut labels = match examples.first().map(|example| example.label) {
            Some(Label::Class(_)) => Labels::Class(Vec::new()),
            Some(Label::Regression(_)) => Labels::Regression(Vec::new()),
            Some(Label::MultiHot(_)) => Labels::MultiHot(Vec::new()),
            Some(Label::Tokens(_)) => Labels::Tokens(Vec::with_capacity(examples.len() * seq)),
            Some(Label::None) | None => Labels::None,
        };
        let width = match examples.first().map(|example| example.label) {
            Some(Label::MultiHot(row)) => row.len(),
            _ => 0,
        };
        for example in examples {
            match (&mut labels, example.label) {
                (Labels::None, Label::None) => {}
                (Labels::Class(classes), Label::Class(class)) => classes.push(class),
                (Labels::Regression(scores), Label::Regression(score)) => scores.push(score),
                (Labels::MultiHot(rows), Label::MultiHot(row)) if row.len() == width => {
                    rows.extend(row);
                }
                (Labels::Tokens(tokens), Label::Tokens(row))
                    if row.len() == example.input_ids.len() =>
                {
                    self.pad(tokens, row.iter().copied(), seq, IGNORED);
                }
                _ => {
                    return Err(DataError::Mismatch(
                        "some examples of a batch have labels and some have not: fill the missing ones in (null or -1), or filter such rows out".to_owned(),
                    ));
                }
            }
        }
        Ok(labels)
    }

    fn pad<T: Clone>(
        &self,
        row: &mut Vec<T>,
        ids: impl ExactSizeIterator<Item = T>,
        seq: usize,
        padding: T,
    ) {
        let padding = std::iter::repeat_n(padding, seq - ids.len());
        match self.padding_side {
            PaddingSide::Left => {
                row.extend(padding);
                row.extend(ids);
            }
            PaddingSide::Right => {
                row.extend(ids);
                row.extend(padding);
            }
        }
    }
}

impl Batch {
    /// 1 for tokens and 0 for padding: `[batch, seq]`, row by row, from the lengths.
    pub fn attention_mask(&self) -> Vec<u32> {
        let mut mask = Vec::with_capacity(self.batch * self.seq);
        for length in &self.lengths {
            let length = *length as usize;
            let start = match self.padding_side {
                PaddingSide::Left => self.seq.saturating_sub(length),
                PaddingSide::Right => 0,
            };
            mask.extend((0..self.seq).map(|i| u32::from((start..start + length).contains(&i))));
        }
        mask
    }

    /// The labels, of tokens without those of the padding.
    pub fn labels_without_padding(&self) -> Labels {
        match &self.labels {
            Labels::Tokens(classes) => {
                let rows = self.without_padding(classes);
                Labels::Tokens(rows.flatten().copied().collect())
            }
            labels => labels.clone(),
        }
    }

    /// The values of each example's tokens, of `values` that have none of the padding: `[tokens, n]` are
    /// split into each example's `[length, n]`.
    pub fn by_example<'a, T>(&'a self, values: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        let tokens: usize = self.lengths.iter().map(|length| *length as usize).sum();
        let per_token = values.len() / tokens.max(1);
        let mut rest = values;
        self.lengths.iter().map(move |length| {
            let (example, after) = rest.split_at(*length as usize * per_token);
            rest = after;
            example
        })
    }

    /// The values of each example's tokens, without those of its padding; `values` are `[batch, seq, n]`, and
    /// each example's `[length, n]`.
    pub fn without_padding<'a, T>(&'a self, values: &'a [T]) -> impl Iterator<Item = &'a [T]> {
        let width = values.len() / self.batch.max(1);
        let per_token = width / self.seq.max(1);
        let rows = values.chunks(width.max(1)).zip(&self.lengths);
        rows.map(move |(row, length)| {
            let kept = (*length as usize * per_token).min(row.len());
            match self.padding_side {
                PaddingSide::Right => &row[..kept],
                PaddingSide::Left => &row[row.len() - kept..],
            }
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn collator() -> DataCollatorWithPadding {
        DataCollatorWithPadding {
            pad_token_id: 9,
            pad_token_type_id: 3,
            padding_side: PaddingSide::Right,
            pad_to_multiple_of: None,
            max_length: None,
        }
    }

    fn example<'a>(ids: &'a [i32], types: &'a [i8], label: Label<'a>) -> ExampleRef<'a> {
        ExampleRef {
            input_ids: ids,
            token_type_ids: Some(types),
            label,
        }
    }

    #[test]
    fn labels_of_tokens_are_padded_as_the_tokens_are() {
        let tokens = [
            example(
                &[1, 5, 2],
                &[0, 0, 0],
                Label::Tokens(&[IGNORED, 3, IGNORED]),
            ),
            example(&[7], &[0], Label::Tokens(&[2])),
        ];
        let labels = |collator: DataCollatorWithPadding| collator.collate(tokens).unwrap().labels;
        let mut left = collator();
        left.padding_side = PaddingSide::Left;
        assert_eq!(
            labels(collator()),
            Labels::Tokens(vec![IGNORED, 3, IGNORED, 2, IGNORED, IGNORED])
        );
        assert_eq!(
            labels(left),
            Labels::Tokens(vec![IGNORED, 3, IGNORED, IGNORED, IGNORED, 2])
        );
    }

    #[test]
    fn rows_of_several_labels_stay_whole() {
        let rows = [
            example(&[1], &[0], Label::MultiHot(&[1.0, 0.0])),
            example(&[2], &[0], Label::MultiHot(&[1.0, 1.0])),
        ];
        let batch = collator().collate(rows).unwrap();
        assert_eq!(batch.labels, Labels::MultiHot(vec![1.0, 0.0, 1.0, 1.0]));
        let uneven = [rows[0], example(&[2], &[0], Label::MultiHot(&[1.0]))];
        assert!(collator().collate(uneven).is_err());
    }

    #[test]
    fn pads_on_either_side() {
        // The padding id occurs in a text, and is no padding there.
        let examples = [
            example(&[1, 9, 2], &[0, 0, 1], Label::Class(1)),
            example(&[5], &[0], Label::Class(0)),
        ];
        let right = collator().collate(examples).unwrap();
        assert_eq!((right.batch, right.seq), (2, 3));
        assert_eq!(right.input_ids, [1, 9, 2, 5, 9, 9]);
        assert_eq!(
            right.token_type_ids.as_deref(),
            Some(&[0, 0, 1, 0, 3, 3][..])
        );
        assert_eq!(right.attention_mask(), [1, 1, 1, 1, 0, 0]);
        assert_eq!(right.labels, Labels::Class(vec![1, 0]));
        let mut left = collator();
        left.padding_side = PaddingSide::Left;
        let left = left.collate(examples).unwrap();
        assert_eq!(left.input_ids, [1, 9, 2, 9, 9, 5]);
        assert_eq!(
            left.token_type_ids.as_deref(),
            Some(&[0, 0, 1, 3, 3, 0][..])
        );
        assert_eq!(left.attention_mask(), [1, 1, 1, 0, 0, 1]);
    }

    #[test]
    fn pads_to_a_multiple_or_to_a_length() {
        let examples = [example(&[1, 2, 3], &[0, 0, 0], Label::Regression(0.5))];
        let mut collator = collator();
        collator.pad_to_multiple_of = Some(8);
        let batch = collator.collate(examples).unwrap();
        assert_eq!(batch.seq, 8);
        assert_eq!(batch.lengths, [3]);
        assert_eq!(batch.labels, Labels::Regression(vec![0.5]));
        collator.max_length = Some(5);
        collator.pad_to_multiple_of = None;
        assert_eq!(collator.collate(examples).unwrap().seq, 5);
        for multiple in [1 << 40, usize::MAX] {
            collator.pad_to_multiple_of = Some(multiple);
            let message = collator.collate(examples).unwrap_err().to_string();
            assert!(message.contains("is too large"), "{message}");
        }
        collator.max_length = Some(2);
        let message = collator.collate(examples).unwrap_err().to_string();
        assert!(
            message.contains("3 tokens, more than the max_length 2"),
            "{message}"
        );
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let message = collator().collate([]).unwrap_err().to_string();
        assert!(message.contains("the batch has no rows"), "{message}");
        let labels = [Label::Class(1), Label::None];
        let examples = labels.map(|label| example(&[1], &[0], label));
        let message = collator().collate(examples).unwrap_err().to_string();
        assert!(
            message.contains("some examples of a batch have labels"),
            "{message}"
        );
        let mut examples = [example(&[1], &[0], Label::None); 2];
        examples[1].token_type_ids = None;
        let message = collator().collate(examples).unwrap_err().to_string();
        assert!(message.contains("token_type_ids"), "{message}");
    }
}

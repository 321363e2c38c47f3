//! One batch as the model takes it: plain integers and lengths.

use tunesmith_architecture::{Pooling, Positions, Spec};

use crate::ModelError;
use crate::embeddings::position_ids;
use crate::words::PartialTable;

/// A padded batch of token ids, row-major `[batch, seq]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Rows.
    pub batch: usize,
    /// Tokens of a padded row.
    pub seq: usize,
    /// `[batch * seq]`.
    pub input_ids: Vec<u32>,
    /// `[batch * seq]`; all 0 where absent.
    pub token_type_ids: Option<Vec<u32>>,
    /// Real tokens of every row, `[batch]`, each at least 1: where the attention mask comes from.
    pub lengths: Vec<u32>,
    /// Whether padding comes before the tokens.
    pub pad_left: bool,
}

/// What a batch should have given.
#[derive(Debug, Clone, PartialEq)]
pub enum Targets {
    /// Class ids, `[batch]`.
    Classes(Vec<u32>),
    /// Numbers, `[batch]`.
    Values(Vec<f32>),
    /// For each label 1 where the row has it and 0 where not, `[batch * num_labels]`.
    Labels(Vec<f32>),
    /// Class ids of tokens, `[batch * seq]`; a negative one (-100) counts for nothing.
    Tokens(Vec<i32>),
}

impl Inputs {
    /// Of values `[batch * seq]` those of tokens, row after row: `[tokens]`.
    pub fn without_padding<T: Copy>(&self, values: &[T]) -> Vec<T> {
        let rows = values.chunks(self.seq).zip(&self.lengths);
        rows.flat_map(|(row, length)| {
            let length = *length as usize;
            let first = if self.pad_left { self.seq - length } else { 0 };
            row[first..first + length].iter().copied()
        })
        .collect()
    }

    /// Whether padding is computed, as it is on the left of rows whose head looks at what stands first.
    pub(crate) fn keeps_padding(&self, pooling: Pooling) -> bool {
        self.pad_left && pooling == Pooling::First
    }

    /// The tokens that are computed of every row: all of them where padding on the left is kept, since it is
    /// what the head looks at, as in transformers; else those that aren't padding.
    pub(crate) fn rows<T: Copy>(&self, values: &[T], keeps_padding: bool) -> Vec<T> {
        if keeps_padding {
            return values.to_vec();
        }
        self.without_padding(values)
    }

    /// How many tokens of every row are computed, and how many of those are padding.
    pub(crate) fn extents(&self, keeps_padding: bool) -> (Vec<u32>, Vec<u32>) {
        if keeps_padding {
            let seq = self.seq as u32;
            let padding = self.lengths.iter().map(|length| seq - length);
            return (vec![seq; self.batch], padding.collect());
        }
        (self.lengths.clone(), vec![0; self.batch])
    }

    /// Checks the batch against the model's tables, since a kernel reads without asking.
    pub(crate) fn check(
        &self,
        spec: &Spec,
        loaded: Option<&PartialTable>,
    ) -> Result<(), ModelError> {
        let size = self.batch * self.seq;
        let wrong = |message: String| Err(ModelError::Inputs(message));
        if size == 0 || self.input_ids.len() != size || self.lengths.len() != self.batch {
            return wrong(format!(
                "a batch of {} x {} needs {size} input ids and {} lengths; it has {} and {}",
                self.batch,
                self.seq,
                self.batch,
                self.input_ids.len(),
                self.lengths.len()
            ));
        }
        let bad = self
            .lengths
            .iter()
            .position(|n| *n == 0 || *n as usize > self.seq);
        if let Some(row) = bad {
            return wrong(format!(
                "row {row} has {} tokens of {}",
                self.lengths[row], self.seq
            ));
        }
        // Padding takes no place where positions are counted from the tokens.
        let longest = match spec.embeddings.positions {
            Positions::FromZero => self.seq,
            Positions::AfterPadding(padding) => {
                let positions = position_ids(self, spec.embeddings.positions);
                positions
                    .into_iter()
                    .max()
                    .map_or(0, |last| (last - padding) as usize)
            }
        };
        if longest > spec.longest {
            return wrong(format!(
                "a sequence of {longest} tokens is longer than the model's {} positions; cut rows to {} tokens or fewer when tokenizing",
                spec.longest, spec.longest
            ));
        }
        let words = spec.embeddings.word.rows;
        let over = |ids: &[u32], size: usize| ids.iter().position(|id| *id as usize >= size);
        if let Some(at) = over(&self.input_ids, words) {
            return wrong(format!(
                "token id {} in row {} is not among the model's {} embeddings; the tokenizer is not this model's",
                self.input_ids[at],
                at / self.seq,
                words
            ));
        }
        // Padding is not looked up.
        let keeps_padding = self.keeps_padding(spec.head.pooling);
        let absent = |id: &u32| loaded.is_some_and(|loaded| loaded.row(*id).is_none());
        let looked_up = self.rows(&self.input_ids, keeps_padding);
        if let Some(id) = looked_up.into_iter().find(|id| absent(id)) {
            let mut rows = self.input_ids.chunks(self.seq);
            return wrong(format!(
                "token id {id} in row {} is not among the words that the model was loaded for: announce it in \
                 Words::Of, or load the model with Words::All",
                rows.position(|row| row.contains(&id)).unwrap_or(0)
            ));
        }
        if let Some(types) = &self.token_type_ids {
            if types.len() != size {
                return wrong(format!(
                    "{size} token type ids are needed, {} given",
                    types.len()
                ));
            }
            if let Some(table) = &spec.embeddings.token_type
                && let Some(at) = over(types, table.rows)
            {
                return wrong(format!(
                    "token type {} in row {} is not among the model's {}",
                    types[at],
                    at / self.seq,
                    table.rows
                ));
            }
        }
        Ok(())
    }
}

impl Targets {
    pub(crate) fn check(&self, inputs: &Inputs, num_labels: usize) -> Result<(), ModelError> {
        let wrong = |message: String| Err(ModelError::Inputs(message));
        let beyond = |label: i64, row: usize| {
            wrong(format!(
                "label {label} in row {row} is not among the head's {num_labels} classes"
            ))
        };
        let Inputs { batch, seq, .. } = *inputs;
        let (count, needed) = match self {
            Self::Classes(labels) => {
                if let Some(row) = labels.iter().position(|l| *l as usize >= num_labels) {
                    return beyond(labels[row].into(), row);
                }
                (labels.len(), batch)
            }
            Self::Values(values) => (values.len(), batch * num_labels),
            Self::Labels(values) => (values.len(), batch * num_labels),
            Self::Tokens(labels) => {
                let over = |label: &i32| usize::try_from(*label).is_ok_and(|l| l >= num_labels);
                if let Some(at) = labels.iter().position(over) {
                    return beyond(labels[at].into(), at / seq);
                }
                (labels.len(), batch * seq)
            }
        };
        if count == needed {
            return Ok(());
        }
        wrong(format!(
            "{count} labels were given for {batch} rows: {needed} are needed"
        ))
    }
}

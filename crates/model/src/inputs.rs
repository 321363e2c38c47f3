//! One batch as the model takes it: plain integers and lengths.

use crate::{BertConfig, ModelError};

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
}

impl Inputs {
    /// Checks the batch against the model's tables, since a kernel reads without asking.
    pub(crate) fn check(&self, config: &BertConfig) -> Result<(), ModelError> {
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
        if self.seq > config.max_position_embeddings {
            return wrong(format!(
                "a sequence of {} tokens is longer than the model's {} positions; cut rows to {} tokens or fewer when tokenizing",
                self.seq, config.max_position_embeddings, config.max_position_embeddings
            ));
        }
        let over = |ids: &[u32], size: usize| ids.iter().position(|id| *id as usize >= size);
        if let Some(at) = over(&self.input_ids, config.vocab_size) {
            return wrong(format!(
                "token id {} in row {} is not among the model's {} embeddings; the tokenizer is not this model's",
                self.input_ids[at],
                at / self.seq,
                config.vocab_size
            ));
        }
        if let Some(types) = &self.token_type_ids {
            if types.len() != size {
                return wrong(format!(
                    "{size} token type ids are needed, {} given",
                    types.len()
                ));
            }
            if let Some(at) = over(types, config.type_vocab_size) {
                return wrong(format!(
                    "token type {} in row {} is not among the model's {}",
                    types[at],
                    at / self.seq,
                    config.type_vocab_size
                ));
            }
        }
        let bad = self
            .lengths
            .iter()
            .position(|n| *n == 0 || *n as usize > self.seq);
        bad.map_or(Ok(()), |row| {
            wrong(format!(
                "row {row} has {} tokens of {}",
                self.lengths[row], self.seq
            ))
        })
    }
}

impl Targets {
    pub(crate) fn check(&self, batch: usize, num_labels: usize) -> Result<(), ModelError> {
        let count = match self {
            Self::Classes(labels) => {
                if let Some(row) = labels.iter().position(|l| *l as usize >= num_labels) {
                    return Err(ModelError::Inputs(format!(
                        "label {} in row {row} is not among the head's {num_labels} classes",
                        labels[row]
                    )));
                }
                labels.len()
            }
            Self::Values(values) => values.len(),
        };
        if count == batch {
            return Ok(());
        }
        Err(ModelError::Inputs(format!(
            "{count} labels were given for {batch} rows"
        )))
    }
}

//! The tensors of a model by Hugging Face's names, grouped as operations read them.

use crate::spec::{Linear, Norm, Table};

/// What training does with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Trained, with weight decay.
    Decayed,
    /// Trained without weight decay: biases and LayerNorm's, as in transformers' Trainer.
    Undecayed,
    /// Not trained: no gradient, and no state of an optimizer.
    Frozen,
}

/// Tensors that lie next to each other, so that one operation reads them as one: query, key and value;
/// gamma and beta.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// The named tensors, in order.
    pub parts: Vec<Part>,
    /// What training does with them.
    pub role: Role,
    /// Whether operations look up its rows by their index and read it in no other way: such a table may lie
    /// in several buffers, cut between two rows.
    pub by_rows: bool,
}

/// One named tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Its name in `model.safetensors`.
    pub name: String,
    /// Its shape; `[out, in]` for a linear layer's weight, as PyTorch stores it.
    pub shape: Vec<usize>,
    /// Its values where no checkpoint has it.
    pub fresh: Fresh,
}

/// The values of a new tensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fresh {
    /// The same number everywhere.
    Constant(f32),
    /// Drawn from a normal distribution around 0.
    Normal {
        /// Its standard deviation.
        deviation: f32,
        /// No number is drawn that is further from 0 than so many deviations.
        cutoff: Option<f32>,
    },
}

impl Part {
    /// Elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

impl Declaration {
    /// Elements of all its parts.
    pub fn count(&self) -> usize {
        self.parts.iter().map(Part::count).sum()
    }

    /// Elements of each buffer that it lies in, where one holds `most` bytes: all of them in one, or for a
    /// table of [`Self::by_rows`] as many whole rows as fit; `None` where not even one does.
    pub fn pieces(&self, most: Option<u64>) -> Option<Vec<usize>> {
        let count = self.count();
        let most = most.map_or(usize::MAX, |bytes| {
            usize::try_from(bytes / 4).unwrap_or(usize::MAX)
        });
        if count <= most {
            return Some(vec![count]);
        }
        let row = match self.parts.as_slice() {
            [table] if self.by_rows => *table.shape.last()?,
            _ => return None,
        };
        let piece = most / row.max(1) * row;
        if piece == 0 {
            return None;
        }
        let starts = (0..count).step_by(piece);
        Some(starts.map(|start| piece.min(count - start)).collect())
    }

    /// What it is known by: the name of its first tensor.
    pub fn key(&self) -> &str {
        self.parts.first().map_or("", |part| &part.name)
    }
}

impl Linear {
    /// The weights, `[out, in]` each.
    pub fn weight(&self) -> Declaration {
        let shape = match self.kernel {
            None => vec![self.out, self.inner],
            Some(kernel) => vec![self.out, self.inner, kernel],
        };
        let parts = self.names.iter().map(|name| Part {
            name: format!("{name}.weight"),
            shape: shape.clone(),
            fresh: self.fresh,
        });
        Declaration {
            parts: parts.collect(),
            role: Role::Decayed,
            by_rows: false,
        }
    }

    /// The biases, `[out]` each, where the layer has them.
    pub fn bias(&self) -> Option<Declaration> {
        let parts = self.names.iter().map(|name| Part {
            name: format!("{name}.bias"),
            shape: vec![self.out],
            fresh: Fresh::Constant(0.0),
        });
        self.has_bias.then(|| Declaration {
            parts: parts.collect(),
            role: Role::Undecayed,
            by_rows: false,
        })
    }

    /// Its tensors.
    pub fn declarations(&self) -> impl Iterator<Item = Declaration> {
        std::iter::once(self.weight()).chain(self.bias())
    }
}

impl Norm {
    /// Gamma and, where there is one, beta: `[size]` each.
    pub fn affine(&self) -> Declaration {
        let part = |kind: &str, value: f32| Part {
            name: format!("{}.{kind}", self.name),
            shape: vec![self.size],
            fresh: Fresh::Constant(value),
        };
        let mut parts = vec![part("weight", 1.0)];
        if self.has_bias {
            parts.push(part("bias", 0.0));
        }
        Declaration {
            parts,
            role: Role::Undecayed,
            by_rows: false,
        }
    }
}

impl Table {
    /// The table, `[rows, width]`.
    pub fn declaration(&self) -> Declaration {
        Declaration {
            parts: vec![Part {
                name: format!("{}.weight", self.name),
                shape: vec![self.rows, self.width],
                fresh: self.fresh,
            }],
            // The Trainer goes by names: one with "bias" in it doesn't decay, whatever it is.
            role: if self.name.contains("bias") {
                Role::Undecayed
            } else {
                Role::Decayed
            },
            by_rows: false,
        }
    }

    /// The table of words, `[rows, width]`: large, and only ever looked up.
    pub fn words(&self) -> Declaration {
        Declaration {
            by_rows: true,
            ..self.declaration()
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_words_is_cut_between_rows() {
        let table = Table {
            name: "words".to_owned(),
            rows: 10,
            width: 6,
            padding: None,
            fresh: Fresh::Constant(0.0),
        };
        let words = table.words();
        assert_eq!(words.pieces(None).unwrap(), [60]);
        assert_eq!(words.pieces(Some(240)).unwrap(), [60]);
        assert_eq!(words.pieces(Some(239)).unwrap(), [54, 6]);
        assert_eq!(words.pieces(Some(100)).unwrap(), [24, 24, 12]);
        assert_eq!(words.pieces(Some(23)), None);
        assert_eq!(table.declaration().pieces(Some(239)), None);
    }
}

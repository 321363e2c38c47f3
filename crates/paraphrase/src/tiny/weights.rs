//! The weights, drawn as BERT's are before training.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView};

use super::{
    HIDDEN_SIZE, INITIALIZER_RANGE, INTERMEDIATE_SIZE, MAX_POSITION_EMBEDDINGS, NUM_HIDDEN_LAYERS,
    TYPE_VOCAB_SIZE,
};
use crate::dataset::SEED;
use crate::error::Error;
use crate::rng::Rng;

/// One tensor, its values in rows and as little-endian `f32`.
struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Every tensor of transformers' `BertModel`, named as it saves them.
pub(super) struct Weights {
    tensors: Vec<Tensor>,
}

impl Weights {
    /// Draws matrices and embeddings from N(0, `INITIALIZER_RANGE`²); `LayerNorm` is the identity,
    /// and other biases are 0.
    pub(super) fn draw(vocab_size: usize) -> Self {
        let mut weights = Self {
            tensors: Vec::new(),
        };
        for (name, rows) in [
            ("word", vocab_size),
            ("position", MAX_POSITION_EMBEDDINGS),
            ("token_type", TYPE_VOCAB_SIZE),
        ] {
            let name = format!("embeddings.{name}_embeddings.weight");
            weights.normal(name, vec![rows, HIDDEN_SIZE]);
        }
        weights.layer_norm("embeddings.LayerNorm");
        for layer in 0..NUM_HIDDEN_LAYERS {
            let layer = format!("encoder.layer.{layer}");
            for part in ["self.query", "self.key", "self.value", "output.dense"] {
                weights.linear(
                    &format!("{layer}.attention.{part}"),
                    HIDDEN_SIZE,
                    HIDDEN_SIZE,
                );
            }
            weights.layer_norm(&format!("{layer}.attention.output.LayerNorm"));
            weights.linear(
                &format!("{layer}.intermediate.dense"),
                INTERMEDIATE_SIZE,
                HIDDEN_SIZE,
            );
            weights.linear(
                &format!("{layer}.output.dense"),
                HIDDEN_SIZE,
                INTERMEDIATE_SIZE,
            );
            weights.layer_norm(&format!("{layer}.output.LayerNorm"));
        }
        weights.linear("pooler.dense", HIDDEN_SIZE, HIDDEN_SIZE);
        weights
    }

    /// How many numbers there are in all tensors.
    pub(super) fn parameters(&self) -> usize {
        let sizes = self
            .tensors
            .iter()
            .map(|t| t.shape.iter().product::<usize>());
        sizes.sum()
    }

    /// The content of `model.safetensors`.
    pub(super) fn safetensors(&self) -> Result<Vec<u8>, Error> {
        let mut views = Vec::new();
        for tensor in &self.tensors {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &tensor.bytes)?;
            views.push((&tensor.name, view));
        }
        // transformers refuses a file that doesn't name its framework.
        let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        Ok(safetensors::serialize(views, Some(metadata))?)
    }

    /// A weight of `[output, input]` and a bias of `[output]`.
    fn linear(&mut self, name: &str, output: usize, input: usize) {
        self.normal(format!("{name}.weight"), vec![output, input]);
        self.constant(format!("{name}.bias"), output, 0.0);
    }

    /// A weight and a bias, both of `[hidden]`.
    fn layer_norm(&mut self, name: &str) {
        self.constant(format!("{name}.weight"), HIDDEN_SIZE, 1.0);
        self.constant(format!("{name}.bias"), HIDDEN_SIZE, 0.0);
    }

    /// The stream is named by the tensor, so a tensor's values don't depend on the others.
    fn normal(&mut self, name: String, shape: Vec<usize>) {
        let mut rng = Rng::new(SEED, &name, 0);
        let values = (0..shape.iter().product()).map(|_| (rng.normal() * INITIALIZER_RANGE) as f32);
        let bytes = values.flat_map(f32::to_le_bytes).collect();
        self.tensors.push(Tensor { name, shape, bytes });
    }

    fn constant(&mut self, name: String, length: usize, value: f32) {
        self.tensors.push(Tensor {
            name,
            shape: vec![length],
            bytes: value.to_le_bytes().repeat(length),
        });
    }
}

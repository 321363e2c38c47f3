//! How much memory a training takes, by formula: what is held while the backward pass begins.

use std::fmt;

use anyhow::{Result, anyhow};
use tunesmith::model::BertConfig;

use crate::output::{megabytes, table};

const FLOAT: u64 = 4;

/// Bytes by what they are for.
pub struct Estimate {
    /// Numbers that are trained.
    pub parameters: u64,
    /// Kept by the forward pass for the backward pass.
    pub activations: u64,
    /// The largest single tensor, which must fit a binding.
    pub largest: u64,
}

impl Estimate {
    /// For batches of `batch` rows of `seq` tokens.
    ///
    /// With T tokens in a batch, width h, feed-forward width i, A heads and B rows, a layer keeps 8 T
    /// h (its input, query, key, value, context, the sum after attention and both normalised sums),
    /// 2 T i (before and after GELU) and B A seq² (the attention weights) floats. The backward pass of
    /// one layer needs as much as one layer again, at most, and two squares more.
    pub fn of(config: &BertConfig, batch: usize, seq: usize) -> Self {
        let [h, i, layers, heads, batch, seq] = [
            config.hidden_size,
            config.intermediate_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            batch,
            seq,
        ]
        .map(|n| n as u64);
        let tokens = batch * seq;
        // The kernels pad the rows of attention to whole vectors.
        let square = batch * heads * seq * seq.next_multiple_of(4);
        let layer = 8 * tokens * h + 2 * tokens * i + square;
        let vocabulary = config.vocab_size as u64 * h;
        Self {
            parameters: parameters(config),
            activations: FLOAT * (layer * (layers + 1) + 2 * square + 3 * tokens * h),
            largest: FLOAT * vocabulary.max(tokens * i).max(square),
        }
    }

    fn total(&self) -> u64 {
        4 * FLOAT * self.parameters + self.activations
    }
}

impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weights = FLOAT * self.parameters;
        let rows = [
            ("  weights", weights),
            ("  gradients", weights),
            ("  AdamW's two moments", 2 * weights),
            ("  activations", self.activations),
            ("  together", self.total()),
            ("  largest tensor", self.largest),
        ];
        let rows = rows.map(|(name, bytes)| vec![name.to_owned(), megabytes(bytes)]);
        f.write_str(&table(&rows))
    }
}

/// The numbers of a BERT with pooler and head.
fn parameters(config: &BertConfig) -> u64 {
    let [h, i, layers, labels] = [
        config.hidden_size,
        config.intermediate_size,
        config.num_hidden_layers,
        config.num_labels(),
    ]
    .map(|n| n as u64);
    let tables = [
        config.vocab_size,
        config.max_position_embeddings,
        config.type_vocab_size,
    ];
    let embeddings = (tables.iter().sum::<usize>() as u64 + 2) * h;
    let layer = 4 * (h * h + h) + 2 * h * i + i + h + 4 * h;
    embeddings + layers * layer + (h * h + h) + labels * (h + 1)
}

/// The shape of all-MiniLM-L6-v2, the checkpoint that the demo fine-tunes.
///
/// # Errors
/// None in practice: the text is a constant.
pub fn minilm() -> Result<BertConfig> {
    shape(6, 30522)
}

/// MiniLM's width with so many layers and embeddings.
pub fn shape(layers: usize, vocabulary: usize) -> Result<BertConfig> {
    let text = format!(
        r#"{{"model_type": "bert", "vocab_size": {vocabulary}, "hidden_size": 384,
            "num_hidden_layers": {layers}, "num_attention_heads": 12, "intermediate_size": 1536,
            "max_position_embeddings": 512}}"#
    );
    BertConfig::from_json(&text).map_err(|message| anyhow!("the built-in model: {message}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::kernels::ComputeDevice;
    use tunesmith::model::BertForSequenceClassification;

    #[test]
    fn parameters_are_those_of_the_model() {
        let config = shape(1, 50).unwrap();
        let device = ComputeDevice::cpu("test");
        let model = BertForSequenceClassification::from_config(config.clone(), 0, &device).unwrap();
        assert_eq!(parameters(&config), model.num_parameters() as u64);
    }

    #[test]
    fn memory_grows_with_batch_and_length() {
        let config = minilm().unwrap();
        let small = Estimate::of(&config, 8, 64);
        assert_eq!(small.largest, 30522 * 384 * 4);
        assert!(Estimate::of(&config, 16, 64).activations == 2 * small.activations);
        // Attention grows with the square of the length.
        assert!(Estimate::of(&config, 8, 128).activations > 2 * small.activations);
        let text = small.to_string();
        assert!(
            text.contains("weights") && text.contains("90.9 MB"),
            "{text}"
        );
    }
}

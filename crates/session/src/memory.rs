//! How much memory a training takes, by formula: what is held while the backward pass begins.

use tunesmith::model::BertConfig;

const FLOAT: u64 = 4;

/// Bytes by what they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryEstimate {
    /// Numbers that are trained.
    pub parameters: u64,
    /// Kept by the forward pass for the backward pass.
    pub activations: u64,
    /// The largest single tensor, which must fit a binding.
    pub largest: u64,
}

impl MemoryEstimate {
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

    /// Weights, gradients, AdamW's two moments and activations.
    pub fn total(&self) -> u64 {
        4 * FLOAT * self.parameters + self.activations
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::kernels::ComputeDevice;
    use tunesmith::model::BertForSequenceClassification;

    fn shape(layers: usize, vocabulary: usize) -> BertConfig {
        let text = format!(
            r#"{{"model_type": "bert", "vocab_size": {vocabulary}, "hidden_size": 384,
                "num_hidden_layers": {layers}, "num_attention_heads": 12,
                "intermediate_size": 1536, "max_position_embeddings": 512}}"#
        );
        BertConfig::from_json(&text).unwrap()
    }

    #[test]
    fn parameters_are_those_of_the_model() {
        let config = shape(1, 50);
        let device = ComputeDevice::cpu("test");
        let model = BertForSequenceClassification::from_config(config.clone(), 0, &device).unwrap();
        assert_eq!(parameters(&config), model.num_parameters() as u64);
    }

    #[test]
    fn memory_grows_with_batch_and_length() {
        let config = shape(6, 30522);
        let small = MemoryEstimate::of(&config, 8, 64);
        assert_eq!(small.largest, 30522 * 384 * 4);
        assert_eq!(
            MemoryEstimate::of(&config, 16, 64).activations,
            2 * small.activations
        );
        // Attention grows with the square of the length.
        assert!(MemoryEstimate::of(&config, 8, 128).activations > 2 * small.activations);
    }
}

//! What `doctor` says of memory.

use anyhow::{Result, anyhow};
use tunesmith::model::ModelConfig;
use tunesmith_session::MemoryEstimate;

use crate::output::{megabytes, table};

/// The estimate's parts, a line each.
pub fn lines(estimate: &MemoryEstimate) -> String {
    let trained = 4 * estimate.parameters;
    let halves = estimate.fp16(true);
    let rows = [
        ("  weights", trained + 4 * estimate.others),
        ("  gradients", trained),
        ("  AdamW's two moments", 2 * trained),
        ("  activations", estimate.activations),
        ("  (with --gradient_checkpointing)", estimate.checkpointed),
        ("  (with --fp16)", halves.activations),
        ("  (with both)", halves.checkpointed),
        ("  the program itself", estimate.program),
        ("  together", estimate.total()),
        ("  largest tensor", estimate.largest),
    ];
    let rows = rows.map(|(name, bytes)| vec![name.to_owned(), megabytes(bytes)]);
    table(&rows)
}

/// The shape of all-MiniLM-L6-v2, the checkpoint that the demo fine-tunes.
///
/// # Errors
/// None in practice: the text is a constant.
pub fn minilm() -> Result<ModelConfig> {
    shape(6, 30522)
}

/// MiniLM's width with so many layers and embeddings.
pub fn shape(layers: usize, vocabulary: usize) -> Result<ModelConfig> {
    let text = format!(
        r#"{{"model_type": "bert", "vocab_size": {vocabulary}, "hidden_size": 384,
            "num_hidden_layers": {layers}, "num_attention_heads": 12, "intermediate_size": 1536,
            "max_position_embeddings": 512}}"#
    );
    ModelConfig::from_json(&text).map_err(|message| anyhow!("the built-in model: {message}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_part_has_its_line() {
        let text = lines(&MemoryEstimate::of(&minilm().unwrap(), 8, 64));
        assert!(
            text.contains("weights") && text.contains("90.9 MB"),
            "{text}"
        );
    }
}

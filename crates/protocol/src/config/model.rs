//! run_glue's `ModelArguments`.

use serde::{Deserialize, Serialize};

/// Which checkpoint is fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct ModelArguments {
    /// A hub id, or a folder with `config.json` and `model.safetensors`. Required.
    pub model_name_or_path: String,
    /// Branch, tag or commit on the hub, of the model and of `tokenizer_name`. Default `main`.
    pub model_revision: String,
    /// A tokenizer other than the model's: a hub id or a folder.
    pub tokenizer_name: Option<String>,
    /// The folder of downloads, models and data sets; default the shared `HF_HUB_CACHE`.
    pub cache_dir: Option<String>,
    /// Draw a new head where the checkpoint's has another number of labels, instead of an error.
    pub ignore_mismatched_sizes: bool,
    /// Overrides all three dropouts of the config, 0 to 1; 0 turns dropout off.
    pub dropout: Option<f64>,
    /// Overrides the config's dropout of the hidden layers, 0 to 1.
    pub hidden_dropout_prob: Option<f64>,
    /// Overrides the config's dropout of the attention weights, 0 to 1.
    pub attention_probs_dropout_prob: Option<f64>,
    /// Overrides the config's dropout before the head, 0 to 1.
    pub classifier_dropout: Option<f64>,
}

impl Default for ModelArguments {
    fn default() -> Self {
        Self {
            model_name_or_path: String::new(),
            model_revision: "main".to_owned(),
            tokenizer_name: None,
            cache_dir: None,
            ignore_mismatched_sizes: false,
            dropout: None,
            hidden_dropout_prob: None,
            attention_probs_dropout_prob: None,
            classifier_dropout: None,
        }
    }
}

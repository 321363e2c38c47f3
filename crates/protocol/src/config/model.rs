//! run_glue's `ModelArguments`.

use serde::{Deserialize, Serialize};

/// Which checkpoint is fine-tuned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct ModelArguments {
    /// The checkpoint to start from: a name on the Hugging Face Hub, or a folder with `config.json`
    /// and `model.safetensors`. Required.
    pub model_name_or_path: String,
    /// Branch, tag or commit of the checkpoint on the Hub. Default: `main`.
    pub model_revision: String,
    /// Use the tokenizer of another model: a name on the Hub or a folder.
    pub tokenizer_name: Option<String>,
    /// Folder for downloads. Default: the cache shared with Python (`HF_HUB_CACHE`).
    pub cache_dir: Option<String>,
    /// If the checkpoint's classifier has another number of labels, start a new one instead of
    /// stopping with an error.
    pub ignore_mismatched_sizes: bool,
    /// Sets all three dropout rates of the model, 0 to 1; 0 turns dropout off.
    pub dropout: Option<f64>,
    /// Dropout of the hidden layers, 0 to 1, instead of the model's.
    pub hidden_dropout_prob: Option<f64>,
    /// Dropout of the attention weights, 0 to 1, instead of the model's.
    pub attention_probs_dropout_prob: Option<f64>,
    /// Dropout before the classifier, 0 to 1, instead of the model's.
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

//! The weights of a folder, or what to do where they are in a form that isn't read.

use std::path::{Path, PathBuf};

use tunesmith_checkpoint::Checkpoint;
use tunesmith_platform::fs;

use crate::ModelError;

/// The file that a model's weights are written to.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// Forms that aren't read, and how a person tells them by name.
const OTHERS: [(&str, &str); 5] = [
    (
        "tf_model.h5",
        "its weights are TensorFlow's (tf_model.h5), which transformers 5 no longer reads",
    ),
    (
        "flax_model.msgpack",
        "its weights are Flax's (flax_model.msgpack), which transformers 5 no longer reads",
    ),
    (
        "adapter_model.safetensors",
        "it holds an adapter (adapter_model.safetensors), not a model",
    ),
    (
        "model.onnx",
        "its weights are an ONNX graph (model.onnx), which can't be fine-tuned",
    ),
    (
        "onnx/model.onnx",
        "its weights are an ONNX graph (onnx/model.onnx), which can't be fine-tuned",
    ),
];

/// The path of a folder's weights, or of their index.
///
/// # Errors
/// Where they aren't there: what is there instead, and what to do.
pub fn weights(dir: &Path) -> Result<PathBuf, ModelError> {
    if let Some(path) = Checkpoint::find(dir) {
        return Ok(path);
    }
    let found = OTHERS.iter().find(|(name, _)| fs::exists(dir.join(name)));
    let forms = "model.safetensors or pytorch_model.bin, whole or in shards";
    let message = match found {
        Some((_, form)) => {
            format!("{form}: name a folder, or a model on the hub, that has {forms}")
        }
        None => format!(
            "there is no {WEIGHTS}: name a folder, or a model on the hub, that has its weights in it ({forms})"
        ),
    };
    Err(ModelError::NoWeights {
        path: dir.to_owned(),
        message,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn weights_of_a_form_that_is_not_read_are_told() {
        for (name, part) in [
            ("tf_model.h5", "TensorFlow's"),
            ("config.json", "there is no model.safetensors"),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(name), "").unwrap();
            let message = weights(dir.path()).unwrap_err().to_string();
            assert!(message.contains(part), "{part:?} is not in {message}");
            assert!(message.contains("pytorch_model.bin"), "{message}");
            assert!(message.starts_with(&dir.path().display().to_string()));
        }
        for name in ["pytorch_model.bin.index.json", "model.safetensors"] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(name), "").unwrap();
            assert_eq!(weights(dir.path()).unwrap(), dir.path().join(name));
        }
    }
}

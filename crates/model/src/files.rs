//! The weights of a folder, or what to do where they are in another form than `model.safetensors`.

use std::path::{Path, PathBuf};

use tunesmith_platform::fs;

use crate::ModelError;

/// The file of a model's weights.
pub(crate) const WEIGHTS: &str = "model.safetensors";

/// What the other forms are called, and how a person tells them by name.
const OTHERS: [(&str, &str); 8] = [
    (
        "model.safetensors.index.json",
        "its weights are split over several files (model.safetensors.index.json names them)",
    ),
    (
        "pytorch_model.bin",
        "its weights are a PyTorch pickle (pytorch_model.bin)",
    ),
    (
        "pytorch_model.bin.index.json",
        "its weights are PyTorch pickles, split over several files (pytorch_model.bin.index.json)",
    ),
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

/// Those that transformers reads and writes again as one `model.safetensors`.
const CONVERTED: usize = 3;

/// The path of a folder's weights.
///
/// # Errors
/// Where they aren't there: what is there instead, and how to make them.
pub(crate) fn weights(dir: &Path) -> Result<PathBuf, ModelError> {
    let path = dir.join(WEIGHTS);
    if fs::exists(&path) {
        return Ok(path);
    }
    // Without a slash at its end.
    let place = dir.components().as_path().display();
    let found = OTHERS
        .iter()
        .position(|(name, _)| fs::exists(dir.join(name)));
    let message = match found {
        Some(form) if form < CONVERTED => format!(
            "{}. Write them as one {WEIGHTS} with Python's transformers, and name the new folder: \
             python -c \"import transformers as t; old, new = '{place}', '{place}-converted'; \
             kind = t.AutoConfig.from_pretrained(old).architectures[0]; \
             getattr(t, kind).from_pretrained(old).save_pretrained(new, max_shard_size='100GB'); \
             t.AutoTokenizer.from_pretrained(old).save_pretrained(new)\"",
            OTHERS[form].1
        ),
        Some(form) => format!(
            "{}: name a folder, or a model on the hub, that has {WEIGHTS}",
            OTHERS[form].1
        ),
        None => format!(
            "there is no {WEIGHTS}: name a folder, or a model on the hub, that has its weights in it"
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
    fn weights_of_another_form_say_how_to_convert_them() {
        for (name, parts) in [
            (
                "model.safetensors.index.json",
                ["split over several files", "save_pretrained"],
            ),
            ("pytorch_model.bin", ["PyTorch pickle", "save_pretrained"]),
            (
                "tf_model.h5",
                ["TensorFlow's", "that has model.safetensors"],
            ),
            (
                "config.json",
                ["there is no model.safetensors", "name a folder"],
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(name), "").unwrap();
            let message = weights(dir.path()).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{part:?} is not in {message}");
            }
            assert!(message.starts_with(&dir.path().display().to_string()));
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(WEIGHTS), "").unwrap();
        assert_eq!(weights(dir.path()).unwrap(), dir.path().join(WEIGHTS));
    }
}

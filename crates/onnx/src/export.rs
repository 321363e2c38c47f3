//! A model's folder, exported.

use std::path::{Path, PathBuf};

use tunesmith_architecture::ModelConfig;
use tunesmith_checkpoint::Checkpoint;
use tunesmith_platform::fs;
use tunesmith_protocol::OnnxDtype;

use crate::OnnxError;
use crate::encoder::encode;
use crate::graph::Graph;
use crate::head::classify;
use crate::weights::Source;
use crate::write::{MOST_WITHIN, write};

/// The folder within a model's that transformers.js looks into.
const FOLDER: &str = "onnx";

/// Writes the model of a folder as ONNX into the folder `onnx` within it: one file for each of `dtypes`, and
/// one more beside it for a model of more than 2 GB. Gives the files.
///
/// # Errors
/// Names the file that can't be read or written, or what of the model is missing.
pub fn export(model: &Path, dtypes: &[OnnxDtype]) -> Result<Vec<PathBuf>, OnnxError> {
    export_within(model, dtypes, MOST_WITHIN)
}

fn export_within(
    model: &Path,
    dtypes: &[OnnxDtype],
    most_within: u64,
) -> Result<Vec<PathBuf>, OnnxError> {
    let path = model.join("config.json");
    let text = fs::read_to_string(&path).map_err(OnnxError::io(&path))?;
    let config =
        ModelConfig::from_json(&text).map_err(|message| OnnxError::Config { path, message })?;
    let source = Source::new(Checkpoint::open(model)?, config.family());
    let folder = model.join(FOLDER);
    fs::create_dir_all(&folder).map_err(OnnxError::io(&folder))?;
    let mut written = Vec::new();
    for dtype in dtypes {
        let mut graph = Graph::new(*dtype);
        let (hidden, shared) = encode(&mut graph, config.spec());
        classify(&mut graph, &config.spec().head, &hidden, &shared);
        let path = folder.join(dtype.file_name());
        written.extend(write(&path, graph, config.spec(), &source, most_within)?);
    }
    Ok(written)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use tunesmith_architecture::Declaration;
    use tunesmith_checkpoint::TensorWriter;

    use super::*;

    /// A model whose numbers are all different, but for one tensor that it lacks.
    fn model(config: &str, without: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), config).unwrap();
        let parsed = ModelConfig::from_json(config).unwrap();
        let declarations = parsed.spec().declarations();
        let parts = declarations
            .iter()
            .flat_map(|Declaration { parts, .. }| parts);
        let parts: Vec<_> = parts.filter(|part| part.name != without).collect();
        let tensors: Vec<(&str, &[usize])> = parts
            .iter()
            .map(|part| (part.name.as_str(), part.shape.as_slice()))
            .collect();
        let path = dir.path().join("model.safetensors");
        let mut writer = TensorWriter::create(&path, &tensors).unwrap();
        for place in writer.order().to_vec() {
            let count = tensors[place].1.iter().product::<usize>();
            let values: Vec<f32> = (0..count).map(|i| (place * 1000 + i) as f32).collect();
            writer.put(&values).unwrap();
        }
        writer.finish().unwrap();
        dir
    }

    const BERT: &str = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 4, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 8, "max_position_embeddings": 8}"#;

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn a_model_too_large_for_one_file_has_its_numbers_beside_it() {
        let dir = model(BERT, "");
        let one = export_within(dir.path(), &[OnnxDtype::Fp32], u64::MAX).unwrap();
        let [one] = one.as_slice() else {
            panic!("{one:?}")
        };
        let within = std::fs::read(one).unwrap();
        let two = export_within(dir.path(), &[OnnxDtype::Fp32], 100).unwrap();
        let [graph, beside] = two.as_slice() else {
            panic!("{two:?}")
        };
        assert!(beside.ends_with("onnx/model.onnx_data"), "{beside:?}");
        let (graph, numbers) = (
            std::fs::read(graph).unwrap(),
            std::fs::read(beside).unwrap(),
        );
        assert!(contains(&graph, b"model.onnx_data"));
        assert!(graph.len() + numbers.len() < within.len() + 8000);
        // The word table, as it lies in either.
        let parsed = ModelConfig::from_json(BERT).unwrap();
        let names: Vec<String> = parsed
            .spec()
            .declarations()
            .into_iter()
            .flat_map(|one| one.parts)
            .map(|part| part.name)
            .collect();
        let place = names
            .iter()
            .position(|name| name.ends_with("word_embeddings.weight"))
            .unwrap();
        let words: Vec<u8> = (0..40)
            .flat_map(|i| ((place * 1000 + i) as f32).to_le_bytes())
            .collect();
        assert!(contains(&within, &words) && contains(&numbers, &words));
        assert!(!contains(&graph, &words));
    }

    #[test]
    fn what_cannot_be_exported_is_told_and_leaves_no_file() {
        // Numbers up to 65,504 fit into half precision: one layer's are all below, those of six aren't.
        let wide = BERT.replace("\"num_hidden_layers\": 1", "\"num_hidden_layers\": 6");
        for (config, without, dtype, part) in [
            (
                BERT,
                "classifier.weight",
                OnnxDtype::Fp32,
                "no tensor 'classifier.weight'",
            ),
            (&wide, "", OnnxDtype::Fp16, "beyond half precision"),
        ] {
            let dir = model(config, without);
            let message = export(dir.path(), &[dtype]).unwrap_err().to_string();
            assert!(message.contains(part), "{part:?} is not in {message}");
            let left = std::fs::read_dir(dir.path().join(FOLDER)).unwrap().count();
            assert_eq!(left, 0, "{message}");
        }
        let dir = model(BERT, "");
        export(dir.path(), &[OnnxDtype::Fp16]).unwrap();
        std::fs::write(dir.path().join("config.json"), r#"{"model_type": "gpt2"}"#).unwrap();
        let message = export(dir.path(), &[OnnxDtype::Fp32])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("model_type 'gpt2' is not supported"),
            "{message}"
        );
    }
}

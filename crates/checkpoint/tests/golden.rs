//! Files that torch.save and safetensors wrote, with the values that PyTorch says they hold.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tunesmith_checkpoint::{Checkpoint, CheckpointError, Dtype};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens")
}

fn folder(name: &str) -> PathBuf {
    goldens().join("checkpoints").join(name)
}

fn message(folder: &Path) -> String {
    match Checkpoint::open(folder) {
        Ok(_) => panic!("{} opens", folder.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_tensor_of_every_form_is_pytorch_s() {
    let text = std::fs::read(goldens().join("checkpoints.json")).unwrap();
    let golden: Value = serde_json::from_slice(&text).unwrap();
    let checkpoints = golden["checkpoints"].as_object().unwrap();
    assert_eq!(checkpoints.len(), 6);
    for (name, tensors) in checkpoints {
        let checkpoint = Checkpoint::open(&folder(name)).unwrap();
        let tensors = tensors.as_object().unwrap();
        let mut expected: Vec<&str> = tensors.keys().map(String::as_str).collect();
        expected.sort_unstable();
        assert_eq!(checkpoint.names().collect::<Vec<_>>(), expected, "{name}");
        for (tensor, held) in tensors {
            let shape: Vec<usize> = serde_json::from_value(held["shape"].clone()).unwrap();
            assert_eq!(checkpoint.shape(tensor), Some(&*shape), "{name} {tensor}");
            let values: Option<Vec<f32>> = serde_json::from_value(held["values"].clone()).unwrap();
            match values {
                Some(values) => {
                    assert_eq!(checkpoint.read(tensor).unwrap(), values, "{name} {tensor}");
                    for first in 0..=values.len() {
                        let part = checkpoint.read_range(tensor, first..first + 3).unwrap();
                        let end = (first + 3).min(values.len());
                        assert_eq!(part, values[first..end], "{name} {tensor}");
                    }
                }
                None => {
                    let error = checkpoint.read(tensor).unwrap_err();
                    assert!(matches!(error, CheckpointError::Dtype { .. }), "{error}");
                }
            }
        }
    }
}

#[test]
fn types_are_those_of_the_file() {
    let checkpoint = Checkpoint::open(&folder("zip")).unwrap();
    let other = |name: &str| Dtype::Other(name.to_owned());
    for (name, dtype) in [
        ("f32", Dtype::F32),
        ("f16", Dtype::F16),
        ("bf16", Dtype::BF16),
        ("f64", Dtype::F64),
        ("i64", other("I64")),
        ("bool", other("BOOL")),
    ] {
        assert_eq!(checkpoint.info(name).unwrap().dtype, dtype);
    }
}

#[test]
fn a_pickle_that_calls_anything_else_is_refused_by_that_name() {
    for name in ["malicious", "malicious_legacy"] {
        let message = message(&folder(name));
        // How Python on Linux names os.system.
        assert!(
            message.contains("pytorch_model.bin asks Python for `posix.system`"),
            "{message}"
        );
        assert!(message.contains("nothing of it was run"), "{message}");
    }
}

#[test]
fn what_torch_save_wrote_of_something_else_is_told() {
    for (name, said) in [
        (
            "no_dictionary",
            "something else than a dictionary of tensors",
        ),
        ("no_tensors", "it holds no tensors by name"),
        ("compressed", "is compressed in the zip"),
    ] {
        let message = message(&folder(name));
        assert!(message.contains(said), "{message}");
        assert!(message.contains("pytorch_model.bin"), "{message}");
    }
}

#[test]
fn the_first_in_transformers_order_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let copy = |from: &str, name: &str, to: &str| {
        std::fs::copy(folder(from).join(name), dir.path().join(to)).unwrap();
    };
    let found = || {
        let path = Checkpoint::find(dir.path())?;
        Some(path.file_name()?.to_str()?.to_owned())
    };
    assert_eq!(found(), None);
    assert!(message(dir.path()).contains("has no weights"));
    for name in [
        "pytorch_model.bin.index.json",
        "pytorch_model.bin",
        "model.safetensors.index.json",
        "model.safetensors",
    ] {
        let from = match name {
            "pytorch_model.bin" => "zip",
            "pytorch_model.bin.index.json" => "shards",
            "model.safetensors" => "safetensors",
            _ => "safetensors_shards",
        };
        copy(from, name, name);
        assert_eq!(found().as_deref(), Some(name));
    }
}

#[test]
fn an_index_without_its_shards_or_with_others_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let index = "pytorch_model.bin.index.json";
    let first = "pytorch_model-00001-of-00002.bin";
    let second = "pytorch_model-00002-of-00002.bin";
    let copy = |name: &str, to: &str| {
        std::fs::copy(folder("shards").join(name), dir.path().join(to)).unwrap();
    };
    copy(index, index);
    copy(first, first);
    let missing = message(dir.path());
    assert!(
        missing.contains(second) && missing.contains("is not there"),
        "{missing}"
    );
    copy(first, second);
    let other = message(dir.path());
    assert!(other.contains("00002.bin has no tensor 'f16'"), "{other}");
    copy(second, second);
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert!(checkpoint.file_of("f32").ends_with(first));
    assert!(checkpoint.file_of("scalar").ends_with(second));
    for outside in [
        "../model.bin",
        "/model.bin",
        "c:model.bin",
        "a\\model.bin",
        "notes.txt",
        "",
    ] {
        let map = serde_json::json!({"weight_map": {"w": outside}});
        std::fs::write(dir.path().join(index), map.to_string()).unwrap();
        let message = message(dir.path());
        assert!(
            message.contains("not a file of weights beside it"),
            "{message}"
        );
    }
}

#[test]
fn a_value_that_is_not_finite_is_told_with_its_tensor() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("model.safetensors");
    let mut writer =
        tunesmith_checkpoint::TensorWriter::create(&path, &[("b", &[2]), ("a", &[1])]).unwrap();
    assert_eq!(writer.order(), [1, 0]);
    writer.put(&[1.0]).unwrap();
    assert!(writer.put(&[1.0]).is_err(), "one value of two");
    writer.put(&[2.0, f32::NAN]).unwrap();
    writer.finish().unwrap();
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    assert_eq!(checkpoint.read_finite("a").unwrap(), [1.0]);
    assert_eq!(checkpoint.read("b").unwrap()[0], 2.0);
    let error = checkpoint.read_finite("b").unwrap_err().to_string();
    assert!(error.contains("tensor 'b' holds NaN"), "{error}");
}

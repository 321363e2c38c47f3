//! A damaged `config.json` or `model.safetensors` ends with a model or an error.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use tunesmith_damage::{Kind, Meter, Trial, fixtures};
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{
    AutoConfig, Inputs, Mode, Model, ModelConfig, ModelError, Targets, TensorFile,
};

#[global_allocator]
static METER: Meter = Meter;

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

/// A folder with a whole model.
fn saved() -> (tempfile::TempDir, Vec<u8>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let config = fixtures::configs().swap_remove(0);
    let text = std::str::from_utf8(&config).unwrap();
    let bert = ModelConfig::from_json(text).unwrap();
    let model = Model::from_config(bert, 1, &cpu()).unwrap();
    pollster::block_on(model.save_pretrained(dir.path())).unwrap();
    std::fs::write(dir.path().join(CONFIG), &config).unwrap();
    let weights = std::fs::read(dir.path().join(WEIGHTS)).unwrap();
    (dir, config, weights)
}

fn cpu() -> ComputeDevice {
    ComputeDevice::cpu("test")
}

/// Loads the model, and takes a batch through it and back.
fn load(dir: &Path) -> Result<(), ModelError> {
    let config = AutoConfig::from_pretrained(dir)?;
    config.label_names();
    let (mut model, _) = Model::from_pretrained(dir, config, 7, &cpu())?;
    let inputs = Inputs {
        batch: 2,
        seq: 3,
        input_ids: vec![2, 1, 3, 2, 3, 0],
        token_type_ids: Some(vec![0, 0, 1, 0, 1, 0]),
        lengths: vec![3, 2],
        pad_left: false,
    };
    let targets = if model.config.num_labels() == 1 {
        Targets::Values(vec![0.5, 1.0])
    } else {
        Targets::Classes(vec![0, 1])
    };
    let mode = Mode::Train {
        seed: 1,
        step: 0,
        first_row: 0,
    };
    let output = model.forward(&inputs, Some(&targets), &mode)?;
    model.backward(output);
    Ok(())
}

#[test]
fn config_json() {
    let (dir, config, _) = saved();
    let files = [config];
    let trial = Trial {
        name: CONFIG,
        kind: Kind::Json,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    let read = |bytes: &[u8]| {
        std::fs::write(dir.path().join(CONFIG), bytes).unwrap();
        load(dir.path())
    };
    trial.run(read);
    trial.cut(read, |_, ()| false);
}

#[test]
fn model_safetensors() {
    let (dir, _, weights) = saved();
    let files = [weights];
    let trial = Trial {
        name: WEIGHTS,
        kind: Kind::Safetensors,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    let read = |bytes: &[u8]| {
        std::fs::write(dir.path().join(WEIGHTS), bytes).unwrap();
        load(dir.path())
    };
    trial.run(read);
    trial.cut(read, |_, ()| false);
}

#[test]
fn tensor_files_of_any_shapes() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        fixtures::safetensors(
            &[("a", &[2, 3]), ("b", &[4]), ("c", &[]), ("d", &[0, 5])],
            0.5,
        ),
        fixtures::safetensors(&[], 1.0),
    ];
    let trial = Trial {
        name: "any.safetensors",
        kind: Kind::Safetensors,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    let path = dir.path().join("any.safetensors");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let file = TensorFile::open_file(&path)?;
        for name in file.names() {
            let count: usize = file.shape(name).unwrap().iter().product();
            if let Ok(values) = file.read(name) {
                assert_eq!(values.len(), count);
            }
        }
        Ok::<_, ModelError>(())
    };
    trial.run(read);
    trial.cut(read, |_, ()| false);
}

#[test]
fn sizes_are_compared_with_the_weights_before_there_is_room_for_them() {
    let (dir, config, _) = saved();
    let text = String::from_utf8(config).unwrap();
    for (was, is, said) in [
        // 64 GB, which no allocator gives.
        (
            "\"vocab_size\":40",
            "\"vocab_size\":16777216",
            "word_embeddings.weight' has the shape [40, 8]",
        ),
        (
            "\"vocab_size\":40",
            "\"vocab_size\":2147483648",
            "vocab_size is 2147483648",
        ),
        (
            "\"num_hidden_layers\":2",
            "\"num_hidden_layers\":500",
            "lacks 7968 weights of the encoder",
        ),
    ] {
        let changed = text.replace(was, is);
        assert_ne!(changed, text, "{was}");
        std::fs::write(dir.path().join(CONFIG), changed).unwrap();
        let message = load(dir.path()).unwrap_err().to_string();
        assert!(message.contains(said), "{message}");
    }
}

//! Reading and writing checkpoints: names, element types, and what each thing that can be wrong says.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Tensor;
use safetensors::{Dtype, tensor::TensorView};
use tunesmith_kernels::{ComputeDevice, read_back};
use tunesmith_model::{
    Inputs, LoadReport, Mode, Model, ModelConfig, ModelError, Targets, TensorFile,
};

const CONFIG: &str = r#"{"model_type": "bert", "vocab_size": 20, "hidden_size": 8,
    "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 12,
    "max_position_embeddings": 6, "classifier_dropout": null, "note": "kept"}"#;

type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn config() -> ModelConfig {
    ModelConfig::from_json(CONFIG).unwrap()
}

fn cpu() -> ComputeDevice {
    ComputeDevice::cpu("test")
}

fn read_pieces(pieces: Vec<Tensor<1>>) -> Vec<f32> {
    pollster::block_on(read_back(pieces)).unwrap().concat()
}

/// A saved tiny model and its tensors.
fn read_tensors(path: &Path) -> Tensors {
    let file = TensorFile::open_file(path).unwrap();
    let tensor = |name: String| {
        let tensor = (
            file.shape(&name).unwrap().to_vec(),
            file.read(&name).unwrap(),
        );
        (name, tensor)
    };
    file.names().map(str::to_owned).map(tensor).collect()
}

fn saved(dir: &Path) -> Tensors {
    let model = Model::from_config(config(), 1, &cpu()).unwrap();
    pollster::block_on(model.save_pretrained(dir)).unwrap();
    read_tensors(&dir.join("model.safetensors"))
}

fn write(dir: &Path, tensors: &Tensors, dtype: Dtype) {
    let bytes: Vec<_> = tensors
        .iter()
        .map(|(name, (shape, values))| {
            let bytes: Vec<u8> = match dtype {
                Dtype::F16 => values
                    .iter()
                    .flat_map(|x| half::f16::from_f32(*x).to_le_bytes())
                    .collect(),
                Dtype::F64 => values
                    .iter()
                    .flat_map(|x| f64::from(*x).to_le_bytes())
                    .collect(),
                _ => values.iter().flat_map(|x| x.to_le_bytes()).collect(),
            };
            (name.clone(), shape.clone(), bytes)
        })
        .collect();
    let views = bytes
        .iter()
        .map(|(name, shape, bytes)| (name, TensorView::new(dtype, shape.clone(), bytes).unwrap()));
    std::fs::write(
        dir.join("model.safetensors"),
        safetensors::serialize(views, None).unwrap(),
    )
    .unwrap();
}

fn load(dir: &Path) -> Result<(Model, LoadReport), ModelError> {
    Model::from_pretrained(dir, config(), 7, &cpu())
}

#[test]
fn what_is_saved_is_read_back_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = saved(dir.path());
    let (model, report) = load(dir.path()).unwrap();
    assert_eq!(report, LoadReport::default());
    let again = tempfile::tempdir().unwrap();
    pollster::block_on(model.save_pretrained(again.path())).unwrap();
    assert_eq!(
        tensors,
        read_tensors(&again.path().join("model.safetensors"))
    );
    let text = std::fs::read_to_string(again.path().join("config.json")).unwrap();
    assert!(text.contains(r#""note": "kept""#), "{text}");
}

#[test]
fn a_bare_encoder_loads_and_the_report_names_what_was_drawn_and_what_was_left() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = saved(dir.path());
    let mut bare: Tensors = tensors
        .iter()
        .filter(|(name, _)| !name.starts_with("classifier"))
        .map(|(name, tensor)| {
            (
                name.replace("bert.", "")
                    .replace("LayerNorm.weight", "LayerNorm.gamma"),
                tensor.clone(),
            )
        })
        .collect();
    bare.insert("cls.predictions.bias".into(), (vec![20], vec![0.0; 20]));
    bare.insert("embeddings.position_ids".into(), (vec![1, 6], vec![0.0; 6]));
    write(dir.path(), &bare, Dtype::F32);
    let (model, report) = load(dir.path()).unwrap();
    assert_eq!(
        report.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    assert_eq!(report.unused, ["cls.predictions.bias"]);
    assert_eq!(model.parameters.iter().count(), tensors.len());
    let same = load(dir.path()).unwrap().0;
    let head = |m: &Model| {
        let weight = m.parameters.get("classifier.weight").unwrap();
        read_pieces(m.parameters.value(weight))
    };
    assert_eq!(head(&model), head(&same), "the head comes from the seed");
}

#[test]
fn a_wrapper_around_the_model_is_looked_through() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = saved(dir.path());
    for wrapper in ["module.", "0.auto_model.", "model.bert_model."] {
        let named = tensors.iter().map(|(name, tensor)| {
            let name = format!("{wrapper}{name}");
            (name, tensor.clone())
        });
        write(dir.path(), &named.collect(), Dtype::F32);
        let (_, report) = load(dir.path()).unwrap();
        assert_eq!(report, LoadReport::default(), "{wrapper}");
    }
}

#[test]
fn half_precision_is_read_as_f32() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = saved(dir.path());
    write(dir.path(), &tensors, Dtype::F16);
    let read = read_tensors(&dir.path().join("model.safetensors"));
    for (name, (_, values)) in &tensors {
        for (wanted, got) in values.iter().zip(&read[name].1) {
            assert!((wanted - got).abs() < 1e-3, "{name}: {wanted} became {got}");
        }
    }
    load(dir.path()).unwrap();
}

fn message(dir: &Path) -> String {
    load(dir).unwrap_err().to_string()
}

#[test]
fn every_fault_of_a_checkpoint_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let tensors = saved(dir.path());
    let file = dir.path().join("model.safetensors");

    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() - 9]).unwrap();
    let text = message(dir.path());
    assert!(
        text.contains("model.safetensors is not a complete safetensors file"),
        "{text}"
    );
    assert!(text.contains("download it again"), "{text}");

    let mut wrong = tensors.clone();
    wrong.insert(
        "bert.pooler.dense.weight".into(),
        (vec![4, 8], vec![0.0; 32]),
    );
    write(dir.path(), &wrong, Dtype::F32);
    let text = message(dir.path());
    assert!(
        text.contains("'bert.pooler.dense.weight' has the shape [4, 8]"),
        "{text}"
    );
    assert!(text.contains("config.json makes it [8, 8]"), "{text}");

    let head: Tensors = tensors
        .iter()
        .filter(|(n, _)| n.starts_with("classifier"))
        .map(|(n, t)| (n.clone(), t.clone()))
        .collect();
    write(dir.path(), &head, Dtype::F32);
    let text = message(dir.path());
    assert!(
        text.contains("lacks") && text.contains("not a checkpoint of a bert model"),
        "{text}"
    );

    std::fs::remove_file(&file).unwrap();
    let text = message(dir.path());
    assert!(text.contains("model.safetensors"), "{text}");
}

#[test]
fn every_fault_of_a_config_is_named() {
    let wrong =
        |from: &str, to: &str| ModelConfig::from_json(&CONFIG.replace(from, to)).unwrap_err();
    assert!(wrong(r#""bert""#, r#""gpt2""#).contains("model_type 'gpt2' is not supported"));
    assert!(
        wrong(r#""num_attention_heads": 2"#, r#""num_attention_heads": 3"#)
            .contains("hidden_size 8 does not divide into 3 attention heads")
    );
    assert!(wrong(r#""vocab_size": 20,"#, r#""vocab_size": 0,"#).contains("vocab_size"));
    assert!(wrong(r#""note": "kept""#, r#""hidden_act": "mish""#).contains("hidden_act 'mish'"));
}

#[test]
fn a_device_that_cannot_bind_a_tensor_is_refused_with_what_is_missing() {
    let mut device = cpu();
    device.max_binding_bytes = Some(1_000_000);
    let config = CONFIG.replace(
        r#""max_position_embeddings": 6"#,
        r#""max_position_embeddings": 100000"#,
    );
    let config = ModelConfig::from_json(&config).unwrap();
    let error = Model::from_config(config, 1, &device).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("at most 1 MB") && text.contains("position_embeddings"),
        "{text}"
    );
    assert!(text.contains("needs 3 MB: 3 MB are missing"), "{text}");
}

#[test]
fn a_table_of_words_that_no_binding_holds_lies_in_several() {
    let batch = Inputs {
        batch: 2,
        seq: 3,
        input_ids: vec![59, 0, 23, 24, 1, 47],
        token_type_ids: None,
        lengths: vec![3, 3],
        pad_left: false,
    };
    let targets = Targets::Classes(vec![1, 0]);
    // Rows of 8 numbers: 60 words in pieces of 24 rows, 24 and 12. Query, key and value take as much as 24.
    let config = || {
        let config = CONFIG.replace(r#""vocab_size": 20"#, r#""vocab_size": 60"#);
        ModelConfig::from_json(&config).unwrap()
    };
    let [whole, pieces] = [None, Some(24 * 8 * 4)].map(|limit| {
        let mut device = cpu();
        device.max_binding_bytes = limit;
        let dir = tempfile::tempdir().unwrap();
        let mut model = Model::from_config(config(), 1, &device).unwrap();
        let output = model.forward(&batch, Some(&targets), &Mode::Evaluate);
        model.backward(output.unwrap());
        let name = "bert.embeddings.word_embeddings.weight";
        let words = model.parameters.get(name).unwrap().clone();
        let gradient = read_pieces(model.parameters.gradient(&words));
        pollster::block_on(model.save_pretrained(dir.path())).unwrap();
        let saved = std::fs::read(dir.path().join("model.safetensors")).unwrap();
        let loaded = Model::from_pretrained(dir.path(), config(), 2, &device)
            .unwrap()
            .0;
        let values = read_pieces(loaded.parameters.value(&words));
        (words.slots().len(), gradient, saved, values)
    });
    assert_eq!((whole.0, pieces.0), (1, 3));
    assert!(whole.1.iter().any(|x| *x != 0.0));
    assert_eq!(whole.1, pieces.1);
    assert_eq!(whole.2, pieces.2, "what is saved");
    assert_eq!(whole.3, pieces.3, "what is loaded");
}

#[test]
fn a_batch_that_does_not_fit_is_refused_by_row() {
    let model = Model::from_config(config(), 1, &cpu()).unwrap();
    let good = Inputs {
        batch: 2,
        seq: 3,
        input_ids: vec![1, 2, 3, 4, 5, 0],
        token_type_ids: None,
        lengths: vec![3, 2],
        pad_left: false,
    };
    let run = |inputs: &Inputs, labels: Vec<u32>| {
        let targets = Targets::Classes(labels);
        model
            .forward(inputs, Some(&targets), &Mode::Evaluate)
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    assert_eq!(run(&good, vec![0, 1]), Ok(()));
    let text = run(&good, vec![0, 2]).unwrap_err();
    assert!(
        text.contains("label 2 in row 1 is not among the head's 2 classes"),
        "{text}"
    );
    let unknown = Inputs {
        input_ids: vec![1, 2, 3, 20, 5, 0],
        ..good.clone()
    };
    let text = run(&unknown, vec![0, 1]).unwrap_err();
    assert!(text.contains("token id 20 in row 1"), "{text}");
    let long = Inputs {
        seq: 7,
        batch: 1,
        input_ids: vec![1; 7],
        lengths: vec![7],
        ..good
    };
    let text = run(&long, vec![0]).unwrap_err();
    assert!(
        text.contains("longer than the model's 6 positions"),
        "{text}"
    );
}

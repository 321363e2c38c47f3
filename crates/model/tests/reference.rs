//! Only by `cargo xtask test --reference DIR`: MiniLM on the first eight MRPC rows against PyTorch: logits, loss and every gradient norm, on the
//! CPU device and on a software renderer.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::PathBuf;

use burn::tensor::Tensor;
use serde_json::Value;
use tunesmith_kernels::{AdapterKind, ComputeDevice, DeviceChoice, adapters, open_device};
use tunesmith_model::{AutoConfig, Inputs, Mode, Model, Targets};

/// PyTorch's own f32 differs from its f64 by 2e-8 here; another order of summation by more.
const LOGITS: f64 = 1e-4;
const LOSS: f64 = 1e-4;
/// Relative.
const GRADIENT_NORM: f64 = 1e-3;
/// The key biases' true gradient is zero: softmax does not see a shift of all scores of a row.
const KEY_BIAS_NORM: f64 = 1e-7;

fn golden(name: &str) -> Value {
    let reference = std::env::var_os("TUNESMITH_REFERENCE").map(PathBuf::from);
    let path = reference.unwrap_or_default().join("golden").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| {
        panic!(
            "{}: {e}; TUNESMITH_REFERENCE names no folder with the reference data: \
             `cargo xtask test --reference DIR` sets it",
            path.display()
        )
    });
    serde_json::from_str(&text).unwrap()
}

fn minilm() -> PathBuf {
    std::env::var_os("TUNESMITH_MINILM").map_or_else(
        || {
            PathBuf::from(std::env::var_os("HOME").unwrap())
                .join(".cache/tunesmith/models/all-MiniLM-L6-v2")
        },
        PathBuf::from,
    )
}

fn integers(rows: &Value) -> Vec<u32> {
    let rows = rows.as_array().unwrap().iter();
    rows.flat_map(|row| match row {
        Value::Array(row) => row.iter().map(|id| id.as_u64().unwrap() as u32).collect(),
        id => vec![id.as_u64().unwrap() as u32],
    })
    .collect()
}

fn floats(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(floats).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

fn batch() -> (Inputs, Targets) {
    let golden = golden("collator_first8_train.json");
    let batch = &golden["batch"];
    let inputs = Inputs {
        batch: 8,
        seq: 67,
        input_ids: integers(&batch["input_ids"]),
        token_type_ids: Some(integers(&batch["token_type_ids"])),
        lengths: integers(&golden["lengths_before"]),
        pad_left: false,
    };
    (inputs, Targets::Classes(integers(&batch["labels"])))
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    pollster::block_on(tensor.into_data_async())
        .unwrap()
        .try_to_vec()
        .unwrap()
}

fn model(device: &ComputeDevice) -> Model {
    let dir = minilm();
    let config = AutoConfig::from_pretrained(&dir)
        .unwrap_or_else(|error| panic!("{error}; `cargo xtask test` fetches the model"));
    let (mut model, report) = Model::from_pretrained(&dir, config, 42, device).unwrap();
    assert_eq!(
        report.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    assert!(report.unused.is_empty(), "{:?}", report.unused);
    let head: Vec<f32> = (0..768)
        .map(|i| (0.02 * f64::sin(1.0 + f64::from(i))) as f32)
        .collect();
    let weight = model.parameters.get("classifier.weight").unwrap().clone();
    model.parameters.set(&weight, &head);
    model
}

fn follows_pytorch(device: &ComputeDevice) {
    let golden = &golden("forward_backward_first8.json")["float32"];
    let (inputs, targets) = batch();
    let mut model = model(device);

    let output = model
        .forward(&inputs, Some(&targets), &Mode::Evaluate)
        .unwrap();
    let wanted = floats(&golden["logits"]);
    for (i, (got, wanted)) in read(output.logits.clone()).iter().zip(&wanted).enumerate() {
        assert!(
            (f64::from(*got) - wanted).abs() < LOGITS,
            "logit {i}: {got}, PyTorch {wanted}"
        );
    }
    let loss = f64::from(read(output.loss.clone().unwrap())[0]);
    let wanted = golden["loss"].as_f64().unwrap();
    assert!(
        (loss - wanted).abs() < LOSS,
        "loss {loss}, PyTorch {wanted}"
    );

    model.backward(output);
    let norms = golden["grad_l2"].as_object().unwrap();
    assert_eq!(model.parameters.iter().count(), norms.len());
    for parameter in model.parameters.iter() {
        let gradient = model.parameters.gradient(parameter);
        let squares = read(gradient).into_iter().map(|x| f64::from(x).powi(2));
        let norm = squares.sum::<f64>().sqrt();
        let wanted = norms[&parameter.name].as_f64().unwrap();
        if parameter.name.ends_with("key.bias") {
            assert!(
                norm < KEY_BIAS_NORM,
                "{}: {norm} should be nearly 0",
                parameter.name
            );
        } else {
            let off = (norm - wanted).abs() / wanted;
            assert!(
                off < GRADIENT_NORM,
                "{}: {norm}, PyTorch {wanted}",
                parameter.name
            );
        }
    }
    assert_eq!(device.failure(), None);
}

#[test]
fn follows_pytorch_on_the_cpu() {
    follows_pytorch(&ComputeDevice::cpu("test"));
}

#[test]
fn follows_pytorch_on_a_software_renderer() {
    let device = pollster::block_on(open_device(DeviceChoice::SoftwareGpu));
    follows_pytorch(&device.unwrap());
}

/// The kernels that a GPU is given: run by every GPU, and by a software renderer.
#[test]
fn follows_pytorch_with_the_kernels_of_a_gpu() {
    // GPUs come first.
    for mut adapter in pollster::block_on(adapters()) {
        let renderer = adapter.kind == AdapterKind::Software;
        if renderer {
            adapter.kind = AdapterKind::Discrete;
        }
        follows_pytorch(&pollster::block_on(adapter.open("test")).unwrap());
        if renderer {
            return;
        }
    }
    panic!("no software renderer: run `cargo xtask test`");
}

//! Models on one batch each against PyTorch: logits, loss and gradients, number by number for whole
//! tensors, by their norms for the rest; on the CPU device and on a software renderer.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use serde_json::Value;
use support::{Distance, checkpoint, drawn_model, floats, golden, integers, largest, minilm};
use support::{
    norm, on_a_software_renderer, on_the_cpu, read, read_pieces, repository,
    with_the_kernels_of_a_gpu,
};
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{Inputs, Mode, Model, Targets};

/// PyTorch computed in f64 and we in f32. Each limit is three times the farthest that was measured, rounded:
/// another processor or renderer sums in another order. Behind it what was measured on the CPU and llvmpipe.
const LIMITS: [(&str, f64); 5] = [
    // 3.7e-7
    ("logit", 1e-6),
    // 7.1e-7, of a regression's loss of 9.7: half of f32's last bit there.
    ("loss", 2e-6),
    // 6.0e-6, relative to the largest number of the tensor: a word's row, which few tokens add to.
    ("gradient", 1.8e-5),
    // 1.1e-6, relative.
    ("gradient's norm", 3e-6),
    // 6.9e-8. A key bias's true gradient is zero: softmax doesn't see a shift of all scores of a row.
    ("key bias's gradient", 2e-7),
];

fn inputs(golden: &Value) -> (Inputs, Targets) {
    let batch = &golden["batch"];
    let inputs = Inputs {
        batch: batch["rows"].as_u64().unwrap() as usize,
        seq: batch["seq"].as_u64().unwrap() as usize,
        input_ids: integers(&batch["input_ids"]),
        token_type_ids: Some(integers(&batch["token_type_ids"])),
        lengths: integers(&batch["lengths"]),
        pad_left: batch["pad_left"].as_bool().unwrap(),
    };
    let labels = floats(&batch["labels"]);
    let targets = if floats(&golden["logits"]).len() == labels.len() {
        Targets::Values(labels.into_iter().map(|x| x as f32).collect())
    } else {
        Targets::Classes(integers(&batch["labels"]))
    };
    (inputs, targets)
}

fn compare(name: &str, golden: &Value, mut model: Model, far: &mut Distance) {
    let (inputs, targets) = inputs(golden);
    model.options.label_smoothing = golden["label_smoothing"].as_f64().unwrap() as f32;
    let output = model
        .forward(&inputs, Some(&targets), &Mode::Evaluate)
        .unwrap();
    let logits = read(output.logits.clone());
    far.note_all("logit", &logits, &floats(&golden["logits"]), 1.0, name);
    let loss = read(output.loss.clone().unwrap());
    far.note_all("loss", &loss, &floats(&golden["loss"]), 1.0, name);

    model.backward(output);
    let norms = golden["gradient_norms"].as_object();
    let whole = golden["gradients"].as_object().unwrap();
    let mut compared = 0;
    for parameter in model.parameters.iter() {
        let of = format!("{name}: {}", parameter.name);
        let gradient = read_pieces(model.parameters.gradient(parameter));
        if parameter.name.ends_with("key.bias") {
            far.note("key bias's gradient", norm(&gradient), || of);
            continue;
        }
        if let Some(norms) = norms {
            let wanted = norms[&parameter.name].as_f64().unwrap();
            let off = (norm(&gradient) - wanted).abs() / wanted;
            far.note("gradient's norm", off, || of.clone());
        }
        if let Some(wanted) = whole.get(&parameter.name) {
            let wanted = floats(wanted);
            far.note_all("gradient", &gradient, &wanted, largest(&wanted), &of);
            compared += 1;
        }
        if parameter.name.contains("word_embeddings")
            && let Some(rows) = golden["word_gradients"].as_object()
        {
            for (token, wanted) in rows {
                let wanted = floats(wanted);
                let start = token.parse::<usize>().unwrap() * wanted.len();
                let got = &gradient[start..start + wanted.len()];
                // That of padding is zero.
                let unit = largest(&wanted).max(f64::MIN_POSITIVE);
                far.note_all(
                    "gradient",
                    got,
                    &wanted,
                    unit,
                    &format!("{of} of token {token}"),
                );
            }
        }
    }
    // None of another name was told.
    let key_biases = whole.keys().filter(|name| name.ends_with("key.bias"));
    assert_eq!(compared + key_biases.count(), whole.len(), "{name}");
    assert!(compared > 0, "{name}");
    if let Some(norms) = norms {
        assert_eq!(model.parameters.iter().count(), norms.len());
    }
}

fn follows_pytorch(device: &ComputeDevice) {
    let golden = golden("models.json");
    let scale = golden["scale"].as_f64().unwrap() as f32;
    let mut far = Distance::default();
    for (name, case) in golden["checkpoints"].as_object().unwrap() {
        let dir = if name.starts_with("minilm") {
            minilm()
        } else {
            repository().join(name)
        };
        compare(name, case, checkpoint(&dir, device), &mut far);
    }
    for (name, case) in golden["drawn"].as_object().unwrap() {
        let model = drawn_model(&case["config"], scale, device);
        compare(name, case, model, &mut far);
    }
    far.within(&LIMITS, &format!("{} as {:?}", device.name, device.kind));
    assert_eq!(device.failure(), None);
}

#[test]
fn follows_pytorch_on_the_cpu() {
    on_the_cpu(follows_pytorch);
}

#[test]
fn follows_pytorch_on_a_software_renderer() {
    on_a_software_renderer(follows_pytorch);
}

#[test]
fn follows_pytorch_with_the_kernels_of_a_gpu() {
    with_the_kernels_of_a_gpu(follows_pytorch);
}

//! Only by `cargo xtask test --reference DIR`: MiniLM on the first eight MRPC rows against PyTorch: logits, loss and every gradient norm, on the
//! CPU device and on a software renderer.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::{
    Distance, checkpoint, floats, integers, minilm, norm, read, read_pieces, reference_golden,
};
use support::{on_a_software_renderer, on_the_cpu, with_the_kernels_of_a_gpu};
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{Inputs, Mode, Targets};

/// PyTorch computed in f32, which differs from its f64 by 2e-8 here; another order of summation by more.
const LIMITS: [(&str, f64); 4] = [
    ("logit", 1e-4),
    ("loss", 1e-4),
    // Relative.
    ("gradient's norm", 1e-3),
    // The true gradient is zero: softmax doesn't see a shift of all scores of a row.
    ("key bias's gradient", 1e-7),
];

fn batch() -> (Inputs, Targets) {
    let golden = reference_golden("collator_first8_train.json");
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

fn follows_pytorch(device: &ComputeDevice) {
    let golden = &reference_golden("forward_backward_first8.json")["float32"];
    let (inputs, targets) = batch();
    let mut model = checkpoint(&minilm(), device);
    let mut far = Distance::default();
    let output = model
        .forward(&inputs, Some(&targets), &Mode::Evaluate)
        .unwrap();
    let logits = read(output.logits.clone());
    far.note_all("logit", &logits, &floats(&golden["logits"]), 1.0, "logits");
    let loss = read(output.loss.clone().unwrap());
    far.note_all("loss", &loss, &floats(&golden["loss"]), 1.0, "loss");

    model.backward(output);
    let norms = golden["grad_l2"].as_object().unwrap();
    assert_eq!(model.parameters.iter().count(), norms.len());
    for parameter in model.parameters.iter() {
        let norm = norm(&read_pieces(model.parameters.gradient(parameter)));
        let of = || parameter.name.clone();
        if parameter.name.ends_with("key.bias") {
            far.note("key bias's gradient", norm, of);
        } else {
            let wanted = norms[&parameter.name].as_f64().unwrap();
            far.note("gradient's norm", (norm - wanted).abs() / wanted, of);
        }
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

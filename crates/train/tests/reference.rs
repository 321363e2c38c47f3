//! Only by `cargo xtask test --reference DIR`: ten AdamW steps of MiniLM on MRPC's first eighty rows against PyTorch: losses, gradient norms and
//! where the parameters end, with and without clipping.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../model/tests/support/mod.rs"]
mod golden;
mod support;

use golden::{Distance, checkpoint, floats, minilm, norm, read, reference, reference_golden};
use support::{device, pairs, steps_by_hand};
use tunesmith_data::Tokenizer;
use tunesmith_kernels::DeviceChoice;
use tunesmith_protocol::SchedulerType;
use tunesmith_train::{AdamW, get_scheduler};

const STEPS: usize = 10;

/// PyTorch computed in f32, and so did we, in another order of summation. Each limit is about three times
/// the farthest that was measured.
const LIMITS: [(&str, f64); 5] = [
    ("loss", 1e-4),
    // Relative.
    ("gradient norm", 1e-3),
    ("learning rate", 1e-19),
    // Relative.
    ("parameter's norm", 1e-5),
    // The true gradient is zero: AdamW makes steps of rounding noise there, at most the sum of the learning
    // rates for each of 384 numbers.
    ("key bias's norm", 2.75e-4 * 19.6),
];

fn follows_pytorch(choice: DeviceChoice, case: &str) {
    let device = device(choice);
    let golden = reference_golden("ten_steps_adamw.json");
    let case = &golden[case];
    let tokenizer = Tokenizer::from_file(minilm()).unwrap();
    let rows = pairs(&reference("mrpc/glue"), "mrpc", 8 * STEPS, &tokenizer);
    let mut model = checkpoint(&minilm(), &device);
    let clip = case["clip_max_norm"].as_f64().unwrap_or(0.0);
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, clip);
    let schedule = get_scheduler(SchedulerType::Linear, 5e-5, 0, STEPS as u64);
    let steps = steps_by_hand(
        &mut model,
        &mut optimizer,
        &schedule,
        &tokenizer,
        &rows,
        STEPS,
    );

    let mut far = Distance::default();
    let [rates, losses, norms, widths] = [
        &case["lr"],
        &case["losses"],
        &case["grad_norm_before_clip"],
        &golden["batch_widths"],
    ]
    .map(floats);
    for (step, told) in steps.iter().enumerate() {
        let at = || format!("step {step}");
        assert_eq!(told.width as f64, widths[step], "step {step}");
        far.note(
            "learning rate",
            (told.learning_rate - rates[step]).abs(),
            at,
        );
        far.note("loss", (told.loss - losses[step]).abs(), at);
        let off = (told.grad_norm - norms[step]).abs() / norms[step];
        far.note("gradient norm", off, at);
    }
    let wanted = case["param_l2_after_10_steps"].as_object().unwrap();
    assert_eq!(wanted.len(), model.parameters.iter().count());
    for parameter in model.parameters.iter() {
        let of = || parameter.name.clone();
        let wanted = wanted[&parameter.name].as_f64().unwrap();
        let off = (norm(&read(model.parameters.value(parameter))) - wanted).abs();
        if parameter.name.ends_with("key.bias") {
            far.note("key bias's norm", off, of);
        } else {
            far.note("parameter's norm", off / wanted, of);
        }
    }
    far.within(&LIMITS, &format!("MRPC on {}", device.name));
    assert_eq!(device.failure(), None);
}

#[test]
fn without_clipping_on_the_cpu() {
    follows_pytorch(DeviceChoice::Cpu, "no_clip");
}

#[test]
fn with_the_trainers_clipping_on_the_cpu() {
    follows_pytorch(DeviceChoice::Cpu, "clip_1.0");
}

#[test]
fn with_clipping_that_bites_on_the_cpu() {
    follows_pytorch(DeviceChoice::Cpu, "clip_0.3");
}

#[test]
fn with_clipping_that_bites_on_a_software_renderer() {
    follows_pytorch(DeviceChoice::SoftwareGpu, "clip_0.3");
}

//! Tiny models of every family and task against PyTorch: logits, loss, every gradient, and the losses of
//! five steps of AdamW; on the CPU device, on a software renderer, and with the kernels of a GPU.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../model/tests/support/mod.rs"]
mod golden;

use golden::{Distance, drawn, drawn_weights, floats, golden, integers, norm, read, read_pieces};
use golden::{on_a_software_renderer, on_the_cpu, with_the_kernels_of_a_gpu};
use serde_json::Value;
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{Frozen, Inputs, Mode, Model, ModelConfig, Targets, Task};
use tunesmith_train::AdamW;

/// PyTorch computed in f64 and we in f32.
const LIMITS: [(&str, f64); 5] = [
    ("logit", 1e-5),
    ("loss", 1e-5),
    // Relative to the gradient's norm, or to the largest norm of the model's where it is far smaller: a
    // gradient that cancels out is rounding noise.
    ("gradient's norm", 1e-4),
    ("gradient's product", 3e-4),
    ("loss of a step", 1e-4),
];

/// The same with halves, whose numbers have 11 bits.
const HALF_LIMITS: [(&str, f64); 5] = [
    ("logit", 2e-2),
    ("loss", 1e-2),
    ("gradient's norm", 3e-2),
    ("gradient's product", 6e-2),
    ("loss of a step", 2e-2),
];

/// What the loss's gradient is multiplied by with halves.
const LOSS_SCALE: f32 = 1024.0;

fn inputs(batch: &Value) -> Inputs {
    let types = batch.get("token_type_ids").map(integers);
    Inputs {
        batch: batch["rows"].as_u64().unwrap() as usize,
        seq: batch["seq"].as_u64().unwrap() as usize,
        input_ids: integers(&batch["input_ids"]),
        token_type_ids: types,
        lengths: integers(&batch["lengths"]),
        pad_left: batch["pad_left"].as_bool().unwrap(),
    }
}

fn task_of(name: &str) -> Task {
    let by_type = Task::ALL
        .into_iter()
        .find(|task| task.problem_type() == Some(name));
    by_type.unwrap_or(Task::Tokens)
}

fn targets(task: Task, labels: &Value) -> Targets {
    let values = floats(labels);
    let singles = || values.iter().map(|x| *x as f32).collect();
    match task {
        Task::SingleLabel => Targets::Classes(integers(labels)),
        Task::MultiLabel => Targets::Labels(singles()),
        Task::Regression => Targets::Values(singles()),
        Task::Tokens => Targets::Tokens(values.iter().map(|x| *x as i32).collect()),
    }
}

/// What products of fewer rows may differ by.
const LAST_BITS: f32 = 1e-5;

fn model(config: &Value, task: Task, scale: f32, device: &ComputeDevice) -> Model {
    let mut config = ModelConfig::from_json(&config.to_string()).unwrap();
    config.set_dropout(0.0).unwrap();
    let count = if task == Task::Regression { 1 } else { 3 };
    let names: Vec<String> = (0..count).map(|id| format!("LABEL_{id}")).collect();
    config.set_head(task, &names).unwrap();
    drawn_weights(Model::from_config(config, 0, device).unwrap(), scale)
}

fn compare(name: &str, inputs: &Inputs, golden: &Value, mut model: Model, far: &mut Distance) {
    let targets = targets(model.task(), &golden["labels"]);
    let scale = if model.options.fp16 { LOSS_SCALE } else { 1.0 };
    let inferred = model.infer(inputs, Some(&targets)).unwrap();
    let each = model.infer_each(&[inputs.clone(), inputs.clone()]).unwrap();
    let output = model
        .forward_scaled(inputs, Some(&targets), &Mode::Evaluate, scale)
        .unwrap();
    let logits = read(output.logits.clone());
    let mut wanted = floats(&golden["logits"]);
    if model.is_over_tokens() {
        let tokens: Vec<&[f64]> = wanted.chunks(model.config.num_labels()).collect();
        wanted = inputs.without_padding(&tokens).concat();
    }
    assert_eq!(logits.len(), wanted.len(), "{name}");
    for (place, (got, wanted)) in logits.iter().zip(&wanted).enumerate() {
        let off = (f64::from(*got) - wanted).abs();
        far.note("logit", off, || {
            format!("{name}, number {place}: {got}, PyTorch {wanted}")
        });
    }
    let loss = read(output.loss.clone().unwrap());
    far.note_all("loss", &loss, &floats(&golden["loss"]), 1.0, name);
    assert_eq!(read(inferred.loss.unwrap()), loss, "{name}");
    assert_eq!(read(inferred.logits), logits, "{name}");
    let [first, second] = [0, 1].map(|batch| read(each[batch].clone()));
    assert_eq!(first, second, "{name}");
    assert_eq!(first.len(), logits.len(), "{name}");
    for (got, wanted) in first.iter().zip(&logits) {
        assert!(
            (got - wanted).abs() <= LAST_BITS * wanted.abs().max(1.0),
            "{name}: {got}, {wanted}"
        );
    }

    model.backward(output);
    let gradients = golden["gradients"].as_object().unwrap();
    assert_eq!(model.parameters.iter().count(), gradients.len(), "{name}");
    let norms = || gradients.values().map(|one| one[0].as_f64().unwrap());
    let most = norms().fold(0.0, f64::max);
    for parameter in model.parameters.iter() {
        let of = format!("{name}: {}", parameter.name);
        let told = gradients.get(&parameter.name);
        let told = told.unwrap_or_else(|| panic!("{of} is none of PyTorch's"));
        let [wanted_norm, wanted_product] = [0, 1].map(|place| told[place].as_f64().unwrap());
        let mut gradient = read_pieces(model.parameters.gradient(parameter));
        gradient.iter_mut().for_each(|number| *number /= scale);
        let noise = if model.options.fp16 { 1e-2 } else { 1e-3 };
        let unit = wanted_norm.max(noise * most);
        let got = norm(&gradient);
        far.note("gradient's norm", (got - wanted_norm).abs() / unit, || {
            format!("{of}: {got}, PyTorch {wanted_norm}")
        });
        let weights = drawn(&format!("{} gradient", parameter.name), parameter.count());
        let products = gradient.iter().zip(weights);
        let product: f64 = products.map(|(x, w)| f64::from(*x) * f64::from(w)).sum();
        far.note(
            "gradient's product",
            (product - wanted_product).abs() / unit,
            || format!("{of}: {product}, PyTorch {wanted_product}"),
        );
    }
    model.zero_grad();

    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
    for (step, wanted) in floats(&golden["losses"]).into_iter().enumerate() {
        let output = model
            .forward_scaled(inputs, Some(&targets), &Mode::Evaluate, scale)
            .unwrap();
        let loss = output.loss.clone().unwrap();
        model.backward(output);
        let norm = optimizer.norm(&mut model, scale);
        optimizer.step_with(&mut model, 1e-3, &norm);
        let got = f64::from(read(loss)[0]);
        far.note("loss of a step", (got - wanted).abs(), || {
            format!("{name}, step {step}: {got}, PyTorch {wanted}")
        });
    }
}

fn follows_pytorch(device: &ComputeDevice) {
    follows_pytorch_within(&LIMITS, false, device);
}

fn follows_pytorch_with_halves(device: &ComputeDevice) {
    follows_pytorch_within(&HALF_LIMITS, true, device);
}

fn follows_pytorch_within(limits: &[(&str, f64)], fp16: bool, device: &ComputeDevice) {
    let golden = golden("families.json");
    let scale = golden["scale"].as_f64().unwrap() as f32;
    let mut far = Distance::default();
    for (name, case) in golden["cases"].as_object().unwrap() {
        let inputs = inputs(&case["batch"]);
        for (task, golden) in case["tasks"].as_object().unwrap() {
            let mut model = model(&case["config"], task_of(task), scale, device);
            model.options.fp16 = fp16;
            compare(&format!("{name}, {task}"), &inputs, golden, model, &mut far);
        }
    }
    far.within(limits, &format!("{} as {:?}", device.name, device.kind));
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

#[test]
fn follows_pytorch_with_halves_on_the_cpu() {
    on_the_cpu(follows_pytorch_with_halves);
}

#[test]
fn follows_pytorch_with_halves_on_a_software_renderer() {
    on_a_software_renderer(follows_pytorch_with_halves);
}

#[test]
fn follows_pytorch_with_halves_and_the_kernels_of_a_gpu() {
    with_the_kernels_of_a_gpu(follows_pytorch_with_halves);
}

/// Every gradient of one pass by its name.
fn gradients(model: &mut Model, inputs: &Inputs, targets: &Targets) -> Vec<(String, Vec<f32>)> {
    let scale = if model.options.fp16 { LOSS_SCALE } else { 1.0 };
    let output = model
        .forward_scaled(inputs, Some(targets), &Mode::Evaluate, scale)
        .unwrap();
    model.backward(output);
    let parameters = &model.parameters;
    let all = parameters.trained().map(|one| {
        let gradient = read_pieces(parameters.gradient(one));
        (one.name.clone(), gradient)
    });
    all.collect()
}

fn frozen(embeddings: bool, encoder: bool, layers: impl IntoIterator<Item = usize>) -> Frozen {
    Frozen {
        embeddings,
        layers: layers.into_iter().collect(),
        encoder,
    }
}

/// Alone, with `gradient_checkpointing`, and with halves too.
fn freezing_changes_no_gradient(device: &ComputeDevice) {
    freezing_changes_no_gradient_of(
        device,
        &[(false, false), (true, false), (true, true)],
        usize::MAX,
    );
}

/// On a renderer, which takes its time, one task of each family.
fn freezing_changes_no_gradient_there(device: &ComputeDevice) {
    freezing_changes_no_gradient_of(device, &[(false, false)], 1);
}

/// What is trained has the same gradient, bit for bit, whatever else is frozen, and what is frozen has none.
/// `modes`: whether layers are computed again, and whether activations are halves.
fn freezing_changes_no_gradient_of(device: &ComputeDevice, modes: &[(bool, bool)], tasks: usize) {
    let golden = golden("families.json");
    let scale = golden["scale"].as_f64().unwrap() as f32;
    for (name, case) in golden["cases"].as_object().unwrap() {
        let inputs = inputs(&case["batch"]);
        for (task, golden) in case["tasks"].as_object().unwrap().iter().take(tasks) {
            let targets = targets(task_of(task), &golden["labels"]);
            let new = || model(&case["config"], task_of(task), scale, device);
            let layers = new().config.spec().layers.len();
            let head = new().config.spec().head_names();
            let shares_layers = name.contains("albert");
            for &(gradient_checkpointing, fp16) in modes {
                let mut whole = new();
                whole.options.fp16 = fp16;
                let wanted = gradients(&mut whole, &inputs, &targets);
                let all = wanted.len();
                assert_eq!(all, whole.parameters.iter().count());
                let chosen = [
                    (frozen(true, false, []), true),
                    (frozen(false, false, [0]), !shares_layers),
                    (frozen(false, false, [layers - 1]), !shares_layers),
                    (frozen(true, false, 0..layers - 1), !shares_layers),
                    (frozen(true, false, 0..layers), true),
                    (frozen(false, true, []), true),
                ];
                for (frozen, _) in chosen.iter().filter(|(_, is_possible)| *is_possible) {
                    let of = format!("{name}, {task}, {frozen:?}, halves: {fp16}");
                    let mut part = new();
                    part.options.fp16 = fp16;
                    part.options.gradient_checkpointing = gradient_checkpointing;
                    part.freeze(frozen).unwrap();
                    let found = gradients(&mut part, &inputs, &targets);
                    assert!(found.len() < all, "{of}");
                    if frozen.encoder {
                        assert!(found.iter().all(|(name, _)| head.contains(name)), "{of}");
                    }
                    for (name, gradient) in &found {
                        let (_, wanted) = wanted.iter().find(|(one, _)| one == name).unwrap();
                        assert!(gradient == wanted, "{of}: {name}");
                    }
                    for parameter in part.parameters.iter().filter(|one| one.is_frozen) {
                        let value = read_pieces(part.parameters.value(parameter));
                        let was = whole.parameters.get(&parameter.name).unwrap();
                        assert!(value == read_pieces(whole.parameters.value(was)), "{of}");
                    }
                    let (_, gradients) = part.parameters.values_and_gradients();
                    let room = gradients.count();
                    let needed = part.parameters.trained().map(|one| one.count());
                    // Each tensor is padded to 64 floats.
                    let most: usize = needed.map(|count| count.next_multiple_of(64)).sum();
                    assert!(room <= most, "{of}: {room} and {most}");
                }
            }
        }
    }
    assert_eq!(device.failure(), None);
}

#[test]
fn freezing_changes_no_gradient_on_the_cpu() {
    on_the_cpu(freezing_changes_no_gradient);
}

#[test]
fn freezing_changes_no_gradient_on_a_software_renderer() {
    on_a_software_renderer(freezing_changes_no_gradient_there);
}

#[test]
fn freezing_changes_no_gradient_with_the_kernels_of_a_gpu() {
    with_the_kernels_of_a_gpu(freezing_changes_no_gradient_there);
}

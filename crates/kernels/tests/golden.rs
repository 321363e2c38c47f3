//! Every op against PyTorch, outputs and gradients number by number: the plain twins on the CPU device,
//! and the WGSL on a software renderer. Goldens: `tests/goldens/generate/ops.py`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use serde_json::Value;
use tunesmith_kernels::{
    Activation, AdamWHyper, AdamWState, Attention, BlockLayout, Blocks, ClassLoss, ComputeDevice,
    DeviceChoice, Dropout, EmbeddingTables, Packing, Pooling, PositionBias, Slot, Update, View,
    activate, activate_backward, adamw, attention, attention_backward, bce_with_logits,
    cross_entropy, embedding, gated, gated_backward, gradient_norm, indices, layer_norm,
    layer_norm_backward, layer_norm_backward_parameters, linear, linear_backward_input_new,
    linear_backward_parameters, mse, open_device, pool, pool_backward, rope, scatter_add, windows,
    windows_backward,
};

/// Relative to the largest number of the tensor. PyTorch computed in f64; 5.4e-7 is the most that was
/// measured (cross-entropy on llvmpipe; 2.8e-7 on the CPU), and other processors' `exp` differs in a bit.
const TOLERANCE: f64 = 1.6e-6;

const ACTIVATIONS: [(&str, Activation); 5] = [
    ("gelu", Activation::Gelu),
    ("gelu_tanh", Activation::GeluTanh),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("tanh", Activation::Tanh),
];

/// One case of an op, on a device.
struct Case<'a> {
    golden: &'a Value,
    name: String,
    device: &'a Device,
}

fn floats(value: &Value) -> Vec<f32> {
    let values = value.as_array().unwrap().iter();
    values.map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Below zero as `indices` takes them.
fn integers(value: &Value) -> Vec<u32> {
    let values = value.as_array().unwrap().iter();
    values.map(|x| x.as_i64().unwrap() as u32).collect()
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = pollster::block_on(tensor.into_data_async()).unwrap();
    data.try_to_vec::<f32>().unwrap()
}

impl Case<'_> {
    fn float(&self, name: &str) -> f64 {
        self.golden[name].as_f64().unwrap()
    }

    fn int(&self, name: &str) -> usize {
        self.golden[name].as_u64().unwrap() as usize
    }

    fn flag(&self, name: &str) -> bool {
        self.golden[name].as_bool().unwrap()
    }

    fn indices(&self, name: &str) -> Tensor<1, Int> {
        indices(&integers(&self.golden[name]), self.device)
    }

    fn has(&self, input: &str) -> bool {
        self.golden["inputs"][input].is_object()
    }

    /// A number that may be absent.
    fn place(&self, name: &str) -> Option<usize> {
        self.golden[name].as_u64().map(|n| n as usize)
    }

    fn attention(&self) -> Attention {
        let head_dim = self.int("head_dim");
        let standard = 1.0 / (head_dim as f64).sqrt();
        Attention {
            heads: self.int("heads"),
            head_dim,
            window: self.place("window"),
            scale: self.golden["scale"].as_f64().unwrap_or(standard) as f32,
            dropout: Dropout::NONE,
        }
    }

    /// Padding on the left stays.
    fn packing(&self) -> Packing {
        let (lengths, seq) = (integers(&self.golden["lengths"]), self.int("seq") as u32);
        if self.flag("pad_left") {
            let padding: Vec<u32> = lengths.iter().map(|length| seq - length).collect();
            return Packing::with_padding(&vec![seq; lengths.len()], &padding, self.device);
        }
        Packing::new(&lengths, self.device)
    }

    /// Of values of padded sequences those that our kernels are given, where PyTorch is given all.
    fn without_padding(&self, values: &[f32]) -> Vec<f32> {
        if self.flag("pad_left") {
            return values.to_vec();
        }
        let (lengths, seq) = (integers(&self.golden["lengths"]), self.int("seq"));
        let width = values.len() / lengths.len() / seq;
        let rows = values.chunks(seq * width).zip(lengths);
        rows.flat_map(|(row, length)| row[..length as usize * width].to_vec())
            .collect()
    }

    /// An input over padded sequences, `[tokens, …]`.
    fn tokens(&self, name: &str) -> Tensor<2> {
        let values = self.without_padding(&self.input(name));
        let tokens = self.packing().tokens;
        let shape = [tokens, values.len() / tokens];
        Tensor::from_data(TensorData::new(values, shape), self.device)
    }

    fn input(&self, name: &str) -> Vec<f32> {
        floats(&self.golden["inputs"][name]["values"])
    }

    fn tensor<const D: usize>(&self, name: &str) -> Tensor<D> {
        let shape: Vec<usize> = integers(&self.golden["inputs"][name]["shape"])
            .into_iter()
            .map(|n| n as usize)
            .collect();
        Tensor::from_data(TensorData::new(self.input(name), shape), self.device)
    }

    fn view(&self, name: &str) -> View {
        self.view_of(self.input(name))
    }

    fn view_of(&self, values: Vec<f32>) -> View {
        let shape = [values.len()];
        View::from(&Tensor::<1>::from_data(
            TensorData::new(values, shape),
            self.device,
        ))
    }

    /// Gradients of zero for inputs of these names together, one slot each.
    fn gradients(&self, names: &[&[&str]]) -> (Blocks, Vec<Slot>) {
        let count = |names: &[&str]| names.iter().map(|name| self.input(name).len()).sum();
        let tensors: Vec<_> = names
            .iter()
            .map(|names| (count(names), Update::Decayed))
            .collect();
        let (layout, slots) = BlockLayout::new(&tensors, None);
        (Blocks::zeros(&layout, self.device), slots)
    }

    fn is(&self, output: &str, got: &[f32]) {
        let wanted = floats(&self.golden["outputs"][output]["values"]);
        self.same(output, got, &wanted);
    }

    /// The same of an output over padded sequences.
    fn is_of_tokens(&self, output: &str, got: &[f32]) {
        let wanted = floats(&self.golden["outputs"][output]["values"]);
        self.same(output, got, &self.without_padding(&wanted));
    }

    fn same(&self, output: &str, got: &[f32], wanted: &[f32]) {
        assert_eq!(got.len(), wanted.len(), "{}: {output}", self.name);
        let largest = wanted.iter().fold(0.0_f32, |most, x| x.abs().max(most));
        let mut farthest = 0.0_f64;
        for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
            let off = f64::from((got - wanted).abs()) / f64::from(largest);
            assert!(
                off <= TOLERANCE,
                "{}: {output}, element {i}: {got}, PyTorch {wanted}, {off:e} of the largest",
                self.name
            );
            farthest = farthest.max(off);
        }
        println!("{}: {output} {farthest:.1e}", self.name);
    }
}

/// Runs each case of an op on the CPU and on a software renderer.
fn each(op: &str, run: impl Fn(&Case)) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/ops.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = golden[op].as_array().unwrap();
    assert!(!cases.is_empty());
    let renderer = pollster::block_on(open_device(DeviceChoice::SoftwareGpu)).unwrap();
    for device in [ComputeDevice::cpu("test"), renderer] {
        for (number, golden) in cases.iter().enumerate() {
            run(&Case {
                golden,
                name: format!("{op} {number} on {}", device.name),
                device: &device.device,
            });
        }
        assert_eq!(device.failure(), None);
    }
}

#[test]
fn linear_layers() {
    each("linear", |case| {
        // PyTorch's read one row in so many, as a head reads the first token of every sequence.
        let (x, dy): (Tensor<2>, _) = (case.tensor("x"), case.tensor("dy"));
        let every = case.int("every");
        let rows = x.dims()[0] / every;
        let firsts = Packing::new(&vec![every as u32; rows], case.device);
        let x = pool(&x, &firsts, Pooling::First);
        let weight = case.view("weight");
        let has_bias = case.has("bias");
        let bias = has_bias.then(|| case.view("bias"));
        case.is("y", &read(linear(&x, &weight, bias.as_ref())));
        let dx = linear_backward_input_new(&dy, &weight);
        case.is("dx", &read(pool_backward(&dx, &firsts, Pooling::First)));
        let names: &[&[&str]] = if has_bias {
            &[&["weight"], &["bias"]]
        } else {
            &[&["weight"]]
        };
        let (mut gradients, slots) = case.gradients(names);
        let bias = slots.get(1).copied();
        linear_backward_parameters(&dy, &x, &mut gradients, slots[0], bias);
        case.is("dweight", &read(gradients.tensor(slots[0])));
        if let Some(bias) = bias {
            case.is("dbias", &read(gradients.tensor(bias)));
        }
    });
}

#[test]
fn activations() {
    for (op, kind) in ACTIVATIONS {
        each(op, |case| {
            let (x, dy) = (case.tensor("x"), case.tensor("dy"));
            case.is("y", &read(activate(kind, &x)));
            case.is("dx", &read(activate_backward(kind, &x, &dy)));
        });
        each(&format!("gated_{op}"), |case| {
            let (x, dy) = (case.tensor("x"), case.tensor("dy"));
            case.is("y", &read(gated(kind, &x)));
            case.is("dx", &read(gated_backward(kind, &x, &dy)));
        });
    }
}

#[test]
fn layer_norms() {
    each("layer_norm", |case| {
        let (x, dy) = (case.tensor("x"), case.tensor("dy"));
        let residual = case.has("residual").then(|| case.tensor("residual"));
        let parts: &[&str] = if case.has("beta") {
            &["gamma", "beta"]
        } else {
            &["gamma"]
        };
        let values: Vec<_> = parts.iter().map(|name| case.input(name)).collect();
        let affine = case.view_of(values.concat());
        let epsilon = case.float("epsilon") as f32;
        let (y, saved) = layer_norm(&x, residual.as_ref(), &affine, epsilon, &Dropout::NONE);
        case.is("y", &read(y));
        let (dresidual, dx) = layer_norm_backward(&dy, &saved, &affine, None, &Dropout::NONE);
        case.is("dx", &read(dx));
        // Without dropout both parts of the sum have one gradient.
        case.is("dx", &read(dresidual));
        let (mut gradients, slots) = case.gradients(&[parts]);
        layer_norm_backward_parameters(&dy, &saved, &mut gradients, slots[0]);
        let daffine = read(gradients.tensor(slots[0]));
        let parts = parts.iter().zip(daffine.chunks(case.input("gamma").len()));
        for (name, got) in parts {
            case.is(&format!("d{name}"), got);
        }
    });
}

fn attentions(op: &str) {
    each(op, |case| {
        let shape = case.attention();
        let table = case.has("table").then(|| case.view("table"));
        let name = if table.is_some() { "table" } else { "qkv" };
        let (mut gradients, slots) = case.gradients(&[&[name]]);
        let positions = case.has("positions").then(|| case.tensor("positions"));
        let index = case.golden["index"]
            .is_array()
            .then(|| case.indices("index"));
        let bias = match (&table, &positions, &index) {
            (Some(table), _, Some(index)) => PositionBias::Relative {
                table,
                slot: slots[0],
                index,
            },
            (_, Some(positions), Some(index)) => PositionBias::Disentangled {
                positions,
                queries: case.place("queries"),
                keys: case.place("keys"),
                index,
            },
            _ => PositionBias::None,
        };
        let (qkv, dcontext) = (case.tokens("qkv"), case.tokens("dcontext"));
        let packing = case.packing();
        let (context, saved) = attention(&shape, &qkv, &packing, &bias);
        case.is_of_tokens("context", &read(context));
        let over = (&qkv, &packing);
        let (dqkv, dpositions) =
            attention_backward(&shape, over, &saved, &dcontext, &bias, &mut gradients);
        case.is_of_tokens("dqkv", &read(dqkv));
        if let Some(dpositions) = dpositions {
            case.is("dpositions", &read(dpositions));
        }
        if table.is_some() {
            case.is("dtable", &read(gradients.tensor(slots[0])));
        }
    });
}

#[test]
fn attention_over_padded_rows() {
    attentions("attention");
}

/// The values are unit vectors, so that the context is the masked softmax itself.
#[test]
fn a_masked_softmax() {
    attentions("softmax");
}

#[test]
fn attention_within_a_window() {
    attentions("windowed");
}

#[test]
fn attention_with_a_table_of_distances() {
    attentions("relative");
}

#[test]
fn attention_disentangled_from_positions() {
    attentions("disentangled");
}

#[test]
fn rotary_positions() {
    each("rope", |case| {
        let (seq, head_dim) = (case.int("seq"), case.int("head_dim"));
        let packing = Packing::new(&[seq as u32; 2], case.device);
        let shape = Attention {
            heads: case.int("heads"),
            head_dim,
            window: None,
            scale: 1.0,
            dropout: Dropout::NONE,
        };
        let [qkv, dy, table] = ["qkv", "dy", "table"].map(|name| case.tensor(name));
        case.is("y", &read(rope(&shape, &qkv, &packing, &table, false)));
        case.is("dqkv", &read(rope(&shape, &dy, &packing, &table, true)));
    });
}

#[test]
fn means_over_tokens() {
    each("mean_pool", |case| {
        let packing = case.packing();
        let (x, dy) = (case.tokens("x"), case.tensor("dy"));
        case.is("y", &read(pool(&x, &packing, Pooling::Mean)));
        let dx = pool_backward(&dy, &packing, Pooling::Mean);
        case.is_of_tokens("dx", &read(dx));
    });
}

#[test]
fn convolutions() {
    each("convolution", |case| {
        let (packing, kernel) = (case.packing(), case.int("kernel"));
        let (x, dy, weight) = (case.tokens("x"), case.tokens("dy"), case.view("weight"));
        let shown = windows(&x, kernel, &packing);
        case.is_of_tokens("y", &read(linear(&shown, &weight, None)));
        let dshown = linear_backward_input_new(&dy, &weight);
        let dx = windows_backward(&dshown, kernel, &packing);
        case.is_of_tokens("dx", &read(dx));
        let (mut gradients, slots) = case.gradients(&[&["weight"]]);
        linear_backward_parameters(&dy, &shown, &mut gradients, slots[0], None);
        case.is("dweight", &read(gradients.tensor(slots[0])));
    });
}

#[test]
fn cross_entropies_with_smoothing_weights_and_focus() {
    each("cross_entropy", |case| {
        let labels = indices(&integers(&case.golden["labels"]), case.device);
        let [smoothing, gamma, scale] =
            ["smoothing", "gamma", "scale"].map(|name| case.float(name) as f32);
        let weights: Vec<f32> = case.golden["weights"]
            .as_array()
            .unwrap()
            .iter()
            .map(|weight| weight.as_f64().unwrap() as f32)
            .collect();
        let options = ClassLoss {
            smoothing,
            weights: (!weights.is_empty()).then_some(&weights),
            gamma,
        };
        let (loss, dlogits) = cross_entropy(&case.tensor("logits"), &labels, &options, scale);
        case.is("loss", &read(loss));
        case.is("dlogits", &read(dlogits));
    });
}

#[test]
fn binary_cross_entropies() {
    each("bce_with_logits", |case| {
        let (logits, targets) = (case.tensor("logits"), case.tensor("targets"));
        let (loss, dlogits) = bce_with_logits(&logits, &targets, case.float("scale") as f32);
        case.is("loss", &read(loss));
        case.is("dlogits", &read(dlogits));
    });
}

#[test]
fn mean_squared_errors() {
    each("mse", |case| {
        let scale = case.float("scale") as f32;
        let (loss, dlogits) = mse(&case.tensor("logits"), &case.tensor("targets"), scale);
        case.is("loss", &read(loss));
        case.is("dlogits", &read(dlogits));
    });
}

#[test]
fn embeddings_and_their_gradients() {
    each("embedding", |case| {
        let [ids, types] = ["ids", "types"].map(|name| integers(&case.golden[name]));
        let seq = case.int("seq");
        let positions: Vec<u32> = (0..ids.len()).map(|row| (row % seq) as u32).collect();
        let [ids, types, positions] =
            [ids, types, positions].map(|values| indices(&values, case.device));
        let tables = ["word", "position", "token_type"];
        let views = tables.map(|name| case.view(name));
        let looked_up = EmbeddingTables {
            word: &views[..1],
            position: Some(&views[1]),
            token_type: Some(&views[2]),
        };
        let dy: Tensor<2> = case.tensor("dy");
        let [_, cols] = dy.dims();
        case.is(
            "y",
            &read(embedding(&looked_up, cols, &ids, &positions, &types)),
        );
        let (mut gradients, slots) = case.gradients(&tables.each_ref().map(std::slice::from_ref));
        let padding = Some(case.int("padding_idx") as u32);
        for ((slot, index), skip) in slots
            .iter()
            .zip([&ids, &positions, &types])
            .zip([padding, None, None])
        {
            scatter_add(&dy, index, skip, &mut gradients, (&[*slot], true));
        }
        for (table, slot) in tables.iter().zip(&slots) {
            case.is(&format!("d{table}"), &read(gradients.tensor(*slot)));
        }
    });
}

#[test]
fn steps_of_adamw_with_decay_and_clipping() {
    each("adamw", |case| {
        let tensors = [("decayed", Update::Decayed), ("kept", Update::Undecayed)];
        let layout = tensors.map(|(name, update)| (case.input(name).len(), update));
        let (layout, slots) = BlockLayout::new(&layout, None);
        let [mut values, mut gradients, mut exp_avg, mut exp_avg_sq] =
            [(); 4].map(|()| Blocks::zeros(&layout, case.device));
        for ((name, _), slot) in tensors.iter().zip(&slots) {
            values.write(*slot, &case.input(name), case.device);
        }
        let norms = floats(&case.golden["norms"]);
        for (step, rate) in case.golden["rates"].as_array().unwrap().iter().enumerate() {
            for ((name, _), slot) in tensors.iter().zip(&slots) {
                let gradient = case.input(&format!("d{name} {step}"));
                gradients.write(*slot, &gradient, case.device);
            }
            let norm = gradient_norm(&gradients, case.float("max_norm") as f32, case.device);
            let off = (read(norm.values())[0] - norms[step]).abs() / norms[step];
            assert!(
                f64::from(off) <= TOLERANCE,
                "{}, norm {step}: {off}",
                case.name
            );
            let hyper = AdamWHyper::new(
                rate.as_f64().unwrap(),
                [0.9, 0.999],
                1e-8,
                step as u32 + 1,
                case.device,
            );
            let state = AdamWState {
                values: &mut values,
                gradients: &mut gradients,
                exp_avg: &mut exp_avg,
                exp_avg_sq: &mut exp_avg_sq,
            };
            adamw(&hyper, &norm, case.float("weight_decay") as f32, state);
            for ((name, _), slot) in tensors.iter().zip(&slots) {
                case.is(&format!("{name} {step}"), &read(values.tensor(*slot)));
                case.is(
                    &format!("exp_avg {name} {step}"),
                    &read(exp_avg.tensor(*slot)),
                );
                case.is(
                    &format!("exp_avg_sq {name} {step}"),
                    &read(exp_avg_sq.tensor(*slot)),
                );
            }
        }
    });
}

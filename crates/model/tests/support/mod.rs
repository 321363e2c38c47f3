//! Goldens of `tests/goldens`, and the models that their scripts make: a checkpoint with a head of its
//! own, or a tiny BERT with weights drawn from its parameters' names.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};

use burn::tensor::Tensor;
use serde_json::Value;
use tunesmith_kernels::{AdapterKind, ComputeDevice, DeviceChoice, adapters, open_device};
use tunesmith_model::{AutoConfig, Model, ModelConfig};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of `tests/goldens`; `cargo xtask goldens` writes it.
pub fn golden(name: &str) -> Value {
    let path = repository().join("tests/goldens").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// A file or folder of the data that isn't in the repository.
pub fn reference(path: &str) -> PathBuf {
    let root = std::env::var_os("TUNESMITH_REFERENCE").map(PathBuf::from);
    let path = root.unwrap_or_default().join(path);
    assert!(
        path.exists(),
        "{} is missing; TUNESMITH_REFERENCE names no folder with the reference data: \
         `cargo xtask test --reference DIR` sets it",
        path.display()
    );
    path
}

/// A golden of the data that isn't in the repository.
pub fn reference_golden(name: &str) -> Value {
    let text = std::fs::read_to_string(reference("golden").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub fn on_the_cpu(check: impl Fn(&ComputeDevice)) {
    check(&ComputeDevice::cpu("test"));
}

pub fn on_a_software_renderer(check: impl Fn(&ComputeDevice)) {
    let device = pollster::block_on(open_device(DeviceChoice::SoftwareGpu));
    check(&device.unwrap());
}

/// With the kernels that a GPU is given: on every GPU, and on a software renderer taken for one.
pub fn with_the_kernels_of_a_gpu(check: impl Fn(&ComputeDevice)) {
    // GPUs come first.
    for mut adapter in pollster::block_on(adapters()) {
        let renderer = adapter.kind == AdapterKind::Software;
        if renderer {
            adapter.kind = AdapterKind::Discrete;
        }
        check(&pollster::block_on(adapter.open("test")).unwrap());
        if renderer {
            return;
        }
    }
    panic!("no software renderer: run `cargo xtask test`");
}

/// The tests' checkpoint, which `cargo xtask test` fetches.
pub fn minilm() -> PathBuf {
    std::env::var_os("TUNESMITH_MINILM").map_or_else(
        || {
            PathBuf::from(std::env::var_os("HOME").unwrap())
                .join(".cache/tunesmith/models/all-MiniLM-L6-v2")
        },
        PathBuf::from,
    )
}

/// All numbers of a list, or of lists in it.
pub fn floats(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(floats).collect(),
        value => vec![
            value
                .as_f64()
                .unwrap_or_else(|| panic!("{value} is no number")),
        ],
    }
}

pub fn integers(value: &Value) -> Vec<u32> {
    floats(value).into_iter().map(|x| x as u32).collect()
}

pub fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    pollster::block_on(tensor.into_data_async())
        .unwrap()
        .try_to_vec()
        .unwrap()
}

/// A parameter's values or gradient, whose pieces lie one after the other.
pub fn read_pieces(pieces: Vec<Tensor<1>>) -> Vec<f32> {
    pieces.into_iter().flat_map(read).collect()
}

/// The L2 norm.
pub fn norm(values: &[f32]) -> f64 {
    let squares = values.iter().map(|x| f64::from(*x).powi(2));
    squares.sum::<f64>().sqrt()
}

/// A checkpoint with the numbers in its head that the scripts give it.
pub fn checkpoint(dir: &Path, device: &ComputeDevice) -> Model {
    let config = AutoConfig::from_pretrained(dir)
        .unwrap_or_else(|error| panic!("{error}; `cargo xtask test` fetches the model"));
    let (mut model, report) = Model::from_pretrained(dir, config, 42, device).unwrap();
    assert_eq!(
        report.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    assert!(report.unused.is_empty(), "{:?}", report.unused);
    let weight = model.parameters.get("classifier.weight").unwrap().clone();
    let head: Vec<f32> = (0..weight.count())
        .map(|i| (0.02 * f64::sin(1.0 + i as f64)) as f32)
        .collect();
    model.parameters.set(&weight, &head);
    model
}

/// A tiny BERT without dropout of this configuration, with weights of `generate/drawn.py`.
pub fn drawn_model(config: &Value, scale: f32, device: &ComputeDevice) -> Model {
    let mut config = ModelConfig::from_json(&config.to_string()).unwrap();
    config.set_dropout(0.0).unwrap();
    drawn_weights(Model::from_config(config, 0, device).unwrap(), scale)
}

/// The model with weights of `generate/drawn.py`.
pub fn drawn_weights(mut model: Model, scale: f32) -> Model {
    let parameters: Vec<_> = model.parameters.iter().cloned().collect();
    for parameter in parameters {
        let mut values = drawn(&parameter.name, parameter.count());
        for value in &mut values {
            *value = if parameter.name.to_lowercase().ends_with("norm.weight") {
                1.0 + 0.2 * *value
            } else if parameter.name.ends_with("bias") {
                0.1 * *value
            } else {
                scale * *value
            };
        }
        model.parameters.set(&parameter, &values);
    }
    model
}

/// `drawn` of `generate/drawn.py`: FNV-1a of the name and the place, mixed as MurmurHash3 ends.
pub fn drawn(name: &str, count: usize) -> Vec<f32> {
    let seed = name.bytes().fold(0x811C_9DC5_u32, |seed, byte| {
        (seed ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (0..count as u32)
        .map(|i| {
            let h = i.wrapping_mul(0x9E37_79B1).wrapping_add(seed);
            let h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
            let h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
            let h = h ^ (h >> 16);
            (h >> 8) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// How far values are from those wanted, kept by what they are of; a limit holds for the farthest.
#[derive(Default)]
pub struct Distance {
    farthest: Vec<(&'static str, f64, String)>,
}

impl Distance {
    /// Notes a distance. One that isn't a number is infinitely far.
    pub fn note(&mut self, kind: &'static str, distance: f64, place: impl FnOnce() -> String) {
        let distance = if distance.is_nan() {
            f64::INFINITY
        } else {
            distance
        };
        match self.farthest.iter_mut().find(|(known, ..)| *known == kind) {
            Some(known) if known.1 >= distance => {}
            Some(known) => *known = (kind, distance, place()),
            None => self.farthest.push((kind, distance, place())),
        }
    }

    /// Notes two lists, each number's distance divided by `unit`.
    pub fn note_all(
        &mut self,
        kind: &'static str,
        got: &[f32],
        wanted: &[f64],
        unit: f64,
        of: &str,
    ) {
        assert_eq!(got.len(), wanted.len(), "{of}");
        for (i, (got, wanted)) in got.iter().zip(wanted).enumerate() {
            let distance = (f64::from(*got) - wanted).abs() / unit;
            self.note(kind, distance, || {
                format!("{of}, element {i}: {got}, PyTorch {wanted}")
            });
        }
    }

    /// Fails where a kind is farther than its limit, or was never looked at. Prints what was measured:
    /// limits are to stay near that.
    pub fn within(&self, limits: &[(&str, f64)], on: &str) {
        for (kind, limit) in limits {
            let found = self.farthest.iter().find(|(known, ..)| known == kind);
            let (_, distance, place) =
                found.unwrap_or_else(|| panic!("nothing was compared of '{kind}'"));
            println!("{on}: {kind} {distance:.2e} of {limit:.0e} at {place}");
        }
        for (kind, distance, place) in &self.farthest {
            let limit = limits.iter().find(|(known, _)| known == kind);
            let (_, limit) = limit.unwrap_or_else(|| panic!("there is no limit of '{kind}'"));
            assert!(
                distance <= limit,
                "{on}: {kind} is {distance:e} off, {limit:e} is allowed: {place}"
            );
        }
    }
}

/// The largest number of a list, for distances relative to it.
pub fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, x| x.abs().max(most))
}

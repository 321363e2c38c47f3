//! Adapters, numbers, and the comparison.

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    AdapterKind, BlockLayout, Blocks, ComputeDevice, DeviceChoice, Dropout, Noise, Precision, Slot,
    Update, adapters, cast, open_device,
};

/// f32 sums of a few hundred products in another order.
const TOLERANCE: f32 = 2e-5;
/// Halves have 11 bits: where sums in another order lie on either side of a border, results are 2^-10 apart, and
/// what is computed of these a little more.
const HALF_TOLERANCE: f32 = 2e-3;

/// How the tensors of an op are stored.
pub(crate) const PRECISIONS: [Precision; 2] = [Precision::F32, Precision::F16];

/// Over rows of a batch of these lengths, none for `p` of 0.
pub(crate) fn noise(p: f32, lengths: &[u32], device: &Device) -> Dropout {
    let rows = (40..).zip(lengths);
    let names = rows.flat_map(|(place, length)| (0..*length).map(move |at| [at, place]));
    let noise = Noise::new(0x1234_5678_9ABC_DEF0, 7, names, device);
    Dropout::new(p, 3, &noise)
}

/// Software renderers whose drivers turn WGSL into very different code.
const RENDERERS: [&str; 2] = ["llvmpipe", "SwiftShader"];

/// Each of them, opened with no more than WebGPU's default limits: with the variants of a software renderer,
/// and once more with those that a GPU is given. Then every GPU.
pub(crate) fn renderers() -> Vec<ComputeDevice> {
    // Once a test, which has a thread of its own: a device's memory and pipelines stay with the process.
    thread_local! {
        static OPENED: Vec<ComputeDevice> = open();
    }
    OPENED.with(Clone::clone)
}

fn open() -> Vec<ComputeDevice> {
    pollster::block_on(async {
        let all = adapters().await;
        let mut opened = Vec::new();
        for name in RENDERERS {
            let adapter = all
                .iter()
                .find(|adapter| {
                    adapter.kind == AdapterKind::Software && adapter.name.contains(name)
                })
                .unwrap_or_else(|| panic!("no {name} among {all:?}: run `cargo xtask test`"));
            for kind in [AdapterKind::Software, AdapterKind::Discrete] {
                let mut adapter = adapter.clone();
                adapter.kind = kind;
                opened.push(adapter.open_with_webgpu_defaults("test").await.unwrap());
            }
        }
        for gpu in all.iter().filter(|it| it.kind != AdapterKind::Software) {
            opened.push(gpu.open_with_webgpu_defaults("test").await.unwrap());
        }
        opened
    })
}

/// The tokens of three rows: a long one, a single token, and something between.
pub(crate) fn lengths(longest: usize) -> [u32; 3] {
    [longest as u32, 1, longest.div_ceil(2) as u32]
}

/// Leaves NaN in the memory that the next tensors are made of.
fn poison(device: &Device) {
    let held: Vec<Tensor<1>> = [64, 1 << 10, 1 << 14, 1 << 18]
        .into_iter()
        .flat_map(|count| (0..6).map(move |_| count))
        .map(|count| Tensor::from_data(TensorData::new(vec![f32::NAN; count], [count]), device))
        .collect();
    for tensor in held {
        assert!(read(tensor)[0].is_nan());
    }
}

pub(crate) fn values(count: usize, salt: u64) -> Vec<f32> {
    let mut state = salt.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

pub(crate) fn matrix(rows: usize, cols: usize, salt: u64, device: &Device) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values(rows * cols, salt), [rows, cols]),
        device,
    )
}

/// The same in another precision, where its rows are whole fours.
pub(crate) fn matrix_in(
    precision: Precision,
    [rows, cols]: [usize; 2],
    salt: u64,
    device: &Device,
) -> Tensor<2> {
    cast(matrix(rows, cols, salt, device), precision)
}

pub(crate) fn vector(count: usize, salt: u64, device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values(count, salt), [count]), device)
}

pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    if Precision::of(&tensor) == Precision::F16 {
        let count = tensor.dims().iter().product();
        return read(cast(tensor.reshape([1, count]), Precision::F32));
    }
    let data = pollster::block_on(tensor.into_data_async()).unwrap();
    data.try_to_vec::<f32>().unwrap()
}

/// Gradients of tensors of these sizes, filled with `values` of the salts 100, 101, …
pub(crate) fn gradients(counts: &[usize], device: &Device) -> (Blocks, Vec<Slot>) {
    let tensors: Vec<_> = counts
        .iter()
        .map(|count| (*count, Update::Decayed))
        .collect();
    let (layout, slots) = BlockLayout::new(&tensors, None);
    let mut blocks = Blocks::zeros(&layout, device);
    for (salt, slot) in slots.iter().enumerate() {
        blocks.write(*slot, &values(slot.count, 100 + salt as u64), device);
    }
    (blocks, slots)
}

pub(crate) fn read_all(blocks: &Blocks, slots: &[Slot]) -> Vec<Vec<f32>> {
    slots
        .iter()
        .map(|slot| read(blocks.tensor(*slot)))
        .collect()
}

/// Runs `op` on every renderer and on the CPU and compares every number it returns.
pub(crate) fn compare(label: &str, op: impl Fn(&Device) -> Vec<Vec<f32>>) {
    compare_within(TOLERANCE, label, op);
}

/// The same for an op over tensors of each precision.
pub(crate) fn compare_in_each(label: &str, op: impl Fn(Precision, &Device) -> Vec<Vec<f32>>) {
    for precision in PRECISIONS {
        let tolerance = match precision {
            Precision::F32 => TOLERANCE,
            Precision::F16 => HALF_TOLERANCE,
        };
        let label = format!("{label} in {precision:?}");
        compare_within(tolerance, &label, |device| op(precision, device));
    }
}

fn compare_within(tolerance: f32, label: &str, op: impl Fn(&Device) -> Vec<Vec<f32>>) {
    let cpu = pollster::block_on(open_device(DeviceChoice::Cpu)).unwrap();
    let wanted = op(&cpu.device);
    for renderer in renderers() {
        poison(&renderer.device);
        let got = op(&renderer.device);
        let label = format!("{label} on {} as {:?}", renderer.name, renderer.kind);
        assert_eq!(renderer.failure(), None, "{label}");
        same(tolerance, &label, &got, &wanted);
    }
}

fn same(tolerance: f32, label: &str, got: &[Vec<f32>], wanted: &[Vec<f32>]) {
    assert_eq!(got.len(), wanted.len(), "{label}");
    for (output, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert_eq!(got.len(), wanted.len(), "{label}, output {output}");
        assert!(
            wanted.iter().any(|x| *x != 0.0),
            "{label}, output {output} is all zeros"
        );
        for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
            let close = (g - w).abs() <= tolerance * (1.0 + w.abs());
            assert!(
                close,
                "{label}, output {output}, element {i}: {g} on the GPU, {w} on the CPU"
            );
        }
    }
}

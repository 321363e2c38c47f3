//! Each kernel on every software renderer, and on what GPUs there are, against its plain twin on the CPU, forward and backward, at
//! awkward sizes and over memory that holds NaN. Both draw the same dropout masks, so dropout is on.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    AdamWHyper, AdamWState, AdapterKind, Attention, BlockLayout, Blocks, ComputeDevice,
    DeviceChoice, Dropout, Slot, View, adamw, adapters, attention, attention_backward,
    cross_entropy, dropout, embedding, gelu, gelu_backward, gradient_norm, indices, layer_norm,
    layer_norm_backward, layer_norm_backward_parameters, linear, linear_backward_input,
    linear_backward_input_new, linear_backward_parameters, mse, open_device, scatter_add, tanh,
    tanh_backward,
};

/// f32 sums of a few hundred products in another order.
const TOLERANCE: f32 = 2e-5;

const DROPOUT: Dropout = Dropout {
    p: 0.1,
    seed: 0x1234_5678_9ABC_DEF0,
    step: 7,
    site: 3,
};

/// Software renderers whose drivers turn WGSL into very different code.
const RENDERERS: [&str; 2] = ["llvmpipe", "SwiftShader"];

/// Each of them, opened with no more than WebGPU's default limits: with the variants of a software renderer,
/// and once more with those that a GPU is given. Then every GPU.
fn renderers() -> Vec<ComputeDevice> {
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

fn values(count: usize, salt: u64) -> Vec<f32> {
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

fn matrix(rows: usize, cols: usize, salt: u64, device: &Device) -> Tensor<2> {
    Tensor::from_data(
        TensorData::new(values(rows * cols, salt), [rows, cols]),
        device,
    )
}

fn vector(count: usize, salt: u64, device: &Device) -> Tensor<1> {
    Tensor::from_data(TensorData::new(values(count, salt), [count]), device)
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = pollster::block_on(tensor.into_data_async()).unwrap();
    data.try_to_vec::<f32>().unwrap()
}

/// Gradients of tensors of these sizes, filled with `values` of the salts 100, 101, …
fn gradients(counts: &[usize], device: &Device) -> (Blocks, Vec<Slot>) {
    let tensors: Vec<_> = counts.iter().map(|count| (*count, true)).collect();
    let (layout, slots) = BlockLayout::new(&tensors, None);
    let mut blocks = Blocks::zeros(&layout, device);
    for (salt, slot) in slots.iter().enumerate() {
        blocks.write(*slot, &values(slot.count, 100 + salt as u64), device);
    }
    (blocks, slots)
}

fn read_all(blocks: &Blocks, slots: &[Slot]) -> Vec<Vec<f32>> {
    slots
        .iter()
        .map(|slot| read(blocks.tensor(*slot)))
        .collect()
}

/// Runs `op` on every renderer and on the CPU and compares every number it returns.
fn compare(label: &str, op: impl Fn(&Device) -> Vec<Vec<f32>>) {
    let cpu = pollster::block_on(open_device(DeviceChoice::Cpu)).unwrap();
    let wanted = op(&cpu.device);
    for renderer in renderers() {
        poison(&renderer.device);
        let got = op(&renderer.device);
        let label = format!("{label} on {} as {:?}", renderer.name, renderer.kind);
        assert_eq!(renderer.failure(), None, "{label}");
        same(&label, &got, &wanted);
    }
}

fn same(label: &str, got: &[Vec<f32>], wanted: &[Vec<f32>]) {
    assert_eq!(got.len(), wanted.len(), "{label}");
    for (output, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert_eq!(got.len(), wanted.len(), "{label}, output {output}");
        assert!(
            wanted.iter().any(|x| *x != 0.0),
            "{label}, output {output} is all zeros"
        );
        let mut farthest = 0.0_f32;
        for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
            let off = (g - w).abs() / (1.0 + w.abs());
            assert!(
                off <= TOLERANCE,
                "{label}, output {output}, element {i}: {g} on the GPU, {w} on the CPU"
            );
            farthest = farthest.max(off);
        }
        // The tolerance is to stay near what is reached.
        println!("{label}, output {output}: {farthest:.1e}");
    }
}

fn linear_layer([rows, inner, out]: [usize; 3], every: usize) {
    compare(
        &format!("linear {rows}x{inner}x{out} every {every}"),
        |device| {
            let x = matrix(rows * every, inner, 1, device);
            let weight = View::from(&matrix(out, inner, 2, device));
            let bias = View::from(&vector(out, 3, device));
            let dy = matrix(rows, out, 4, device);
            let y = linear(&x, every, &weight, &bias);
            let added = matrix(rows * every, inner, 5, device);
            let dx = linear_backward_input(&dy, &weight, every, added);
            let new = linear_backward_input_new(&dy, &weight);
            let (mut sums, slots) = gradients(&[out * inner, out], device);
            linear_backward_parameters(&dy, &x, every, &mut sums, slots[0], slots[1]);
            let mut all = vec![read(y), read(dx), read(new)];
            all.extend(read_all(&sums, &slots));
            all
        },
    );
}

#[test]
fn linear_layers() {
    // Rows and columns beside the tiles' edges, a head of 2, and sizes that are no multiple of 4.
    for shape in [
        [1, 4, 4],
        [63, 64, 36],
        [64, 32, 32],
        [65, 100, 132],
        [17, 8, 2],
        [5, 6, 3],
    ] {
        linear_layer(shape, 1);
    }
}

#[test]
fn a_linear_layer_over_every_third_row() {
    linear_layer([5, 64, 36], 3);
}

#[test]
fn attention_over_padded_rows() {
    for (seq, pad_left, p) in [
        (1, false, 0.0),
        (63, false, 0.1),
        (64, true, 0.1),
        (65, false, 0.0),
        // More than a group of lanes takes in one go.
        (131, true, 0.1),
    ] {
        compare(
            &format!("attention {seq} left {pad_left} p {p}"),
            |device| {
                let shape = Attention {
                    batch: 3,
                    seq,
                    heads: 2,
                    head_dim: 8,
                    pad_left,
                    dropout: Dropout { p, ..DROPOUT },
                };
                // A whole row, a single token, and something between.
                let lengths = indices(&[seq as u32, 1, seq.div_ceil(2) as u32], device);
                let (qkv, d) = (
                    matrix(3 * seq, 48, 1, device),
                    matrix(3 * seq, 16, 4, device),
                );
                let (context, saved) = attention(&shape, &qkv, &lengths);
                let dqkv = attention_backward(&shape, &qkv, &saved, &d);
                vec![read(context), read(dqkv)]
            },
        );
    }
}

#[test]
fn layer_norms() {
    for (rows, cols, residual, p) in [
        (1, 4, false, 0.0),
        (65, 64, true, 0.1),
        (63, 36, true, 0.0),
        (64, 132, false, 0.1),
    ] {
        compare(
            &format!("layer_norm {rows}x{cols} {residual} {p}"),
            |device| {
                let [x, r, dy] = [1, 2, 3].map(|salt| matrix(rows, cols, salt, device));
                let affine = View::from(&vector(2 * cols, 4, device));
                let site = Dropout { p, ..DROPOUT };
                let (y, saved) = layer_norm(&x, residual.then_some(&r), &affine, 1e-12, &site);
                let (dsum, dx) = layer_norm_backward(&dy, &saved, &affine, &site);
                let (mut sums, slots) = gradients(&[2 * cols], device);
                layer_norm_backward_parameters(&dy, &saved, &mut sums, slots[0]);
                let mut all = vec![read(y), read(dsum), read(dx)];
                all.extend(read_all(&sums, &slots));
                all
            },
        );
    }
}

#[test]
fn elementwise_ops() {
    for (rows, cols) in [(1, 4), (63, 64), (65, 36)] {
        compare(&format!("elementwise {rows}x{cols}"), |device| {
            let x = matrix(rows, cols, 1, device) * 5.0;
            let dy = matrix(rows, cols, 2, device);
            let y = tanh(&x);
            let dx = tanh_backward(&y, &dy);
            vec![
                read(gelu(&x)),
                read(gelu_backward(&x, &dy)),
                read(y),
                read(dx),
            ]
        });
    }
}

#[test]
fn dropout_masks_are_the_same_bits_on_every_device() {
    for (rows, cols) in [(1, 1), (63, 65), (5, 4), (3, 261)] {
        let mask = |device: &Device| read(dropout(Tensor::ones([rows, cols], device), &DROPOUT));
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let wanted = bits(mask(&Device::flex()));
        assert_eq!(wanted.len(), rows * cols);
        for renderer in renderers() {
            assert_eq!(bits(mask(&renderer.device)), wanted, "{}", renderer.name);
        }
    }
    let mask = read(dropout(
        Tensor::ones([1000, 100], &Device::flex()),
        &DROPOUT,
    ));
    let dropped = mask.iter().filter(|x| **x == 0.0).count();
    // Three standard deviations of a binomial with p = 0.1.
    assert!(
        (9_700..=10_300).contains(&dropped),
        "{dropped} of 100000 dropped"
    );
}

#[test]
fn embeddings_and_their_gradients() {
    compare("embedding", |device| {
        let tables =
            [(11, 1), (5, 2), (2, 3)].map(|(n, salt)| View::from(&matrix(n, 36, salt, device)));
        let ids = indices(&[0, 10, 3, 3, 7, 3, 0, 1, 2, 9], device);
        let types = indices(&[0, 0, 1, 1, 0, 1, 0, 1, 1, 0], device);
        let y = embedding(tables.each_ref(), 36, &ids, &types, 5);
        let dy = matrix(10, 36, 4, device);
        let (mut sums, slots) = gradients(&[11 * 36, 11 * 36], device);
        scatter_add(&dy, &ids, None, &mut sums, slots[0]);
        scatter_add(&dy, &ids, Some(0), &mut sums, slots[1]);
        let mut all = vec![read(y)];
        all.extend(read_all(&sums, &slots));
        all
    });
}

#[test]
fn losses() {
    for (rows, classes, smoothing) in [(1, 2, 0.0), (8, 2, 0.1), (65, 7, 0.0)] {
        compare(&format!("cross_entropy {rows}x{classes}"), |device| {
            let logits = matrix(rows, classes, 1, device) * 4.0;
            let labels: Vec<u32> = (0..rows as u32).map(|i| i % classes as u32).collect();
            let (loss, d) = cross_entropy(&logits, &indices(&labels, device), smoothing, 0.5);
            vec![read(loss), read(d)]
        });
    }
    for rows in [9, 65] {
        compare(&format!("mse {rows}"), |device| {
            let (loss, d) = mse(&matrix(rows, 1, 1, device), &vector(rows, 2, device), 0.25);
            vec![read(loss), read(d)]
        });
    }
}

#[test]
fn values_are_written_where_no_binding_can_start() {
    compare("write", |device| {
        let (mut blocks, slots) = gradients(&[100, 70], device);
        blocks.write(slots[0].part(36, 28), &values(28, 1), device);
        blocks.write(slots[1].part(3, 67), &values(67, 2), device);
        read_all(&blocks, &slots)
    });
}

#[test]
fn one_optimizer_step() {
    let tensors = [
        (1, false),
        (63, true),
        (64, false),
        (5000, true),
        (3000, true),
    ];
    // All in one block, and in several as where a binding is small.
    for (max_norm, max_bytes) in [(0.0, None), (0.5, Some(20_480))] {
        compare(&format!("adamw, clipped at {max_norm}"), |device| {
            let (layout, slots) = BlockLayout::new(&tensors, max_bytes);
            let filled = |salt: u64, power: i32| {
                let mut blocks = Blocks::zeros(&layout, device);
                for slot in &slots {
                    let values = values(slot.count, salt + slot.count as u64);
                    let values: Vec<f32> = values.into_iter().map(|x| x.powi(power)).collect();
                    blocks.write(*slot, &values, device);
                }
                blocks
            };
            let (mut values, mut gradients) = (filled(1, 1), filled(2, 1));
            let (mut exp_avg, mut exp_avg_sq) = (filled(3, 1), filled(4, 2));
            let norm = gradient_norm(&gradients, max_norm, device);
            let hyper = AdamWHyper::new(1e-3, [0.9, 0.999], 1e-8, 3, device);
            let state = AdamWState {
                values: &mut values,
                gradients: &mut gradients,
                exp_avg: &mut exp_avg,
                exp_avg_sq: &mut exp_avg_sq,
            };
            adamw(&hyper, &norm, 0.01, state);
            for gradient in read_all(&gradients, &slots) {
                assert!(gradient.iter().all(|g| *g == 0.0), "the gradient is zeroed");
            }
            let mut all = vec![read(norm.values())];
            for blocks in [&values, &exp_avg, &exp_avg_sq] {
                all.extend(read_all(blocks, &slots));
            }
            all
        });
    }
}

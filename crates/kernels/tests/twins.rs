//! Each kernel on a software renderer against its plain twin on the CPU, forward and backward, at
//! awkward sizes. Both draw the same dropout masks, so dropout is on.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    AdamWHyper, Attention, ComputeDevice, DeviceChoice, Dropout, adamw, adapters, attention,
    attention_backward, cross_entropy, dropout, embedding, gelu, gelu_backward, gradient_norm,
    indices, layer_norm, layer_norm_backward, layer_norm_parameters_backward, linear,
    linear_backward_bias, linear_backward_input, linear_backward_weight, mse, open_device,
    scatter_add, tanh, tanh_backward,
};

/// f32 sums of a few hundred products in another order.
const TOLERANCE: f32 = 2e-5;

const DROPOUT: Dropout = Dropout {
    p: 0.1,
    seed: 0x1234_5678_9ABC_DEF0,
    step: 7,
    site: 3,
};

/// The software renderer, opened with no more than WebGPU's default limits.
fn software() -> ComputeDevice {
    pollster::block_on(async {
        let all = adapters().await;
        let adapter = all
            .iter()
            .find(|adapter| adapter.kind == tunesmith_kernels::AdapterKind::Software)
            .unwrap_or_else(|| {
                panic!("no software renderer among {all:?}: run `cargo xtask test`")
            });
        adapter.open_with_webgpu_defaults("test").await.unwrap()
    })
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

/// Runs `op` on both devices and compares every number it returns.
fn compare(label: &str, op: impl Fn(&Device) -> Vec<Vec<f32>>) {
    let gpu = software();
    let cpu = pollster::block_on(open_device(DeviceChoice::Cpu)).unwrap();
    let (got, wanted) = (op(&gpu.device), op(&cpu.device));
    assert_eq!(gpu.failure(), None, "{label}");
    assert_eq!(got.len(), wanted.len(), "{label}");
    for (output, (got, wanted)) in got.iter().zip(&wanted).enumerate() {
        assert_eq!(got.len(), wanted.len(), "{label}, output {output}");
        assert!(
            wanted.iter().any(|x| *x != 0.0),
            "{label}, output {output} is all zeros"
        );
        for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
            let close = (g - w).abs() <= TOLERANCE * (1.0 + w.abs());
            assert!(
                close,
                "{label}, output {output}, element {i}: {g} on the GPU, {w} on the CPU"
            );
        }
    }
}

#[test]
fn linear_layers() {
    // Rows and columns beside the tiles' edges, a head of 2 and an inner size that is no multiple of 4.
    for (rows, inner, out) in [
        (1, 4, 4),
        (63, 64, 36),
        (65, 100, 132),
        (17, 8, 2),
        (5, 6, 3),
    ] {
        compare(&format!("linear {rows}x{inner}x{out}"), |device| {
            let x = matrix(rows, inner, 1, device);
            let weight = matrix(out, inner, 2, device);
            let dy = matrix(rows, out, 4, device);
            let y = linear(&x, 1, &weight, &vector(out, 3, device));
            let dx = linear_backward_input(&dy, &weight, 1, matrix(rows, inner, 5, device));
            let dw = linear_backward_weight(&dy, &x, 1, matrix(out, inner, 6, device));
            let db = linear_backward_bias(&dy, vector(out, 7, device));
            vec![read(y), read(dx), read(dw), read(db)]
        });
    }
}

#[test]
fn a_linear_layer_over_every_third_row() {
    compare("linear, strided", |device| {
        let x = matrix(15, 64, 1, device);
        let weight = matrix(36, 64, 2, device);
        let dy = matrix(5, 36, 4, device);
        let y = linear(&x, 3, &weight, &vector(36, 3, device));
        let dx = linear_backward_input(&dy, &weight, 3, matrix(15, 64, 5, device));
        let dw = linear_backward_weight(&dy, &x, 3, matrix(36, 64, 6, device));
        vec![read(y), read(dx), read(dw)]
    });
}

#[test]
fn attention_over_padded_rows() {
    for (seq, pad_left, p) in [
        (1, false, 0.0),
        (63, false, 0.1),
        (64, true, 0.1),
        (65, false, 0.0),
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
                let [q, k, v, d] = [1, 2, 3, 4].map(|salt| matrix(3 * seq, 16, salt, device));
                let (context, saved) = attention(&shape, [&q, &k, &v], &lengths);
                let [dq, dk, dv] = attention_backward(&shape, [&q, &k, &v], &saved, &d);
                let mut all = vec![read(context), read(dv)];
                if seq > 1 {
                    all.extend([read(dq), read(dk)]);
                }
                all
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
                let [gamma, beta] = [4, 5].map(|salt| vector(cols, salt, device));
                let site = Dropout { p, ..DROPOUT };
                let (y, saved) =
                    layer_norm(&x, residual.then_some(&r), &gamma, &beta, 1e-12, &site);
                let (dsum, dx) = layer_norm_backward(&dy, &saved, &gamma, &site);
                let (dgamma, dbeta) = layer_norm_parameters_backward(
                    &dy,
                    &saved,
                    vector(cols, 6, device),
                    vector(cols, 7, device),
                );
                vec![read(y), read(dsum), read(dx), read(dgamma), read(dbeta)]
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
fn dropout_masks_are_the_same_bits_on_both_devices() {
    let gpu = software();
    for (rows, cols) in [(1, 1), (63, 65), (5, 4)] {
        let mask = |device: &Device| read(dropout(Tensor::ones([rows, cols], device), &DROPOUT));
        let (got, wanted) = (mask(&gpu.device), mask(&Device::flex()));
        assert_eq!(got.len(), rows * cols);
        let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(got), bits(wanted));
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
        let tables = [(11, 1), (5, 2), (2, 3)].map(|(n, salt)| matrix(n, 36, salt, device));
        let ids = indices(&[0, 10, 3, 3, 7, 3, 0, 1, 2, 9], device);
        let types = indices(&[0, 0, 1, 1, 0, 1, 0, 1, 1, 0], device);
        let y = embedding([&tables[0], &tables[1], &tables[2]], &ids, &types, 5);
        let dy = matrix(10, 36, 4, device);
        let all = scatter_add(&dy, &ids, None, matrix(11, 36, 5, device));
        let unpadded = scatter_add(&dy, &ids, Some(0), matrix(11, 36, 5, device));
        vec![read(y), read(all), read(unpadded)]
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
    compare("mse", |device| {
        let (loss, d) = mse(&matrix(9, 1, 1, device), &vector(9, 2, device), 0.25);
        vec![read(loss), read(d)]
    });
}

#[test]
fn one_optimizer_step() {
    for max_norm in [0.0, 0.5] {
        compare(&format!("adamw, clipped at {max_norm}"), |device| {
            let counts = [1, 63, 64, 5000];
            let gradients = || counts.iter().map(|n| vector(*n, *n as u64, device));
            let norm = gradient_norm(gradients(), max_norm, device);
            let hyper = AdamWHyper::new(1e-3, [0.9, 0.999], 1e-8, 3, device);
            let mut all = vec![read(norm.values())];
            for (n, gradient) in counts.iter().zip(gradients()) {
                let second = vector(*n, 11, device).powf_scalar(2.0);
                let state = [
                    vector(*n, 9, device),
                    gradient,
                    vector(*n, 10, device),
                    second,
                ];
                let [parameter, gradient, first, second] = adamw(&hyper, &norm, 0.01, state);
                assert!(
                    read(gradient).iter().all(|g| *g == 0.0),
                    "the gradient is zeroed"
                );
                all.extend([read(parameter), read(first), read(second)]);
            }
            all
        });
    }
}

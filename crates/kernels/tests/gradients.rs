//! The plain twins' backward passes against central differences of their forward passes.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    Attention, BlockLayout, Blocks, Dropout, Slot, View, attention, attention_backward,
    cross_entropy, gelu, gelu_backward, indices, layer_norm, layer_norm_backward,
    layer_norm_backward_parameters, linear, linear_backward_input, linear_backward_input_new,
    linear_backward_parameters, mse,
};

/// Half the distance of a central difference, and what its error in f32 may come to.
const STEP: f32 = 1e-2;
const TOLERANCE: f32 = 4e-3;

const DROPOUT: Dropout = Dropout {
    p: 0.3,
    seed: 1,
    step: 2,
    site: 3,
};

fn device() -> Device {
    Device::flex()
}

fn wave(count: usize, salt: f32) -> Vec<f32> {
    (0..count)
        .map(|i| ((i as f32 + 1.0) * (1.3 + salt)).sin())
        .collect()
}

fn matrix(shape: [usize; 2], values: &[f32]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &device())
}

fn view(values: &[f32]) -> View {
    View::from(&Tensor::<1>::from_data(
        TensorData::new(values.to_vec(), [values.len()]),
        &device(),
    ))
}

/// Zeros for gradients of these sizes.
fn zeros(counts: &[usize]) -> (Blocks, Vec<Slot>) {
    let tensors: Vec<_> = counts.iter().map(|count| (*count, true)).collect();
    let (layout, slots) = BlockLayout::new(&tensors, None);
    (Blocks::zeros(&layout, &device()), slots)
}

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    pollster::block_on(tensor.into_data_async())
        .unwrap()
        .try_to_vec()
        .unwrap()
}

/// Compares `gradient` with the central differences of `loss` at `at`.
fn check(label: &str, at: &[f32], gradient: &[f32], loss: impl Fn(&[f32]) -> f32) {
    assert_eq!(at.len(), gradient.len(), "{label}");
    let mut farthest = 0.0_f32;
    for i in 0..at.len() {
        let shifted = |by: f32| {
            let mut values = at.to_vec();
            values[i] += by;
            loss(&values)
        };
        let slope = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
        let off = (slope - gradient[i]).abs() / (1.0 + slope.abs());
        assert!(
            off <= TOLERANCE,
            "{label}, element {i}: slope {slope}, gradient {}",
            gradient[i]
        );
        farthest = farthest.max(off);
    }
    // The tolerance is to stay near what is reached.
    println!("{label}: {farthest:.1e}");
}

/// A scalar from an output: its weighted sum, whose gradient is the weights.
fn weighted(output: Tensor<2>, weights: &[f32]) -> f32 {
    read(output).iter().zip(weights).map(|(y, w)| y * w).sum()
}

#[test]
fn linear_gradients() {
    let [rows, inner, out] = [5, 8, 6];
    let (x, w, b) = (
        wave(rows * inner, 0.0),
        wave(out * inner, 0.1),
        wave(out, 0.2),
    );
    let d = wave(rows * out, 0.3);
    let forward = |x: &[f32], w: &[f32], b: &[f32]| {
        let y = linear(&matrix([rows, inner], x), 1, &view(w), &view(b));
        weighted(y, &d)
    };
    let dy = matrix([rows, out], &d);
    let dx = linear_backward_input_new(&dy, &view(&w));
    let one = matrix([rows, inner], &[1.0; 40]);
    let added = linear_backward_input(&dy, &view(&w), 1, one);
    let (mut gradients, slots) = zeros(&[out * inner, out]);
    let x_matrix = matrix([rows, inner], &x);
    linear_backward_parameters(&dy, &x_matrix, 1, &mut gradients, slots[0], slots[1]);
    check("dx", &x, &read(dx.clone()), |x| forward(x, &w, &b));
    let [dw, db] = [slots[0], slots[1]].map(|slot| read(gradients.tensor(slot)));
    check("dw", &w, &dw, |w| forward(&x, w, &b));
    check("db", &b, &db, |b| forward(&x, &w, b));
    assert_eq!(read(added), read(dx + 1.0));
}

#[test]
fn layer_norm_gradients_through_residual_and_dropout() {
    let [rows, cols] = [3, 8];
    let (x, r, d) = (wave(24, 0.0), wave(24, 0.1), wave(24, 0.2));
    let (gamma, beta) = (wave(cols, 0.3), wave(cols, 0.4));
    let affine = |gamma: &[f32], beta: &[f32]| view(&[gamma, beta].concat());
    let run = |x: &[f32], r: &[f32], gamma: &[f32], beta: &[f32]| {
        let (x, r) = (matrix([rows, cols], x), matrix([rows, cols], r));
        layer_norm(&x, Some(&r), &affine(gamma, beta), 1e-5, &DROPOUT)
    };
    let (_, saved) = run(&x, &r, &gamma, &beta);
    let dy = matrix([rows, cols], &d);
    let (dr, dx) = layer_norm_backward(&dy, &saved, &affine(&gamma, &beta), &DROPOUT);
    let (mut gradients, slots) = zeros(&[2 * cols]);
    layer_norm_backward_parameters(&dy, &saved, &mut gradients, slots[0]);
    let daffine = read(gradients.tensor(slots[0]));
    let (dgamma, dbeta) = daffine.split_at(cols);
    check("dx", &x, &read(dx), |x| {
        weighted(run(x, &r, &gamma, &beta).0, &d)
    });
    check("dresidual", &r, &read(dr), |r| {
        weighted(run(&x, r, &gamma, &beta).0, &d)
    });
    check("dgamma", &gamma, dgamma, |g| {
        weighted(run(&x, &r, g, &beta).0, &d)
    });
    check("dbeta", &beta, dbeta, |b| {
        weighted(run(&x, &r, &gamma, b).0, &d)
    });
}

#[test]
fn attention_gradients_through_mask_and_dropout() {
    let shape = Attention {
        batch: 2,
        seq: 5,
        heads: 2,
        head_dim: 4,
        pad_left: false,
        dropout: DROPOUT,
    };
    let lengths = indices(&[5, 3], &device());
    let (qkv, d) = (wave(240, 0.0), wave(80, 0.3));
    let forward = |qkv: &[f32]| attention(&shape, &matrix([10, 24], qkv), &lengths);
    let (_, saved) = forward(&qkv);
    let dcontext = matrix([10, 8], &d);
    let dqkv = attention_backward(&shape, &matrix([10, 24], &qkv), &saved, &dcontext);
    check("dqkv", &qkv, &read(dqkv), |qkv| {
        weighted(forward(qkv).0, &d)
    });
}

#[test]
fn gelu_and_loss_gradients() {
    let x = wave(24, 0.0).iter().map(|x| 3.0 * x).collect::<Vec<_>>();
    let d = wave(24, 0.2);
    let dx = gelu_backward(&matrix([3, 8], &x), &matrix([3, 8], &d));
    check("gelu", &x, &read(dx), |x| {
        weighted(gelu(&matrix([3, 8], x)), &d)
    });

    let labels = indices(&[2, 0, 7], &device());
    let loss = |x: &[f32]| cross_entropy(&matrix([3, 8], x), &labels, 0.1, 1.0);
    let (_, dlogits) = loss(&x);
    check("cross-entropy", &x, &read(dlogits), |x| read(loss(x).0)[0]);

    let targets = Tensor::from_data(TensorData::new(wave(8, 0.5), [8]), &device());
    let loss = |x: &[f32]| mse(&matrix([8, 1], x), &targets, 1.0);
    let (_, dlogits) = loss(&x[..8]);
    check("mse", &x[..8], &read(dlogits), |x| read(loss(x).0)[0]);
}

//! The plain twins' backward passes against central differences of their forward passes.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    Attention, Dropout, attention, attention_backward, cross_entropy, gelu, gelu_backward, indices,
    layer_norm, layer_norm_backward, layer_norm_parameters_backward, linear, linear_backward_bias,
    linear_backward_input, linear_backward_weight, mse,
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

fn read<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    pollster::block_on(tensor.into_data_async())
        .unwrap()
        .try_to_vec()
        .unwrap()
}

/// Compares `gradient` with the central differences of `loss` at `at`.
fn check(label: &str, at: &[f32], gradient: &[f32], loss: impl Fn(&[f32]) -> f32) {
    assert_eq!(at.len(), gradient.len(), "{label}");
    for i in 0..at.len() {
        let shifted = |by: f32| {
            let mut values = at.to_vec();
            values[i] += by;
            loss(&values)
        };
        let slope = (shifted(STEP) - shifted(-STEP)) / (2.0 * STEP);
        let close = (slope - gradient[i]).abs() <= TOLERANCE * (1.0 + slope.abs());
        assert!(
            close,
            "{label}, element {i}: slope {slope}, gradient {}",
            gradient[i]
        );
    }
}

/// A scalar from an output: its weighted sum, whose gradient is the weights.
fn weighted(output: Tensor<2>, weights: &[f32]) -> f32 {
    read(output).iter().zip(weights).map(|(y, w)| y * w).sum()
}

#[test]
fn linear_gradients() {
    let ([rows, inner, out], none) = ([5, 8, 6], [0.0; 64]);
    let (x, w, b) = (
        wave(rows * inner, 0.0),
        wave(out * inner, 0.1),
        wave(out, 0.2),
    );
    let d = wave(rows * out, 0.3);
    let forward = |x: &[f32], w: &[f32], b: &[f32]| {
        let bias = Tensor::from_data(TensorData::new(b.to_vec(), [out]), &device());
        weighted(
            linear(
                &matrix([rows, inner], x),
                1,
                &matrix([out, inner], w),
                &bias,
            ),
            &d,
        )
    };
    let dy = matrix([rows, out], &d);
    let zeros = |shape: [usize; 2]| matrix(shape, &none[..shape[0] * shape[1]]);
    let dx = linear_backward_input(&dy, &matrix([out, inner], &w), 1, zeros([rows, inner]));
    let dw = linear_backward_weight(&dy, &matrix([rows, inner], &x), 1, zeros([out, inner]));
    let db = linear_backward_bias(&dy, Tensor::zeros([out], &device()));
    check("dx", &x, &read(dx), |x| forward(x, &w, &b));
    check("dw", &w, &read(dw), |w| forward(&x, w, &b));
    check("db", &b, &read(db), |b| forward(&x, &w, b));
}

#[test]
fn layer_norm_gradients_through_residual_and_dropout() {
    let [rows, cols] = [3, 8];
    let (x, r, d) = (wave(24, 0.0), wave(24, 0.1), wave(24, 0.2));
    let (gamma, beta) = (wave(cols, 0.3), wave(cols, 0.4));
    let vector = |v: &[f32]| Tensor::from_data(TensorData::new(v.to_vec(), [cols]), &device());
    let run = |x: &[f32], r: &[f32], gamma: &[f32], beta: &[f32]| {
        let (x, r) = (matrix([rows, cols], x), matrix([rows, cols], r));
        layer_norm(&x, Some(&r), &vector(gamma), &vector(beta), 1e-5, &DROPOUT)
    };
    let (_, saved) = run(&x, &r, &gamma, &beta);
    let dy = matrix([rows, cols], &d);
    let (dr, dx) = layer_norm_backward(&dy, &saved, &vector(&gamma), &DROPOUT);
    let zeros = || Tensor::zeros([cols], &device());
    let (dgamma, dbeta) = layer_norm_parameters_backward(&dy, &saved, zeros(), zeros());
    check("dx", &x, &read(dx), |x| {
        weighted(run(x, &r, &gamma, &beta).0, &d)
    });
    check("dresidual", &r, &read(dr), |r| {
        weighted(run(&x, r, &gamma, &beta).0, &d)
    });
    check("dgamma", &gamma, &read(dgamma), |g| {
        weighted(run(&x, &r, g, &beta).0, &d)
    });
    check("dbeta", &beta, &read(dbeta), |b| {
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
    let [q, k, v, d] = [0.0, 0.1, 0.2, 0.3].map(|salt| wave(80, salt));
    let tokens = |values: &[f32]| matrix([10, 8], values);
    let forward = |q: &[f32], k: &[f32], v: &[f32]| {
        let (context, _) = attention(&shape, [&tokens(q), &tokens(k), &tokens(v)], &lengths);
        weighted(context, &d)
    };
    let (tq, tk, tv) = (tokens(&q), tokens(&k), tokens(&v));
    let (_, saved) = attention(&shape, [&tq, &tk, &tv], &lengths);
    let [dq, dk, dv] = attention_backward(&shape, [&tq, &tk, &tv], &saved, &tokens(&d));
    check("dq", &q, &read(dq), |q| forward(q, &k, &v));
    check("dk", &k, &read(dk), |k| forward(&q, k, &v));
    check("dv", &v, &read(dv), |v| forward(&q, &k, v));
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

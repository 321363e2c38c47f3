//! The plain twins' backward passes against central differences of their forward passes.
#![allow(clippy::unwrap_used, reason = "tests")]

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{
    Activation, Attention, BlockLayout, Blocks, ClassLoss, Dropout, Noise, Packing, Pooling,
    PositionBias, Slot, Update, View, activate, activate_backward, attention, attention_backward,
    bce_with_logits, cross_entropy, gated, gated_backward, indices, layer_norm,
    layer_norm_backward, layer_norm_backward_parameters, linear, linear_backward_input,
    linear_backward_input_new, linear_backward_parameters, mse, pool, pool_backward, rope, windows,
    windows_backward,
};

/// Half the distance of a central difference, and what its error in f32 may come to.
const STEP: f32 = 1e-2;
const TOLERANCE: f32 = 4e-3;

/// Over so many rows.
fn noise(rows: u32) -> Dropout {
    let names = (0..rows).map(|row| [row % 5, row / 5]);
    Dropout::new(0.3, 3, &Noise::new(1, 2, names, &device()))
}

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
    let tensors: Vec<_> = counts
        .iter()
        .map(|count| (*count, Update::Decayed))
        .collect();
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
        let y = linear(&matrix([rows, inner], x), &view(w), Some(&view(b)));
        weighted(y, &d)
    };
    let dy = matrix([rows, out], &d);
    let dx = linear_backward_input_new(&dy, &view(&w));
    let one = matrix([rows, inner], &[1.0; 40]);
    let added = linear_backward_input(&dy, &view(&w), one);
    let (mut gradients, slots) = zeros(&[out * inner, out]);
    let x_matrix = matrix([rows, inner], &x);
    linear_backward_parameters(&dy, &x_matrix, &mut gradients, slots[0], Some(slots[1]));
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
        layer_norm(&x, Some(&r), &affine(gamma, beta), 1e-5, &noise(3))
    };
    let (_, saved) = run(&x, &r, &gamma, &beta);
    let dy = matrix([rows, cols], &d);
    let (dr, dx) = layer_norm_backward(&dy, &saved, &affine(&gamma, &beta), None, &noise(3));
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

/// Sequences of 5 and 3 tokens.
fn packing() -> Packing {
    Packing::new(&[5, 3], &device())
}

/// Two heads of 4 over them.
fn shape() -> Attention {
    Attention {
        heads: 2,
        head_dim: 4,
        window: None,
        scale: 0.5,
        dropout: noise(8),
    }
}

/// Checks the gradient of `qkv`, and returns the positions' and those in blocks of these counts.
fn attention_gradients(
    label: &str,
    shape: &Attention,
    bias: &PositionBias<'_>,
    counts: &[usize],
) -> (Option<Vec<f32>>, Vec<Vec<f32>>) {
    let packing = packing();
    let (qkv, d) = (wave(192, 0.0), wave(64, 0.3));
    let forward = |qkv: &[f32]| attention(shape, &matrix([8, 24], qkv), &packing, bias);
    let (_, saved) = forward(&qkv);
    let dcontext = matrix([8, 8], &d);
    let (mut gradients, slots) = zeros(counts);
    let qkv = (matrix([8, 24], &qkv), qkv);
    let over = (&qkv.0, &packing);
    let (dqkv, dpositions) =
        attention_backward(shape, over, &saved, &dcontext, bias, &mut gradients);
    check(label, &qkv.1, &read(dqkv), |qkv| {
        weighted(forward(qkv).0, &d)
    });
    let slots = slots.iter().map(|slot| read(gradients.tensor(*slot)));
    (dpositions.map(read), slots.collect())
}

/// The weighted context, as a function of a bias.
fn context(bias: &PositionBias<'_>) -> f32 {
    let qkv = matrix([8, 24], &wave(192, 0.0));
    let (context, _) = attention(&shape(), &qkv, &packing(), bias);
    weighted(context, &wave(64, 0.3))
}

#[test]
fn attention_gradients_through_mask_and_dropout() {
    attention_gradients("dqkv", &shape(), &PositionBias::None, &[1]);
    let shape = Attention {
        window: Some(1),
        ..shape()
    };
    attention_gradients("dqkv within a window", &shape, &PositionBias::None, &[1]);
}

#[test]
fn gradients_of_a_table_of_distances() {
    let table = wave(6, 0.6);
    let index = &indices(&[2, 2, 0, 1, 0, 1, 1, 2, 2], &device());
    let (_, slots) = zeros(&[6]);
    let slot = slots[0];
    let table_view = view(&table);
    let bias = PositionBias::Relative {
        table: &table_view,
        slot,
        index,
    };
    let (_, gradients) = attention_gradients("dqkv by distance", &shape(), &bias, &[6]);
    check("dtable", &table, &gradients[0], |table| {
        let table = &view(table);
        context(&PositionBias::Relative { table, slot, index })
    });
}

#[test]
fn gradients_of_disentangled_positions() {
    // Seven places, one of them skipped, of a query, a key and what is neither.
    let positions = wave(7 * 24, 0.7);
    let index = &indices(&[0, 0, 1, 2, 3, 5, 6, 6, 6], &device());
    for (queries, keys) in [
        (Some(0), Some(8)),
        (Some(16), Some(0)),
        (Some(8), None),
        (None, Some(16)),
    ] {
        let matrix = |positions: &[f32]| matrix([7, 24], positions);
        let at = matrix(&positions);
        let bias = PositionBias::Disentangled {
            positions: &at,
            queries,
            keys,
            index,
        };
        let (dpositions, _) = attention_gradients("dqkv disentangled", &shape(), &bias, &[1]);
        check(
            "dpositions",
            &positions,
            &dpositions.unwrap(),
            |positions| {
                context(&PositionBias::Disentangled {
                    positions: &matrix(positions),
                    queries,
                    keys,
                    index,
                })
            },
        );
    }
}

#[test]
fn gradients_along_tokens() {
    let packing = packing();
    let x = wave(32, 0.0);
    let d = wave(8, 0.2);
    for pooling in [Pooling::First, Pooling::Mean] {
        let dx = pool_backward(&matrix([2, 4], &d), &packing, pooling);
        check(&format!("pool {pooling:?}"), &x, &read(dx), |x| {
            weighted(pool(&matrix([8, 4], x), &packing, pooling), &d)
        });
    }
    for kernel in [3, 4] {
        let d = wave(32 * kernel, 0.2);
        let dx = windows_backward(&matrix([8, 4 * kernel], &d), kernel, &packing);
        check("windows", &x, &read(dx), |x| {
            weighted(windows(&matrix([8, 4], x), kernel, &packing), &d)
        });
    }
    let (qkv, d) = (wave(192, 0.0), wave(192, 0.3));
    let table = matrix([5, 4], &wave(20, 0.4));
    let turned = |qkv: &[f32], back| rope(&shape(), &matrix([8, 24], qkv), &packing, &table, back);
    check("rope", &qkv, &read(turned(&d, true)), |qkv| {
        weighted(turned(qkv, false), &d)
    });
}

#[test]
fn layer_norm_gradients_without_beta() {
    let (x, d, gamma) = (wave(24, 0.0), wave(24, 0.2), wave(8, 0.3));
    let run = |x: &[f32], gamma: &[f32]| {
        layer_norm(&matrix([3, 8], x), None, &view(gamma), 1e-5, &Dropout::NONE)
    };
    let (_, saved) = run(&x, &gamma);
    let dy = matrix([3, 8], &d);
    let (_, dx) = layer_norm_backward(&dy, &saved, &view(&gamma), None, &Dropout::NONE);
    let (mut gradients, slots) = zeros(&[8]);
    layer_norm_backward_parameters(&dy, &saved, &mut gradients, slots[0]);
    let dgamma = read(gradients.tensor(slots[0]));
    check("dx", &x, &read(dx), |x| weighted(run(x, &gamma).0, &d));
    check("dgamma", &gamma, &dgamma, |g| weighted(run(&x, g).0, &d));
}

#[test]
fn activation_gradients() {
    let x = wave(24, 0.0).iter().map(|x| 3.0 * x).collect::<Vec<_>>();
    let d = wave(24, 0.2);
    for kind in Activation::ALL {
        let dx = activate_backward(kind, &matrix([3, 8], &x), &matrix([3, 8], &d));
        check(&format!("{kind:?}"), &x, &read(dx), |x| {
            weighted(activate(kind, &matrix([3, 8], x)), &d)
        });
    }

    for kind in Activation::ALL {
        let dx = gated_backward(kind, &matrix([3, 8], &x), &matrix([3, 4], &d[..12]));
        check(&format!("gated {kind:?}"), &x, &read(dx), |x| {
            weighted(gated(kind, &matrix([3, 8], x)), &d)
        });
    }
}

#[test]
fn loss_gradients() {
    let x = wave(24, 0.0).iter().map(|x| 3.0 * x).collect::<Vec<_>>();
    // The second row doesn't count.
    let labels = indices(&[2, -100_i32 as u32, 7], &device());
    let weights = [1.0, 0.5, 2.0, 1.0, 0.25, 1.0, 1.0, 3.0];
    for (smoothing, weights, gamma) in [
        (0.1, None, 0.0),
        (0.1, Some(&weights[..]), 0.0),
        (0.0, None, 2.0),
        (0.0, Some(&weights[..]), 0.5),
    ] {
        let options = ClassLoss {
            smoothing,
            weights,
            gamma,
        };
        let loss = |x: &[f32]| cross_entropy(&matrix([3, 8], x), &labels, &options, 1.0);
        let (_, dlogits) = loss(&x);
        let what = format!("cross-entropy {options:?}");
        check(&what, &x, &read(dlogits), |x| read(loss(x).0)[0]);
    }

    let targets: Vec<f32> = wave(24, 0.5).iter().map(|x| 0.5 * (1.0 + x)).collect();
    let targets = matrix([3, 8], &targets);
    let loss = |x: &[f32]| bce_with_logits(&matrix([3, 8], x), &targets, 1.0);
    let (_, dlogits) = loss(&x);
    check("bce", &x, &read(dlogits), |x| read(loss(x).0)[0]);

    let targets = Tensor::from_data(TensorData::new(wave(8, 0.5), [8]), &device());
    let loss = |x: &[f32]| mse(&matrix([8, 1], x), &targets, 1.0);
    let (_, dlogits) = loss(&x[..8]);
    check("mse", &x[..8], &read(dlogits), |x| read(loss(x).0)[0]);
}

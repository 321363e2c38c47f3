//! The losses.

use burn::tensor::{Device, Tensor, TensorData};
use tunesmith_kernels::{ClassLoss, bce_with_logits, cross_entropy, indices, mse};

use crate::support::{compare, matrix, read, values, vector};

/// What PyTorch leaves out, as an index holds it.
const IGNORED: u32 = -100_i32 as u32;

/// Labels of `rows` rows, of which one in `every` is left out.
fn labels(rows: usize, classes: usize, every: usize) -> Vec<u32> {
    let label = |i: usize| (i % classes) as u32;
    (0..rows)
        .map(|i| if i % every == 0 { IGNORED } else { label(i) })
        .collect()
}

#[test]
fn cross_entropies() {
    for (rows, classes, smoothing, every) in [
        (1, 2, 0.0, usize::MAX),
        (8, 2, 0.1, 3),
        (65, 7, 0.0, usize::MAX),
        // As many as a workgroup of one kind has, and one more or less.
        (127, 7, 0.1, 2),
        (128, 9, 0.0, 3),
        (257, 9, 0.1, 2),
        (3000, 9, 0.0, 4),
    ] {
        compare(&format!("cross_entropy {rows}x{classes}"), |device| {
            let logits = matrix(rows, classes, 1, device) * 4.0;
            let mut labels = labels(rows, classes, every);
            if every == usize::MAX {
                labels[0] = 1;
            }
            let labels = indices(&labels, device);
            let weights: Vec<f32> = (0..classes).map(|class| 0.5 + class as f32).collect();
            let (weights, smoothed) = (Some(weights.as_slice()), smoothing);
            let losses = [
                (smoothed, None, 0.0),
                (smoothed, weights, 0.0),
                (0.0, None, 2.0),
                (0.0, weights, 0.5),
            ];
            let found = losses.map(|(smoothing, weights, gamma)| {
                let options = ClassLoss {
                    smoothing,
                    weights,
                    gamma,
                };
                let (loss, d) = cross_entropy(&logits, &labels, &options, 0.5);
                // The gradients of thousands of rows are as small as the tolerance.
                [read(loss), read(d * rows as f32)]
            });
            found.into_iter().flatten().collect()
        });
    }
}

#[test]
fn a_batch_without_labels_has_no_loss() {
    for rows in [3, 200] {
        // A number besides, for nothing may be all zeros.
        compare(&format!("cross_entropy {rows}x4 of none"), |device| {
            let logits = matrix(rows, 4, 1, device);
            let labels = indices(&vec![IGNORED; rows], device);
            for (weights, gamma) in [
                (None, 0.0),
                (Some(&[0.5, 2.0, 1.0, 1.0][..]), 0.0),
                (None, 2.0),
            ] {
                let options = ClassLoss {
                    smoothing: 0.1,
                    weights,
                    gamma,
                };
                let (loss, d) = cross_entropy(&logits, &labels, &options, 1.0);
                let (loss, d) = (read(loss), read(d));
                assert!(loss.iter().chain(&d).all(|x| *x == 0.0), "{loss:?} {d:?}");
            }
            vec![vec![1.0]]
        });
    }
}

#[test]
fn binary_cross_entropies() {
    for (rows, labels) in [(1, 3), (8, 5), (18, 7), (18, 8), (300, 6)] {
        compare(&format!("bce_with_logits {rows}x{labels}"), |device| {
            let count = rows * labels;
            // Up to where an exponential overflows.
            let logits: Vec<f32> = values(count, 1).iter().map(|x| 100.0 * x.powi(5)).collect();
            let targets: Vec<f32> = values(count, 2)
                .iter()
                .map(|x| if *x > 0.3 { 1.0 } else { 0.0 })
                .collect();
            let [logits, targets] =
                [logits, targets].map(|values| tensor(values, [rows, labels], device));
            let (loss, d) = bce_with_logits(&logits, &targets, 0.5);
            vec![read(loss), read(d * count as f32)]
        });
    }
}

fn tensor(values: Vec<f32>, shape: [usize; 2], device: &Device) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

#[test]
fn mean_squared_errors() {
    for rows in [9, 65] {
        compare(&format!("mse {rows}"), |device| {
            let (loss, d) = mse(&matrix(rows, 1, 1, device), &vector(rows, 2, device), 0.25);
            vec![read(loss), read(d)]
        });
    }
}

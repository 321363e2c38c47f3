//! The losses of the heads, each with its gradient.

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{BCE_WITH_LOGITS, CROSS_ENTROPY, MSE};

use crate::buffer::{empty, floats, ints, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};

/// Rows, or numbers, from which on one lane is too slow on any adapter: what two dozen labels a row and
/// thousands of tokens come to.
const MANY: usize = 128;

fn flags(count: usize, class: Class) -> [(&'static str, bool); 2] {
    let many = count >= MANY;
    [("group", many || class.is_gpu()), ("many", many)]
}

struct CrossEntropy {
    rows: usize,
    classes: usize,
    smoothing: f32,
    scale: f32,
}

/// Mean cross-entropy of `logits` `[rows, classes]` against `labels` `[rows]`, and its gradient
/// `[rows, classes]` times `scale`. Rows with a label below 0 don't count, as with PyTorch's `ignore_index`;
/// without any that does, loss and gradient are 0. With label smoothing e the target is (1 - e) on the label
/// plus e / classes everywhere, as transformers' `LabelSmoother` has it.
pub fn cross_entropy(
    logits: &Tensor<2>,
    labels: &Tensor<1, Int>,
    smoothing: f32,
    scale: f32,
) -> (Tensor<1>, Tensor<2>) {
    let [rows, classes] = logits.dims();
    let device = logits.device();
    let op = CrossEntropy {
        rows,
        classes,
        smoothing,
        scale,
    };
    let outputs = [empty([rows, classes], &device), empty([1], &device)];
    let [dlogits, loss] = run(&op, &[floats(logits.clone())], &[ints(labels)], outputs);
    (tensor(loss), tensor(dlogits))
}

impl Kernel for CrossEntropy {
    fn launch(&self, class: Class) -> Launch {
        let params = Params::default().int(self.rows).int(self.classes);
        Launch {
            variant: Variant::shader(CROSS_ENTROPY, &flags(self.rows, class)),
            extent: Extent::Line(1),
            params: params.float(self.smoothing).float(self.scale),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let [dlogits, loss] = outputs else { return };
        let labels = indices[0];
        let counted = labels.iter().filter(|label| **label >= 0).count().max(1) as f32;
        let losses: Vec<f32> = dlogits
            .par_chunks_mut(self.classes)
            .zip(floats[0].par_chunks(self.classes))
            .zip(labels)
            .map(|((dlogits, logits), &label)| match usize::try_from(label) {
                Ok(label) => self.row(logits, label, counted, dlogits),
                Err(_) => {
                    dlogits.fill(0.0);
                    0.0
                }
            })
            .collect();
        loss[0] = losses.iter().sum::<f32>() / counted;
    }
}

impl CrossEntropy {
    /// One row's loss; of `counted` rows.
    fn row(&self, logits: &[f32], label: usize, counted: f32, dlogits: &mut [f32]) -> f32 {
        let classes = self.classes as f32;
        let highest = logits.iter().copied().fold(-3.0e38, f32::max);
        let log_sum = logits
            .iter()
            .map(|x| libm::expf(x - highest))
            .sum::<f32>()
            .ln();
        let mean = logits.iter().map(|x| (x - highest) / classes).sum::<f32>();
        for (c, (dlogit, logit)) in dlogits.iter_mut().zip(logits).enumerate() {
            let hit = if c == label {
                1.0 - self.smoothing
            } else {
                0.0
            };
            let expected = hit + self.smoothing / classes;
            let probability = libm::expf(logit - highest - log_sum);
            *dlogit = self.scale * (probability - expected) / counted;
        }
        log_sum - (1.0 - self.smoothing) * (logits[label] - highest) - self.smoothing * mean
    }
}

struct Bce {
    count: usize,
    scale: f32,
}

/// Mean binary cross-entropy of `logits` `[rows, labels]` against `targets` in `[0, 1]` of that shape, over
/// all numbers, and its gradient `[rows, labels]` times `scale`: PyTorch's `BCEWithLogitsLoss`, the loss of
/// rows with several labels.
pub fn bce_with_logits(
    logits: &Tensor<2>,
    targets: &Tensor<2>,
    scale: f32,
) -> (Tensor<1>, Tensor<2>) {
    let shape = logits.dims();
    let device = logits.device();
    let inputs = [floats(logits.clone()), floats(targets.clone())];
    let op = Bce {
        count: shape[0] * shape[1],
        scale,
    };
    let outputs = [empty(shape, &device), empty([1], &device)];
    let [dlogits, loss] = run(&op, &inputs, &[], outputs);
    (tensor(loss), tensor(dlogits))
}

impl Kernel for Bce {
    fn launch(&self, class: Class) -> Launch {
        Launch {
            variant: Variant::shader(BCE_WITH_LOGITS, &flags(self.count, class)),
            extent: Extent::Line(1),
            params: Params::default().int(self.count).float(self.scale),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let [dlogits, loss] = outputs else { return };
        let count = self.count as f32;
        let mut total = 0.0;
        for (dlogit, (&x, target)) in dlogits.iter_mut().zip(floats[0].iter().zip(floats[1])) {
            let decay = libm::expf(-x.abs());
            // Not `max`, which would make a number of NaN.
            let above = if x < 0.0 { 0.0 } else { x };
            total += above - x * target + libm::log1pf(decay);
            let probability = (if x < 0.0 { decay } else { 1.0 }) / (1.0 + decay);
            *dlogit = self.scale * (probability - target) / count;
        }
        loss[0] = total / count;
    }
}

struct Mse {
    count: usize,
    scale: f32,
}

/// Mean squared error of `logits` `[batch, 1]` against `targets` `[batch]`, and its gradient
/// `[batch, 1]` times `scale`: the head of a regression.
pub fn mse(logits: &Tensor<2>, targets: &Tensor<1>, scale: f32) -> (Tensor<1>, Tensor<2>) {
    let shape = logits.dims();
    let device = logits.device();
    let inputs = [floats(logits.clone()), floats(targets.clone())];
    let op = Mse {
        count: shape[0] * shape[1],
        scale,
    };
    let [dlogits, loss] = run(
        &op,
        &inputs,
        &[],
        [empty(shape, &device), empty([1], &device)],
    );
    (tensor(loss), tensor(dlogits))
}

impl Kernel for Mse {
    fn launch(&self, class: Class) -> Launch {
        Launch {
            variant: Variant::shader(MSE, &[("group", class.is_gpu())]),
            extent: Extent::Line(1),
            params: Params::default().int(self.count).float(self.scale),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let [dlogits, loss] = outputs else { return };
        let mut total = 0.0;
        for (dlogit, (logit, wanted)) in dlogits.iter_mut().zip(floats[0].iter().zip(floats[1])) {
            let difference = logit - wanted;
            total += difference * difference;
            *dlogit = self.scale * 2.0 * difference / self.count as f32;
        }
        loss[0] = total / self.count as f32;
    }
}

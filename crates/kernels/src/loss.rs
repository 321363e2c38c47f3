//! The losses of the two heads, each with its gradient.

use burn::tensor::{Int, Tensor};
use tunesmith_shaders::{CROSS_ENTROPY, MSE};

use crate::buffer::{empty, floats, ints, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};

struct CrossEntropy {
    rows: usize,
    classes: usize,
    smoothing: f32,
    scale: f32,
}

/// Mean cross-entropy of `logits` `[batch, classes]` against `labels` `[batch]`, and its gradient
/// `[batch, classes]` times `scale`. With label smoothing e the target is (1 - e) on the label plus
/// e / classes everywhere, as transformers' `LabelSmoother` has it.
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
            variant: Variant::shader(CROSS_ENTROPY, &[("group", class.is_gpu())]),
            extent: Extent::Line(1),
            params: params.float(self.smoothing).float(self.scale),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let [dlogits, loss] = outputs else { return };
        let (classes, count) = (self.classes as f32, self.rows as f32);
        let mut total = 0.0;
        let rows = floats[0]
            .chunks(self.classes)
            .zip(dlogits.chunks_mut(self.classes));
        for ((logits, dlogits), &label) in rows.zip(indices[0]) {
            let highest = logits.iter().copied().fold(-3.0e38, f32::max);
            let log_sum = logits
                .iter()
                .map(|x| libm::expf(x - highest))
                .sum::<f32>()
                .ln();
            let mean = logits.iter().map(|x| (x - highest) / classes).sum::<f32>();
            total += log_sum
                - (1.0 - self.smoothing) * (logits[label as usize] - highest)
                - self.smoothing * mean;
            for (c, (dlogit, logit)) in dlogits.iter_mut().zip(logits).enumerate() {
                let hit = if c == label as usize {
                    1.0 - self.smoothing
                } else {
                    0.0
                };
                let expected = hit + self.smoothing / classes;
                let probability = libm::expf(logit - highest - log_sum);
                *dlogit = self.scale * (probability - expected) / count;
            }
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

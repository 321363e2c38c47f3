//! The losses of the heads, each with its gradient.

use burn::tensor::{Int, Tensor, TensorData};
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

/// What a cross-entropy counts beside the label's logarithm.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ClassLoss<'a> {
    /// The share of a label's weight that is spread over all labels, as transformers' `LabelSmoother` has it.
    pub smoothing: f32,
    /// How much each class counts, `[classes]`: the mean is by the weights of the rows' labels, as with
    /// PyTorch's `CrossEntropyLoss(weight=…)`.
    pub weights: Option<&'a [f32]>,
    /// Focal loss (Lin and others 2017): a row counts times (1 - p)^gamma, with p its label's probability. 0: each
    /// counts in full. Smoothing doesn't apply where it is above 0.
    pub gamma: f32,
}

struct CrossEntropy {
    rows: usize,
    classes: usize,
    smoothing: f32,
    weighted: bool,
    gamma: f32,
    scale: f32,
}

/// Mean cross-entropy of `logits` `[rows, classes]` against `labels` `[rows]`, and its gradient
/// `[rows, classes]` times `scale`. Rows with a label below 0 don't count, as with PyTorch's `ignore_index`;
/// without any that does, loss and gradient are 0. With label smoothing e the target is (1 - e) on the label
/// plus e / classes everywhere.
pub fn cross_entropy(
    logits: &Tensor<2>,
    labels: &Tensor<1, Int>,
    options: &ClassLoss<'_>,
    scale: f32,
) -> (Tensor<1>, Tensor<2>) {
    let [rows, classes] = logits.dims();
    let device = logits.device();
    let op = CrossEntropy {
        rows,
        classes,
        smoothing: options.smoothing,
        weighted: options.weights.is_some(),
        gamma: options.gamma,
        scale,
    };
    let mut inputs = vec![floats(logits.clone())];
    if let Some(weights) = options.weights {
        let data = TensorData::new(weights.to_vec(), [classes]);
        inputs.push(floats(Tensor::<1>::from_data(data, &device)));
    }
    let outputs = [empty([rows, classes], &device), empty([1], &device)];
    let [dlogits, loss] = run(&op, &inputs, &[ints(labels)], outputs);
    (tensor(loss), tensor(dlogits))
}

impl Kernel for CrossEntropy {
    fn launch(&self, class: Class) -> Launch {
        let params = Params::default().int(self.rows).int(self.classes);
        let params = params.float(self.smoothing).float(self.scale);
        let [group, many] = flags(self.rows, class);
        let (weighted, focal) = (("weighted", self.weighted), ("focal", self.gamma > 0.0));
        Launch {
            variant: Variant::shader(CROSS_ENTROPY, &[group, many, weighted, focal]),
            extent: Extent::Line(1),
            params: params.float(self.gamma),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let [dlogits, loss] = outputs else { return };
        let labels = indices[0];
        let weights = floats.get(1).copied();
        let weight = |class: usize| weights.map_or(1.0, |weights| weights[class]);
        let labelled = labels
            .iter()
            .filter_map(|label| usize::try_from(*label).ok());
        let mut counted: f32 = labelled.map(weight).sum();
        if counted == 0.0 {
            counted = 1.0;
        }
        let losses: Vec<f32> = dlogits
            .par_chunks_mut(self.classes)
            .zip(floats[0].par_chunks(self.classes))
            .zip(labels)
            .map(|((dlogits, logits), &label)| match usize::try_from(label) {
                Ok(label) if self.gamma > 0.0 => {
                    self.focal_row(logits, label, weight(label) / counted, dlogits) * counted
                }
                Ok(label) => self.row(logits, label, (weights, counted), dlogits),
                Err(_) => {
                    dlogits.fill(0.0);
                    0.0
                }
            })
            .collect();
        loss[0] = losses.iter().sum::<f32>() / counted;
    }
}

/// A row's highest logit, and the logarithm of the sum over its classes of exp(logit - highest).
fn log_sum(logits: &[f32]) -> (f32, f32) {
    let highest = logits.iter().copied().fold(-3.0e38, f32::max);
    let sum = logits.iter().map(|x| libm::expf(x - highest)).sum::<f32>();
    (highest, sum.ln())
}

impl CrossEntropy {
    /// One row's loss, not yet divided by what is counted: the labels' weights, without weights the rows.
    fn row(
        &self,
        logits: &[f32],
        label: usize,
        (weights, counted): (Option<&[f32]>, f32),
        dlogits: &mut [f32],
    ) -> f32 {
        let classes = self.classes as f32;
        let weight = |class: usize| weights.map_or(1.0, |weights| weights[class]);
        let (highest, log_sum) = log_sum(logits);
        let mean = logits.iter().enumerate();
        let mean = mean
            .map(|(c, x)| weight(c) * (x - highest) / classes)
            .sum::<f32>();
        let hit = (1.0 - self.smoothing) * weight(label);
        // What the target has in all.
        let mass = weights.map_or(1.0, |weights| {
            hit + self.smoothing * weights.iter().sum::<f32>() / classes
        });
        for (c, (dlogit, logit)) in dlogits.iter_mut().zip(logits).enumerate() {
            let expected =
                if c == label { hit } else { 0.0 } + self.smoothing * weight(c) / classes;
            let probability = libm::expf(logit - highest - log_sum);
            *dlogit = self.scale * (mass * probability - expected) / counted;
        }
        mass * log_sum - hit * (logits[label] - highest) - self.smoothing * mean
    }

    /// One row's focal loss times `share`, its part in the mean.
    fn focal_row(&self, logits: &[f32], label: usize, share: f32, dlogits: &mut [f32]) -> f32 {
        let (highest, log_sum) = log_sum(logits);
        let log_p = logits[label] - highest - log_sum;
        let probability = |logit: &f32| libm::expf(logit - highest - log_sum);
        let others = logits.iter().enumerate().filter(|(c, _)| *c != label);
        // 1 - p without the digits that this would cancel.
        let rest: f32 = others.map(|(_, logit)| probability(logit)).sum();
        let (loss, slope) = if rest > 0.0 {
            let modulator = share * libm::powf(rest, self.gamma);
            let fall = self.gamma * libm::expf(log_p) * log_p / rest;
            (-modulator * log_p, modulator * (1.0 - fall))
        } else {
            (0.0, 0.0)
        };
        for (c, (dlogit, logit)) in dlogits.iter_mut().zip(logits).enumerate() {
            let hit = if c == label { 1.0 } else { 0.0 };
            *dlogit = self.scale * slope * (probability(logit) - hit);
        }
        loss
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

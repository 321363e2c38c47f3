//! AdamW over whole blocks of parameters, in place.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use tunesmith_shaders::ADAMW;

use crate::blocks::Blocks;
use crate::buffer::floats;
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run_over};
use crate::reduce::GradientNorm;

/// Elements a thread works on at a time.
const CHUNK: usize = 64 * 1024;

/// What all parameters share in one step, uploaded once.
#[derive(Debug, Clone)]
pub struct AdamWHyper {
    values: Tensor<1>,
}

impl AdamWHyper {
    /// The numbers of step `t`, counted from 1.
    pub fn new(
        learning_rate: f64,
        [beta1, beta2]: [f64; 2],
        epsilon: f64,
        t: u32,
        device: &Device,
    ) -> Self {
        let correction1 = 1.0 - libm::pow(beta1, f64::from(t));
        let correction2 = (1.0 - libm::pow(beta2, f64::from(t))).sqrt();
        // 1 - beta in f64 first, as PyTorch has it: 1 - 0.999f32 is 5e-5 off.
        let values = [
            learning_rate,
            beta1,
            beta2,
            epsilon,
            correction1,
            correction2,
            1.0 - beta1,
            1.0 - beta2,
        ];
        let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
        let shape = [values.len()];
        Self {
            values: Tensor::from_data(TensorData::new(values, shape), device),
        }
    }
}

/// What a step changes: sets of blocks of one layout.
#[derive(Debug)]
pub struct AdamWState<'a> {
    /// The parameters' values.
    pub values: &'a mut Blocks,
    /// Their gradients, which are zero afterwards.
    pub gradients: &'a mut Blocks,
    /// The running means of the gradients.
    pub exp_avg: &'a mut Blocks,
    /// The running means of their squares.
    pub exp_avg_sq: &'a mut Blocks,
}

struct Op {
    count: usize,
    decayed: usize,
    weight_decay: f32,
}

/// One step of decoupled AdamW as `torch.optim.AdamW` takes it (Loshchilov and Hutter, arXiv
/// 1711.05101) on all parameters. Gradients are scaled by the norm's clip factor.
pub fn adamw(hyper: &AdamWHyper, norm: &GradientNorm, weight_decay: f32, state: AdamWState<'_>) {
    let layout = state.values.layout.clone();
    let blocks = state
        .values
        .buffers
        .iter_mut()
        .zip(&mut state.gradients.buffers)
        .zip(&mut state.exp_avg.buffers)
        .zip(&mut state.exp_avg_sq.buffers);
    for (block, (((values, gradients), exp_avg), exp_avg_sq)) in blocks.enumerate() {
        let (count, decayed) = layout.extents(block);
        let op = Op {
            count,
            decayed,
            weight_decay,
        };
        let inputs = [floats(hyper.values.clone()), floats(norm.values.clone())];
        run_over(&op, &inputs, &[], [values, gradients, exp_avg, exp_avg_sq]);
    }
}

impl Kernel for Op {
    fn launch(&self, _: Class) -> Launch {
        let params = Params::default()
            .int(self.count / 4)
            .int(self.decayed / 4)
            .float(self.weight_decay);
        Launch {
            variant: Variant::shader(ADAMW, &[]),
            extent: Extent::Line(self.count / 4),
            params,
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let [
            learning_rate,
            beta1,
            beta2,
            epsilon,
            correction1,
            correction2,
            rest1,
            rest2,
        ] = floats[0]
        else {
            return;
        };
        let factor = floats[1][1];
        let rate = learning_rate / correction1;
        let [parameter, gradient, momentum, variance] = outputs else {
            return;
        };
        parameter
            .par_chunks_mut(CHUNK)
            .zip(gradient.par_chunks_mut(CHUNK))
            .zip(
                momentum
                    .par_chunks_mut(CHUNK)
                    .zip(variance.par_chunks_mut(CHUNK)),
            )
            .enumerate()
            .for_each(|(chunk, ((parameter, gradient), (momentum, variance)))| {
                let decayed = self
                    .decayed
                    .saturating_sub(chunk * CHUNK)
                    .min(parameter.len());
                let parts = [
                    (0..decayed, 1.0 - learning_rate * self.weight_decay),
                    (decayed..parameter.len(), 1.0),
                ];
                for (part, kept) in parts {
                    for i in part {
                        let g = gradient[i] * factor;
                        let m = beta1 * momentum[i] + rest1 * g;
                        let v = beta2 * variance[i] + rest2 * g * g;
                        momentum[i] = m;
                        variance[i] = v;
                        parameter[i] =
                            parameter[i] * kept - rate * m / (v.sqrt() / correction2 + epsilon);
                        gradient[i] = 0.0;
                    }
                }
            });
    }
}

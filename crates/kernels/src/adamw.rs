//! AdamW, one parameter a dispatch, in place.

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use tunesmith_shaders::ADAMW;

use crate::buffer::{floats, tensor};
use crate::device::AdapterKind;
use crate::kernel::{Extent, Kernel, Launch, Params, Variant, run};
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

struct Op {
    count: usize,
    weight_decay: f32,
}

/// One step of decoupled AdamW as `torch.optim.AdamW` takes it (Loshchilov and Hutter, arXiv
/// 1711.05101) on one parameter: `[parameter, gradient, exp_avg, exp_avg_sq]`, flat and of one length,
/// come back updated, the gradient as zeros. The gradient is scaled by the norm's clip factor.
pub fn adamw(
    hyper: &AdamWHyper,
    norm: &GradientNorm,
    weight_decay: f32,
    state: [Tensor<1>; 4],
) -> [Tensor<1>; 4] {
    let op = Op {
        count: state[0].dims()[0],
        weight_decay,
    };
    let inputs = [floats(hyper.values.clone()), floats(norm.values.clone())];
    run(&op, &inputs, &[], state.map(floats)).map(tensor)
}

impl Kernel for Op {
    fn launch(&self, _: AdapterKind) -> Launch {
        let wide = self.count.is_multiple_of(4);
        let count = if wide { self.count / 4 } else { self.count };
        Launch {
            variant: Variant::shader(ADAMW, &[("vec4", wide)]),
            extent: Extent::Line(count),
            params: Params::default().int(count).float(self.weight_decay),
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
        let decay = 1.0 - learning_rate * self.weight_decay;
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
            .for_each(|((parameter, gradient), (momentum, variance))| {
                for i in 0..parameter.len() {
                    let g = gradient[i] * factor;
                    let m = beta1 * momentum[i] + rest1 * g;
                    let v = beta2 * variance[i] + rest2 * g * g;
                    momentum[i] = m;
                    variance[i] = v;
                    parameter[i] =
                        parameter[i] * decay - rate * m / (v.sqrt() / correction2 + epsilon);
                    gradient[i] = 0.0;
                }
            });
    }
}

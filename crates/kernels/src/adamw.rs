//! AdamW over whole blocks of parameters, in place.

use std::ops::Range;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use tunesmith_shaders::{ADAMW, fours};

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

/// What a step changes: sets of blocks of one layout, of which all but the values end before what isn't trained.
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

/// Elements from `start` to `end`; those before `decayed` decay.
struct Op {
    start: usize,
    end: usize,
    decayed: usize,
    weight_decay: f32,
}

/// One step of decoupled AdamW as `torch.optim.AdamW` takes it (Loshchilov and Hutter, arXiv
/// 1711.05101) on all parameters, of which those that the layout says decay. Gradients are scaled by the
/// norm's clip factor.
pub fn adamw(hyper: &AdamWHyper, norm: &GradientNorm, weight_decay: f32, state: AdamWState<'_>) {
    let layout = state.values.layout.clone();
    let AdamWState {
        values,
        gradients,
        exp_avg,
        exp_avg_sq,
    } = state;
    for block in 0..gradients.buffers.len() {
        let (end, decayed) = layout.extents(block);
        let op = Op {
            start: 0,
            end,
            decayed,
            weight_decay,
        };
        let state = AdamWState {
            values: &mut *values,
            gradients: &mut *gradients,
            exp_avg: &mut *exp_avg,
            exp_avg_sq: &mut *exp_avg_sq,
        };
        op.run(hyper, norm, block, state);
    }
}

/// The same on some elements of a block, all of which decay. Both ends are multiples of 4.
pub fn adamw_of(
    hyper: &AdamWHyper,
    norm: &GradientNorm,
    weight_decay: f32,
    (block, elements): (usize, Range<usize>),
    state: AdamWState<'_>,
) {
    let op = Op {
        start: elements.start,
        end: elements.end,
        decayed: elements.end,
        weight_decay,
    };
    op.run(hyper, norm, block, state);
}

impl Op {
    fn run(&self, hyper: &AdamWHyper, norm: &GradientNorm, block: usize, state: AdamWState<'_>) {
        let inputs = [floats(hyper.values.clone()), floats(norm.values.clone())];
        let outputs = [
            &mut state.values.buffers[block],
            &mut state.gradients.buffers[block],
            &mut state.exp_avg.buffers[block],
            &mut state.exp_avg_sq.buffers[block],
        ];
        run_over(self, &inputs, &[], outputs);
    }

    fn launch_in(&self, chunks: bool) -> Launch {
        let lanes = (self.end.saturating_sub(self.start) / 4).div_ceil(fours(chunks) as usize);
        let params = Params::default()
            .int(self.end / 4)
            .int(self.decayed / 4)
            .float(self.weight_decay)
            .int(self.start / 4);
        Launch {
            variant: Variant::shader(ADAMW, &[("chunks", chunks)]),
            extent: Extent::Line(lanes),
            params,
        }
    }
}

impl Kernel for Op {
    fn launch(&self, class: Class) -> Launch {
        self.launch_in(!class.is_gpu())
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
                let here = |place: usize| place.saturating_sub(chunk * CHUNK).min(parameter.len());
                let (start, end) = (here(self.start), here(self.end));
                let decayed = here(self.decayed).clamp(start, end);
                let parts = [
                    (start..decayed, 1.0 - learning_rate * self.weight_decay),
                    (decayed..end, 1.0),
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::device::{ComputeDevice, adapters};
    use crate::testing::{Forced, filled, read};

    /// Parameter, gradient and both moments after a step from `start` on.
    fn step(start: usize, count: usize, chunks: bool, device: &Device) -> Vec<Vec<f32>> {
        let op = Op {
            start,
            end: count,
            decayed: count / 3 / 4 * 4,
            weight_decay: 0.01,
        };
        let hyper = AdamWHyper::new(1e-3, [0.9, 0.999], 1e-8, 3, device);
        let norm = floats(Tensor::<1>::from_data([2.0_f32, 0.5], device));
        let inputs = [floats(hyper.values), norm];
        // The last is a mean of squares.
        let mut state = [(1.3, 1), (1.7, 1), (2.1, 1), (0.7, 2)]
            .map(|(factor, power)| filled(count, |i| (i * factor).sin().powi(power), device));
        let kernel = Forced {
            kernel: &op,
            launch: &|| op.launch_in(chunks),
        };
        run_over(&kernel, &inputs, &[], state.each_mut());
        state.map(read).into()
    }

    #[test]
    fn what_lies_before_the_start_is_left_alone() {
        let cpu = ComputeDevice::cpu("test").device;
        // Over the border of two chunks.
        let (start, count) = (CHUNK - 8, CHUNK + 64);
        let part = step(start, count, false, &cpu);
        let whole = step(0, count, false, &cpu);
        let before = filled(count, |i| (i * 1.3).sin(), &cpu);
        assert_eq!(part[0][..start], read(before)[..start]);
        assert_eq!(part[0][start..], whole[0][start..]);
        assert!(part[1][start..].iter().all(|gradient| *gradient == 0.0));
        assert!(part[1][1..start].iter().all(|gradient| *gradient != 0.0));
    }

    #[test]
    fn chunks_change_nothing() {
        let wanted_on = ComputeDevice::cpu("test").device;
        let mut seen = 0;
        for adapter in pollster::block_on(adapters()) {
            let device = pollster::block_on(adapter.open_with_webgpu_defaults("test")).unwrap();
            // Less than a workgroup, one more four than two workgroups of chunks hold, and several.
            let group = (4 * ADAMW.workgroup_size * fours(true)) as usize;
            for (start, count) in [
                (0, 4),
                (0, 2 * group + 4),
                (0, 5 * group - 8),
                (8, 2 * group + 4),
                (group + 4, 3 * group),
            ] {
                let wanted = step(start, count, false, &wanted_on);
                for chunks in [false, true] {
                    let got = step(start, count, chunks, &device.device);
                    for (got, wanted) in got.iter().zip(&wanted) {
                        for (got, wanted) in got.iter().zip(wanted) {
                            let off = (got - wanted).abs();
                            assert!(off <= 1e-6 * wanted.abs().max(1.0), "{got} and {wanted}");
                        }
                    }
                    seen += 1;
                }
            }
        }
        assert!(seen > 0, "no adapter: run `cargo xtask test`");
    }
}

//! The global gradient norm, on the device.

use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{CLIP, SUM_SQUARES, SUM_SQUARES_LANES};

use crate::blocks::Blocks;
use crate::buffer::{Buffer, empty, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};

const LANES: usize = SUM_SQUARES_LANES as usize;

/// The global norm of a set of gradients, and the factor that clips it.
#[derive(Debug, Clone)]
pub struct GradientNorm {
    /// `[norm, factor]`, on the device: a step need not wait for it.
    pub(crate) values: Tensor<1>,
}

impl GradientNorm {
    /// `[2]`: the L2 norm over all gradients before clipping, and min(1, max_norm / (norm + 1e-6)) over the loss's
    /// scale.
    pub fn values(&self) -> Tensor<1> {
        self.values.clone()
    }
}

/// Sums the squares of one block into its slot of partial sums.
struct SumSquares {
    count: usize,
    slot: usize,
}

/// The L2 norm over all `gradients`, clipped at `max_norm` as `torch.nn.utils.clip_grad_norm_` does; a
/// `max_norm` of 0 clips nothing.
pub fn gradient_norm(gradients: &Blocks, max_norm: f32, device: &Device) -> GradientNorm {
    scaled_gradient_norm(gradients, max_norm, 1.0, device)
}

/// The same of gradients that are `loss_scale` times what they should be: the norm is without it, and the factor takes
/// it out.
pub fn scaled_gradient_norm(
    gradients: &Blocks,
    max_norm: f32,
    loss_scale: f32,
    device: &Device,
) -> GradientNorm {
    let slots = gradients.buffers.len();
    let mut partial: Buffer = empty([slots * LANES], device);
    for (slot, block) in gradients.buffers.iter().enumerate() {
        let op = SumSquares {
            count: block.count(),
            slot,
        };
        [partial] = run(&op, std::slice::from_ref(block), &[], [partial]);
    }
    let [norm] = run(
        &Clip {
            slots,
            max_norm,
            loss_scale,
        },
        &[partial],
        &[],
        [empty([2], device)],
    );
    GradientNorm {
        values: tensor(norm),
    }
}

impl Kernel for SumSquares {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(SUM_SQUARES, &[]),
            extent: Extent::Line(LANES),
            params: Params::default().int(self.count / 4).int(self.slot),
        }
    }

    // In pieces of neighbours here, strided on the device: both sum few enough that f32 holds.
    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let partial = &mut outputs[0][self.slot * LANES..][..LANES];
        let piece = self.count.div_ceil(LANES).max(1);
        partial.fill(0.0);
        partial
            .par_iter_mut()
            .zip(floats[0].par_chunks(piece))
            .for_each(|(sum, values)| {
                *sum = sum_of_squares(values);
            });
    }
}

// Eight running sums, so that the compiler may use vector registers.
fn sum_of_squares(values: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let chunks = values.chunks_exact(8);
    let rest: f32 = chunks.remainder().iter().map(|x| x * x).sum();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x * x;
        }
    }
    sums.iter().sum::<f32>() + rest
}

struct Clip {
    slots: usize,
    max_norm: f32,
    loss_scale: f32,
}

impl Kernel for Clip {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(CLIP, &[]),
            extent: Extent::Line(64),
            params: Params::default()
                .int(self.slots)
                .float(self.max_norm)
                .float(self.loss_scale),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let norm = floats[0].iter().map(|x| f64::from(*x)).sum::<f64>().sqrt() as f32;
        let norm = norm / self.loss_scale;
        let clipped = if self.max_norm > 0.0 {
            (self.max_norm / (norm + 1e-6)).min(1.0)
        } else {
            1.0
        };
        outputs[0][0] = norm;
        outputs[0][1] = clipped / self.loss_scale;
    }
}

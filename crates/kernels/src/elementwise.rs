//! GELU and tanh with their gradients.

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_shaders::{GELU, GELU_BACKWARD, Shader, TANH, TANH_BACKWARD};

use crate::buffer::{empty, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};

/// Elements a thread works on at a time.
const CHUNK: usize = 16 * 1024;

/// An op of one output element per input element.
struct Elementwise {
    shader: &'static Shader,
    /// Floats an invocation handles.
    width: usize,
    count: usize,
    function: fn(&[&[f32]], &mut [f32]),
}

impl Kernel for Elementwise {
    fn launch(&self, _: Class) -> Launch {
        let invocations = self.count / self.width;
        Launch {
            variant: Variant::shader(self.shader, &[]),
            extent: Extent::Line(invocations),
            params: Params::default().int(invocations),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        outputs[0]
            .par_chunks_mut(CHUNK)
            .enumerate()
            .for_each(|(i, output)| {
                let start = i * CHUNK;
                let inputs: Vec<&[f32]> = floats
                    .iter()
                    .map(|input| &input[start..start + output.len()])
                    .collect();
                (self.function)(&inputs, output);
            });
    }
}

fn elementwise(
    shader: &'static Shader,
    width: usize,
    inputs: &[&Tensor<2>],
    function: fn(&[&[f32]], &mut [f32]),
) -> Tensor<2> {
    let shape = inputs[0].dims();
    let op = Elementwise {
        shader,
        width,
        count: shape[0] * shape[1],
        function,
    };
    let output = empty(shape, &inputs[0].device());
    let inputs: Vec<_> = inputs
        .iter()
        .map(|input| floats((*input).clone()))
        .collect();
    let [output] = run(&op, &inputs, &[], [output]);
    tensor(output)
}

/// erf as a rational function on [-4, 4], within 4e-7 of the true value (the coefficients of Eigen's
/// float erf), the same polynomial as in `shaders/wgsl/erf.wgsl`.
#[inline(always)]
fn erf(value: f32) -> f32 {
    let x = value.clamp(-4.0, 4.0);
    let s = x * x;
    let p = ((((((-2.726_142_3e-10 * s + 2.770_681_4e-8) * s - 2.101_024e-6) * s
        - 5.692_506_5e-5)
        * s
        - 7.349_906_3e-4)
        * s
        - 2.954_6e-3)
        * s)
        - 1.609_603_3e-2;
    let q = (((-1.456_607_2e-5 * s - 2.133_740_6e-4) * s - 1.682_827e-3) * s - 7.373_329_2e-3) * s
        - 1.426_473_9e-2;
    x * p / q
}

/// e^x for x <= 0, within 2e-7 of the true value relatively (Cephes' `expf`), without a branch, so that
/// a loop over it runs in vector registers.
#[inline(always)]
pub(crate) fn exp(value: f32) -> f32 {
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // Adding 1.5 * 2^23 rounds to an integer, which the sum's last bits then hold.
    const ROUND: f32 = 12_582_912.0;
    // Not `max`, which would make a number of NaN.
    let x = if value < -87.0 { -87.0 } else { value };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let p = ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r
        + 1.666_666_5e-1)
        * r
        + 5e-1;
    let exponent = shifted.to_bits().wrapping_sub(ROUND.to_bits());
    let power = f32::from_bits(exponent.wrapping_add(127) << 23);
    (p * r * r + r + 1.0) * power
}

/// `x * Phi(x)`, the exact GELU (Hendrycks and Gimpel, arXiv 1606.08415): `[rows, cols]`, `cols` a
/// multiple of 4.
pub fn gelu(x: &Tensor<2>) -> Tensor<2> {
    elementwise(GELU, 4, &[x], |inputs, y| {
        for (y, x) in y.iter_mut().zip(inputs[0]) {
            *y = 0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        }
    })
}

/// The gradient of [`gelu`] at `x`: `dy * (Phi(x) + x * phi(x))`.
pub fn gelu_backward(x: &Tensor<2>, dy: &Tensor<2>) -> Tensor<2> {
    const INV_SQRT_TAU: f32 = 0.398_942_3;
    elementwise(GELU_BACKWARD, 4, &[x, dy], |inputs, dx| {
        for ((dx, x), dy) in dx.iter_mut().zip(inputs[0]).zip(inputs[1]) {
            let cdf = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
            *dx = dy * (cdf + x * INV_SQRT_TAU * exp(-0.5 * x * x));
        }
    })
}

/// `tanh(x)`: `[rows, cols]`.
pub fn tanh(x: &Tensor<2>) -> Tensor<2> {
    elementwise(TANH, 1, &[x], |inputs, y| {
        for (y, x) in y.iter_mut().zip(inputs[0]) {
            *y = libm::tanhf(*x);
        }
    })
}

/// The gradient of [`tanh`] from its output `y`: `dy * (1 - y^2)`.
pub fn tanh_backward(y: &Tensor<2>, dy: &Tensor<2>) -> Tensor<2> {
    elementwise(TANH_BACKWARD, 1, &[y, dy], |inputs, dx| {
        for ((dx, y), dy) in dx.iter_mut().zip(inputs[0]).zip(inputs[1]) {
            *dx = dy * (1.0 - y * y);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{erf, exp};

    #[test]
    fn exp_is_within_a_few_ulp_of_libm() {
        let worst = (0..=80_000)
            .map(|i| f64::from(i) / -1000.0)
            .map(|x| (f64::from(exp(x as f32)) / libm::exp(f64::from(x as f32)) - 1.0).abs())
            .fold(0.0, f64::max);
        assert!(worst < 2e-7, "worst error {worst}");
        assert!(exp(-1e30) < 1e-37);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn erf_is_within_a_few_ulp_of_libm() {
        let worst = (-6000..=6000)
            .map(|i| i as f64 / 1000.0)
            .map(|x| (f64::from(erf(x as f32)) - libm::erf(x)).abs())
            .fold(0.0, f64::max);
        assert!(worst < 4e-7, "worst error {worst}");
    }
}

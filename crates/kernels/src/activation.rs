//! Activations with their gradients, alone and as the gate of a gated layer.

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_architecture::Activation;
use tunesmith_shaders::{ACTIVATE, ACTIVATE_BACKWARD, GATED, GATED_BACKWARD, Shader};

use crate::buffer::{Precision, empty_in, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::math::{erf, exp, in_vectors, sigmoid, tanh};

/// Elements a thread works on at a time.
const CHUNK: usize = 16 * 1024;

fn flag(activation: Activation) -> &'static str {
    match activation {
        Activation::Gelu => "gelu",
        Activation::GeluTanh => "gelu_tanh",
        Activation::Relu => "relu",
        Activation::Silu => "silu",
        Activation::Tanh => "tanh",
    }
}

/// The variant for it, four numbers at a time or one.
fn variant(activation: Activation, shader: &'static Shader, width: usize) -> Variant {
    let by = if width == 4 { "fours" } else { "scalar" };
    Variant::shader(shader, &[(flag(activation), true), (by, true)])
}

/// An activation as a type, so that the loop over it is compiled for it alone.
trait Curve {
    fn value(x: f32) -> f32;
    fn slope(x: f32) -> f32;
}

struct Gelu;
struct GeluTanh;
struct Relu;
struct Silu;
struct Tanh;

impl Curve for Gelu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        0.5 * x * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2))
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        const INV_SQRT_TAU: f32 = 0.398_942_3;
        let cdf = 0.5 * (1.0 + erf(x * std::f32::consts::FRAC_1_SQRT_2));
        cdf + x * INV_SQRT_TAU * exp(-0.5 * x * x)
    }
}

impl GeluTanh {
    const CUBIC: f32 = 0.044_715;
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;

    #[inline(always)]
    fn approximate(x: f32) -> f32 {
        tanh(Self::SQRT_2_OVER_PI * (x + Self::CUBIC * x * x * x))
    }
}

impl Curve for GeluTanh {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        0.5 * x * (1.0 + Self::approximate(x))
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let t = Self::approximate(x);
        let inner = Self::SQRT_2_OVER_PI * (1.0 + 3.0 * Self::CUBIC * x * x);
        0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner
    }
}

impl Curve for Relu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        // Not `max`, which would make a number of NaN.
        if x < 0.0 { 0.0 } else { x }
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        if x > 0.0 { 1.0 } else { 0.0 }
    }
}

impl Curve for Silu {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let s = sigmoid(x);
        s * (1.0 + x * (1.0 - s))
    }
}

impl Curve for Tanh {
    #[inline(always)]
    fn value(x: f32) -> f32 {
        libm::tanhf(x)
    }

    #[inline(always)]
    fn slope(x: f32) -> f32 {
        let y = libm::tanhf(x);
        1.0 - y * y
    }
}

/// Runs a function that is generic over a [`Curve`] for the one of an [`Activation`].
macro_rules! with_curve {
    ($kind:expr, $function:ident($($argument:expr),*)) => {
        match $kind {
            Activation::Gelu => $function::<Gelu>($($argument),*),
            Activation::GeluTanh => $function::<GeluTanh>($($argument),*),
            Activation::Relu => $function::<Relu>($($argument),*),
            Activation::Silu => $function::<Silu>($($argument),*),
            Activation::Tanh => $function::<Tanh>($($argument),*),
        }
    };
}

/// Floats that a lane handles of rows of this many.
fn lane_width(cols: usize) -> usize {
    if cols.is_multiple_of(4) { 4 } else { 1 }
}

struct Activate {
    kind: Activation,
    count: usize,
    backward: bool,
}

/// The activation of every number: `[rows, cols]` to the same.
pub fn activate(kind: Activation, x: &Tensor<2>) -> Tensor<2> {
    elementwise(kind, &[x])
}

/// The gradient of [`activate`] at its input `x`: `dy` times the slope there, `[rows, cols]`.
pub fn activate_backward(kind: Activation, x: &Tensor<2>, dy: &Tensor<2>) -> Tensor<2> {
    elementwise(kind, &[x, dy])
}

fn elementwise(kind: Activation, inputs: &[&Tensor<2>]) -> Tensor<2> {
    let shape = inputs[0].dims();
    let op = Activate {
        kind,
        count: shape[0] * shape[1],
        backward: inputs.len() == 2,
    };
    let output = empty_in(Precision::of(inputs[0]), shape, &inputs[0].device());
    let inputs: Vec<_> = inputs
        .iter()
        .map(|input| floats((*input).clone()))
        .collect();
    let [output] = run(&op, &inputs, &[], [output]);
    tensor(output)
}

impl Kernel for Activate {
    fn launch(&self, _: Class) -> Launch {
        let shader = if self.backward {
            ACTIVATE_BACKWARD
        } else {
            ACTIVATE
        };
        let width = lane_width(self.count);
        let lanes = self.count / width;
        Launch {
            variant: variant(self.kind, shader, width),
            extent: Extent::Line(lanes),
            params: Params::default().int(lanes),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        if self.backward {
            with_curve!(self.kind, gradients(floats[0], floats[1], outputs[0]));
        } else {
            with_curve!(self.kind, values(floats[0], outputs[0]));
        }
    }
}

fn values<C: Curve>(x: &[f32], y: &mut [f32]) {
    let chunks = y.par_chunks_mut(CHUNK).zip(x.par_chunks(CHUNK));
    chunks.for_each(|(y, x)| {
        in_vectors(|| {
            for (y, x) in y.iter_mut().zip(x) {
                *y = C::value(*x);
            }
        });
    });
}

fn gradients<C: Curve>(x: &[f32], dy: &[f32], dx: &mut [f32]) {
    let inputs = x.par_chunks(CHUNK).zip(dy.par_chunks(CHUNK));
    let chunks = dx.par_chunks_mut(CHUNK).zip(inputs);
    chunks.for_each(|(dx, (x, dy))| {
        in_vectors(|| {
            for ((dx, x), dy) in dx.iter_mut().zip(x).zip(dy) {
                *dx = dy * C::slope(*x);
            }
        });
    });
}

struct Gated {
    kind: Activation,
    rows: usize,
    wide: usize,
    backward: bool,
}

/// `activation(x[:, ..wide]) * x[:, wide..]`: `[rows, 2 * wide]` gives `[rows, wide]`. With GELU it is GeGLU
/// (Shazeer, arXiv 2002.05202).
pub fn gated(kind: Activation, x: &Tensor<2>) -> Tensor<2> {
    let [rows, both] = x.dims();
    let op = Gated {
        kind,
        rows,
        wide: both / 2,
        backward: false,
    };
    let y = empty_in(Precision::of(x), [rows, both / 2], &x.device());
    let [y] = run(&op, &[floats(x.clone())], &[], [y]);
    tensor(y)
}

/// The gradient of [`gated`] at its input `x` `[rows, 2 * wide]` from `dy` `[rows, wide]`: `[rows, 2 * wide]`.
pub fn gated_backward(kind: Activation, x: &Tensor<2>, dy: &Tensor<2>) -> Tensor<2> {
    let [rows, wide] = dy.dims();
    let op = Gated {
        kind,
        rows,
        wide,
        backward: true,
    };
    let inputs = [floats(x.clone()), floats(dy.clone())];
    // Whole fours of either half.
    let precision = match wide.is_multiple_of(4) {
        true => Precision::of(x),
        false => Precision::F32,
    };
    let dx = empty_in(precision, [rows, 2 * wide], &x.device());
    let [dx] = run(&op, &inputs, &[], [dx]);
    tensor(dx)
}

impl Kernel for Gated {
    fn launch(&self, _: Class) -> Launch {
        let shader = if self.backward { GATED_BACKWARD } else { GATED };
        let width = lane_width(self.wide);
        let wide = self.wide / width;
        Launch {
            variant: variant(self.kind, shader, width),
            extent: Extent::Line(self.rows * wide),
            params: Params::default().int(self.rows * wide).int(wide),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let wide = self.wide;
        if self.backward {
            with_curve!(
                self.kind,
                gated_gradients(floats[0], floats[1], outputs[0], wide)
            );
        } else {
            with_curve!(self.kind, gated_values(floats[0], outputs[0], wide));
        }
    }
}

fn gated_values<C: Curve>(x: &[f32], y: &mut [f32], wide: usize) {
    let rows = y.par_chunks_mut(wide).zip(x.par_chunks(2 * wide));
    rows.for_each(|(y, x)| {
        let (left, right) = x.split_at(wide);
        in_vectors(|| {
            for ((y, left), right) in y.iter_mut().zip(left).zip(right) {
                *y = C::value(*left) * right;
            }
        });
    });
}

fn gated_gradients<C: Curve>(x: &[f32], dy: &[f32], dx: &mut [f32], wide: usize) {
    let inputs = x.par_chunks(2 * wide).zip(dy.par_chunks(wide));
    let rows = dx.par_chunks_mut(2 * wide).zip(inputs);
    rows.for_each(|(dx, (x, dy))| {
        let (left, right) = x.split_at(wide);
        let (dleft, dright) = dx.split_at_mut(wide);
        in_vectors(|| {
            for i in 0..wide {
                dleft[i] = dy[i] * right[i] * C::slope(left[i]);
                dright[i] = dy[i] * C::value(left[i]);
            }
        });
    });
}

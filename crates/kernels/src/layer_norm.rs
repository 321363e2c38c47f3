//! LayerNorm over a sum: `LayerNorm(residual + dropout(x))`, the way BERT closes every block
//! (Ba et al., arXiv 1607.06450).

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_shaders::{GROUP_FOURS, LAYER_NORM, LAYER_NORM_BACKWARD, LAYER_NORM_PARAMETERS};

use crate::blocks::{Blocks, Slot, View};
use crate::buffer::{Buffer, Precision, empty, empty_in, floats, tensor};
use crate::dropout::Dropout;
use crate::half::round;
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run, run_in_place};
use crate::math::{in_vectors, sum, sum_of_two};

/// What [`layer_norm`] keeps for its backward pass.
#[derive(Debug, Clone)]
pub struct LayerNormSaved {
    /// The normalised rows before scale and shift, `[rows, cols]`.
    pub xhat: Tensor<2>,
    /// One over the standard deviation of every row, `[rows]`.
    pub rstd: Tensor<1>,
}

struct Forward {
    rows: usize,
    cols: usize,
    epsilon: f32,
    residual: bool,
    beta: bool,
    /// Whether the sum that is normalised is an output too.
    sum: bool,
    precision: Precision,
    dropout: Dropout,
}

/// `LayerNorm(residual + dropout(x)) * gamma + beta` over rows of `[rows, cols]`, `cols` a multiple
/// of 4, with what the backward pass needs. `affine` is gamma and behind it beta, `[2, cols]`, or gamma alone,
/// `[cols]`, where nothing is added. Results are stored as the residual is or, without one, as `x` is.
pub fn layer_norm(
    x: &Tensor<2>,
    residual: Option<&Tensor<2>>,
    affine: &View,
    epsilon: f32,
    dropout: &Dropout,
) -> (Tensor<2>, LayerNormSaved) {
    let op = Forward::new(x, residual, affine, epsilon, dropout);
    let inputs = inputs(x, residual, affine);
    let [y, xhat, rstd] = run(&op, &inputs, &noise(dropout), op.outputs(x));
    (
        tensor(y),
        LayerNormSaved {
            xhat: tensor(xhat),
            rstd: tensor(rstd),
        },
    )
}

/// The sum `residual + dropout(x)`, and [`layer_norm`] of it: how a layer begins a block whose norm comes
/// first.
pub fn add_layer_norm(
    x: &Tensor<2>,
    residual: &Tensor<2>,
    affine: &View,
    epsilon: f32,
    dropout: &Dropout,
) -> (Tensor<2>, Tensor<2>, LayerNormSaved) {
    let residual = Some(residual);
    let op = Forward {
        sum: true,
        ..Forward::new(x, residual, affine, epsilon, dropout)
    };
    let [y, xhat, rstd] = op.outputs(x);
    let outputs = [y, xhat, rstd, empty_in(op.precision, x.dims(), &x.device())];
    let inputs = inputs(x, residual, affine);
    let [y, xhat, rstd, sum] = run(&op, &inputs, &noise(dropout), outputs);
    let saved = LayerNormSaved {
        xhat: tensor(xhat),
        rstd: tensor(rstd),
    };
    (tensor(sum), tensor(y), saved)
}

fn inputs(x: &Tensor<2>, residual: Option<&Tensor<2>>, affine: &View) -> Vec<Buffer> {
    std::iter::once(x.clone())
        .chain(residual.cloned())
        .map(floats)
        .chain([affine.0.clone()])
        .collect()
}

fn noise(dropout: &Dropout) -> Vec<Buffer> {
    dropout.noise().into_iter().collect()
}

impl Forward {
    fn new(
        x: &Tensor<2>,
        residual: Option<&Tensor<2>>,
        affine: &View,
        epsilon: f32,
        dropout: &Dropout,
    ) -> Self {
        let [rows, cols] = x.dims();
        Self {
            rows,
            cols,
            epsilon,
            residual: residual.is_some(),
            beta: affine.count() == 2 * cols,
            sum: false,
            precision: Precision::of(residual.unwrap_or(x)),
            dropout: dropout.clone(),
        }
    }

    /// Room for the result, the normalised rows, and their deviations.
    fn outputs(&self, x: &Tensor<2>) -> [Buffer; 3] {
        let device = x.device();
        [
            empty_in(self.precision, [self.rows, self.cols], &device),
            empty_in(self.precision, [self.rows, self.cols], &device),
            empty([self.rows], &device),
        ]
    }
}

impl Kernel for Forward {
    fn launch(&self, class: Class) -> Launch {
        let flags = [
            ("residual", self.residual),
            ("dropout", self.dropout.is_active()),
            ("beta", self.beta),
            ("sum", self.sum),
            ("half", self.precision == Precision::F16),
            ("group", class.is_gpu()),
        ];
        let params = Params::default()
            .int(self.rows)
            .int(self.cols / 4)
            .float(self.epsilon);
        Launch {
            variant: Variant::shader(LAYER_NORM, &flags),
            extent: Extent::Rows(self.rows),
            params: self.dropout.params(params),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let cols = self.cols;
        let noise = indices.first().copied().unwrap_or_default();
        let x = floats[0];
        let residual = self.residual.then(|| floats[1]);
        let (gamma, beta) = floats[floats.len() - 1].split_at(cols);
        let [y, xhat, rstd, sums @ ..] = outputs else {
            return;
        };
        let add = |row: usize, sum: &mut [f32]| {
            let range = row * cols..(row + 1) * cols;
            sum.copy_from_slice(&x[range.clone()]);
            self.dropout.apply_row(noise, row, 0, sum);
            if let Some(residual) = residual {
                for (sum, value) in sum.iter_mut().zip(&residual[range]) {
                    *sum += value;
                }
            }
            if self.precision == Precision::F16 {
                in_vectors(|| round(sum));
            }
        };
        let sums = sums.first_mut().map(|sums| {
            let rows = sums.par_chunks_mut(cols).enumerate();
            rows.for_each(|(row, sum)| add(row, sum));
            &**sums
        });
        y.par_chunks_mut(cols)
            .zip(xhat.par_chunks_mut(cols))
            .zip(rstd.par_iter_mut())
            .enumerate()
            .for_each(|(row, ((y, xhat), rstd))| {
                match sums {
                    Some(sums) => xhat.copy_from_slice(&sums[row * cols..][..cols]),
                    None => add(row, xhat),
                }
                *rstd = in_vectors(|| normalise(xhat, y, (gamma, beta), self.epsilon));
            });
    }
}

/// Normalises a row, gives one over its deviation, and puts the scaled and shifted row into `y`.
#[inline(always)]
fn normalise(row: &mut [f32], y: &mut [f32], (gamma, beta): (&[f32], &[f32]), epsilon: f32) -> f32 {
    let count = row.len() as f32;
    let mean = sum(row, |x| x) / count;
    let variance = sum(row, |x| (x - mean) * (x - mean)) / count;
    let rstd = 1.0 / (variance + epsilon).sqrt();
    for ((x, y), gamma) in row.iter_mut().zip(y.iter_mut()).zip(gamma) {
        *x = (*x - mean) * rstd;
        *y = *x * gamma;
    }
    for (y, beta) in y.iter_mut().zip(beta) {
        *y += beta;
    }
    rstd
}

/// The gradient of a row before it was normalised.
#[inline(always)]
fn gradient(dsum: &mut [f32], dy: &[f32], xhat: &[f32], (gamma, rstd): (&[f32], f32)) {
    let count = dsum.len() as f32;
    for ((scaled, dy), gamma) in dsum.iter_mut().zip(dy).zip(gamma) {
        *scaled = dy * gamma;
    }
    let mean = sum(dsum, |scaled| scaled) / count;
    let slope = sum_of_two(dsum, xhat, |scaled, xhat| scaled * xhat) / count;
    for (scaled, xhat) in dsum.iter_mut().zip(xhat) {
        *scaled = rstd * (*scaled - mean - xhat * slope);
    }
}

struct Backward {
    rows: usize,
    cols: usize,
    /// Whether the sum has another gradient.
    more: bool,
    dropout: Dropout,
}

/// The gradients of the residual and of `x` in [`layer_norm`], both `[rows, cols]`; one tensor where
/// nothing was dropped. `more` is what the sum's gradient has besides, where [`add_layer_norm`]'s sum went on.
pub fn layer_norm_backward(
    dy: &Tensor<2>,
    saved: &LayerNormSaved,
    affine: &View,
    more: Option<&Tensor<2>>,
    dropout: &Dropout,
) -> (Tensor<2>, Tensor<2>) {
    let [rows, cols] = dy.dims();
    let device = dy.device();
    let op = Backward {
        rows,
        cols,
        more: more.is_some(),
        dropout: dropout.clone(),
    };
    let inputs: Vec<Buffer> = [
        floats(dy.clone()),
        floats(saved.xhat.clone()),
        floats(saved.rstd.clone()),
        affine.0.clone(),
    ]
    .into_iter()
    .chain(more.cloned().map(floats))
    .collect();
    let precision = Precision::of(dy);
    let sum = empty_in(precision, [rows, cols], &device);
    if dropout.is_active() {
        let x = empty_in(precision, [rows, cols], &device);
        let [sum, x] = run(&op, &inputs, &noise(dropout), [sum, x]);
        (tensor(sum), tensor(x))
    } else {
        let [sum] = run(&op, &inputs, &[], [sum]);
        let sum = tensor(sum);
        (sum.clone(), sum)
    }
}

impl Kernel for Backward {
    fn launch(&self, class: Class) -> Launch {
        let flags = [
            ("dropout", self.dropout.is_active()),
            ("more", self.more),
            ("group", class.is_gpu()),
        ];
        let params = Params::default().int(self.rows).int(self.cols / 4);
        Launch {
            variant: Variant::shader(LAYER_NORM_BACKWARD, &flags),
            extent: Extent::Rows(self.rows),
            params: self.dropout.params(params),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let cols = self.cols;
        let [dy, xhat, rstd, affine, more @ ..] = floats else {
            return;
        };
        let (dsum, dx) = outputs.split_at_mut(1);
        dsum[0]
            .par_chunks_mut(cols)
            .enumerate()
            .for_each(|(row, dsum)| {
                let (dy, xhat) = (&dy[row * cols..][..cols], &xhat[row * cols..][..cols]);
                in_vectors(|| gradient(dsum, dy, xhat, (&affine[..cols], rstd[row])));
                if let [more] = more {
                    for (dsum, more) in dsum.iter_mut().zip(&more[row * cols..]) {
                        *dsum += more;
                    }
                }
            });
        if let (Some(dx), Some(noise)) = (dx.first_mut(), indices.first()) {
            dx.par_chunks_mut(cols)
                .zip(dsum[0].par_chunks(cols))
                .enumerate()
                .for_each(|(row, (dx, dsum))| {
                    dx.copy_from_slice(dsum);
                    self.dropout.apply_row(noise, row, 0, dx);
                });
        }
    }
}

struct Parameters {
    rows: usize,
    cols: usize,
    beta: bool,
}

/// Adds the gradients of gamma and beta to those at `affine`, `[2, cols]`, or of gamma alone, `[cols]`. Nothing
/// where `gradients` have no room for them.
pub fn layer_norm_backward_parameters(
    dy: &Tensor<2>,
    saved: &LayerNormSaved,
    gradients: &mut Blocks,
    affine: Slot,
) {
    if !gradients.has(affine) {
        return;
    }
    let [rows, cols] = dy.dims();
    let inputs = [floats(dy.clone()), floats(saved.xhat.clone())];
    let beta = affine.count == 2 * cols;
    let op = Parameters { rows, cols, beta };
    run_in_place(&op, &inputs, &[], gradients, &[affine]);
}

impl Kernel for Parameters {
    fn launch(&self, class: Class) -> Launch {
        let fours = if class.is_gpu() { GROUP_FOURS } else { 1 };
        let flags = [("beta", self.beta), ("group", class.is_gpu())];
        Launch {
            variant: Variant::shader(LAYER_NORM_PARAMETERS, &flags),
            extent: Extent::Rows((self.cols / 4).div_ceil(fours as usize)),
            params: Params::default().int(self.rows).int(self.cols / 4),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let (dgamma, dbeta) = outputs[0].split_at_mut(self.cols);
        let rows = floats[0].chunks(self.cols).zip(floats[1].chunks(self.cols));
        for (dy, xhat) in rows {
            for i in 0..self.cols {
                dgamma[i] += dy[i] * xhat[i];
            }
            for (dbeta, dy) in dbeta.iter_mut().zip(dy) {
                *dbeta += dy;
            }
        }
    }
}

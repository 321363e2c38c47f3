//! Dropout from a counter: nothing is stored, the mask is drawn again where it is needed.

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_shaders::{ADD, DROPOUT};

use crate::buffer::{empty, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::philox::philox;

/// One dropout site of one step: it names its mask completely.
///
/// The element (row, column) of a `[rows, cols]` tensor is kept where Philox4x32-10 of the counter
/// (column / 4, row, site, step) under the seed gives, in its word column % 4, at least p * 2^32.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Probability of dropping an element, in `[0, 1)`.
    pub p: f32,
    /// The run's seed.
    pub seed: u64,
    /// The forward pass within the run, counted from 0 over every micro-batch.
    pub step: u32,
    /// The place in the model; no two places share one.
    pub site: u32,
}

impl Dropout {
    /// Whether anything is dropped.
    pub fn is_active(&self) -> bool {
        self.p > 0.0
    }

    fn threshold(&self) -> u32 {
        (f64::from(self.p) * 4_294_967_296.0) as u32
    }

    fn keep_scale(&self) -> f32 {
        1.0 / (1.0 - self.p)
    }

    /// The factors (0 or 1 / (1 - p)) of the four columns of a block.
    pub(crate) fn factors(&self, column_block: u32, row: u32) -> [f32; 4] {
        let key = [self.seed as u32, (self.seed >> 32) as u32];
        let (threshold, scale) = (self.threshold(), self.keep_scale());
        philox([column_block, row, self.site, self.step], key)
            .map(|bits| if bits >= threshold { scale } else { 0.0 })
    }

    /// Multiplies a row, starting at its first column, by its factors.
    pub(crate) fn apply_row(&self, row: usize, values: &mut [f32]) {
        for (block, chunk) in values.chunks_mut(4).enumerate() {
            let factors = self.factors(block as u32, row as u32);
            for (value, factor) in chunk.iter_mut().zip(factors) {
                *value *= factor;
            }
        }
    }

    /// What all masks of a forward pass share, as the shaders' `noise` holds it.
    pub(crate) fn noise(&self) -> [u32; 3] {
        [self.seed as u32, (self.seed >> 32) as u32, self.step]
    }

    /// The three words that every shader with a mask ends its parameters with.
    pub(crate) fn params(&self, params: Params) -> Params {
        params
            .int(self.site as usize)
            .int(self.threshold() as usize)
            .float(self.keep_scale())
    }
}

struct Op {
    rows: usize,
    cols: usize,
    dropout: Dropout,
}

/// `x` with its mask applied, `[rows, cols]`; over a gradient it is its own backward pass.
pub fn dropout(x: Tensor<2>, dropout: &Dropout) -> Tensor<2> {
    if !dropout.is_active() {
        return x;
    }
    let [rows, cols] = x.dims();
    let output = empty([rows, cols], &x.device());
    let [output] = run(
        &Op {
            rows,
            cols,
            dropout: *dropout,
        },
        &[floats(x)],
        &[],
        [output],
    );
    tensor(output)
}

impl Kernel for Op {
    fn launch(&self, class: Class) -> Launch {
        Launch {
            variant: Variant::shader(DROPOUT, &[("group", class.is_gpu())]),
            extent: Extent::Rows(self.rows),
            params: self
                .dropout
                .params(Params::default().int(self.rows).int(self.cols)),
        }
    }

    fn dropout(&self) -> Option<&Dropout> {
        Some(&self.dropout)
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        outputs[0].copy_from_slice(floats[0]);
        for (row, values) in outputs[0].chunks_mut(self.cols).enumerate() {
            self.dropout.apply_row(row, values);
        }
    }
}

struct Add {
    rows: usize,
    cols: usize,
    dropout: Dropout,
}

/// `residual + dropout(x)`, `[rows, cols]`, `cols` a multiple of 4. The gradient of `residual` is that of the
/// sum, and that of `x` is [`dropout`] of it.
pub fn add(residual: &Tensor<2>, x: &Tensor<2>, dropout: &Dropout) -> Tensor<2> {
    let [rows, cols] = x.dims();
    let op = Add {
        rows,
        cols,
        dropout: *dropout,
    };
    let inputs = [floats(residual.clone()), floats(x.clone())];
    let [sum] = run(&op, &inputs, &[], [empty([rows, cols], &x.device())]);
    tensor(sum)
}

impl Kernel for Add {
    fn launch(&self, class: Class) -> Launch {
        let flags = [
            ("dropout", self.dropout.is_active()),
            ("group", class.is_gpu()),
        ];
        let params = Params::default().int(self.rows).int(self.cols / 4);
        Launch {
            variant: Variant::shader(ADD, &flags),
            extent: Extent::Rows(self.rows),
            params: self.dropout.params(params),
        }
    }

    fn dropout(&self) -> Option<&Dropout> {
        Some(&self.dropout)
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let cols = self.cols;
        outputs[0]
            .par_chunks_mut(cols)
            .zip(floats[0].par_chunks(cols).zip(floats[1].par_chunks(cols)))
            .enumerate()
            .for_each(|(row, (sum, (residual, x)))| {
                sum.copy_from_slice(x);
                if self.dropout.is_active() {
                    self.dropout.apply_row(row, sum);
                }
                for (sum, residual) in sum.iter_mut().zip(residual) {
                    *sum += residual;
                }
            });
    }
}

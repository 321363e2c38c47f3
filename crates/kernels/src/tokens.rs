//! What runs along the tokens of a sequence: the mean over them, and the windows of a convolution.

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_shaders::{POOL, POOL_BACKWARD, WINDOWS, WINDOWS_BACKWARD};

use crate::buffer::{empty, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::packing::{Packing, sequence_of, sequences};

/// What an op over the rows of a batch makes of `input`, in this shape.
fn over(op: &dyn Kernel, input: &Tensor<2>, packing: &Packing, shape: [usize; 2]) -> Tensor<2> {
    let output = empty(shape, &input.device());
    let [output] = run(op, &[floats(input.clone())], &[packing.words()], [output]);
    tensor(output)
}

/// Which tokens stand for their sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first one.
    First,
    /// The mean of all.
    Mean,
}

impl Pooling {
    /// So many of a sequence's first tokens are taken, if it has them.
    fn most(self) -> usize {
        match self {
            Self::First => 1,
            Self::Mean => i32::MAX as usize,
        }
    }
}

struct Pool {
    batch: usize,
    tokens: usize,
    cols: usize,
    most: usize,
    backward: bool,
}

impl Pool {
    fn new(packing: &Packing, cols: usize, pooling: Pooling, backward: bool) -> Self {
        Self {
            batch: packing.batch,
            tokens: packing.tokens,
            cols,
            most: pooling.most(),
            backward,
        }
    }
}

/// What stands for each sequence: `x` `[tokens, hidden]`, hidden a multiple of 4, gives `[batch, hidden]`.
pub fn pool(x: &Tensor<2>, packing: &Packing, pooling: Pooling) -> Tensor<2> {
    let [_, cols] = x.dims();
    let op = Pool::new(packing, cols, pooling, false);
    over(&op, x, packing, [packing.batch, cols])
}

/// The gradient of [`pool`]'s `x`, `[tokens, hidden]`, from that of its output.
pub fn pool_backward(dy: &Tensor<2>, packing: &Packing, pooling: Pooling) -> Tensor<2> {
    let [_, cols] = dy.dims();
    let op = Pool::new(packing, cols, pooling, true);
    over(&op, dy, packing, [packing.tokens, cols])
}

impl Kernel for Pool {
    fn launch(&self, _: Class) -> Launch {
        let params = Params::default();
        let (shader, rows, params) = if self.backward {
            let params = params.int(self.tokens).int(self.cols / 4);
            let params = params.int(self.most).int(self.batch);
            (POOL_BACKWARD, self.tokens, params)
        } else {
            let params = params.int(self.batch).int(self.cols / 4).int(self.most);
            (POOL, self.batch, params)
        };
        Launch {
            variant: Variant::shader(shader, &[]),
            extent: Extent::Line(rows * self.cols / 4),
            params,
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Self { cols, most, .. } = *self;
        let words = indices[0];
        if self.backward {
            outputs[0]
                .par_chunks_mut(cols)
                .enumerate()
                .for_each(|(token, dx)| {
                    let (number, sequence) = sequence_of(words, self.batch, token);
                    let count = sequence.length.min(most);
                    if token - sequence.first < count {
                        let dy = &floats[0][number * cols..][..cols];
                        for (dx, dy) in dx.iter_mut().zip(dy) {
                            *dx = dy / count as f32;
                        }
                    } else {
                        dx.fill(0.0);
                    }
                });
            return;
        }
        for (pooled, sequence) in outputs[0]
            .chunks_mut(cols)
            .zip(sequences(words, self.batch))
        {
            pooled.fill(0.0);
            let count = sequence.length.min(most);
            for x in floats[0][sequence.first * cols..].chunks(cols).take(count) {
                for (sum, x) in pooled.iter_mut().zip(x) {
                    *sum += x;
                }
            }
            for sum in pooled {
                *sum /= count as f32;
            }
        }
    }
}

struct Windows {
    batch: usize,
    tokens: usize,
    hidden: usize,
    kernel: usize,
    backward: bool,
}

/// What `nn.Conv1d` with `padding = (kernel - 1) / 2` multiplies its weight `[out, hidden, kernel]` with, so
/// that a linear layer of the weight as `[out, hidden * kernel]` is the convolution: `x` `[tokens, hidden]`
/// gives `[tokens, hidden * kernel]`, whose column `c * kernel + t` of a row is column `c` of the row
/// `t - (kernel - 1) / 2` further on; zero where that is not one of the sequence's tokens, or one
/// that is padding.
pub fn windows(x: &Tensor<2>, kernel: usize, packing: &Packing) -> Tensor<2> {
    let [_, hidden] = x.dims();
    let op = Windows::new(packing, hidden, kernel, false);
    over(&op, x, packing, [packing.tokens, hidden * kernel])
}

/// The gradient of [`windows`]' `x`, `[tokens, hidden]`, from that of its output.
pub fn windows_backward(dy: &Tensor<2>, kernel: usize, packing: &Packing) -> Tensor<2> {
    let [_, wide] = dy.dims();
    let op = Windows::new(packing, wide / kernel, kernel, true);
    over(&op, dy, packing, [packing.tokens, wide / kernel])
}

impl Windows {
    fn new(packing: &Packing, hidden: usize, kernel: usize, backward: bool) -> Self {
        Self {
            batch: packing.batch,
            tokens: packing.tokens,
            hidden,
            kernel,
            backward,
        }
    }
}

impl Kernel for Windows {
    fn launch(&self, _: Class) -> Launch {
        let (shader, each) = if self.backward {
            (WINDOWS_BACKWARD, 1)
        } else {
            (WINDOWS, self.kernel)
        };
        let count = self.tokens * self.hidden * each;
        Launch {
            variant: Variant::shader(shader, &[]),
            extent: Extent::Line(count),
            params: Params::default()
                .int(count)
                .int(self.hidden)
                .int(self.kernel)
                .int(self.batch),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Self {
            hidden,
            kernel,
            backward,
            ..
        } = *self;
        let (input, output) = (floats[0], &mut outputs[0]);
        let wide = hidden * kernel;
        output.fill(0.0);
        for sequence in sequences(indices[0], self.batch) {
            let (first, length, unseen) = (sequence.first, sequence.length, sequence.unseen);
            for (row, t) in (0..length).flat_map(|row| (0..kernel).map(move |t| (row, t))) {
                // The row that place `t` of the window around `row` shows.
                let shown = (row + t).checked_sub((kernel - 1) / 2);
                let Some(shown) = shown.filter(|shown| (unseen..length).contains(shown)) else {
                    continue;
                };
                let (row, shown) = ((first + row) * wide + t, (first + shown) * hidden);
                for c in 0..hidden {
                    if backward {
                        output[shown + c] += input[row + c * kernel];
                    } else {
                        output[row + c * kernel] = input[shown + c];
                    }
                }
            }
        }
    }
}

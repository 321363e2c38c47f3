//! What runs along the tokens of a sequence and leaves out its padding: the mean over them, and the windows
//! of a convolution.

use std::ops::Range;

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{MEAN_POOL, MEAN_POOL_BACKWARD, WINDOWS, WINDOWS_BACKWARD};

use crate::buffer::{empty, floats, ints, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};

/// The rows of a sequence of `seq` that are tokens and not padding.
pub(crate) fn tokens(length: i32, seq: usize, pad_left: bool) -> Range<usize> {
    let length = length as usize;
    let first = if pad_left { seq - length } else { 0 };
    first..first + length
}

/// What an op over padded sequences makes of `input`, in this shape.
fn over(
    op: &dyn Kernel,
    input: &Tensor<2>,
    lengths: &Tensor<1, Int>,
    shape: [usize; 2],
) -> Tensor<2> {
    let output = empty(shape, &input.device());
    let [output] = run(op, &[floats(input.clone())], &[ints(lengths)], [output]);
    tensor(output)
}

struct MeanPool {
    batch: usize,
    seq: usize,
    cols: usize,
    pad_left: bool,
    backward: bool,
}

/// The mean over the tokens of every sequence: `x` `[batch * seq, hidden]`, hidden a multiple of 4, and
/// `lengths` `[batch]` (each at least 1) give `[batch, hidden]`. Padding, `pad_left` says on which side, is
/// not read.
pub fn mean_pool(
    x: &Tensor<2>,
    lengths: &Tensor<1, Int>,
    batch: usize,
    seq: usize,
    pad_left: bool,
) -> Tensor<2> {
    let [_, cols] = x.dims();
    let op = MeanPool {
        batch,
        seq,
        cols,
        pad_left,
        backward: false,
    };
    over(&op, x, lengths, [batch, cols])
}

/// The gradient of [`mean_pool`]'s `x`, `[batch * seq, hidden]`, from that of its output; zero on padding.
pub fn mean_pool_backward(
    dy: &Tensor<2>,
    lengths: &Tensor<1, Int>,
    batch: usize,
    seq: usize,
    pad_left: bool,
) -> Tensor<2> {
    let [_, cols] = dy.dims();
    let op = MeanPool {
        batch,
        seq,
        cols,
        pad_left,
        backward: true,
    };
    over(&op, dy, lengths, [batch * seq, cols])
}

impl Kernel for MeanPool {
    fn launch(&self, _: Class) -> Launch {
        let (shader, rows) = if self.backward {
            (MEAN_POOL_BACKWARD, self.batch * self.seq)
        } else {
            (MEAN_POOL, self.batch)
        };
        Launch {
            variant: Variant::shader(shader, &[]),
            extent: Extent::Line(rows * self.cols / 4),
            params: Params::default()
                .int(self.batch)
                .int(self.cols / 4)
                .int(self.seq)
                .int(usize::from(self.pad_left)),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Self {
            seq,
            cols,
            pad_left,
            ..
        } = *self;
        let lengths = indices[0];
        if self.backward {
            outputs[0]
                .par_chunks_mut(cols)
                .enumerate()
                .for_each(|(row, dx)| {
                    let length = lengths[row / seq];
                    if tokens(length, seq, pad_left).contains(&(row % seq)) {
                        let dy = &floats[0][row / seq * cols..][..cols];
                        for (dx, dy) in dx.iter_mut().zip(dy) {
                            *dx = dy / length as f32;
                        }
                    } else {
                        dx.fill(0.0);
                    }
                });
            return;
        }
        outputs[0]
            .par_chunks_mut(cols)
            .zip(floats[0].par_chunks(seq * cols))
            .zip(lengths)
            .for_each(|((pooled, x), &length)| {
                pooled.fill(0.0);
                for row in tokens(length, seq, pad_left) {
                    for (sum, x) in pooled.iter_mut().zip(&x[row * cols..][..cols]) {
                        *sum += x;
                    }
                }
                for sum in pooled {
                    *sum /= length as f32;
                }
            });
    }
}

struct Windows {
    rows: usize,
    hidden: usize,
    kernel: usize,
    seq: usize,
    pad_left: bool,
    backward: bool,
}

/// What `nn.Conv1d` with `padding = (kernel - 1) / 2` multiplies its weight `[out, hidden, kernel]` with, so
/// that a linear layer of the weight as `[out, hidden * kernel]` is the convolution: `x`
/// `[batch * seq, hidden]` gives `[batch * seq, hidden * kernel]`, whose column `c * kernel + t` of a row is
/// column `c` of the row `t - (kernel - 1) / 2` further on; zero where that is not one of the sequence's
/// tokens, of which `lengths` `[batch]` says how many there are.
pub fn windows(
    x: &Tensor<2>,
    kernel: usize,
    lengths: &Tensor<1, Int>,
    batch: usize,
    seq: usize,
    pad_left: bool,
) -> Tensor<2> {
    let [_, hidden] = x.dims();
    let op = Windows {
        rows: batch * seq,
        hidden,
        kernel,
        seq,
        pad_left,
        backward: false,
    };
    over(&op, x, lengths, [batch * seq, hidden * kernel])
}

/// The gradient of [`windows`]' `x`, `[batch * seq, hidden]`, from that of its output; zero on padding.
pub fn windows_backward(
    dy: &Tensor<2>,
    kernel: usize,
    lengths: &Tensor<1, Int>,
    batch: usize,
    seq: usize,
    pad_left: bool,
) -> Tensor<2> {
    let [_, wide] = dy.dims();
    let hidden = wide / kernel;
    let op = Windows {
        rows: batch * seq,
        hidden,
        kernel,
        seq,
        pad_left,
        backward: true,
    };
    over(&op, dy, lengths, [batch * seq, hidden])
}

impl Windows {
    /// The row, within a padded sequence, that place `t` of the window around `row` shows.
    fn shown(&self, row: usize, t: usize) -> Option<usize> {
        (row + t).checked_sub((self.kernel - 1) / 2)
    }
}

impl Kernel for Windows {
    fn launch(&self, _: Class) -> Launch {
        let (shader, each) = if self.backward {
            (WINDOWS_BACKWARD, 1)
        } else {
            (WINDOWS, self.kernel)
        };
        let count = self.rows * self.hidden * each;
        Launch {
            variant: Variant::shader(shader, &[]),
            extent: Extent::Line(count),
            params: Params::default()
                .int(count)
                .int(self.hidden)
                .int(self.kernel)
                .int(self.seq)
                .int(usize::from(self.pad_left))
                .int(0)
                .int(0)
                .int(0),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Self {
            hidden,
            kernel,
            seq,
            backward,
            ..
        } = *self;
        let wide = hidden * kernel;
        let [from, to] = if backward {
            [wide, hidden]
        } else {
            [hidden, wide]
        };
        outputs[0]
            .par_chunks_mut(seq * to)
            .zip(floats[0].par_chunks(seq * from))
            .zip(indices[0])
            .for_each(|((output, input), &length)| {
                output.fill(0.0);
                let real = tokens(length, seq, self.pad_left);
                for (row, t) in (0..seq).flat_map(|row| (0..kernel).map(move |t| (row, t))) {
                    let Some(shown) = self.shown(row, t).filter(|shown| real.contains(shown))
                    else {
                        continue;
                    };
                    for c in 0..hidden {
                        if backward {
                            output[shown * hidden + c] += input[row * wide + c * kernel + t];
                        } else {
                            output[row * wide + c * kernel + t] = input[shown * hidden + c];
                        }
                    }
                }
            });
    }
}

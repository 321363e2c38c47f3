//! Multi-head attention: `softmax(Q K^T / sqrt(d)) V` over the keys inside every sequence's length
//! (Vaswani et al., arXiv 1706.03762). Heads are read where the projections left them, by stride.

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{Layout, SOFTMAX, SOFTMAX_BACKWARD};

use crate::buffer::{empty, floats, ints, tensor};
use crate::dropout::Dropout;
use crate::elementwise::exp;
use crate::gemm::{Batch, Epilogue, Product, Start};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};

/// The shape of an attention and where its padding lies.
#[derive(Debug, Clone, Copy)]
pub struct Attention {
    /// Sequences of the batch.
    pub batch: usize,
    /// Tokens of a padded sequence.
    pub seq: usize,
    /// Heads; the hidden size divides by it.
    pub heads: usize,
    /// Numbers a head.
    pub head_dim: usize,
    /// Whether padding comes before the tokens.
    pub pad_left: bool,
    /// Dropout of the probabilities.
    pub dropout: Dropout,
}

/// What [`attention`] keeps for its backward pass: the probabilities before dropout, which is drawn
/// again. Rows of `[batch * heads * seq, stride]` with `stride` the next multiple of 4 of `seq`.
#[derive(Debug, Clone)]
pub struct AttentionSaved {
    probabilities: Tensor<2>,
}

impl Attention {
    fn hidden(&self) -> usize {
        self.heads * self.head_dim
    }

    fn rows(&self) -> usize {
        self.batch * self.heads * self.seq
    }

    fn stride(&self) -> usize {
        self.seq.next_multiple_of(4)
    }

    // Per batch and head: where the rows lie, whose neighbours are `width` apart.
    fn tokens(&self, width: usize) -> [usize; 2] {
        [self.seq * width, self.head_dim]
    }

    fn scores(&self) -> [usize; 2] {
        [
            self.heads * self.seq * self.stride(),
            self.seq * self.stride(),
        ]
    }

    // [seq, seq] from rows of A and rows of B: queries times keys, or the gradient of the context
    // times values.
    fn tokens_by_tokens(&self, [a, b]: [Rows; 2], alpha: f32) -> Product {
        Product {
            layout: Layout::Nt,
            m: self.seq,
            n: self.seq,
            k: self.head_dim,
            lda: a.width,
            ldb: b.width,
            ldc: self.stride(),
            start: Start {
                a: a.start,
                b: b.start,
                c: 0,
            },
            batch: Batch {
                outer: self.batch,
                inner: self.heads,
                a: self.tokens(a.width),
                b: self.tokens(b.width),
                c: self.scores(),
            },
            alpha,
            accumulate: false,
            epilogue: Epilogue::None,
            one_input: a.width == b.width,
        }
    }

    // [seq, head_dim], rows of C, from scores and rows of B.
    fn scores_by_tokens(&self, layout: Layout, [b, c]: [Rows; 2], alpha: f32) -> Product {
        Product {
            layout,
            m: self.seq,
            n: self.head_dim,
            k: self.seq,
            lda: self.stride(),
            ldb: b.width,
            ldc: c.width,
            start: Start {
                a: 0,
                b: b.start,
                c: c.start,
            },
            batch: Batch {
                outer: self.batch,
                inner: self.heads,
                a: self.scores(),
                b: self.tokens(b.width),
                c: self.tokens(c.width),
            },
            alpha,
            accumulate: false,
            epilogue: Epilogue::None,
            one_input: false,
        }
    }

    // Query, key and value side by side, and the context by itself.
    fn projections(&self) -> [Rows; 3] {
        [0, 1, 2].map(|place| Rows {
            start: place * self.hidden(),
            width: 3 * self.hidden(),
        })
    }

    fn context(&self) -> Rows {
        Rows {
            start: 0,
            width: self.hidden(),
        }
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }
}

/// Where a matrix of one row a token lies: its first element, and the distance of its rows.
#[derive(Clone, Copy)]
struct Rows {
    start: usize,
    width: usize,
}

/// The context of every token: `qkv` `[batch * seq, 3 * hidden]`, a token's query, key and value one
/// after the other, and `lengths` `[batch]` (each at least 1) give `[batch * seq, hidden]`.
pub fn attention(
    shape: &Attention,
    qkv: &Tensor<2>,
    lengths: &Tensor<1, Int>,
) -> (Tensor<2>, AttentionSaved) {
    let device = qkv.device();
    let qkv = floats(qkv.clone());
    let [query, key, value] = shape.projections();
    let square = || empty([shape.rows(), shape.stride()], &device);
    let scores = shape
        .tokens_by_tokens([query, key], shape.scale())
        .run(std::slice::from_ref(&qkv), square());
    let softmax = Softmax { shape: *shape };
    let (probabilities, dropped) = if shape.dropout.is_active() {
        let [kept, dropped] = run(&softmax, &[scores], &[ints(lengths)], [square(), square()]);
        (kept, dropped)
    } else {
        let [kept] = run(&softmax, &[scores], &[ints(lengths)], [square()]);
        (kept.clone(), kept)
    };
    let context = empty([shape.batch * shape.seq, shape.hidden()], &device);
    let context = shape
        .scores_by_tokens(Layout::Nn, [value, shape.context()], 1.0)
        .run(&[dropped, qkv], context);
    let saved = AttentionSaved {
        probabilities: tensor(probabilities),
    };
    (tensor(context), saved)
}

/// The gradient of `qkv`, `[batch * seq, 3 * hidden]`, from the context's.
pub fn attention_backward(
    shape: &Attention,
    qkv: &Tensor<2>,
    saved: &AttentionSaved,
    dcontext: &Tensor<2>,
) -> Tensor<2> {
    let device = qkv.device();
    let (qkv, dcontext) = (floats(qkv.clone()), floats(dcontext.clone()));
    let [query, key, value] = shape.projections();
    let square = || empty([shape.rows(), shape.stride()], &device);
    let ddropped = shape
        .tokens_by_tokens([shape.context(), value], 1.0)
        .run(&[dcontext.clone(), qkv.clone()], square());
    let backward = SoftmaxBackward { shape: *shape };
    let probabilities = floats(saved.probabilities.clone());
    let inputs = [probabilities.clone(), ddropped];
    let (dscores, dropped) = if shape.dropout.is_active() {
        let [dscores, dropped] = run(&backward, &inputs, &[], [square(), square()]);
        (dscores, dropped)
    } else {
        let [dscores] = run(&backward, &inputs, &[], [square()]);
        (dscores, probabilities)
    };
    let dqkv = empty([shape.batch * shape.seq, 3 * shape.hidden()], &device);
    let dqkv = shape
        .scores_by_tokens(Layout::Tn, [shape.context(), value], 1.0)
        .run(&[dropped, dcontext], dqkv);
    let dqkv = shape
        .scores_by_tokens(Layout::Nn, [key, query], shape.scale())
        .run(&[dscores.clone(), qkv.clone()], dqkv);
    let dqkv = shape
        .scores_by_tokens(Layout::Tn, [query, key], shape.scale())
        .run(&[dscores, qkv], dqkv);
    tensor(dqkv)
}

struct Softmax {
    shape: Attention,
}

impl Kernel for Softmax {
    fn launch(&self, class: Class) -> Launch {
        let Attention {
            seq,
            heads,
            pad_left,
            dropout,
            ..
        } = self.shape;
        let flags = [("dropout", dropout.is_active()), ("group", class.is_gpu())];
        let params = Params::default()
            .int(self.shape.rows())
            .int(seq)
            .int(heads * seq)
            .int(usize::from(pad_left))
            .int(self.shape.stride());
        Launch {
            variant: Variant::shader(SOFTMAX, &flags),
            extent: Extent::Rows(self.shape.rows()),
            params: dropout.params(params),
        }
    }

    fn dropout(&self) -> Option<&Dropout> {
        Some(&self.shape.dropout)
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Attention {
            seq,
            heads,
            pad_left,
            dropout,
            ..
        } = self.shape;
        let stride = self.shape.stride();
        let (kept, dropped) = outputs.split_at_mut(1);
        kept[0]
            .par_chunks_mut(stride)
            .enumerate()
            .for_each(|(row, kept)| {
                let scores = &floats[0][row * stride..][..seq];
                let length = indices[0][row / (heads * seq)] as usize;
                let first = if pad_left { seq - length } else { 0 };
                let valid = first..first + length;
                kept.fill(0.0);
                let highest = scores[valid.clone()]
                    .iter()
                    .copied()
                    .fold(-3.0e38, f32::max);
                let mut sum = 0.0;
                for c in valid.clone() {
                    kept[c] = exp(scores[c] - highest);
                    sum += kept[c];
                }
                let scale = 1.0 / sum;
                for weight in &mut kept[valid] {
                    *weight *= scale;
                }
            });
        if let Some(dropped) = dropped.first_mut() {
            dropped.copy_from_slice(kept[0]);
            dropped
                .par_chunks_mut(stride)
                .enumerate()
                .for_each(|(row, values)| dropout.apply_row(row, &mut values[..seq]));
        }
    }
}

struct SoftmaxBackward {
    shape: Attention,
}

impl Kernel for SoftmaxBackward {
    fn launch(&self, class: Class) -> Launch {
        let Attention { seq, dropout, .. } = self.shape;
        let flags = [("dropout", dropout.is_active()), ("group", class.is_gpu())];
        let params = Params::default()
            .int(self.shape.rows())
            .int(seq)
            .int(self.shape.stride());
        Launch {
            variant: Variant::shader(SOFTMAX_BACKWARD, &flags),
            extent: Extent::Rows(self.shape.rows()),
            params: dropout.params(params),
        }
    }

    fn dropout(&self) -> Option<&Dropout> {
        Some(&self.shape.dropout)
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Attention { seq, dropout, .. } = self.shape;
        let stride = self.shape.stride();
        let (dscores, dropped) = outputs.split_at_mut(1);
        if let Some(dropped) = dropped.first_mut() {
            dropped
                .par_chunks_mut(stride)
                .enumerate()
                .for_each(|(row, dropped)| {
                    dropped.copy_from_slice(&floats[0][row * stride..][..stride]);
                    dropout.apply_row(row, &mut dropped[..seq]);
                });
        }
        dscores[0]
            .par_chunks_mut(stride)
            .enumerate()
            .for_each(|(row, dscores)| {
                let probabilities = &floats[0][row * stride..][..seq];
                let dscores = &mut dscores[..seq];
                dscores.copy_from_slice(&floats[1][row * stride..][..seq]);
                if dropout.is_active() {
                    dropout.apply_row(row, dscores);
                }
                let sum: f32 = dscores.iter().zip(probabilities).map(|(d, p)| d * p).sum();
                for (d, p) in dscores.iter_mut().zip(probabilities) {
                    *d = p * (*d - sum);
                }
            });
    }
}

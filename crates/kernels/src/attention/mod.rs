//! Multi-head attention: `softmax(scale * Q K^T) V` over the keys inside every sequence's length
//! (Vaswani et al., arXiv 1706.03762), or inside a window of it around the query. Heads are read where the
//! projections left them, by stride.

use std::ops::Range;

use burn::tensor::{Int, Tensor};
use tunesmith_shaders::Layout;

use crate::blocks::Blocks;
use crate::buffer::{empty, floats, ints, tensor};
use crate::dropout::Dropout;
use crate::gemm::{Batch, Epilogue, Product, Start};
use crate::kernel::run;
use crate::tokens::tokens;

mod bias;
mod softmax;

pub use bias::PositionBias;
use softmax::{Softmax, SoftmaxBackward};

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
    /// How far from a query the keys are that it sees, on either side; `None`: all.
    pub window: Option<usize>,
    /// What the products of queries and keys are multiplied by: for the most part 1 over the square root of
    /// `head_dim`.
    pub scale: f32,
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

    // The keys that a query of a sequence of this length sees; none for some queries that are padding.
    fn keys(&self, length: i32, query: usize) -> Range<usize> {
        let tokens = tokens(length, self.seq, self.pad_left);
        let Some(window) = self.window else {
            return tokens;
        };
        let first = tokens.start.max(query.saturating_sub(window));
        let end = tokens
            .end
            .min(query.saturating_add(window).saturating_add(1));
        first..end.max(first)
    }
}

/// Where a matrix of one row a token lies: its first element, and the distance of its rows.
#[derive(Clone, Copy)]
struct Rows {
    start: usize,
    width: usize,
}

/// The context of every token: `qkv` `[batch * seq, 3 * hidden]`, a token's query, key and value one
/// after the other, and `lengths` `[batch]` (each at least 1) give `[batch * seq, hidden]`. The context of a
/// query that sees no key, which only one that is padding can be, is zero.
pub fn attention(
    shape: &Attention,
    qkv: &Tensor<2>,
    lengths: &Tensor<1, Int>,
    bias: &PositionBias<'_>,
) -> (Tensor<2>, AttentionSaved) {
    let device = qkv.device();
    let qkv = floats(qkv.clone());
    let [query, key, value] = shape.projections();
    let square = || empty([shape.rows(), shape.stride()], &device);
    let scores = shape
        .tokens_by_tokens([query, key], shape.scale)
        .run(std::slice::from_ref(&qkv), square());
    let softmax = Softmax {
        shape: *shape,
        bias: bias.kind(shape),
    };
    let inputs: Vec<_> = [scores]
        .into_iter()
        .chain(bias.added(shape, &qkv))
        .collect();
    let indices: Vec<_> = [ints(lengths)].into_iter().chain(bias.places()).collect();
    let (probabilities, dropped) = if shape.dropout.is_active() {
        let [kept, dropped] = run(&softmax, &inputs, &indices, [square(), square()]);
        (kept, dropped)
    } else {
        let [kept] = run(&softmax, &inputs, &indices, [square()]);
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

/// The gradient of `qkv`, `[batch * seq, 3 * hidden]`, from the context's; of a [`PositionBias::Relative`]
/// it adds the table's to `gradients`, and of a [`PositionBias::Disentangled`] it returns that of `positions`
/// too, which is zero in columns that are neither queries nor keys.
pub fn attention_backward(
    shape: &Attention,
    qkv: &Tensor<2>,
    saved: &AttentionSaved,
    dcontext: &Tensor<2>,
    bias: &PositionBias<'_>,
    gradients: &mut Blocks,
) -> (Tensor<2>, Option<Tensor<2>>) {
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
        .scores_by_tokens(Layout::Nn, [key, query], shape.scale)
        .run(&[dscores.clone(), qkv.clone()], dqkv);
    let dqkv = shape
        .scores_by_tokens(Layout::Tn, [query, key], shape.scale)
        .run(&[dscores.clone(), qkv.clone()], dqkv);
    let (dqkv, dpositions) = bias.backward(shape, &qkv, dscores, dqkv, gradients);
    (tensor(dqkv), dpositions)
}

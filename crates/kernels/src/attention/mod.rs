//! Multi-head attention: `softmax(scale * Q K^T) V` over the keys of every sequence (Vaswani et al., arXiv
//! 1706.03762), or inside a window of it around the query. Heads are read where the
//! projections left them, by stride.

use std::ops::Range;

use burn::tensor::{Device, Tensor};
use tunesmith_shaders::Layout;

use crate::blocks::Blocks;
use crate::buffer::{Buffer, Precision, empty_in, floats, tensor};
use crate::dropout::Dropout;
use crate::gemm::{Batch, Epilogue, Product, Sizes, Start};
use crate::kernel::run;
use crate::packing::{Packing, Sequence};

mod bias;
mod fused;
mod softmax;

pub use bias::PositionBias;
use softmax::{Softmax, SoftmaxBackward};

/// The shape of an attention.
#[derive(Debug, Clone)]
pub struct Attention {
    /// Heads; the hidden size divides by it.
    pub heads: usize,
    /// Numbers a head.
    pub head_dim: usize,
    /// How far from a query the keys are that it sees, on either side; `None`: all.
    pub window: Option<usize>,
    /// What the products of queries and keys are multiplied by: for the most part 1 over the square root of
    /// `head_dim`.
    pub scale: f32,
    /// Dropout of the probabilities.
    pub dropout: Dropout,
}

/// What [`attention`] keeps for its backward pass.
#[derive(Debug, Clone)]
pub struct AttentionSaved {
    /// The probabilities before dropout, which is drawn again, as [`Packing`] lays scores out; or the ends of
    /// exponentials, where no scores were written.
    numbers: Tensor<1>,
    /// Where no scores were written.
    context: Option<Tensor<2>>,
}

/// An attention over the rows of a batch.
#[derive(Debug, Clone)]
struct Over<'a> {
    shape: &'a Attention,
    packing: &'a Packing,
}

impl Attention {
    fn hidden(&self) -> usize {
        self.heads * self.head_dim
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

    // The keys of a sequence that a query sees: none for some queries that are padding.
    fn keys(&self, sequence: &Sequence, query: usize) -> Range<usize> {
        let Sequence { length, unseen, .. } = *sequence;
        let Some(window) = self.window else {
            return unseen..length;
        };
        let first = unseen.max(query.saturating_sub(window));
        let end = length.min(query.saturating_add(window).saturating_add(1));
        first..end.max(first)
    }
}

impl Over<'_> {
    /// Room for the scores of all rows and heads.
    fn scores(&self, precision: Precision, device: &Device) -> Buffer {
        empty_in(precision, [self.packing.scores(self.shape.heads)], device)
    }

    /// Queries of all rows and heads.
    fn queries(&self) -> usize {
        self.packing.tokens * self.shape.heads
    }

    // A product of every row and head, whose sizes of `longest` are the row's.
    fn product(&self, layout: Layout, sizes: Sizes, [a, b, c]: [Rows; 3], alpha: f32) -> Product {
        let (longest, head_dim) = (self.packing.longest, self.shape.head_dim);
        let (n, k) = match sizes {
            Sizes::ToScores => (longest, head_dim),
            Sizes::FromScores | Sizes::Given | Sizes::Parts => (head_dim, longest),
        };
        let head = [0, head_dim];
        Product {
            layout,
            m: longest,
            n,
            k,
            lda: a.width,
            ldb: b.width,
            ldc: c.width,
            start: Start {
                a: a.start,
                b: b.start,
                c: c.start,
            },
            batch: Batch {
                outer: self.packing.batch,
                inner: self.shape.heads,
                a: head,
                b: head,
                c: head,
            },
            alpha,
            accumulate: false,
            epilogue: Epilogue::None,
            one_input: false,
            half: false,
            sizes,
        }
    }

    fn square(&self) -> Rows {
        Rows {
            start: 0,
            width: self.packing.longest.next_multiple_of(4),
        }
    }

    // [tokens, tokens] from rows of A and rows of B: queries times keys, or the gradient of the context
    // times values.
    fn tokens_by_tokens(&self, [a, b]: [Rows; 2], alpha: f32) -> Product {
        let rows = [a, b, self.square()];
        Product {
            one_input: a.width == b.width,
            ..self.product(Layout::Nt, Sizes::ToScores, rows, alpha)
        }
    }

    // [tokens, head_dim], rows of C, from scores and rows of B.
    fn scores_by_tokens(&self, layout: Layout, [b, c]: [Rows; 2], alpha: f32) -> Product {
        self.product(layout, Sizes::FromScores, [self.square(), b, c], alpha)
    }
}

/// Where a matrix of one row a token lies: its first element, and the distance of its rows.
#[derive(Clone, Copy)]
struct Rows {
    start: usize,
    width: usize,
}

/// The context of every token: `qkv` `[tokens, 3 * hidden]`, a token's query, key and value one after the
/// other, gives `[tokens, hidden]`, stored as it is. A token sees those of its own row. The
/// context of one that sees none, which only padding can be, is zero.
pub fn attention(
    shape: &Attention,
    qkv: &Tensor<2>,
    packing: &Packing,
    bias: &PositionBias<'_>,
) -> (Tensor<2>, AttentionSaved) {
    let over = Over { shape, packing };
    let device = qkv.device();
    let class = floats(qkv.clone()).class();
    let alone = matches!(bias, PositionBias::None);
    if alone && class.is_some_and(|class| fused::suits(shape, class)) {
        let (context, ends) = fused::forward(&over, qkv);
        let saved = AttentionSaved {
            numbers: ends,
            context: Some(context.clone()),
        };
        return (context, saved);
    }
    let precision = Precision::of(qkv);
    let qkv = floats(qkv.clone());
    let [query, key, value] = shape.projections();
    let scores = over.tokens_by_tokens([query, key], shape.scale).run_packed(
        std::slice::from_ref(&qkv),
        packing,
        over.scores(precision, &device),
    );
    let softmax = Softmax {
        over: over.clone(),
        precision,
        bias: bias.kind(shape),
    };
    let inputs: Vec<_> = [scores]
        .into_iter()
        .chain(bias.added(&over, &qkv))
        .collect();
    let indices: Vec<_> = [packing.words()]
        .into_iter()
        .chain(bias.places())
        .chain(shape.dropout.noise())
        .collect();
    let (probabilities, dropped) = if shape.dropout.is_active() {
        let outputs = [(); 2].map(|()| over.scores(precision, &device));
        let [kept, dropped] = run(&softmax, &inputs, &indices, outputs);
        (kept, dropped)
    } else {
        let outputs = [over.scores(precision, &device)];
        let [kept] = run(&softmax, &inputs, &indices, outputs);
        (kept.clone(), kept)
    };
    let context = empty_in(precision, [packing.tokens, shape.hidden()], &device);
    let context = over
        .scores_by_tokens(Layout::Nn, [value, shape.context()], 1.0)
        .run_packed(&[dropped, qkv], packing, context);
    let saved = AttentionSaved {
        numbers: tensor(probabilities),
        context: None,
    };
    (tensor(context), saved)
}

/// The gradient of `qkv`, `[tokens, 3 * hidden]`, from the context's; of a [`PositionBias::Relative`]
/// it adds the table's to `gradients`, and of a [`PositionBias::Disentangled`] it returns that of `positions`
/// too, which is zero in columns that are neither queries nor keys.
pub fn attention_backward(
    shape: &Attention,
    (qkv, packing): (&Tensor<2>, &Packing),
    saved: &AttentionSaved,
    dcontext: &Tensor<2>,
    bias: &PositionBias<'_>,
    gradients: &mut Blocks,
) -> (Tensor<2>, Option<Tensor<2>>) {
    let over = Over { shape, packing };
    if let Some(context) = &saved.context {
        let dqkv = fused::backward(&over, qkv, [context, dcontext], &saved.numbers);
        return (dqkv, None);
    }
    let probabilities = floats(saved.numbers.clone());
    let (device, precision) = (qkv.device(), Precision::of(qkv));
    let (qkv, dcontext) = (floats(qkv.clone()), floats(dcontext.clone()));
    let [query, key, value] = shape.projections();
    let inputs = [dcontext.clone(), qkv.clone()];
    let ddropped = over
        .tokens_by_tokens([shape.context(), value], 1.0)
        .run_packed(&inputs, packing, over.scores(precision, &device));
    let backward = SoftmaxBackward {
        over: over.clone(),
        precision,
    };
    let inputs = [probabilities.clone(), ddropped];
    let indices: Vec<_> = [packing.words()]
        .into_iter()
        .chain(shape.dropout.noise())
        .collect();
    let (dscores, dropped) = if shape.dropout.is_active() {
        let outputs = [(); 2].map(|()| over.scores(precision, &device));
        let [dscores, dropped] = run(&backward, &inputs, &indices, outputs);
        (dscores, dropped)
    } else {
        let outputs = [over.scores(precision, &device)];
        let [dscores] = run(&backward, &inputs, &indices, outputs);
        (dscores, probabilities)
    };
    let dqkv = empty_in(precision, [packing.tokens, 3 * shape.hidden()], &device);
    let dqkv = over
        .scores_by_tokens(Layout::Tn, [shape.context(), value], 1.0)
        .run_packed(&[dropped, dcontext], packing, dqkv);
    let dqkv = over
        .scores_by_tokens(Layout::Nn, [key, query], shape.scale)
        .run_packed(&[dscores.clone(), qkv.clone()], packing, dqkv);
    let dqkv = over
        .scores_by_tokens(Layout::Tn, [query, key], shape.scale)
        .run_packed(&[dscores.clone(), qkv.clone()], packing, dqkv);
    let (dqkv, dpositions) = bias.backward(&over, &qkv, dscores, dqkv, gradients);
    (tensor(dqkv), dpositions)
}

//! Multi-head attention: `softmax(Q K^T / sqrt(d)) V` over the keys inside every sequence's length
//! (Vaswani et al., arXiv 1706.03762). Heads are read where the projections left them, by stride.

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{Layout, SOFTMAX, SOFTMAX_BACKWARD};

use crate::buffer::{empty, floats, ints, tensor};
use crate::device::AdapterKind;
use crate::dropout::Dropout;
use crate::gemm::{Batch, Product};
use crate::kernel::{Extent, Kernel, Launch, Params, Variant, run};

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

/// What [`attention`] keeps for its backward pass. Rows of `[batch * heads * seq, stride]` with
/// `stride` the next multiple of 4 of `seq`.
#[derive(Debug, Clone)]
pub struct AttentionSaved {
    probabilities: Tensor<2>,
    dropped: Tensor<2>,
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

    // Per batch and head: where the rows of a projection and of the scores lie.
    fn tokens(&self) -> [usize; 2] {
        [self.seq * self.hidden(), self.head_dim]
    }

    fn scores(&self) -> [usize; 2] {
        [
            self.heads * self.seq * self.stride(),
            self.seq * self.stride(),
        ]
    }

    // [seq, seq] from two projections: queries times keys, or the gradient of the context times values.
    fn tokens_by_tokens(&self, alpha: f32) -> Product {
        Product {
            layout: Layout::Nt,
            m: self.seq,
            n: self.seq,
            k: self.head_dim,
            lda: self.hidden(),
            ldb: self.hidden(),
            ldc: self.stride(),
            batch: Batch {
                outer: self.batch,
                inner: self.heads,
                a: self.tokens(),
                b: self.tokens(),
                c: self.scores(),
            },
            alpha,
            accumulate: false,
            bias: false,
        }
    }

    // [seq, head_dim] from scores and a projection.
    fn scores_by_tokens(&self, layout: Layout, alpha: f32) -> Product {
        Product {
            layout,
            m: self.seq,
            n: self.head_dim,
            k: self.seq,
            lda: self.stride(),
            ldb: self.hidden(),
            ldc: self.hidden(),
            batch: Batch {
                outer: self.batch,
                inner: self.heads,
                a: self.scores(),
                b: self.tokens(),
                c: self.tokens(),
            },
            alpha,
            accumulate: false,
            bias: false,
        }
    }

    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }
}

/// The context of every token: query, key and value `[batch * seq, hidden]`, `lengths` `[batch]`
/// (each at least 1) give `[batch * seq, hidden]`.
pub fn attention(
    shape: &Attention,
    [query, key, value]: [&Tensor<2>; 3],
    lengths: &Tensor<1, Int>,
) -> (Tensor<2>, AttentionSaved) {
    let device = query.device();
    let square = || empty([shape.rows(), shape.stride()], &device);
    let scores = shape.tokens_by_tokens(shape.scale()).run(
        floats(query.clone()),
        floats(key.clone()),
        None,
        square(),
    );
    let softmax = Softmax { shape: *shape };
    let (probabilities, dropped) = if shape.dropout.is_active() {
        let [kept, dropped] = run(&softmax, &[scores], &[ints(lengths)], [square(), square()]);
        (tensor(kept), tensor(dropped))
    } else {
        let [kept] = run(&softmax, &[scores], &[ints(lengths)], [square()]);
        let kept: Tensor<2> = tensor(kept);
        (kept.clone(), kept)
    };
    let context = empty([shape.batch * shape.seq, shape.hidden()], &device);
    let context = shape.scores_by_tokens(Layout::Nn, 1.0).run(
        floats(dropped.clone()),
        floats(value.clone()),
        None,
        context,
    );
    (
        tensor(context),
        AttentionSaved {
            probabilities,
            dropped,
        },
    )
}

/// The gradients of query, key and value, `[batch * seq, hidden]` each, from the context's.
pub fn attention_backward(
    shape: &Attention,
    [query, key, value]: [&Tensor<2>; 3],
    saved: &AttentionSaved,
    dcontext: &Tensor<2>,
) -> [Tensor<2>; 3] {
    let device = query.device();
    let tokens = || empty([shape.batch * shape.seq, shape.hidden()], &device);
    let square = || empty([shape.rows(), shape.stride()], &device);
    let dvalue = shape.scores_by_tokens(Layout::Tn, 1.0).run(
        floats(saved.dropped.clone()),
        floats(dcontext.clone()),
        None,
        tokens(),
    );
    let ddropped = shape.tokens_by_tokens(1.0).run(
        floats(dcontext.clone()),
        floats(value.clone()),
        None,
        square(),
    );
    let backward = SoftmaxBackward { shape: *shape };
    let inputs = [floats(saved.probabilities.clone()), ddropped];
    let [dscores] = run(&backward, &inputs, &[], [square()]);
    let dquery = shape.scores_by_tokens(Layout::Nn, shape.scale()).run(
        dscores.clone(),
        floats(key.clone()),
        None,
        tokens(),
    );
    let dkey = shape.scores_by_tokens(Layout::Tn, shape.scale()).run(
        dscores,
        floats(query.clone()),
        None,
        tokens(),
    );
    [dquery, dkey, dvalue].map(tensor)
}

struct Softmax {
    shape: Attention,
}

impl Kernel for Softmax {
    fn launch(&self, _: AdapterKind) -> Launch {
        let Attention {
            seq,
            heads,
            pad_left,
            dropout,
            ..
        } = self.shape;
        let params = Params::default()
            .int(self.shape.rows())
            .int(seq)
            .int(heads * seq)
            .int(usize::from(pad_left));
        Launch {
            variant: Variant::shader(SOFTMAX, &[("dropout", dropout.is_active())]),
            extent: Extent::Line(self.shape.rows()),
            params: dropout.params(params).int(self.shape.stride()).int(0),
        }
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
                    kept[c] = libm::expf(scores[c] - highest);
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
    fn launch(&self, _: AdapterKind) -> Launch {
        let Attention { seq, dropout, .. } = self.shape;
        let params = Params::default()
            .int(self.shape.rows())
            .int(seq)
            .int(self.shape.stride())
            .int(0);
        Launch {
            variant: Variant::shader(SOFTMAX_BACKWARD, &[("dropout", dropout.is_active())]),
            extent: Extent::Line(self.shape.rows()),
            params: dropout.params(params).int(0).int(0),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Attention { seq, dropout, .. } = self.shape;
        let stride = self.shape.stride();
        outputs[0]
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

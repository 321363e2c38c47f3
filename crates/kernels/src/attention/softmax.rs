//! The softmax over each query's scores, and its gradient.

use std::ops::Range;

use rayon::prelude::*;
use tunesmith_shaders::{SOFTMAX, SOFTMAX_BACKWARD};

use super::Over;
use super::bias::Kind;
use crate::buffer::Precision;
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant};
use crate::math::{exp, in_vectors, sum, sum_of_two};
use crate::packing::{Square, squares};

/// Over the scores and, with a bias, its table or products; the packing, with a bias its places, and the noise.
pub(super) struct Softmax<'a> {
    pub(super) over: Over<'a>,
    /// Of scores and probabilities.
    pub(super) precision: Precision,
    pub(super) bias: Kind,
}

impl Kernel for Softmax<'_> {
    fn launch(&self, class: Class) -> Launch {
        let Over { shape, packing } = self.over;
        let [relative, keys, queries] = self.bias.flags();
        let flags = [
            ("biased", relative || keys || queries),
            ("relative", relative),
            ("disentangled", keys || queries),
            ("keys", keys),
            ("queries", queries),
            ("window", shape.window.is_some()),
            ("dropout", shape.dropout.is_active()),
            ("fours", self.precision == Precision::F16),
            ("scalar", self.precision == Precision::F32),
            ("group", class.is_gpu()),
        ];
        let [span, columns] = self.bias.extents(shape.heads);
        let params = Params::default()
            .int(self.over.queries())
            .int(shape.heads)
            .int(packing.batch)
            .int(packing.longest)
            .int(shape.window.unwrap_or(0).min(packing.longest))
            .int(span)
            .int(columns);
        Launch {
            variant: Variant::shader(SOFTMAX, &flags),
            extent: Extent::Rows(self.over.queries()),
            params: shape.dropout.params(params),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Over { shape, packing } = self.over;
        let (words, heads) = (indices[0], shape.heads);
        let noise = indices[indices.len() - 1];
        let (kept, dropped) = outputs.split_at_mut(1);
        let parts = squares(words, packing.batch, heads, kept[0]);
        parts.into_par_iter().for_each(|(square, kept)| {
            let stride = square.sequence.stride();
            let scores = square.of(floats[0], heads).chunks(stride);
            for (query, (kept, scores)) in kept.chunks_mut(stride).zip(scores).enumerate() {
                let valid = shape.keys(&square.sequence, query);
                kept.fill(0.0);
                kept[valid.clone()].copy_from_slice(&scores[valid.clone()]);
                if let Some(source) = floats.get(1) {
                    self.add(&square, query, kept, valid.clone(), (source, indices[1]));
                }
                in_vectors(|| softmax(&mut kept[valid]));
            }
        });
        if let Some(dropped) = dropped.first_mut() {
            self.over.dropped(kept[0], words, noise, dropped);
        }
    }
}

#[inline(always)]
fn softmax(weights: &mut [f32]) {
    let highest = weights.iter().copied().fold(-3.0e38, f32::max);
    for weight in weights.iter_mut() {
        *weight = exp(*weight - highest);
    }
    let scale = 1.0 / sum(weights, |weight| weight);
    for weight in weights {
        *weight *= scale;
    }
}

impl Over<'_> {
    /// The probabilities of all rows and heads with their masks applied.
    fn dropped(&self, probabilities: &[f32], words: &[i32], noise: &[i32], dropped: &mut [f32]) {
        let heads = self.shape.heads;
        let parts = squares(words, self.packing.batch, heads, dropped);
        parts.into_par_iter().for_each(|(square, dropped)| {
            dropped.copy_from_slice(square.of(probabilities, heads));
            self.drop_out(&square, noise, dropped);
        });
    }

    /// Applies the mask to a sequence's probabilities by one head, or to their gradients.
    fn drop_out(&self, square: &Square, noise: &[i32], values: &mut [f32]) {
        let (length, stride) = (square.sequence.length, square.sequence.stride());
        for (query, values) in values.chunks_mut(stride).enumerate() {
            let (row, values) = (square.sequence.first + query, &mut values[..length]);
            (self.shape.dropout).apply_row(noise, row, square.head, values);
        }
    }
}

impl Softmax<'_> {
    /// Adds what the positions of a query and its `valid` keys bring to their scores: from a table or products,
    /// by places.
    fn add(
        &self,
        square: &Square,
        query: usize,
        scores: &mut [f32],
        valid: Range<usize>,
        (source, places): (&[f32], &[i32]),
    ) {
        let Over { shape, packing } = self.over;
        let (first, head, heads) = (square.sequence.first, square.head, shape.heads);
        let place = |key: usize| places[query + packing.longest - 1 - key] as usize;
        let products = match &self.bias {
            Kind::None => return,
            Kind::Relative { .. } => {
                for key in valid {
                    scores[key] += source[place(key) * heads + head];
                }
                return;
            }
            Kind::Disentangled(products) => products,
        };
        let [span, columns] = self.bias.extents(heads);
        let at =
            |token: usize, part: usize| (first + token) * columns + (part * heads + head) * span;
        if products.keys.is_some() {
            let keys = &source[at(query, 0)..][..span];
            for key in valid.clone() {
                scores[key] += keys[place(key)];
            }
        }
        if products.queries.is_some() {
            let part = usize::from(products.keys.is_some());
            for key in valid {
                scores[key] += source[at(key, part) + place(key)];
            }
        }
    }
}

/// Over the probabilities and the gradient of what came of them; the packing, and the noise.
pub(super) struct SoftmaxBackward<'a> {
    pub(super) over: Over<'a>,
    /// Of probabilities and gradients.
    pub(super) precision: Precision,
}

impl Kernel for SoftmaxBackward<'_> {
    fn launch(&self, class: Class) -> Launch {
        let Over { shape, packing } = self.over;
        let flags = [
            ("dropout", shape.dropout.is_active()),
            ("fours", self.precision == Precision::F16),
            ("scalar", self.precision == Precision::F32),
            ("group", class.is_gpu()),
        ];
        let params = Params::default()
            .int(self.over.queries())
            .int(shape.heads)
            .int(packing.batch);
        Launch {
            variant: Variant::shader(SOFTMAX_BACKWARD, &flags),
            extent: Extent::Rows(self.over.queries()),
            params: shape.dropout.params(params),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Over { shape, packing } = self.over;
        let (words, heads) = (indices[0], shape.heads);
        let noise = indices[indices.len() - 1];
        let (dscores, dropped) = outputs.split_at_mut(1);
        if let Some(dropped) = dropped.first_mut() {
            self.over.dropped(floats[0], words, noise, dropped);
        }
        let parts = squares(words, packing.batch, heads, dscores[0]);
        parts.into_par_iter().for_each(|(square, dscores)| {
            let (length, stride) = (square.sequence.length, square.sequence.stride());
            dscores.copy_from_slice(square.of(floats[1], heads));
            self.over.drop_out(&square, noise, dscores);
            let probabilities = square.of(floats[0], heads).chunks(stride);
            for (dscores, probabilities) in dscores.chunks_mut(stride).zip(probabilities) {
                let (dscores, probabilities) = (&mut dscores[..length], &probabilities[..length]);
                in_vectors(|| softmax_gradient(dscores, probabilities));
            }
        });
    }
}

#[inline(always)]
fn softmax_gradient(dscores: &mut [f32], probabilities: &[f32]) {
    let sum = sum_of_two(dscores, probabilities, |d, p| d * p);
    for (d, p) in dscores.iter_mut().zip(probabilities) {
        *d = p * (*d - sum);
    }
}

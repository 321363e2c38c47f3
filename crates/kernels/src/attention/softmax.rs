//! The softmax over each query's scores, and its gradient.

use std::ops::Range;

use rayon::prelude::*;
use tunesmith_shaders::{SOFTMAX, SOFTMAX_BACKWARD};

use super::Attention;
use super::bias::Kind;
use crate::dropout::Dropout;
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant};
use crate::math::exp;

/// Over the scores and, with a bias, its table or products; the lengths and, with a bias, its places.
pub(super) struct Softmax {
    pub(super) shape: Attention,
    pub(super) bias: Kind,
}

impl Kernel for Softmax {
    fn launch(&self, class: Class) -> Launch {
        let Attention {
            seq,
            heads,
            pad_left,
            window,
            dropout,
            ..
        } = self.shape;
        let [relative, keys, queries] = self.bias.flags();
        let flags = [
            ("biased", relative || keys || queries),
            ("relative", relative),
            ("disentangled", keys || queries),
            ("keys", keys),
            ("queries", queries),
            ("window", window.is_some()),
            ("dropout", dropout.is_active()),
            ("group", class.is_gpu()),
        ];
        let [span, columns] = self.bias.extents(heads);
        let params = Params::default()
            .int(self.shape.rows())
            .int(seq)
            .int(heads * seq)
            .int(usize::from(pad_left))
            .int(self.shape.stride())
            .int(window.unwrap_or(0).min(seq))
            .int(heads)
            .int(span)
            .int(columns);
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
                let length = indices[0][row / (heads * seq)];
                let valid = self.shape.keys(length, row % seq);
                kept.fill(0.0);
                kept[valid.clone()].copy_from_slice(&scores[valid.clone()]);
                if let (Some(source), Some(places)) = (floats.get(1), indices.get(1)) {
                    self.add(row, kept, valid.clone(), source, places);
                }
                let weights = &mut kept[valid];
                let highest = weights.iter().copied().fold(-3.0e38, f32::max);
                let mut sum = 0.0;
                for weight in weights.iter_mut() {
                    *weight = exp(*weight - highest);
                    sum += *weight;
                }
                let scale = 1.0 / sum;
                for weight in weights {
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

impl Softmax {
    /// Adds what the positions of a row's query and its `valid` keys bring to their scores.
    fn add(
        &self,
        row: usize,
        scores: &mut [f32],
        valid: Range<usize>,
        source: &[f32],
        places: &[i32],
    ) {
        let Attention { seq, heads, .. } = self.shape;
        let (query, head, sequence) = (row % seq, row / seq % heads, row / seq / heads);
        let place = |key: usize| places[query + seq - 1 - key] as usize;
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
        let at = |token: usize, part: usize| {
            (sequence * seq + token) * columns + (part * heads + head) * span
        };
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

pub(super) struct SoftmaxBackward {
    pub(super) shape: Attention,
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

//! Attention that writes no scores, for GPUs: each pass goes through the tokens of a sequence anew, and all that the
//! forward pass keeps besides the context is a number for each query and head. Batches of long rows take a fraction
//! of the memory.

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_shaders::{Fused, Pass};

use super::{Attention, Over, Rows};
use crate::buffer::{Buffer, Precision, empty, empty_in, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::packing::sequences;

/// Whether devices of a class compute attention of this shape so: heads must fit a lane's registers.
pub(super) fn suits(shape: &Attention, class: Class) -> bool {
    let fours = shape.head_dim / 4;
    class.is_gpu()
        && shape.window.is_none()
        && shape.head_dim.is_multiple_of(4)
        && (1..=Fused::MOST_FOURS as usize).contains(&fours)
}

/// The context of every token, `[tokens, hidden]`, and the logarithm of the sum of all exponentials of each query's
/// scores, `[tokens * heads]`.
pub(super) fn forward(over: &Over<'_>, qkv: &Tensor<2>) -> (Tensor<2>, Tensor<1>) {
    let (device, shape) = (qkv.device(), over.shape);
    let precision = Precision::of(qkv);
    let context = empty_in(precision, [over.packing.tokens, shape.hidden()], &device);
    let ends = empty([over.queries()], &device);
    let pass = FusedPass {
        over: over.clone(),
        pass: Pass::Context,
    };
    let outputs = [context, ends];
    let [context, ends] = run(&pass, &[floats(qkv.clone())], &indices(over), outputs);
    (tensor(context), tensor(ends))
}

/// The gradient of queries, keys and values from the context's.
pub(super) fn backward(
    over: &Over<'_>,
    qkv: &Tensor<2>,
    [context, dcontext]: [&Tensor<2>; 2],
    ends: &Tensor<1>,
) -> Tensor<2> {
    let (device, precision) = (qkv.device(), Precision::of(qkv));
    let [qkv, dcontext, context] = [qkv, dcontext, context].map(|it| floats(it.clone()));
    let ends = floats(ends.clone());
    let indices = indices(over);
    let pass = |pass| FusedPass {
        over: over.clone(),
        pass,
    };
    let shape = [over.packing.tokens, 3 * over.shape.hidden()];
    let dqkv = empty_in(precision, shape, &device);
    let deltas = empty([over.queries()], &device);
    let inputs = [qkv.clone(), dcontext.clone(), context, ends.clone()];
    let [dqkv, deltas] = run(&pass(Pass::Queries), &inputs, &indices, [dqkv, deltas]);
    let inputs = [qkv.clone(), dcontext.clone(), ends.clone(), deltas];
    let [dqkv] = run(&pass(Pass::Keys), &inputs, &indices, [dqkv]);
    let inputs = [qkv, dcontext, ends];
    let [dqkv] = run(&pass(Pass::Values), &inputs, &indices, [dqkv]);
    tensor(dqkv)
}

fn indices(over: &Over<'_>) -> Vec<Buffer> {
    let noise = over.shape.dropout.noise();
    [over.packing.words()].into_iter().chain(noise).collect()
}

struct FusedPass<'a> {
    over: Over<'a>,
    pass: Pass,
}

impl Kernel for FusedPass<'_> {
    fn launch(&self, _: Class) -> Launch {
        let Over { shape, packing } = self.over;
        let params = Params::default()
            .int(shape.heads)
            .int(shape.hidden() / 4)
            .float(shape.scale);
        Launch {
            variant: Variant::Fused(Fused {
                pass: self.pass,
                fours: (shape.head_dim / 4) as u32,
                dropout: shape.dropout.is_active(),
            }),
            extent: Extent::Grid(packing.longest, shape.heads, packing.batch),
            params: shape.dropout.params(params),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Over { shape, packing } = self.over;
        let (words, noise) = (indices[0], indices[indices.len() - 1]);
        // All numbers of a head and sequence, which then go to where each pass has them.
        let heads = sequences(words, packing.batch)
            .flat_map(|sequence| (0..shape.heads).map(move |head| (sequence, head)));
        let heads: Vec<_> = heads.collect();
        let computed: Vec<_> = heads
            .par_iter()
            .map(|&(sequence, head)| {
                let one = Head {
                    shape,
                    noise,
                    first: sequence.first,
                    length: sequence.length,
                    unseen: sequence.unseen,
                    head,
                };
                match self.pass {
                    Pass::Context => one.context(floats[0]),
                    Pass::Queries => one.queries(floats),
                    Pass::Keys => one.keys(floats),
                    Pass::Values => one.values(floats),
                }
            })
            .collect();
        let [query, key, value] = shape.projections();
        let rows = match self.pass {
            Pass::Context => shape.context(),
            Pass::Queries => query,
            Pass::Keys => key,
            Pass::Values => value,
        };
        for ((sequence, head), (numbers, ends)) in heads.into_iter().zip(computed) {
            for (place, numbers) in numbers.chunks(shape.head_dim).enumerate() {
                let token = sequence.first + place;
                let at = rows.start + token * rows.width + head * shape.head_dim;
                outputs[0][at..][..shape.head_dim].copy_from_slice(numbers);
                if let Some(end) = ends.get(place) {
                    outputs[1][token * shape.heads + head] = *end;
                }
            }
        }
    }
}

/// A sequence's tokens in one head.
struct Head<'a> {
    shape: &'a Attention,
    noise: &'a [i32],
    first: usize,
    length: usize,
    unseen: usize,
    head: usize,
}

impl Head<'_> {
    fn row<'a>(&self, of: &'a [f32], rows: Rows, place: usize) -> &'a [f32] {
        let at = rows.start + (self.first + place) * rows.width + self.head * self.shape.head_dim;
        &of[at..][..self.shape.head_dim]
    }

    /// A query's scores by its keys.
    fn scores(&self, qkv: &[f32], place: usize) -> Vec<f32> {
        let [query, key, _] = self.shape.projections();
        let query = self.row(qkv, query, place);
        let score = |other| self.shape.scale * dot(query, self.row(qkv, key, other));
        (self.unseen..self.length).map(score).collect()
    }

    /// The factors of a query's weights.
    fn factors(&self, place: usize) -> Vec<f32> {
        let mut factors = vec![1.0; self.length];
        let row = self.first + place;
        (self.shape.dropout).apply_row(self.noise, row, self.head, &mut factors);
        factors.split_off(self.unseen)
    }

    fn zeros(&self) -> Vec<f32> {
        vec![0.0; self.length * self.shape.head_dim]
    }

    /// Of each query its context, and where its exponentials end.
    fn context(&self, qkv: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let [_, _, value] = self.shape.projections();
        let (mut context, mut ends) = (self.zeros(), Vec::with_capacity(self.length));
        for (place, sums) in context.chunks_mut(self.shape.head_dim).enumerate() {
            let scores = self.scores(qkv, place);
            let highest = scores.iter().copied().fold(-3.0e38, f32::max);
            let total: f32 = scores.iter().map(|score| (score - highest).exp()).sum();
            let end = highest + total.max(1.0e-37).ln();
            let weights = scores.iter().map(|score| (score - end).exp());
            let weights = weights.zip(self.factors(place));
            for (other, (weight, factor)) in (self.unseen..).zip(weights) {
                add(sums, weight * factor, self.row(qkv, value, other));
            }
            ends.push(end);
        }
        (context, ends)
    }

    /// Of each key of a query: its weight, its factor, and the gradient of the two.
    fn weighed(
        &self,
        [qkv, dcontext]: [&[f32]; 2],
        end: f32,
        place: usize,
    ) -> impl Iterator<Item = [f32; 3]> {
        let [_, _, value] = self.shape.projections();
        let gradient = self.row(dcontext, self.shape.context(), place);
        let scores = self.scores(qkv, place).into_iter();
        let each = scores.zip(self.factors(place)).enumerate();
        each.map(move |(other, (score, factor))| {
            let gradient = dot(gradient, self.row(qkv, value, self.unseen + other));
            [(score - end).exp(), factor, gradient]
        })
    }

    fn end(&self, ends: &[f32], place: usize) -> f32 {
        ends[(self.first + place) * self.shape.heads + self.head]
    }

    /// Of each query its gradient, and the product of the context with the context's.
    fn queries(&self, floats: &[&[f32]]) -> (Vec<f32>, Vec<f32>) {
        let [qkv, dcontext, context, ends] = [floats[0], floats[1], floats[2], floats[3]];
        let [_, key, _] = self.shape.projections();
        let (mut gradients, mut deltas) = (self.zeros(), Vec::with_capacity(self.length));
        for (place, sums) in gradients.chunks_mut(self.shape.head_dim).enumerate() {
            let rows = self.shape.context();
            let delta = dot(
                self.row(dcontext, rows, place),
                self.row(context, rows, place),
            );
            let weighed = self.weighed([qkv, dcontext], self.end(ends, place), place);
            for (other, [weight, factor, gradient]) in (self.unseen..).zip(weighed) {
                let dscore = weight * (gradient * factor - delta);
                add(sums, self.shape.scale * dscore, self.row(qkv, key, other));
            }
            deltas.push(delta);
        }
        (gradients, deltas)
    }

    /// Of each key its gradient.
    fn keys(&self, floats: &[&[f32]]) -> (Vec<f32>, Vec<f32>) {
        let [qkv, dcontext, ends, deltas] = [floats[0], floats[1], floats[2], floats[3]];
        let [query, _, _] = self.shape.projections();
        let mut gradients = self.zeros();
        for place in 0..self.length {
            let weighed = self.weighed([qkv, dcontext], self.end(ends, place), place);
            let sums = gradients.chunks_mut(self.shape.head_dim).skip(self.unseen);
            for (sums, [weight, factor, gradient]) in sums.zip(weighed) {
                let dscore = weight * (gradient * factor - self.end(deltas, place));
                add(sums, self.shape.scale * dscore, self.row(qkv, query, place));
            }
        }
        (gradients, Vec::new())
    }

    /// Of each value its gradient.
    fn values(&self, floats: &[&[f32]]) -> (Vec<f32>, Vec<f32>) {
        let [qkv, dcontext, ends] = [floats[0], floats[1], floats[2]];
        let mut gradients = self.zeros();
        for place in 0..self.length {
            let weighed = self.weighed([qkv, dcontext], self.end(ends, place), place);
            let sums = gradients.chunks_mut(self.shape.head_dim).skip(self.unseen);
            for (sums, [weight, factor, _]) in sums.zip(weighed) {
                let gradient = self.row(dcontext, self.shape.context(), place);
                add(sums, weight * factor, gradient);
            }
        }
        (gradients, Vec::new())
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(sums: &mut [f32], factor: f32, row: &[f32]) {
    for (sum, number) in sums.iter_mut().zip(row) {
        *sum += factor * number;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use burn::tensor::{Device, TensorData};

    use super::super::{PositionBias, attention, attention_backward};
    use super::*;
    use crate::blocks::{BlockLayout, Blocks};
    use crate::dropout::{Dropout, Noise};
    use crate::packing::Packing;
    use crate::testing::{filled, read};

    /// The plain passes against attention that writes its scores, with padding that sees and is not seen.
    #[test]
    fn the_context_and_gradients_are_those_of_attention_with_scores() {
        let device = Device::flex();
        let lengths = [37, 1, 8];
        let packing = Packing::with_padding(&lengths, &[5, 0, 0], &device);
        let matrix = |width: usize, salt: f32| -> Tensor<2> {
            let numbers = read(filled(46 * width, |i| (i * salt).sin(), &device));
            Tensor::from_data(TensorData::new(numbers, [46, width]), &device)
        };
        let (qkv, dcontext) = (matrix(48, 1.3), matrix(16, 1.7));
        for p in [0.0, 0.3] {
            let names = (0..46).map(|row| [row, 3]);
            let shape = Attention {
                heads: 2,
                head_dim: 8,
                window: None,
                scale: 0.4,
                dropout: Dropout::new(p, 3, &Noise::new(5, 7, names, &device)),
            };
            let bias = PositionBias::None;
            let (context, saved) = attention(&shape, &qkv, &packing, &bias);
            let mut none = Blocks::zeros(&BlockLayout::new(&[], None).0, &device);
            let over = (&qkv, &packing);
            let (dqkv, _) = attention_backward(&shape, over, &saved, &dcontext, &bias, &mut none);

            let over = Over {
                shape: &shape,
                packing: &packing,
            };
            let (fused, ends) = forward(&over, &qkv);
            let dfused = backward(&over, &qkv, [&fused, &dcontext], &ends);
            for (got, wanted) in [(fused, context), (dfused, dqkv)] {
                let [got, wanted] = [got, wanted].map(|it| read(floats(it)));
                assert_eq!(got.len(), wanted.len());
                for (got, wanted) in got.iter().zip(&wanted) {
                    let off = (got - wanted).abs();
                    assert!(off < 2e-5 * (1.0 + wanted.abs()), "{p}: {got}, {wanted}");
                }
            }
        }
    }

    #[test]
    fn only_gpus_with_room_for_a_head_take_it() {
        use crate::device::AdapterKind;
        let class = |kind| Class {
            kind,
            subgroup: None,
            tiles: None,
        };
        let (gpu, renderer) = (class(AdapterKind::Integrated), class(AdapterKind::Software));
        let shape = |head_dim, window| Attention {
            heads: 2,
            head_dim,
            window,
            scale: 1.0,
            dropout: Dropout::NONE,
        };
        assert!(suits(&shape(64, None), gpu) && suits(&shape(4, None), gpu));
        assert!(!suits(&shape(64, None), renderer));
        for shape in [shape(68, None), shape(6, None), shape(64, Some(3))] {
            assert!(!suits(&shape, gpu), "{shape:?}");
        }
    }
}

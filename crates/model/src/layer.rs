//! One encoder layer: attention and feed-forward, each with its norm, before it or after it.

use burn::tensor::Tensor;
use tunesmith_architecture::{self as architecture, Order};
use tunesmith_kernels::{
    Blocks, Dropout, LayerNormSaved, Pooling, Precision, add, cast, dropout, pool,
};

use crate::attention::{SelfAttention, SelfAttentionSaved, Sequences};
use crate::convolution::{Convolution, ConvolutionSaved};
use crate::feed_forward::{FeedForward, FeedForwardSaved};
use crate::layers::{Backward, LayerNorm, Places};
use crate::noise::Site;
use crate::relative::GatheredRows;

#[derive(Debug, Clone)]
pub(crate) struct Layer {
    order: Order,
    attention: SelfAttention,
    attention_dropout: f32,
    attention_norm: Option<LayerNorm>,
    feed_forward: FeedForward,
    feed_forward_dropout: f32,
    feed_forward_norm: LayerNorm,
    convolution: Option<Convolution>,
}

/// What a layer keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct LayerSaved {
    attention: SelfAttentionSaved,
    attention_norm: Option<LayerNormSaved>,
    feed_forward: FeedForwardSaved,
    feed_forward_norm: LayerNormSaved,
    convolution: Option<ConvolutionSaved>,
}

impl Layer {
    pub(crate) fn new(
        spec: &architecture::Layer,
        order: Order,
        heads: usize,
        places: &Places,
    ) -> Self {
        Self {
            order,
            attention: SelfAttention::new(&spec.attention, heads, places),
            attention_dropout: spec.attention.output_dropout,
            attention_norm: spec
                .attention_norm
                .as_ref()
                .map(|norm| LayerNorm::new(norm, places)),
            feed_forward: FeedForward::new(&spec.feed_forward, places),
            feed_forward_dropout: spec.feed_forward.output_dropout,
            feed_forward_norm: LayerNorm::new(&spec.feed_forward_norm, places),
            convolution: spec
                .convolution
                .as_ref()
                .map(|convolution| Convolution::new(convolution, places)),
        }
    }

    pub(crate) fn has_convolution(&self) -> bool {
        self.convolution.is_some()
    }

    /// `[tokens, hidden]` to the same, or to `[batch, hidden]` where only the first token of each sequence is wanted:
    /// after the attention no token looks at another.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        x: Tensor<2>,
        sequences: &Sequences,
        index: usize,
        only_first: bool,
    ) -> (Tensor<2>, LayerSaved) {
        let wanted = |x: Tensor<2>| match only_first {
            true => {
                let precision = Precision::of(&x);
                cast(pool(&x, &sequences.packing, Pooling::First), precision)
            }
            false => x,
        };
        let noise = &sequences.noise;
        let attention_noise = noise.layer(index, Site::AttentionOutput, self.attention_dropout);
        let output_noise = noise.layer(index, Site::FeedForwardOutput, self.feed_forward_dropout);
        let input = self.convolution.as_ref().map(|_| x.clone());
        let (y, (attention, attention_norm), (feed_forward, feed_forward_norm)) = match self.order {
            Order::PostNorm => {
                let (projected, attention) =
                    self.attention.forward(values, x.clone(), sequences, index);
                let (x, projected) = (wanted(x), wanted(projected));
                let (attended, attention_norm) = match &self.attention_norm {
                    Some(norm) => {
                        let (y, saved) =
                            norm.forward(values, &projected, Some(&x), &attention_noise);
                        (y, Some(saved))
                    }
                    None => (add(&x, &projected, &attention_noise), None),
                };
                drop(x);
                let (projected, feed_forward) =
                    self.feed_forward
                        .forward(values, attended.clone(), noise, index);
                let (y, feed_forward_norm) = self.feed_forward_norm.forward(
                    values,
                    &projected,
                    Some(&attended),
                    &output_noise,
                );
                (
                    y,
                    (attention, attention_norm),
                    (feed_forward, feed_forward_norm),
                )
            }
            Order::PreNorm => {
                let (normed, attention_norm) = match &self.attention_norm {
                    Some(norm) => {
                        let (y, saved) = norm.forward(values, &x, None, &Dropout::NONE);
                        (y, Some(saved))
                    }
                    None => (x.clone(), None),
                };
                let (projected, attention) =
                    self.attention.forward(values, normed, sequences, index);
                let (x, projected) = (wanted(x), wanted(projected));
                let (attended, normed, feed_forward_norm) =
                    self.feed_forward_norm
                        .add(values, &projected, &x, &attention_noise);
                drop((x, projected));
                let (projected, feed_forward) =
                    self.feed_forward.forward(values, normed, noise, index);
                let y = add(&attended, &projected, &output_noise);
                (
                    y,
                    (attention, attention_norm),
                    (feed_forward, feed_forward_norm),
                )
            }
        };
        let (y, convolution) = match (&self.convolution, input) {
            (Some(convolution), Some(input)) => {
                let (y, kept) = convolution.forward(values, &input, &y, sequences, index);
                (y, Some(kept))
            }
            _ => (y, None),
        };
        let saved = LayerSaved {
            attention,
            attention_norm,
            feed_forward,
            feed_forward_norm,
            convolution,
        };
        (y, saved)
    }

    /// The gradient of the layer's input from that of its output.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dy: Tensor<2>,
        saved: LayerSaved,
        sequences: &Sequences,
        rows: &mut GatheredRows,
        index: usize,
    ) -> Tensor<2> {
        let (dy, by_convolution) = match (&self.convolution, &saved.convolution) {
            (Some(convolution), Some(saved)) => {
                let [dy, dx] = convolution.backward(pass, &dy, saved, sequences, index);
                (dy, Some(dx))
            }
            _ => (dy, None),
        };
        let noise = &sequences.noise;
        let attention_noise = noise.layer(index, Site::AttentionOutput, self.attention_dropout);
        let output_noise = noise.layer(index, Site::FeedForwardOutput, self.feed_forward_dropout);
        let dx = match self.order {
            Order::PostNorm => {
                let (dattended, dprojected) = self.feed_forward_norm.backward(
                    pass,
                    &dy,
                    &saved.feed_forward_norm,
                    &output_noise,
                );
                drop(dy);
                let dattended = self.feed_forward.backward(
                    pass,
                    dprojected,
                    saved.feed_forward,
                    (noise, index),
                    Some(dattended),
                );
                let (dx, dprojected) = match (&self.attention_norm, &saved.attention_norm) {
                    (Some(norm), Some(saved)) => {
                        norm.backward(pass, &dattended, saved, &attention_noise)
                    }
                    _ => (dattended.clone(), dropout(dattended, &attention_noise)),
                };
                self.attention.backward(
                    pass,
                    &dprojected,
                    saved.attention,
                    sequences,
                    rows,
                    index,
                    Some(dx),
                )
            }
            Order::PreNorm => {
                let dprojected = dropout(dy.clone(), &output_noise);
                let dnormed = self.feed_forward.backward(
                    pass,
                    dprojected,
                    saved.feed_forward,
                    (noise, index),
                    None,
                );
                let (dattended, dprojected) = self.feed_forward_norm.backward_to_sum(
                    pass,
                    &dnormed,
                    &saved.feed_forward_norm,
                    Some(&dy),
                    &attention_noise,
                );
                drop((dy, dnormed));
                let dnormed = self.attention.backward(
                    pass,
                    &dprojected,
                    saved.attention,
                    sequences,
                    rows,
                    index,
                    None,
                );
                match (&self.attention_norm, &saved.attention_norm) {
                    (Some(norm), Some(saved)) => {
                        let more = Some(&dattended);
                        norm.backward_to_sum(pass, &dnormed, saved, more, &Dropout::NONE)
                            .0
                    }
                    _ => add(&dattended, &dnormed, &Dropout::NONE),
                }
            }
        };
        match by_convolution {
            Some(more) => add(&dx, &more, &Dropout::NONE),
            None => dx,
        }
    }
}

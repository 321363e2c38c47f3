//! One encoder layer: attention and feed-forward, each closed by LayerNorm over the residual sum.

use burn::tensor::{Int, Tensor};
use tunesmith_kernels::{
    Attention, AttentionSaved, Dropout, LayerNormSaved, attention, attention_backward, gelu,
    gelu_backward,
};

use crate::Parameter;
use crate::layers::{LayerNorm, Linear};

#[derive(Debug, Clone)]
pub(crate) struct Layer {
    pub(crate) query: Linear,
    pub(crate) key: Linear,
    pub(crate) value: Linear,
    pub(crate) attention_output: Linear,
    pub(crate) attention_norm: LayerNorm,
    pub(crate) intermediate: Linear,
    pub(crate) output: Linear,
    pub(crate) output_norm: LayerNorm,
}

/// The dropout sites of one layer in one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LayerDropout {
    pub(crate) attention_output: Dropout,
    pub(crate) output: Dropout,
}

/// What a layer keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct LayerSaved {
    x: Tensor<2>,
    query: Tensor<2>,
    key: Tensor<2>,
    value: Tensor<2>,
    attention: AttentionSaved,
    context: Tensor<2>,
    attention_norm: LayerNormSaved,
    attended: Tensor<2>,
    intermediate: Tensor<2>,
    activated: Tensor<2>,
    output_norm: LayerNormSaved,
}

impl Layer {
    /// `[batch * seq, hidden]` to the same.
    pub(crate) fn forward(
        &self,
        x: Tensor<2>,
        shape: &Attention,
        lengths: &Tensor<1, Int>,
        dropout: &LayerDropout,
    ) -> (Tensor<2>, LayerSaved) {
        let query = self.query.forward(&x);
        let key = self.key.forward(&x);
        let value = self.value.forward(&x);
        let (context, attention) = attention(shape, [&query, &key, &value], lengths);
        let projected = self.attention_output.forward(&context);
        let (attended, attention_norm) =
            self.attention_norm
                .forward(&projected, Some(&x), &dropout.attention_output);
        let intermediate = self.intermediate.forward(&attended);
        let activated = gelu(&intermediate);
        let projected = self.output.forward(&activated);
        let (y, output_norm) =
            self.output_norm
                .forward(&projected, Some(&attended), &dropout.output);
        let saved = LayerSaved {
            x,
            query,
            key,
            value,
            attention,
            context,
            attention_norm,
            attended,
            intermediate,
            activated,
            output_norm,
        };
        (y, saved)
    }

    /// The gradient of the layer's input from that of its output.
    pub(crate) fn backward(
        &mut self,
        dy: Tensor<2>,
        saved: LayerSaved,
        shape: &Attention,
        dropout: &LayerDropout,
    ) -> Tensor<2> {
        let (dattended, dprojected) =
            self.output_norm
                .backward(&dy, &saved.output_norm, &dropout.output);
        drop(dy);
        self.output
            .backward_parameters(&dprojected, &saved.activated, 1);
        let dactivated = self.output.backward_input_new(&dprojected);
        drop(dprojected);
        let dintermediate = gelu_backward(&saved.intermediate, &dactivated);
        self.intermediate
            .backward_parameters(&dintermediate, &saved.attended, 1);
        let dattended = self
            .intermediate
            .backward_input(&dintermediate, 1, dattended);

        let (dx, dprojected) = self.attention_norm.backward(
            &dattended,
            &saved.attention_norm,
            &dropout.attention_output,
        );
        self.attention_output
            .backward_parameters(&dprojected, &saved.context, 1);
        let dcontext = self.attention_output.backward_input_new(&dprojected);
        drop(dprojected);
        let projections = [&saved.query, &saved.key, &saved.value];
        let gradients = attention_backward(shape, projections, &saved.attention, &dcontext);
        let layers = [&mut self.query, &mut self.key, &mut self.value];
        layers
            .into_iter()
            .zip(&gradients)
            .fold(dx, |dx, (layer, gradient)| {
                layer.backward_parameters(gradient, &saved.x, 1);
                layer.backward_input(gradient, 1, dx)
            })
    }

    pub(crate) fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        [
            self.query.parameters(),
            self.key.parameters(),
            self.value.parameters(),
            self.attention_output.parameters(),
            self.attention_norm.parameters(),
            self.intermediate.parameters(),
            self.output.parameters(),
            self.output_norm.parameters(),
        ]
        .into_iter()
        .flatten()
    }

    pub(crate) fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        [
            self.query.parameters_mut(),
            self.key.parameters_mut(),
            self.value.parameters_mut(),
            self.attention_output.parameters_mut(),
            self.attention_norm.parameters_mut(),
            self.intermediate.parameters_mut(),
            self.output.parameters_mut(),
            self.output_norm.parameters_mut(),
        ]
        .into_iter()
        .flatten()
    }
}

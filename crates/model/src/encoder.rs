//! One encoder layer: attention and feed-forward, each closed by LayerNorm over the residual sum.

use burn::tensor::{Int, Tensor};
use tunesmith_kernels::{
    Activation, Attention, AttentionSaved, Blocks, Dropout, LayerNormSaved, PositionBias, activate,
    activate_backward, attention, attention_backward,
};

use crate::layers::{Backward, LayerNorm, Linear};

#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// Query, key and value in one: `[3 * hidden, hidden]`.
    pub(crate) qkv: Linear,
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
    qkv: Tensor<2>,
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
        values: &Blocks,
        x: Tensor<2>,
        shape: &Attention,
        lengths: &Tensor<1, Int>,
        dropout: &LayerDropout,
    ) -> (Tensor<2>, LayerSaved) {
        let qkv = self.qkv.forward(values, &x);
        let (context, attention) = attention(shape, &qkv, lengths, &PositionBias::None);
        let projected = self.attention_output.forward(values, &context);
        let (attended, attention_norm) =
            self.attention_norm
                .forward(values, &projected, Some(&x), &dropout.attention_output);
        let intermediate = self.intermediate.forward(values, &attended);
        let activated = activate(Activation::Gelu, &intermediate);
        let projected = self.output.forward(values, &activated);
        let (y, output_norm) =
            self.output_norm
                .forward(values, &projected, Some(&attended), &dropout.output);
        let saved = LayerSaved {
            x,
            qkv,
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
        &self,
        pass: &mut Backward<'_>,
        dy: Tensor<2>,
        saved: LayerSaved,
        shape: &Attention,
        dropout: &LayerDropout,
    ) -> Tensor<2> {
        let (dattended, dprojected) =
            self.output_norm
                .backward(pass, &dy, &saved.output_norm, &dropout.output);
        drop(dy);
        self.output
            .backward_parameters(pass, &dprojected, &saved.activated, 1);
        let dactivated = self.output.backward_input_new(pass.values, &dprojected);
        drop(dprojected);
        let dintermediate = activate_backward(Activation::Gelu, &saved.intermediate, &dactivated);
        drop(dactivated);
        self.intermediate
            .backward_parameters(pass, &dintermediate, &saved.attended, 1);
        let dattended = self
            .intermediate
            .backward_input(pass.values, &dintermediate, 1, dattended);
        drop(dintermediate);

        let (dx, dprojected) = self.attention_norm.backward(
            pass,
            &dattended,
            &saved.attention_norm,
            &dropout.attention_output,
        );
        self.attention_output
            .backward_parameters(pass, &dprojected, &saved.context, 1);
        let dcontext = self
            .attention_output
            .backward_input_new(pass.values, &dprojected);
        drop(dprojected);
        let (dqkv, _) = attention_backward(
            shape,
            &saved.qkv,
            &saved.attention,
            &dcontext,
            &PositionBias::None,
            pass.gradients,
        );
        self.qkv.backward_parameters(pass, &dqkv, &saved.x, 1);
        self.qkv.backward_input(pass.values, &dqkv, 1, dx)
    }
}

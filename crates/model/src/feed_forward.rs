//! The feed-forward block of a layer: each token by itself.

use burn::tensor::Tensor;
use tunesmith_architecture as architecture;
use tunesmith_kernels::{
    Activation, Blocks, activate, activate_backward, dropout, gated, gated_backward,
};

use crate::layers::{Backward, Linear, Places};
use crate::noise::{Noise, Site};

#[derive(Debug, Clone)]
pub(crate) struct FeedForward {
    input: Linear,
    activation: Activation,
    gated: bool,
    inner_dropout: f32,
    output: Linear,
}

/// What the block keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct FeedForwardSaved {
    x: Option<Tensor<2>>,
    wide: Tensor<2>,
    activated: Option<Tensor<2>>,
}

impl FeedForward {
    pub(crate) fn new(spec: &architecture::FeedForward, places: &Places) -> Self {
        Self {
            input: Linear::new(&spec.input, places),
            activation: spec.activation,
            gated: spec.gated,
            inner_dropout: spec.inner_dropout,
            output: Linear::new(&spec.output, places),
        }
    }

    /// `[tokens, hidden]` to the same.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        x: Tensor<2>,
        noise: &Noise,
        layer: usize,
    ) -> (Tensor<2>, FeedForwardSaved) {
        let wide = self.input.forward(values, &x);
        let activated = if self.gated {
            gated(self.activation, &wide)
        } else {
            activate(self.activation, &wide)
        };
        let inner = noise.layer(layer, Site::FeedForwardInner, self.inner_dropout);
        let activated = dropout(activated, &inner);
        let y = self.output.forward(values, &activated);
        let saved = FeedForwardSaved {
            x: self.input.keep(&x),
            wide,
            activated: self.output.keep(&activated),
        };
        (y, saved)
    }

    /// The gradient of the block's input from that of its output, added to `dx` where there is one.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dy: Tensor<2>,
        saved: FeedForwardSaved,
        (noise, layer): (&Noise, usize),
        dx: Option<Tensor<2>>,
    ) -> Tensor<2> {
        self.output
            .backward_parameters(pass, &dy, saved.activated.as_ref());
        let dactivated = self.output.backward_into(pass.values, &dy, None);
        drop(dy);
        let inner = noise.layer(layer, Site::FeedForwardInner, self.inner_dropout);
        let dactivated = dropout(dactivated, &inner);
        let dwide = if self.gated {
            gated_backward(self.activation, &saved.wide, &dactivated)
        } else {
            activate_backward(self.activation, &saved.wide, &dactivated)
        };
        drop(dactivated);
        self.input
            .backward_parameters(pass, &dwide, saved.x.as_ref());
        self.input.backward_into(pass.values, &dwide, dx)
    }
}

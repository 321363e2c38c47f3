//! DeBERTa-v2's convolution beside its first layer: `norm(y + activation(dropout(conv(x))))`.

use burn::tensor::Tensor;
use tunesmith_architecture as architecture;
use tunesmith_kernels::{
    Activation, Blocks, Dropout, LayerNormSaved, activate, activate_backward, dropout, windows,
    windows_backward,
};

use crate::attention::Sequences;
use crate::layers::{Backward, LayerNorm, Linear, Places};
use crate::noise::Site;

#[derive(Debug, Clone)]
pub(crate) struct Convolution {
    conv: Linear,
    kernel: usize,
    activation: Activation,
    dropout: f32,
    norm: LayerNorm,
}

/// What it keeps for its backward pass.
#[derive(Debug)]
pub(crate) struct ConvolutionSaved {
    neighbours: Option<Tensor<2>>,
    dropped: Tensor<2>,
    norm: LayerNormSaved,
}

impl Convolution {
    pub(crate) fn new(spec: &architecture::Convolution, places: &Places) -> Self {
        Self {
            conv: Linear::new(&spec.conv, places),
            kernel: spec.conv.kernel.unwrap_or(1),
            activation: spec.activation,
            dropout: spec.dropout,
            norm: LayerNorm::new(&spec.norm, places),
        }
    }

    /// From the layer's input and output.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        x: &Tensor<2>,
        y: &Tensor<2>,
        sequences: &Sequences,
        layer: usize,
    ) -> (Tensor<2>, ConvolutionSaved) {
        let neighbours = windows(x, self.kernel, &sequences.packing);
        let convolved = self.conv.forward(values, &neighbours);
        let noise = sequences
            .noise
            .layer(layer, Site::Convolution, self.dropout);
        let dropped = dropout(convolved, &noise);
        let activated = activate(self.activation, &dropped);
        let (output, norm) = self
            .norm
            .forward(values, &activated, Some(y), &Dropout::NONE);
        let saved = ConvolutionSaved {
            neighbours: self.conv.keep(&neighbours),
            dropped,
            norm,
        };
        (output, saved)
    }

    /// The gradient of the layer's output, and what the layer's input gets by this way.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        saved: &ConvolutionSaved,
        sequences: &Sequences,
        layer: usize,
    ) -> [Tensor<2>; 2] {
        let (dsum, _) = self.norm.backward(pass, dy, &saved.norm, &Dropout::NONE);
        let ddropped = activate_backward(self.activation, &saved.dropped, &dsum);
        let noise = sequences
            .noise
            .layer(layer, Site::Convolution, self.dropout);
        let dconvolved = dropout(ddropped, &noise);
        self.conv
            .backward_parameters(pass, &dconvolved, saved.neighbours.as_ref());
        let dneighbours = self.conv.backward_into(pass.values, &dconvolved, None);
        let dx = windows_backward(&dneighbours, self.kernel, &sequences.packing);
        [dsum, dx]
    }
}

//! The two layers that BERT is made of, as places in the model's parameters.

use burn::tensor::Tensor;
use tunesmith_kernels::{
    Blocks, Dropout, LayerNormSaved, Slot, layer_norm, layer_norm_backward,
    layer_norm_backward_parameters, linear, linear_backward_input, linear_backward_input_new,
    linear_backward_parameters,
};

/// What a backward pass reads and what it adds to.
#[derive(Debug)]
pub(crate) struct Backward<'a> {
    pub(crate) values: &'a Blocks,
    pub(crate) gradients: &'a mut Blocks,
}

/// `y = x W^T + b`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub(crate) weight: Slot,
    pub(crate) bias: Slot,
}

impl Linear {
    pub(crate) fn forward(&self, values: &Blocks, x: &Tensor<2>) -> Tensor<2> {
        self.forward_every(values, x, 1)
    }

    /// Over one row of `x` in every `every`.
    pub(crate) fn forward_every(&self, values: &Blocks, x: &Tensor<2>, every: usize) -> Tensor<2> {
        linear(
            x,
            every,
            &values.view(self.weight),
            Some(&values.view(self.bias)),
        )
    }

    /// Adds the gradients of weight and bias, from the input `x` and the output's gradient.
    pub(crate) fn backward_parameters(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        x: &Tensor<2>,
        every: usize,
    ) {
        linear_backward_parameters(dy, x, every, pass.gradients, self.weight, Some(self.bias));
    }

    /// Adds the gradient of the input to `dx`.
    pub(crate) fn backward_input(
        &self,
        values: &Blocks,
        dy: &Tensor<2>,
        every: usize,
        dx: Tensor<2>,
    ) -> Tensor<2> {
        linear_backward_input(dy, &values.view(self.weight), every, dx)
    }

    /// The gradient of the input alone, where there is none yet to add to.
    pub(crate) fn backward_input_new(&self, values: &Blocks, dy: &Tensor<2>) -> Tensor<2> {
        linear_backward_input_new(dy, &values.view(self.weight))
    }
}

/// LayerNorm over a residual sum.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    /// Gamma (`weight`), and behind it beta (`bias`).
    pub(crate) affine: Slot,
    pub(crate) epsilon: f32,
}

impl LayerNorm {
    /// `LayerNorm(residual + dropout(x))`.
    pub(crate) fn forward(
        &self,
        values: &Blocks,
        x: &Tensor<2>,
        residual: Option<&Tensor<2>>,
        dropout: &Dropout,
    ) -> (Tensor<2>, LayerNormSaved) {
        let affine = values.view(self.affine);
        layer_norm(x, residual, &affine, self.epsilon, dropout)
    }

    /// The gradients of the residual and of `x`; adds those of weight and bias.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        saved: &LayerNormSaved,
        dropout: &Dropout,
    ) -> (Tensor<2>, Tensor<2>) {
        layer_norm_backward_parameters(dy, saved, pass.gradients, self.affine);
        layer_norm_backward(dy, saved, &pass.values.view(self.affine), dropout)
    }
}

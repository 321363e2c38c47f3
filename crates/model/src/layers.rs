//! The two layers that everything is made of.

use burn::tensor::Tensor;
use tunesmith_kernels::{
    Dropout, LayerNormSaved, layer_norm, layer_norm_backward, layer_norm_parameters_backward,
    linear, linear_backward_bias, linear_backward_input, linear_backward_input_new,
    linear_backward_weight,
};

use crate::Parameter;

/// `y = x W^T + b`.
#[derive(Debug, Clone)]
pub(crate) struct Linear {
    pub(crate) weight: Parameter,
    pub(crate) bias: Parameter,
}

impl Linear {
    pub(crate) fn forward(&self, x: &Tensor<2>) -> Tensor<2> {
        self.forward_every(x, 1)
    }

    /// Over one row of `x` in every `every`.
    pub(crate) fn forward_every(&self, x: &Tensor<2>, every: usize) -> Tensor<2> {
        linear(x, every, &self.weight.matrix(), &self.bias.vector())
    }

    /// Adds the gradients of weight and bias, from the input `x` and the output's gradient.
    pub(crate) fn backward_parameters(&mut self, dy: &Tensor<2>, x: &Tensor<2>, every: usize) {
        self.weight
            .add_matrix(|gradient| linear_backward_weight(dy, x, every, gradient));
        self.bias
            .add_vector(|gradient| linear_backward_bias(dy, gradient));
    }

    /// Adds the gradient of the input to `dx`.
    pub(crate) fn backward_input(&self, dy: &Tensor<2>, every: usize, dx: Tensor<2>) -> Tensor<2> {
        linear_backward_input(dy, &self.weight.matrix(), every, dx)
    }

    /// The gradient of the input alone, where there is none yet to add to.
    pub(crate) fn backward_input_new(&self, dy: &Tensor<2>) -> Tensor<2> {
        linear_backward_input_new(dy, &self.weight.matrix())
    }

    pub(crate) fn parameters(&self) -> [&Parameter; 2] {
        [&self.weight, &self.bias]
    }

    pub(crate) fn parameters_mut(&mut self) -> [&mut Parameter; 2] {
        [&mut self.weight, &mut self.bias]
    }
}

/// LayerNorm over a residual sum.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    pub(crate) weight: Parameter,
    pub(crate) bias: Parameter,
    pub(crate) epsilon: f32,
}

impl LayerNorm {
    /// `LayerNorm(residual + dropout(x))`.
    pub(crate) fn forward(
        &self,
        x: &Tensor<2>,
        residual: Option<&Tensor<2>>,
        dropout: &Dropout,
    ) -> (Tensor<2>, LayerNormSaved) {
        layer_norm(
            x,
            residual,
            &self.weight.vector(),
            &self.bias.vector(),
            self.epsilon,
            dropout,
        )
    }

    /// The gradients of the residual and of `x`; adds those of weight and bias.
    pub(crate) fn backward(
        &mut self,
        dy: &Tensor<2>,
        saved: &LayerNormSaved,
        dropout: &Dropout,
    ) -> (Tensor<2>, Tensor<2>) {
        let (weight, bias) = (self.weight.take_gradient(), self.bias.take_gradient());
        let (weight, bias) = layer_norm_parameters_backward(dy, saved, weight, bias);
        self.weight.gradient = Some(weight);
        self.bias.gradient = Some(bias);
        layer_norm_backward(dy, saved, &self.weight.vector(), dropout)
    }

    pub(crate) fn parameters(&self) -> [&Parameter; 2] {
        [&self.weight, &self.bias]
    }

    pub(crate) fn parameters_mut(&mut self) -> [&mut Parameter; 2] {
        [&mut self.weight, &mut self.bias]
    }
}

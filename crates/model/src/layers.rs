//! The two layers that every block is made of, as places in the model's parameters.

use std::collections::HashMap;

use burn::tensor::Tensor;
use tunesmith_architecture::{self as architecture, Declaration, Table};
use tunesmith_kernels::{
    Blocks, Dropout, LayerNormSaved, Slot, add_layer_norm, layer_norm, layer_norm_backward,
    layer_norm_backward_parameters, linear, linear_backward_input, linear_backward_input_new,
    linear_backward_parameters,
};

/// Where each declared group of tensors lies, by the name of its first.
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<String, Vec<Slot>>);

impl Places {
    pub(crate) fn new<'a>(
        declarations: impl IntoIterator<Item = &'a Declaration>,
        slots: &[Vec<Slot>],
    ) -> Self {
        let keys = declarations.into_iter().map(|one| one.key().to_owned());
        Self(keys.zip(slots.iter().cloned()).collect())
    }

    fn of(&self, declaration: &Declaration) -> Slot {
        // Every one was declared by the spec that is built from, and only words lie in pieces.
        let slots = self.0.get(declaration.key());
        slots
            .and_then(|slots| slots.first())
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn table(&self, table: &Table) -> Slot {
        self.of(&table.declaration())
    }

    /// The pieces that a table lies in, in the order of its rows.
    pub(crate) fn pieces(&self, table: &Table) -> Vec<Slot> {
        let slots = self.0.get(table.declaration().key());
        slots.cloned().unwrap_or_default()
    }
}

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
    pub(crate) bias: Option<Slot>,
}

impl Linear {
    pub(crate) fn new(spec: &architecture::Linear, places: &Places) -> Self {
        Self {
            weight: places.of(&spec.weight()),
            bias: spec.bias().map(|bias| places.of(&bias)),
        }
    }

    /// The first `out` outputs of a layer of `inner` inputs.
    pub(crate) fn first(&self, out: usize, inner: usize) -> Self {
        Self {
            weight: self.weight.part(0, out * inner),
            bias: self.bias.map(|bias| bias.part(0, out)),
        }
    }

    pub(crate) fn forward(&self, values: &Blocks, x: &Tensor<2>) -> Tensor<2> {
        let bias = self.bias.map(|bias| values.view(bias));
        linear(x, &values.view(self.weight), bias.as_ref())
    }

    /// Adds the gradients of weight and bias, from the input `x` and the output's gradient.
    pub(crate) fn backward_parameters(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        x: &Tensor<2>,
    ) {
        linear_backward_parameters(dy, x, pass.gradients, self.weight, self.bias);
    }

    /// The gradient of the input, added to `dx` where there is one.
    pub(crate) fn backward_into(
        &self,
        values: &Blocks,
        dy: &Tensor<2>,
        dx: Option<Tensor<2>>,
    ) -> Tensor<2> {
        match dx {
            Some(dx) => linear_backward_input(dy, &values.view(self.weight), dx),
            None => linear_backward_input_new(dy, &values.view(self.weight)),
        }
    }
}

/// LayerNorm over a residual sum.
#[derive(Debug, Clone)]
pub(crate) struct LayerNorm {
    /// Gamma (`weight`), and behind it beta (`bias`) where the family has one.
    affine: Slot,
    epsilon: f32,
}

impl LayerNorm {
    pub(crate) fn new(spec: &architecture::Norm, places: &Places) -> Self {
        Self {
            affine: places.of(&spec.affine()),
            epsilon: spec.epsilon,
        }
    }

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

    /// The sum `residual + dropout(x)`, and its norm.
    pub(crate) fn add(
        &self,
        values: &Blocks,
        x: &Tensor<2>,
        residual: &Tensor<2>,
        dropout: &Dropout,
    ) -> (Tensor<2>, Tensor<2>, LayerNormSaved) {
        let affine = values.view(self.affine);
        add_layer_norm(x, residual, &affine, self.epsilon, dropout)
    }

    /// The gradients of the residual and of `x`; adds those of weight and bias.
    pub(crate) fn backward(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        saved: &LayerNormSaved,
        dropout: &Dropout,
    ) -> (Tensor<2>, Tensor<2>) {
        self.backward_to_sum(pass, dy, saved, None, dropout)
    }

    /// The same where the sum went on besides, and has the gradient `more` from there.
    pub(crate) fn backward_to_sum(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        saved: &LayerNormSaved,
        more: Option<&Tensor<2>>,
        dropout: &Dropout,
    ) -> (Tensor<2>, Tensor<2>) {
        layer_norm_backward_parameters(dy, saved, pass.gradients, self.affine);
        let affine = pass.values.view(self.affine);
        layer_norm_backward(dy, saved, &affine, more, dropout)
    }
}

//! The two layers that every block is made of, as places in the model's parameters.

use std::collections::HashMap;

use burn::tensor::Tensor;
use tunesmith_architecture::{self as architecture, Declaration, Role, Table};
use tunesmith_kernels::{
    Blocks, Dropout, LayerNormSaved, Slot, add_layer_norm, layer_norm, layer_norm_backward,
    layer_norm_backward_parameters, linear, linear_backward_input, linear_backward_input_new,
    linear_backward_parameters,
};

/// Where each declared group of tensors lies, by the name of its first, and what training does with it.
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<String, (Vec<Slot>, Role)>);

impl Places {
    pub(crate) fn new<'a>(
        declarations: impl IntoIterator<Item = &'a Declaration>,
        slots: &[Vec<Slot>],
    ) -> Self {
        let declared = declarations.into_iter().zip(slots);
        let places = declared.map(|(one, slots)| {
            let place = (slots.clone(), one.role);
            (one.key().to_owned(), place)
        });
        Self(places.collect())
    }

    fn of(&self, declaration: &Declaration) -> Slot {
        // Every one was declared by the spec that is built from, and only words lie in pieces.
        let place = self.0.get(declaration.key());
        place
            .and_then(|(slots, _)| slots.first())
            .copied()
            .unwrap_or_default()
    }

    fn trains(&self, declaration: &Declaration) -> bool {
        let place = self.0.get(declaration.key());
        place.is_some_and(|(_, role)| *role != Role::Frozen)
    }

    pub(crate) fn table(&self, table: &Table) -> Slot {
        self.of(&table.declaration())
    }

    /// The pieces that a table lies in, in the order of its rows.
    pub(crate) fn pieces(&self, table: &Table) -> Vec<Slot> {
        let place = self.0.get(table.declaration().key());
        place.map(|(slots, _)| slots.clone()).unwrap_or_default()
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
    is_trained: bool,
}

impl Linear {
    pub(crate) fn new(spec: &architecture::Linear, places: &Places) -> Self {
        Self {
            weight: places.of(&spec.weight()),
            bias: spec.bias().map(|bias| places.of(&bias)),
            is_trained: places.trains(&spec.weight()),
        }
    }

    /// The first `out` outputs of a layer of `inner` inputs.
    pub(crate) fn first(&self, out: usize, inner: usize) -> Self {
        Self {
            weight: self.weight.part(0, out * inner),
            bias: self.bias.map(|bias| bias.part(0, out)),
            ..*self
        }
    }

    pub(crate) fn forward(&self, values: &Blocks, x: &Tensor<2>) -> Tensor<2> {
        let bias = self.bias.map(|bias| values.view(bias));
        linear(x, &values.view(self.weight), bias.as_ref())
    }

    /// The input, where [`Self::backward_parameters`] will need it: a frozen layer has no use for it.
    pub(crate) fn keep(&self, x: &Tensor<2>) -> Option<Tensor<2>> {
        self.is_trained.then(|| x.clone())
    }

    /// Adds the gradients of weight and bias, from the input that was kept and the output's gradient.
    pub(crate) fn backward_parameters(
        &self,
        pass: &mut Backward<'_>,
        dy: &Tensor<2>,
        x: Option<&Tensor<2>>,
    ) {
        if let Some(x) = x {
            linear_backward_parameters(dy, x, pass.gradients, self.weight, self.bias);
        }
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

//! The parameters of a model: their names and shapes, and the blocks that hold values and gradients.

use burn::tensor::{Device, Tensor};
use tunesmith_architecture::{Declaration, Role};
use tunesmith_kernels::{BlockLayout, Blocks, Slot, zeros};

/// One trainable tensor under its Hugging Face name.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name in `model.safetensors`.
    pub name: String,
    /// `[out, in]` for a linear layer's weight, as PyTorch stores it.
    pub shape: Vec<usize>,
    slot: Slot,
}

impl Parameter {
    /// Elements.
    pub fn count(&self) -> usize {
        self.slot.count
    }

    /// Where its values lie among those of all parameters, and its gradient and moments among theirs.
    pub fn slot(&self) -> Slot {
        self.slot
    }
}

/// All parameters of a model.
#[derive(Debug)]
pub struct Parameters {
    all: Vec<Parameter>,
    device: Device,
    pub(crate) values: Blocks,
    gradients: Option<Blocks>,
}

impl Parameters {
    /// Room for what was declared, zeros so far, with the slot of each declaration.
    pub(crate) fn new(
        declarations: &[Declaration],
        max_bytes: Option<u64>,
        device: &Device,
    ) -> (Self, Vec<Slot>) {
        let tensors: Vec<_> = declarations
            .iter()
            .map(|one| (one.count(), one.role == Role::Decayed))
            .collect();
        let (layout, slots) = BlockLayout::new(&tensors, max_bytes);
        let mut all = Vec::new();
        for (declaration, slot) in declarations.iter().zip(&slots) {
            let mut offset = 0;
            for part in &declaration.parts {
                all.push(Parameter {
                    name: part.name.clone(),
                    shape: part.shape.clone(),
                    slot: slot.part(offset, part.count()),
                });
                offset += part.count();
            }
        }
        let parameters = Self {
            all,
            device: device.clone(),
            values: Blocks::zeros(&layout, device),
            gradients: None,
        };
        (parameters, slots)
    }

    /// Every parameter, layer by layer.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.all.iter()
    }

    /// The parameter of this name.
    pub fn get(&self, name: &str) -> Option<&Parameter> {
        self.all.iter().find(|parameter| parameter.name == name)
    }

    /// A parameter's value, flat, `[count]`. Read it before the next step changes it in place.
    pub fn value(&self, parameter: &Parameter) -> Tensor<1> {
        self.values.tensor(parameter.slot)
    }

    /// A parameter's gradient, flat, `[count]`: zeros where no backward pass has run. Read it before
    /// the next one.
    pub fn gradient(&self, parameter: &Parameter) -> Tensor<1> {
        match &self.gradients {
            Some(gradients) => gradients.tensor(parameter.slot),
            None => zeros([parameter.count()], &self.device),
        }
    }

    /// A tensor of an optimizer's state that belongs to a parameter, flat, `[count]`.
    pub fn state(&self, state: &Blocks, parameter: &Parameter) -> Tensor<1> {
        state.tensor(parameter.slot)
    }

    /// Writes the state that belongs to a parameter; as many `values` as it has elements.
    pub fn set_state(&self, state: &mut Blocks, parameter: &Parameter, values: &[f32]) {
        state.write(parameter.slot, values, &self.device);
    }

    /// Writes a parameter's value; as many `values` as it has elements.
    pub fn set(&mut self, parameter: &Parameter, values: &[f32]) {
        self.values.write(parameter.slot, values, &self.device);
    }

    /// Zeros in the layout of the parameters: a moment of an optimizer.
    pub fn zeros(&self) -> Blocks {
        Blocks::zeros(self.values.layout(), &self.device)
    }

    /// Values and gradients, for a backward pass or an optimizer to change.
    pub fn values_and_gradients(&mut self) -> (&mut Blocks, &mut Blocks) {
        let (layout, device) = (self.values.layout(), &self.device);
        let gradients = self
            .gradients
            .get_or_insert_with(|| Blocks::zeros(layout, device));
        (&mut self.values, gradients)
    }

    /// Forgets all gradients.
    pub(crate) fn zero_grad(&mut self) {
        self.gradients = None;
    }
}

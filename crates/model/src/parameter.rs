//! A named parameter with its gradient.

use burn::tensor::{Device, Tensor, TensorData};

/// One trainable tensor under its Hugging Face name.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The name in `model.safetensors`.
    pub name: String,
    /// `[out, in]` for a linear layer's weight, as PyTorch stores it.
    pub shape: Vec<usize>,
    /// The value, flat. Steps change it in place, so nothing else should hold it then.
    pub value: Tensor<1>,
    /// The gradient, flat; `None` means zeros that no backward pass has asked for yet.
    pub gradient: Option<Tensor<1>>,
}

impl Parameter {
    pub(crate) fn new(name: String, shape: Vec<usize>, values: Vec<f32>, device: &Device) -> Self {
        let count = values.len();
        let value = Tensor::from_data(TensorData::new(values, [count]), device);
        Self {
            name,
            shape,
            value,
            gradient: None,
        }
    }

    /// Elements.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether weight decay applies: not to biases and not to LayerNorm, as in the Trainer.
    pub fn decays(&self) -> bool {
        !self.name.ends_with(".bias") && !self.name.contains("LayerNorm")
    }

    /// The gradient, flat; made of zeros where there is none yet.
    pub fn take_gradient(&mut self) -> Tensor<1> {
        let (count, device) = (self.count(), self.value.device());
        self.gradient
            .take()
            .unwrap_or_else(|| Tensor::zeros([count], &device))
    }

    pub(crate) fn matrix(&self) -> Tensor<2> {
        self.value.clone().reshape([self.shape[0], self.shape[1]])
    }

    pub(crate) fn vector(&self) -> Tensor<1> {
        self.value.clone()
    }

    /// Lets an op add to the gradient of a matrix in place.
    pub(crate) fn add_matrix(&mut self, add: impl FnOnce(Tensor<2>) -> Tensor<2>) {
        let (count, rows, cols) = (self.count(), self.shape[0], self.shape[1]);
        let gradient = self.take_gradient();
        self.gradient = Some(add(gradient.reshape([rows, cols])).reshape([count]));
    }

    /// Lets an op add to the gradient of a vector in place.
    pub(crate) fn add_vector(&mut self, add: impl FnOnce(Tensor<1>) -> Tensor<1>) {
        let gradient = self.take_gradient();
        self.gradient = Some(add(gradient));
    }
}

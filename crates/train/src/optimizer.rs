//! AdamW over a model's parameters, with the Trainer's clipping of the global gradient norm.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use tunesmith_kernels::{AdamWHyper, GradientNorm, adamw, gradient_norm};
use tunesmith_model::{BertForSequenceClassification, ModelError, write_tensors};

/// `torch.optim.AdamW` as the Trainer sets it up: decoupled weight decay, none on biases and
/// LayerNorm, gradients clipped by their norm over all parameters together.
#[derive(Debug)]
pub struct AdamW {
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f32,
    max_grad_norm: f32,
    steps: u32,
    moments: Vec<Moments>,
    /// Stands in for a tensor that an in-place step has been handed.
    hole: Tensor<1>,
}

/// The running means of one parameter's gradient, flat like the parameter.
#[derive(Debug)]
struct Moments {
    exp_avg: Tensor<1>,
    exp_avg_sq: Tensor<1>,
}

/// Stored tensors by name, each with its shape.
pub(crate) type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

impl AdamW {
    /// A fresh optimizer; a `max_grad_norm` of 0 clips nothing.
    #[must_use]
    pub fn new(
        model: &BertForSequenceClassification,
        betas: [f64; 2],
        epsilon: f64,
        weight_decay: f64,
        max_grad_norm: f64,
    ) -> Self {
        let device = &model.device().device;
        let zeros = |count| Tensor::zeros([count], device);
        let moments = model
            .parameters()
            .map(|p| Moments {
                exp_avg: zeros(p.count()),
                exp_avg_sq: zeros(p.count()),
            })
            .collect();
        Self {
            betas,
            epsilon,
            weight_decay: weight_decay as f32,
            max_grad_norm: max_grad_norm as f32,
            steps: 0,
            moments,
            hole: zeros(1),
        }
    }

    /// One step with the gradients that the model holds, which are zero afterwards. Gives the norm
    /// before clipping; nothing is waited for.
    pub fn step(
        &mut self,
        model: &mut BertForSequenceClassification,
        learning_rate: f64,
    ) -> GradientNorm {
        let device = model.device().device.clone();
        let gradients: Vec<Tensor<1>> = model
            .parameters_mut()
            .map(|parameter| {
                let gradient = parameter.take_gradient();
                parameter.gradient = Some(gradient.clone());
                gradient
            })
            .collect();
        let norm = gradient_norm(gradients.into_iter(), self.max_grad_norm, &device);
        self.steps += 1;
        let hyper = AdamWHyper::new(learning_rate, self.betas, self.epsilon, self.steps, &device);
        let Self { moments, hole, .. } = self;
        let take = |tensor: &mut Tensor<1>| std::mem::replace(tensor, hole.clone());
        for (parameter, moments) in model.parameters_mut().zip(moments) {
            let decay = if parameter.decays() {
                self.weight_decay
            } else {
                0.0
            };
            let state = [
                take(&mut parameter.value),
                parameter.take_gradient(),
                take(&mut moments.exp_avg),
                take(&mut moments.exp_avg_sq),
            ];
            let [value, gradient, exp_avg, exp_avg_sq] = adamw(&hyper, &norm, decay, state);
            parameter.value = value;
            parameter.gradient = Some(gradient);
            *moments = Moments {
                exp_avg,
                exp_avg_sq,
            };
        }
        norm
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Writes the state as safetensors: `exp_avg.<parameter>` and `exp_avg_sq.<parameter>`.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub async fn save(
        &self,
        model: &BertForSequenceClassification,
        path: &Path,
    ) -> Result<(), ModelError> {
        let named: Vec<(String, &[usize], &Tensor<1>)> = model
            .parameters()
            .zip(&self.moments)
            .flat_map(|(parameter, moments)| {
                let [exp_avg, exp_avg_sq] = names(&parameter.name);
                let shape = parameter.shape.as_slice();
                [
                    (exp_avg, shape, &moments.exp_avg),
                    (exp_avg_sq, shape, &moments.exp_avg_sq),
                ]
            })
            .collect();
        let tensors = named
            .iter()
            .map(|(name, shape, t)| (name.as_str(), *shape, (*t).clone()));
        write_tensors(path, tensors).await
    }

    /// Takes the state over that [`AdamW::save`] wrote after `steps` steps; says what is missing
    /// where it is not of this model.
    pub(crate) fn restore(
        &mut self,
        model: &BertForSequenceClassification,
        mut tensors: Tensors,
        steps: u32,
    ) -> Result<(), String> {
        let mut moments = Vec::with_capacity(self.moments.len());
        for parameter in model.parameters() {
            let [exp_avg, exp_avg_sq] = names(&parameter.name);
            let mut take = |name: String| {
                take_tensor(
                    &mut tensors,
                    &name,
                    &parameter.shape,
                    &model.device().device,
                )
            };
            moments.push(Moments {
                exp_avg: take(exp_avg)?,
                exp_avg_sq: take(exp_avg_sq)?,
            });
        }
        self.moments = moments;
        self.steps = steps;
        Ok(())
    }
}

fn names(parameter: &str) -> [String; 2] {
    [
        format!("exp_avg.{parameter}"),
        format!("exp_avg_sq.{parameter}"),
    ]
}

/// Takes a stored tensor of this name and shape and uploads it, flat.
pub(crate) fn take_tensor(
    tensors: &mut Tensors,
    name: &str,
    shape: &[usize],
    device: &burn::tensor::Device,
) -> Result<Tensor<1>, String> {
    let (stored, values) = tensors
        .remove(name)
        .ok_or_else(|| format!("the tensor '{name}' is missing"))?;
    if stored != shape {
        return Err(format!(
            "the tensor '{name}' has the shape {stored:?}, not {shape:?}"
        ));
    }
    let count = values.len();
    Ok(Tensor::from_data(TensorData::new(values, [count]), device))
}

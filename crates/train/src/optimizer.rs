//! AdamW over a model's parameters, with the Trainer's clipping of the global gradient norm.

mod groups;

use std::collections::HashMap;
use std::path::Path;

use burn::tensor::Device;
use tunesmith_kernels::{
    AdamWHyper, AdamWState, Blocks, GradientNorm, adamw, adamw_of, scaled_gradient_norm,
};
use tunesmith_model::{Model, ModelError, Parameter, Parameters, TensorFile, write_tensors};
use tunesmith_protocol::TrainingArguments;

use crate::{TrainError, parts};
pub use groups::ParamGroup;
pub(crate) use groups::changed_groups;
use groups::{Runs, runs};

/// `torch.optim.AdamW` as the Trainer sets it up: decoupled weight decay, none on biases and
/// LayerNorm, gradients clipped by their norm over all parameters together.
#[derive(Debug)]
pub struct AdamW {
    betas: [f64; 2],
    epsilon: f64,
    weight_decay: f32,
    max_grad_norm: f32,
    steps: u32,
    exp_avg: Blocks,
    exp_avg_sq: Blocks,
    /// Where groups of one's own lie.
    groups: Option<Runs>,
}

impl AdamW {
    /// A fresh optimizer; a `max_grad_norm` of 0 clips nothing.
    #[must_use]
    pub fn new(
        model: &Model,
        betas: [f64; 2],
        epsilon: f64,
        weight_decay: f64,
        max_grad_norm: f64,
    ) -> Self {
        Self {
            betas,
            epsilon,
            weight_decay: weight_decay as f32,
            max_grad_norm: max_grad_norm as f32,
            steps: 0,
            exp_avg: model.parameters.zeros(),
            exp_avg_sq: model.parameters.zeros(),
            groups: None,
        }
    }

    /// As the arguments say, with groups of one's own, or the Trainer's, in which `llrd` may divide the layers.
    pub(crate) fn from_arguments(
        model: &Model,
        args: &TrainingArguments,
        groups: Option<&[ParamGroup]>,
    ) -> Result<Self, TrainError> {
        let optimizer = Self::new(
            model,
            [args.adam_beta1, args.adam_beta2],
            args.adam_epsilon,
            args.weight_decay,
            args.max_grad_norm,
        );
        match groups
            .map(<[ParamGroup]>::to_vec)
            .or_else(|| parts::groups(model, args))
        {
            Some(groups) => optimizer.param_groups(model, &groups),
            None => Ok(optimizer),
        }
    }

    /// The same with parameter groups of one's own in place of the Trainer's two: each has its weight
    /// decay and its rate. Parameters in no group stay as they are, though their gradients count in the
    /// norm.
    ///
    /// # Errors
    /// A name that the model doesn't have, or that two groups have; two groups that would part a tensor
    /// whose parameters are stored as one.
    pub fn param_groups(
        mut self,
        model: &Model,
        groups: &[ParamGroup],
    ) -> Result<Self, TrainError> {
        self.groups = Some(runs(model, groups)?);
        Ok(self)
    }

    /// One step with the gradients that the model holds, which are zero afterwards. Gives the norm
    /// before clipping; nothing is waited for.
    pub fn step(&mut self, model: &mut Model, learning_rate: f64) -> GradientNorm {
        let norm = self.norm(model, 1.0);
        self.step_with(model, learning_rate, &norm);
        norm
    }

    /// The norm of the gradients that the model holds, which are `loss_scale` times what they should be, before
    /// clipping. Where it isn't finite, the step is to be skipped, and otherwise taken by [`Self::step_with`].
    #[must_use]
    pub fn norm(&self, model: &mut Model, loss_scale: f32) -> GradientNorm {
        let device = model.device().clone();
        let (_, gradients) = model.parameters.values_and_gradients();
        device.install(|| {
            scaled_gradient_norm(gradients, self.max_grad_norm, loss_scale, &device.device)
        })
    }

    /// One step with the gradients that [`Self::norm`] was of, which are zero afterwards.
    pub fn step_with(&mut self, model: &mut Model, learning_rate: f64, norm: &GradientNorm) {
        let device = model.device().clone();
        let parameters = &mut model.parameters;
        device.install(|| self.take_step(parameters, learning_rate, norm, &device.device));
    }

    fn take_step(
        &mut self,
        parameters: &mut Parameters,
        learning_rate: f64,
        norm: &GradientNorm,
        device: &Device,
    ) {
        let (values, gradients) = parameters.values_and_gradients();
        self.steps += 1;
        let hyper = |rate: f64| AdamWHyper::new(rate, self.betas, self.epsilon, self.steps, device);
        let Some(groups) = &self.groups else {
            let state = AdamWState {
                values,
                gradients,
                exp_avg: &mut self.exp_avg,
                exp_avg_sq: &mut self.exp_avg_sq,
            };
            adamw(&hyper(learning_rate), norm, self.weight_decay, state);
            parameters.decay_untrained(self.kept_of_words(learning_rate));
            return;
        };
        for (group, runs) in groups {
            let hyper = hyper(learning_rate * group.learning_rate_scale);
            for run in runs {
                let state = AdamWState {
                    values: &mut *values,
                    gradients: &mut *gradients,
                    exp_avg: &mut self.exp_avg,
                    exp_avg_sq: &mut self.exp_avg_sq,
                };
                adamw_of(&hyper, norm, group.weight_decay, run.clone(), state);
            }
        }
        parameters.decay_untrained(self.kept_of_words(learning_rate));
    }

    /// What a step's weight decay leaves of a word without a gradient, in the kernel's `f32`.
    pub(crate) fn kept_of_words(&self, learning_rate: f64) -> f64 {
        let (rate, weight_decay) = match &self.groups {
            None => (learning_rate, self.weight_decay),
            Some(groups) => {
                let mut groups = groups.iter().map(|(group, _)| group);
                match groups.find(|group| group.has_words) {
                    Some(group) => (
                        learning_rate * group.learning_rate_scale,
                        group.weight_decay,
                    ),
                    None => return 1.0,
                }
            }
        };
        f64::from(1.0 - rate as f32 * weight_decay)
    }

    /// Steps taken.
    #[must_use]
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Says how many steps the moments are of.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(dead_code, reason = "a page has one device")
    )]
    pub(crate) fn set_steps(&mut self, steps: u32) {
        self.steps = steps;
    }

    /// Both moments.
    #[cfg_attr(
        target_arch = "wasm32",
        expect(dead_code, reason = "a page has one device")
    )]
    pub(crate) fn moments(&mut self) -> [&mut Blocks; 2] {
        [&mut self.exp_avg, &mut self.exp_avg_sq]
    }

    /// Writes the state as safetensors: `exp_avg.<parameter>` and `exp_avg_sq.<parameter>`.
    ///
    /// # Errors
    /// Names the file that could not be written.
    pub async fn save(&self, model: &Model, path: &Path) -> Result<(), ModelError> {
        let named: Vec<(String, &Parameter, &Blocks)> = model
            .parameters
            .trained()
            .flat_map(|parameter| {
                let [exp_avg, exp_avg_sq] = names(&parameter.name);
                [
                    (exp_avg, parameter, &self.exp_avg),
                    (exp_avg_sq, parameter, &self.exp_avg_sq),
                ]
            })
            .collect();
        let tensors: Vec<_> = named
            .iter()
            .map(|(name, parameter, _)| (name.as_str(), parameter.trained_shape.as_slice()))
            .collect();
        write_tensors(path, &tensors, |place| {
            let (_, parameter, blocks) = &named[place];
            model.parameters.state(blocks, parameter)
        })
        .await
    }

    /// Takes the state over that [`AdamW::save`] wrote after `steps` steps, of a model that trained these
    /// `words`; says what is missing where it is not of this model.
    pub(crate) fn restore(
        &mut self,
        model: &Model,
        tensors: &TensorFile,
        words: Option<&[u32]>,
        steps: u32,
    ) -> Result<(), String> {
        let parameters = &model.parameters;
        let table = model.config.spec().embeddings.word.declaration();
        for parameter in parameters.trained() {
            let [exp_avg, exp_avg_sq] = names(&parameter.name);
            for (name, blocks) in [
                (exp_avg, &mut self.exp_avg),
                (exp_avg_sq, &mut self.exp_avg_sq),
            ] {
                let values = if parameter.name == table.key() {
                    words_state(
                        tensors,
                        &name,
                        words,
                        (parameter, parameters.trained_words()),
                    )?
                } else {
                    read_values(tensors, &name, &parameter.shape)?
                };
                parameters.set_state(blocks, parameter, &values);
            }
        }
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

/// The moments of the words that are trained: `stored` are those that the checkpoint's run trained, all of the
/// vocabulary where there are none. A word that it didn't train had no gradient.
fn words_state(
    tensors: &TensorFile,
    name: &str,
    stored: Option<&[u32]>,
    (parameter, wanted): (&Parameter, Option<&[u32]>),
) -> Result<Vec<f32>, String> {
    let [entries, width] = parameter.shape[..] else {
        return Err(format!("the tensor '{name}' is no table"));
    };
    let rows = stored.map_or(entries, <[u32]>::len);
    let values = read_values(tensors, name, &[rows, width])?;
    if stored == wanted {
        return Ok(values);
    }
    let places: Option<HashMap<usize, usize>> =
        stored.map(|stored| stored.iter().map(|id| *id as usize).zip(0..).collect());
    let place = |id: usize| match &places {
        None => Some(id),
        Some(places) => places.get(&id).copied(),
    };
    let ids: Vec<usize> = match wanted {
        None => (0..entries).collect(),
        Some(wanted) => wanted.iter().map(|id| *id as usize).collect(),
    };
    let mut found = vec![0.0; ids.len() * width];
    for (row, id) in found.chunks_mut(width).zip(ids) {
        if let Some(place) = place(id) {
            row.copy_from_slice(&values[place * width..][..width]);
        }
    }
    Ok(found)
}

/// The values of the stored tensor of this name and shape.
fn read_values(tensors: &TensorFile, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    check_shape(tensors, name, shape)?;
    tensors.read(name).map_err(|error| error.to_string())
}

/// Whether there is a tensor of this name and shape.
pub(crate) fn check_shape(tensors: &TensorFile, name: &str, shape: &[usize]) -> Result<(), String> {
    match tensors.shape(name) {
        None => Err(format!("the tensor '{name}' is missing")),
        Some(stored) if stored != shape => Err(format!(
            "the tensor '{name}' has the shape {stored:?}, not {shape:?}"
        )),
        Some(_) => Ok(()),
    }
}

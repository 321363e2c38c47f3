//! What a rank computes, the first or another.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use tunesmith_data::Batch;
use tunesmith_model::{Mode, Model};

use crate::TrainError;
use crate::batch::{batch_inputs, read};
use crate::own::LossFunction;

/// One batch of an optimizer step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MicroBatch {
    pub(crate) batch: Batch,
    /// Its rows among all rows of the step, or their weights among all weights.
    pub(crate) share: f64,
    /// The seed of the run, the step from 0, and the place of its first row among all rows of the step:
    /// dropout draws by these, and not by the device that a row happens to be on.
    pub(crate) noise: (u64, u32, u32),
}

impl MicroBatch {
    /// Adds the batch's share of the step's gradients, times `loss_scale`, to the model's; gives its loss, `[1]`, without
    /// that, and its share.
    pub(crate) async fn backward(
        &self,
        model: &mut Model,
        loss_function: Option<&LossFunction>,
        loss_scale: f32,
    ) -> Result<Option<(Tensor<1>, f64)>, TrainError> {
        let (inputs, targets) = batch_inputs(&self.batch);
        let (seed, step, first_row) = self.noise;
        let mode = Mode::Train {
            seed,
            step,
            first_row,
        };
        let share = self.share as f32 * loss_scale;
        let output = match loss_function {
            None => model.forward_scaled(&inputs, targets.as_ref(), &mode, share)?,
            Some(function) => {
                let output = model.forward(&inputs, None, &mode)?;
                let count = output.logits.dims().iter().product::<usize>();
                let logits = read(vec![output.logits.clone().reshape([count])]).await?;
                let logits = logits.into_iter().next().unwrap_or_default();
                let num_labels = model.config.num_labels();
                let labels = self.batch.labels_without_padding();
                let found = function(&logits, num_labels, &labels);
                let mut found = found.map_err(TrainError::LossFunction)?;
                found.gradient.iter_mut().for_each(|x| *x *= share);
                output.with_loss(found.loss as f32, found.gradient)?
            }
        };
        let loss = output.loss.clone().map(|loss| (loss, self.share));
        model.backward(output);
        Ok(loss)
    }
}

/// What the model says of a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Inferred {
    /// Row by row.
    pub(crate) logits: Vec<f32>,
    /// The model's loss, where it was asked for and the rows have labels.
    pub(crate) loss: Option<f32>,
}

/// Runs a batch without dropout.
pub(crate) async fn infer(
    model: &Model,
    batch: &Batch,
    with_loss: bool,
) -> Result<Inferred, TrainError> {
    let (inputs, targets) = batch_inputs(batch);
    let output = model.infer(&inputs, targets.as_ref().filter(|_| with_loss))?;
    let count: usize = output.logits.dims().iter().product();
    let logits = output.logits.reshape([count]);
    let tensors = std::iter::once(logits).chain(output.loss).collect();
    let mut results = read(tensors).await?.into_iter();
    let logits = results.next().unwrap_or_default();
    let loss = results.next().and_then(|loss| loss.first().copied());
    Ok(Inferred { logits, loss })
}

//! From a collated batch to what a model takes, and from device results to host numbers.

use burn::tensor::Tensor;
use tunesmith_data::{Batch, Labels, PaddingSide};
use tunesmith_kernels::read_back;
use tunesmith_model::{Inputs, Targets};

use crate::TrainError;

/// A collated batch as the model's forward pass takes it; no targets where the rows have no labels.
#[must_use]
pub fn batch_inputs(batch: &Batch) -> (Inputs, Option<Targets>) {
    let inputs = Inputs {
        batch: batch.batch,
        seq: batch.seq,
        input_ids: batch.input_ids.clone(),
        token_type_ids: batch.token_type_ids.clone(),
        lengths: batch.lengths.clone(),
        pad_left: batch.padding_side == PaddingSide::Left,
    };
    let targets = match &batch.labels {
        Labels::None => None,
        Labels::Class(classes) => Some(Targets::Classes(classes.clone())),
        Labels::Regression(values) => Some(Targets::Values(values.clone())),
        Labels::MultiHot(values) => Some(Targets::Labels(values.clone())),
        Labels::Tokens(classes) => Some(Targets::Tokens(classes.clone())),
    };
    (inputs, targets)
}

/// Brings several tensors to the host in one go.
pub(crate) async fn read(tensors: Vec<Tensor<1>>) -> Result<Vec<Vec<f32>>, TrainError> {
    read_back(tensors).await.map_err(TrainError::Read)
}

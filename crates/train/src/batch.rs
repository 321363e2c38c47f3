//! From a collated batch to what a model takes, and from device results to host numbers.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::{Tensor, Transaction};
use tunesmith_data::{Batch, Labels, PaddingSide};
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
    };
    (inputs, targets)
}

static READ_BACKS: AtomicU64 = AtomicU64::new(0);

/// How often this process has waited for numbers of a device so far; read it twice to count a run's.
pub fn read_backs() -> u64 {
    READ_BACKS.load(Ordering::Relaxed)
}

/// Brings several tensors to the host in one go, which waits for the device only once.
pub(crate) async fn read(tensors: Vec<Tensor<1>>) -> Result<Vec<Vec<f32>>, TrainError> {
    READ_BACKS.fetch_add(1, Ordering::Relaxed);
    let transaction = tensors
        .into_iter()
        .fold(Transaction::default(), |all, tensor| all.register(tensor));
    let data = transaction
        .execute_async()
        .await
        .map_err(|error| TrainError::Read(format!("{error:?}")))?;
    data.into_iter()
        .map(|data| {
            data.try_to_vec()
                .map_err(|error| TrainError::Read(format!("{error:?}")))
        })
        .collect()
}

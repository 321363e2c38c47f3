//! The way back: from the device to the host.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::{Tensor, Transaction};

static READ_BACKS: AtomicU64 = AtomicU64::new(0);

/// How often this process has waited for numbers of a device so far; read it twice to count a run's.
pub fn read_backs() -> u64 {
    READ_BACKS.load(Ordering::Relaxed)
}

/// Brings several tensors to the host in one go, which waits for the device only once, and never
/// blocks: burn's own `into_data_async` may put the waiting off to a place where a browser can't.
///
/// # Errors
/// What the device said.
pub async fn read_back(tensors: Vec<Tensor<1>>) -> Result<Vec<Vec<f32>>, String> {
    READ_BACKS.fetch_add(1, Ordering::Relaxed);
    let transaction = tensors
        .into_iter()
        .fold(Transaction::default(), |all, tensor| all.register(tensor));
    let read = transaction.execute_async().await;
    let data = read.map_err(|error| format!("{error:?}"))?;
    data.into_iter()
        .map(|data| data.try_to_vec().map_err(|error| format!("{error:?}")))
        .collect()
}

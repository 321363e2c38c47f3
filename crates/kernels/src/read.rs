//! The way back: from the device to the host.

use std::sync::atomic::{AtomicU64, Ordering};

use burn::tensor::{Tensor, Transaction};

use crate::device::OUT_OF_MEMORY;

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
    let data = read.map_err(|error| root_cause(&format!("{error:?}")))?;
    data.into_iter()
        .map(|data| data.try_to_vec().map_err(|error| format!("{error:?}")))
        .collect()
}

const NO_ROOM: &str = "could not allocate";

/// Whether a device failed for want of memory, by what it is said to have failed of.
pub fn is_out_of_memory(message: &str) -> bool {
    message == OUT_OF_MEMORY || message.starts_with(NO_ROOM)
}

/// What a chain of causes, as burn writes it, began with: a launch that failed, and all that wanted its
/// numbers after it, say little to a person.
fn root_cause(chain: &str) -> String {
    let last = chain.rsplit("Caused by:").next().unwrap_or(chain);
    let said = |line: &&str| !line.is_empty() && !line.starts_with("No backtrace");
    let line = last.lines().map(str::trim).find(said).unwrap_or(chain);
    let bytes = line.strip_prefix("can't allocate buffer of size: ");
    match bytes.and_then(|bytes| bytes.parse::<f64>().ok()) {
        Some(bytes) => {
            let (size, unit) = if bytes < 1e9 {
                (bytes / 1e6, "MB")
            } else {
                (bytes / 1e9, "GB")
            };
            format!("{NO_ROOM} {size:.1} {unit}")
        }
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_a_failure_is_told_without_what_followed_from_it() {
        let chain = "An error happened during execution\nCaused by:\n  Several failures at once\nCaused by:\n  \
                     The bytes were never written (failure #264, still claiming 21 buffer(s))\n  skipped \
                     `WgslKernel`: it needed memory\nCaused by:\n  An IO error happened\nCaused by:\n  can't \
                     allocate buffer of size: 1105920000\nNo backtrace available\nAsked at:\nNo backtrace available";
        assert_eq!(root_cause(chain), "could not allocate 1.1 GB");
        assert!(is_out_of_memory(&root_cause(chain)));
        assert_eq!(
            root_cause("can't allocate buffer of size: 36000000"),
            "could not allocate 36.0 MB"
        );
        assert_eq!(
            root_cause("Generic\nCaused by:\n  the device is lost\n"),
            "the device is lost"
        );
        assert_eq!(root_cause("poisoned"), "poisoned");
        assert!(!is_out_of_memory("poisoned"));
    }
}

//! A second wall around crates that panic on damaged input. It holds natively only: in a browser a panic
//! ends the worker, so what is known to panic has to be found before.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; its panic's message where it panicked. What `work` had in its hands must not be used
/// after that.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("a panic without a message")
            .to_owned()
    })
}

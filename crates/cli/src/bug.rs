//! A panic is a bug of ours, and is told as one: no backtrace, but where it was and what to do.
//!
//! The hook only takes notes. A library may catch a panic and turn it into an error (the parquet
//! reader panics on some damaged files), and then nothing has gone wrong that a person should see.

use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook};
use std::sync::{Mutex, PoisonError};

use crate::output::note;

static NOTES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Runs the command; `None` where it panicked, after saying so on standard error.
pub fn guard<T>(run: impl FnOnce() -> T) -> Option<T> {
    set_hook(Box::new(|info| {
        NOTES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(describe(info));
    }));
    let outcome = catch_unwind(AssertUnwindSafe(run)).ok();
    if outcome.is_none() {
        // Copied out: whoever prints under a lock that the hook takes waits for itself.
        let notes = NOTES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .join("; then ");
        note(format_args!(
            "error: this is a bug in tunesmith: {notes}. Please report it with the command that you \
             ran and the output of `tunesmith doctor`"
        ));
    }
    outcome
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message");
    match info.location() {
        Some(location) => format!("{message} (at {location})"),
        None => message.to_owned(),
    }
}

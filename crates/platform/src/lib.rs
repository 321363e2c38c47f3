//! What a browser's worker has not: files, a process id, std's clock. Everything else of the pipeline is the same
//! on every target, and asks here.
//!
//! [`fs`] has the names and the meaning of [`std::fs`]. Natively it is that. In a browser it is a
//! volume of this origin's private files, synchronous as the rest of the pipeline expects, and safe
//! against a tab that is closed at any moment.

mod date;
pub mod fs;
mod memory;

pub use date::date;
pub use memory::{Memory, memory};

/// A number that tells this process from others; 0 in a browser, where a volume has one owner.
#[must_use]
pub fn process_id() -> u32 {
    #[cfg(target_arch = "wasm32")]
    let id = 0;
    #[cfg(not(target_arch = "wasm32"))]
    let id = std::process::id();
    id
}

/// The time on a clock that exists on every target.
#[must_use]
#[allow(
    clippy::disallowed_methods,
    reason = "web_time's clock, which is the system's on native targets only"
)]
pub fn now() -> web_time::Instant {
    web_time::Instant::now()
}

/// Seconds since 1 January 1970; 0 where the clock is before.
#[must_use]
#[allow(
    clippy::disallowed_methods,
    reason = "web_time's clock, which is the system's on native targets only"
)]
pub fn unix_time() -> f64 {
    let now = web_time::SystemTime::now();
    let since = now.duration_since(web_time::SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |time| time.as_secs_f64())
}

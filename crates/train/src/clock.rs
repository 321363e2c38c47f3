//! The one place that reads the time.

use web_time::Instant;

/// The time on a clock that exists on every target.
#[allow(
    clippy::disallowed_methods,
    reason = "web_time's clock, which is the system's on native targets only"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

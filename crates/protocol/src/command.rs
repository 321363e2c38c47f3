//! What a shell may tell a run. A run reads its commands between two steps, never inside one.

use serde::{Deserialize, Serialize};

/// A request to a run in progress; in JSON `{"type": "stop_and_save"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Command {
    /// Take no further step until [`Command::Resume`]; device memory stays held.
    Pause,
    /// Go on after [`Command::Pause`].
    Resume,
    /// End after the current step and write nothing.
    Stop,
    /// End after the current step with a checkpoint, from which the run can be resumed.
    StopAndSave,
}

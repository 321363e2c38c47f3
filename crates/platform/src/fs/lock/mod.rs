//! Who is using a folder or a file. A lock is the system's, so it ends with its process however that
//! ends; what a killed process left can then be told from what another one is still writing.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use native::{FolderLock, release, remove_abandoned, reserve};
#[cfg(target_arch = "wasm32")]
pub use web::{FolderLock, release, remove_abandoned, reserve};

/// The file in a folder by which it is locked. It is removed with the lock where the system allows
/// that, and means nothing without a lock on it.
pub const LOCK_FILE: &str = ".tunesmith.lock";

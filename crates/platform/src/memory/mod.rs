//! How much memory this program may take.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub use native::memory;
#[cfg(target_arch = "wasm32")]
pub use web::memory;

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What there is, whoever has it now.
    pub total: u64,
    /// What this program can have now, beside what it has.
    pub available: u64,
}

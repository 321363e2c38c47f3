//! The memory of a module: 4 GiB at most, whatever the machine has.

use super::Memory;

/// What a module can address.
const LIMIT: u64 = 1 << 32;

const PAGE: u64 = 1 << 16;

/// The memory of this module.
#[must_use]
pub fn memory() -> Option<Memory> {
    let taken = core::arch::wasm32::memory_size(0) as u64 * PAGE;
    Some(Memory {
        total: LIMIT,
        available: LIMIT.saturating_sub(taken),
    })
}

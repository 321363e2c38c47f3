//! The allocator of every program that trains: it keeps what a training step frees for the next one.
//!
//! The system's returns large blocks at once, and a step on the CPU device then spends a quarter of its
//! time on getting their pages anew.

use std::ffi::c_int;

use libmimalloc_sys::mi_option_set;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h, the same in its versions 2 and 3.
const PURGE_DELAY: c_int = 15;

/// Tells mimalloc to return nothing to the system; the first thing that `main` does.
pub fn keep_freed_memory() {
    // SAFETY: the option exists, and no other thread runs yet.
    unsafe { mi_option_set(PURGE_DELAY, -1) };
}

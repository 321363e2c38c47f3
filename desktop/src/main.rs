//! The desktop app's shell: the window, the threads behind it, and what is kept.
//!
//! The views are the library's. Training has a thread and a device of its own, so the window draws
//! while a step runs; whatever else takes time has a thread each.

#![cfg_attr(windows, windows_subsystem = "windows")]

#[cfg(not(target_arch = "wasm32"))]
mod shell;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> anyhow::Result<()> {
    tunesmith_allocator::keep_freed_memory();
    shell::run()
}

#[cfg(target_arch = "wasm32")]
fn main() {}

//! The cores that the CPU device computes on: all of them, or a share where several devices are the CPU.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Cores;
#[cfg(target_arch = "wasm32")]
pub(crate) use web::Cores;

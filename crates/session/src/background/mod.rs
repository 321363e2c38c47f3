//! Work that blocks, on a thread of its own: the network, files, and tokenizing on all cores. What it
//! has to tell comes out as it happens. A browser's worker has no other thread, and nobody who would
//! draw meanwhile: there it is done at once.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::background;
#[cfg(target_arch = "wasm32")]
pub(crate) use web::background;

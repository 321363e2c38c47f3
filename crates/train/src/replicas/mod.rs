//! Several devices, each with a replica of the model: accelerate's data parallelism.
//!
//! Rank 0 is the [`crate::Trainer`]'s own device. It reads the data, plans, logs and saves; the others compute what
//! it tells them. Each rank takes its batches of a step, the gradients are added in the order of ranks, and every
//! rank takes the same optimizer step. So a step is one of all devices' batches together, and a pause, a stop or a
//! callback needs no agreement.

mod batch;
mod greeting;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

pub(crate) use batch::{Inferred, MicroBatch, infer};
pub use greeting::Greeting;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{Failure, reduce, share};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Replicas, follow, join};
#[cfg(target_arch = "wasm32")]
pub use web::Replicas;

//! Files of weights, read one tensor at a time and as `f32`, whatever they are stored as.
//!
//! Encoders come as `model.safetensors`, as `pytorch_model.bin`, and either in shards with an index. A
//! [`Checkpoint`] is any of them: names, types and shapes at once, values when they are asked for, so that
//! a file of gigabytes needs memory for its largest tensor only. Nothing in a file is executed: PyTorch's
//! are pickles, of which only tensors and plain containers are understood (`torch/pickle.rs`).
//!
//! Every number of a file is compared with the file's length before there is room made for it.

mod checkpoint;
mod error;
mod index;
mod safetensors;
mod stored;
mod torch;
mod write;

pub use checkpoint::{Checkpoint, WEIGHTS};
pub use error::CheckpointError;
pub use index::{INDEX, shards};
pub use stored::{Dtype, TensorInfo};
pub use write::TensorWriter;

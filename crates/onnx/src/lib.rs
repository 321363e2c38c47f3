//! Writes a fine-tuned model as ONNX, for onnxruntime, transformers.js and Optimum.
//!
//! The graph is built from the model's [`Spec`](tunesmith_architecture::Spec), as the trainer's own model is,
//! so that every family and task that can be trained can be exported. Inputs and output have Optimum's
//! names: `input_ids`, `attention_mask` and, where the family tells a text's second part by it,
//! `token_type_ids`, each `int64[batch_size, sequence_length]`; and `logits`.
//!
//! Weights go from the checkpoint to the file one tensor at a time.

mod encoder;
mod error;
mod export;
mod graph;
mod head;
mod proto;
mod weights;
mod write;

pub use error::OnnxError;
pub use export::export;
pub use tunesmith_protocol::OnnxDtype;

/// The version of ONNX's operators: the first with LayerNormalization, and old enough for every runtime that
/// people have.
pub(crate) const OPSET: i64 = 17;

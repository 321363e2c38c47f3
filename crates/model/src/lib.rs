//! BERT: configuration, weights by their Hugging Face names, encoder and heads.
//!
//! Forward and backward passes are written out over the ops of `tunesmith-kernels`, layer by layer:
//! a layer's `forward` returns what its `backward` needs, and `backward` adds the gradients of its
//! parameters to what they hold already, so that gradient accumulation is the absence of a step.

mod bert;
mod classification;
mod config;
mod encoder;
mod error;
mod files;
mod inputs;
mod layers;
mod parameter;
mod random;
mod structure;
mod weights;

pub use classification::{BertForSequenceClassification, Mode, Output};
pub use config::{BertConfig, ProblemType, TrainedColumns};
pub use error::ModelError;
pub use inputs::{Inputs, Targets};
pub use parameter::{Parameter, Parameters};
pub use weights::{LoadReport, TensorFile, write_tensors};

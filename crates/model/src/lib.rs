//! Models of every family: weights by their Hugging Face names, encoder and heads.
//!
//! What a model is made of comes from `tunesmith-architecture`; here it gets its tensors. Forward and
//! backward passes are written out over the ops of `tunesmith-kernels`, block by block: a block's
//! `forward` returns what its `backward` needs, and `backward` adds the gradients of its parameters to
//! what they hold already, so that gradient accumulation is the absence of a step.

mod attention;
mod auto;
mod convolution;
mod embeddings;
mod encoder;
mod error;
mod feed_forward;
mod files;
mod head;
mod inputs;
mod layer;
mod layers;
mod model;
mod noise;
mod parameter;
mod random;
mod relative;
mod weights;
mod words;

pub use auto::{AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification};
pub use error::ModelError;
pub use files::weights as weights_file;
pub use inputs::{Inputs, Targets};
pub use model::{Inference, LoadOptions, Model, ModelOptions, Output};
pub use noise::Mode;
pub use parameter::{Parameter, Parameters};
pub use tunesmith_architecture::{Frozen, ModelConfig, Role, Stage, Task, TrainedColumns};
pub use tunesmith_checkpoint::{Checkpoint as TensorFile, CheckpointError};
pub use weights::{LoadReport, write_tensors};
pub use words::Words;

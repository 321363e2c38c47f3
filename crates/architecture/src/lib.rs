//! What an encoder is made of, as data: `config.json` of any supported family gives, for a task, a
//! [`Spec`] that names every tensor as Hugging Face does.
//!
//! The model is built from it, and everything that only has to know about a model (memory estimates,
//! the checks of a checkpoint, the hub's search, `doctor`) reads it too, so that nothing else parses
//! `config.json`. Each family is one file in `families/` and one line of the table there.

mod activation;
mod config;
mod families;
mod fields;
mod labels;
mod relative;
mod spec;
mod stages;
mod stored;
mod task;
mod tensors;

pub use activation::Activation;
pub use config::{DEFAULT_THRESHOLD, ModelConfig, TrainedColumns};
pub use families::{Family, families, family};
pub use spec::{
    Attention, Convolution, Dense, Disentangled, Embeddings, FeedForward, Head, Layer, Linear,
    Norm, Order, Pooling, Positions, Projection, Relative, RelativeBias, Spec, Table,
};
pub use stages::{Frozen, Stage};
pub use stored::StoredNames;
pub use task::Task;
pub use tensors::{Declaration, Fresh, Part, Role};

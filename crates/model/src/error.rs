//! What can be wrong with a model and its files, told so that a person can mend it.

use std::path::PathBuf;

use thiserror::Error;
use tunesmith_checkpoint::CheckpointError;

/// An error of reading, writing or running a model.
#[derive(Debug, Error)]
pub enum ModelError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of weights is damaged, can't be read, or holds what a model can't take.
    #[error(transparent)]
    Weights(#[from] CheckpointError),
    /// A folder without weights in a form that is read.
    #[error("{path}: {message}")]
    NoWeights {
        /// The folder.
        path: PathBuf,
        /// What is there instead and what to do.
        message: String,
    },
    /// `config.json` is not what this model needs.
    #[error("{path}: {message}")]
    Config {
        /// The file, or what stands for it.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// What is to be frozen isn't a part of the model.
    #[error("{0}")]
    Frozen(String),
    /// A tensor has another shape than the configuration says.
    #[error(
        "{path}: tensor '{name}' has the shape {found:?}, but config.json makes it {expected:?}; the two files are not of one model"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration asks for.
        expected: Vec<usize>,
    },
    /// Weights of the encoder itself are missing.
    #[error(
        "{path} lacks {count} weights of the encoder, '{first}' among them; it is not a checkpoint of a {family} model, or not a whole one"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The `model_type` that `config.json` names.
        family: &'static str,
        /// How many.
        count: usize,
        /// The first of them.
        first: String,
    },
    /// A batch that the model can't take.
    #[error("{0}")]
    Inputs(String),
    /// The device can't hold a tensor of the model.
    #[error(
        "the device '{device}' binds tensors of at most {limit} MB, and '{name}' needs {needed} MB: {short} MB are missing. Use `--device cpu`, a GPU with larger bindings, or a model with a smaller vocabulary"
    )]
    TooLarge {
        /// The device's name.
        device: String,
        /// Its limit in MB.
        limit: u64,
        /// The tensor.
        name: String,
        /// Its size in MB.
        needed: u64,
        /// How much is missing, in MB.
        short: u64,
    },
}

//! What can go wrong while a model is exported.

use std::path::{Path, PathBuf};

use thiserror::Error;
use tunesmith_checkpoint::CheckpointError;

/// An error of exporting a model.
#[derive(Debug, Error)]
pub enum OnnxError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The folder's `config.json` is not that of a model that can be exported.
    #[error("{path}: {message}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The weights could not be read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A weight that the model needs isn't in its file.
    #[error(
        "{path} has no tensor '{name}', so it isn't a model fine-tuned for this task: name a folder that tunesmith train wrote"
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A weight has another shape than the configuration says.
    #[error(
        "{path}: tensor '{name}' has the shape {found:?}, and by config.json it has {expected:?}: the two are of different models"
    )]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// The shape that was expected.
        expected: Vec<usize>,
    },
    /// A weight is too large for half precision.
    #[error(
        "{path}: tensor '{name}' holds {value}, which is beyond half precision's 65,504: export it as fp32"
    )]
    Range {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The number.
        value: f32,
    },
}

impl OnnxError {
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        |source| Self::Io {
            path: path.to_owned(),
            source,
        }
    }
}

//! What can be wrong with files of weights, told so that a person can mend it.

use std::path::PathBuf;

use thiserror::Error;

/// An error of reading or writing weights.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A folder without weights.
    #[error(
        "{folder} has no weights: one of model.safetensors, model.safetensors.index.json with its shards, \
         pytorch_model.bin or pytorch_model.bin.index.json with its shards has to be there"
    )]
    NoWeights {
        /// The folder.
        folder: PathBuf,
    },
    /// A file is not what its name says, or not the whole of it.
    #[error("{path} is not a complete {format} file ({message}); download it again")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: &'static str,
        /// What is wrong.
        message: String,
    },
    /// An index names a file that isn't beside it.
    #[error("{shard}, a part of the weights that {path} names, is not there; download it as well")]
    NoShard {
        /// The index.
        path: PathBuf,
        /// The missing file.
        shard: PathBuf,
    },
    /// A pickle that asks for more than tensors and plain containers.
    #[error(
        "{path} asks Python for `{global}`. A file of weights holds tensors and plain containers only, so \
         it is refused, and nothing of it was run. Load it in Python, if you trust where it comes from, \
         and save the model again with save_pretrained, which writes model.safetensors"
    )]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it asks for, with its module.
        global: String,
    },
    /// There is no tensor of a name.
    #[error("{path} has no tensor '{name}'")]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
    },
    /// A tensor's element type isn't one of weights.
    #[error(
        "{path}: tensor '{name}' is stored as {dtype}; F32, F16, BF16 and F64 can be read. Save the model in one of these"
    )]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// Its element type.
        dtype: String,
    },
    /// A weight is NaN or infinite.
    #[error(
        "{path}: tensor '{name}' holds {value}, so the model can't compute anything. Its training had gone wrong before it was saved: use an earlier checkpoint, or train it again with a lower learning_rate"
    )]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The first such value.
        value: f32,
    },
}

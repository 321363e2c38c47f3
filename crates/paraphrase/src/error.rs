//! What can go wrong, told with the place in the grammar or on disk.

use std::path::PathBuf;

/// Errors of generating and writing the data set and the model.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A grammar or word file says something that can't be read.
    #[error("{file}, line {line}: {message}")]
    Grammar {
        /// The file's name under `grammar/` or `words/`.
        file: String,
        /// Line number, from 1.
        line: usize,
        /// What is wrong, and what to write instead.
        message: String,
    },
    /// Rejection sampling found no pair of the kind asked for.
    #[error(
        "split {split}, row {row}: no {label} pair with {overlap_tenths}/10 of its words shared \
         was found in {tries} tries; widen the grammar or lower that bin's weight"
    )]
    Exhausted {
        /// The split being made.
        split: String,
        /// The row in the split.
        row: u64,
        /// The label's name.
        label: &'static str,
        /// The bin of word overlap, in tenths.
        overlap_tenths: u32,
        /// How many candidates were drawn.
        tries: u32,
    },
    /// A file could not be written.
    #[error("{path}: {source}; check that the folder exists and can be written")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The rows could not be put into Arrow columns.
    #[error("split {split}: {source}")]
    Arrow {
        /// The split being written.
        split: String,
        /// The cause.
        source: arrow_schema::ArrowError,
    },
    /// The columns could not be encoded as parquet.
    #[error("split {split}: {source}")]
    Parquet {
        /// The split being written.
        split: String,
        /// The cause.
        source: parquet::errors::ParquetError,
    },
    /// A sentence could not be split into words.
    #[error("`{sentence}`: {source}")]
    Words {
        /// The sentence.
        sentence: String,
        /// The cause.
        source: tokenizers::Error,
    },
    /// The tensors could not be encoded as safetensors.
    #[error("the tiny model's weights: {0}")]
    Weights(#[from] safetensors::SafeTensorError),
}

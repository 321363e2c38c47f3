//! Why a run could not be made or finished.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tunesmith::data::DataError;
use tunesmith::hub::HubError;
use tunesmith::kernels::DeviceError;
use tunesmith::metrics::MetricError;
use tunesmith::model::ModelError;
use tunesmith::train::TrainError;
use tunesmith_protocol::ConfigError;

/// An error of a session; every message is for a person.
#[derive(Debug, Error)]
pub enum SessionError {
    /// Arguments that can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No device.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The model's files.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The hub.
    #[error(transparent)]
    Hub(#[from] HubError),
    /// The metric.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// Training, evaluating or saving.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A split of the data can't be used.
    #[error("split '{split}'{}: {source}", of_file(file.as_deref()))]
    Split {
        /// The split.
        split: String,
        /// The file that it is read from, where it is one that was named.
        file: Option<String>,
        /// What is wrong with it.
        source: Box<DataError>,
    },
    /// The tokenizer has tokens that the model has no embedding for.
    #[error(
        "the tokenizer in {} has {tokens} token ids, and the model only {embeddings} embeddings: they \
         are not of one model. Name the model's own tokenizer (tokenizer_name), or leave it out",
        path.display()
    )]
    Vocabulary {
        /// The tokenizer's folder.
        path: PathBuf,
        /// One more than its highest id.
        tokens: usize,
        /// `vocab_size`.
        embeddings: usize,
    },
    /// `max_seq_length` is more than the model can take.
    #[error(
        "max_seq_length {max_length} is more than the model's {positions} positions: give \
         {positions} or less, or leave it out"
    )]
    MaxLength {
        /// What was asked for.
        max_length: usize,
        /// `max_position_embeddings`.
        positions: usize,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Arguments that do not fit the data or the model.
    #[error("{0}")]
    Arguments(String),
    /// A reader gave up in a way that is a bug, most likely over a damaged file.
    #[error("reading or tokenizing the data failed unexpectedly ({0}): is a file damaged?")]
    Panicked(String),
}

impl SessionError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    pub(crate) fn split(split: &str) -> impl FnOnce(DataError) -> Self + use<> {
        Self::split_of(split, None)
    }

    pub(crate) fn split_of(
        split: &str,
        file: Option<&str>,
    ) -> impl FnOnce(DataError) -> Self + use<> {
        let split = split.to_owned();
        let file = file.map(str::to_owned);
        move |source| Self::Split {
            split,
            file,
            source: Box::new(source),
        }
    }
}

fn of_file(file: Option<&str>) -> String {
    file.map_or_else(String::new, |file| format!(" ({file})"))
}

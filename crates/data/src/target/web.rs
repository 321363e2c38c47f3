//! In a browser.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tunesmith_hub::{DatasetFiles, Download};
use tunesmith_platform::fs;

use crate::DataError;

/// `f(0), f(1), …, f(count - 1)`, one after the other.
pub(crate) fn map_ordered<T>(count: usize, f: impl Fn(usize) -> T) -> Vec<T> {
    (0..count).map(f).collect()
}

/// How many pieces of work keep the one core busy.
pub(crate) fn width() -> usize {
    1
}

/// A browser's files are this program's own.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    Some(PathBuf::from("/cache"))
}

/// A file as the parquet crate reads it: its readers must be `Send`, which a browser's files are not.
pub(crate) fn parquet_file(path: &Path) -> io::Result<Bytes> {
    fs::read(path).map(Bytes::from)
}

/// A browser has no call that waits for the network.
pub(crate) fn dataset_snapshot(
    name: &str,
    _: Option<&str>,
    _: Option<&str>,
    _: &mut dyn FnMut(Download),
) -> Result<DatasetFiles, DataError> {
    Err(DataError::Argument(format!(
        "{name} is not here: fetch it first, and load it with LoadDataset::snapshot"
    )))
}

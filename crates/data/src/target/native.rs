//! Natively.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tunesmith_hub::{DatasetFiles, Download};

use crate::DataError;

/// `f(0), f(1), …, f(count - 1)`, on all cores.
pub(crate) fn map_ordered<T: Send>(count: usize, f: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    (0..count).into_par_iter().map(f).collect()
}

/// How many pieces of work keep every core busy.
pub(crate) fn width() -> usize {
    rayon::current_num_threads()
}

/// The folder for caches of this program, where there is one.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    var("TUNESMITH_CACHE")
        .map(PathBuf::from)
        .or_else(|| var("XDG_CACHE_HOME").map(|home| Path::new(&home).join("tunesmith")))
        .or_else(|| var("HOME").map(|home| Path::new(&home).join(".cache/tunesmith")))
        .or_else(|| var("LOCALAPPDATA").map(|home| Path::new(&home).join("tunesmith")))
}

/// A file as the parquet crate reads it: a part at a time.
pub(crate) fn parquet_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// A data set of the Hub, fetched where it isn't in the cache.
pub(crate) fn dataset_snapshot(
    name: &str,
    config: Option<&str>,
    revision: Option<&str>,
    progress: &mut dyn FnMut(Download),
) -> Result<DatasetFiles, DataError> {
    Ok(tunesmith_hub::dataset_snapshot(
        name, config, revision, progress,
    )?)
}

//! The index of weights in shards: which tensor is in which file beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use tunesmith_platform::fs;

use crate::CheckpointError;
use crate::checkpoint::io;

/// How the names of indices end.
pub const INDEX: &str = ".index.json";

/// More than any real index has.
const MOST: u64 = 100_000_000;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The files that an index of weights names, each once.
///
/// # Errors
/// Names the index, and says what is wrong with it: it can't be read, or names what is no file of weights
/// beside it.
pub fn shards(path: &Path) -> Result<BTreeSet<String>, CheckpointError> {
    Ok(read(path)?.into_values().collect())
}

/// The file of each tensor.
pub(crate) fn read(path: &Path) -> Result<BTreeMap<String, String>, CheckpointError> {
    let corrupt = |message: String| CheckpointError::Corrupt {
        path: path.to_owned(),
        format: "index",
        message,
    };
    let length = fs::metadata(path).map_err(io(path))?.len();
    if length > MOST {
        return Err(corrupt(format!("it has {length} bytes")));
    }
    let text = fs::read(path).map_err(io(path))?;
    let Index { weight_map } =
        serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
    for (name, file) in &weight_map {
        // A shard lies beside its index: what a stranger's file names is never looked for elsewhere.
        let leaves = file.contains(['/', '\\', ':']) || file.starts_with('.');
        if leaves || !(file.ends_with(".safetensors") || file.ends_with(".bin")) {
            return Err(corrupt(format!(
                "the tensor '{name}' would be in {file:?}, which is not a file of weights beside it"
            )));
        }
    }
    Ok(weight_map)
}

//! JSON Lines in: one object a line, from a file or standard input, told by line where one is wrong.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use serde::de::DeserializeOwned;

/// Reads every line that isn't blank as a `T` and hands it on with its number, from 1. The file `-`
/// is standard input. `shape` shows what a line should look like.
///
/// # Errors
/// When the file can't be read or a line is something else; names file, line and shape.
pub fn read<T: DeserializeOwned>(
    path: &Path,
    shape: &str,
    mut each: impl FnMut(u64, T) -> Result<()>,
) -> Result<()> {
    let reader: Box<dyn BufRead> = if path.as_os_str() == "-" {
        Box::new(BufReader::new(stdin()))
    } else {
        let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
        Box::new(BufReader::new(file))
    };
    for (number, line) in (1..).zip(reader.lines()) {
        let line =
            line.with_context(|| format!("{}, line {number}: can't be read", path.display()))?;
        if line.trim().is_empty() {
            continue;
        }
        let item = serde_json::from_str(&line).map_err(|error| {
            anyhow!(
                "{}, line {number}: {error}. Each line must look like {shape}",
                path.display()
            )
        })?;
        each(number, item).with_context(|| format!("{}, line {number}", path.display()))?;
    }
    Ok(())
}

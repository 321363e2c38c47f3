//! Files in and out of the storage, a piece at a time.

use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tunesmith_platform::fs::{self, File, OpenOptions};
use tunesmith_protocol::{FileEntry, Place};
use wasm_bindgen::prelude::*;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Bytes read and written at once: each call crosses to the browser.
const PIECE: usize = 1 << 20;

/// Writes a piece of a file: at its end, or as its beginning in place of what it was. The folders to it
/// are made.
///
/// # Errors
/// No room.
#[wasm_bindgen]
pub async fn write_file(path: &str, bytes: &[u8], append: bool) -> Result<(), JsError> {
    let path = Path::new(path);
    if append {
        let mut file = OpenOptions::new().append(true).open(path)?;
        file.write_all(bytes)?;
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes)?;
    fs::replenish().await;
    Ok(())
}

/// Reads at most `length` bytes of a file from `offset` on.
///
/// # Errors
/// Where there is no such file.
#[wasm_bindgen]
pub fn read_file(path: &str, offset: f64, length: u32) -> Result<Vec<u8>, JsError> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset as u64))?;
    let mut bytes = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All files below a folder, by path.
pub(crate) fn list(folder: &Path) -> std::io::Result<Vec<FileEntry>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if fs::is_dir(&path) {
            found.extend(list(&path)?);
        } else {
            found.push(FileEntry {
                bytes: fs::metadata(&path)?.len(),
                path: path.display().to_string(),
            });
        }
    }
    Ok(found)
}

/// Writes a folder as `<folder>.zip`, under the folder's name and without its checkpoints, as one
/// would hand a model on. Weights don't compress: nothing is.
pub(crate) fn zip(folder: &Path) -> Result<Place, JsError> {
    let target = folder.with_extension("zip");
    let name = folder.file_name().unwrap_or_default();
    let entries = list(folder)
        .map_err(|error| JsError::new(&format!("cannot read {}: {error}", folder.display())))?;
    let mut writer = ZipWriter::new(BufWriter::with_capacity(PIECE, File::create(&target)?));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .large_file(true);
    for entry in entries {
        let Ok(inside) = Path::new(&entry.path).strip_prefix(folder) else {
            continue;
        };
        if inside.to_string_lossy().starts_with("checkpoint-") {
            continue;
        }
        let inside = Path::new(name).join(inside);
        writer.start_file(inside.to_string_lossy(), options)?;
        let mut file = BufReader::with_capacity(PIECE, File::open(&entry.path)?);
        std::io::copy(&mut file, &mut writer)?;
    }
    let file = writer
        .finish()?
        .into_inner()
        .map_err(|error| error.into_error())?;
    file.sync_all()?;
    Ok(Place {
        bytes: Some(fs::metadata(&target)?.len()),
        path: target.display().to_string(),
    })
}

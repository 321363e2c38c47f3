//! `pytorch_model.bin`, as `torch.save` writes it: a zip of a pickle and of one member a storage, or (before
//! PyTorch 1.6) pickles with the storages behind them.
//!
//! burn-store reads these files too, into burn's tensors; this crate has none.

mod pickle;
mod tensors;

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use tunesmith_platform::fs::{self, File};
use zip::{CompressionMethod, ZipArchive};

use self::pickle::{Fault, Input, Pickle, Value};
use self::tensors::{Found, Places};
use crate::CheckpointError;
use crate::checkpoint::Opened;
use crate::stored::Stored;

/// More than any file of weights needs for names and shapes: a few hundred bytes a tensor.
const MOST_PICKLE: u64 = 4 << 20;

/// How a pickle of the older form begins, after its protocol: a number that says what it is.
const MAGIC: [u8; 13] = *b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e";

/// The version of the older form; there was no other.
const VERSION: i64 = 1001;

/// Reads what the file holds, and none of the values yet.
pub(crate) fn open(path: &Path) -> Result<Opened, CheckpointError> {
    let io = crate::checkpoint::io(path);
    let length = fs::metadata(path).map_err(&io)?.len();
    let mut file = File::open(path).map_err(&io)?;
    let tensors = read(&mut file, length).map_err(|fault| match fault {
        Fault::Io(source) if is_damage(&source) => corrupt(path, source.to_string()),
        Fault::Io(source) => io(source),
        Fault::Damaged(message) => corrupt(path, message),
        Fault::Refused(global) => CheckpointError::Refused {
            path: path.to_owned(),
            global,
        },
    })?;
    Ok(Opened { tensors, file })
}

fn corrupt(path: &Path, message: String) -> CheckpointError {
    CheckpointError::Corrupt {
        path: path.to_owned(),
        format: "PyTorch",
        message,
    }
}

// What a reader says of the bytes, not of the disk.
fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | InvalidData | InvalidInput)
}

fn read(file: &mut File, length: u64) -> Result<BTreeMap<String, Stored>, Fault> {
    let mut head = Vec::new();
    file.by_ref().take(15).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(0))?;
    let (found, places) = match head.as_slice() {
        [b'P', b'K', 3, 4, ..] => zipped(file, length)?,
        [0x80, _, rest @ ..] if rest == MAGIC => plain(file, length)?,
        _ => {
            return Err(Fault::Damaged(
                "it begins neither as torch.save's zip nor as its older form".to_owned(),
            ));
        }
    };
    found.place(&places)
}

/// The zip of PyTorch 1.6 and later. Its members are stored as they are, so that a tensor can be read from
/// the middle of it.
fn zipped(file: &mut File, length: u64) -> Result<(Found, Places), Fault> {
    let mut archive = ZipArchive::new(BufReader::new(file))?;
    let pickle = archive
        .file_names()
        .find(|name| name.ends_with("/data.pkl"));
    let Some(prefix) = pickle.and_then(|name| name.strip_suffix("data.pkl")) else {
        return Err(Fault::Damaged(
            "the zip has no data.pkl, so torch.save didn't write it".to_owned(),
        ));
    };
    let prefix = prefix.to_owned();
    if let Some(order) = archive.index_for_name(&format!("{prefix}byteorder")) {
        let mut text = Vec::new();
        archive.by_index(order)?.take(8).read_to_end(&mut text)?;
        if text != b"little" {
            return Err(Fault::big_endian());
        }
    }
    let mut bytes = Vec::new();
    let pickle = archive.by_name(&format!("{prefix}data.pkl"))?;
    pickle.take(MOST_PICKLE).read_to_end(&mut bytes)?;
    let found = Found::of(&Pickle::read(&mut Input::new(
        bytes.as_slice(),
        MOST_PICKLE,
    ))?)?;
    let mut places = Places::new();
    for key in found.keys() {
        let name = format!("{prefix}data/{key}");
        let Some(index) = archive.index_for_name(&name) else {
            return Err(Fault::Damaged(format!("it has no member '{name}'")));
        };
        let member = archive.by_index_raw(index)?;
        if member.compression() != CompressionMethod::Stored || member.encrypted() {
            return Err(Fault::Damaged(format!(
                "'{name}' is compressed in the zip, which torch.save never does"
            )));
        }
        let (start, size) = (member.data_start().unwrap_or(u64::MAX), member.size());
        if start.checked_add(size).is_none_or(|end| end > length) {
            return Err(Fault::Damaged(format!(
                "'{name}' would go beyond the end of the file"
            )));
        }
        places.insert(key.to_owned(), (start, size));
    }
    Ok((found, places))
}

/// The older form: five pickles (a magic number, a version, the machine's types, the tensors, the keys of
/// the storages), and then each storage behind the number of its elements.
fn plain(file: &mut File, length: u64) -> Result<(Found, Places), Fault> {
    let mut input = Input::new(BufReader::new(file), MOST_PICKLE);
    Pickle::read(&mut input)?;
    if Pickle::read(&mut input)?.integer() != Some(VERSION) {
        return Err(Fault::Damaged("its version is unknown".to_owned()));
    }
    if Pickle::read(&mut input)?.entry("little_endian") != Some(&Value::Bool(true)) {
        return Err(Fault::big_endian());
    }
    let found = Found::of(&Pickle::read(&mut input)?)?;
    let keys = Pickle::read(&mut input)?.texts()?;
    let mut at = input.taken();
    let mut file = input.into_inner();
    let mut places = Places::new();
    for key in keys {
        let Some(bytes) = found.element_bytes(&key) else {
            return Err(Fault::Damaged(format!("no tensor has the storage '{key}'")));
        };
        let mut count = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut count)?;
        let size = u64::from_le_bytes(count).checked_mul(bytes);
        let start = at + count.len() as u64;
        let end = size.and_then(|size| start.checked_add(size));
        let (Some(size), Some(end)) = (size, end.filter(|end| *end <= length)) else {
            return Err(Fault::Damaged(format!(
                "the storage '{key}' would go beyond the end of the file"
            )));
        };
        places.insert(key, (start, size));
        at = end;
    }
    Ok((found, places))
}

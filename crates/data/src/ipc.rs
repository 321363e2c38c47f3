//! Arrow IPC files in a cache folder, mapped into memory.
//!
//! A file is written to a scratch name, its SHA-256 beside it (`sha256sum -c` reads it), and renamed
//! when it is whole: no reader ever sees half of one, and one that was damaged later is noticed and
//! made again. The SHA-256 also names the content where something is derived from it.
//!
//! Pages of a mapping count as resident memory until the system wants them back. A mapping here
//! gives its pages back after every few hundred reads, so that a program's footprint stays flat
//! however long it iterates.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, read_footer_length};
use arrow_ipc::root_as_footer;
use arrow_ipc::writer::FileWriter;
use arrow_schema::{ArrowError, Schema, SchemaRef};
use sha2::{Digest, Sha256};
use tunesmith_platform::fs::{self, File, Mapped, lock};
use tunesmith_platform::process_id;

use crate::DataError;
use crate::digest::hex;

/// Reads before the pages are given back. A read brings in at most 16 pages of 4 KiB around it on
/// Linux, so about 32 MiB are resident at a time.
const READS_KEPT: usize = 512;

/// Record batches decoded before the pages are given back: a batch of 4096 rows is about 1 MiB.
const BATCHES_KEPT: usize = 16;

/// Bytes hashed before the pages are given back.
const HASH_WINDOW: usize = 16 << 20;

/// A file mapped into memory for reading.
pub(crate) struct Mapping {
    map: Mapped,
    reads: AtomicUsize,
}

impl Mapping {
    fn open(path: &Path) -> io::Result<Self> {
        // The file is in our cache, is never written again after its rename into place, and is
        // replaced by renaming another over it, which leaves this mapping on the old one.
        let map = Mapped::open(path)?;
        Ok(Self {
            map,
            reads: AtomicUsize::new(0),
        })
    }

    /// To be called before a read of one row.
    pub(crate) fn touch(&self) {
        if self.reads.fetch_add(1, Ordering::Relaxed) >= READS_KEPT {
            self.reads.store(0, Ordering::Relaxed);
            self.release();
        }
    }

    /// Gives the resident pages back; they are read again from the file where they are needed.
    pub(crate) fn release(&self) {
        self.map.release();
    }

    fn sha256(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        for window in self.map.chunks(HASH_WINDOW) {
            hasher.update(window);
            self.release();
        }
        hasher.finalize().into()
    }
}

/// Keeps the mapping alive for as long as Arrow arrays point into it.
struct Owner(Arc<Mapping>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0.map
    }
}

/// A table whose arrays point into a mapped file.
pub(crate) struct MappedTable {
    pub(crate) path: PathBuf,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) mapping: Arc<Mapping>,
    /// SHA-256 of the file.
    pub(crate) content: [u8; 32],
}

impl MappedTable {
    /// The table in that file, or `None` where there is none or it is not what was written.
    pub(crate) fn open(path: &Path) -> Option<Self> {
        let expected = fs::read_to_string(checksum_path(path)).ok()?;
        let mapping = Arc::new(Mapping::open(path).ok()?);
        let content = mapping.sha256();
        if expected.split_whitespace().next()? != hex(&content) {
            return None;
        }
        let (schema, batches) = decode(&mapping).ok()?;
        mapping.release();
        Some(Self {
            path: path.to_path_buf(),
            schema,
            batches,
            mapping,
            content,
        })
    }
}

fn decode(mapping: &Arc<Mapping>) -> Result<(SchemaRef, Vec<RecordBatch>), ArrowError> {
    let short = || ArrowError::ParseError("the file is cut short".to_owned());
    let owner = bytes::Bytes::from_owner(Owner(Arc::clone(mapping)));
    let buffer = Buffer::from(owner);
    let trailer_start = buffer.len().checked_sub(10).ok_or_else(short)?;
    let trailer = buffer[trailer_start..].try_into().map_err(|_| short())?;
    let footer_len = read_footer_length(trailer)?;
    let footer_start = trailer_start.checked_sub(footer_len).ok_or_else(short)?;
    let footer = root_as_footer(&buffer[footer_start..trailer_start])
        .map_err(|error| ArrowError::ParseError(error.to_string()))?;
    let schema = Arc::new(try_fb_to_schema(footer.schema().ok_or_else(short)?)?);
    let decoder = FileDecoder::new(Arc::clone(&schema), footer.version());
    let mut batches = Vec::new();
    for block in footer.recordBatches().into_iter().flatten() {
        let start = usize::try_from(block.offset()).map_err(|_| short())?;
        let length = usize::try_from(block.bodyLength()).map_err(|_| short())?
            + usize::try_from(block.metaDataLength()).map_err(|_| short())?;
        if start
            .checked_add(length)
            .is_none_or(|end| end > footer_start)
        {
            return Err(short());
        }
        let data = buffer.slice_with_length(start, length);
        // Arrow checks the text that it decodes, which brings in every page.
        batches.extend(decoder.read_record_batch(block, &data)?);
        if batches.len().is_multiple_of(BATCHES_KEPT) {
            mapping.release();
        }
    }
    Ok((schema, batches))
}

fn checksum_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    name.into()
}

/// What the name of a file that is being written ends with.
const PARTIAL: &str = ".partial";

/// Removes what killed processes left in a folder: files half-written, and checksums whose file never
/// came.
fn sweep(folder: &Path) {
    let names = || {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok())
    };
    for name in names().filter(|name| name.ends_with(PARTIAL)) {
        lock::remove_abandoned(&folder.join(name));
    }
    let left: Vec<String> = names().collect();
    for name in &left {
        let Some(table) = name.strip_suffix(".sha256") else {
            continue;
        };
        // Its table may have just got its name.
        let coming = left
            .iter()
            .any(|other| other.starts_with(table) && other.ends_with(PARTIAL));
        if table.ends_with(".arrow") && !coming && !fs::exists(folder.join(table)) {
            let _ = fs::remove_file(folder.join(name));
        }
    }
}

/// Writes a table batch by batch. Dropped before [`IpcWriter::finish`], it leaves nothing behind.
pub(crate) struct IpcWriter {
    path: PathBuf,
    scratch: PathBuf,
    writer: FileWriter<Hashing<BufWriter<File>>>,
}

impl IpcWriter {
    /// Makes the folder where it doesn't exist.
    pub(crate) fn create(path: &Path, schema: &Schema) -> Result<Self, DataError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(DataError::io("make the folder", folder))?;
        sweep(folder);
        let (scratch, file) = loop {
            let mut name = path.as_os_str().to_owned();
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            name.push(format!(".{}-{count}{PARTIAL}", process_id()));
            let scratch = PathBuf::from(name);
            let file = File::create(&scratch).map_err(DataError::io("write", &scratch))?;
            if lock::reserve(&file, &scratch) {
                break (scratch, file);
            }
            // Another process swept it away before it was reserved.
        };
        let hashing = Hashing {
            inner: BufWriter::new(file),
            hasher: Sha256::new(),
        };
        let writer =
            FileWriter::try_new(hashing, schema).map_err(|error| io_error(&scratch, error))?;
        Ok(Self {
            path: path.to_path_buf(),
            scratch,
            writer,
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        self.writer
            .write(batch)
            .map_err(|error| io_error(&self.scratch, error))
    }

    /// Puts the file into its place, whole and on the disk, and maps it.
    pub(crate) fn finish(mut self) -> Result<MappedTable, DataError> {
        self.writer
            .finish()
            .map_err(|error| io_error(&self.scratch, error))?;
        let write_error = || DataError::io("write", &self.scratch);
        let hashing = self.writer.get_mut();
        hashing.flush().map_err(write_error())?;
        hashing.inner.get_ref().sync_all().map_err(write_error())?;
        let digest = hex(&hashing.hasher.clone().finalize());
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let checksum = checksum_path(&self.path);
        fs::write(&checksum, format!("{digest}  {name}\n"))
            .map_err(DataError::io("write", &checksum))?;
        fs::rename(&self.scratch, &self.path).map_err(DataError::io("write", &self.path))?;
        lock::release(self.writer.get_ref().inner.get_ref());
        MappedTable::open(&self.path).ok_or_else(|| DataError::File {
            file: self.path.display().to_string(),
            reason: "what was just written there does not read back: the disk may be failing, or another program writes into the cache".to_owned(),
        })
    }
}

impl Drop for IpcWriter {
    fn drop(&mut self) {
        // Gone already where `finish` has renamed it.
        let _ = fs::remove_file(&self.scratch);
    }
}

fn io_error(path: &Path, error: ArrowError) -> DataError {
    let source = match error {
        ArrowError::IoError(_, source) => source,
        other => io::Error::other(other),
    };
    DataError::io("write", path)(source)
}

struct Hashing<W> {
    inner: W,
    hasher: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use arrow_array::{Array, StringArray};

    use super::*;
    use crate::{Dtype, Feature, Features};

    fn write(path: &Path, rows: usize) -> MappedTable {
        let features = [("text".to_owned(), Feature::Value(Dtype::String))];
        let schema = Features::new(features).unwrap().schema();
        let mut writer = IpcWriter::create(path, &schema).unwrap();
        for batch in 0..3 {
            let texts: StringArray = (0..rows).map(|i| Some(format!("{batch}/{i}"))).collect();
            let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(texts)]).unwrap();
            writer.write(&batch).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_was_written_is_mapped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/table.arrow");
        let written = write(&path, 10);
        let table = MappedTable::open(&path).unwrap();
        assert_eq!(table.content, written.content);
        assert_eq!(table.batches, written.batches);
        assert_eq!(table.batches.len(), 3);
        // Still readable after its pages went back, and after the table went away.
        let column = Arc::clone(table.batches[2].column(0));
        table.mapping.release();
        drop(table);
        assert_eq!(column.len(), 10);
        assert_eq!(
            column
                .as_any()
                .downcast_ref::<StringArray>()
                .unwrap()
                .value(9),
            "2/9"
        );
        let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 2, "only the file and its checksum: {left:?}");
    }

    #[test]
    fn a_damaged_file_is_noticed_wherever_it_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.arrow");
        write(&path, 10);
        let good = std::fs::read(&path).unwrap();
        for position in (0..good.len()).step_by(97) {
            let mut bad = good.clone();
            bad[position] ^= 0x10;
            std::fs::write(&path, bad).unwrap();
            assert!(MappedTable::open(&path).is_none(), "byte {position}");
        }
        for length in [0, 5, 9, good.len() / 2, good.len() - 1] {
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(MappedTable::open(&path).is_none(), "length {length}");
        }
        std::fs::write(&path, good).unwrap();
        assert!(MappedTable::open(&path).is_some());
    }

    #[test]
    fn what_a_killed_process_left_is_swept_away_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for left in ["a.arrow.1-0.partial", "b.arrow.sha256"] {
            std::fs::write(at(left), "half").unwrap();
        }
        for mine in ["notes.txt", "kept.sha256"] {
            std::fs::write(at(mine), "mine").unwrap();
        }
        let schema = Schema::empty();
        let first = IpcWriter::create(&at("one.arrow"), &schema).unwrap();
        assert!(!at("a.arrow.1-0.partial").exists());
        assert!(!at("b.arrow.sha256").exists());
        let second = IpcWriter::create(&at("two.arrow"), &schema).unwrap();
        assert!(first.scratch.exists() && second.scratch.exists());
        drop((first, second));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn an_abandoned_writer_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.arrow");
        let writer = IpcWriter::create(&path, &Schema::empty()).unwrap();
        drop(writer);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

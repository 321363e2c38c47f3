//! The volume of a browser's worker: this origin's private files (OPFS), or memory where a browser has
//! none to give.
//!
//! A sync access handle is opened asynchronously and used synchronously. So a number of them are
//! opened ahead of the files that will need them: [`open`] does it first, [`replenish`] again between
//! two pieces of work.

use std::cell::RefCell;
use std::ffi::{OsStr, OsString};
use std::io::{self, Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DedicatedWorkerGlobalScope, DomException, FileSystemDirectoryHandle, FileSystemFileHandle,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
    WorkerNavigator,
};

pub use super::volume::Metadata;
use super::volume::{Blob, Held, Memory, Volume, absolute};

/// The folder of this origin's private files that holds the volume.
const FOLDER: &str = "tunesmith";

/// New files that can be made before the next [`replenish`]: a checkpoint has eight, an output folder
/// ten, and a data set has a few per split.
const SPARE: usize = 64;

/// Where the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In this origin's private files: they survive a reload and a crash.
    Opfs,
    /// In memory: they go with the page.
    Memory,
}

/// What [`open`] found.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Where files are kept from now on.
    pub storage: Storage,
    /// Why not in the origin's private files.
    pub reason: Option<String>,
}

enum Bytes {
    Opfs(FileSystemSyncAccessHandle),
    Memory(Memory),
}

impl Blob for Bytes {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<usize> {
        match self {
            Self::Memory(memory) => memory.read_at(bytes, at),
            Self::Opfs(handle) => {
                let options = at_offset(at);
                let read = handle.read_with_u8_array_and_options(bytes, &options);
                Ok(read.map_err(io_error)? as usize)
            }
        }
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        match self {
            Self::Memory(memory) => memory.write_at(bytes, at),
            Self::Opfs(handle) => {
                let options = at_offset(at);
                let written = handle
                    .write_with_u8_array_and_options(bytes, &options)
                    .map_err(io_error)?;
                // Chromium gives a number far too large where there is no room, its error as an unsigned one.
                if written as usize != bytes.len() {
                    return Err(ErrorKind::StorageFull.into());
                }
                Ok(())
            }
        }
    }

    fn set_len(&self, len: u64) -> Result<()> {
        match self {
            Self::Memory(memory) => memory.set_len(len),
            Self::Opfs(handle) => handle.truncate_with_f64(len as f64).map_err(io_error),
        }
    }

    fn len(&self) -> Result<u64> {
        match self {
            Self::Memory(memory) => memory.len(),
            Self::Opfs(handle) => Ok(handle.get_size().map_err(io_error)? as u64),
        }
    }

    fn sync(&self) -> Result<()> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Opfs(handle) => handle.flush().map_err(io_error),
        }
    }
}

struct Disk {
    volume: Volume<Bytes>,
    /// The folder, where new blobs can be made, and the number of the next one.
    folder: Option<(FileSystemDirectoryHandle, u32)>,
}

thread_local! {
    static DISK: RefCell<Option<Disk>> = const { RefCell::new(None) };
}

fn in_memory() -> Result<Disk> {
    let make = || Bytes::Memory(Memory::default());
    Ok(Disk {
        volume: Volume::open([make(), make()], Vec::new(), Some(make))?,
        folder: None,
    })
}

fn with_volume<T>(work: impl FnOnce(&mut Volume<Bytes>) -> Result<T>) -> Result<T> {
    DISK.with(|disk| {
        let mut disk = disk.borrow_mut();
        if disk.is_none() {
            *disk = Some(in_memory()?);
        }
        match disk.as_mut() {
            Some(disk) => work(&mut disk.volume),
            None => unreachable!("made above"),
        }
    })
}

/// Opens the volume, once, before anything else is done here.
///
/// # Errors
/// Where files that are there can't be read. A browser without private files, or another tab that
/// holds them, is no error: then files are kept in memory, and the reason is given.
pub async fn open() -> Result<Opened> {
    let (disk, opened) = match opfs().await {
        Ok(disk) => {
            let storage = Storage::Opfs;
            (
                disk,
                Opened {
                    storage,
                    reason: None,
                },
            )
        }
        Err(error) => {
            let opened = Opened {
                storage: Storage::Memory,
                reason: Some(error.to_string()),
            };
            (in_memory()?, opened)
        }
    };
    DISK.with(|place| *place.borrow_mut() = Some(disk));
    replenish().await;
    Ok(opened)
}

async fn opfs() -> Result<Disk> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global()
        .dyn_into()
        .map_err(|_| Error::other("files need a dedicated worker"))?;
    let navigator: WorkerNavigator = scope.navigator();
    let root: FileSystemDirectoryHandle = resolved(navigator.storage().get_directory()).await?;
    let options = web_sys::FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    let folder: FileSystemDirectoryHandle =
        resolved(root.get_directory_handle_with_options(FOLDER, &options)).await?;
    let mut patience = PATIENCE;
    let journals = [
        access_in_time(&folder, "journal-0", &mut patience).await?,
        access_in_time(&folder, "journal-1", &mut patience).await?,
    ];
    let mut blobs = Vec::new();
    let names = folder.keys();
    loop {
        let next = names.next().map_err(io_error)?;
        let next: js_sys::IteratorNext = resolved(next).await?;
        if next.done() {
            break;
        }
        let name = next.value().as_string().unwrap_or_default();
        if let Ok(id) = name.parse::<u32>() {
            let blob = access_in_time(&folder, &name, &mut patience).await?;
            blobs.push((id, blob));
        }
    }
    let next = blobs.iter().map(|(id, _)| id + 1).max().unwrap_or(0);
    Ok(Disk {
        volume: Volume::open(journals, blobs, None)?,
        folder: Some((folder, next)),
    })
}

/// Opens handles for the files to come.
///
/// Where the browser refuses, as when its storage is full, files that are there can still be read and
/// removed; the next new file that finds no handle tells why.
pub async fn replenish() {
    let wanted = DISK.with(|disk| {
        let mut disk = disk.borrow_mut();
        let disk = disk.as_mut()?;
        let missing = SPARE.saturating_sub(disk.volume.spare()) as u32;
        let (folder, next) = disk.folder.as_mut()?;
        let first = *next;
        *next += missing;
        Some((folder.clone(), first..first + missing))
    });
    let Some((folder, ids)) = wanted else {
        return;
    };
    for id in ids {
        let opened = access(&folder, &id.to_string()).await;
        let refused = opened.is_err();
        DISK.with(|disk| {
            let mut disk = disk.borrow_mut();
            match (disk.as_mut(), opened) {
                (Some(disk), Ok(blob)) => disk.volume.add([(id, blob)]),
                (Some(disk), Err(error)) => disk.volume.refuse(error),
                (None, _) => {}
            }
        });
        if refused {
            return;
        }
    }
}

/// Milliseconds that files in use may take to be given back, and those between two tries: a page that is loaded
/// again meets its own worker of before, which a browser doesn't end at once while it computes.
const PATIENCE: u32 = 3000;
const PAUSE: u32 = 50;

/// The same, tried again while the file is in use, for as long as `patience` lasts.
async fn access_in_time(
    folder: &FileSystemDirectoryHandle,
    name: &str,
    patience: &mut u32,
) -> Result<Bytes> {
    loop {
        match access(folder, name).await {
            Err(error) if error.kind() == ErrorKind::ResourceBusy && *patience >= PAUSE => {
                *patience -= PAUSE;
                TimeoutFuture::new(PAUSE).await;
            }
            found => return found,
        }
    }
}

async fn access(folder: &FileSystemDirectoryHandle, name: &str) -> Result<Bytes> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    let file: FileSystemFileHandle =
        resolved(folder.get_file_handle_with_options(name, &options)).await?;
    Ok(Bytes::Opfs(
        resolved(file.create_sync_access_handle()).await?,
    ))
}

async fn resolved<T: JsCast>(promise: impl Into<js_sys::Promise>) -> Result<T> {
    let value = JsFuture::from(promise.into()).await.map_err(io_error)?;
    Ok(value.unchecked_into())
}

fn at_offset(at: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(at as f64);
    options
}

fn io_error(value: JsValue) -> Error {
    let Some(error) = value.dyn_ref::<DomException>() else {
        let error = value.dyn_ref::<js_sys::Error>();
        return Error::other(match error {
            Some(error) => String::from(error.message()),
            None => format!("{value:?}"),
        });
    };
    match error.name().as_str() {
        "QuotaExceededError" => Error::new(
            ErrorKind::QuotaExceeded,
            "the browser gives this site no more room",
        ),
        "NoModificationAllowedError" => Error::new(
            ErrorKind::ResourceBusy,
            "another tab or window of this site has the files open",
        ),
        _ => Error::other(error.message()),
    }
}

/// An open file.
pub struct File {
    held: Rc<Held<Bytes>>,
    position: u64,
    append: bool,
}

impl File {
    /// As [`std::fs::File::open`].
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        with_volume(|volume| volume.file(path.as_ref())).map(Self::new)
    }

    /// As [`std::fs::File::create`]; whoever has the former file open goes on reading that.
    ///
    /// # Errors
    /// Where its folder is not there, or there is no room.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        with_volume(|volume| volume.create(path.as_ref())).map(Self::new)
    }

    fn new(held: Rc<Held<Bytes>>) -> Self {
        Self {
            held,
            position: 0,
            append: false,
        }
    }

    /// As [`std::fs::File::sync_all`].
    ///
    /// # Errors
    /// What the browser says.
    pub fn sync_all(&self) -> Result<()> {
        self.held.blob().sync()
    }

    /// As [`std::fs::File::set_len`].
    ///
    /// # Errors
    /// What the browser says.
    pub fn set_len(&self, len: u64) -> Result<()> {
        self.held.blob().set_len(len)
    }
}

impl Read for File {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        let read = self.held.blob().read_at(bytes, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.append {
            self.position = self.held.blob().len()?;
        }
        self.held.blob().write_at(bytes, self.position)?;
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let position = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.held.blob().len()?.checked_add_signed(by),
        };
        self.position = position.ok_or(ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// As [`std::fs::OpenOptions`], of which only appending is used.
#[derive(Debug, Default, Clone)]
pub struct OpenOptions {
    append: bool,
    create: bool,
}

impl OpenOptions {
    /// Nothing asked for yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Write at the end.
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.append = append;
        self
    }

    /// Make the file where it isn't there.
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.create = create;
        self
    }

    /// As [`std::fs::OpenOptions::open`].
    ///
    /// # Errors
    /// Where there is no such file, and it isn't to be made.
    pub fn open(&self, path: impl AsRef<Path>) -> Result<File> {
        let path = path.as_ref();
        let mut file = if self.create && !is_file(path) {
            File::create(path)?
        } else {
            File::open(path)?
        };
        file.append = self.append;
        Ok(file)
    }
}

/// A file's bytes for reading; in memory here.
pub struct Mapped(Vec<u8>);

impl Mapped {
    /// Reads a file.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn open(path: &Path) -> Result<Self> {
        read(path).map(Self)
    }

    /// Nothing here: there is no page to give back.
    pub fn release(&self) {}
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// What lies in a folder.
pub type ReadDir = std::vec::IntoIter<Result<DirEntry>>;

/// As [`std::fs::DirEntry`].
#[derive(Debug, Clone)]
pub struct DirEntry(PathBuf);

impl DirEntry {
    /// The whole path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.0.clone()
    }

    /// The last part of it.
    #[must_use]
    pub fn file_name(&self) -> OsString {
        self.0.file_name().unwrap_or(OsStr::new("")).to_owned()
    }
}

/// As [`std::fs::read`].
///
/// # Errors
/// As [`File::open`].
pub fn read(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?;
    bytes.reserve_exact(file.held.blob().len()? as usize);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// As [`std::fs::read_to_string`].
///
/// # Errors
/// As [`File::open`], and where it is not UTF-8.
pub fn read_to_string(path: impl AsRef<Path>) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|error| Error::new(ErrorKind::InvalidData, error))
}

/// As [`std::fs::write`].
///
/// # Errors
/// As [`File::create`].
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> Result<()> {
    File::create(path)?.write_all(bytes.as_ref())
}

/// As [`std::fs::copy`].
///
/// # Errors
/// As [`File::open`] and [`File::create`].
pub fn copy(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<u64> {
    let mut source = File::open(from)?;
    io::copy(&mut source, &mut File::create(to)?)
}

/// As [`std::fs::rename`], but that a folder may have any content.
///
/// # Errors
/// Where there is nothing of that name, or a folder's new name is taken.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<()> {
    with_volume(|volume| volume.rename(from.as_ref(), to.as_ref()))
}

/// As [`std::fs::create_dir`].
///
/// # Errors
/// Where the name is taken.
pub fn create_dir(path: impl AsRef<Path>) -> Result<()> {
    if exists(path.as_ref()) {
        return Err(ErrorKind::AlreadyExists.into());
    }
    create_dir_all(path)
}

/// As [`std::fs::create_dir_all`].
///
/// # Errors
/// Where a file has one of the names.
pub fn create_dir_all(path: impl AsRef<Path>) -> Result<()> {
    with_volume(|volume| volume.create_dir_all(path.as_ref()))
}

/// As [`std::fs::remove_file`].
///
/// # Errors
/// Where there is no such file.
pub fn remove_file(path: impl AsRef<Path>) -> Result<()> {
    with_volume(|volume| {
        volume.file(path.as_ref())?;
        volume.remove(path.as_ref())
    })
}

/// As [`std::fs::remove_dir_all`].
///
/// # Errors
/// Where there is no such folder.
pub fn remove_dir_all(path: impl AsRef<Path>) -> Result<()> {
    with_volume(|volume| volume.remove(path.as_ref()))
}

/// As [`std::fs::read_dir`]; by name.
///
/// # Errors
/// Where there is no such folder.
pub fn read_dir(path: impl AsRef<Path>) -> Result<ReadDir> {
    let paths = with_volume(|volume| volume.read_dir(path.as_ref()))?;
    let entries: Vec<_> = paths.into_iter().map(|path| Ok(DirEntry(path))).collect();
    Ok(entries.into_iter())
}

/// As [`std::fs::metadata`].
///
/// # Errors
/// Where there is nothing of that name.
pub fn metadata(path: impl AsRef<Path>) -> Result<Metadata> {
    with_volume(|volume| volume.metadata(path.as_ref()))
}

/// As [`std::fs::canonicalize`].
///
/// # Errors
/// Where there is nothing of that name.
pub fn canonicalize(path: impl AsRef<Path>) -> Result<PathBuf> {
    metadata(path.as_ref())?;
    Ok(absolute(path.as_ref()))
}

/// Whether something is there.
#[must_use]
pub fn exists(path: impl AsRef<Path>) -> bool {
    metadata(path).is_ok()
}

/// Whether a folder is there.
#[must_use]
pub fn is_dir(path: impl AsRef<Path>) -> bool {
    metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whether a file is there.
#[must_use]
pub fn is_file(path: impl AsRef<Path>) -> bool {
    metadata(path).is_ok_and(|metadata| metadata.is_file())
}

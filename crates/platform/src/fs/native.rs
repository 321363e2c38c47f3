//! The system's own files.

use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

pub use std::fs::{
    DirEntry, File, Metadata, OpenOptions, ReadDir, canonicalize, copy, create_dir, create_dir_all,
    metadata, read, read_dir, read_to_string, remove_dir_all, remove_file, rename, write,
};

/// Whether something is there.
pub fn exists(path: impl AsRef<Path>) -> bool {
    path.as_ref().exists()
}

/// Whether a folder is there.
pub fn is_dir(path: impl AsRef<Path>) -> bool {
    path.as_ref().is_dir()
}

/// Whether a file is there.
pub fn is_file(path: impl AsRef<Path>) -> bool {
    path.as_ref().is_file()
}

/// A file's bytes without a copy: mapped into memory, brought in as they are read.
#[derive(Debug)]
pub struct Mapped(Mmap);

impl Mapped {
    /// Maps a file for reading. It must not be changed while it is mapped: what is written whole and
    /// renamed into place never is.
    ///
    /// # Errors
    /// As [`File::open`].
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        // SAFETY: the file is only read. A program that changes it meanwhile can garble what is read
        // but not this process's memory.
        Ok(Self(unsafe { Mmap::map(&file)? }))
    }

    /// Gives the resident pages back to the system; they are read again where they are needed.
    pub fn release(&self) {
        #[cfg(unix)]
        {
            // SAFETY: a shared read-only file mapping has no private changes that could be lost.
            // A failure changes nothing but the footprint.
            let _ = unsafe {
                self.0
                    .unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, 0, self.0.len())
            };
        }
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Files can be made at any time here.
pub fn replenish() -> std::future::Ready<()> {
    std::future::ready(())
}

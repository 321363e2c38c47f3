//! Natively: one download of a blob at a time among processes, Python's included, and links to blobs.

use std::fs::{File, TryLockError};
use std::io::Result;
use std::path::Path;

/// Unlocked when it is dropped.
pub(crate) struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Lock {
    /// The lock, or `None` while another has it. Its folder must be there.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(unix)]
pub(super) fn symlink(target: &Path, _blob: &Path, link: &Path) -> Result<()> {
    std::os::unix::fs::symlink(target, link)
}

/// Links need a privilege on Windows; Python's library copies there too.
#[cfg(not(unix))]
pub(super) fn symlink(_target: &Path, blob: &Path, link: &Path) -> Result<()> {
    tunesmith_platform::fs::copy(blob, link).map(|_| ())
}

//! Locks of the system (`flock`, `LockFileEx`).

use std::fs::TryLockError;
use std::io::{ErrorKind, Result, Write};
use std::path::{Path, PathBuf};

use super::LOCK_FILE;
use crate::fs::{File, OpenOptions, metadata, read_to_string, remove_file};

/// A folder that this process alone may write to, until this is dropped or the process ends.
#[derive(Debug)]
pub struct FolderLock {
    path: PathBuf,
    /// `None` on a file system that has no locks.
    file: Option<File>,
}

impl FolderLock {
    /// Locks an existing folder. On a file system without locks (some network disks) it is given out
    /// unlocked: a run there is worth more than the protection.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] where another process, or another part of this one, has it;
    /// otherwise as [`File::create`].
    pub fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK_FILE);
        loop {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let mut file = options.open(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(ErrorKind::WouldBlock.into()),
                Err(TryLockError::Error(_)) => {
                    let _ = remove_file(&path);
                    return Ok(Self { path, file: None });
                }
            }
            // Whoever had it before may have removed the file between the two calls above.
            if is_at(&file, &path) {
                // Only for a message: a full disk is no reason not to run.
                let _ = file
                    .set_len(0)
                    .and_then(|()| writeln!(file, "{}", std::process::id()));
                return Ok(Self {
                    path,
                    file: Some(file),
                });
            }
        }
    }

    /// The process that has a folder locked, as far as it says so.
    #[must_use]
    pub fn holder(folder: &Path) -> Option<u32> {
        read_to_string(folder.join(LOCK_FILE))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Elsewhere a file that another process has open can't be removed and created anew at once.
        if cfg!(unix) && self.file.is_some() {
            let _ = remove_file(&self.path);
        }
    }
}

/// Says that a file just created is being written, until it is closed or [`release`]d. `false` where
/// another process took it for abandoned in between: then it needs another name.
pub fn reserve(file: &File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) => is_at(file, path),
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => true,
    }
}

/// Ends what [`reserve`] began; some systems let nobody read a locked file.
pub fn release(file: &File) {
    let _ = file.unlock();
}

/// Removes a file that was [`reserve`]d by a process that is gone. One that is still being written
/// stays, and so does every file where there are no locks.
pub fn remove_abandoned(path: &Path) {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else {
        return;
    };
    if file.try_lock().is_ok() {
        let _ = remove_file(path);
    }
}

/// Whether the path still leads to the open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), metadata(path)) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Nobody removes such files here but [`remove_abandoned`], which must have the lock first.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    metadata(path).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_one_holders_and_free_again_without_a_trace() {
        let dir = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(dir.path()).unwrap();
        let error = FolderLock::take(dir.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(FolderLock::holder(dir.path()), Some(std::process::id()));
        drop(lock);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        // What a killed process leaves is a file that nobody has locked.
        std::fs::write(dir.path().join(LOCK_FILE), "1\n").unwrap();
        drop(FolderLock::take(dir.path()).unwrap());
        assert_eq!(FolderLock::holder(dir.path()), None);
    }

    #[test]
    fn what_is_being_written_is_not_abandoned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.partial");
        let file = File::create(&path).unwrap();
        assert!(reserve(&file, &path));
        remove_abandoned(&path);
        assert!(path.exists());
        drop(file);
        remove_abandoned(&path);
        assert!(!path.exists());
        // Removed by another process right after it was created.
        let file = File::create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(!reserve(&file, &path));
    }
}

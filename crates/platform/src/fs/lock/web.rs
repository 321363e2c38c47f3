//! Locks in a browser, where one worker has the whole volume: two runs in it could meet, and nobody
//! else.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{ErrorKind, Result};
use std::path::{Path, PathBuf};

use crate::fs::{File, canonicalize, remove_file};

thread_local! {
    static LOCKED: RefCell<BTreeSet<PathBuf>> = const { RefCell::new(BTreeSet::new()) };
}

/// A folder that one run alone may write to, until this is dropped.
#[derive(Debug)]
pub struct FolderLock(PathBuf);

impl FolderLock {
    /// Locks an existing folder.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] where another run has it; or where there is no such folder.
    pub fn take(folder: &Path) -> Result<Self> {
        let path = canonicalize(folder)?;
        if LOCKED.with_borrow_mut(|locked| locked.insert(path.clone())) {
            Ok(Self(path))
        } else {
            Err(ErrorKind::WouldBlock.into())
        }
    }

    /// There are no processes to be told apart.
    #[must_use]
    pub fn holder(_: &Path) -> Option<u32> {
        None
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        LOCKED.with_borrow_mut(|locked| locked.remove(&self.0));
    }
}

/// Says that a file is being written: nobody else could remove it.
pub fn reserve(_: &File, _: &Path) -> bool {
    true
}

/// Ends what [`reserve`] began.
pub fn release(_: &File) {}

/// Removes a file that a closed page left half-written: while it is asked for, nobody writes.
pub fn remove_abandoned(path: &Path) {
    let _ = remove_file(path);
}

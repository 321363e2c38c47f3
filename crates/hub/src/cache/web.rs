//! In a browser, where one worker owns the files: one download of a blob at a time among its tasks.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Result;
use std::path::{Path, PathBuf};

thread_local! {
    static HELD: RefCell<BTreeSet<PathBuf>> = const { RefCell::new(BTreeSet::new()) };
}

/// Unlocked when it is dropped.
pub(crate) struct Lock(PathBuf);

impl Lock {
    /// The lock, or `None` while another has it.
    pub fn take(path: &Path) -> Result<Option<Self>> {
        let free = HELD.with_borrow_mut(|held| held.insert(path.to_owned()));
        Ok(free.then(|| Self(path.to_owned())))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        HELD.with_borrow_mut(|held| held.remove(&self.0));
    }
}

/// No link: where one worker owns all files, the blob may have the name itself.
pub(super) fn symlink(_target: &Path, blob: &Path, link: &Path) -> Result<()> {
    tunesmith_platform::fs::rename(blob, link)
}

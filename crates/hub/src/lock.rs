//! One download of a blob at a time: among processes natively, Python's included; in a browser,
//! where one worker owns the files, among its tasks.

#[cfg(not(target_arch = "wasm32"))]
mod held {
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
}

#[cfg(target_arch = "wasm32")]
mod held {
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
}

pub(crate) use held::Lock;

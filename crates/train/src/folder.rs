//! The output folder as one run's own: two runs in it would delete and replace each other's files.

use std::io::ErrorKind;
use std::path::Path;

use tunesmith_platform::fs::{self, lock::FolderLock};
use tunesmith_protocol::TrainingArguments;

use crate::files::{clean_up, has_leftovers};
use crate::{TrainError, check_output_dir};

/// An output folder that nobody else writes to, until this is dropped or the process ends. What a
/// killed run left in it is put right when it is taken.
#[derive(Debug)]
pub struct OutputFolder {
    _lock: FolderLock,
}

impl OutputFolder {
    /// Takes the folder, and makes it where it isn't there.
    ///
    /// # Errors
    /// Where another run has it, or the system refuses.
    pub fn take(path: &Path) -> Result<Self, TrainError> {
        fs::create_dir_all(path).map_err(TrainError::io("create", path))?;
        let lock = FolderLock::take(path).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => TrainError::InUse {
                path: path.to_owned(),
                holder: match FolderLock::holder(path) {
                    Some(process) => format!(" (process {process})"),
                    None => String::new(),
                },
            },
            _ => TrainError::io("write to", path)(error),
        })?;
        clean_up(path);
        Ok(Self { _lock: lock })
    }

    /// The same where the folder is there; `None` where it isn't.
    ///
    /// # Errors
    /// As [`OutputFolder::take`].
    pub fn take_existing(path: &Path) -> Result<Option<Self>, TrainError> {
        match fs::is_dir(path) {
            true => Self::take(path).map(Some),
            false => Ok(None),
        }
    }

    /// Takes the folder of a training, if [`check_output_dir`] allows it. It is checked again where it
    /// wasn't there before, since it may have come into being in between.
    ///
    /// # Errors
    /// As [`OutputFolder::take`] and [`check_output_dir`].
    pub(crate) fn take_checked(args: &TrainingArguments) -> Result<Self, TrainError> {
        let path = Path::new(&args.output_dir);
        let existing = Self::take_existing(path)?;
        check_output_dir(args)?;
        if let Some(folder) = existing {
            return Ok(folder);
        }
        let folder = Self::take(path)?;
        check_output_dir(args)?;
        Ok(folder)
    }
}

/// Puts folders right that a killed run left, before they are listed; not those in use.
pub fn recover(path: &Path) {
    if has_leftovers(path) {
        let _ = OutputFolder::take(path);
    }
}

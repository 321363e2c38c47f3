//! Writing so that nothing is lost: into a scratch folder, synced, then renamed into place.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tunesmith_platform::fs::{self, File, OpenOptions};
use tunesmith_platform::process_id;

use crate::TrainError;

/// What the name of every scratch folder begins with.
const SCRATCH: &str = ".tmp-";

/// Reads a JSON file of this crate.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, TrainError> {
    let text = fs::read_to_string(path).map_err(TrainError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| TrainError::Json {
        path: path.to_owned(),
        message: error.to_string(),
    })
}

/// Writes a JSON file as Python's `json.dumps(value, indent=2)` lays it out.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), TrainError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| TrainError::Json {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    text.push('\n');
    fs::write(path, text).map_err(TrainError::io("write", path))
}

/// A folder that takes a name only when all in it is on the disk, and is removed otherwise.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A scratch folder beside its later place `parent/name`.
    pub(crate) fn create(parent: &Path, name: &str) -> Result<Self, TrainError> {
        let path = parent.join(format!("{SCRATCH}{name}-{}", process_id()));
        fs::create_dir_all(&path).map_err(TrainError::io("create", &path))?;
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the folder in place of `target`, which is removed only after that.
    pub(crate) fn rename_to(self, target: &Path) -> Result<(), TrainError> {
        self.sync()?;
        let mut former = None;
        if fs::exists(target) {
            let aside = self.path.with_extension("former");
            fs::rename(target, &aside).map_err(TrainError::io("move", target))?;
            former = Some(aside);
        }
        fs::rename(&self.path, target).map_err(TrainError::io("write", target))?;
        if let Some(parent) = target.parent() {
            sync_folder(parent)?;
        }
        match former {
            Some(former) => fs::remove_dir_all(&former).map_err(TrainError::io("remove", &former)),
            None => Ok(()),
        }
    }

    /// Moves the files into `folder`, each replacing the one of its name.
    pub(crate) fn move_into(self, folder: &Path) -> Result<(), TrainError> {
        self.sync()?;
        for path in self.files()? {
            let Some(name) = path.file_name() else {
                continue;
            };
            let target = folder.join(name);
            fs::rename(&path, &target).map_err(TrainError::io("write", &target))?;
        }
        sync_folder(folder)
    }

    fn files(&self) -> Result<Vec<PathBuf>, TrainError> {
        let entries = fs::read_dir(&self.path).map_err(TrainError::io("read", &self.path))?;
        Ok(entries.flatten().map(|entry| entry.path()).collect())
    }

    fn sync(&self) -> Result<(), TrainError> {
        for path in self.files()? {
            let file = OpenOptions::new().append(true).open(&path);
            file.and_then(|file| file.sync_all())
                .map_err(TrainError::io("write", &path))?;
        }
        sync_folder(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Renamed, or of no use to anybody; a failure to remove it is not worth another error.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes the names in a folder durable; only Unix opens a folder for that.
fn sync_folder(path: &Path) -> Result<(), TrainError> {
    if cfg!(unix) {
        let folder = File::open(path);
        folder
            .and_then(|folder| folder.sync_all())
            .map_err(TrainError::io("write", path))?;
    }
    Ok(())
}

/// Removes scratch folders that a killed process left.
pub(crate) fn remove_leftovers(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if name
            .to_string_lossy()
            .starts_with(&format!("{SCRATCH}checkpoint-"))
        {
            // One that is in use elsewhere or can't be removed does no harm.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_there_whole_or_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("checkpoint-1");
        let scratch = Scratch::create(dir.path(), "checkpoint-1").unwrap();
        write_json(&scratch.path().join("a.json"), &1).unwrap();
        assert!(!target.exists());
        drop(scratch);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);

        for value in [1, 2] {
            let scratch = Scratch::create(dir.path(), "checkpoint-1").unwrap();
            write_json(&scratch.path().join("a.json"), &value).unwrap();
            scratch.rename_to(&target).unwrap();
            assert_eq!(read_json::<i32>(&target.join("a.json")).unwrap(), value);
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn leftovers_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        for name in [".tmp-checkpoint-5-1", ".tmp-mine", "checkpoint-5"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        remove_leftovers(dir.path());
        assert!(!dir.path().join(".tmp-checkpoint-5-1").exists());
        assert!(dir.path().join(".tmp-mine").exists());
        assert!(dir.path().join("checkpoint-5").exists());
    }
}

//! Writing so that nothing is lost: under a scratch name, synced, then renamed into place. What a run
//! that was killed leaves under such names is put right when the folder is next taken.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tunesmith_platform::fs::{self, File, OpenOptions};
use tunesmith_platform::process_id;

use crate::TrainError;

/// What the name of everything unfinished begins with; a name and the process's number follow.
const SCRATCH: &str = ".tmp-";
/// What the name of a folder ends with while another takes its place.
const FORMER: &str = ".former";

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
    let text = json_text(path, value)?;
    fs::write(path, text).map_err(TrainError::io("write", path))
}

/// The same for a file that may be there already: it is whole at any moment.
pub(crate) fn replace_json<T: Serialize>(path: &Path, value: &T) -> Result<(), TrainError> {
    replace_file(path, json_text(path, value)?.as_bytes())
}

fn json_text<T: Serialize>(path: &Path, value: &T) -> Result<String, TrainError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| TrainError::Json {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    text.push('\n');
    Ok(text)
}

/// Writes a file in place of what has that name: whoever looks, after a crash too, finds the one or
/// the other.
///
/// # Errors
/// Where it can't be written; the former one is still there then.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let folder = folder_of(path);
    let scratch = folder.join(format!("{SCRATCH}{name}-{}", process_id()));
    let written = File::create(&scratch)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&scratch, path));
    if let Err(error) = written {
        let _ = fs::remove_file(&scratch);
        return Err(TrainError::io("write", path)(error));
    }
    sync_folder(folder)
}

/// Gives a file that can't be used another name beside it, and gives that.
pub(crate) fn set_aside(path: &Path) -> Result<PathBuf, TrainError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut aside = path.with_file_name(format!("{name}.damaged"));
    let mut number = 1;
    while fs::exists(&aside) {
        number += 1;
        aside = path.with_file_name(format!("{name}.damaged-{number}"));
    }
    fs::rename(path, &aside).map_err(TrainError::io("move", path))?;
    Ok(aside)
}

/// Removes a folder in one go: it is whole, or it has no name that anyone would read it by. One that
/// is gone already is no error.
pub(crate) fn remove_folder(path: &Path) -> Result<(), TrainError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder_of(path).join(format!("{SCRATCH}{name}-{}", process_id()));
    let removed = fs::rename(path, &aside).and_then(|()| fs::remove_dir_all(&aside));
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(TrainError::io("remove", path)(error))
        }
        _ => Ok(()),
    }
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

    /// Puts the folder in place of `target`, which is removed only after that. Killed in between, the
    /// former one gets its name back from [`clean_up`].
    pub(crate) fn rename_to(self, target: &Path) -> Result<(), TrainError> {
        self.sync()?;
        let mut former = None;
        if fs::exists(target) {
            let mut aside = self.path.clone().into_os_string();
            aside.push(FORMER);
            let aside = PathBuf::from(aside);
            fs::rename(target, &aside).map_err(TrainError::io("move", target))?;
            former = Some(aside);
        }
        if let Err(error) = fs::rename(&self.path, target) {
            if let Some(former) = &former {
                let _ = fs::rename(former, target);
            }
            return Err(TrainError::io("write", target)(error));
        }
        sync_folder(folder_of(target))?;
        if let Some(former) = former {
            // Under a name that nothing is restored from, and removed with this scratch folder.
            let _ = fs::rename(&former, &self.path);
        }
        Ok(())
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

/// The folder that a file is in; of a bare name, the current one.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Whether anything in a folder waits for [`clean_up`].
pub(crate) fn has_leftovers(folder: &Path) -> bool {
    !leftovers(folder).is_empty()
}

/// Puts a folder right after a run in it was killed: a checkpoint that was about to be replaced gets
/// its name back where the new one didn't get it, and everything unfinished goes. Only for whoever has
/// the folder locked, since another run's unfinished work looks the same.
pub(crate) fn clean_up(folder: &Path) {
    for (path, stem, is_former) in leftovers(folder) {
        let target = folder.join(&stem);
        if is_former && !fs::exists(&target) && fs::rename(&path, &target).is_ok() {
            continue;
        }
        // One that can't be removed does no harm.
        let _ = match fs::is_dir(&path) {
            true => fs::remove_dir_all(&path),
            false => fs::remove_file(&path),
        };
    }
}

/// What has a scratch name of ours in a folder: its path, the name that it was to have or had, and
/// whether it had it.
fn leftovers(folder: &Path) -> Vec<(PathBuf, String, bool)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?.strip_prefix(SCRATCH)?;
        let former = name.strip_suffix(FORMER);
        let (stem, process) = former.unwrap_or(name).rsplit_once('-')?;
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let ours = matches!(stem, "model" | "card")
            || stem.strip_prefix("checkpoint-").is_some_and(digits)
            || [".json", ".txt"].iter().any(|end| stem.ends_with(end));
        (ours && digits(process)).then(|| (entry.path(), stem.to_owned(), former.is_some()))
    });
    names.collect()
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
        remove_folder(&target).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        // Somebody was quicker.
        remove_folder(&target).unwrap();
    }

    #[test]
    fn a_file_is_replaced_whole_or_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all_results.json");
        for value in [1, 2] {
            replace_json(&path, &value).unwrap();
            assert_eq!(read_json::<i32>(&path).unwrap(), value);
        }
        // Its scratch name is taken by a folder, so that it can't be written.
        let scratch = dir
            .path()
            .join(format!(".tmp-all_results.json-{}", process_id()));
        fs::create_dir(&scratch).unwrap();
        replace_json(&path, &3).unwrap_err();
        assert_eq!(read_json::<i32>(&path).unwrap(), 2);
        fs::remove_dir_all(&scratch).unwrap();
        assert_eq!(
            set_aside(&path).unwrap(),
            dir.path().join("all_results.json.damaged")
        );
        fs::write(&path, "{").unwrap();
        let second = set_aside(&path).unwrap();
        assert_eq!(second, dir.path().join("all_results.json.damaged-2"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[test]
    fn leftovers_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let folders = [".tmp-checkpoint-5-1", ".tmp-model-12", ".tmp-card-3"];
        let mine = [
            ".tmp-mine",
            ".tmp-mine-1",
            ".tmp-checkpoint-mine-1",
            "checkpoint-5",
        ];
        for name in folders.iter().chain(&mine) {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at(".tmp-all_results.json-1"), "{").unwrap();
        assert!(has_leftovers(dir.path()));
        clean_up(dir.path());
        assert!(!has_leftovers(dir.path()));
        let entries = fs::read_dir(dir.path()).unwrap();
        let mut left: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        let mut kept = mine;
        kept.sort_unstable();
        assert_eq!(left, kept);
    }

    /// Killed between the two renames of [`Scratch::rename_to`], and after the second.
    #[test]
    fn a_checkpoint_that_was_being_replaced_is_there_again() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (name, value) in [
            (".tmp-checkpoint-5-1.former", 1),
            (".tmp-checkpoint-5-1", 2),
            ("checkpoint-6", 4),
            (".tmp-checkpoint-6-1.former", 3),
        ] {
            fs::create_dir(at(name)).unwrap();
            write_json(&at(name).join("a.json"), &value).unwrap();
        }
        clean_up(dir.path());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(read_json::<i32>(&at("checkpoint-5/a.json")).unwrap(), 1);
        assert_eq!(read_json::<i32>(&at("checkpoint-6/a.json")).unwrap(), 4);
    }
}

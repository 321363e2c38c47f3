//! The folders of runs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::Local;

/// Where runs are kept.
pub fn runs(home: &Path) -> PathBuf {
    home.join("runs")
}

/// A new run's folder: `2026-01-31-174502-built-in-set`, so that names sort by time.
pub fn new_run(home: &Path, name: &str) -> PathBuf {
    let now = Local::now().format("%Y-%m-%d-%H%M%S");
    runs(home).join(format!("{now}-{name}"))
}

/// Deletes the folder of a run.
///
/// # Errors
/// Where it is none of the runs that are kept, or can't be deleted.
pub fn delete(home: &Path, folder: &Path) -> Result<()> {
    if folder.parent() != Some(runs(home).as_path()) {
        bail!(
            "{} is not among the runs that are kept here",
            folder.display()
        );
    }
    fs::remove_dir_all(folder).with_context(|| format!("can't delete {}", folder.display()))
}

/// Copies a model's files, without its checkpoints, into a new folder of the same name.
///
/// # Errors
/// Where the folder is there already, or a file can't be read or written.
pub fn export(model: &Path, into: &Path) -> Result<PathBuf> {
    let name = model
        .file_name()
        .context("the model has no folder of its own")?;
    let target = into.join(name);
    if target.exists() {
        bail!("{} is there already: pick another folder", target.display());
    }
    // Under another name until it is whole.
    let part = into.join(format!(".{}.part", name.to_string_lossy()));
    let copy = || -> Result<()> {
        fs::create_dir_all(&part)?;
        for entry in fs::read_dir(model)? {
            let path = entry?.path();
            if let Some(name) = path.file_name().filter(|_| path.is_file()) {
                fs::copy(&path, part.join(name))?;
            }
        }
        Ok(fs::rename(&part, &target)?)
    };
    if let Err(error) = copy() {
        // What is left of a copy that failed is worth nothing.
        let _ = fs::remove_dir_all(&part);
        return Err(error)
            .with_context(|| format!("can't copy {} to {}", model.display(), target.display()));
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_copy_is_whole_or_not_there_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let model = dir.path().join("model");
        fs::create_dir_all(model.join("checkpoint-3")).unwrap();
        fs::write(model.join("config.json"), "{}").unwrap();
        let into = dir.path().join("into");
        fs::create_dir(&into).unwrap();
        let target = export(&model, &into).unwrap();
        assert_eq!(
            fs::read_to_string(target.join("config.json")).unwrap(),
            "{}"
        );
        assert!(!target.join("checkpoint-3").exists());
        let again = export(&model, &into).unwrap_err();
        assert!(again.to_string().contains("there already"), "{again}");
        let none = export(&dir.path().join("none"), &into).unwrap_err();
        assert!(none.to_string().contains("can't copy"), "{none}");
        assert_eq!(fs::read_dir(&into).unwrap().count(), 1);
    }

    #[test]
    fn only_runs_are_deleted() {
        let dir = tempfile::tempdir().unwrap();
        let run = new_run(dir.path(), "built-in-set");
        fs::create_dir_all(run.join("checkpoint-1")).unwrap();
        assert!(delete(dir.path(), dir.path()).is_err());
        assert!(delete(dir.path(), &run.join("checkpoint-1")).is_err());
        delete(dir.path(), &run).unwrap();
        assert!(!run.exists());
    }
}

//! Files that are made from other files: which are older, and copies.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};

/// Whether a file is missing, or older than one of those that it is made from.
pub fn is_older(made: &Path, from: &[PathBuf]) -> bool {
    modified(made).is_none_or(|made| from.iter().any(|one| modified(one) > Some(made)))
}

/// When a file was last changed; `None` where it is missing.
pub fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// All files below a folder, or the file itself, by path.
///
/// # Errors
/// When a folder can't be listed.
pub fn below(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| format!("can't list {}", path.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        found.extend(below(&path)?);
    }
    Ok(found)
}

/// Copies a file, and makes the folder it goes to.
///
/// # Errors
/// When it can't be read or written.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    }
    fs::copy(from, to)
        .with_context(|| format!("can't copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::fs::File;
    use std::time::Duration;

    #[test]
    fn what_is_missing_or_older_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join("a").join(name);
        let (made, from) = (path("made"), path("from"));
        fs::create_dir_all(path("")).unwrap();
        fs::write(&from, "x").unwrap();
        assert!(is_older(&made, std::slice::from_ref(&from)), "missing");
        fs::write(&made, "x").unwrap();
        let age = |path: &Path, seconds| {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            File::options()
                .write(true)
                .open(path)
                .unwrap()
                .set_modified(time)
                .unwrap();
        };
        age(&made, 20);
        age(&from, 10);
        assert!(!is_older(&made, std::slice::from_ref(&from)));
        age(&from, 30);
        assert!(is_older(&made, &[made.clone(), from.clone()]));
        assert_eq!(below(folder.path()).unwrap(), [from, made]);
    }
}

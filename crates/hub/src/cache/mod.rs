//! The cache folder of one repository, as Python's `huggingface_hub` lays it out:
//!
//! ```text
//! <cache>/datasets--owner--name/blobs/<etag>                      the bytes, once
//!                               blobs/<etag>.incomplete           a download to be resumed
//!                               refs/<revision>                   holds a commit
//!                               snapshots/<commit>/<path>         relative link to a blob
//!                               trees/<commit>.json               Python's list of a commit's files
//!                               .tree/<commit>.json               ours
//! <cache>/.locks/datasets--owner--name/<etag>.lock                one download at a time
//! ```
//!
//! A commit never changes, so its list of files is kept: offline, it tells a file that the commit
//! lacks from one that was not downloaded. Python's list is read but not written: its format is
//! Python's to change.
//!
//! In a browser there are no links, and nobody to share with: a blob that is whole becomes the file
//! of the snapshot itself.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tunesmith_platform::fs;

use crate::error::HubError;
use crate::hub::{RepoFile, RepoKind, is_commit};
use crate::net::sleep;

#[cfg(not(target_arch = "wasm32"))]
use native::{Lock, symlink};
#[cfg(target_arch = "wasm32")]
use web::{Lock, symlink};

/// How often a process looks whether another's download has ended.
const LOCK_POLL: Duration = Duration::from_millis(50);

pub(crate) struct RepoCache {
    root: PathBuf,
    locks: PathBuf,
}

impl RepoCache {
    /// The folder of `repo`, which may not exist yet.
    pub fn new(cache: &Path, kind: RepoKind, repo: &str) -> Self {
        let name = format!("{}--{}", kind.plural(), repo.replace('/', "--"));
        Self {
            root: cache.join(&name),
            locks: cache.join(".locks").join(name),
        }
    }

    /// The repository, and the commit, of a snapshot's folder; `None` for any other folder.
    pub fn of_snapshot(folder: &Path) -> Option<(Self, String)> {
        let commit = folder.file_name()?.to_str()?;
        let snapshots = folder.parent()?;
        let root = snapshots.parent()?;
        let name = root.file_name()?.to_str()?;
        let is_repo = ["models--", "datasets--"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        let is_snapshot = snapshots.file_name()? == "snapshots" && is_commit(commit) && is_repo;
        let repo = Self {
            root: root.to_owned(),
            locks: root.parent()?.join(".locks").join(name),
        };
        is_snapshot.then(|| (repo, commit.to_owned()))
    }

    pub fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    /// The folder that mirrors the repository at `commit`.
    pub fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// The commit that `revision` was at when it was last asked for.
    pub fn read_ref(&self, revision: &str) -> Option<String> {
        let commit = fs::read_to_string(self.root.join("refs").join(revision)).ok()?;
        Some(commit.trim().to_owned()).filter(|commit| !commit.is_empty())
    }

    pub fn write_ref(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        self.write(&self.root.join("refs").join(revision), commit.as_bytes())
    }

    /// The files of `commit` as the server listed them, to us or to Python.
    pub fn read_tree(&self, commit: &str) -> Option<Vec<RepoFile>> {
        let ours = fs::read(self.tree(commit)).ok();
        ours.and_then(|text| serde_json::from_slice(&text).ok())
            .or_else(|| self.read_pythons_tree(commit))
    }

    fn read_pythons_tree(&self, commit: &str) -> Option<Vec<RepoFile>> {
        #[derive(Deserialize)]
        struct Tree {
            format_version: u32,
            files: BTreeMap<String, Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            size: u64,
        }
        let path = self.root.join("trees").join(format!("{commit}.json"));
        let tree: Tree = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let files = tree.files.into_iter();
        (tree.format_version == 1).then(|| {
            files
                .map(|(path, Entry { size })| RepoFile {
                    path,
                    size,
                    etag: None,
                })
                .collect()
        })
    }

    pub fn write_tree(&self, commit: &str, files: &[RepoFile]) -> Result<(), HubError> {
        let path = self.tree(commit);
        let text = serde_json::to_vec(files)
            .map_err(|error| HubError::io("write", &path, None, error.into()))?;
        self.write(&path, &text)
    }

    fn tree(&self, commit: &str) -> PathBuf {
        self.root.join(".tree").join(format!("{commit}.json"))
    }

    /// The commits that there are snapshots of, in no order.
    pub fn commits(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.root.join("snapshots")) else {
            return Vec::new();
        };
        let names = entries.flatten().map(|entry| entry.file_name());
        names
            .filter_map(|name| name.into_string().ok())
            .filter(|name| is_commit(name))
            .collect()
    }

    /// The files of `commit` that are on disk, sorted by path; `None` where there is no snapshot.
    pub fn downloaded(&self, commit: &str) -> Option<Vec<RepoFile>> {
        let snapshot = self.snapshot(commit);
        let mut files = Vec::new();
        let mut folders = vec![snapshot.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).ok()?.flatten() {
                let path = entry.path();
                // Follows the link: one whose blob was deleted does not count.
                let Ok(metadata) = fs::metadata(&path) else {
                    continue;
                };
                if metadata.is_dir() {
                    folders.push(path);
                } else if let Ok(relative) = path.strip_prefix(&snapshot) {
                    files.push(RepoFile {
                        path: relative.to_string_lossy().replace('\\', "/"),
                        size: metadata.len(),
                        etag: None,
                    });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Some(files)
    }

    /// Waits until nobody else downloads this blob, Python included. `waiting` is told the bytes
    /// that the other one has so far.
    pub async fn lock(&self, etag: &str, mut waiting: impl FnMut(u64)) -> Result<Lock, HubError> {
        let path = self.locks.join(format!("{etag}.lock"));
        create_parent(&path)?;
        loop {
            let lock = Lock::take(&path);
            if let Some(lock) = lock.map_err(|error| HubError::io("lock", &path, None, error))? {
                return Ok(lock);
            }
            if let Ok(other) = fs::metadata(incomplete(&self.blob(etag))) {
                waiting(other.len());
            }
            sleep(LOCK_POLL).await;
        }
    }

    /// Gives the blob the name `path` of `commit`, in place of whatever is there.
    pub fn link(&self, commit: &str, path: &str, etag: &str) -> Result<(), HubError> {
        let pointer = self.snapshot(commit).join(path);
        let up = "../".repeat(path.split('/').count() + 1);
        let target = PathBuf::from(format!("{up}blobs/{etag}"));
        let failed = |error| HubError::io("create", &pointer, None, error);
        create_parent(&pointer)?;
        let scratch = self.scratch();
        symlink(&target, &self.blob(etag), &scratch).map_err(failed)?;
        fs::rename(&scratch, &pointer).map_err(failed)
    }

    /// Whole or not at all, whoever else writes.
    fn write(&self, path: &Path, text: &[u8]) -> Result<(), HubError> {
        let failed = |error| HubError::io("write", path, Some(text.len() as u64), error);
        create_parent(path)?;
        let scratch = self.scratch();
        fs::write(&scratch, text).map_err(failed)?;
        fs::rename(&scratch, path).map_err(failed)
    }

    /// A name that no other thread or process uses, outside the folders that Python scans.
    fn scratch(&self) -> PathBuf {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        self.root
            .join(format!(".{}-{count}.tmp", tunesmith_platform::process_id()))
    }
}

/// Where a download grows until it is whole.
pub(crate) fn incomplete(blob: &Path) -> PathBuf {
    let mut name = blob.as_os_str().to_owned();
    name.push(".incomplete");
    PathBuf::from(name)
}

pub(crate) fn create_parent(path: &Path) -> Result<(), HubError> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(parent).map_err(|error| HubError::io("create", parent, None, error))
}

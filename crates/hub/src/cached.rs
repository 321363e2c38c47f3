//! What the shared cache holds that can be used without the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tunesmith_platform::fs;

use crate::cache::RepoCache;
use crate::dataset;
use crate::hub::{RepoFile, RepoKind, check_repo};
use crate::model;

/// A repository in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedRepo {
    /// Model or dataset.
    pub kind: RepoKind,
    /// `owner/name`, or `name`.
    pub id: String,
    /// Bytes on disk of all its snapshots' files; what several of them share counts once.
    pub bytes: u64,
}

/// The repositories of a kind in the folder `cache`, in the order of their ids, that have a complete
/// snapshot: of a model, one with the configuration and the weights of a BERT; of a dataset,
/// one with all parquet files of some configuration. Whatever cannot be read is passed over. Nothing
/// is sent, but each file is looked at, which takes its time in a large cache.
pub fn cached_repos(cache: &Path, kind: RepoKind) -> Vec<CachedRepo> {
    let Ok(entries) = fs::read_dir(cache) else {
        return Vec::new();
    };
    let prefix = format!("{}--", kind.plural());
    let ids = entries.flatten().filter_map(|entry| {
        let name = entry.file_name();
        Some(name.to_str()?.strip_prefix(&prefix)?.replace("--", "/"))
    });
    let mut repos: Vec<CachedRepo> = ids
        .filter(|id| check_repo(id).is_ok())
        .filter_map(|id| {
            let bytes = usable_bytes(&RepoCache::new(cache, kind, &id), kind)?;
            Some(CachedRepo { kind, id, bytes })
        })
        .collect();
    repos.sort_by(|a, b| a.id.cmp(&b.id));
    repos
}

/// The bytes of a repository's snapshots; `None` where none of them is complete.
fn usable_bytes(repo: &RepoCache, kind: RepoKind) -> Option<u64> {
    let mut complete = false;
    // By the blob that a snapshot's link leads to.
    let mut blobs: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for commit in repo.commits() {
        let Some(files) = repo.downloaded(&commit) else {
            continue;
        };
        let snapshot = repo.snapshot(&commit);
        complete |= match kind {
            RepoKind::Model => model::is_complete(&snapshot, &files),
            RepoKind::Dataset => dataset::is_complete(repo.read_tree(&commit).as_deref(), &files),
        };
        for RepoFile { path, size, .. } in files {
            if let Ok(blob) = fs::canonicalize(snapshot.join(path)) {
                blobs.insert(blob, size);
            }
        }
    }
    complete.then(|| blobs.into_values().sum())
}

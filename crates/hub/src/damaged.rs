//! What a reader couldn't make sense of may be the file's fault or the copy's.

use std::path::{Path, PathBuf};

use tunesmith_platform::fs;

use crate::cache::RepoCache;
use crate::hub::RepoFile;
use crate::integrity::{Look, is_sound};

/// Compares every file of a snapshot with its recorded size and hash, after something in it could not be
/// read, and removes from the cache those that are damaged: the next use downloads them again. Gives the
/// paths that it removed. A folder that is no snapshot of the cache is left alone. Hashing takes about a
/// second for 500 MB.
pub fn drop_damaged(folder: &Path) -> Vec<PathBuf> {
    let Some((cache, commit)) = RepoCache::of_snapshot(folder) else {
        return Vec::new();
    };
    let listed = cache.read_tree(&commit).unwrap_or_default();
    let files = cache.downloaded(&commit).unwrap_or_default();
    let damaged = files.into_iter().filter_map(|RepoFile { path, .. }| {
        let listed = listed.iter().find(|file| file.path == path);
        let pointer = folder.join(path);
        let damaged = !is_sound(&pointer, listed, Look::Close) && remove(&pointer);
        damaged.then_some(pointer)
    });
    damaged.collect()
}

/// The name, and the blob that it leads to.
fn remove(pointer: &Path) -> bool {
    let blob = fs::canonicalize(pointer);
    let removed = fs::remove_file(pointer).is_ok();
    if let Ok(blob) = blob
        && blob != pointer
    {
        // Where it can't be removed, the next download finds it damaged and says so.
        let _ = fs::remove_file(&blob);
    }
    removed
}

//! A dataset by its id, from the Hub's cache. The client itself is tested where it lives.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;

use sha2::{Digest, Sha256};
use tunesmith_data::{LoadDataset, load_dataset};

/// One test alone in its process: it sets variables of the environment.
#[test]
fn a_dataset_in_the_hubs_cache_is_loaded_by_its_id() {
    let cache = tempfile::tempdir().unwrap();
    // SAFETY: no other thread of this process reads the environment yet.
    unsafe {
        std::env::set_var("HF_HUB_CACHE", cache.path());
        std::env::set_var("HF_HUB_OFFLINE", "1");
    }
    let message = load_dataset("glue", Some("mrpc"))
        .err()
        .unwrap()
        .to_string();
    assert!(message.contains("HF_HUB_OFFLINE"), "{message}");

    let commit = "0123456789abcdef0123456789abcdef01234567";
    let repo = cache.path().join("datasets--nyu-mll--glue");
    let snapshot = repo.join("snapshots").join(commit).join("mrpc");
    std::fs::create_dir_all(&snapshot).unwrap();
    std::fs::create_dir_all(repo.join("refs")).unwrap();
    std::fs::write(repo.join("refs/main"), commit).unwrap();
    for split in ["train", "validation", "test"] {
        let name = format!("{split}-00000-of-00001.parquet");
        std::fs::copy(
            common::paraphrase_folder().join("mrpc_like").join(&name),
            snapshot.join(&name),
        )
        .unwrap();
    }
    for id in ["glue", "nyu-mll/glue"] {
        let loaded = LoadDataset::new(id).config("mrpc").load().unwrap();
        assert_eq!(loaded.to_string(), common::paraphrase().to_string());
    }

    // A copy that can't be read any more makes room for a new one; the others stay.
    let name = "validation-00000-of-00001.parquet";
    let mut bytes = std::fs::read(snapshot.join(name)).unwrap();
    let hash = Sha256::digest(&bytes);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let blob = repo.join("blobs").join(hash);
    std::fs::create_dir_all(repo.join("blobs")).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    std::fs::write(&blob, &bytes).unwrap();
    std::fs::remove_file(snapshot.join(name)).unwrap();
    symlink(&blob, &snapshot.join(name));
    let load = || LoadDataset::new("glue").config("mrpc").load();
    let message = load().err().unwrap().to_string();
    assert!(message.contains(name), "{message}");
    assert!(!snapshot.join(name).exists() && !blob.exists());
    for name in ["train", "test"] {
        assert!(
            snapshot
                .join(format!("{name}-00000-of-00001.parquet"))
                .exists()
        );
    }
}

#[cfg(unix)]
fn symlink(original: &Path, link: &Path) {
    std::os::unix::fs::symlink(original, link).unwrap();
}

#[cfg(windows)]
fn symlink(original: &Path, link: &Path) {
    std::os::windows::fs::symlink_file(original, link).unwrap();
}

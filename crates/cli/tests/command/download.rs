//! `tunesmith download` from a cache that has it all, since a test has no hub.

use std::fs;
use std::path::Path;

use crate::support::{Scratch, contains};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A file of a snapshot in the cache, as Python's library lays it out.
fn keep(cache: &Path, repo: &str, path: &str, bytes: &str) {
    let root = cache.join("hub").join(repo);
    let snapshot = root.join("snapshots").join(COMMIT).join(path);
    for folder in [root.join("refs").as_path(), snapshot.parent().unwrap()] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(root.join("refs/main"), COMMIT).unwrap();
    fs::write(snapshot, bytes).unwrap();
}

#[test]
fn a_data_set_is_copied_with_all_its_files() {
    let scratch = Scratch::new();
    let cache = scratch.path("cache");
    let repo = "datasets--owner--set";
    keep(&cache, repo, "README.md", "card");
    keep(&cache, repo, "data/train-00000-of-00001.parquet", "rows");
    keep(
        &cache,
        repo,
        "data/test-00000-of-00001.parquet",
        "more rows",
    );
    let ran = scratch.run("download owner/set --dataset --output out");
    assert_eq!(ran.ok().trim(), "out");
    for (name, bytes) in [
        ("README.md", "card"),
        ("data/train-00000-of-00001.parquet", "rows"),
        ("data/test-00000-of-00001.parquet", "more rows"),
    ] {
        let copied = fs::read_to_string(scratch.path("out").join(name)).unwrap();
        assert_eq!(copied, bytes, "{name}");
        // The cache keeps its own.
        let kept = cache.join("hub").join(repo).join("snapshots").join(COMMIT);
        assert_eq!(fs::read_to_string(kept.join(name)).unwrap(), bytes);
    }
}

#[test]
fn what_is_not_there_offline_has_an_exit_code_of_its_own() {
    let scratch = Scratch::new();
    let ran = scratch.run("download owner/nothing");
    assert_eq!(ran.code, Some(3), "{ran:#?}");
    contains(&ran.stderr, &["owner/nothing", "HF_HUB_OFFLINE is set"]);
}

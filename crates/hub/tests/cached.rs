//! The list of what the shared cache holds: whole repositories with their sizes, and among them what
//! a crash, a cut download, another program or a person may have left there.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use support::{COMMIT, CONVERTED, FakeHub, Fault, noise};
use tunesmith_hub::{CachedRepo, Download, RepoKind, cached_repos};

const BERT: &[u8] = br#"{"model_type": "bert", "hidden_size": 8}"#;

fn quiet(_: Download) {}

fn model(id: &str, bytes: usize) -> CachedRepo {
    CachedRepo {
        kind: RepoKind::Model,
        id: id.to_owned(),
        bytes: bytes as u64,
    }
}

/// A repository of a cache that Python wrote, which keeps no list of a commit's files by itself.
struct Folder(PathBuf);

impl Folder {
    fn new(cache: &Path, name: &str) -> Self {
        Self(cache.join(name))
    }

    /// A file of a snapshot, as a link to its blob.
    fn file(&self, commit: &str, path: &str, etag: &str, bytes: &[u8]) -> &Self {
        fs::create_dir_all(self.0.join("blobs")).unwrap();
        fs::write(self.0.join("blobs").join(etag), bytes).unwrap();
        self.link(commit, path, etag)
    }

    fn link(&self, commit: &str, path: &str, etag: &str) -> &Self {
        let link = self.0.join("snapshots").join(commit).join(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        let up = "../".repeat(path.split('/').count() + 1);
        symlink(format!("{up}blobs/{etag}"), link).unwrap();
        self
    }

    fn model(&self, config: &[u8]) -> &Self {
        self.file(COMMIT, "config.json", "c0", config);
        self.file(COMMIT, "model.safetensors", "d0", &[0; 100])
    }
}

#[test]
fn a_checkpoint_is_named_or_a_folder() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add("models/owner/tiny", "config.json", BERT);
    server.add_large("models/owner/tiny", "model.safetensors", &noise(300));
    let hub = server.hub(cache.path());
    let fetched = hub.checkpoint_folder("owner/tiny", &mut quiet).unwrap();
    assert_eq!(std::fs::read(fetched.join("config.json")).unwrap(), BERT);
    // Nothing is asked of a folder.
    let asked = server.requests().len();
    let folder = fetched.to_str().unwrap();
    assert_eq!(hub.checkpoint_folder(folder, &mut quiet).unwrap(), fetched);
    assert_eq!(server.requests().len(), asked);
    let message = hub.checkpoint_folder("owner/none", &mut quiet).unwrap_err();
    assert!(message.to_string().contains("owner/none"), "{message}");
}

#[test]
fn what_was_fetched_is_listed_with_its_size() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let weights = noise(300_000);
    server.add("models/owner/tiny", "config.json", BERT);
    server.add_large("models/owner/tiny", "model.safetensors", &weights);
    let table = "mrpc/train-00000-of-00001.parquet";
    server.add_large("datasets/nyu-mll/glue", table, b"mrpc");
    let table = "cola/train-00000-of-00001.parquet";
    server.add_large("datasets/nyu-mll/glue", table, b"not fetched");

    let hub = server.hub(cache.path());
    hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    hub.dataset_snapshot("glue", Some("mrpc"), None, &mut quiet)
        .unwrap();
    let asked = server.requests().len();
    assert_eq!(
        cached_repos(cache.path(), RepoKind::Model),
        [model("owner/tiny", BERT.len() + 300_000)]
    );
    assert_eq!(
        cached_repos(cache.path(), RepoKind::Dataset),
        [CachedRepo {
            kind: RepoKind::Dataset,
            id: "nyu-mll/glue".to_owned(),
            bytes: 4
        }]
    );
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn a_download_that_was_cut_is_not_listed() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add("models/owner/tiny", "config.json", BERT);
    server.add_large("models/owner/tiny", "model.safetensors", &noise(300_000));
    for split in ["train", "test"] {
        let table = format!("mrpc/{split}-00000-of-00001.parquet");
        server.add_large("datasets/nyu-mll/glue", &table, split.as_bytes());
    }
    let refused = Fault::Status(500, vec![]);
    server.plan("HEAD", "mrpc/test", 99, refused.clone());
    server.plan("HEAD", "model.safetensors", 99, refused);

    let hub = server.hub(cache.path());
    hub.model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err();
    hub.dataset_snapshot("glue", Some("mrpc"), None, &mut quiet)
        .unwrap_err();
    let root = cache.path().join("datasets--nyu-mll--glue/snapshots");
    assert!(
        root.join(COMMIT)
            .join("mrpc/train-00000-of-00001.parquet")
            .exists()
    );
    assert_eq!(cached_repos(cache.path(), RepoKind::Model), []);
    assert_eq!(cached_repos(cache.path(), RepoKind::Dataset), []);
}

#[test]
fn a_blob_counts_once_and_only_where_a_snapshot_has_it() {
    let cache = tempfile::tempdir().unwrap();
    let folder = Folder::new(cache.path(), "models--owner--tiny");
    folder
        .model(BERT)
        .link(COMMIT, "onnx/model.safetensors", "d0")
        .link(CONVERTED, "model.safetensors", "d0")
        .file(CONVERTED, "README.md", "e0", b"nine more");
    fs::write(folder.0.join("blobs/f0"), [0; 1000]).unwrap();
    fs::write(folder.0.join("blobs/f1.incomplete"), [0; 1000]).unwrap();
    assert_eq!(
        cached_repos(cache.path(), RepoKind::Model),
        [model("owner/tiny", BERT.len() + 100 + 9)]
    );
}

#[test]
fn files_that_are_no_links_count_too() {
    // As both libraries write them on Windows.
    let cache = tempfile::tempdir().unwrap();
    let snapshot = cache.path().join("models--tiny/snapshots").join(COMMIT);
    fs::create_dir_all(&snapshot).unwrap();
    fs::write(snapshot.join("config.json"), BERT).unwrap();
    fs::write(snapshot.join("model.safetensors"), [0; 10]).unwrap();
    assert_eq!(
        cached_repos(cache.path(), RepoKind::Model),
        [model("tiny", BERT.len() + 10)]
    );
}

#[test]
fn ids_are_in_order_and_kinds_apart() {
    let cache = tempfile::tempdir().unwrap();
    for name in ["models--b--x", "models--a--z", "models--a--b-c.d_e"] {
        Folder::new(cache.path(), name).model(BERT);
    }
    Folder::new(cache.path(), "datasets--a--x").file(COMMIT, "train.parquet", "c0", b"1");
    let ids = |kind| {
        let repos = cached_repos(cache.path(), kind).into_iter();
        repos.map(|repo| repo.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(RepoKind::Model), ["a/b-c.d_e", "a/z", "b/x"]);
    assert_eq!(ids(RepoKind::Dataset), ["a/x"]);
}

#[test]
fn broken_entries_are_passed_over() {
    let cache = tempfile::tempdir().unwrap();
    let root = cache.path();
    let folder = |name: &str| Folder::new(root, name);
    folder("models--whole--one").model(BERT);
    // Not the cache's.
    fs::write(root.join("version.txt"), "1").unwrap();
    fs::write(root.join("models--a--file"), "").unwrap();
    fs::create_dir_all(root.join(".locks/models--whole--one")).unwrap();
    symlink("nowhere", root.join("models--a--dangling")).unwrap();
    folder("spaces--a--app").model(BERT);
    // Names that are no ids.
    for name in [
        "models--",
        "models--..--x",
        "models--a--b--c",
        "models-- --x",
    ] {
        folder(name).model(BERT);
    }
    // No snapshot, or none of a commit.
    fs::create_dir_all(root.join("models--a--no-snapshots/blobs")).unwrap();
    fs::create_dir_all(root.join("models--a--no-commit/snapshots")).unwrap();
    fs::create_dir_all(root.join("models--a--empty/snapshots").join(COMMIT)).unwrap();
    fs::create_dir_all(root.join("models--a--plain")).unwrap();
    fs::write(root.join("models--a--plain/snapshots"), "").unwrap();
    folder("models--a--branch").file("main", "config.json", "c0", BERT);
    folder("models--a--branch").file("main", "model.safetensors", "d0", b"1");
    // No weights, or their blob was deleted; no configuration, or not one that can be used.
    folder("models--a--no-weights").file(COMMIT, "config.json", "c0", BERT);
    folder("models--a--deleted").model(BERT);
    fs::remove_file(root.join("models--a--deleted/blobs/d0")).unwrap();
    folder("models--a--no-config").file(COMMIT, "model.safetensors", "d0", b"1");
    folder("models--a--torn").model(b"{\"model_type\": \"be");
    folder("models--a--untyped").model(b"{}");
    folder("models--a--gpt2").model(br#"{"model_type": "gpt2"}"#);
    // The two halves in two commits.
    folder("models--a--halves")
        .file(COMMIT, "config.json", "c0", BERT)
        .file(CONVERTED, "model.safetensors", "d0", b"1");
    assert_eq!(
        cached_repos(root, RepoKind::Model),
        [model("whole/one", BERT.len() + 100)]
    );

    // No parquet, a part missing by the numbers, a list that is torn and a blob that was deleted.
    folder("datasets--a--csv").file(COMMIT, "train.csv", "c0", b"a,b");
    let first = "data/train-00000-of-00002.parquet";
    folder("datasets--a--part").file(COMMIT, first, "c0", b"1");
    folder("datasets--a--deleted").link(COMMIT, "train.parquet", "c0");
    assert_eq!(cached_repos(root, RepoKind::Dataset), []);
    let part = folder("datasets--a--part");
    part.file(COMMIT, "data/train-00001-of-00002.parquet", "c1", b"2");
    fs::create_dir_all(part.0.join(".tree")).unwrap();
    fs::write(part.0.join(".tree").join(format!("{COMMIT}.json")), "[{").unwrap();
    let found = cached_repos(root, RepoKind::Dataset);
    assert_eq!((found[0].id.as_str(), found[0].bytes), ("a/part", 2));
    assert_eq!(found.len(), 1);
}

#[test]
fn without_a_cache_there_is_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let none = cache.path().join("none");
    assert_eq!(cached_repos(&none, RepoKind::Model), []);
    fs::write(&none, "a file").unwrap();
    assert_eq!(cached_repos(&none, RepoKind::Model), []);
}

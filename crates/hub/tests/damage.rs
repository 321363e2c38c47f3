//! Files that are not the ones the repository records: short, altered, or broken in the cache.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{COMMIT, FakeHub, Fault, git_id, noise, sha256};
use tempfile::TempDir;
use tunesmith_hub::{Commit, Download, HubError, RepoKind, drop_damaged};

const MODEL: &str = "models/owner/tiny";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";

fn quiet(_: Download) {}

/// A model whose configuration has 444 bytes.
fn start() -> (FakeHub, TempDir, Vec<u8>) {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let config = noise(444);
    server.add(MODEL, CONFIG, &config);
    server.add_large(MODEL, WEIGHTS, &noise(50_000));
    (server, cache, config)
}

fn blob(cache: &Path, etag: &str) -> PathBuf {
    cache.join("models--owner--tiny/blobs").join(etag)
}

#[test]
fn a_short_file_is_refused_and_the_next_run_has_it_whole() {
    let (server, cache, config) = start();
    let hub = server.hub(cache.path());
    // As a proxy with a damaged copy does: it is consistent.
    for method in ["HEAD", "GET"] {
        server.plan(method, CONFIG, 9, Fault::Shorten(100));
    }
    let error = hub
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err();
    assert!(
        error.to_string().contains("cut at 100 of 444 bytes")
            || error.to_string().contains("cut at 0 of 444 bytes"),
        "{error}"
    );
    assert!(!blob(cache.path(), &git_id(&config)).exists());

    let again = FakeHub::start();
    again.add(MODEL, CONFIG, &config);
    again.add_large(MODEL, WEIGHTS, &noise(50_000));
    let files = again
        .hub(cache.path())
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap();
    assert_eq!(fs::read(files.root.join(CONFIG)).unwrap(), config);
}

#[test]
fn without_a_list_the_name_of_a_small_file_tells() {
    let (server, cache, config) = start();
    let commit = Commit {
        sha: COMMIT.to_owned(),
        revision: "main".to_owned(),
        from_cache: false,
    };
    let hub = server.hub(cache.path());
    let fetch = || hub.file(RepoKind::Model, "owner/tiny", &commit, CONFIG, &mut quiet);
    server.plan("GET", CONFIG, 1, Fault::Damage);
    let error = fetch().unwrap_err();
    let HubError::HashMismatch {
        algorithm,
        expected,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(*algorithm, "git object id");
    assert_eq!(expected, &git_id(&config));
    assert_eq!(fs::read(fetch().unwrap()).unwrap(), config);
}

#[test]
fn a_broken_copy_in_the_cache_is_downloaded_again() {
    let (server, cache, config) = start();
    let hub = server.hub(cache.path());
    let first = hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    let weights = noise(50_000);
    let small = blob(cache.path(), &git_id(&config));
    let large = blob(cache.path(), &sha256(&weights));
    let asked = server.requests().len();

    // Shorter, and of the same size with other bytes.
    for broken in [&config[..100], &[0; 444]] {
        fs::write(&small, broken).unwrap();
        fs::write(&large, &weights[..40_000]).unwrap();

        let offline = server.offline(cache.path());
        let error = offline
            .model_snapshot("owner/tiny", None, &mut quiet)
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("an undamaged copy of config.json of model owner/tiny"),
            "{error}"
        );
        assert_eq!(fs::read(&small).unwrap(), broken, "offline nothing is lost");

        let healed = hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
        assert_eq!(healed, first);
        assert_eq!(fs::read(first.root.join(CONFIG)).unwrap(), config);
        assert_eq!(fs::read(first.root.join(WEIGHTS)).unwrap(), weights);
    }
    // What is sound is not asked for again.
    let healed = server.requests().len();
    assert!(healed > asked);
    hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    let more = &server.requests()[healed..];
    assert!(
        more.iter()
            .all(|request| request.path.contains("/revision/"))
    );
}

#[test]
fn out_of_reach_a_broken_copy_is_kept() {
    let (server, cache, config) = start();
    let hub = server.hub(cache.path());
    hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    let small = blob(cache.path(), &git_id(&config));
    fs::write(&small, "{").unwrap();
    server.plan("HEAD", CONFIG, 9, Fault::Status(503, vec![]));
    hub.model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap_err();
    assert_eq!(fs::read(&small).unwrap(), b"{");
}

#[test]
fn a_damaged_shard_of_a_data_set_is_downloaded_again() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let rows = noise(9000);
    server.add_large(
        "datasets/owner/set",
        "data/train-00000-of-00001.parquet",
        &rows,
    );
    let hub = server.hub(cache.path());
    let fetch = || {
        let files = hub.dataset_snapshot("owner/set", None, None, &mut quiet);
        files.unwrap().splits[0].files[0].clone()
    };
    let path = fetch();
    fs::write(fs::canonicalize(&path).unwrap(), &rows[..8000]).unwrap();
    assert_eq!(fs::read(fetch()).unwrap(), rows);
}

#[test]
fn after_a_failed_reading_damage_that_sizes_hide_is_dropped() {
    let (server, cache, config) = start();
    let hub = server.hub(cache.path());
    let files = hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    assert!(drop_damaged(&files.root).is_empty(), "all is well");

    let weights = noise(50_000);
    let large = blob(cache.path(), &sha256(&weights));
    let mut broken = weights.clone();
    broken[7] ^= 1;
    fs::write(&large, broken).unwrap();
    assert_eq!(drop_damaged(&files.root), [files.root.join(WEIGHTS)]);
    assert!(!large.exists());
    hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    assert_eq!(fs::read(files.root.join(WEIGHTS)).unwrap(), weights);
    assert_eq!(fs::read(files.root.join(CONFIG)).unwrap(), config);

    // A folder of one's own is nobody's to clean.
    let own = tempfile::tempdir().unwrap();
    fs::write(own.path().join(CONFIG), "{").unwrap();
    assert!(drop_damaged(own.path()).is_empty());
    assert!(own.path().join(CONFIG).exists());
}

//! Revisions, lists and files against a Hub on loopback: what is asked, what ends up in the
//! cache, and that Python's `huggingface_hub` would find it there.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::{COMMIT, CONVERTED, FakeHub, Fault, TOKEN, git_id, noise, sha256};
use tunesmith_hub::{Commit, Download, Hub, RepoKind};

const MODEL: &str = "models/owner/tiny";

fn quiet(_: Download) {}

fn pin(hub: &Hub) -> Commit {
    hub.resolve_commit(RepoKind::Model, "owner/tiny", None)
        .unwrap()
}

fn fetch(hub: &Hub, path: &str) -> PathBuf {
    hub.file(RepoKind::Model, "owner/tiny", &pin(hub), path, &mut quiet)
        .unwrap()
}

#[test]
fn a_revision_is_pinned_and_remembered() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add(MODEL, "config.json", b"{}");
    server.add_at(MODEL, "refs/pr/1", CONVERTED, "config.json", b"{ }", false);
    let hub = server.hub(cache.path());

    let main = pin(&hub);
    assert_eq!((main.sha.as_str(), main.from_cache), (COMMIT, false));
    let pr = hub
        .resolve_commit(RepoKind::Model, "owner/tiny", Some("refs/pr/1"))
        .unwrap();
    assert_eq!(pr.sha, CONVERTED);
    let log = server.requests();
    assert_eq!(log[0].path, "/api/models/owner/tiny/revision/main");
    assert_eq!(log[1].path, "/api/models/owner/tiny/revision/refs/pr/1");

    let refs = cache.path().join("models--owner--tiny/refs");
    assert_eq!(fs::read_to_string(refs.join("main")).unwrap(), COMMIT);
    assert_eq!(
        fs::read_to_string(refs.join("refs/pr/1")).unwrap(),
        CONVERTED
    );

    // A full commit needs no one to be asked.
    let asked = server.requests().len();
    let exact = hub
        .resolve_commit(RepoKind::Model, "owner/tiny", Some(COMMIT))
        .unwrap();
    assert_eq!(exact.sha, COMMIT);
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn the_list_follows_pages_and_is_asked_for_once() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    for path in [
        "README.md",
        "a/one.txt",
        "a/two.txt",
        "config.json",
        "z.txt",
    ] {
        server.add(MODEL, path, path.as_bytes());
    }
    server.page(2);
    let hub = server.hub(cache.path());
    let commit = pin(&hub);
    let listed = hub.list(RepoKind::Model, "owner/tiny", &commit).unwrap();
    let paths: Vec<_> = listed.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "README.md",
            "a/one.txt",
            "a/two.txt",
            "config.json",
            "z.txt"
        ]
    );
    assert_eq!(listed[1].size, 9);
    assert_eq!(server.count("GET", "/tree/"), 3);

    let again = hub.list(RepoKind::Model, "owner/tiny", &commit).unwrap();
    assert_eq!(again, listed);
    assert_eq!(server.count("GET", "/tree/"), 3);
}

#[test]
fn the_cache_is_laid_out_as_python_expects() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let weights = noise(700_000);
    server.add_large(MODEL, "model.safetensors", &weights);
    server.add(MODEL, "1_Pooling/config.json", b"{\"a\":1}");
    let hub = server.hub(cache.path());
    let large = fetch(&hub, "model.safetensors");
    let small = fetch(&hub, "1_Pooling/config.json");

    let root = cache.path().join("models--owner--tiny");
    let snapshot = root.join("snapshots").join(COMMIT);
    assert_eq!(large, snapshot.join("model.safetensors"));
    assert_eq!(small, snapshot.join("1_Pooling/config.json"));
    assert_eq!(fs::read(&large).unwrap(), weights);
    let small_etag = git_id(b"{\"a\":1}");
    assert_eq!(
        fs::read_link(&large).unwrap(),
        Path::new("../../blobs").join(sha256(&weights))
    );
    assert_eq!(
        fs::read_link(&small).unwrap(),
        Path::new("../../../blobs").join(small_etag)
    );
    assert!(
        fs::symlink_metadata(root.join("blobs").join(sha256(&weights)))
            .unwrap()
            .is_file()
    );
    assert!(cache.path().join(".locks/models--owner--tiny").is_dir());
    // Nothing half done is left where Python scans.
    let blobs: Vec<_> = fs::read_dir(root.join("blobs"))
        .unwrap()
        .flatten()
        .collect();
    assert_eq!(blobs.len(), 2);
    let names: Vec<_> = fs::read_dir(&root)
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().ends_with(".tmp")),
        "{names:?}"
    );
}

#[test]
fn a_cache_that_python_wrote_is_used() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let root = cache.path().join("datasets--owner--set");
    let snapshot = root.join("snapshots").join(COMMIT);
    for folder in [root.join("blobs"), root.join("refs"), snapshot.join("data")] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::write(root.join("blobs/abc"), b"rows").unwrap();
    fs::write(root.join("refs/main"), COMMIT).unwrap();
    let pointer = snapshot.join("data/train-00000-of-00001.parquet");
    std::os::unix::fs::symlink("../../../blobs/abc", &pointer).unwrap();

    let hub = server.offline(cache.path());
    let files = hub
        .dataset_snapshot("owner/set", None, None, &mut quiet)
        .unwrap();
    assert_eq!(files.root, snapshot);
    assert_eq!(files.commit, COMMIT);
    assert_eq!(files.splits[0].files, [pointer]);
    assert_eq!(files.card, None);
    assert!(server.requests().is_empty());
}

#[test]
fn a_cached_file_costs_no_request_and_offline_opens_no_connection() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add(MODEL, "config.json", b"{}");
    server.add_large(MODEL, "model.safetensors", &noise(1000));
    let hub = server.hub(cache.path());
    let first = hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();

    let asked = server.requests().len();
    let commit = Commit {
        sha: COMMIT.to_owned(),
        revision: "main".to_owned(),
        from_cache: false,
    };
    hub.file(
        RepoKind::Model,
        "owner/tiny",
        &commit,
        "config.json",
        &mut quiet,
    )
    .unwrap();
    assert_eq!(server.requests().len(), asked);

    let offline = server.offline(cache.path());
    let second = offline
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap();
    assert_eq!(first, second);
    assert!(
        offline
            .resolve_commit(RepoKind::Model, "owner/tiny", None)
            .unwrap()
            .from_cache
    );
    assert_eq!(server.requests().len(), asked);

    let error = offline
        .file(
            RepoKind::Model,
            "owner/tiny",
            &commit,
            "vocab.txt",
            &mut quiet,
        )
        .unwrap_err();
    assert!(error.is_unreachable());
    let text = error.to_string();
    assert!(text.contains("vocab.txt of model owner/tiny"), "{text}");
    assert!(text.contains("HF_HUB_OFFLINE is set"), "{text}");
    let error = offline
        .resolve_commit(RepoKind::Model, "owner/other", None)
        .unwrap_err();
    assert!(error.is_unreachable());
    assert!(
        error
            .to_string()
            .contains("model owner/other, revision main"),
        "{error}"
    );
    assert_eq!(server.requests().len(), asked);
}

#[test]
fn out_of_reach_the_cache_answers_and_without_one_the_error_says_so() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add(MODEL, "config.json", b"{}");
    server.add_large(MODEL, "model.safetensors", &noise(1000));
    let first = server
        .hub(cache.path())
        .model_snapshot("owner/tiny", None, &mut quiet)
        .unwrap();

    // A port that was just given back: nobody listens there.
    let mut config = server.config(cache.path());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    config.endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let hub = Hub::new(config).unwrap();
    assert_eq!(
        hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap(),
        first
    );
    assert!(pin(&hub).from_cache);
    let error = hub
        .model_snapshot("owner/other", None, &mut quiet)
        .unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("/api/models/owner/other/revision/main"),
        "{text}"
    );
    assert!(text.contains("refused"), "{text}");

    // A host that no resolver knows.
    let mut config = server.config(cache.path());
    config.endpoint = "http://hub.invalid".to_owned();
    let hub = Hub::new(config).unwrap();
    let error = hub
        .model_snapshot("owner/other", None, &mut quiet)
        .unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");

    // A server that accepts and says nothing.
    let mut config = server.config(cache.path());
    config.read_timeout = std::time::Duration::from_millis(50);
    server.plan(
        "GET",
        "/silent/",
        9,
        Fault::Sleep(std::time::Duration::from_millis(400)),
    );
    let hub = Hub::new(config).unwrap();
    let error = hub
        .model_snapshot("owner/silent", None, &mut quiet)
        .unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
}

#[test]
fn a_troubled_hub_is_answered_for_by_the_cache() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add(MODEL, "config.json", b"{}");
    server.add_large(MODEL, "model.safetensors", &noise(1000));
    let hub = server.hub(cache.path());
    let first = hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    server.plan("GET", "/revision/", 4, Fault::Status(503, vec![]));
    assert_eq!(
        hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap(),
        first
    );
}

#[test]
fn the_token_goes_to_the_hub_and_never_to_the_download_host() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let bytes = noise(5000);
    server.add_large(MODEL, "model.safetensors", &bytes);
    server.add(MODEL, "config.json", b"{}");
    server.private(MODEL);
    let mut config = server.config(cache.path());
    config.token = Some(TOKEN.to_owned());
    let hub = Hub::new(config).unwrap();
    let files = hub.model_snapshot("owner/tiny", None, &mut quiet).unwrap();
    assert_eq!(
        fs::read(files.root.join("model.safetensors")).unwrap(),
        bytes
    );

    let log = server.requests();
    let (cdn, home): (Vec<_>, Vec<_>) = log.iter().partition(|request| request.on_cdn);
    assert_eq!(cdn.len(), 1);
    assert!(
        cdn.iter()
            .all(|request| !request.headers.contains_key("authorization"))
    );
    let bearer = format!("Bearer {TOKEN}");
    assert!(
        home.iter()
            .all(|request| request.headers.get("authorization") == Some(&bearer))
    );
}

#[test]
fn an_api_redirect_to_another_host_loses_the_token_too() {
    let (server, other) = (FakeHub::start(), FakeHub::start());
    let cache = tempfile::tempdir().unwrap();
    other.add(MODEL, "config.json", b"{}");
    let to = format!("{}/api/models/owner/tiny/revision/main", other.endpoint());
    server.plan(
        "GET",
        "/revision/",
        1,
        Fault::Status(307, vec![("location", to)]),
    );
    let mut config = server.config(cache.path());
    config.token = Some(TOKEN.to_owned());
    assert_eq!(pin(&Hub::new(config).unwrap()).sha, COMMIT);
    assert!(server.requests()[0].headers.contains_key("authorization"));
    assert!(!other.requests()[0].headers.contains_key("authorization"));
}

#[test]
fn without_a_token_none_is_sent() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add(MODEL, "config.json", b"{}");
    fetch(&server.hub(cache.path()), "config.json");
    let log = server.requests();
    assert!(
        log.iter()
            .all(|request| !request.headers.contains_key("authorization"))
    );
}

#[test]
fn names_that_lead_out_of_the_cache_are_refused() {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    let hub = server.hub(cache.path());
    for repo in ["", "a/b/c", "../x", "a b/c", "/a", "a--b/c"] {
        let error = hub.resolve_commit(RepoKind::Model, repo, None).unwrap_err();
        assert!(
            error.to_string().contains("is not a repository id"),
            "{error}"
        );
    }
    let commit = Commit {
        sha: COMMIT.to_owned(),
        revision: "main".to_owned(),
        from_cache: false,
    };
    for path in ["../up", "/etc/passwd", "a//b", "a/../b", "a\\b"] {
        let error = hub
            .file(RepoKind::Model, "a/b", &commit, path, &mut quiet)
            .unwrap_err();
        assert!(error.to_string().contains("is not a file path"), "{error}");
    }
    let error = hub
        .resolve_commit(RepoKind::Model, "a/b", Some("../../x"))
        .unwrap_err();
    assert!(error.to_string().contains("is not a revision"), "{error}");
    assert!(server.requests().is_empty());
}

#[test]
fn a_relative_cache_is_made_absolute() {
    let server = FakeHub::start();
    let hub = server.offline(Path::new("some/cache"));
    let error = hub
        .resolve_commit(RepoKind::Model, "a/b", None)
        .unwrap_err();
    let here = std::env::current_dir().unwrap().join("some/cache");
    assert!(
        error.to_string().contains(&*here.to_string_lossy()),
        "{error}"
    );
}

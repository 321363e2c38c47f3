//! A server that means no good: secrets it asks for, answers without end, and bytes that hardly come.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::time::{Duration, Instant};

use support::{COMMIT, FakeHub, Fault, Request, TOKEN, noise, sha256};
use tempfile::TempDir;
use tunesmith_hub::{Commit, Download, Hub, HubConfig, HubError, RepoKind};

const MODEL: &str = "models/owner/tiny";
const CONFIG: &str = "config.json";

fn quiet(_: Download) {}

fn start() -> (FakeHub, TempDir) {
    let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
    server.add(MODEL, CONFIG, b"{}");
    (server, cache)
}

fn commit() -> Commit {
    Commit {
        sha: COMMIT.to_owned(),
        revision: "main".to_owned(),
        from_cache: false,
    }
}

fn with_token(server: &FakeHub, cache: &TempDir) -> Hub {
    let mut config = server.config(cache.path());
    config.token = Some(TOKEN.to_owned());
    Hub::new(config).unwrap()
}

/// A server's window is a fifth of a second, in which 200 bytes must come.
fn impatient(server: &FakeHub, cache: &TempDir) -> HubConfig {
    let mut config = server.config(cache.path());
    config.read_timeout = Duration::from_millis(200);
    config
}

fn list(hub: &Hub) -> Result<Vec<String>, HubError> {
    let files = hub.list(RepoKind::Model, "owner/tiny", &commit())?;
    Ok(files.into_iter().map(|file| file.path).collect())
}

fn file(hub: &Hub, path: &str) -> Result<Vec<u8>, HubError> {
    let path = hub.file(RepoKind::Model, "owner/tiny", &commit(), path, &mut quiet)?;
    Ok(fs::read(path).unwrap())
}

fn has_secret(request: &Request) -> bool {
    request.headers.contains_key("authorization")
}

#[test]
fn the_next_page_on_another_host_is_asked_without_the_token() {
    let (server, cache) = start();
    let other = FakeHub::start();
    other.add(MODEL, "model.safetensors", b"weights");
    let next = format!(
        "{}/api/models/owner/tiny/tree/{COMMIT}?recursive=true",
        other.endpoint()
    );
    server.plan("GET", "/tree/", 1, Fault::Next(next));
    let listed = list(&with_token(&server, &cache)).unwrap();
    assert_eq!(listed, [CONFIG, "model.safetensors"]);
    assert!(has_secret(&server.requests()[0]));
    assert_eq!(other.requests().len(), 1);
    assert!(!has_secret(&other.requests()[0]));
}

#[test]
fn a_file_redirected_to_another_host_is_asked_without_the_token() {
    let (server, cache) = start();
    let other = FakeHub::start();
    other.add(MODEL, CONFIG, b"{}");
    let there = format!("{}/owner/tiny/resolve/{COMMIT}/{CONFIG}", other.endpoint());
    let away = Fault::Status(302, vec![("location", there)]);
    server.plan("GET", CONFIG, 1, away);
    assert_eq!(file(&with_token(&server, &cache), CONFIG).unwrap(), b"{}");
    assert!(server.requests().iter().all(has_secret));
    assert!(!other.requests().iter().any(has_secret));
}

#[test]
fn redirects_end_and_lead_to_servers_only() {
    let (server, cache) = start();
    let hub = server.hub(cache.path());
    let round = vec![("location", format!("/owner/tiny/resolve/{COMMIT}/{CONFIG}"))];
    server.plan("HEAD", CONFIG, 99, Fault::Status(302, round));
    let text = file(&hub, CONFIG).unwrap_err().to_string();
    assert!(text.contains("too many redirects"), "{text}");
    assert!(server.count("HEAD", CONFIG) < 20);

    let (server, cache) = start();
    let hub = server.hub(cache.path());
    let local = vec![("location", "file:///etc/passwd".to_owned())];
    server.plan("GET", "/revision/", 99, Fault::Status(302, local));
    let error = hub.resolve_commit(RepoKind::Model, "owner/tiny", None);
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("a redirect without a usable Location"),
        "{text}"
    );
}

#[test]
fn a_list_has_an_end() {
    let (server, cache) = start();
    let hub = server.hub(cache.path());
    let own = format!(
        "{}/api/models/owner/tiny/tree/{COMMIT}?recursive=true",
        server.endpoint()
    );
    server.plan("GET", "/tree/", 99, Fault::Next(own));
    let text = list(&hub).unwrap_err().to_string();
    assert!(text.contains("lead in a circle"), "{text}");
    assert_eq!(server.count("GET", "/tree/"), 1);

    let (server, cache) = start();
    server.endless_pages();
    let text = list(&server.hub(cache.path())).unwrap_err().to_string();
    assert!(text.contains("more than 2000 pages"), "{text}");

    let (server, cache) = start();
    let nowhere = Fault::Next("file:///etc/passwd".to_owned());
    server.plan("GET", "/tree/", 1, nowhere);
    let text = list(&server.hub(cache.path())).unwrap_err().to_string();
    assert!(text.contains("next page is no URL"), "{text}");
}

#[test]
fn an_answer_has_an_end() {
    for path in ["/revision/", "/tree/"] {
        let (server, cache) = start();
        server.plan("GET", path, 99, Fault::Endless);
        let hub = server.hub(cache.path());
        let text = match path {
            "/tree/" => list(&hub).unwrap_err().to_string(),
            _ => hub
                .resolve_commit(RepoKind::Model, "owner/tiny", None)
                .unwrap_err()
                .to_string(),
        };
        assert!(text.contains("its answer is longer than 32 MB"), "{text}");
        assert_eq!(server.count("GET", path), 1, "it is not asked for again");
    }
}

#[test]
fn a_trickle_is_given_up_and_the_download_goes_on_by_another_connection() {
    let (server, cache) = start();
    let bytes = noise(5000);
    server.add_large(MODEL, "model.safetensors", &bytes);
    let trickle = Fault::Trickle(Duration::from_millis(20));
    server.plan("GET", &sha256(&bytes), 2, trickle);
    let hub = Hub::new(impatient(&server, &cache)).unwrap();
    assert_eq!(file(&hub, "model.safetensors").unwrap(), bytes);
    let ranges = server.ranges(&sha256(&bytes));
    assert_eq!(ranges.len(), 3, "{ranges:?}");
    assert!(ranges[1..].iter().all(|range| range.starts_with("bytes=")));
}

#[test]
fn a_trickle_without_end_is_an_error_that_says_so() {
    let (server, cache) = start();
    let bytes = noise(5000);
    server.add_large(MODEL, "model.safetensors", &bytes);
    let trickle = || Fault::Trickle(Duration::from_millis(20));
    server.plan("GET", &sha256(&bytes), 99, trickle());
    server.plan("GET", "/tree/", 99, trickle());
    let hub = Hub::new(impatient(&server, &cache)).unwrap();
    let begun = Instant::now();
    let error = file(&hub, "model.safetensors").unwrap_err();
    let text = error.to_string();
    assert!(text.contains("the server is too slow"), "{text}");
    assert!(text.contains("run again to continue"), "{text}");
    let text = list(&hub).unwrap_err().to_string();
    assert!(text.contains("the server is too slow"), "{text}");
    // At its pace the file alone would take 100 seconds.
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_byte_a_connection_is_no_ground_gained() {
    let (server, cache) = start();
    let bytes = noise(5000);
    server.add_large(MODEL, "model.safetensors", &bytes);
    server.plan("GET", &sha256(&bytes), 99, Fault::CutAfter(1));
    let hub = Hub::new(impatient(&server, &cache)).unwrap();
    let error = file(&hub, "model.safetensors").unwrap_err();
    assert!(matches!(error, HubError::Truncated { .. }), "{error:?}");
    assert_eq!(server.count("GET", &sha256(&bytes)), 4);
}

#[test]
fn a_password_in_the_endpoint_is_used_and_never_shown() {
    let (server, cache) = start();
    let weights = noise(5000);
    server.add_large(MODEL, "model.safetensors", &weights);
    let mut config = server.config(cache.path());
    config.endpoint = config.endpoint.replace("//", "//al%40ice:s3cret@");
    config.token = Some(TOKEN.to_owned());
    let hub = Hub::new(config.clone()).unwrap();
    assert_eq!(file(&hub, "model.safetensors").unwrap(), weights);
    assert_eq!(list(&hub).unwrap(), [CONFIG, "model.safetensors"]);
    // `al@ice:s3cret`, in base64.
    let basic = "Basic YWxAaWNlOnMzY3JldA==";
    for request in server.requests() {
        let sent = request.headers.get("authorization").map(String::as_str);
        assert_eq!(sent, (!request.on_cdn).then_some(basic));
    }

    for (path, fault) in [
        ("/revision/", Fault::Status(404, vec![])),
        ("/revision/", Fault::Status(401, vec![])),
        ("/revision/", Fault::Status(200, vec![])),
        ("/revision/", Fault::Status(302, vec![])),
    ] {
        server.plan("GET", path, 1, fault);
        let error = hub.resolve_commit(RepoKind::Model, "owner/other", None);
        unseen(&error.unwrap_err());
    }
    unseen(&file(&hub, "no.txt").unwrap_err());
    unseen(
        &hub.model_snapshot("owner/tiny", Some("v9"), &mut quiet)
            .unwrap_err(),
    );
    // Nobody listens there.
    config.endpoint = "http://alice:s3cret@127.0.0.1:9".to_owned();
    let hub = Hub::new(config.clone()).unwrap();
    let error = hub.resolve_commit(RepoKind::Model, "owner/other", None);
    unseen(&error.unwrap_err());
    unseen(&hub.search(RepoKind::Model, "x", 3).unwrap_err());
    for endpoint in [
        "ftp://alice:s3cret@mirror",
        "alice:s3cret@mirror",
        "https://alice:s3cret/x@mirror",
        "https://alice:12/s3cret@mirror",
        "https://alice:12?s3cret@mirror",
    ] {
        config.endpoint = endpoint.to_owned();
        let error = Hub::new(config.clone()).err().unwrap();
        assert!(error.to_string().contains("HF_ENDPOINT"), "{error}");
        unseen(&error);
    }
}

/// No secret, in what people see and in what a log may have.
fn unseen(error: &HubError) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains("s3cret"), "{text}");
    assert!(!text.contains("alice") && !text.contains("al%40"), "{text}");
}

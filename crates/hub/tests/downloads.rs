//! Bad lines: cuts, wrong ranges, damage, limits and a full disk, and two downloads at once.

#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use support::{COMMIT, FakeHub, Fault, noise, sha256};
use tempfile::TempDir;
use tunesmith_hub::{Commit, Download, Hub, HubError, RepoKind};

const MODEL: &str = "models/owner/tiny";
const FILE: &str = "model.safetensors";
const SIZE: usize = 1_000_000;
/// For what comes at once unless it never does.
const PATIENCE: Duration = Duration::from_secs(30);

struct Case {
    server: FakeHub,
    cache: TempDir,
    bytes: Vec<u8>,
    /// The file's name on the download host, to plan faults there.
    etag: String,
}

impl Case {
    fn new() -> Self {
        let (server, cache) = (FakeHub::start(), tempfile::tempdir().unwrap());
        let bytes = noise(SIZE);
        server.add_large(MODEL, FILE, &bytes);
        let etag = sha256(&bytes);
        Self {
            server,
            cache,
            bytes,
            etag,
        }
    }

    fn fetch(&self, progress: &mut dyn FnMut(Download)) -> Result<PathBuf, HubError> {
        fetch(&self.server.hub(self.cache.path()), progress)
    }

    fn blob(&self) -> PathBuf {
        blobs(self.cache.path()).join(&self.etag)
    }

    fn incomplete(&self) -> PathBuf {
        blobs(self.cache.path()).join(format!("{}.incomplete", self.etag))
    }

    /// What an earlier process left behind.
    fn leave(&self, bytes: &[u8]) {
        fs::create_dir_all(blobs(self.cache.path())).unwrap();
        fs::write(self.incomplete(), bytes).unwrap();
    }
}

fn blobs(cache: &Path) -> PathBuf {
    cache.join("models--owner--tiny/blobs")
}

fn fetch(hub: &Hub, progress: &mut dyn FnMut(Download)) -> Result<PathBuf, HubError> {
    let commit = Commit {
        sha: COMMIT.to_owned(),
        revision: "main".to_owned(),
        from_cache: false,
    };
    hub.file(RepoKind::Model, "owner/tiny", &commit, FILE, progress)
}

fn quiet(_: Download) {}

#[test]
fn progress_goes_from_nothing_to_all() {
    let case = Case::new();
    let mut seen = Vec::new();
    case.fetch(&mut |download| seen.push(download)).unwrap();
    assert!(
        seen.iter()
            .all(|d| d.file == FILE && d.total == Some(SIZE as u64))
    );
    assert_eq!(seen.first().unwrap().loaded, 0);
    assert_eq!(seen.last().unwrap().loaded, SIZE as u64);
    assert!(seen.len() > 2 && seen.is_sorted_by_key(|d| d.loaded));
}

#[test]
fn a_cut_connection_is_resumed_from_the_byte_it_stopped_at() {
    let case = Case::new();
    case.server
        .plan("GET", &case.etag, 2, Fault::CutAfter(300_000));
    let mut seen = Vec::new();
    let path = case
        .fetch(&mut |download| seen.push(download.loaded))
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), case.bytes);
    assert_eq!(
        case.server.ranges(&case.etag),
        ["", "bytes=300000-", "bytes=600000-"]
    );
    assert!(seen.is_sorted(), "{seen:?}");
    assert!(!case.incomplete().exists());
}

#[test]
fn a_download_that_gains_ground_outlasts_more_cuts_than_attempts() {
    let case = Case::new();
    case.server
        .plan("GET", &case.etag, 9, Fault::CutAfter(100_000));
    assert_eq!(
        fs::read(case.fetch(&mut quiet).unwrap()).unwrap(),
        case.bytes
    );
}

#[test]
fn a_cut_that_persists_keeps_what_arrived_and_the_next_run_continues() {
    let case = Case::new();
    case.server
        .plan("GET", &case.etag, 1, Fault::CutAfter(400_000));
    case.server.plan("GET", &case.etag, 4, Fault::CutAfter(0));
    let error = case.fetch(&mut quiet).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("cut at 400000 of 1000000 bytes"), "{text}");
    assert!(
        text.contains("/owner/tiny/resolve/") && text.contains(FILE),
        "{text}"
    );
    assert!(text.contains("run again to continue"), "{text}");
    assert!(!error.is_unreachable());
    assert_eq!(fs::metadata(case.incomplete()).unwrap().len(), 400_000);
    assert!(!case.blob().exists());

    let mut seen = Vec::new();
    let path = case
        .fetch(&mut |download| seen.push(download.loaded))
        .unwrap();
    assert_eq!(fs::read(path).unwrap(), case.bytes);
    assert_eq!(seen[0], 400_000);
    assert_eq!(
        case.server.ranges(&case.etag).last().unwrap(),
        "bytes=400000-"
    );
}

#[test]
fn what_an_earlier_process_left_is_resumed() {
    let case = Case::new();
    case.leave(&case.bytes[..123_456]);
    assert_eq!(
        fs::read(case.fetch(&mut quiet).unwrap()).unwrap(),
        case.bytes
    );
    assert_eq!(case.server.ranges(&case.etag), ["bytes=123456-"]);
}

#[test]
fn what_was_left_whole_needs_no_byte_more() {
    let case = Case::new();
    case.leave(&case.bytes);
    assert_eq!(
        fs::read(case.fetch(&mut quiet).unwrap()).unwrap(),
        case.bytes
    );
    assert!(case.server.ranges(&case.etag).is_empty());
}

#[test]
fn a_server_that_ignores_the_range_does_not_double_the_bytes() {
    let case = Case::new();
    case.leave(&case.bytes[..500_000]);
    case.server.plan("GET", &case.etag, 1, Fault::IgnoreRange);
    assert_eq!(
        fs::read(case.fetch(&mut quiet).unwrap()).unwrap(),
        case.bytes
    );
}

#[test]
fn damaged_or_oversized_leftovers_are_started_over() {
    let case = Case::new();
    case.leave(&vec![7; 500_000]);
    assert_eq!(
        fs::read(case.fetch(&mut quiet).unwrap()).unwrap(),
        case.bytes
    );
    assert_eq!(case.server.ranges(&case.etag), ["bytes=500000-", ""]);

    let case = Case::new();
    case.leave(&noise(SIZE + 1));
    assert_eq!(
        fs::read(case.fetch(&mut quiet).unwrap()).unwrap(),
        case.bytes
    );
    assert_eq!(case.server.ranges(&case.etag), [""]);
}

#[test]
fn damage_on_the_way_is_an_error_and_leaves_nothing() {
    let case = Case::new();
    case.server.plan("GET", &case.etag, 1, Fault::Damage);
    let error = case.fetch(&mut quiet).unwrap_err();
    let HubError::HashMismatch {
        expected, actual, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(expected, &case.etag);
    assert_ne!(actual, expected);
    assert!(error.to_string().contains(FILE), "{error}");
    assert!(!case.blob().exists() && !case.incomplete().exists());
    case.fetch(&mut quiet).unwrap();
}

#[test]
fn another_writer_is_noticed_where_locks_do_not_hold() {
    let case = Case::new();
    let incomplete = case.incomplete();
    let mut intruded = false;
    let error = case
        .fetch(&mut |_| {
            if !std::mem::replace(&mut intruded, true) {
                let mut other = fs::File::options().append(true).open(&incomplete).unwrap();
                other.write_all(b"intruder").unwrap();
            }
        })
        .unwrap_err();
    let text = error.to_string();
    assert!(text.contains("1000008 bytes where 1000000"), "{text}");
    assert!(!case.blob().exists());
    case.fetch(&mut quiet).unwrap();
}

#[test]
fn a_file_that_ends_early_is_never_taken_for_whole() {
    let case = Case::new();
    case.server
        .plan("GET", &case.etag, 99, Fault::Shorten(600_000));
    let error = case.fetch(&mut quiet).unwrap_err();
    assert!(matches!(error, HubError::Truncated { .. }), "{error:?}");
    assert!(!case.blob().exists());
}

#[test]
fn a_limited_rate_is_waited_for_as_long_as_the_server_says() {
    let case = Case::new();
    let wait = |seconds: &str| Fault::Status(429, vec![("retry-after", seconds.to_owned())]);
    case.server.plan("GET", &case.etag, 1, wait("1"));
    let mut config = case.server.config(case.cache.path());
    config.retry.cap = Duration::from_secs(5);
    fetch(&Hub::new(config).unwrap(), &mut quiet).unwrap();
    let log = case.server.requests();
    let at: Vec<_> = log.iter().filter(|r| r.on_cdn).map(|r| r.at).collect();
    assert!(
        at[1] - at[0] >= Duration::from_secs(1),
        "{:?}",
        at[1] - at[0]
    );
}

#[test]
fn the_api_waits_as_the_server_says_too() {
    let case = Case::new();
    let wait = Fault::Status(429, vec![("retry-after", "1".to_owned())]);
    case.server.plan("GET", "/revision/", 1, wait);
    let mut config = case.server.config(case.cache.path());
    config.retry.cap = Duration::from_secs(5);
    let start = Instant::now();
    let hub = Hub::new(config).unwrap();
    hub.resolve_commit(RepoKind::Model, "owner/tiny", None)
        .unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_wait_has_a_limit_and_so_have_attempts() {
    let case = Case::new();
    let hour = Fault::Status(429, vec![("retry-after", "3600".to_owned())]);
    case.server.plan("GET", &case.etag, 99, hour);
    let start = Instant::now();
    let text = case.fetch(&mut quiet).unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(
        text.contains("HTTP 429") && text.contains("4 attempts"),
        "{text}"
    );
    assert!(text.contains("HF_TOKEN"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
    assert_eq!(case.server.count("GET", &case.etag), 4);
}

#[test]
fn a_server_error_passes_or_is_told() {
    let case = Case::new();
    case.server
        .plan("HEAD", FILE, 2, Fault::Status(500, vec![]));
    case.server
        .plan("GET", &case.etag, 2, Fault::Status(503, vec![]));
    case.fetch(&mut quiet).unwrap();

    let case = Case::new();
    let why = vec![("x-error-message", "database asleep".to_owned())];
    case.server.plan("HEAD", FILE, 99, Fault::Status(500, why));
    let error = case.fetch(&mut quiet).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("HTTP 500, database asleep"), "{text}");
    assert!(text.contains(FILE), "{text}");
    assert!(!error.is_unreachable());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_with_what_it_lacks() {
    let case = Case::new();
    fs::create_dir_all(blobs(case.cache.path())).unwrap();
    std::os::unix::fs::symlink("/dev/full", case.incomplete()).unwrap();
    let error = case.fetch(&mut quiet).unwrap_err();
    let HubError::DiskFull { path, needed } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(path, &case.incomplete());
    assert_eq!(*needed, Some(SIZE as u64));
    let text = error.to_string();
    assert!(
        text.contains("the disk is full") && text.contains("1.0 MB"),
        "{text}"
    );
    assert!(text.contains("HF_HOME"), "{text}");
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let case = Case::new();
    fs::write(case.cache.path().join(".locks"), b"not a folder").unwrap();
    let text = case.fetch(&mut quiet).unwrap_err().to_string();
    assert!(
        text.contains(".locks") && text.contains("HF_HOME"),
        "{text}"
    );
}

#[test]
fn two_at_once_download_once_and_both_have_it_whole() {
    let case = Case::new();
    let slow = Fault::Sleep(Duration::from_millis(300));
    case.server.plan("GET", &case.etag, 1, slow);
    let paths: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| case.fetch(&mut quiet).unwrap()))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for path in paths {
        assert_eq!(fs::read(path).unwrap(), case.bytes);
    }
    assert_eq!(case.server.count("GET", &case.etag), 1);
}

#[test]
fn a_lock_that_another_process_holds_is_waited_for() {
    let case = Case::new();
    let folder = case.cache.path().join(".locks/models--owner--tiny");
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join(format!("{}.lock", case.etag))).unwrap();
    lock.lock().unwrap();
    case.leave(&case.bytes[..1000]);
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let case = &case;
        let fetching = scope.spawn(move || {
            // Nobody listens after the first.
            case.fetch(&mut |download| {
                tell.send(download.loaded).ok();
            })
        });
        // While it waits it shows the other's progress.
        let shown = || told.recv_timeout(PATIENCE).unwrap();
        while shown() != 1000 {}
        assert_eq!(case.server.count("GET", &case.etag), 0);
        // The other one ends well.
        fs::rename(case.incomplete(), case.blob()).unwrap();
        fs::write(case.blob(), &case.bytes).unwrap();
        drop(lock);
        fetching.join().unwrap().unwrap();
    });
    assert_eq!(case.server.count("GET", &case.etag), 0);
}

#[test]
fn bytes_that_two_files_share_are_downloaded_once() {
    let case = Case::new();
    case.server
        .add_large(MODEL, "copy.safetensors", &case.bytes);
    case.fetch(&mut quiet).unwrap();
    let hub = case.server.hub(case.cache.path());
    let commit = hub
        .resolve_commit(RepoKind::Model, "owner/tiny", None)
        .unwrap();
    let copy = hub
        .file(
            RepoKind::Model,
            "owner/tiny",
            &commit,
            "copy.safetensors",
            &mut quiet,
        )
        .unwrap();
    assert_eq!(fs::read(copy).unwrap(), case.bytes);
    assert_eq!(case.server.count("GET", &case.etag), 1);
}

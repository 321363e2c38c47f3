//! What can go wrong between a repository id and a file on disk, in the user's terms.

use std::io;
use std::path::{Path, PathBuf};

use crate::advice;

/// An error of the Hub. Each message says what was asked for, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// DNS failure, refused connection or silence.
    #[error(
        "cannot reach {url}: {reason}. {}: a download continues where it stopped",
        advice::CONNECT
    )]
    Unreachable {
        /// What was asked for.
        url: String,
        /// The system's words.
        reason: String,
    },

    /// The cache lacks what is needed, and the Hub is not to be asked or out of reach.
    #[error(
        "{what} is not in the cache at {}, and {why}. {} to download it{}",
        .cache.display(), advice::GO_ONLINE, advice::OTHER_CACHE
    )]
    OfflineMiss {
        /// The repository, revision or file.
        what: String,
        /// The cache folder that was searched.
        cache: PathBuf,
        /// Why it is not downloaded.
        why: &'static str,
    },

    /// A search, and the Hub is not to be asked.
    #[error(
        "cannot search the hub for {text:?}: {why}. {} to search it, or use what is in the cache at {}",
        advice::GO_ONLINE, .cache.display()
    )]
    OfflineSearch {
        /// What was searched for.
        text: String,
        /// The cache folder.
        cache: PathBuf,
        /// Why it is not searched.
        why: &'static str,
    },

    /// 401 or 403.
    #[error("the hub refused {url} (HTTP {status}{detail}): {advice}")]
    Denied {
        /// 401 or 403.
        status: u16,
        /// What was asked for.
        url: String,
        /// The server's words, if it had any.
        detail: String,
        /// What to do.
        advice: String,
    },

    /// 404 on a repository.
    #[error(
        "there is no {kind} {repo} (HTTP 404 for {url}). Check the spelling: most ids read \
         owner/name. If it is private, {} that may read it",
        advice::SET_TOKEN
    )]
    RepoNotFound {
        /// `model` or `dataset`.
        kind: &'static str,
        /// The id as asked for.
        repo: String,
        /// What was asked for.
        url: String,
    },

    /// 404 on a revision.
    #[error(
        "{repo} has no revision {revision} (HTTP 404 for {url}). Its branches and tags are listed \
         at {page}; without a revision, main is used"
    )]
    RevisionNotFound {
        /// The id as asked for.
        repo: String,
        /// Branch, tag or commit.
        revision: String,
        /// What was asked for.
        url: String,
        /// The repository's page.
        page: String,
    },

    /// 404 on a file.
    #[error(
        "{repo} has no file {file} at revision {revision} (HTTP 404 for {url}). Its files are \
         listed at {page}"
    )]
    FileNotFound {
        /// The id as asked for.
        repo: String,
        /// Path in the repository.
        file: String,
        /// Commit.
        revision: String,
        /// What was asked for.
        url: String,
        /// The page of the files.
        page: String,
    },

    /// 429, also after the pauses that the server asked for.
    #[error(
        "the hub limits the rate of requests (HTTP 429 for {url}, {attempts} attempts). Wait a few \
         minutes and run again: a download continues where it stopped. {}",
        advice::MORE_REQUESTS
    )]
    RateLimited {
        /// What was asked for.
        url: String,
        /// Requests made.
        attempts: u32,
    },

    /// 5xx, also after repetition.
    #[error(
        "the hub is in trouble (HTTP {status}{detail} for {url}, {attempts} attempts). Run again \
         later: a download continues where it stopped; https://status.huggingface.co tells more"
    )]
    Server {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        url: String,
        /// The server's words, if it had any.
        detail: String,
        /// Requests made.
        attempts: u32,
    },

    /// Any other status.
    #[error(
        "unexpected answer from the hub: HTTP {status}{detail} for {url}. {} and the proxy",
        advice::CHECK_ENDPOINT
    )]
    Http {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        url: String,
        /// The server's words, if it had any.
        detail: String,
    },

    /// The connection was cut, and again each time the download was resumed.
    #[error(
        "the download of {url} was cut at {have} of {} bytes: {reason}. What arrived is kept: run \
         again to continue", .total.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string())
    )]
    Truncated {
        /// What was asked for.
        url: String,
        /// Bytes on disk.
        have: u64,
        /// Bytes promised, where known.
        total: Option<u64>,
        /// The system's words.
        reason: String,
    },

    /// The bytes are not the ones that the repository records.
    #[error(
        "{url} arrived damaged: its {algorithm} is {actual}, the repository records {expected}. The \
         file was removed: run again; if it persists, a proxy or mirror alters the data"
    )]
    HashMismatch {
        /// What was asked for.
        url: String,
        /// `SHA-256`, or `git object id` for a small file.
        algorithm: &'static str,
        /// As the server has it.
        expected: String,
        /// Of the bytes that arrived.
        actual: String,
    },

    /// No space left.
    #[error(
        "the disk is full: {} needs {} more. {} and run again: what arrived is kept",
        .path.display(), bytes(.needed), advice::FREE_SPACE
    )]
    DiskFull {
        /// The file that could not grow.
        path: PathBuf,
        /// Bytes still missing, where known.
        needed: Option<u64>,
    },

    /// A file or folder of the cache cannot be used.
    #[error("cannot {action} {}: {source}. {}", .path.display(), advice::CHECK_CACHE)]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },

    /// The server's answer lacks what the Hub's protocol promises.
    #[error(
        "{url} does not answer as the hub does: {what}. {}; a sign-in page of the network looks \
         like this too",
        advice::CHECK_ENDPOINT
    )]
    Malformed {
        /// What was asked for.
        url: String,
        /// What is wrong with the answer.
        what: String,
    },

    /// The configuration cannot be used.
    #[error("{0}")]
    BadConfig(String),

    /// Not a repository id, revision or file path.
    #[error("{value:?} is not a {what}: {rule}")]
    BadName {
        /// What it was taken for.
        what: &'static str,
        /// As given.
        value: String,
        /// The rule it breaks.
        rule: &'static str,
    },

    /// The dataset lacks that configuration.
    #[error("dataset {repo} has no config {config:?}. It has: {}", .known.join(", "))]
    UnknownConfig {
        /// The dataset.
        repo: String,
        /// As asked for.
        config: String,
        /// The ones there are.
        known: Vec<String>,
    },

    /// The dataset has several configurations, and none was named.
    #[error("dataset {repo} has several configs, name one of: {}", .known.join(", "))]
    ConfigNeeded {
        /// The dataset.
        repo: String,
        /// The ones there are.
        known: Vec<String>,
    },

    /// The dataset has no parquet files in a known layout.
    #[error(
        "dataset {repo} has no parquet files at revision {revision}, as \
         <config>/<split>-00000-of-00001.parquet, data/<split>-….parquet or in the hub's branch \
         refs/convert/parquet. Download its files yourself and pass them as local files"
    )]
    NoParquet {
        /// The dataset.
        repo: String,
        /// Branch, tag or commit.
        revision: String,
    },

    /// The cache holds only some of the files of a split.
    #[error(
        "the cache holds {have} of the {total} files of split {split} of {repo}. {} to fetch the \
         rest",
        advice::GO_ONLINE
    )]
    Incomplete {
        /// The dataset.
        repo: String,
        /// The split.
        split: String,
        /// Files there are.
        have: usize,
        /// Files there should be, by their names.
        total: usize,
    },

    /// The list of the files that weights are split over can't be read.
    #[error("{file} of {repo} does not say in which files the weights are ({message})")]
    WeightsIndex {
        /// The model.
        repo: String,
        /// The index.
        file: &'static str,
        /// What is wrong.
        message: String,
    },

    /// The repository lacks a file that every model needs.
    #[error("model {repo} has no {file} at revision {revision}. It has: {}", .found.join(", "))]
    NotAModel {
        /// The model.
        repo: String,
        /// The missing file.
        file: &'static str,
        /// Branch, tag or commit.
        revision: String,
        /// The files at its root.
        found: Vec<String>,
    },
}

impl HubError {
    /// Whether the Hub could not be reached (DNS, refused, silent), or was not to be (offline,
    /// and not in the cache or a search): the case in which another source may be tried instead.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::OfflineMiss { .. } | Self::OfflineSearch { .. }
        )
    }

    /// Whether what the cache remembers is a fair answer meanwhile.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. } | Self::RateLimited { .. } | Self::Server { .. }
        )
    }

    /// Wraps an I/O error on `path`; `needed` is what a full disk would have to hold in addition.
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
        needed: Option<u64>,
        source: io::Error,
    ) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, needed }
            }
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}

fn bytes(count: &Option<u64>) -> String {
    match count {
        Some(count) if *count >= 1_000_000 => format!("{:.1} MB", *count as f64 / 1e6),
        Some(count) => format!("{count} bytes"),
        None => "room".to_owned(),
    }
}

//! The Hub as its users see it: pin a revision, list a commit, have a file.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tunesmith_platform::fs;

use crate::advice;
use crate::cache::RepoCache;
use crate::config::HubConfig;
use crate::download::Job;
use crate::error::HubError;
use crate::fault::{Fault, Target};
use crate::integrity::{Look, is_sound};
use crate::net::{Net, sleep};

/// The branch that is meant where none is named.
pub(crate) const MAIN: &str = "main";

/// The two kinds of repository that are read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepoKind {
    /// Weights, configuration and tokenizer.
    Model,
    /// Tables.
    Dataset,
}

impl RepoKind {
    /// `model` or `dataset`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Dataset => "dataset",
        }
    }

    /// As in the API's paths and the cache's folders.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Model => "models",
            Self::Dataset => "datasets",
        }
    }

    /// As in the paths of pages and files.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Model => "",
            Self::Dataset => "datasets/",
        }
    }
}

/// A commit, and the revision it was pinned from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// 40 hexadecimal digits.
    pub sha: String,
    /// Branch, tag or commit as asked for.
    pub revision: String,
    /// The Hub could not be asked, so this is where the revision was the last time.
    pub from_cache: bool,
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sha)
    }
}

/// A file of a repository at some commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepoFile {
    /// Path in the repository, `/` between folders.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Names the bytes, where the list tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
}

/// How far a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Path in the repository.
    pub file: String,
    /// Bytes on disk, those of an earlier attempt included.
    pub loaded: u64,
    /// Bytes in all, where the server says.
    pub total: Option<u64>,
}

/// A Hub and its cache. A call that is dropped before its end stops its request.
pub struct Hub {
    pub(crate) config: HubConfig,
    /// `None` when offline: without it no connection can be opened.
    pub(crate) net: Option<Net>,
    /// The base URL as messages show it.
    endpoint: String,
}

impl Hub {
    /// Prepares the connections; nothing is sent yet.
    ///
    /// # Errors
    /// The endpoint is not a URL, or the token cannot be one.
    pub fn new(config: HubConfig) -> Result<Self, HubError> {
        let net = if config.offline {
            None
        } else {
            Some(Net::new(&config)?)
        };
        let endpoint = config.shown_endpoint();
        Ok(Self {
            config,
            net,
            endpoint,
        })
    }

    /// Pins `revision` (a branch, tag or commit; `None` is `main`) to the commit it is at now, so
    /// that all that is read afterwards belongs together. A full commit is taken as it is. Offline,
    /// or while the Hub is out of reach, it is the commit that the revision was at the last time.
    ///
    /// # Errors
    /// No such repository or revision, no access, or unreachable with nothing in the cache.
    pub async fn resolve_commit(
        &self,
        kind: RepoKind,
        repo: &str,
        revision: Option<&str>,
    ) -> Result<Commit, HubError> {
        let cache = self.cache(kind, repo)?;
        let revision = revision.unwrap_or(MAIN);
        check_path("revision", revision)?;
        let commit = |sha: String, from_cache| Commit {
            sha,
            revision: revision.to_owned(),
            from_cache,
        };
        if is_commit(revision) {
            return Ok(commit(revision.to_owned(), false));
        }
        let Some(net) = &self.net else {
            return match cache.read_ref(revision) {
                Some(sha) => Ok(commit(sha, true)),
                None => Err(self.miss(format!("{} {repo}, revision {revision},", kind.name()))),
            };
        };
        let target = self.target(kind, repo, revision, None);
        let asked = self
            .retrying(&target, async || net.commit(kind, repo, revision).await)
            .await;
        match asked {
            Ok(sha) if is_commit(&sha) => {
                cache.write_ref(revision, &sha)?;
                Ok(commit(sha, false))
            }
            Ok(sha) => Err(HubError::Malformed {
                url: target.page(),
                what: format!("its commit is {sha:?}, not 40 hexadecimal digits"),
            }),
            Err(error) if error.is_passing() => match cache.read_ref(revision) {
                Some(sha) => Ok(commit(sha, true)),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    /// The files of a commit. Asked for once: a commit never changes. Offline, or while the Hub is
    /// out of reach, those that were listed before, else those on disk.
    ///
    /// # Errors
    /// No such commit, no access, or unreachable with nothing in the cache.
    pub async fn list(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
    ) -> Result<Vec<RepoFile>, HubError> {
        let cache = self.cache(kind, repo)?;
        check_path("commit", &commit.sha)?;
        if let Some(files) = cache.read_tree(&commit.sha) {
            return Ok(files);
        }
        let downloaded = || cache.downloaded(&commit.sha);
        let Some(net) = &self.net else {
            return downloaded()
                .ok_or_else(|| self.miss(format!("{} {repo} at {commit}", kind.name())));
        };
        let target = self.target(kind, repo, &commit.revision, None);
        let asked = self
            .retrying(&target, async || net.tree(kind, repo, &commit.sha).await)
            .await;
        match asked {
            Ok(files) => {
                cache.write_tree(&commit.sha, &files)?;
                Ok(files)
            }
            Err(error) if error.is_passing() => downloaded().ok_or(error),
            Err(error) => Err(error),
        }
    }

    /// A file of a commit, downloaded unless the cache has it, in which case nothing is sent. A copy
    /// that is damaged (its size is not the listed one; the hash of a small file is wrong) is replaced.
    /// The path stays valid while the cache is not cleaned. `progress` is called at the start and as
    /// bytes arrive.
    ///
    /// # Errors
    /// No such file, no access, unreachable, cut too often, damaged, or the disk is full.
    pub async fn file(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
        path: &str,
        progress: &mut dyn FnMut(Download),
    ) -> Result<PathBuf, HubError> {
        check_path("commit", &commit.sha)?;
        let listed = self.cache(kind, repo)?.read_tree(&commit.sha);
        let listed = listed.unwrap_or_default();
        self.fetch(kind, repo, commit, path, &listed, progress)
            .await
    }

    /// [`Hub::file`] of a commit whose files are known.
    pub(crate) async fn fetch(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
        path: &str,
        listed: &[RepoFile],
        progress: &mut dyn FnMut(Download),
    ) -> Result<PathBuf, HubError> {
        let cache = self.cache(kind, repo)?;
        check_path("commit", &commit.sha)?;
        check_path("file path", path)?;
        let listed = listed.iter().find(|file| file.path == path);
        let sound = |path: &Path| is_sound(path, listed, Look::Quick);
        let pointer = cache.snapshot(&commit.sha).join(path);
        let is_there = fs::exists(&pointer);
        if is_there && sound(&pointer) {
            return Ok(pointer);
        }
        let Some(net) = &self.net else {
            let copy = if is_there {
                "an undamaged copy of "
            } else {
                ""
            };
            let what = format!("{copy}{path} of {} {repo} at {commit}", kind.name());
            return Err(self.miss(what));
        };
        let target = self.target(kind, repo, &commit.sha, Some(path));
        let url = net.endpoint.file(kind, repo, &commit.sha, path);
        let mut meta = self.describe(net, &target, commit, path, &url).await?;
        // The blob has the name that Python would give it.
        let etag = meta.etag.clone();
        // What the commit records counts, whatever the server says of the file now: one that has
        // only a part of it says so in good faith.
        if let Some(listed) = listed {
            meta.size = Some(listed.size);
            meta.etag = listed.etag.clone().unwrap_or(meta.etag);
        }
        let size = meta.size;
        let blob = cache.blob(&etag);
        if !(fs::exists(&blob) && sound(&blob)) {
            let _lock = cache
                .lock(&etag, |loaded| {
                    progress(Download {
                        file: path.to_owned(),
                        loaded,
                        total: size,
                    });
                })
                .await?;
            // Whoever had the lock may have fetched this very file.
            if fs::exists(&pointer) && sound(&pointer) {
                return Ok(pointer);
            }
            if fs::exists(&blob) && !sound(&blob) {
                fs::remove_file(&blob)
                    .map_err(|error| HubError::io("remove", &blob, None, error))?;
            }
            if !fs::exists(&blob) {
                fs::replenish().await;
                let job = Job {
                    net,
                    config: &self.config,
                    target,
                    url,
                    meta,
                    blob,
                    file: path,
                };
                job.run(progress).await?;
            }
        }
        cache.link(&commit.sha, path, &etag)?;
        Ok(pointer)
    }

    /// The folder that holds the files of a commit that were downloaded.
    pub(crate) fn snapshot(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
    ) -> Result<PathBuf, HubError> {
        Ok(self.cache(kind, repo)?.snapshot(&commit.sha))
    }

    fn cache(&self, kind: RepoKind, repo: &str) -> Result<RepoCache, HubError> {
        check_repo(repo)?;
        Ok(RepoCache::new(&self.config.cache, kind, repo))
    }

    fn target<'a>(
        &'a self,
        kind: RepoKind,
        repo: &'a str,
        revision: &'a str,
        file: Option<&'a str>,
    ) -> Target<'a> {
        Target {
            kind,
            repo,
            revision,
            file,
            endpoint: &self.endpoint,
            token_set: self.config.token.is_some(),
        }
    }

    /// The error for what cannot be fetched now.
    pub(crate) fn miss(&self, what: String) -> HubError {
        HubError::OfflineMiss {
            what,
            cache: self.config.cache.clone(),
            why: match self.net {
                None => advice::OFFLINE,
                Some(_) => "the hub cannot be reached",
            },
        }
    }

    /// Whether [`Hub::list`] gives all the files of the commit, as the server listed them, and not
    /// only those on disk.
    pub(crate) fn is_listed(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
    ) -> Result<bool, HubError> {
        Ok(self.cache(kind, repo)?.read_tree(&commit.sha).is_some())
    }

    async fn retrying<T>(
        &self,
        target: &Target<'_>,
        ask: impl AsyncFnMut() -> Result<T, Fault>,
    ) -> Result<T, HubError> {
        let asked = self.repeated(ask).await;
        asked.map_err(|(fault, attempts)| fault.explain(target, attempts))
    }

    /// Asks until there is an answer or no hope; then it is the last fault, and the number of
    /// requests.
    pub(crate) async fn repeated<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<T, Fault>,
    ) -> Result<T, (Fault, u32)> {
        let mut failures = 0;
        loop {
            let fault = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let Some(pause) = fault.pause(failures, &self.config.retry) else {
                return Err((fault, failures + 1));
            };
            sleep(pause).await;
            failures += 1;
        }
    }
}

pub(crate) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(crate) fn check_repo(repo: &str) -> Result<(), HubError> {
    let name = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    // `--` stands for `/` in the names of the cache's folders.
    let valid = repo.split('/').count() <= 2
        && repo.split('/').all(name)
        && !repo.contains("--")
        && !repo.contains("..");
    valid.then_some(()).ok_or_else(|| HubError::BadName {
        what: "repository id",
        value: repo.to_owned(),
        rule: "ids read owner/name or name, of letters, digits, '-', '_' and '.'",
    })
}

/// A server's list must not lead out of the cache folder.
fn check_path(what: &'static str, path: &str) -> Result<(), HubError> {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', ':', '\0']);
    path.split('/')
        .all(part)
        .then_some(())
        .ok_or_else(|| HubError::BadName {
            what,
            value: path.to_owned(),
            rule: "it is relative, with '/' between names and no '.', '..' or empty name",
        })
}

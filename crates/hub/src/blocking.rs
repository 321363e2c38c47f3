//! The Hub for programs that wait: natively all the work is done by the time a future is first
//! polled, so there is nothing to wait for but the call itself.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::config::HubConfig;
use crate::dataset::DatasetFiles;
use crate::error::HubError;
use crate::hub::{self, Commit, Download, RepoFile, RepoKind};
use crate::model::ModelFiles;
use crate::search::FoundRepo;

/// A Hub and its cache. Every call blocks; none may be made on an async executor's thread.
pub struct Hub(hub::Hub);

impl Hub {
    /// Prepares the connections; nothing is sent yet.
    ///
    /// # Errors
    /// The endpoint is not a URL, or the token cannot be one.
    pub fn new(mut config: HubConfig) -> Result<Self, HubError> {
        // Paths that are handed out must outlive a change of the working directory.
        config.cache = std::path::absolute(&config.cache)
            .map_err(|error| HubError::io("find", &config.cache, None, error))?;
        hub::Hub::new(config).map(Self)
    }

    /// Pins `revision` (a branch, tag or commit; `None` is `main`) to the commit it is at now, so
    /// that all that is read afterwards belongs together. A full commit is taken as it is. Offline,
    /// or while the Hub is out of reach, it is the commit that the revision was at the last time.
    ///
    /// # Errors
    /// No such repository or revision, no access, or unreachable with nothing in the cache.
    pub fn resolve_commit(
        &self,
        kind: RepoKind,
        repo: &str,
        revision: Option<&str>,
    ) -> Result<Commit, HubError> {
        now(self.0.resolve_commit(kind, repo, revision))
    }

    /// The files of a commit. Asked for once: a commit never changes. Offline, or while the Hub is
    /// out of reach, those that were listed before, else those on disk.
    ///
    /// # Errors
    /// No such commit, no access, or unreachable with nothing in the cache.
    pub fn list(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
    ) -> Result<Vec<RepoFile>, HubError> {
        now(self.0.list(kind, repo, commit))
    }

    /// A file of a commit, downloaded unless the cache has it, in which case nothing is sent. The
    /// path stays valid while the cache is not cleaned. `progress` is called at the start and as
    /// bytes arrive.
    ///
    /// # Errors
    /// No such file, no access, unreachable, cut too often, damaged, or the disk is full.
    pub fn file(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &Commit,
        path: &str,
        progress: &mut dyn FnMut(Download),
    ) -> Result<PathBuf, HubError> {
        now(self.0.file(kind, repo, commit, path, progress))
    }

    /// The folder of a checkpoint by what transformers calls `pretrained_model_name_or_path`: a folder
    /// itself, or a name on the Hub, whose files are fetched at the commit that `main` is at.
    ///
    /// # Errors
    /// Where it is no folder, as [`Hub::model_snapshot`].
    pub fn checkpoint_folder(
        &self,
        name_or_path: &str,
        progress: &mut dyn FnMut(Download),
    ) -> Result<PathBuf, HubError> {
        let folder = Path::new(name_or_path);
        if tunesmith_platform::fs::is_dir(folder) {
            return Ok(folder.to_owned());
        }
        Ok(self.model_snapshot(name_or_path, None, progress)?.root)
    }

    /// Pins `revision` and fetches the checkpoint's files at that commit.
    ///
    /// # Errors
    /// As [`Hub::resolve_commit`] and [`Hub::file`]; and where the repository has no `config.json`,
    /// or its weights only as a pickle, which says how to convert it.
    pub fn model_snapshot(
        &self,
        repo: &str,
        revision: Option<&str>,
        progress: &mut dyn FnMut(Download),
    ) -> Result<ModelFiles, HubError> {
        now(self.0.model_snapshot(repo, revision, progress))
    }

    /// Pins `revision` and fetches the parquet files of `config`, and the dataset card. Without a
    /// name, the configuration is the only one or `default`. Where the repository has no parquet
    /// for it, the Hub's own conversion is used, which exists of `main` only.
    ///
    /// # Errors
    /// As [`Hub::resolve_commit`] and [`Hub::file`]; and where there is no such configuration or no
    /// parquet at all, which names the configurations there are.
    pub fn dataset_snapshot(
        &self,
        repo: &str,
        config: Option<&str>,
        revision: Option<&str>,
        progress: &mut dyn FnMut(Download),
    ) -> Result<DatasetFiles, HubError> {
        now(self.0.dataset_snapshot(repo, config, revision, progress))
    }

    /// At most `limit` repositories whose id has `text` in it, the most downloaded first; of models,
    /// those of the families that can be trained. An empty text finds all.
    ///
    /// # Errors
    /// Offline, unreachable, refused, or not an answer of the hub's.
    pub fn search(
        &self,
        kind: RepoKind,
        text: &str,
        limit: usize,
    ) -> Result<Vec<FoundRepo>, HubError> {
        now(self.0.search(kind, text, limit))
    }
}

/// The outcome of a future that never waits, since native requests and pauses block.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("a native request waited without blocking"),
    }
}

/// [`Hub::dataset_snapshot`] with the configuration of the environment.
///
/// # Errors
/// As [`Hub::dataset_snapshot`]; [`HubError::is_unreachable`] tells a missing network apart.
pub fn dataset_snapshot(
    repo: &str,
    config: Option<&str>,
    revision: Option<&str>,
    progress: &mut dyn FnMut(Download),
) -> Result<DatasetFiles, HubError> {
    Hub::new(HubConfig::from_env())?.dataset_snapshot(repo, config, revision, progress)
}

/// [`Hub::model_snapshot`] with the configuration of the environment.
///
/// # Errors
/// As [`Hub::model_snapshot`]; [`HubError::is_unreachable`] tells a missing network apart.
pub fn model_snapshot(
    repo: &str,
    revision: Option<&str>,
    progress: &mut dyn FnMut(Download),
) -> Result<ModelFiles, HubError> {
    Hub::new(HubConfig::from_env())?.model_snapshot(repo, revision, progress)
}

/// [`Hub::checkpoint_folder`] with the configuration of the environment.
///
/// # Errors
/// As [`Hub::checkpoint_folder`].
pub fn checkpoint_folder(name_or_path: &str) -> Result<PathBuf, HubError> {
    Hub::new(HubConfig::from_env())?.checkpoint_folder(name_or_path, &mut |_| {})
}

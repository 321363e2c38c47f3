//! The files that a checkpoint consists of.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tunesmith_architecture::family;
use tunesmith_platform::fs;

use crate::error::HubError;
use crate::hub::{Commit, Download, Hub, RepoFile, RepoKind};

const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.safetensors";
/// Fetched where the repository has them. Small ones first, so that what is missing shows before
/// the long download.
const OPTIONAL: [&str; 5] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// A checkpoint on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// Folder with `config.json`, `model.safetensors` and the tokenizer's files.
    pub root: PathBuf,
    /// The commit that all of them are of.
    pub commit: String,
}

impl Hub {
    /// Pins `revision` and fetches the checkpoint's files at that commit.
    ///
    /// # Errors
    /// As [`Hub::resolve_commit`] and [`Hub::file`]; and where the repository has no `config.json`,
    /// or its weights only as a pickle, which says how to convert it.
    pub async fn model_snapshot(
        &self,
        repo: &str,
        revision: Option<&str>,
        progress: &mut dyn FnMut(Download),
    ) -> Result<ModelFiles, HubError> {
        let kind = RepoKind::Model;
        let commit = self.resolve_commit(kind, repo, revision).await?;
        let listed = self.list(kind, repo, &commit).await?;
        let has = |name: &str| listed.iter().any(|file| file.path == name);
        let missing = if has(CONFIG) { WEIGHTS } else { CONFIG };
        if !has(missing) {
            if !self.is_listed(kind, repo, &commit)? {
                return Err(self.miss(format!("{missing} of model {repo} at {commit}")));
            }
            return Err(self.explain_missing(repo, &commit, missing, &listed));
        }
        let small = OPTIONAL.into_iter().filter(|name| has(name));
        for name in std::iter::once(CONFIG).chain(small).chain([WEIGHTS]) {
            self.fetch(kind, repo, &commit, name, &listed, progress)
                .await?;
        }
        Ok(ModelFiles {
            root: self.snapshot(kind, repo, &commit)?,
            commit: commit.sha,
        })
    }

    fn explain_missing(
        &self,
        repo: &str,
        commit: &Commit,
        file: &'static str,
        listed: &[RepoFile],
    ) -> HubError {
        let repo = repo.to_owned();
        let revision = commit.revision.clone();
        let at_root = listed.iter().map(|file| file.path.as_str());
        let at_root = at_root.filter(|path| !path.contains('/'));
        let is_pickle = |path: &&str| path.starts_with("pytorch_model") && path.ends_with(".bin");
        match at_root.clone().find(is_pickle) {
            Some(found) if file == WEIGHTS => HubError::PickleOnly {
                page: format!("{}/discussions", self.page(RepoKind::Model, &repo)),
                found: found.to_owned(),
                repo,
                revision,
            },
            _ => HubError::NotAModel {
                repo,
                file,
                revision,
                found: at_root.map(ToOwned::to_owned).collect(),
            },
        }
    }
}

/// Whether a snapshot with these files on disk is of a model that can be used. Weights have their name
/// only once they are whole.
pub(crate) fn is_complete(snapshot: &Path, on_disk: &[RepoFile]) -> bool {
    #[derive(Deserialize)]
    struct Config {
        model_type: String,
    }
    let has_weights = on_disk.iter().any(|file| file.path == WEIGHTS);
    has_weights
        && fs::read(snapshot.join(CONFIG))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .is_some_and(|Config { model_type }| family(&model_type).is_some())
}

//! The files that a checkpoint consists of.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tunesmith_architecture::family;
use tunesmith_checkpoint::{INDEX, WEIGHTS, shards};
use tunesmith_platform::fs;

use crate::error::HubError;
use crate::hub::{Download, Hub, RepoFile, RepoKind};

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
/// Fetched where the repository has them. Small ones first, so that what is missing shows before
/// the long download.
const OPTIONAL: [&str; 5] = [
    TOKENIZER,
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
];
/// What a `tokenizer.json` is made of, where the repository has none.
const OLDER_TOKENIZER: [&str; 5] = [
    "vocab.json",
    "merges.txt",
    "spm.model",
    "sentencepiece.bpe.model",
    "spiece.model",
];

/// A checkpoint on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFiles {
    /// Folder with `config.json`, the weights and the tokenizer's files.
    pub root: PathBuf,
    /// The commit that all of them are of.
    pub commit: String,
}

impl Hub {
    /// Pins `revision` and fetches the checkpoint's files at that commit.
    ///
    /// # Errors
    /// As [`Hub::resolve_commit`] and [`Hub::file`]; and where the repository has no `config.json`, no
    /// weights, or an index of weights that can't be read.
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
        let weights = WEIGHTS.into_iter().find(|name| has(name));
        let Some(weights) = weights.filter(|_| has(CONFIG)) else {
            let missing = if has(CONFIG) { WEIGHTS[0] } else { CONFIG };
            if !self.is_listed(kind, repo, &commit)? {
                return Err(self.miss(format!("{missing} of model {repo} at {commit}")));
            }
            let at_root = listed.iter().map(|file| file.path.as_str());
            return Err(HubError::NotAModel {
                repo: repo.to_owned(),
                file: missing,
                revision: commit.revision,
                found: at_root
                    .filter(|path| !path.contains('/'))
                    .map(ToOwned::to_owned)
                    .collect(),
            });
        };
        let older = OLDER_TOKENIZER.into_iter();
        let older = older.filter(|_| !has(TOKENIZER));
        let small = OPTIONAL.into_iter().chain(older).filter(|name| has(name));
        for name in std::iter::once(CONFIG).chain(small) {
            self.fetch(kind, repo, &commit, name, &listed, progress)
                .await?;
        }
        let path = self
            .fetch(kind, repo, &commit, weights, &listed, progress)
            .await?;
        if weights.ends_with(INDEX) {
            let shards = shards(&path).map_err(|error| HubError::WeightsIndex {
                repo: repo.to_owned(),
                file: weights,
                message: error.to_string(),
            })?;
            for shard in shards {
                self.fetch(kind, repo, &commit, &shard, &listed, progress)
                    .await?;
            }
        }
        Ok(ModelFiles {
            root: self.snapshot(kind, repo, &commit)?,
            commit: commit.sha,
        })
    }
}

/// Whether a snapshot with these files on disk is of a model that can be used. Weights have their name
/// only once they are whole.
pub(crate) fn is_complete(snapshot: &Path, on_disk: &[RepoFile]) -> bool {
    #[derive(Deserialize)]
    struct Config {
        model_type: String,
    }
    let has = |name: &str| on_disk.iter().any(|file| file.path == name);
    let weights = WEIGHTS.into_iter().find(|name| has(name));
    let has_weights = weights.is_some_and(|name| {
        !name.ends_with(INDEX)
            || shards(&snapshot.join(name)).is_ok_and(|names| names.iter().all(|name| has(name)))
    });
    has_weights
        && fs::read(snapshot.join(CONFIG))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .is_some_and(|Config { model_type }| family(&model_type).is_some())
}

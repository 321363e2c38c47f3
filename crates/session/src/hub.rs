//! What a person can choose from on the hub, and what of it is on this computer already.
//!
//! Native only: a search waits for the network, and a browser has no cache that programs share.

use tunesmith::hub::{Hub, HubConfig, RepoKind, cached_repos};
use tunesmith_protocol::HubRepo;

use crate::SessionError;

/// As many as a person reads through.
const LIMIT: usize = 20;

/// The hub's models whose id has `text` in it and that can be trained, the most downloaded first, 20
/// at most. Blocks until the hub has answered, so it is for a thread that may wait.
///
/// # Errors
/// The hub can't be reached or refuses, or it isn't to be asked (`HF_HUB_OFFLINE`).
pub fn search_models(text: &str) -> Result<Vec<HubRepo>, SessionError> {
    search(RepoKind::Model, text)
}

/// The hub's data sets whose id has `text` in it, as [`search_models`]. Blocks as that does.
///
/// # Errors
/// As [`search_models`].
pub fn search_datasets(text: &str) -> Result<Vec<HubRepo>, SessionError> {
    search(RepoKind::Dataset, text)
}

/// The models in the shared cache, by id: those that are there as a whole and can be trained. Nothing
/// is asked of the hub, but every file is looked at: it blocks for as long as the disk takes. What
/// can't be read is passed over.
#[must_use]
pub fn cached_models() -> Vec<HubRepo> {
    cached(RepoKind::Model)
}

/// The data sets in the shared cache of which a configuration is there as a whole, as
/// [`cached_models`]. Blocks as that does.
#[must_use]
pub fn cached_datasets() -> Vec<HubRepo> {
    cached(RepoKind::Dataset)
}

fn search(kind: RepoKind, text: &str) -> Result<Vec<HubRepo>, SessionError> {
    let found = Hub::new(HubConfig::from_env())?.search(kind, text, LIMIT)?;
    let repos = found.into_iter().map(|repo| HubRepo {
        id: repo.id,
        downloads: repo.downloads,
        bytes: None,
    });
    Ok(repos.collect())
}

fn cached(kind: RepoKind) -> Vec<HubRepo> {
    let repos = cached_repos(&HubConfig::from_env().cache, kind);
    let repos = repos.into_iter().map(|repo| HubRepo {
        id: repo.id,
        downloads: None,
        bytes: Some(repo.bytes),
    });
    repos.collect()
}

//! The Hugging Face Hub: pinned revisions, the shared cache, resumable downloads.
//!
//! A run must be able to say exactly which bytes it read, so every use starts by pinning a
//! revision to a commit ([`Hub::resolve_commit`]) and reads only files of that commit. The
//! `hf-hub` crate speaks the Hub's API; this crate adds what a long download on a bad line needs
//! and `hf-hub` lacks: resuming after a cut, `HF_HUB_OFFLINE`, `Retry-After`, verification, and
//! errors that say what to do. Files land in the cache that Python's `huggingface_hub` uses, in
//! its layout and under its locks, so neither downloads what the other has.
//!
//! Native and blocking: a browser fetches the Hub's resolve URLs itself.

mod cache;
mod config;
mod dataset;
mod download;
mod error;
mod fault;
mod hub;
mod model;
mod net;

pub use config::{HubConfig, Retry};
pub use dataset::{DatasetFiles, SplitFiles};
pub use error::HubError;
pub use hub::{Commit, Download, Hub, RepoFile, RepoKind};
pub use model::ModelFiles;

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

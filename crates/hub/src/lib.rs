//! The Hugging Face Hub: pinned revisions, the shared cache, resumable downloads.
//!
//! A run must be able to say exactly which bytes it read, so every use starts by pinning a
//! revision to a commit ([`Hub::resolve_commit`]) and reads only files of that commit. The requests
//! are our own: the `hf-hub` crate lacks what a long download on a bad line needs (resuming after a
//! cut, `HF_HUB_OFFLINE`, `Retry-After`, verification), sends the token wherever a list's next page
//! is said to be, and reads answers of any length. Files land in the cache that Python's
//! `huggingface_hub` uses, in its layout and under its locks, so neither downloads what the other
//! has.
//!
//! The rules are written once, as futures over the requests of either target. Natively [`Hub`]
//! blocks. In a browser's worker its functions are `async`, requests are fetches, and the cache lies
//! in the files of [`tunesmith_platform`].

mod advice;
#[cfg(not(target_arch = "wasm32"))]
mod blocking;
mod cache;
mod cached;
mod config;
mod damaged;
mod dataset;
mod download;
mod error;
mod fault;
mod hub;
mod integrity;
mod model;
mod net;
mod search;

#[cfg(not(target_arch = "wasm32"))]
pub use blocking::{Hub, checkpoint_folder, dataset_snapshot, model_snapshot};
pub use cached::{CachedRepo, cached_repos};
pub use config::{HubConfig, Retry};
pub use damaged::drop_damaged;
pub use dataset::{DatasetFiles, SplitFiles};
pub use error::HubError;
#[cfg(target_arch = "wasm32")]
pub use hub::Hub;
pub use hub::{Commit, Download, RepoFile, RepoKind};
pub use model::ModelFiles;
#[doc(hidden)]
pub use net::read_any_answer;
pub use search::FoundRepo;

//! Natively, on a thread that may wait.

use std::path::PathBuf;

use tunesmith::data::LoadDataset;
use tunesmith::hub::{Hub, HubConfig};
use tunesmith_platform::fs;
use tunesmith_protocol::Event;

use super::{download_event, local};
use crate::SessionError;
use crate::background::background;
use crate::model::local_model;
use crate::session::Shared;

/// The folder of a model: `name_or_path` itself where it is one, else the hub's snapshot in the
/// shared cache, downloaded where it isn't there yet. Blocks.
///
/// # Errors
/// A folder without a model, or what the hub says.
pub fn model_dir(
    name_or_path: &str,
    revision: Option<&str>,
    cache_dir: Option<&str>,
    emit: &mut dyn FnMut(Event),
) -> Result<PathBuf, SessionError> {
    if let Some(folder) = local_model(name_or_path)? {
        return Ok(folder);
    }
    let mut config = HubConfig::from_env();
    if let Some(cache) = cache_dir {
        config.cache = cache.into();
    }
    let files = Hub::new(config)?.model_snapshot(name_or_path, revision, &mut |download| {
        emit(download_event(download))
    })?;
    Ok(files.root)
}

pub(super) async fn model(
    name: &str,
    revision: Option<&str>,
    cache: Option<&str>,
    shared: &Shared,
) -> Result<PathBuf, SessionError> {
    let owned = |text: &str| text.to_owned();
    let (name, revision, cache) = (owned(name), revision.map(owned), cache.map(owned));
    background(shared, move |emit| {
        model_dir(&name, revision.as_deref(), cache.as_deref(), emit)
    })
    .await
}

/// Natively a data set of the hub is fetched where it is loaded, on a thread that may wait, unless it is
/// to lie in a cache of its own.
pub(super) async fn named(
    name: &str,
    config: Option<&str>,
    cache: Option<&str>,
    shared: &Shared,
) -> Result<LoadDataset, SessionError> {
    let Some(cache) = cache.filter(|_| !fs::exists(name)) else {
        return Ok(local(name, config));
    };
    let hub = HubConfig {
        cache: cache.into(),
        ..HubConfig::from_env()
    };
    let (name, config) = (name.to_owned(), config.map(str::to_owned));
    background(shared, move |emit| {
        let files =
            Hub::new(hub)?.dataset_snapshot(&name, config.as_deref(), None, &mut |download| {
                emit(download_event(download));
            })?;
        Ok(LoadDataset::snapshot(files))
    })
    .await
}

//! In a browser, by its own fetch.

use std::cell::RefCell;
use std::path::PathBuf;

use tunesmith::data::LoadDataset;
use tunesmith::hub::{Hub, HubConfig};
use tunesmith_platform::fs;

use super::{download_event, local};
use crate::SessionError;
use crate::model::local_model;
use crate::session::Shared;

/// Where the hub's files lie in a browser's storage, unless `cache_dir` says otherwise.
const CACHE: &str = "/hub";

thread_local! {
    static ENDPOINT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Takes another hub than the public one, by its base URL.
pub fn set_hub(endpoint: &str) {
    ENDPOINT.with(|place| *place.borrow_mut() = Some(endpoint.to_owned()));
}

fn hub(cache: Option<&str>) -> Result<Hub, SessionError> {
    let mut config = HubConfig::new(cache.unwrap_or(CACHE));
    if let Some(endpoint) = ENDPOINT.with(|place| place.borrow().clone()) {
        config.endpoint = endpoint;
    }
    Ok(Hub::new(config)?)
}

pub(super) async fn model(
    name: &str,
    revision: Option<&str>,
    cache: Option<&str>,
    shared: &Shared,
) -> Result<PathBuf, SessionError> {
    if let Some(folder) = local_model(name)? {
        return Ok(folder);
    }
    let mut tell = |download| shared.tell(download_event(download));
    let hub = hub(cache)?;
    let files = hub.model_snapshot(name, revision, &mut tell).await?;
    Ok(files.root)
}

pub(super) async fn named(
    name: &str,
    config: Option<&str>,
    cache: Option<&str>,
    shared: &Shared,
) -> Result<LoadDataset, SessionError> {
    if fs::exists(name) {
        return Ok(local(name, config));
    }
    let mut tell = |download| shared.tell(download_event(download));
    let files = hub(cache)?
        .dataset_snapshot(name, config, None, &mut tell)
        .await?;
    Ok(LoadDataset::snapshot(files))
}

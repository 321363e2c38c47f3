//! A dataset of the Hub is first brought to disk, then read like any folder. This is the only place
//! that knows the Hub's client.

use tunesmith_hub::Download;

use crate::DataError;
use crate::card::Card;
use crate::layout::Splits;

/// Files of a dataset on the Hub, now on disk.
pub(crate) struct HubDataset {
    pub(crate) splits: Splits,
    pub(crate) card: Option<Card>,
    /// The name of the configuration that was chosen.
    pub(crate) config: String,
}

/// Downloads what is not in the Hub's cache yet.
pub(crate) fn fetch(
    repo: &str,
    config: Option<&str>,
    revision: Option<&str>,
    progress: &mut dyn FnMut(Download),
) -> Result<HubDataset, DataError> {
    let files = tunesmith_hub::dataset_snapshot(repo, config, revision, progress)?;
    let card = match &files.card {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(DataError::io("read", path))?;
            Card::parse(&text)
        }
        None => None,
    };
    let splits = files
        .splits
        .into_iter()
        .map(|split| {
            let paths = split.files.iter().map(|file| files.root.join(file));
            (split.name, paths.collect())
        })
        .collect();
    Ok(HubDataset {
        splits,
        card,
        config: files.config,
    })
}

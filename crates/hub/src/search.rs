//! Repositories found by a part of their id, for whoever does not know the whole of it.

use reqwest::Url;
use serde::Deserialize;
use tunesmith_architecture::family;

use crate::advice;
use crate::error::HubError;
use crate::hub::{Hub, RepoKind, check_repo};
use crate::net::{LONGEST, malformed};

/// A repository on the Hub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FoundRepo {
    /// `owner/name`.
    pub id: String,
    /// Downloads of the last 30 days, where the server counts them.
    pub downloads: Option<u64>,
}

/// The tag of every repository that transformers loads.
const TRANSFORMERS: &str = "transformers";

/// The hub can be asked for one `model_type` or for any, so more are asked for than are wanted.
const SPARE: usize = 10;

/// The most that a page of the hub's holds.
const MOST: usize = 1000;

/// What the hub tells of a repository.
#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(flatten)]
    repo: FoundRepo,
    #[serde(default)]
    tags: Vec<String>,
}

impl Listed {
    /// Whether one of its tags is the `model_type` of a family.
    fn can_be_trained(&self) -> bool {
        self.tags.iter().any(|tag| family(tag).is_some())
    }
}

impl Hub {
    /// At most `limit` repositories whose id has `text` in it, the most downloaded first; of models,
    /// those of the families that can be trained. An empty text finds all.
    ///
    /// # Errors
    /// Offline, unreachable, refused, or not an answer of the hub's.
    pub async fn search(
        &self,
        kind: RepoKind,
        text: &str,
        limit: usize,
    ) -> Result<Vec<FoundRepo>, HubError> {
        let text = text.trim();
        let Some(net) = &self.net else {
            return Err(HubError::OfflineSearch {
                text: text.to_owned(),
                cache: self.config.cache.clone(),
                why: advice::OFFLINE,
            });
        };
        let url = asking(net.endpoint.all(kind), kind, text, limit);
        let asked = self.repeated(async || {
            let answer = net.get(&url, 0).await?.whole(&url, LONGEST).await?;
            serde_json::from_slice(&answer).map_err(|error| malformed(&url, &error.to_string()))
        });
        let found: Vec<Listed> = asked.await.map_err(|(fault, attempts)| {
            fault.explain_search(self.config.token.is_some(), attempts)
        })?;
        // A mirror may know neither the limit nor the rules for ids.
        let usable = found
            .into_iter()
            .filter(|listed| kind != RepoKind::Model || listed.can_be_trained())
            .map(|listed| listed.repo)
            .filter(|repo| check_repo(&repo.id).is_ok());
        Ok(usable.take(limit).collect())
    }
}

/// `url` with the query of a search, percent-encoded.
fn asking(mut url: Url, kind: RepoKind, text: &str, limit: usize) -> Url {
    let mut query = url.query_pairs_mut();
    if !text.is_empty() {
        query.append_pair("search", text);
    }
    let limit = match kind {
        RepoKind::Model => {
            query.append_pair("filter", TRANSFORMERS);
            limit.saturating_mul(SPARE).min(MOST)
        }
        _ => limit,
    };
    query
        .append_pair("sort", "downloads")
        .append_pair("direction", "-1")
        .append_pair("limit", &limit.to_string());
    drop(query);
    url
}

//! Requests to the Hub, by one API on both targets. Natively they block, and their futures are ready
//! when they are first polled; in a browser they are fetches.

#[cfg(any(test, target_arch = "wasm32"))]
mod answers;
#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::advice;
use crate::config::HubConfig;
use crate::error::HubError;
use crate::fault::{Fault, shown};
use crate::hub::RepoKind;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{Body, Net, sleep};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{Body, Net, sleep};

/// What the Hub says about a file before any byte of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Names the blob: the SHA-256 of a large file, the git object id of a small one.
    pub etag: String,
    /// Bytes, where the server says.
    pub size: Option<u64>,
}

/// The Hub's base URL, what lies below it, and who may see the token.
pub(crate) struct Endpoint {
    base: Url,
    token: Option<String>,
}

impl Endpoint {
    pub fn new(config: &HubConfig) -> Result<Self, HubError> {
        let base = Url::parse(&config.endpoint)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                HubError::BadConfig(format!(
                    "{} is {:?}, which is not a URL such as https://huggingface.co",
                    advice::ENDPOINT,
                    config.endpoint
                ))
            })?;
        if let Some(token) = &config.token
            && HeaderValue::from_str(token).is_err()
        {
            return Err(HubError::BadConfig(format!(
                "{} holds characters that no token has (a line break?): set it again",
                advice::TOKEN
            )));
        }
        Ok(Self {
            base,
            token: config.token.clone(),
        })
    }

    /// A question about a repository.
    pub fn api(&self, kind: RepoKind, repo: &str, rest: &[&str]) -> Url {
        self.url(&["api", kind.plural()], repo, rest)
    }

    /// All repositories of a kind; the query says which ones.
    pub fn all(&self, kind: RepoKind) -> Url {
        self.url(&["api"], kind.plural(), &[])
    }

    /// The URL that a file of a commit is downloaded from.
    pub fn file(&self, kind: RepoKind, repo: &str, commit: &str, path: &str) -> Url {
        let prefix: &[&str] = match kind {
            RepoKind::Model => &[],
            RepoKind::Dataset => &["datasets"],
        };
        let mut rest = vec!["resolve", commit];
        rest.extend(path.split('/'));
        self.url(prefix, repo, &rest)
    }

    /// `endpoint/prefix…/path/rest…`, each piece percent-encoded as one segment.
    fn url(&self, prefix: &[&str], path: &str, rest: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only a URL without a host has no segments, and `new` turned those away.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(prefix).extend(path.split('/')).extend(rest);
        }
        url
    }

    /// Whether that URL is the Hub's own and not a download host's.
    pub fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    /// What a request to `url` may carry.
    pub fn token_for(&self, url: &Url) -> Option<&str> {
        self.token.as_deref().filter(|_| self.is_home(url))
    }
}

impl Body {
    /// All of a short answer.
    pub async fn whole(&mut self, url: &Url) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        loop {
            match self.chunk().await {
                Ok([]) => return Ok(bytes),
                Ok(chunk) => bytes.extend_from_slice(chunk),
                Err(reason) => {
                    let url = shown(url.as_str());
                    return Err(Fault::Cut { url, reason });
                }
            }
        }
    }
}

/// An ETag without its dress, where it can name a file.
fn bare_etag(etag: &str) -> Option<String> {
    let bare = etag.trim_start_matches("W/").trim_matches('"');
    let usable = !bare.is_empty() && bare.bytes().all(|b| b.is_ascii_alphanumeric());
    usable.then(|| bare.to_owned())
}

pub(crate) fn malformed(url: &Url, what: &str) -> Fault {
    Fault::Final(HubError::Malformed {
        url: shown(url.as_str()),
        what: what.to_owned(),
    })
}

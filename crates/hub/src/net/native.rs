//! Blocking requests: `hf-hub` for the API, plain HTTP for the files.
//!
//! Redirects of file requests are followed here by hand. The Hub describes a file (ETag, size) in
//! the redirect that points to the download host, not behind it, and the token must not follow.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use hf_hub::repository::RepoTreeEntry;
use hf_hub::{HFClient, HFClientSync, HFError, RepoType, RepoTypeDataset, RepoTypeModel, split_id};
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, LOCATION, RANGE};
use reqwest::{Method, StatusCode, Url, redirect};

use super::{Endpoint, Meta, bare_etag, malformed};
use crate::config::HubConfig;
use crate::error::HubError;
use crate::fault::{Fault, Refusal, innermost, shown, sources};
use crate::hub::{RepoFile, RepoKind};

const USER_AGENT: &str = concat!("tunesmith/", env!("CARGO_PKG_VERSION"));
/// Browsers stop after 20; the Hub needs two.
const MAX_REDIRECTS: usize = 10;
/// `hf-hub` looks for a token in the environment where it is given none. This one cannot be a
/// header's value, which makes it send no header.
const NO_TOKEN: &str = "\n";
/// Large enough that neither the disk nor the progress bar is the bottleneck.
const CHUNK: usize = 256 * 1024;

/// The connections of a [`crate::Hub`] that is not offline.
pub(crate) struct Net {
    pub endpoint: Endpoint,
    api: HFClientSync,
    files: Client,
}

impl Net {
    pub fn new(config: &HubConfig) -> Result<Self, HubError> {
        let endpoint = Endpoint::new(config)?;
        let failed = |what: String| {
            HubError::BadConfig(format!("cannot set up connections to the hub: {what}"))
        };
        let files = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            .timeout(config.read_timeout)
            .build()
            .map_err(|error| failed(innermost(&error)))?;
        let transport = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .connect_timeout(config.connect_timeout)
            .read_timeout(config.read_timeout)
            .build()
            .map_err(|error| failed(innermost(&error)))?;
        let api = HFClient::builder()
            .endpoint(&config.endpoint)
            .token(config.token.as_deref().unwrap_or(NO_TOKEN))
            .cache_dir(&config.cache)
            .client(transport)
            // One policy for the API and the files, in `Fault::pause`.
            .retry_max_attempts(0)
            .build_sync()
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            endpoint,
            api,
            files,
        })
    }

    /// The commit that `revision` is at now.
    pub async fn commit(
        &self,
        kind: RepoKind,
        repo: &str,
        revision: &str,
    ) -> Result<String, Fault> {
        let url = self.endpoint.api(kind, repo, &["revision", revision]);
        let (owner, name) = split_id(repo);
        let expand = vec!["sha".to_owned()];
        let sha = match kind {
            RepoKind::Model => {
                let repo = self.api.model(owner, name);
                let info = repo.info().revision(revision).expand(expand).send();
                info.map(|info| info.sha)
            }
            RepoKind::Dataset => {
                let repo = self.api.dataset(owner, name);
                let info = repo.info().revision(revision).expand(expand).send();
                info.map(|info| info.sha)
            }
        };
        sha.map_err(|error| api_fault(error, &url))?
            .ok_or_else(|| malformed(&url, "it names no commit (`sha`)"))
    }

    /// The files of a commit, in the server's order.
    pub async fn tree(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &str,
    ) -> Result<Vec<RepoFile>, Fault> {
        match kind {
            RepoKind::Model => self.tree_of(RepoTypeModel, kind, repo, commit),
            RepoKind::Dataset => self.tree_of(RepoTypeDataset, kind, repo, commit),
        }
    }

    fn tree_of<T: RepoType>(
        &self,
        repo_type: T,
        kind: RepoKind,
        repo: &str,
        commit: &str,
    ) -> Result<Vec<RepoFile>, Fault> {
        let (owner, name) = split_id(repo);
        let handle = self.api.repository(repo_type, owner, name);
        let entries = handle.list_tree().revision(commit).recursive(true).send();
        let url = self.endpoint.api(kind, repo, &["tree", commit]);
        let entries = entries.map_err(|error| api_fault(error, &url))?;
        Ok(entries
            .into_iter()
            .filter_map(|entry| match entry {
                RepoTreeEntry::File { path, size, .. } => Some(RepoFile {
                    path,
                    size,
                    etag: None,
                }),
                RepoTreeEntry::Directory { .. } => None,
            })
            .collect())
    }

    /// Asks what a file is, without its bytes.
    pub async fn head(&self, url: &Url) -> Result<Meta, Fault> {
        let response = self.send(&Method::HEAD, url, 0)?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let etag = header("x-linked-etag")
            .or_else(|| header(ETAG.as_str()))
            .and_then(bare_etag)
            .ok_or_else(|| malformed(url, "the header ETag is missing or unusable"))?;
        let size = header("x-linked-size").or_else(|| {
            // A redirect's own length is that of its little page.
            let of_file = response.status().is_success();
            of_file.then(|| header(CONTENT_LENGTH.as_str())).flatten()
        });
        Ok(Meta {
            etag,
            size: size.and_then(|size| size.parse().ok()),
        })
    }

    /// Starts to read a file at byte `from`.
    pub async fn get(&self, url: &Url, from: u64) -> Result<Body, Fault> {
        Ok(Body {
            response: self.send(&Method::GET, url, from)?,
            chunk: vec![0; CHUNK],
        })
    }

    fn send(&self, method: &Method, url: &Url, from: u64) -> Result<Response, Fault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            // `identity`: a compressed body has neither the size nor the ranges of the file.
            let mut request = self
                .files
                .request(method.clone(), url.clone())
                .header(ACCEPT_ENCODING, "identity");
            if let Some(token) = self.endpoint.token_for(&url) {
                request = request.bearer_auth(token);
            }
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response = request
                .send()
                .map_err(|error| transport_fault(&error, &url))?;
            if response.status().is_success() {
                return Ok(response);
            }
            if !response.status().is_redirection() {
                return Err(Fault::refusal(
                    response.status(),
                    response.url(),
                    response.headers(),
                ));
            }
            let location = response.headers().get(LOCATION);
            let next = location
                .and_then(|location| url.join(location.to_str().ok()?).ok())
                .ok_or_else(|| malformed(&url, "a redirect without a usable Location"))?;
            if *method == Method::HEAD && !self.endpoint.is_home(&next) {
                return Ok(response);
            }
            url = next;
        }
        Err(malformed(&url, "too many redirects"))
    }
}

/// A file on its way.
pub(crate) struct Body {
    response: Response,
    chunk: Vec<u8>,
}

impl Body {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next bytes; none at the end. The error is why the connection broke off.
    pub async fn chunk(&mut self) -> Result<&[u8], String> {
        loop {
            match self.response.read(&mut self.chunk) {
                Ok(count) => return Ok(&self.chunk[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(innermost(&error)),
            }
        }
    }
}

pub(crate) async fn sleep(pause: Duration) {
    std::thread::sleep(pause);
}

/// Sorts a transport error of a request to `url`.
fn transport_fault(error: &reqwest::Error, url: &Url) -> Fault {
    let (url, reason) = (shown(url.as_str()), innermost(error));
    if error.is_connect() || error.is_timeout() {
        Fault::Unreached { url, reason }
    } else {
        Fault::Cut { url, reason }
    }
}

/// Sorts an error of the API client; `url` is for those that do not carry theirs.
fn api_fault(error: HFError, url: &Url) -> Fault {
    let (context, retry_after) = match error {
        HFError::RateLimited {
            retry_after,
            context,
        } => (context, retry_after),
        HFError::Http { context }
        | HFError::AuthRequired { context }
        | HFError::Forbidden { context }
        | HFError::Conflict { context }
        | HFError::RepoNotFound {
            context: Some(context),
            ..
        }
        | HFError::RevisionNotFound {
            context: Some(context),
            ..
        }
        | HFError::EntryNotFound {
            context: Some(context),
            ..
        } => (context, None),
        HFError::Request { source, .. } if !is_json(&source) => {
            return transport_fault(&source, url);
        }
        other => {
            return Fault::Final(HubError::Malformed {
                url: shown(url.as_str()),
                what: other.to_string(),
            });
        }
    };
    Fault::Refused(Refusal {
        status: context.status.as_u16(),
        url: shown(&context.url),
        code: context.error_code,
        message: context.server_message,
        retry_after,
    })
}

fn is_json(error: &reqwest::Error) -> bool {
    sources(error).any(|source| source.is::<serde_json::Error>())
}

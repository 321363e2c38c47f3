//! Requests to the Hub: `hf-hub` for the API, plain HTTP for the files.
//!
//! Redirects of file requests are followed here by hand. The Hub describes a file (ETag, size) in
//! the redirect that points to the download host, not behind it, and the token must not follow.

use hf_hub::repository::RepoTreeEntry;
use hf_hub::{HFClient, HFClientSync, RepoType, RepoTypeDataset, RepoTypeModel, split_id};
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, HeaderValue, LOCATION, RANGE};
use reqwest::{Method, Url, redirect};

use crate::config::HubConfig;
use crate::error::HubError;
use crate::fault::{Fault, innermost, shown};
use crate::hub::{RepoFile, RepoKind};

const USER_AGENT: &str = concat!("tunesmith/", env!("CARGO_PKG_VERSION"));
/// Browsers stop after 20; the Hub needs two.
const MAX_REDIRECTS: usize = 10;
/// `hf-hub` looks for a token in the environment where it is given none. This one cannot be a
/// header's value, which makes it send no header.
const NO_TOKEN: &str = "\n";

/// What the Hub says about a file before any byte of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Names the blob: the SHA-256 of a large file, the git object id of a small one.
    pub etag: String,
    /// Bytes, where the server says.
    pub size: Option<u64>,
}

/// The connections of a [`crate::Hub`] that is not offline.
pub(crate) struct Net {
    api: HFClientSync,
    files: Client,
    endpoint: Url,
    token: Option<String>,
}

impl Net {
    pub fn new(config: &HubConfig) -> Result<Self, HubError> {
        let endpoint = Url::parse(&config.endpoint)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| {
                HubError::BadConfig(format!(
                    "HF_ENDPOINT is {:?}, which is not a URL such as https://huggingface.co",
                    config.endpoint
                ))
            })?;
        if let Some(token) = &config.token
            && HeaderValue::from_str(token).is_err()
        {
            return Err(HubError::BadConfig(
                "HF_TOKEN holds characters that no token has (a line break?): set it again"
                    .to_owned(),
            ));
        }
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
            api,
            files,
            endpoint,
            token: config.token.clone(),
        })
    }

    /// The commit that `revision` is at now.
    pub fn commit(&self, kind: RepoKind, repo: &str, revision: &str) -> Result<String, Fault> {
        let url = self.url(&["api", kind.plural()], repo, &["revision", revision]);
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
        sha.map_err(|error| Fault::api(error, &url))?
            .ok_or_else(|| malformed(&url, "it names no commit (`sha`)"))
    }

    /// The files of a commit, in the server's order.
    pub fn tree(&self, kind: RepoKind, repo: &str, commit: &str) -> Result<Vec<RepoFile>, Fault> {
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
        let entries = entries.map_err(|error| {
            Fault::api(
                error,
                &self.url(&["api", kind.plural()], repo, &["tree", commit]),
            )
        })?;
        Ok(entries
            .into_iter()
            .filter_map(|entry| match entry {
                RepoTreeEntry::File { path, size, .. } => Some(RepoFile { path, size }),
                RepoTreeEntry::Directory { .. } => None,
            })
            .collect())
    }

    /// The URL that a file of a commit is downloaded from.
    pub fn file_url(&self, kind: RepoKind, repo: &str, commit: &str, path: &str) -> Url {
        let prefix: &[&str] = match kind {
            RepoKind::Model => &[],
            RepoKind::Dataset => &["datasets"],
        };
        let mut rest = vec!["resolve", commit];
        rest.extend(path.split('/'));
        self.url(prefix, repo, &rest)
    }

    /// `endpoint/prefix…/repo/rest…`, each piece percent-encoded as one segment.
    fn url(&self, prefix: &[&str], repo: &str, rest: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        // Only a URL without a host has no segments, and `new` turned those away.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(prefix).extend(repo.split('/')).extend(rest);
        }
        url
    }

    /// Asks what a file is, without its bytes.
    pub fn head(&self, url: &Url) -> Result<Meta, Fault> {
        let response = self.send(&Method::HEAD, url, 0)?;
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let etag = header("x-linked-etag")
            .or_else(|| header(ETAG.as_str()))
            .map(|etag| etag.trim_start_matches("W/").trim_matches('"').to_owned())
            .filter(|etag| !etag.is_empty() && etag.bytes().all(|b| b.is_ascii_alphanumeric()))
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
    pub fn get(&self, url: &Url, from: u64) -> Result<Response, Fault> {
        self.send(&Method::GET, url, from)
    }

    fn send(&self, method: &Method, url: &Url, from: u64) -> Result<Response, Fault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let at_home = url.origin() == self.endpoint.origin();
            // `identity`: a compressed body has neither the size nor the ranges of the file.
            let mut request = self
                .files
                .request(method.clone(), url.clone())
                .header(ACCEPT_ENCODING, "identity");
            if at_home && let Some(token) = &self.token {
                request = request.bearer_auth(token);
            }
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response = request
                .send()
                .map_err(|error| Fault::transport(&error, &url))?;
            if response.status().is_success() {
                return Ok(response);
            }
            if !response.status().is_redirection() {
                return Err(Fault::refusal(&response));
            }
            let location = response.headers().get(LOCATION);
            let next = location
                .and_then(|location| url.join(location.to_str().ok()?).ok())
                .ok_or_else(|| malformed(&url, "a redirect without a usable Location"))?;
            if *method == Method::HEAD && next.origin() != self.endpoint.origin() {
                return Ok(response);
            }
            url = next;
        }
        Err(malformed(&url, "too many redirects"))
    }
}

fn malformed(url: &Url, what: &str) -> Fault {
    Fault::Final(HubError::Malformed {
        url: shown(url.as_str()),
        what: what.to_owned(),
    })
}

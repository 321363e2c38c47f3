//! Blocking requests.
//!
//! Redirects are followed here by hand. The Hub describes a file (ETag, size) in the redirect that
//! points to the download host, not behind it, and the token must not follow.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, LOCATION, RANGE};
use reqwest::{Method, StatusCode, Url, redirect};
use tunesmith_platform::now;

use super::{Auth, Endpoint, Meta, Pace, bare_etag, malformed};
use crate::config::HubConfig;
use crate::error::HubError;
use crate::fault::{Fault, innermost, shown};

const USER_AGENT: &str = concat!("tunesmith/", env!("CARGO_PKG_VERSION"));
/// Browsers stop after 20; the Hub needs two.
const MAX_REDIRECTS: usize = 10;
/// Large enough that neither the disk nor the progress bar is the bottleneck.
const CHUNK: usize = 256 * 1024;

/// The connections of a [`crate::Hub`] that is not offline.
pub(crate) struct Net {
    pub endpoint: Endpoint,
    client: Client,
    config: HubConfig,
}

impl Net {
    pub fn new(config: &HubConfig) -> Result<Self, HubError> {
        let endpoint = Endpoint::new(config)?;
        // reqwest is built without cryptography of its own choice. An error says that a hub before this
        // one, or the program around us, has chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(redirect::Policy::none())
            .connect_timeout(config.connect_timeout)
            // Until the answer begins, and then for each part of it.
            .timeout(config.read_timeout)
            .build()
            .map_err(|error| {
                HubError::BadConfig(format!(
                    "cannot set up connections to the hub: {}",
                    innermost(&error)
                ))
            })?;
        Ok(Self {
            endpoint,
            client,
            config: config.clone(),
        })
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
            pace: Pace::new(&self.config),
        })
    }

    fn send(&self, method: &Method, url: &Url, from: u64) -> Result<Response, Fault> {
        let mut url = url.clone();
        for _ in 0..=MAX_REDIRECTS {
            // `identity`: a compressed body has neither the size nor the ranges of the file.
            let mut request = self
                .client
                .request(method.clone(), url.clone())
                .header(ACCEPT_ENCODING, "identity");
            request = match self.endpoint.auth_for(&url) {
                Some(Auth::Bearer(token)) => request.bearer_auth(token),
                Some(Auth::Basic(user, password)) => request.basic_auth(user, Some(password)),
                None => request,
            };
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
                .filter(|next| matches!(next.scheme(), "http" | "https"))
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
    pace: Pace,
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
            let since = now();
            match self.response.read(&mut self.chunk) {
                Ok(0) => return Ok(&[]),
                Ok(count) => {
                    self.pace.count(since.elapsed(), count)?;
                    return Ok(&self.chunk[..count]);
                }
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

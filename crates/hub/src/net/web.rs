//! Requests by the browser's fetch.
//!
//! It follows redirects out of sight, drops the token on the way to another host, and tells nothing
//! of why it could not connect. A request that is dropped is stopped.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use futures_util::stream::{LocalBoxStream, StreamExt};
use gloo_timers::future::TimeoutFuture;
use reqwest::header::{HeaderMap, RANGE};
use reqwest::{Client, Response, StatusCode, Url};

use tunesmith_platform::now;

use super::{Auth, Endpoint, Pace};
use crate::config::HubConfig;
use crate::error::HubError;
use crate::fault::{Fault, innermost, shown};

/// The connections of a [`crate::Hub`] that is not offline.
pub(crate) struct Net {
    pub endpoint: Endpoint,
    client: Client,
    config: HubConfig,
}

impl Net {
    pub fn new(config: &HubConfig) -> Result<Self, HubError> {
        Ok(Self {
            endpoint: Endpoint::new(config)?,
            client: Client::new(),
            config: config.clone(),
        })
    }

    /// Starts to read what is at `url`, at byte `from`.
    pub async fn get(&self, url: &Url, from: u64) -> Result<Body, Fault> {
        // The files are kept here; the browser's own cache need not hold them too, and the commit
        // of a branch must be the one it is at now.
        let mut request = self.client.get(url.clone()).fetch_cache_no_store();
        request = match self.endpoint.auth_for(url) {
            Some(Auth::Bearer(token)) => request.bearer_auth(token),
            Some(Auth::Basic(user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        };
        if from > 0 {
            request = request.header(RANGE, format!("bytes={from}-"));
        }
        let unreached = |reason| Fault::Unreached {
            url: shown(url.as_str()),
            reason,
        };
        let to_answer = self.config.connect_timeout + self.config.read_timeout;
        let response = within(to_answer, request.send()).await.map_err(unreached)?;
        let response = response.map_err(|error| unreached(said(&error)))?;
        if response.status().is_success() {
            return Ok(Body::new(response, &self.config));
        }
        let (status, headers) = (response.status(), response.headers());
        Err(Fault::refusal(status, response.url(), headers))
    }
}

/// An answer on its way. Dropping it stops the request.
pub(crate) struct Body {
    status: StatusCode,
    headers: HeaderMap,
    chunks: LocalBoxStream<'static, reqwest::Result<Bytes>>,
    chunk: Bytes,
    /// The longest silence.
    to_go_on: Duration,
    pace: Pace,
}

impl Body {
    fn new(response: Response, config: &HubConfig) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            chunks: response.bytes_stream().boxed_local(),
            chunk: Bytes::new(),
            to_go_on: config.read_timeout,
            pace: Pace::new(config),
        }
    }

    pub fn status(&self) -> StatusCode {
        self.status
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The next bytes; none at the end. The error is why the connection broke off.
    pub async fn chunk(&mut self) -> Result<&[u8], String> {
        loop {
            let since = now();
            let next = within(self.to_go_on, self.chunks.next()).await?;
            let Some(chunk) = next else {
                return Ok(&[]);
            };
            self.chunk = chunk.map_err(|error| said(&error))?;
            // An empty chunk is not the end.
            if !self.chunk.is_empty() {
                self.pace.count(since.elapsed(), self.chunk.len())?;
                return Ok(&self.chunk);
            }
        }
    }
}

pub(crate) async fn sleep(pause: Duration) {
    let millis = pause.as_millis().try_into().unwrap_or(u32::MAX);
    TimeoutFuture::new(millis).await;
}

/// What the future gives, or that it took too long.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, String> {
    match select(pin!(future), pin!(sleep(limit))).await {
        Either::Left((outcome, _)) => Ok(outcome),
        Either::Right(_) => Err(format!("no answer for {} seconds", limit.as_secs())),
    }
}

/// The browser's words: `JsValue(TypeError: Failed to fetch\n<a stack>)`, within others.
fn said(error: &reqwest::Error) -> String {
    let words = innermost(error);
    let line = words.lines().next().unwrap_or_default();
    let line = line.trim_start_matches("JsValue(").trim_end_matches(')');
    format!("the browser says {line:?} and no more")
}

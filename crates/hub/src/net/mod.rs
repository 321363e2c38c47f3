//! Requests to the Hub, by one API on both targets. Natively they block, and their futures are ready
//! when they are first polled; in a browser they are fetches.

mod answers;
mod api;
mod endpoint;
#[cfg(not(target_arch = "wasm32"))]
mod native;
mod pace;
#[cfg(target_arch = "wasm32")]
mod web;

use reqwest::Url;

use crate::error::HubError;
use crate::fault::{Fault, shown};

pub use answers::read_any_answer;
pub(crate) use api::LONGEST;
use endpoint::{Auth, Endpoint};
use pace::Pace;

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

impl Body {
    /// All of an answer, which a server that means well keeps below `limit` bytes.
    pub async fn whole(&mut self, url: &Url, limit: usize) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        loop {
            match self.chunk().await {
                Ok([]) => return Ok(bytes),
                Ok(chunk) if bytes.len() + chunk.len() > limit => {
                    let what = format!("its answer is longer than {} MB", limit / 1_000_000);
                    return Err(malformed(url, &what));
                }
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

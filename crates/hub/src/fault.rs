//! What happened to one request, before it is known whether it matters: a fault is either
//! repeated, by one policy for the API and the downloads, or explained to the user.

use std::error::Error;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};

use crate::advice;
use crate::config::Retry;
use crate::error::HubError;
use crate::hub::RepoKind;

/// Characters that a server may say of why it refused, longer than any of the Hub's.
const LONGEST_MESSAGE: usize = 500;

/// A request that did not give what was asked for.
#[derive(Debug)]
pub(crate) enum Fault {
    /// No connection, or no answer.
    Unreached { url: String, reason: String },
    /// The connection broke off.
    Cut { url: String, reason: String },
    /// The server said no.
    Refused(Refusal),
    /// Nothing that asking again would change.
    Final(HubError),
}

/// An HTTP status other than success, with the headers in which the Hub says why.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub status: u16,
    pub url: String,
    pub code: Option<String>,
    pub message: Option<String>,
    pub retry_after: Option<Duration>,
}

/// What a request was about, to explain its failure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub kind: RepoKind,
    pub repo: &'a str,
    pub revision: &'a str,
    pub file: Option<&'a str>,
    pub endpoint: &'a str,
    pub token_set: bool,
}

impl Fault {
    /// Takes down why a response is not a success.
    pub fn refusal(status: StatusCode, url: &Url, headers: &HeaderMap) -> Self {
        let header = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?;
            Some(
                value
                    .trim()
                    .chars()
                    .take(LONGEST_MESSAGE)
                    .collect::<String>(),
            )
        };
        Self::Refused(Refusal {
            status: status.as_u16(),
            url: shown(url.as_str()),
            code: header("x-error-code"),
            message: header("x-error-message"),
            retry_after: header("retry-after")
                .and_then(|seconds| seconds.parse().ok())
                .map(Duration::from_secs),
        })
    }

    /// The pause before asking again after `failures` earlier faults in a row, or `None` to stop.
    pub fn pause(&self, failures: u32, retry: &Retry) -> Option<Duration> {
        if failures + 1 >= retry.attempts {
            return None;
        }
        let backoff = retry.base.saturating_mul(2_u32.saturating_pow(failures));
        match self {
            // A machine without a network should learn so in seconds.
            Self::Unreached { .. } => (failures == 0).then_some(backoff.min(retry.cap)),
            Self::Cut { .. } => Some(backoff.min(retry.cap)),
            Self::Refused(refusal) => matches!(refusal.status, 408 | 429 | 500 | 502 | 503 | 504)
                .then(|| refusal.retry_after.unwrap_or(backoff).min(retry.cap)),
            Self::Final(_) => None,
        }
    }

    /// What the user is told, after `attempts` requests.
    pub fn explain(self, target: &Target<'_>, attempts: u32) -> HubError {
        match self {
            Self::Unreached { url, reason } => HubError::Unreachable { url, reason },
            Self::Cut { url, reason } => HubError::Truncated {
                url,
                have: 0,
                total: None,
                reason,
            },
            Self::Final(error) => error,
            Self::Refused(refusal) => refusal.explain(target, attempts),
        }
    }

    /// [`Fault::explain`] for a search, which is about no repository and keeps nothing of an answer
    /// that was cut.
    pub fn explain_search(self, token_set: bool, attempts: u32) -> HubError {
        match self {
            Self::Unreached { url, reason } | Self::Cut { url, reason } => {
                HubError::Unreachable { url, reason }
            }
            Self::Final(error) => error,
            Self::Refused(refusal) => refusal.explain_search(token_set, attempts),
        }
    }
}

impl Refusal {
    fn explain(self, target: &Target<'_>, attempts: u32) -> HubError {
        let page = target.page();
        let repo = target.repo.to_owned();
        let revision = target.revision.to_owned();
        match (self.status, self.code.as_deref(), target.file) {
            (401 | 403, code, _) => {
                let advice = target.advice(code);
                self.denied(advice)
            }
            (404, Some("RepoNotFound"), _) => HubError::RepoNotFound {
                kind: target.kind.name(),
                repo,
                url: self.url,
            },
            (404, Some("EntryNotFound") | None, Some(file)) => HubError::FileNotFound {
                file: file.to_owned(),
                page: format!("{page}/tree/{revision}"),
                repo,
                revision,
                url: self.url,
            },
            (404, _, _) => HubError::RevisionNotFound {
                repo,
                revision,
                url: self.url,
                page,
            },
            _ => self.explain_status(attempts),
        }
    }

    fn explain_search(self, token_set: bool, attempts: u32) -> HubError {
        match self.status {
            401 | 403 if token_set => {
                let check = advice::CHECK_TOKEN;
                self.denied(format!("the token was not accepted. {check}"))
            }
            401 | 403 => {
                let set = advice::SET_TOKEN;
                self.denied(format!("this hub wants to know who searches: {set}"))
            }
            _ => self.explain_status(attempts),
        }
    }

    /// A status that says the same whatever was asked for.
    fn explain_status(self, attempts: u32) -> HubError {
        let (status, detail, url) = (self.status, self.detail(), self.url);
        match status {
            429 => HubError::RateLimited { url, attempts },
            500..=599 => HubError::Server {
                status,
                url,
                detail,
                attempts,
            },
            _ => HubError::Http {
                status,
                url,
                detail,
            },
        }
    }

    fn denied(self, advice: String) -> HubError {
        HubError::Denied {
            status: self.status,
            detail: self.detail(),
            url: self.url,
            advice,
        }
    }

    /// The server's words, to go on with after the status.
    fn detail(&self) -> String {
        let message = self.message.as_deref().filter(|text| !text.is_empty());
        message.map_or_else(String::new, |text| format!(", {text}"))
    }
}

impl Target<'_> {
    /// The repository's page for people.
    pub fn page(&self) -> String {
        format!("{}/{}{}", self.endpoint, self.kind.prefix(), self.repo)
    }

    /// The Hub answers 401 for a repository that does not exist, so as not to tell whether a
    /// private one does; the advice has to cover both.
    fn advice(&self, code: Option<&str>) -> String {
        let (kind, repo, page) = (self.kind.name(), self.repo, self.page());
        if code == Some("GatedRepo") {
            return format!(
                "{kind} {repo} is gated. Accept its conditions at {page}, then {} of that account",
                advice::SET_TOKEN
            );
        }
        if self.token_set {
            format!(
                "the token was not accepted for {kind} {repo}. {} and may read it, that {page} \
                 grants access, and the spelling",
                advice::CHECK_TOKEN
            )
        } else {
            format!(
                "{kind} {repo} does not exist (check the spelling), or it is private or gated: \
                 then {} of an account that {page} lets in",
                advice::SET_TOKEN
            )
        }
    }
}

/// A URL without its query, which on a download host holds a signature, and without user and password.
pub(crate) fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// An error and what it wraps, outermost first.
pub(crate) fn sources<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The innermost error is the system's; those around it say "error sending request".
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    sources(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        assert_eq!(
            shown("https://alice:s3cret@cdn.example:8443/a@b.bin?signature=x"),
            "https://cdn.example:8443/a@b.bin"
        );
        assert_eq!(shown("https://cdn.example"), "https://cdn.example");
    }
}

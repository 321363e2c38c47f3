//! Where the Hub is, and who may know who we are.

use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::advice;
use crate::config::HubConfig;
use crate::error::HubError;
use crate::hub::RepoKind;

/// Says who we are.
pub(crate) enum Auth {
    /// A token of the Hub's.
    Bearer(String),
    /// What stands before the `@` of the endpoint.
    Basic(String, String),
}

/// The Hub's base URL, what lies below it, and who may see the token.
pub(crate) struct Endpoint {
    /// Without user and password, so that no message can show them.
    base: Url,
    auth: Option<Auth>,
}

impl Endpoint {
    pub fn new(config: &HubConfig) -> Result<Self, HubError> {
        let refused = |what: &str| {
            HubError::BadConfig(format!(
                "{} is {:?}, which {what}",
                advice::ENDPOINT,
                config.shown_endpoint()
            ))
        };
        let mut base = Url::parse(&config.endpoint)
            .ok()
            .filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"))
            .ok_or_else(|| refused("is not a URL such as https://huggingface.co"))?;
        // A password with a `/` or `?` of its own ends where the host should, and would be shown.
        if base.path().contains('@') || base.query().is_some() || base.fragment().is_some() {
            return Err(refused(
                "has more than host and path: write '/', '?', '#' and '@' of a password as %2F, %3F, \
                 %23 and %40",
            ));
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (user, password) = (
            decoded(base.username()),
            decoded(base.password().unwrap_or_default()),
        );
        // Both can only fail for a URL without a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        if let Some(token) = &config.token
            && HeaderValue::from_str(token).is_err()
        {
            return Err(HubError::BadConfig(format!(
                "{} holds characters that no token has (a line break?): set it again",
                advice::TOKEN
            )));
        }
        // As in Python, where both are given: the mirror that asks for a password doesn't know the
        // Hub's token.
        let auth = if user.is_empty() && password.is_empty() {
            config.token.clone().map(Auth::Bearer)
        } else {
            Some(Auth::Basic(user, password))
        };
        Ok(Self { base, auth })
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
    pub fn auth_for(&self, url: &Url) -> Option<&Auth> {
        self.auth.as_ref().filter(|_| self.is_home(url))
    }
}

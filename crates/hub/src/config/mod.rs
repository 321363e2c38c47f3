//! Where the Hub and its cache are, by the same variables and in the same order as Python's
//! `huggingface_hub`, so that one set-up serves both.

#[cfg(not(target_arch = "wasm32"))]
mod native;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// How often and how patiently a failed request is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in a row that may fail before giving up; a download that gains ground starts over.
    pub attempts: u32,
    /// The first pause; each further one is twice as long.
    pub base: Duration,
    /// The longest pause, also where the server's `Retry-After` asks for more.
    pub cap: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 5,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(60),
        }
    }
}

/// Where to download from and to. A plain struct: tests and programs may fill it by hand, and a page
/// must, since a browser has no environment.
#[derive(Clone)]
pub struct HubConfig {
    /// Base URL of the Hub, `https://huggingface.co` unless `HF_ENDPOINT` says otherwise.
    pub endpoint: String,
    /// The cache folder that holds `models--…` and `datasets--…`.
    pub cache: PathBuf,
    /// Sent to `endpoint` only, never to a host that it redirects to.
    pub token: Option<String>,
    /// Use the cache only and open no connection.
    pub offline: bool,
    /// Repetition of failed requests.
    pub retry: Retry,
    /// The longest wait for a connection; in a browser, which doesn't tell, in addition to the next.
    pub connect_timeout: Duration,
    /// The longest silence of a server that is connected.
    pub read_timeout: Duration,
    /// Bytes a second, over `read_timeout`, below which a server is too slow: the connection is given
    /// up, and a download goes on by another.
    pub min_rate: u64,
}

// By hand, so that neither a token nor the endpoint's password reaches a log.
impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConfig")
            .field("endpoint", &self.shown_endpoint())
            .field("cache", &self.cache)
            .field("token_set", &self.token.is_some())
            .field("offline", &self.offline)
            .finish_non_exhaustive()
    }
}

impl HubConfig {
    /// The public Hub, no token, and the given cache folder.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            cache: cache.into(),
            token: None,
            offline: false,
            retry: Retry::default(),
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(30),
            // A modem of 1995 has three times as much.
            min_rate: 1000,
        }
    }

    /// The endpoint without user and password.
    pub(crate) fn shown_endpoint(&self) -> String {
        let Some((credentials, host)) = self.endpoint.rsplit_once('@') else {
            return self.endpoint.clone();
        };
        match credentials.split_once("://") {
            Some((scheme, _)) => format!("{scheme}://{host}"),
            None => host.to_owned(),
        }
    }

    /// What a connection must bring within `read_timeout`, and a download before its failures are
    /// forgotten.
    pub(crate) fn least_bytes(&self) -> u64 {
        (self.read_timeout.as_secs_f64() * self.min_rate as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn config(vars: &[(&str, &str)]) -> HubConfig {
        HubConfig::from_vars(|name| {
            vars.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_cache_is_found_in_pythons_order() {
        let mut vars = vec![("HOME", "/u")];
        for (name, value, cache) in [
            ("HOME", "/u", "/u/.cache/huggingface/hub"),
            ("XDG_CACHE_HOME", "/x", "/x/huggingface/hub"),
            ("HF_HOME", "~/h", "/u/h/hub"),
            ("HUGGINGFACE_HUB_CACHE", "/old", "/old"),
            ("HF_HUB_CACHE", "/c", "/c"),
        ] {
            vars.push((name, value));
            assert_eq!(config(&vars).cache, PathBuf::from(cache), "with {name}");
        }
    }

    #[test]
    fn the_token_comes_from_the_variable_then_the_files_and_is_never_printed() {
        let home = tempfile::tempdir().unwrap();
        let other = home.path().join("other");
        std::fs::write(home.path().join("token"), "login\n").unwrap();
        std::fs::write(&other, " file ").unwrap();
        let mut vars = vec![("HF_HOME", home.path().to_str().unwrap())];
        assert_eq!(config(&vars).token.as_deref(), Some("login"));
        vars.push(("HF_TOKEN_PATH", other.to_str().unwrap()));
        assert_eq!(config(&vars).token.as_deref(), Some("file"));
        vars.push(("HF_TOKEN", "variable"));
        assert_eq!(config(&vars).token.as_deref(), Some("variable"));
        assert!(!format!("{:?}", config(&vars)).contains("variable"));
        vars.push(("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1"));
        assert_eq!(config(&vars).token, None);
    }

    #[test]
    fn a_password_of_the_endpoint_is_never_printed() {
        for endpoint in [
            "https://alice:s3cret@mirror.example/hub",
            "alice:s3cret@mirror.example/hub",
            "https://al@ice:s3c/ret@mirror.example/hub",
        ] {
            let mut config = HubConfig::new("cache");
            config.endpoint = endpoint.to_owned();
            let shown = format!("{config:?}");
            assert!(shown.contains("mirror.example/hub"), "{shown}");
            assert!(!shown.contains("ret") && !shown.contains("ice"), "{shown}");
        }
    }

    #[test]
    fn endpoint_and_offline() {
        let read = config(&[
            ("HF_ENDPOINT", "https://mirror.example/"),
            ("HF_HUB_OFFLINE", "yes"),
        ]);
        assert_eq!(read.endpoint, "https://mirror.example");
        assert!(read.offline);
        assert!(!config(&[("HF_HUB_OFFLINE", "0")]).offline);
        assert_eq!(
            config(&[("HF_ENDPOINT", "")]).endpoint,
            "https://huggingface.co"
        );
    }
}

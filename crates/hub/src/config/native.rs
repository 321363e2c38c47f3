//! From the environment, which a browser has not.

use std::path::PathBuf;

use super::HubConfig;

impl HubConfig {
    /// The configuration of this process: `HF_ENDPOINT`, `HF_HUB_OFFLINE`; the cache from
    /// `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE`, `HF_HOME`, `XDG_CACHE_HOME`; the token from
    /// `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else the one that `hf auth login` wrote, unless
    /// `HF_HUB_DISABLE_IMPLICIT_TOKEN` is set.
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// [`HubConfig::from_env`] over any source of variables. An empty value counts as unset.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.trim().is_empty());
        let user_home = var("HOME")
            .map(PathBuf::from)
            .or_else(std::env::home_dir)
            .unwrap_or_else(std::env::temp_dir);
        let folder = |name: &str| {
            var(name).map(|value| match value.strip_prefix("~/") {
                Some(rest) => user_home.join(rest),
                None => PathBuf::from(value),
            })
        };
        let home = folder("HF_HOME").unwrap_or_else(|| {
            folder("XDG_CACHE_HOME")
                .unwrap_or_else(|| user_home.join(".cache"))
                .join("huggingface")
        });
        let cache = folder("HF_HUB_CACHE")
            .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
            .unwrap_or_else(|| home.join("hub"));

        let mut config = Self::new(cache);
        if let Some(endpoint) = var("HF_ENDPOINT") {
            config.endpoint = endpoint.trim_end_matches('/').to_owned();
        }
        config.offline = is_true(var("HF_HUB_OFFLINE"));
        if !is_true(var("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
            let file = folder("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
            config.token = var("HF_TOKEN")
                .or_else(|| std::fs::read_to_string(file).ok())
                .map(|token| token.trim().to_owned())
                .filter(|token| !token.is_empty());
        }
        config
    }
}

/// The spellings that `huggingface_hub` takes for yes.
fn is_true(value: Option<String>) -> bool {
    value.is_some_and(|value| {
        matches!(
            value.trim().to_uppercase().as_str(),
            "1" | "ON" | "YES" | "TRUE"
        )
    })
}

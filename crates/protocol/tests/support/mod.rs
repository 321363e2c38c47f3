//! How configurations are read in tests.

use tunesmith_protocol::{ConfigError, RunConfig};

/// A configuration that is read without a warning.
pub fn read(text: &str) -> RunConfig {
    let (config, warnings) = RunConfig::from_json(text).unwrap();
    assert!(warnings.is_empty(), "{warnings:?}");
    config
}

/// The fields found wrong, and the whole message.
pub fn problems(result: Result<impl std::fmt::Debug, ConfigError>) -> (Vec<String>, String) {
    let error = result.unwrap_err();
    let fields = error.problems().iter().map(|p| p.field.clone()).collect();
    (fields, error.to_string())
}

//! `config.json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunesmith_model::ModelConfig;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(config) = ModelConfig::from_json(text)
    {
        config.label_names();
    }
});

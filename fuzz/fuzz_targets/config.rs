//! `config.json`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunesmith_model::BertConfig;

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(config) = BertConfig::from_json(text)
    {
        config.label_names();
    }
});

//! `tokenizer.json`, built and tried. A panic counts though it is caught natively: in a browser nothing
//! catches it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunesmith_damage::fixtures::TEXTS;
use tunesmith_data::{TokenizeOptions, Tokenizer};

fuzz_target!(|data: &[u8]| {
    let Ok(tokenizer) = Tokenizer::from_bytes(data, None) else {
        return;
    };
    let cut = TokenizeOptions {
        max_length: Some(8),
        ..TokenizeOptions::default()
    };
    for text in TEXTS {
        let _ = tokenizer.encode(text, None, &TokenizeOptions::default());
        let _ = tokenizer.encode(text, Some(TEXTS[0]), &cut);
    }
});

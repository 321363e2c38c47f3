//! Answers of the hub's API.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = tunesmith_hub::read_any_answer(data);
});

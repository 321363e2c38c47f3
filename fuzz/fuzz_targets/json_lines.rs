//! Rows in the format JsonLines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunesmith_data::{Dataset, Format};

fuzz_target!(|data: &[u8]| {
    let _ = Dataset::from_bytes("rows", Format::JsonLines, data.to_vec());
});

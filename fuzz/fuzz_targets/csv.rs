//! Rows in the format Csv.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunesmith_data::{Dataset, Format};

fuzz_target!(|data: &[u8]| {
    let _ = Dataset::from_bytes("rows", Format::Csv, data.to_vec());
});

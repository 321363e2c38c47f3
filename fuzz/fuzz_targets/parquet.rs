//! Parquet files. The parquet crate panics on some, which is caught where the file is read: here too, so
//! that only what is not caught ends the run.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tunesmith_data::{Dataset, Format};

fuzz_target!(
    // libFuzzer's own hook ends the process at any panic, a caught one too.
    init: drop(std::panic::take_hook()),
    |data: &[u8]| {
        let _ = Dataset::from_bytes("rows", Format::Parquet, data.to_vec());
    }
);

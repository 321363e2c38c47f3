//! Files of weights, and of an optimizer's state, which are in the same format.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tunesmith_model::TensorFile;

static PATH: LazyLock<PathBuf> = LazyLock::new(|| {
    std::env::temp_dir().join(format!("tunesmith-fuzz-{}.safetensors", std::process::id()))
});

fuzz_target!(|data: &[u8]| {
    let _ = std::fs::write(&*PATH, data);
    let Ok(file) = TensorFile::open_file(&PATH) else {
        return;
    };
    for name in file.names() {
        let _ = file.read(name);
    }
});

//! The README.md of a data set, read with the folder that it describes.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tunesmith_data::LoadDataset;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("tunesmith-fuzz-card-{}", std::process::id()));
    for file in ["train.csv", "below/test.csv"] {
        let path = folder.join(file);
        path.parent().map(std::fs::create_dir_all);
        let _ = std::fs::write(path, "text,label\na,1\nb,0\n");
    }
    folder
});

fuzz_target!(|data: &[u8]| {
    let _ = std::fs::write(FOLDER.join("README.md"), data);
    if let Some(folder) = FOLDER.to_str() {
        let _ = LoadDataset::new(folder).in_memory_limit(1 << 20).load();
    }
});

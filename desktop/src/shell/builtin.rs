//! What comes with the program: a data set and a model, unpacked where others are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use tunesmith_desktop::{Arguments, Checkpoint};

/// The data set's rows lie in a folder by the configuration's name.
const CONFIG: &str = "mrpc_like";

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../data/", $folder, "/", $name)))),+]
    };
}

const DATA: &[(&str, &[u8])] = files!("paraphrase":
    "README.md",
    "mrpc_like/train-00000-of-00001.parquet",
    "mrpc_like/validation-00000-of-00001.parquet",
    "mrpc_like/test-00000-of-00001.parquet",
);

const MODEL: &[(&str, &[u8])] = files!("tiny":
    "README.md",
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
);

/// The arguments that name the data set.
///
/// # Errors
/// Where it can't be unpacked.
pub fn data(home: &Path) -> Result<Arguments> {
    let folder = unpack(home, "paraphrase", DATA)?;
    let mut arguments = Arguments::new();
    let name = folder.display().to_string();
    arguments.insert("dataset_name".to_owned(), json!(name));
    arguments.insert("dataset_config_name".to_owned(), json!(CONFIG));
    Ok(arguments)
}

/// The model's folder.
///
/// # Errors
/// Where it can't be unpacked.
pub fn model(home: &Path) -> Result<Checkpoint> {
    let folder = unpack(home, "tiny", MODEL)?;
    Ok(Checkpoint {
        folder: folder.display().to_string(),
    })
}

fn unpack(home: &Path, name: &str, files: &[(&str, &[u8])]) -> Result<PathBuf> {
    let folder = home.join("builtin").join(name);
    for (name, bytes) in files {
        let path = folder.join(name);
        // Of another version of the program, or cut off: written anew.
        if fs::read(&path).is_ok_and(|there| there == *bytes) {
            continue;
        }
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, bytes))
            .with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(folder)
}

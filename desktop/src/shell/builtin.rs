//! What comes with the program: data sets and a model, unpacked where others are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use tunesmith_desktop::{Arguments, Builtin, Checkpoint};

/// The pairs' rows lie in a folder by the configuration's name.
const CONFIG: &str = "mrpc_like";

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../data/", $folder, "/", $name)))),+]
    };
}

const TOPICS: &[(&str, &[u8])] = files!("news":
    "README.md",
    "train-00000-of-00001.parquet",
    "validation-00000-of-00001.parquet",
);

const PAIRS: &[(&str, &[u8])] = files!("paraphrase":
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

/// The arguments that name a data set.
///
/// # Errors
/// Where it can't be unpacked.
pub fn data(home: &Path, which: Builtin) -> Result<Arguments> {
    let (folder, config) = match which {
        Builtin::Topics => (unpack(home, "news", TOPICS)?, None),
        Builtin::Pairs => (unpack(home, "paraphrase", PAIRS)?, Some(CONFIG)),
    };
    let mut arguments = Arguments::new();
    let name = folder.display().to_string();
    arguments.insert("dataset_name".to_owned(), json!(name));
    if let Some(config) = config {
        arguments.insert("dataset_config_name".to_owned(), json!(config));
    }
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

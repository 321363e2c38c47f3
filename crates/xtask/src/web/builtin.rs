//! The data sets and the model that the page offers at once.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::files;
use crate::project::Project;

/// The folders of `data/`.
const TOPICS: &str = "news";
const PAIRS: &str = "paraphrase";
const MODEL: &str = "tiny";

/// Copies them to `web/dist/builtin`, with an `index.json` that lists their files for the page.
///
/// # Errors
/// When a file can't be read or written.
pub fn copy(project: &Project) -> Result<()> {
    let builtin = project.web().join("dist").join("builtin");
    let data = project.root.join("data");
    let index = json!({
        "topics": folder(&data, TOPICS, &builtin)?,
        "pairs": folder(&data, PAIRS, &builtin)?,
        "model": folder(&data, MODEL, &builtin)?,
    });
    let path = builtin.join("index.json");
    fs::write(&path, format!("{index:#}\n"))
        .with_context(|| format!("can't write {}", path.display()))
}

/// Copies a folder and gives the paths of its files, `/` between names.
fn folder(data: &Path, name: &str, to: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for file in files::below(&data.join(name))? {
        let inside = file.strip_prefix(data)?;
        files::copy(&file, &to.join(inside))?;
        let names: Vec<_> = inside.iter().map(|name| name.to_string_lossy()).collect();
        paths.push(names.join("/"));
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_file_is_copied_and_listed() {
        let (data, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let rows = data.path().join("set").join("config").join("rows.parquet");
        fs::create_dir_all(rows.parent().unwrap()).unwrap();
        fs::write(&rows, "rows").unwrap();
        fs::write(data.path().join("set").join("README.md"), "card").unwrap();
        let listed = folder(data.path(), "set", to.path()).unwrap();
        assert_eq!(listed, ["set/README.md", "set/config/rows.parquet"]);
        for path in listed {
            assert!(to.path().join(path).is_file());
        }
    }
}

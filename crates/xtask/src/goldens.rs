//! The goldens: values of Python's libraries that tests compare with, and the scripts that make them.
//!
//! A golden says which script made it and holds the script's hash, so a script and its values can't
//! part: the test below fails until `cargo xtask goldens` has run.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files;
use crate::project::Project;
use crate::setup::{minilm, python};
use crate::shell::Cmd;

/// A script has this line; the other files of the folder are imported by scripts.
const MAIN: &str = "if __name__ == \"__main__\":";

/// Runs every script in `tests/goldens/generate`, or those whose name contains one of the filters.
///
/// # Errors
/// When the set-up fails, or a script does.
pub fn run(project: &Project, filter: &[String]) -> Result<()> {
    let python = python::for_goldens(project)?;
    let checkpoint = minilm::for_tests(project)?;
    let folder = folder(project);
    for script in scripts(&folder.join("generate"))? {
        let name = script.display().to_string();
        if filter.is_empty() || filter.iter().any(|part| name.contains(part)) {
            Cmd::new(&python)
                .arg(&script)
                .arg(&folder)
                .env("TUNESMITH_MINILM", &checkpoint)
                .env("HF_HUB_OFFLINE", "1")
                // No compiled files beside the sources.
                .env("PYTHONDONTWRITEBYTECODE", "1")
                .run()?;
        }
    }
    Ok(())
}

fn folder(project: &Project) -> PathBuf {
    project.root.join("tests").join("goldens")
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut scripts = Vec::new();
    for path in files::below(folder)? {
        if path.extension().is_some_and(|extension| extension == "py") {
            let text = fs::read_to_string(&path)
                .with_context(|| format!("can't read {}", path.display()))?;
            if text.lines().any(|line| line == MAIN) {
                scripts.push(path);
            }
        }
    }
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::collections::BTreeSet;

    use serde_json::Value;
    use sha2::{Digest, Sha256};

    const LARGEST: u64 = 1_000_000;
    const LARGEST_SUM: u64 = 6_000_000;

    /// Over the script and what it imports, as `tests/goldens/generate/common.py` computes it.
    fn digest(folder: &Path, generator: &Value) -> String {
        let imports = generator["imports"].as_array().unwrap();
        let mut hasher = Sha256::new();
        for name in std::iter::once(&generator["script"]).chain(imports) {
            hasher.update(fs::read(folder.join(name.as_str().unwrap())).unwrap());
        }
        let bytes = hasher.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn goldens_are_those_of_the_scripts_as_they_stand() {
        let project = Project::find().unwrap();
        let goldens = folder(&project);
        let generate = goldens.join("generate");
        let (mut made, mut sum) = (BTreeSet::new(), 0);
        for entry in fs::read_dir(&goldens).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let golden: Value = serde_json::from_str(&text).unwrap();
            let generator = &golden["generator"];
            assert!(
                digest(&generate, generator) == generator["sha256"],
                "{} was made by another version of {} or of what it imports: run `cargo xtask goldens`",
                path.display(),
                generator["script"],
            );
            let versions = generator["versions"].as_object().unwrap();
            assert!(!versions.is_empty(), "{}: no versions", path.display());
            for (package, version) in versions {
                if let Some(pinned) = python::pinned(package) {
                    assert_eq!(version, pinned, "{}: {package}", path.display());
                }
            }
            made.insert(generator["script"].as_str().unwrap().to_owned());
            let size = text.len() as u64;
            assert!(size < LARGEST, "{}: {size} bytes", path.display());
            sum += size;
        }
        assert!(sum < LARGEST_SUM, "{sum} bytes of goldens");
        let scripts: BTreeSet<String> = scripts(&generate)
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(
            made, scripts,
            "each script has its goldens, and no golden is left over"
        );
    }

    #[test]
    fn a_changed_script_or_import_has_another_hash() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("a.py", "one");
        write("common.py", "two");
        let generator = serde_json::json!({"script": "a.py", "imports": ["common.py"]});
        let before = digest(folder.path(), &generator);
        write("common.py", "three");
        let after = digest(folder.path(), &generator);
        assert_ne!(before, after);
        write("common.py", "two");
        write("a.py", "on");
        assert_ne!(digest(folder.path(), &generator), before);
    }
}

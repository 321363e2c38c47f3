//! The Python lane's environment: PyTorch and transformers at pinned versions, in a virtual
//! environment of the cache folder. Only comparisons with Python need it; nothing else does.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::apt::{self, System};
use crate::project::Project;
use crate::shell::Cmd;

/// The versions that the comparisons were made with.
const TORCH: &str = "torch==2.15.0";
const PACKAGES: [&str; 2] = ["transformers==5.23.0", "numpy==2.4.6"];

/// A Python that has PyTorch and transformers, installed on first use.
///
/// # Errors
/// When there is no Python 3 or the packages can't be installed.
pub fn ensure(project: &Project) -> Result<PathBuf> {
    let folder = project.cache.join("python");
    let python = if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    };
    let stamp = folder.join("installed.txt");
    let wanted = format!("{TORCH} {}", PACKAGES.join(" "));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }

    // The stamp is written last: an environment whose installation was cut is made anew.
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("can't remove {}", folder.display()))?;
    }
    create(&folder)?;
    let pip = |arguments: &[&str]| {
        Cmd::new(&python)
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(arguments)
            .run()
    };
    eprintln!("installing PyTorch and transformers (3 GB on Linux)");
    pip(&[&[TORCH], &PACKAGES[..]].concat())?;
    fs::write(&stamp, wanted).with_context(|| format!("can't write {}", stamp.display()))?;
    Ok(python)
}

fn create(folder: &std::path::Path) -> Result<()> {
    let make = |python: &str| Cmd::new(python).args(["-m", "venv"]).arg(folder).succeeds();
    let names = ["python3", "python"];
    if names.into_iter().any(make) {
        return Ok(());
    }
    // Debian packs venv by itself.
    if System::here().is("debian") {
        apt::as_root(&apt::install("", &["python3", "python3-venv"]))
            .context("installing Python's venv")?;
        if names.into_iter().any(make) {
            return Ok(());
        }
    }
    bail!(
        "no Python 3.10 or later that can make a virtual environment (`python3 -m venv`): install one"
    )
}

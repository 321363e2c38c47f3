//! Python's environment: PyTorch and transformers at pinned versions, in a virtual environment of the
//! cache folder. Only comparisons with Python need it; nothing else does.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, bail};

use super::apt::{self, System};
use crate::project::Project;
use crate::shell::Cmd;

/// What the round trip and PyTorch's figures need.
const PACKAGES: [&str; 7] = [
    "torch==2.15.0",
    "transformers==5.23.0",
    "numpy==2.4.6",
    // transformers' TrainingArguments needs it.
    "accelerate==1.15.0",
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "tensorboard==2.21.0",
];

/// What making goldens needs besides.
const FOR_GOLDENS: [&str; 9] = [
    "datasets==5.2.0",
    "pandas==3.1.1",
    // transformers reads sentencepiece's models with it.
    "protobuf==7.36.2",
    "pyarrow==26.0.1",
    "scikit-learn==1.9.1",
    "scipy==1.17.1",
    "sentencepiece==0.2.3",
    "seqeval==1.2.2",
    "tokenizers==0.23.3",
];

/// An installation that may be under way.
pub struct Installation(JoinHandle<Result<PathBuf>>);

impl Installation {
    /// Waits for it and gives the Python that has the packages.
    ///
    /// # Errors
    /// When the packages can't be installed.
    pub fn wait(self) -> Result<PathBuf> {
        let ended = self.0.join();
        ended.unwrap_or_else(|_| Err(anyhow!("installing Python's packages panicked")))
    }
}

/// Begins to install PyTorch and transformers where they aren't there yet, beside what goes on
/// meanwhile: most of the time is spent on the network.
///
/// # Errors
/// When there is no Python 3.
pub fn start(project: &Project) -> Result<Installation> {
    let folder = project.cache.join("python");
    // Before anything runs beside it: this may call apt, which others do too.
    create(&folder)?;
    Ok(Installation(thread::spawn(move || {
        install(&folder, "installed.txt", &PACKAGES)
    })))
}

/// A Python that has PyTorch and transformers, installed on first use.
///
/// # Errors
/// When there is no Python 3 or the packages can't be installed.
pub fn ensure(project: &Project) -> Result<PathBuf> {
    start(project)?.wait()
}

/// A Python that has all that makes goldens, installed on first use.
///
/// # Errors
/// When there is no Python 3 or the packages can't be installed.
pub fn for_goldens(project: &Project) -> Result<PathBuf> {
    ensure(project)?;
    let folder = project.cache.join("python");
    install(&folder, "installed-for-goldens.txt", &FOR_GOLDENS)
}

/// A virtual environment of its own with these packages, installed on first use.
///
/// # Errors
/// When there is no Python 3 or the packages can't be installed.
pub fn environment(folder: &Path, packages: &[&str]) -> Result<PathBuf> {
    create(folder)?;
    install(folder, "installed.txt", packages)
}

/// The version that a package is pinned to.
#[cfg(test)]
pub fn pinned(package: &str) -> Option<&'static str> {
    let mut all = PACKAGES.iter().chain(&FOR_GOLDENS);
    all.find_map(|pin| pin.strip_prefix(package)?.strip_prefix("=="))
}

fn python_of(folder: &Path) -> PathBuf {
    if cfg!(windows) {
        folder.join("Scripts").join("python.exe")
    } else {
        folder.join("bin").join("python")
    }
}

/// Installs packages, unless the stamp says that they are there.
fn install(folder: &Path, stamp: &str, packages: &[&str]) -> Result<PathBuf> {
    let (python, stamp) = (python_of(folder), folder.join(stamp));
    let wanted = packages.join(" ");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if packages.contains(&PACKAGES[0]) {
        eprintln!("installing PyTorch and transformers (a download of 3 GB on Linux)");
    }
    // Neither a second copy of 3 GB, nor minutes spent on compiling modules that nobody imports. An
    // installation that was cut goes on where it was.
    Cmd::new(&python)
        .args(["-m", "pip", "install", "--disable-pip-version-check"])
        .args(["--no-cache-dir", "--no-compile", "--quiet"])
        .args(packages)
        .run()?;
    fs::write(&stamp, wanted).with_context(|| format!("can't write {}", stamp.display()))?;
    Ok(python)
}

/// Makes the virtual environment where there is none that works.
fn create(folder: &Path) -> Result<()> {
    let works = |folder: &Path| {
        let pip = ["-m", "pip", "--version"];
        Cmd::new(python_of(folder)).args(pip).succeeds()
    };
    if works(folder) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("can't remove {}", folder.display()))?;
    }
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

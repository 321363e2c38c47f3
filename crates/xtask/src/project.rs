//! Where things lie: the repository, the cache of what was downloaded, the built command.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::shell::Cmd;

/// The places that the jobs share.
pub struct Project {
    /// The root of the repository.
    pub root: PathBuf,
    /// What set-up downloads, kept between runs: `$XDG_CACHE_HOME/tunesmith` or `~/.cache/tunesmith`.
    pub cache: PathBuf,
}

impl Project {
    /// # Errors
    /// When there is neither a cache folder nor a home folder to keep downloads in.
    pub fn find() -> Result<Self> {
        // Asked as it runs, not as it was compiled: clones that share a target directory share this program.
        let package =
            env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&package)
            .ancestors()
            .nth(2)
            .context("crates/xtask no longer lies two folders below the repository's root")?
            .to_owned();
        let folder = |name: &str| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let cache = folder("XDG_CACHE_HOME")
            .or_else(|| {
                Some(
                    folder("HOME")
                        .or_else(|| folder("USERPROFILE"))?
                        .join(".cache"),
                )
            })
            .context("no folder for downloads: set HOME or XDG_CACHE_HOME")?
            .join("tunesmith");
        Ok(Self { root, cache })
    }

    /// Cargo, in the repository.
    pub fn cargo(&self) -> Cmd {
        // What cargo tells xtask of xtask's own package would be taken for a change by build scripts that
        // watch these names (ring's), and all above it would be built again.
        Cmd::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .dir(&self.root)
            .without(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
    }

    /// What `cargo metadata` says; with the resolved graph of all dependencies where `graph` is set.
    ///
    /// # Errors
    /// When cargo can't read a manifest.
    pub fn metadata(&self, graph: bool) -> Result<Value> {
        let mut command = self.cargo().args(["metadata", "--format-version", "1"]);
        if !graph {
            command = command.arg("--no-deps");
        }
        serde_json::from_str(&command.stdout()?).context("cargo metadata printed no JSON")
    }

    /// Builds the `tunesmith` command and gives its path.
    ///
    /// # Errors
    /// When it doesn't build.
    pub fn tunesmith(&self) -> Result<PathBuf> {
        self.build("tunesmith")
    }

    /// Builds the desktop app and gives its path.
    ///
    /// # Errors
    /// When it doesn't build.
    pub fn desktop(&self) -> Result<PathBuf> {
        self.build("tunesmith-desktop")
    }

    /// Builds the program that measures and gives its path; with `stock`, burn's own modules in it too,
    /// and burn at the level that a program which relies on it would choose.
    ///
    /// # Errors
    /// When it doesn't build.
    pub fn bench(&self, stock: bool) -> Result<PathBuf> {
        if !stock {
            return self.build("tunesmith-bench");
        }
        let mut options = vec!["--features".to_owned(), STOCK.to_owned()];
        for package in STOCK_CRATES {
            options.push("--config".to_owned());
            options.push(format!("profile.dev.package.{package}.opt-level=3"));
        }
        self.build_with("tunesmith-bench", &options)
    }

    /// Builds always the same packages: with another choice cargo would turn on other features in
    /// what lies below burn, and build burn a second time. These give the features that `cargo test
    /// --workspace` has.
    fn build(&self, binary: &str) -> Result<PathBuf> {
        self.build_with(binary, &[])
    }

    fn build_with(&self, binary: &str, options: &[String]) -> Result<PathBuf> {
        self.cargo()
            .args(["build", "--package", "tunesmith-cli"])
            .args(["--package", "tunesmith-bench"])
            .args(["--package", "tunesmith-desktop"])
            .args(options)
            .run()?;
        let name = format!("{binary}{}", env::consts::EXE_SUFFIX);
        Ok(self.target()?.join("debug").join(name))
    }

    /// Where cargo puts what it builds.
    ///
    /// # Errors
    /// When cargo can't read a manifest.
    pub fn target(&self) -> Result<PathBuf> {
        let metadata = self.metadata(false)?;
        let target = metadata["target_directory"]
            .as_str()
            .context("cargo metadata names no target directory")?;
        Ok(PathBuf::from(target))
    }

    /// The npm package and the page.
    pub fn web(&self) -> PathBuf {
        self.root.join("web")
    }

    /// The repository's own set of sentence pairs, a folder in the Hub's layout.
    pub fn paraphrase(&self) -> PathBuf {
        self.root.join("data").join("paraphrase")
    }
}

/// The bench's feature that brings burn's own modules.
pub const STOCK: &str = "tunesmith-bench/stock";

/// What stock burn computes with, and what describes its kernels.
const STOCK_CRATES: [&str; 5] = [
    "burn-flex",
    "cubek-attention",
    "cubek-matmul",
    "cubek-reduce",
    "cubek-tile",
];

/// The configuration of [`Project::paraphrase`] that is made like MRPC.
pub const PARAPHRASE_CONFIG: &str = "mrpc_like";

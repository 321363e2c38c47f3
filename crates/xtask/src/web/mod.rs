//! `cargo xtask web`: the package and the page as a folder that any static host can serve.
//!
//! `web/dist` has the wasm module with its JavaScript (`wasm/`), the compiled TypeScript, the page, and
//! what it offers without a download (`builtin/`).

mod browser;
mod builtin;
mod module;
mod serve;

use std::fs;

use anyhow::{Context, Result};

use crate::files;
use crate::package;
use crate::project::Project;
use crate::setup::rust::WASM;
use crate::setup::{node, rust};

pub use browser::{playwright, run as test};
pub use module::{Optimised, PACKAGE, PROFILE, cargo};

/// What a person asks of `cargo xtask web`.
pub struct Options {
    /// Build again what changes, and don't wait for wasm-opt.
    pub dev: bool,
    /// Serve nothing.
    pub build_only: bool,
    /// Where to serve, on loopback.
    pub port: u16,
}

/// Builds `web/dist` and serves it until it is interrupted.
///
/// # Errors
/// When something that builds it is missing or fails, or the port is taken.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let optimised = match options.dev {
        true => Optimised::No,
        false => Optimised::Yes,
    };
    // Before the build, which takes minutes: what is edited meanwhile is built again after it.
    let sources = serve::Sources::look(project);
    build(project, optimised)?;
    if !options.dev {
        module::print_sizes(project)?;
    }
    match options {
        Options {
            build_only: true, ..
        } => Ok(()),
        Options { dev: true, .. } => serve::watch(project, options.port, sources),
        Options { dev: false, .. } => serve::run(project, options.port),
    }
}

/// Builds `web/dist` from nothing; what takes long (the module) is kept beside cargo's output.
///
/// # Errors
/// When something that builds it is missing or fails.
pub fn build(project: &Project, optimised: Optimised) -> Result<()> {
    rust::wasm_target()?;
    node::packages(project)?;
    let dist = project.web().join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| format!("can't remove {}", dist.display()))?;
    }
    page(project)?;
    builtin::copy(project)?;
    licences(project)?;
    module::build(project, optimised)
}

/// Puts our licences and those of the module's crates beside it, for the page and the package alike.
fn licences(project: &Project) -> Result<()> {
    let dist = project.web().join("dist");
    for name in package::LICENSES {
        files::copy(&project.root.join(name), &dist.join(name))?;
    }
    let crates = package::linked(project, &project.metadata(true)?, &[PACKAGE], WASM)?;
    package::write_notices(&dist.join(package::NOTICES), &crates)
}

/// Compiles the TypeScript and copies what the page has beside it.
fn page(project: &Project) -> Result<()> {
    node::npm(project)
        .args(["run", "--silent", "build"])
        .run()
        .context("building web/src")
}

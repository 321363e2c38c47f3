//! Parts of the Rust toolchain that a job needs beside the compiler.

use std::path::Path;

use anyhow::{Context, Result};

use crate::project::Project;
use crate::shell::Cmd;

/// The target of the web shell.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Sees to rustfmt and clippy.
///
/// # Errors
/// When one is missing and rustup can't add it.
pub fn components(project: &Project) -> Result<()> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !project.cargo().args([subcommand, "--version"]).succeeds() {
            rustup("component", component)?;
        }
    }
    Ok(())
}

/// Sees to the standard library of [`WASM`].
///
/// # Errors
/// When it is missing and rustup can't add it.
pub fn wasm_target() -> Result<()> {
    let library = Cmd::new("rustc")
        .args(["--print", "target-libdir", "--target", WASM])
        .stdout()?;
    if Path::new(library.trim()).is_dir() {
        return Ok(());
    }
    rustup("target", WASM)
}

/// Sees to cargo-fuzz and the nightly compiler, whose sanitizers it uses.
///
/// # Errors
/// When one is missing and can't be installed.
pub fn fuzzing() -> Result<()> {
    if !Cmd::new("cargo").args(["+nightly", "--version"]).succeeds() {
        Cmd::new("rustup")
            .args(["toolchain", "install", "nightly", "--profile", "minimal"])
            .run()
            .context("fuzzing needs a nightly compiler")?;
    }
    if !Cmd::new("cargo").args(["fuzz", "--version"]).succeeds() {
        Cmd::new("cargo")
            .args(["install", "cargo-fuzz", "--locked"])
            .run()?;
    }
    Ok(())
}

/// Adds to the toolchain that compiles here, by its name: rustup's default may be another one.
fn rustup(kind: &str, name: &str) -> Result<()> {
    let why = || format!("`{name}` is missing here; without rustup, install it as this Rust was");
    let active = Cmd::new("rustup")
        .args(["show", "active-toolchain"])
        .stdout()
        .with_context(why)?;
    let toolchain = active
        .split_whitespace()
        .next()
        .context("rustup names no active toolchain")?;
    Cmd::new("rustup")
        .args([kind, "add", "--toolchain", toolchain, name])
        .run()
        .with_context(why)
}

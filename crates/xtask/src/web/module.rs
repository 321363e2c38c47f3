//! The wasm module: built by cargo, given its JavaScript by wasm-bindgen, made smaller by wasm-opt.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::files::{self, is_older};
use crate::project::Project;
use crate::setup::node;
use crate::setup::rust::WASM;
use crate::shell::Cmd;

/// The browser's shell.
pub const PACKAGE: &str = "tunesmith-web";
/// What it is built by.
pub const PROFILE: &str = "web";
const MODULE: &str = "tunesmith_web_bg.wasm";

/// Where random numbers come from on wasm32, which has no system to ask; and SIMD, which every browser
/// with WebGPU has, for the CPU device.
const RUSTFLAGS: &str = r#"--cfg getrandom_backend="wasm_js" -C target-feature=+simd128"#;

/// Whether wasm-opt goes over the module, which takes minutes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Optimised {
    Yes,
    No,
}

/// Cargo for wasm32, with the flags of whoever calls kept.
pub fn cargo(project: &Project) -> Cmd {
    let given = env::var("RUSTFLAGS").unwrap_or_default();
    project.cargo().env("RUSTFLAGS", rustflags(&given))
}

fn rustflags(given: &str) -> String {
    format!("{given} {RUSTFLAGS}").trim_start().to_owned()
}

/// Builds `web/dist/wasm`.
///
/// # Errors
/// When the module or what is made of it can't be built.
pub fn build(project: &Project, optimised: Optimised) -> Result<()> {
    cargo(project)
        .args(["build", "--package", PACKAGE, "--profile", PROFILE])
        .args(["--target", WASM])
        .run()?;
    let built = project.target()?.join(WASM).join(PROFILE);
    let folder = bindgen(project, &built)?;
    for file in files::below(&folder)? {
        files::copy(&file, &dist(project).join(file.strip_prefix(&folder)?))?;
    }
    if optimised == Optimised::Yes {
        files::copy(&optimise(project, &folder)?, &dist(project).join(MODULE))?;
    }
    Ok(())
}

fn dist(project: &Project) -> PathBuf {
    project.web().join("dist").join("wasm")
}

/// The folder with the module and its JavaScript, made again where cargo made another module.
fn bindgen(project: &Project, built: &Path) -> Result<PathBuf> {
    let module = built.join(PACKAGE.replace('-', "_")).with_extension("wasm");
    let folder = built.join("bindgen");
    let locked = project.root.join("Cargo.lock");
    if is_older(&folder.join(MODULE), &[module.clone(), locked]) {
        // A program of its own: see Cargo.toml.
        project
            .cargo()
            .args([
                "run",
                "--quiet",
                "--package",
                "xtask",
                "--features",
                "bindgen",
            ])
            .args(["--bin", "bindgen", "--"])
            .arg(&module)
            .arg(&folder)
            .run()?;
    }
    Ok(folder)
}

/// The module as wasm-opt leaves it, made again where wasm-bindgen made another one.
fn optimise(project: &Project, folder: &Path) -> Result<PathBuf> {
    let (plain, small) = (folder.join(MODULE), folder.with_file_name("optimised.wasm"));
    let tools = project.web().join("package-lock.json");
    if is_older(&small, &[plain.clone(), tools]) {
        // What the module may use of wasm, it says itself: the profile must not strip that.
        // Renamed when whole, so that an interrupted run leaves nothing that looks finished.
        let part = small.with_extension("part");
        // Passes for size make fewer bytes of more kinds, which compress to more than these do.
        node::tool(project, "wasm-opt")
            .args(["-O1", "--strip-debug", "--strip-producers"])
            .arg(&plain)
            .arg("-o")
            .arg(&part)
            .run()?;
        fs::rename(&part, &small).with_context(|| format!("can't write {}", small.display()))?;
    }
    Ok(small)
}

/// Prints what a visitor downloads.
///
/// # Errors
/// When the module can't be read.
pub fn print_sizes(project: &Project) -> Result<()> {
    node::node(project)
        .arg("tools/sizes.js")
        .arg(dist(project).join(MODULE))
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_added_to_those_given() {
        // The same text where none is given: another one would build everything again.
        assert_eq!(rustflags(""), RUSTFLAGS);
        assert_eq!(
            rustflags("-C debuginfo=1"),
            format!("-C debuginfo=1 {RUSTFLAGS}")
        );
    }
}

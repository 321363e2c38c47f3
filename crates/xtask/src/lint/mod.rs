//! What must hold of the sources before any test runs.

mod arrows;

use anyhow::{Result, bail};

use crate::project::{Project, STOCK};
use crate::setup::rust::{self, WASM};
use crate::web;

/// Native by nature. Every other library runs on every target and is held to `clippy/portable`:
/// nothing that blocks, starts a thread or reads the system's clock.
const NATIVE: [&str; 5] = [
    "tunesmith-allocator",
    "tunesmith-damage",
    "tunesmith-hub",
    "tunesmith-mpi",
    "tunesmith-paraphrase",
];

const DENY: [&str; 3] = ["--", "--deny", "warnings"];

/// Runs every check, and fails after the last one if any failed, so that one run shows all.
///
/// # Errors
/// When a check fails; the message names them.
pub fn run(project: &Project) -> Result<()> {
    rust::components(project)?;
    let checks: [(&str, &dyn Fn() -> Result<()>); 6] = [
        ("formatting", &|| {
            project.cargo().args(["fmt", "--all", "--check"]).run()
        }),
        ("direction of dependencies", &|| {
            eprintln!("$ cargo metadata --format-version 1  # read by the check of dependencies");
            arrows::check(&project.metadata(true)?)
        }),
        ("clippy", &|| {
            project
                .cargo()
                .args(["clippy", "--workspace", "--all-targets"])
                .args(["--features", STOCK])
                .args(DENY)
                .run()
        }),
        ("clippy for portable code", &|| {
            project
                .cargo()
                .env("CLIPPY_CONF_DIR", project.root.join("clippy/portable"))
                // Only the libraries: their tests run on native and may block.
                .args(["clippy", "--lib", "--no-deps", "--workspace"])
                // The features of the check above, so that burn is checked once.
                .args(["--features", STOCK])
                .args(each("--exclude", &NATIVE))
                .args(DENY)
                .run()
        }),
        ("clippy for wasm32", &|| {
            rust::wasm_target()?;
            // The browser's shell, and with it everything below.
            web::cargo(project)
                .args(["clippy", "--lib", "--package", web::PACKAGE])
                .args(["--target", WASM, "--profile", web::PROFILE])
                .args(DENY)
                .run()
        }),
        ("clippy for wasm32 of the window's views", &|| {
            web::cargo(project)
                .args(["clippy", "--lib", "--package", "tunesmith-desktop"])
                .args(["--target", WASM, "--profile", web::PROFILE])
                .args(DENY)
                .run()
        }),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        if let Err(error) = check() {
            eprintln!("{name}: {error:#}\n");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    println!("lint: all {} checks passed", checks.len());
    Ok(())
}

fn each(option: &'static str, names: &[&'static str]) -> Vec<&'static str> {
    names.iter().flat_map(|name| [option, name]).collect()
}

//! Chromium: the browser that the page is tested in, and the bringer of SwiftShader.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::apt::{self, System};

/// Names the browser where it lies elsewhere; the browser tests read it too.
pub const VARIABLE: &str = "TUNESMITH_CHROMIUM";

const PLACES: [&str; 5] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/opt/google/chrome/chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/// The browser's program, installed where that is possible.
///
/// # Errors
/// When there is none and it can't be installed; the message holds the exact command.
pub fn program() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    eprintln!("no Chromium here");
    install().with_context(|| format!("no Chromium: name its program by {VARIABLE}"))?;
    find().with_context(|| {
        format!("Chromium is installed, but not where expected: name its program by {VARIABLE}")
    })
}

/// Installs it on Debian and what derives from it.
///
/// # Errors
/// On another system, or without the right to install; the message holds the exact command.
pub fn install() -> Result<()> {
    if !System::here().is("debian") {
        bail!("install Chromium or Chrome");
    }
    apt::as_root(&apt::install("", &["chromium"])).context("installing Chromium")
}

fn find() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    named
        .into_iter()
        .chain(PLACES.map(|place| Path::new(place).to_owned()))
        .find(|path| path.is_file())
}

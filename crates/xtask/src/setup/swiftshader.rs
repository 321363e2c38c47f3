//! SwiftShader, the software renderer that Chromium brings along: the second driver that the kernels
//! are tested on, and the one that a browser without a GPU uses.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::chromium;

/// Names the manifest where it lies elsewhere.
const VARIABLE: &str = "TUNESMITH_SWIFTSHADER_ICD";

/// Where browsers keep it.
const PLACES: [&str; 5] = [
    "/usr/lib/chromium/vk_swiftshader_icd.json",
    "/usr/lib64/chromium-browser/vk_swiftshader_icd.json",
    "/usr/lib/chromium-browser/vk_swiftshader_icd.json",
    "/opt/google/chrome/vk_swiftshader_icd.json",
    "/opt/chromium.org/chromium/vk_swiftshader_icd.json",
];

/// The driver's manifest, with Chromium installed for it where that is possible.
///
/// # Errors
/// When there is none and it can't be installed; the message holds the exact command.
pub fn manifest() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    eprintln!("no SwiftShader here");
    let elsewhere = format!("name its vk_swiftshader_icd.json by {VARIABLE}");
    chromium::install().with_context(|| format!("Chromium brings SwiftShader; or {elsewhere}"))?;
    find().with_context(|| format!("Chromium is installed without SwiftShader: {elsewhere}"))
}

fn find() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    named
        .into_iter()
        .chain(PLACES.map(|place| Path::new(place).to_owned()))
        .find(|path| path.is_file())
}

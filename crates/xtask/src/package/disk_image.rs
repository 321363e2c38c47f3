//! The disk image for macOS: the app as a bundle, the command beside it.

use std::fs;

use anyhow::{Context, Result};

use super::Release;
use crate::files;
use crate::shell::Cmd;

/// Makes the `.dmg`. Nothing is signed: the first start asks for the user's consent in the settings.
///
/// # Errors
/// When a tool of macOS fails.
pub fn dmg(release: &Release<'_>) -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let content = |name: &str| release.content.join(name);
    let volume = scratch.path().join("Tunesmith");
    let bundle = volume.join("Tunesmith.app").join("Contents");
    let program = bundle.join("MacOS").join("tunesmith-desktop");
    files::copy(&content("tunesmith-desktop"), &program)?;
    let resources = bundle.join("Resources");
    fs::create_dir_all(&resources)?;
    Cmd::new("sips")
        .args(["-s", "format", "icns"])
        .arg(content("icon.png"))
        .arg("--out")
        .arg(resources.join("tunesmith.icns"))
        .run()?;
    let plist = bundle.join("Info.plist");
    fs::write(&plist, info(&release.version))
        .with_context(|| format!("can't write {}", plist.display()))?;
    for name in [
        "tunesmith",
        "README.md",
        "LICENSE-MIT",
        "LICENSE-APACHE",
        super::NOTICES,
    ] {
        files::copy(&content(name), &volume.join(name))?;
    }
    Cmd::new("hdiutil")
        .args([
            "create",
            "-volname",
            "Tunesmith",
            "-format",
            "UDZO",
            "-ov",
            "-srcfolder",
        ])
        .arg(&volume)
        .arg(release.to.join(format!("{}.dmg", release.name)))
        .run()
}

fn info(version: &str) -> String {
    let keys = [
        ("CFBundleExecutable", "tunesmith-desktop"),
        ("CFBundleIconFile", "tunesmith.icns"),
        ("CFBundleIdentifier", "io.github.tunesmith"),
        ("CFBundleName", "Tunesmith"),
        ("CFBundlePackageType", "APPL"),
        ("CFBundleShortVersionString", version),
        ("CFBundleVersion", version),
        ("LSMinimumSystemVersion", "12.0"),
        ("NSHighResolutionCapable", "true"),
    ];
    let lines: Vec<String> = keys
        .iter()
        .map(|(key, value)| match *value {
            "true" => format!("  <key>{key}</key><true/>"),
            value => format!("  <key>{key}</key><string>{value}</string>"),
        })
        .collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\n{}\n</dict></plist>\n",
        lines.join("\n")
    )
}

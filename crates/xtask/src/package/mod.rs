//! `cargo xtask package`: what a person downloads who doesn't build. The workflow for releases runs it
//! on each system, and so can anyone.
//!
//! `package/` in cargo's output folder has then, for this system:
//!
//! - Linux: a `.tar.gz` and a `.deb`; Windows: a `.zip`; macOS: a `.tar.gz` and a `.dmg`;
//! - `….cdx.json`, the bill of materials (CycloneDX): every crate that is linked, with its version, licence
//!   and checksum;
//! - `SHA256SUMS` of all of these.

mod archive;
mod deb;
mod disk_image;
mod linked;
mod notices;
mod sbom;

use std::env::consts::{ARCH, EXE_SUFFIX, OS};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::files;
use crate::project::Project;
use crate::shell::Cmd;

pub use linked::{Linked, linked};
pub use notices::{FILE as NOTICES, write as write_notices};

/// The packages whose programs are handed out, and the programs.
const PACKAGES: [&str; 2] = ["tunesmith-cli", "tunesmith-desktop"];
const PROGRAMS: [&str; 2] = ["tunesmith", "tunesmith-desktop"];
/// Our own, at the repository's root.
pub const LICENSES: [&str; 2] = ["LICENSE-MIT", "LICENSE-APACHE"];
/// What goes beside them, of the same folder.
const TEXTS: [&str; 2] = ["README.md", "CHANGELOG.md"];
const CHECKSUMS: &str = "SHA256SUMS";

/// What is packed.
struct Release<'a> {
    project: &'a Project,
    version: String,
    /// `tunesmith-0.1.0-linux-x86_64`, which begins every name.
    name: String,
    /// The folder with all that an archive holds.
    content: PathBuf,
    /// Where the packages go.
    to: PathBuf,
    /// Seconds since 1970 of the commit, so that the same sources give the same archive.
    time: Option<String>,
}

/// Builds the programs with `profile`, packs them, and lists what was made.
///
/// # Errors
/// When something doesn't build, or a tool that packs is missing or fails.
pub fn run(project: &Project, profile: &str) -> Result<()> {
    let built = build(project, profile)?;
    let metadata = project.metadata(true)?;
    let crates = linked(project, &metadata, &PACKAGES, host(project)?.as_str())?;
    let version = linked::version(&metadata, PACKAGES[0])?;
    let name = format!("tunesmith-{version}-{OS}-{ARCH}");
    let to = project.target()?.join("package");
    if to.exists() {
        fs::remove_dir_all(&to).with_context(|| format!("can't remove {}", to.display()))?;
    }
    let release = Release {
        content: to.join(&name),
        project,
        version,
        name,
        to,
        time: commit_time(project),
    };
    release.gather(&built, &crates)?;
    let bom = release.to.join(format!("{}.cdx.json", release.name));
    let written = serde_json::to_vec_pretty(&sbom::bill(&release.name, &release.version, &crates))?;
    fs::write(&bom, written).with_context(|| format!("can't write {}", bom.display()))?;
    match OS {
        "windows" => archive::zip(&release)?,
        "macos" => {
            archive::tar(&release)?;
            disk_image::dmg(&release)?;
        }
        _ => {
            archive::tar(&release)?;
            deb::deb(&release)?;
        }
    }
    fs::remove_dir_all(&release.content)?;
    print!("{}", checksums(&release.to)?);
    println!("package: in {}", release.to.display());
    Ok(())
}

/// Builds the programs and gives their folder.
fn build(project: &Project, profile: &str) -> Result<PathBuf> {
    let mut command = project
        .cargo()
        .args(["build", "--locked", "--profile", profile]);
    for package in PACKAGES {
        command = command.args(["--package", package]);
    }
    if profile == "dev" {
        // As every other job builds it, or burn would be built again.
        command = command.args(["--package", "tunesmith-bench"]);
    }
    command.run()?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(project.target()?.join(folder))
}

impl Release<'_> {
    /// Copies what an archive holds to one folder.
    fn gather(&self, built: &Path, crates: &[Linked]) -> Result<()> {
        let put = |from: &Path, name: &str| files::copy(from, &self.content.join(name));
        for program in PROGRAMS {
            let program = format!("{program}{EXE_SUFFIX}");
            put(&built.join(&program), &program)?;
        }
        for text in TEXTS.iter().chain(&LICENSES) {
            put(&self.project.root.join(text), text)?;
        }
        let assets = self.project.root.join("desktop").join("assets");
        for asset in ["icon.png", "tunesmith.desktop"] {
            put(&assets.join(asset), asset)?;
        }
        write_notices(&self.content.join(NOTICES), crates)
    }
}

/// The triple that cargo builds for.
fn host(project: &Project) -> Result<String> {
    let about = Cmd::new("rustc").arg("-vV").dir(&project.root).stdout()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

fn commit_time(project: &Project) -> Option<String> {
    let git = Cmd::new("git").args(["log", "-1", "--format=%ct"]);
    let time = git.dir(&project.root).stdout().ok()?;
    Some(time.trim().to_owned()).filter(|time| !time.is_empty())
}

/// Writes `SHA256SUMS` of a folder's files, as `sha256sum --check` reads it, and gives its text.
fn checksums(folder: &Path) -> Result<String> {
    let mut text = String::new();
    for file in files::below(folder)? {
        let bytes = fs::read(&file).with_context(|| format!("can't read {}", file.display()))?;
        for byte in Sha256::digest(&bytes) {
            let _ = write!(text, "{byte:02x}");
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let _ = writeln!(text, "  {name}");
    }
    fs::write(folder.join(CHECKSUMS), &text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn checksums_are_those_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("hello"), "hello\n").unwrap();
        let expected = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03  hello\n";
        assert_eq!(checksums(folder.path()).unwrap(), expected);
        let kept = fs::read_to_string(folder.path().join(CHECKSUMS)).unwrap();
        assert_eq!(kept, expected);
    }
}

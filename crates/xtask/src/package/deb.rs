//! The package for Debian, Ubuntu and what derives from them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::{NOTICES, PROGRAMS, Release};
use crate::files;
use crate::shell::Cmd;

/// What a program loads only where it is there, so that no tool sees it: drivers of the GPU and what a
/// window needs. `predict` on a server does without.
const RECOMMENDED: &str = "libvulkan1, mesa-vulkan-drivers | vulkan-icd, libwayland-client0, \
                           libx11-6, libx11-xcb1, libxcursor1, libxi6, libxkbcommon0, libxkbcommon-x11-0";

/// Makes the `.deb`.
///
/// # Errors
/// When dpkg's tools are missing or fail.
pub fn deb(release: &Release<'_>) -> Result<()> {
    for tool in ["dpkg-deb", "dpkg-shlibdeps"] {
        if !Cmd::new(tool).arg("--version").succeeds() {
            bail!("a .deb is made by {tool}: apt-get install dpkg-dev");
        }
    }
    let scratch = tempfile::tempdir()?;
    let root = scratch.path().join("root");
    fill(release, &root)?;
    let depends = depends(scratch.path(), &root)?;
    let architecture = Cmd::new("dpkg").arg("--print-architecture").stdout()?;
    let architecture = architecture.trim();
    let text = control(&release.version, architecture, &depends, kilobytes(&root)?);
    let place = root.join("DEBIAN").join("control");
    fs::create_dir_all(root.join("DEBIAN"))?;
    fs::write(&place, text).with_context(|| format!("can't write {}", place.display()))?;
    let name = format!("tunesmith_{}_{architecture}.deb", release.version);
    let mut command = Cmd::new("dpkg-deb").args(["--root-owner-group", "--build"]);
    if let Some(time) = &release.time {
        command = command.env("SOURCE_DATE_EPOCH", time);
    }
    command.arg(&root).arg(release.to.join(name)).run()
}

/// The files where the system expects them.
fn fill(release: &Release<'_>, root: &Path) -> Result<()> {
    let content = |name: &str| release.content.join(name);
    let (bin, share) = (root.join("usr/bin"), root.join("usr/share"));
    for program in PROGRAMS {
        let place = bin.join(program);
        files::copy(&content(program), &place)?;
        // Its names are in the archive's programs, for a bug report; the system's are without.
        if Cmd::new("strip").arg("--version").succeeds() {
            Cmd::new("strip").arg(&place).run()?;
        }
        mode(&place, 0o755)?;
    }
    let docs = share.join("doc/tunesmith");
    for (name, place) in [
        (
            "tunesmith.desktop",
            share.join("applications/tunesmith.desktop"),
        ),
        (
            "icon.png",
            share.join("icons/hicolor/256x256/apps/tunesmith.png"),
        ),
        ("README.md", docs.join("README.md")),
        ("CHANGELOG.md", docs.join("changelog")),
    ] {
        files::copy(&content(name), &place)?;
        mode(&place, 0o644)?;
    }
    let read = |name: &str| {
        fs::read_to_string(content(name)).with_context(|| format!("can't read {name}"))
    };
    let copyright = docs.join("copyright");
    fs::write(
        &copyright,
        format!(
            "Tunesmith is under the MIT licence or the Apache License, version 2.0, at your choice. \
             The second is /usr/share/common-licenses/Apache-2.0; the first is:\n\n{}\n{}",
            read("LICENSE-MIT")?,
            read(NOTICES)?
        ),
    )?;
    mode(&copyright, 0o644)?;
    // As Debian's policy asks: both are long.
    Cmd::new("gzip")
        .arg("-9n")
        .arg(docs.join("changelog"))
        .run()
}

/// The packages of the libraries that the programs are linked with, with the oldest version that has
/// what they use.
fn depends(scratch: &Path, root: &Path) -> Result<String> {
    // It looks for the file of a source package.
    fs::create_dir_all(scratch.join("debian"))?;
    fs::write(scratch.join("debian/control"), "Source: tunesmith\n")?;
    let mut command = Cmd::new("dpkg-shlibdeps").arg("-O").dir(scratch);
    for program in PROGRAMS {
        command = command.arg("-e").arg(root.join("usr/bin").join(program));
    }
    let printed = command.stdout()?;
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("shlibs:Depends="));
    Ok(line
        .context("dpkg-shlibdeps names no packages")?
        .trim()
        .to_owned())
}

fn control(version: &str, architecture: &str, depends: &str, kilobytes: u64) -> String {
    format!(
        "Package: tunesmith\n\
         Version: {version}\n\
         Architecture: {architecture}\n\
         Maintainer: Tunesmith <tunesmith@users.noreply.github.com>\n\
         Installed-Size: {kilobytes}\n\
         Depends: {depends}\n\
         Recommends: {RECOMMENDED}\n\
         Section: science\n\
         Priority: optional\n\
         Homepage: https://github.com/tunesmith/tunesmith\n\
         Description: fine-tune a BERT on your own sentences\n \
         Trains text classifiers from BERT checkpoints, on a GPU of any make or on the\n \
         CPU, without Python and without CUDA: a command and an app. The result loads in\n \
         transformers.\n"
    )
}

fn kilobytes(root: &Path) -> Result<u64> {
    let mut bytes = 0;
    for file in files::below(root)? {
        bytes += fs::metadata(&file)?.len();
    }
    Ok(bytes.div_ceil(1024))
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .with_context(|| format!("can't change {}", path.display()))
}

#[cfg(not(unix))]
fn mode(_: &Path, _: u32) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_file_has_one_field_a_line() {
        let text = control("0.1.0", "amd64", "libc6 (>= 2.34)", 7);
        let fields: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with(' '))
            .filter_map(|line| Some(line.split_once(": ")?.0))
            .collect();
        assert_eq!(
            fields,
            [
                "Package",
                "Version",
                "Architecture",
                "Maintainer",
                "Installed-Size",
                "Depends",
                "Recommends",
                "Section",
                "Priority",
                "Homepage",
                "Description"
            ]
        );
        assert!(text.ends_with(" transformers.\n"), "{text}");
    }
}

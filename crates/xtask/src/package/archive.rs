//! Archives of one folder.

use std::env::consts::OS;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::Release;
use crate::files;
use crate::shell::Cmd;

/// Makes the `.tar.gz`.
///
/// # Errors
/// When tar is missing or fails.
pub fn tar(release: &Release<'_>) -> Result<()> {
    let mut command = Cmd::new("tar").dir(&release.to);
    if OS == "linux" {
        // GNU's: neither the order of a folder, nor who built it and when, is in the archive.
        command = command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"]);
        if let Some(time) = &release.time {
            command = command.arg(format!("--mtime=@{time}"));
        }
    }
    command
        .args(["-czf", &format!("{}.tar.gz", release.name)])
        .arg(&release.name)
        .run()
}

/// Makes the `.zip`.
///
/// # Errors
/// When a file can't be read or the archive not be written.
pub fn zip(release: &Release<'_>) -> Result<()> {
    let to = release.to.join(format!("{}.zip", release.name));
    eprintln!("writing {}", to.display());
    zipped(&release.to, &release.content, &to)
        .with_context(|| format!("can't write {}", to.display()))
}

/// Zips the files below `content` under their names below `root`.
fn zipped(root: &Path, content: &Path, to: &Path) -> Result<()> {
    let mut archive = ZipWriter::new(File::create(to)?);
    for file in files::below(content)? {
        let names: Vec<_> = file
            .strip_prefix(root)?
            .iter()
            .map(|name| name.to_string_lossy())
            .collect();
        archive.start_file(names.join("/"), SimpleFileOptions::default())?;
        archive.write_all(&fs::read(&file)?)?;
    }
    archive.finish()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::io::Read;

    #[test]
    fn a_zip_has_its_folder_and_gives_back_what_was_put_in() {
        let root = tempfile::tempdir().unwrap();
        let content = root.path().join("tunesmith-1");
        fs::create_dir(&content).unwrap();
        let text = "tunes ".repeat(1000);
        fs::write(content.join("tunesmith.exe"), &text).unwrap();
        let to = root.path().join("tunesmith-1.zip");
        zipped(root.path(), &content, &to).unwrap();
        let mut archive = zip::ZipArchive::new(File::open(&to).unwrap()).unwrap();
        let mut file = archive.by_name("tunesmith-1/tunesmith.exe").unwrap();
        let mut read = String::new();
        file.read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
        assert!(fs::metadata(&to).unwrap().len() < 1000);
    }
}

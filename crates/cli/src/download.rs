//! `tunesmith download`: a checkpoint or a dataset of the hub, before it is needed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use tunesmith::hub;

use crate::output;
use crate::progress::Progress;

/// Get a checkpoint or a dataset of the Hugging Face Hub into the shared cache.
///
/// Exit code 3 means that the hub can't be reached, and the cache doesn't have it.
#[derive(Args)]
pub struct DownloadArgs {
    /// An id on the hub, such as sentence-transformers/all-MiniLM-L6-v2, or with --dataset glue.
    id: String,
    /// The dataset's configuration, such as mrpc of glue.
    #[arg(requires = "dataset")]
    config: Option<String>,
    /// The id is a dataset's.
    #[arg(long)]
    dataset: bool,
    /// Branch, tag or commit; default main.
    #[arg(long)]
    revision: Option<String>,
    /// Copy the files into this folder too.
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Downloads, and prints the folder in which the files lie.
///
/// # Errors
/// As the hub's client, and where the files can't be copied.
pub fn run(args: &DownloadArgs) -> Result<()> {
    let mut progress = Progress::new();
    let revision = args.revision.as_deref();
    let (root, commit, files) = if args.dataset {
        let found =
            hub::dataset_snapshot(&args.id, args.config.as_deref(), revision, &mut |part| {
                progress.download(&part);
            })?;
        let files = found.splits.into_iter().flat_map(|split| split.files);
        let card = found
            .card
            .iter()
            .filter_map(|card| card.strip_prefix(&found.root).ok());
        let files = files.chain(card.map(Path::to_owned)).collect();
        (found.root, found.commit, files)
    } else {
        let found = hub::model_snapshot(&args.id, revision, &mut |part| progress.download(&part))?;
        let files = files_of(&found.root)?;
        (found.root, found.commit, files)
    };
    progress.clear();
    output::note(format_args!("{} at commit {commit}", args.id));
    match &args.output {
        None => output::line(root.display()),
        Some(folder) => {
            copy(&root, &files, folder)?;
            output::line(folder.display())
        }
    }
}

/// The names of the files at the top of a folder.
fn files_of(root: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root).with_context(|| format!("can't read {}", root.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("can't read {}", root.display()))?;
        // The cache holds links; what they lead to counts.
        if entry.path().is_file() {
            names.push(entry.file_name().into());
        }
    }
    names.sort();
    Ok(names)
}

/// Copies under other names first, so that a file in the folder is always whole.
fn copy(root: &Path, files: &[PathBuf], folder: &Path) -> Result<()> {
    for file in files {
        let (from, to) = (root.join(file), folder.join(file));
        let place = to.parent().unwrap_or(folder);
        fs::create_dir_all(place).with_context(|| format!("can't create {}", place.display()))?;
        let mut part = to.clone().into_os_string();
        part.push(".part");
        fs::copy(&from, &part)
            .and_then(|_| fs::rename(&part, &to))
            .with_context(|| format!("can't copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_and_nothing_half_written_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let (root, folder) = (scratch.path().join("snapshot"), scratch.path().join("out"));
        fs::create_dir_all(root.join("mrpc")).unwrap();
        fs::write(root.join("mrpc/train.parquet"), "rows").unwrap();
        fs::write(root.join("README.md"), "card").unwrap();
        let files = [
            PathBuf::from("mrpc/train.parquet"),
            PathBuf::from("README.md"),
        ];
        copy(&root, &files, &folder).unwrap();
        assert_eq!(
            fs::read_to_string(folder.join("mrpc/train.parquet")).unwrap(),
            "rows"
        );
        assert_eq!(files_of(&folder).unwrap(), [PathBuf::from("README.md")]);
    }
}

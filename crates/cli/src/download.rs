//! `tunesmith download`: a checkpoint or a dataset of the hub, before it is needed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use tunesmith::hub::{self, DatasetFiles};

use crate::output;
use crate::progress::Progress;

/// Download a checkpoint or dataset from the Hugging Face Hub into the cache shared with Python.
///
/// Exit code 3 means that the Hub can't be reached and the cache doesn't have it.
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
        let files = files_of_dataset(&found);
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
            copy(&files, folder)?;
            output::line(folder.display())
        }
    }
}

/// A file of the cache, and its name below the folder that it is copied to.
type Copied = (PathBuf, PathBuf);

/// The parquet files of all splits under their names in the repository, and the card, which may be of
/// another commit than they are.
fn files_of_dataset(found: &DatasetFiles) -> Vec<Copied> {
    let splits = found.splits.iter().flat_map(|split| &split.files);
    let tables = splits.map(|file| {
        // The hub's files lie below its snapshot; the last name would do for any other.
        let name = file.strip_prefix(&found.root).ok().map(Path::to_owned);
        let name = name.or_else(|| file.file_name().map(PathBuf::from));
        (file.clone(), name.unwrap_or_default())
    });
    let card = found.card.iter().map(|card| {
        let name = card.file_name().map(PathBuf::from);
        (card.clone(), name.unwrap_or_default())
    });
    tables.chain(card).collect()
}

/// The files at the top of a folder.
fn files_of(root: &Path) -> Result<Vec<Copied>> {
    let entries = fs::read_dir(root).with_context(|| format!("can't read {}", root.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("can't read {}", root.display()))?;
        // The cache holds links; what they lead to counts.
        if entry.path().is_file() {
            files.push((entry.path(), entry.file_name().into()));
        }
    }
    files.sort();
    Ok(files)
}

/// Copies under other names first, so that a file in the folder is always whole.
fn copy(files: &[Copied], folder: &Path) -> Result<()> {
    for (from, name) in files {
        let to = folder.join(name);
        let place = to.parent().unwrap_or(folder);
        fs::create_dir_all(place).with_context(|| format!("can't create {}", place.display()))?;
        let mut part = to.clone().into_os_string();
        part.push(".part");
        fs::copy(from, &part)
            .and_then(|_| fs::rename(&part, &to))
            .with_context(|| format!("can't copy {} to {}", from.display(), to.display()))?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::hub::SplitFiles;

    #[test]
    fn a_models_files_are_copied_and_nothing_half_written_stays() {
        let scratch = tempfile::tempdir().unwrap();
        let (root, folder) = (scratch.path().join("snapshot"), scratch.path().join("out"));
        fs::create_dir_all(root.join("1_Pooling")).unwrap();
        fs::write(root.join("config.json"), "{}").unwrap();
        copy(&files_of(&root).unwrap(), &folder).unwrap();
        let copied = files_of(&folder).unwrap();
        assert_eq!(copied, [(folder.join("config.json"), "config.json".into())]);
        assert_eq!(fs::read_to_string(&copied[0].0).unwrap(), "{}");
    }

    #[test]
    fn all_of_a_data_set_is_copied_with_its_card() {
        let scratch = tempfile::tempdir().unwrap();
        let (root, folder) = (scratch.path().join("snapshot"), scratch.path().join("out"));
        let main = scratch.path().join("main");
        let files = [
            root.join("mrpc/train-00000-of-00001.parquet"),
            root.join("mrpc/test-00000-of-00001.parquet"),
            main.join("README.md"),
        ];
        for file in &files {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, file.to_str().unwrap()).unwrap();
        }
        let [train, test, card] = files.clone();
        let split = |name: &str, file| SplitFiles {
            name: name.to_owned(),
            files: vec![file],
        };
        let found = DatasetFiles {
            root,
            commit: "0".repeat(40),
            card: Some(card),
            repo: "nyu-mll/glue".to_owned(),
            config: "mrpc".to_owned(),
            splits: vec![split("train", train), split("test", test)],
        };
        copy(&files_of_dataset(&found), &folder).unwrap();
        for (name, from) in [
            ("mrpc/train-00000-of-00001.parquet", &files[0]),
            ("mrpc/test-00000-of-00001.parquet", &files[1]),
            ("README.md", &files[2]),
        ] {
            let copied = fs::read_to_string(folder.join(name)).unwrap();
            assert_eq!(copied, from.to_str().unwrap(), "{name}");
        }
    }
}

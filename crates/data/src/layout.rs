//! Which files of a folder, or of a zip, belong to which split: by the dataset card where it says so, else
//! by the names that the Hub and `datasets` use.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use tunesmith_platform::fs;

use crate::card::Card;
use crate::glob::Glob;
use crate::{DataError, Format};

/// Splits in order, each with its files in order.
pub(crate) type Splits<F = PathBuf> = Vec<(String, Vec<F>)>;

/// Words in file names that stand for a split, as in `datasets`.
const KEYWORDS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];

/// Files beside data that are none, as in `datasets`.
const IGNORED: [&str; 6] = [
    "config.json",
    "dataset_dict.json",
    "dataset_info.json",
    "dataset_infos.json",
    "dummy_data.zip",
    "state.json",
];

/// Finds the splits of a configuration under `root`.
///
/// Known layouts: patterns in the card; `<config>/<split>-00000-of-00001.parquet`,
/// `<config>/<split>/0000.parquet`, `data/<split>-….parquet`, `<split>.csv`, `<split>/….csv`; files named after
/// a split in other ways (`dev.tsv`, `my_train_v2.jsonl`); files whose names say nothing, which are `train`.
pub(crate) fn find_splits(
    root: &Path,
    config: Option<&str>,
    card: Option<&Card>,
) -> Result<Splits, DataError> {
    let mut files = Vec::new();
    list_files(root, "", usize::MAX, &mut HashSet::new(), &mut files)?;
    files.sort();
    let splits = splits_of(&root.display().to_string(), config, card, &files)?;
    let in_root = |(split, names): (String, Vec<String>)| {
        let paths = names.iter().map(|name| root.join(name)).collect();
        (split, paths)
    };
    Ok(splits.into_iter().map(in_root).collect())
}

/// The same of files by name, with `/`; `place` is for messages.
pub(crate) fn splits_of(
    place: &str,
    config: Option<&str>,
    card: Option<&Card>,
    files: &[String],
) -> Result<Splits<String>, DataError> {
    if let Some(splits) = card.and_then(|card| by_card(config, card, files)) {
        return Ok(splits);
    }
    let no_files = |folder: &str| DataError::NoFiles {
        place: if folder.is_empty() {
            place.to_owned()
        } else {
            format!("{place}/{}", folder.trim_end_matches('/'))
        },
        expected: "train.csv, train.jsonl or data/train-00000-of-00001.parquet".to_owned(),
    };
    let configs: Vec<String> = subfolders(files)
        .into_iter()
        .filter(|name| name != "data" && split_of(&format!("{name}/")).is_none())
        .collect();
    let folder = match config {
        Some(config) if configs.iter().any(|name| name == config) => format!("{config}/"),
        // Data without configurations has one by the name `default`.
        Some("default") | None => {
            for folder in ["", "data/"] {
                let named = by_names(folder, files);
                if !named.is_empty() {
                    return Ok(named);
                }
            }
            let is_config = |name: &&String| !by_names(&format!("{name}/"), files).is_empty();
            match configs.iter().filter(is_config).count() {
                // Nothing says a split anywhere: all is one.
                0 => return all_train("", files).ok_or_else(|| no_files("")),
                1 if configs.len() == 1 => format!("{}/", configs[0]),
                _ if all_train("", &direct(files)).is_some() => {
                    return all_train("", &direct(files)).ok_or_else(|| no_files(""));
                }
                _ => {
                    return Err(DataError::NoConfig {
                        place: place.to_owned(),
                        config: None,
                        configs,
                    });
                }
            }
        }
        Some(config) => {
            return Err(DataError::NoConfig {
                place: place.to_owned(),
                config: Some(config.to_owned()),
                configs,
            });
        }
    };
    let splits = by_names(&folder, files);
    if !splits.is_empty() {
        return Ok(splits);
    }
    all_train(&folder, files).ok_or_else(|| no_files(&folder))
}

/// Paths of data files relative to `root`, with `/`, in folders so deep. Hidden files and folders are left out, and folders that
/// were met before: links may lead in a circle.
pub(crate) fn list_files(
    root: &Path,
    prefix: &str,
    depth: usize,
    met: &mut HashSet<PathBuf>,
    files: &mut Vec<String>,
) -> Result<(), DataError> {
    let folder = root.join(prefix);
    let whole = fs::canonicalize(&folder).map_err(DataError::io("read", &folder))?;
    if !met.insert(whole) {
        return Ok(());
    }
    let mut folders = Vec::new();
    let entries = fs::read_dir(&folder).map_err(DataError::io("read", &folder))?;
    for entry in entries {
        let path = entry.map_err(DataError::io("read", &folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if is_hidden(name) {
            continue;
        }
        // Follows links: the Hub's cache is made of them.
        if fs::is_dir(&path) {
            if depth > 0 {
                folders.push(format!("{prefix}{name}/"));
            }
        } else if is_data(name) && fs::is_file(&path) {
            files.push(format!("{prefix}{name}"));
        }
    }
    // In order, so that of two links to one folder it is always the same that counts.
    folders.sort();
    folders
        .iter()
        .try_for_each(|folder| list_files(root, folder, depth - 1, met, files))
}

/// Whether a part of a path is one that people don't see, or that systems leave behind (`__MACOSX`).
pub(crate) fn is_hidden(path: &str) -> bool {
    path.split('/')
        .any(|part| part.starts_with('.') || part.starts_with("__"))
}

/// Whether a file of that name lies beside data and is none.
pub(crate) fn is_ignored(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    IGNORED.contains(&name)
}

fn is_data(name: &str) -> bool {
    kind(name).is_some() && !is_ignored(name)
}

/// How much a file's format says about types, the most first; archives, of which nothing is known, last.
fn kind(name: &str) -> Option<usize> {
    let format = Format::of(Path::new(name)).map(|format| format as usize);
    format.or_else(|| name.to_lowercase().ends_with(".zip").then_some(usize::MAX))
}

fn subfolders(files: &[String]) -> Vec<String> {
    let mut names: Vec<String> = files
        .iter()
        .filter_map(|file| file.split_once('/'))
        .map(|(folder, _)| folder.to_owned())
        .collect();
    names.dedup();
    names
}

fn direct(files: &[String]) -> Vec<String> {
    let direct = files.iter().filter(|file| !file.contains('/'));
    direct.cloned().collect()
}

fn by_card(config: Option<&str>, card: &Card, files: &[String]) -> Option<Splits<String>> {
    let splits: Splits<String> = card
        .data_files(config)?
        .into_iter()
        .map(|(split, patterns)| {
            let patterns: Vec<Glob> = patterns.iter().map(|pattern| Glob::new(pattern)).collect();
            let matches = |file: &&String| patterns.iter().any(|pattern| pattern.matches(file));
            (split, files.iter().filter(matches).cloned().collect())
        })
        .collect();
    let complete = splits.iter().all(|(_, files)| !files.is_empty());
    (complete && !splits.is_empty()).then_some(splits)
}

/// The files below a folder whose names, or whose folders' names, say a split.
fn by_names(folder: &str, files: &[String]) -> Splits<String> {
    let split_in = |file: &str| match file.split_once('/') {
        None => split_of(file),
        // A folder per split, as in the Hub's conversion to parquet, where it has the split's name whatever
        // it is; outside of a configuration's folder other folders are configurations.
        Some((outer, below)) => {
            let word = split_of(&format!("{outer}/"));
            if folder.is_empty() || is_keyword(outer) {
                word
            } else {
                (!below.contains('/')).then(|| outer.to_owned())
            }
        }
    };
    let named = files.iter().filter_map(|file| {
        let split = split_in(file.strip_prefix(folder)?)?;
        Some((split, file))
    });
    of_best_kind(named.collect())
}

/// All files below a folder as one split.
fn all_train(folder: &str, files: &[String]) -> Option<Splits<String>> {
    let inside = files.iter().filter(|file| file.starts_with(folder));
    let splits = of_best_kind(inside.map(|file| ("train".to_owned(), file)).collect());
    (!splits.is_empty()).then_some(splits)
}

/// The same data may lie there in several formats.
fn of_best_kind(named: Vec<(String, &String)>) -> Splits<String> {
    let best = named.iter().filter_map(|(_, file)| kind(file)).min();
    let mut splits: Splits<String> = Vec::new();
    for (split, file) in named.into_iter().filter(|(_, file)| kind(file) == best) {
        match splits.iter_mut().find(|(name, _)| *name == split) {
            Some((_, files)) => files.push(file.clone()),
            None => splits.push((split, vec![file.clone()])),
        }
    }
    splits.sort_by_key(|(name, _)| (rank(name), name.clone()));
    splits
}

/// train, validation, test, then others.
fn rank(split: &str) -> usize {
    ["train", "validation", "test"]
        .iter()
        .position(|known| split.starts_with(known))
        .unwrap_or(3)
}

fn is_keyword(name: &str) -> bool {
    let name = name.to_lowercase();
    KEYWORDS
        .iter()
        .any(|(_, words)| words.contains(&name.as_str()))
}

/// The split that the name of a file, or of a folder with its `/`, says:
/// `validation_matched-00000-of-00001.parquet`, `dev.tsv`, `mrpc_train_v2.jsonl`, `test/`.
pub(crate) fn split_of(file: &str) -> Option<String> {
    let stem = match file.strip_suffix('/') {
        Some(folder) => folder,
        None => file.rsplit_once('.').map_or(file, |(stem, _)| stem),
    };
    let shard = stem.len().checked_sub("-00000-of-00001".len());
    if let Some(at) = shard.filter(|at| stem.is_char_boundary(*at))
        && is_shard(&stem[at..])
    {
        return Some(stem[..at].to_owned());
    }
    stem.to_lowercase()
        .split(|c: char| "-._ /".contains(c) || c.is_ascii_digit())
        .find_map(|word| {
            KEYWORDS
                .iter()
                .find(|(_, words)| words.contains(&word))
                .map(|(split, _)| (*split).to_owned())
        })
}

fn is_shard(suffix: &str) -> bool {
    let template = "-00000-of-00001";
    suffix.len() == template.len()
        && suffix.chars().zip(template.chars()).all(|(c, t)| {
            if t.is_ascii_digit() {
                c.is_ascii_digit()
            } else {
                c == t
            }
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn found(paths: &[&str], config: Option<&str>) -> Result<Vec<String>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        let splits = find_splits(folder.path(), config, None)?;
        Ok(splits
            .into_iter()
            .map(|(name, files)| format!("{name}:{}", files.len()))
            .collect())
    }

    #[test]
    fn names_say_the_split() {
        let split = |file| split_of(file).unwrap_or_default();
        assert_eq!(split("train-00000-of-00001.parquet"), "train");
        assert_eq!(
            split("validation_matched-00000-of-00001.parquet"),
            "validation_matched"
        );
        assert_eq!(split("test_data.csv"), "test");
        assert_eq!(split("dev.tsv"), "validation");
        assert_eq!(split("my-val-set.csv"), "validation");
        assert_eq!(split("mrpc_train.jsonl"), "train");
        assert_eq!(split("trainer.csv"), "");
        assert_eq!(split("notes.csv"), "");
    }

    #[test]
    fn the_layouts_of_the_hub_are_known() {
        let glue = [
            "mrpc/test-00000-of-00001.parquet",
            "mrpc/train-00000-of-00002.parquet",
            "mrpc/train-00001-of-00002.parquet",
            "mrpc/validation-00000-of-00001.parquet",
            "cola/train-00000-of-00001.parquet",
            "mrpc/INFO.json",
        ];
        assert_eq!(
            found(&glue, Some("mrpc")).unwrap(),
            ["train:2", "validation:1", "test:1"]
        );
        assert_eq!(
            found(&["data/train-00000-of-00001.parquet"], None).unwrap(),
            ["train:1"]
        );
        assert_eq!(
            found(
                &["mrpc/train/0000.parquet", "mrpc/train/0001.parquet"],
                Some("mrpc")
            )
            .unwrap(),
            ["train:2"]
        );
        assert_eq!(
            found(&["train.csv", "dev.csv", "train.jsonl"], None).unwrap(),
            ["train:1", "validation:1"]
        );
        assert_eq!(found(&["reviews.csv"], None).unwrap(), ["train:1"]);
        assert_eq!(found(&["only/train.tsv"], None).unwrap(), ["train:1"]);
    }

    #[test]
    fn a_wrong_configuration_lists_the_right_ones() {
        let glue = [
            "mrpc/train-00000-of-00001.parquet",
            "cola/train-00000-of-00001.parquet",
        ];
        let message = found(&glue, Some("mprc")).unwrap_err().to_string();
        assert!(
            message.ends_with(
                "no configuration \"mprc\"; there are cola, mrpc. Did you mean \"mrpc\"?"
            ),
            "{message}"
        );
        let message = found(&glue, None).unwrap_err().to_string();
        assert!(
            message.ends_with("several configurations: choose one of cola, mrpc"),
            "{message}"
        );
        let message = found(&["README.md"], None).unwrap_err().to_string();
        assert!(message.contains("no data files in"), "{message}");
    }

    #[test]
    fn splits_are_found_as_datasets_finds_them() {
        let all = |paths: &[&str]| found(paths, None).unwrap().join(" ");
        assert_eq!(all(&["train/part.csv", "test/part.csv"]), "train:1 test:1");
        assert_eq!(
            all(&["Train/a.CSV", "Train/deep/b.csv", "DEV/x.csv", "TEST/y.csv"]),
            "train:2 validation:1 test:1"
        );
        assert_eq!(
            all(&["train.json", "test.json", "config.json"]),
            "train:1 test:1"
        );
        assert_eq!(
            all(&["a.csv", "b.csv", ".c.csv", "__MACOSX/d.csv"]),
            "train:2"
        );
        assert_eq!(all(&["a/x.csv", "b/y.csv"]), "train:2");
        assert_eq!(
            all(&["data/train-1.csv", "data/test-1.csv"]),
            "train:1 test:1"
        );
        assert_eq!(all(&["data/a.csv", "data/b.csv"]), "train:2");
        assert_eq!(all(&["train.csv.gz", "test.csv.gz"]), "train:1 test:1");
        assert_eq!(all(&["train.zip", "test.zip"]), "train:1 test:1");
        assert_eq!(all(&["train.xlsx", "dev.xlsx"]), "train:1 validation:1");
        assert_eq!(
            all(&["set/train/a.csv", "set/dev/b.csv"]),
            "train:1 validation:1"
        );
        assert_eq!(all(&["train.csv", "notes.csv", "train.json"]), "train:1");
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::write(root.join("train.csv"), "").unwrap();
        for i in 0..12 {
            let inner = root.join(format!("{i}"));
            std::fs::create_dir(&inner).unwrap();
            for link in ["x", "y", "z"] {
                std::os::unix::fs::symlink(root, inner.join(link)).unwrap();
            }
        }
        let splits = find_splits(root, None, None).unwrap();
        assert_eq!(splits.len(), 1);
        assert_eq!(splits[0].1, [root.join("train.csv")]);
    }
}

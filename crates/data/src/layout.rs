//! Which files of a folder belong to which split: by the dataset card where it says so, else by
//! the names that the Hub and `datasets` use.

use std::path::{Path, PathBuf};
use tunesmith_platform::fs;

use crate::card::Card;
use crate::{DataError, Format};

/// Splits in order, each with its files in order.
pub(crate) type Splits = Vec<(String, Vec<PathBuf>)>;

/// Words in file names that stand for a split, as in `datasets`.
const KEYWORDS: [(&str, &[&str]); 3] = [
    ("train", &["train", "training"]),
    ("validation", &["validation", "valid", "dev", "val"]),
    ("test", &["test", "testing", "eval", "evaluation"]),
];

/// Finds the splits of a configuration under `root`.
///
/// Known layouts: patterns in the card; `<config>/<split>-00000-of-00001.parquet`,
/// `<config>/<split>/0000.parquet`, `data/<split>-….parquet`, `<split>.csv`; files named after a split
/// in other ways (`dev.tsv`, `my_train_v2.jsonl`); a single file, which is `train`.
pub(crate) fn find_splits(
    root: &Path,
    config: Option<&str>,
    card: Option<&Card>,
) -> Result<Splits, DataError> {
    let mut files = Vec::new();
    list_files(root, "", &mut files)?;
    files.sort();
    if let Some(splits) = card.and_then(|card| by_card(root, config, card, &files)) {
        return Ok(splits);
    }
    let place = root.display().to_string();
    let configs: Vec<String> = subfolders(&files)
        .into_iter()
        .filter(|name| name != "data")
        .collect();
    let folder = match config {
        Some(config) if configs.iter().any(|name| name == config) => format!("{config}/"),
        // Data without configurations has one by the name `default`.
        Some("default") | None if !by_names(root, "", &files).is_empty() => String::new(),
        Some("default") | None if !by_names(root, "data/", &files).is_empty() => "data/".to_owned(),
        None if configs.len() == 1 => format!("{}/", configs[0]),
        None if configs.is_empty() => {
            return Err(DataError::NoFiles {
                place,
                expected: "train.csv, train.jsonl or data/train-00000-of-00001.parquet".to_owned(),
            });
        }
        config => {
            return Err(DataError::NoConfig {
                place,
                config: config.map(str::to_owned),
                configs,
            });
        }
    };
    let splits = by_names(root, &folder, &files);
    if splits.is_empty() {
        return Err(DataError::NoFiles {
            place: root.join(folder).display().to_string(),
            expected: "train.csv, train.jsonl or train-00000-of-00001.parquet".to_owned(),
        });
    }
    Ok(splits)
}

/// Paths of data files relative to `root`, with `/`. Hidden files and folders are left out.
fn list_files(root: &Path, prefix: &str, files: &mut Vec<String>) -> Result<(), DataError> {
    let folder = root.join(prefix);
    let entries = fs::read_dir(&folder).map_err(DataError::io("read", &folder))?;
    for entry in entries {
        let path = entry.map_err(DataError::io("read", &folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if name.starts_with('.') {
            continue;
        }
        // Follows links: the Hub's cache is made of them.
        if fs::is_dir(&path) {
            list_files(root, &format!("{prefix}{name}/"), files)?;
        } else if is_data(name) {
            files.push(format!("{prefix}{name}"));
        }
    }
    Ok(())
}

/// `.json` is left to the dataset card: folders are full of JSON files that are no data.
fn is_data(name: &str) -> bool {
    let path = Path::new(name);
    Format::of(path).is_some() && path.extension().is_some_and(|ext| ext != "json")
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

fn by_card(root: &Path, config: Option<&str>, card: &Card, files: &[String]) -> Option<Splits> {
    let splits: Splits = card
        .data_files(config)?
        .into_iter()
        .map(|(split, patterns)| {
            let matches = |file: &&String| patterns.iter().any(|pattern| glob(pattern, file));
            let found = files
                .iter()
                .filter(matches)
                .map(|file| root.join(file))
                .collect();
            (split, found)
        })
        .collect();
    let complete = splits.iter().all(|(_, files)| !files.is_empty());
    (complete && !splits.is_empty()).then_some(splits)
}

/// Whether `path` matches: `*` stands for anything but `/`, `**` for anything.
fn glob(pattern: &str, path: &str) -> bool {
    if let Some(rest) = pattern.strip_prefix("**/") {
        return glob(rest, path)
            || path
                .split_once('/')
                .is_some_and(|(_, below)| glob(pattern, below));
    }
    match (pattern.chars().next(), path.chars().next()) {
        (None, None) => true,
        (Some('*'), next) => {
            let rest = pattern.trim_start_matches('*');
            let deep = pattern.starts_with("**");
            glob(rest, path)
                || next.is_some_and(|c| (deep || c != '/') && glob(pattern, &path[c.len_utf8()..]))
        }
        (Some(a), Some(b)) if a == b => glob(&pattern[a.len_utf8()..], &path[b.len_utf8()..]),
        _ => false,
    }
}

fn by_names(root: &Path, folder: &str, files: &[String]) -> Splits {
    let inside: Vec<&str> = files
        .iter()
        .filter_map(|file| file.strip_prefix(folder))
        .collect();
    let direct: Vec<&str> = inside
        .iter()
        .copied()
        .filter(|file| !file.contains('/'))
        .collect();
    let mut named: Vec<(String, Format, PathBuf)> = Vec::new();
    for file in &inside {
        let split = match file.split_once('/') {
            None => split_of(file).or_else(|| (direct.len() == 1).then(|| "train".to_owned())),
            // A folder per split, as in the Hub's conversion to parquet; only inside of a
            // configuration's folder, where other folders aren't configurations.
            Some((split, below)) if !folder.is_empty() && !below.contains('/') => {
                Some(split.to_owned())
            }
            Some(_) => None,
        };
        let format = Format::of(Path::new(file));
        if let (Some(split), Some(format)) = (split, format) {
            named.push((split, format, root.join(folder).join(file)));
        }
    }
    // The same data may lie there in several formats; parquet says most about its types.
    let order = [Format::Parquet, Format::Csv, Format::Tsv, Format::JsonLines];
    let best = order
        .into_iter()
        .find(|format| named.iter().any(|(_, f, _)| f == format));
    let mut splits: Splits = Vec::new();
    for (split, _, path) in named
        .into_iter()
        .filter(|(_, format, _)| Some(*format) == best)
    {
        match splits.iter_mut().find(|(name, _)| *name == split) {
            Some((_, paths)) => paths.push(path),
            None => splits.push((split, vec![path])),
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

/// The split that a file name says: `validation_matched-00000-of-00001.parquet`, `dev.tsv`,
/// `mrpc_train_v2.jsonl`.
fn split_of(file: &str) -> Option<String> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
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
    fn patterns_match_paths() {
        assert!(glob("mrpc/train-*", "mrpc/train-00000-of-00001.parquet"));
        assert!(!glob("mrpc/*", "mrpc/deep/train.parquet"));
        assert!(glob("**/train.*", "a/b/train.csv"));
        assert!(glob("data/**", "data/a/b.csv"));
        assert!(!glob("train.csv", "train.csv.gz"));
    }
}

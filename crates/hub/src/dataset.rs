//! The parquet files of one configuration of a dataset.
//!
//! Most datasets keep parquet in the repository itself; for the others the Hub maintains a
//! conversion in the branch `refs/convert/parquet`. Both layouts are recognised by path alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::error::HubError;
use crate::hub::{Commit, Download, Hub, MAIN, RepoFile, RepoKind};

const CARD: &str = "README.md";
const CONVERTED: &str = "refs/convert/parquet";
/// The name of the configuration of a dataset that has one only and does not name it.
const DEFAULT: &str = "default";
/// Short ids from before datasets had owners, where `datasets` asks for another id.
const ALIASES: [(&str, &str); 1] = [("glue", "nyu-mll/glue")];
const KIND: RepoKind = RepoKind::Dataset;

/// One configuration of a dataset on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFiles {
    /// The snapshot folder, in the Hub's layout: `<config>/<split>-00000-of-00001.parquet`,
    /// `data/<split>-….parquet`, `<split>.parquet`, or `<config>/<split>/0000.parquet` where the
    /// files are the Hub's conversion. It may hold files of other configurations too.
    pub root: PathBuf,
    /// The commit that the parquet files are of.
    pub commit: String,
    /// The dataset card (`README.md`), where there is one.
    pub card: Option<PathBuf>,
    /// The id that was used, `nyu-mll/glue` for `glue`.
    pub repo: String,
    /// The configuration: the one asked for, or the only one; `default` where it has no name.
    pub config: String,
    /// The splits of the configuration: train, validation, test, then others by name.
    pub splits: Vec<SplitFiles>,
}

/// The files of one split, in the order of their rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitFiles {
    /// Such as `train` or `validation_matched`.
    pub name: String,
    /// Absolute paths of parquet files, under the snapshot folder.
    pub files: Vec<PathBuf>,
}

/// Split -> paths in the repository.
type Splits = BTreeMap<String, Vec<String>>;
/// Configuration -> splits.
type Layout = BTreeMap<String, Splits>;

impl Hub {
    /// Pins `revision` and fetches the parquet files of `config`, and the dataset card. Without a
    /// name, the configuration is the only one or `default`. Where the repository has no parquet
    /// for it, the Hub's own conversion is used, which exists of `main` only.
    ///
    /// # Errors
    /// As [`Hub::resolve_commit`] and [`Hub::file`]; and where there is no such configuration or no
    /// parquet at all, which names the configurations there are.
    pub async fn dataset_snapshot(
        &self,
        repo: &str,
        config: Option<&str>,
        revision: Option<&str>,
        progress: &mut dyn FnMut(Download),
    ) -> Result<DatasetFiles, HubError> {
        let (repo, main) = self.pin_dataset(repo, revision).await?;
        let listed = self.list(KIND, repo, &main).await?;
        let (commit, config, splits) = self.locate(repo, config, &main, &listed).await?;

        let converted = match commit.sha == main.sha {
            true => None,
            false => Some(self.list(KIND, repo, &commit).await?),
        };
        let sizes = converted.as_deref().unwrap_or(&listed);
        let mut files = Vec::new();
        for (name, paths) in in_order(splits) {
            check_shards(repo, &name, &paths)?;
            let mut fetched = Vec::new();
            for path in &paths {
                fetched.push(
                    self.fetch(KIND, repo, &commit, path, sizes, progress)
                        .await?,
                );
            }
            files.push(SplitFiles {
                name,
                files: fetched,
            });
        }
        let card = if listed.iter().any(|file| file.path == CARD) {
            Some(
                self.fetch(KIND, repo, &main, CARD, &listed, progress)
                    .await?,
            )
        } else {
            None
        };
        Ok(DatasetFiles {
            root: self.snapshot(KIND, repo, &commit)?,
            commit: commit.sha,
            card,
            repo: repo.to_owned(),
            config,
            splits: files,
        })
    }

    /// Finds the configuration: the commit that has it, its name and its splits' paths.
    async fn locate(
        &self,
        repo: &str,
        config: Option<&str>,
        main: &Commit,
        listed: &[RepoFile],
    ) -> Result<(Commit, String, Splits), HubError> {
        let mut layout = parse(listed);
        match choose(repo, config, &layout) {
            Ok(name) => {
                let splits = layout.remove(&name).unwrap_or_default();
                return Ok((main.clone(), name, splits));
            }
            Err(error @ HubError::ConfigNeeded { .. }) if !layout.is_empty() => return Err(error),
            Err(_) => {}
        }
        if let Some((commit, mut converted)) = self.converted(repo, main).await? {
            if let Ok(name) = choose(repo, config, &converted) {
                let splits = converted.remove(&name).unwrap_or_default();
                return Ok((commit, name, splits));
            }
            // Both lists, so that the message leaves none out.
            layout.extend(converted);
        }
        if !self.is_listed(KIND, repo, main)? {
            let config = config.map_or_else(String::new, |name| format!("config {name} of "));
            return Err(self.miss(format!("{config}dataset {repo} at {main}")));
        }
        match choose(repo, config, &layout) {
            Err(error) if !layout.is_empty() => Err(error),
            _ => Err(HubError::NoParquet {
                repo: repo.to_owned(),
                revision: main.revision.clone(),
            }),
        }
    }

    /// Pins the id that a short one stands for, else the short one itself: a mirror or an older
    /// cache may have only that.
    async fn pin_dataset<'a>(
        &self,
        repo: &'a str,
        revision: Option<&str>,
    ) -> Result<(&'a str, Commit), HubError> {
        let alias = ALIASES.iter().find(|(short, _)| *short == repo);
        let Some((_, full)) = alias else {
            return Ok((repo, self.resolve_commit(KIND, repo, revision).await?));
        };
        match self.resolve_commit(KIND, full, revision).await {
            Ok(commit) => Ok((full, commit)),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => match self.resolve_commit(KIND, repo, revision).await {
                Ok(commit) => Ok((repo, commit)),
                Err(_) => Err(error),
            },
        }
    }

    /// The Hub's conversion, where it exists and stands for the revision asked for.
    async fn converted(
        &self,
        repo: &str,
        main: &Commit,
    ) -> Result<Option<(Commit, Layout)>, HubError> {
        if main.revision != MAIN {
            return Ok(None);
        }
        let commit = match self.resolve_commit(KIND, repo, Some(CONVERTED)).await {
            Ok(commit) => commit,
            Err(HubError::RevisionNotFound { .. } | HubError::OfflineMiss { .. }) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let layout = parse(&self.list(KIND, repo, &commit).await?);
        Ok((!layout.is_empty()).then_some((commit, layout)))
    }
}

fn choose(repo: &str, config: Option<&str>, layout: &Layout) -> Result<String, HubError> {
    let known = || layout.keys().cloned().collect::<Vec<_>>();
    match config {
        Some(name) if layout.contains_key(name) => Ok(name.to_owned()),
        Some(name) => Err(HubError::UnknownConfig {
            repo: repo.to_owned(),
            config: name.to_owned(),
            known: known(),
        }),
        None if layout.contains_key(DEFAULT) => Ok(DEFAULT.to_owned()),
        None => match known().as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(HubError::ConfigNeeded {
                repo: repo.to_owned(),
                known: known(),
            }),
        },
    }
}

fn parse(listed: &[RepoFile]) -> Layout {
    let mut layout = Layout::new();
    for file in listed {
        let Some(stem) = file.path.strip_suffix(".parquet") else {
            continue;
        };
        let (config, split) = match *stem.split('/').collect::<Vec<_>>().as_slice() {
            [name] | ["data", name] => (DEFAULT, split_of(name).0),
            [config, name] => (config, split_of(name).0),
            [config, split, name] if name.bytes().all(|b| b.is_ascii_digit()) => (config, split),
            _ => continue,
        };
        // A bare number is a part of something in a layout that is not known here.
        if split.bytes().any(|b| b.is_ascii_alphabetic()) && !config.starts_with('.') {
            let splits = layout.entry(config.to_owned()).or_default();
            let paths = splits.entry(split.to_owned()).or_default();
            paths.push(file.path.clone());
        }
    }
    for paths in layout.values_mut().flat_map(BTreeMap::values_mut) {
        paths.sort();
    }
    layout
}

/// `train-00001-of-00005` and `train-00001-of-00005-0f3a` are `train`, of 5.
fn split_of(name: &str) -> (&str, Option<usize>) {
    let parts = || {
        let (head, tail) = name.split_once("-of-")?;
        let (split, index) = head.rsplit_once('-')?;
        let total = tail.split('-').next()?.parse().ok()?;
        let numbered = !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
        numbered.then_some((split, Some(total)))
    };
    parts().unwrap_or((name, None))
}

/// Without a list from the server, files that were not downloaded show only in the numbering.
fn check_shards(repo: &str, split: &str, paths: &[String]) -> Result<(), HubError> {
    match shards(paths) {
        Some(total) if total > paths.len() => Err(HubError::Incomplete {
            repo: repo.to_owned(),
            split: split.to_owned(),
            have: paths.len(),
            total,
        }),
        _ => Ok(()),
    }
}

/// How many files a split has, where their names tell.
fn shards(paths: &[String]) -> Option<usize> {
    paths.iter().find_map(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        split_of(name.trim_end_matches(".parquet")).1
    })
}

/// Whether a snapshot with these files on disk has all of some configuration, as far as the server's
/// list of its files, or their numbering, can tell.
pub(crate) fn is_complete(listed: Option<&[RepoFile]>, on_disk: &[RepoFile]) -> bool {
    let has: BTreeSet<&str> = on_disk.iter().map(|file| file.path.as_str()).collect();
    let is_whole = |paths: &Vec<String>| {
        shards(paths).is_none_or(|total| total <= paths.len())
            && paths.iter().all(|path| has.contains(path.as_str()))
    };
    let layout = parse(listed.unwrap_or(on_disk));
    layout.values().any(|splits| splits.values().all(is_whole))
}

fn in_order(splits: Splits) -> Vec<(String, Vec<String>)> {
    let rank = |name: &str| {
        let known = ["train", "validation", "test"];
        known
            .iter()
            .position(|prefix| name.starts_with(prefix))
            .unwrap_or(known.len())
    };
    let mut splits: Vec<_> = splits.into_iter().collect();
    // Stable: equal ranks stay by name.
    splits.sort_by_key(|(name, _)| rank(name));
    splits
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn layout(paths: &[&str]) -> Vec<String> {
        let listed: Vec<_> = paths
            .iter()
            .map(|path| RepoFile {
                path: (*path).to_owned(),
                size: 1,
                etag: None,
            })
            .collect();
        parse(&listed)
            .into_iter()
            .flat_map(|(config, splits)| {
                splits.into_iter().map(move |(split, paths)| {
                    let names: Vec<_> = paths.iter().filter_map(|p| p.rsplit('/').next()).collect();
                    format!("{config}/{split}: {}", names.join(" "))
                })
            })
            .collect()
    }

    #[test]
    fn layouts_of_the_hub() {
        assert_eq!(
            layout(&[
                "mrpc/train-00001-of-00002.parquet",
                "mrpc/train-00000-of-00002.parquet",
                "mrpc/validation-00000-of-00001-0f3a.parquet",
                "data/test-00000-of-00001.parquet",
                "train.parquet",
                "cola/validation_matched/0000.parquet",
                "cola/validation_matched/0001.parquet",
                "README.md",
                "a/b/c/train.parquet",
                "parts/0000.parquet",
                ".cache/train.parquet",
            ]),
            [
                "cola/validation_matched: 0000.parquet 0001.parquet",
                "default/test: test-00000-of-00001.parquet",
                "default/train: train.parquet",
                "mrpc/train: train-00000-of-00002.parquet train-00001-of-00002.parquet",
                "mrpc/validation: validation-00000-of-00001-0f3a.parquet",
            ]
        );
    }

    #[test]
    fn splits_come_as_people_expect_them() {
        let names = ["extra", "test", "train", "validation_b", "validation_a"];
        let splits = names.iter().map(|name| ((*name).to_owned(), Vec::new()));
        let ordered: Vec<_> = in_order(splits.collect())
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            ordered,
            ["train", "validation_a", "validation_b", "test", "extra"]
        );
    }

    #[test]
    fn a_missing_shard_is_noticed() {
        let error = check_shards(
            "a/b",
            "train",
            &["x/train-00001-of-00003.parquet".to_owned()],
        );
        let text = error.unwrap_err().to_string();
        assert!(
            text.contains("1 of the 3 files of split train of a/b"),
            "{text}"
        );
    }
}

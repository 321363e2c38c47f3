//! `load_dataset`: from a name to a [`DatasetDict`].

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tunesmith_hub::DatasetFiles;
use tunesmith_platform::fs;

use crate::card::Card;
use crate::digest::hex;
use crate::ipc::{IpcWriter, MappedTable};
use crate::layout::{Splits, find_splits, split_of, splits_of};
use crate::named;
use crate::read::{Plan, ReadOptions, Source, scan};
use crate::target;
use crate::types::Types;
use crate::{CsvOptions, DataError, Dataset, DatasetDict, Feature, Features, Format};

/// Splits whose files are larger together are copied to a mapped Arrow file instead of to memory.
const IN_MEMORY_LIMIT: u64 = 16 << 20;

/// How much larger the rows of packed files are than the files, about.
const PACKED_RATIO: u64 = 8;

/// What a load is doing.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadEvent {
    /// A file of the Hub is on its way.
    Download(tunesmith_hub::Download),
    /// Something about the files that a person should know, such as the encoding one is read in.
    Warning(String),
    /// Rows of a split were read.
    Rows {
        /// The split.
        split: String,
        /// Rows so far.
        rows: usize,
    },
}

/// A local file and, where its name does not say it, its format.
#[derive(Clone, Debug)]
pub struct DataFile {
    /// The split it belongs to.
    pub split: String,
    /// Where it is.
    pub path: PathBuf,
    /// `None`: by the extension ([`Format::of`]).
    pub format: Option<Format>,
}

#[derive(Clone)]
enum From {
    /// A folder, a file, or an id on the Hub.
    Name(String),
    Files(Vec<DataFile>),
    /// A configuration of a dataset of the Hub, on disk already.
    Snapshot(DatasetFiles),
}

/// Loads a dataset; the options have the names that Python's `load_dataset` gives them.
///
/// ```no_run
/// # use tunesmith_data::{DataError, LoadDataset};
/// let raw_datasets = LoadDataset::new("glue").config("mrpc").load()?;
/// println!("{raw_datasets}");
/// println!("{}", raw_datasets.get("train")?.row(15)?);
/// # Ok::<(), DataError>(())
/// ```
#[derive(Clone)]
pub struct LoadDataset {
    from: From,
    config: Option<String>,
    revision: Option<String>,
    columns: Option<Vec<String>>,
    label_column: Option<String>,
    pub(crate) text_columns: Vec<String>,
    csv: Option<CsvOptions>,
    cache_dir: Option<PathBuf>,
    in_memory_limit: u64,
}

/// [`LoadDataset`] with nothing but a name and a configuration.
pub fn load_dataset(path: &str, config: Option<&str>) -> Result<DatasetDict, DataError> {
    let mut request = LoadDataset::new(path);
    request.config = config.map(str::to_owned);
    request.load()
}

/// The folder for caches of this program: `TUNESMITH_CACHE`, else `tunesmith` in the user's cache
/// folder (`XDG_CACHE_HOME`, `~/.cache`, `LOCALAPPDATA`).
pub fn default_cache_dir() -> Result<PathBuf, DataError> {
    target::cache_dir().ok_or_else(|| {
        DataError::Argument(
            "there is no home folder to keep a cache in: set TUNESMITH_CACHE to a folder"
                .to_owned(),
        )
    })
}

impl LoadDataset {
    fn from(from: From) -> Self {
        Self {
            from,
            config: None,
            revision: None,
            columns: None,
            label_column: None,
            text_columns: Vec::new(),
            csv: None,
            cache_dir: None,
            in_memory_limit: IN_MEMORY_LIMIT,
        }
    }

    /// A folder in the Hub's layout, a data file (which becomes the split `train`), or the id of a
    /// dataset on the Hub: whichever of these exists, in this order.
    pub fn new(path: impl Into<String>) -> Self {
        Self::from(From::Name(path.into()))
    }

    /// A configuration of a dataset of the Hub that was downloaded before.
    #[must_use]
    pub fn snapshot(files: DatasetFiles) -> Self {
        Self::from(From::Snapshot(files))
    }

    /// Local files per split, in the order of the splits; several files of a split are one table. A name may be several
    /// with commas between, and a pattern (`part-*.csv`).
    pub fn files<S: Into<String>, P: Into<PathBuf>>(
        files: impl IntoIterator<Item = (S, P)>,
    ) -> Self {
        let file = |(split, path): (S, P)| DataFile {
            split: split.into(),
            path: path.into(),
            format: None,
        };
        Self::from(From::Files(files.into_iter().map(file).collect()))
    }

    /// Local files whose names do not say their format.
    pub fn data_files(files: Vec<DataFile>) -> Self {
        Self::from(From::Files(files))
    }

    /// The configuration, such as `mrpc` of `glue`.
    #[must_use]
    pub fn config(mut self, config: impl Into<String>) -> Self {
        self.config = Some(config.into());
        self
    }

    /// A branch, tag or commit of the dataset on the Hub.
    #[must_use]
    pub fn revision(mut self, revision: impl Into<String>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// Reads only these columns; others may be of types that this crate cannot read.
    #[must_use]
    pub fn columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.columns = Some(columns.into_iter().map(Into::into).collect());
        self
    }

    /// Reads these columns as text, where a file has them, whatever they look like: the digits of a
    /// CSV file as they stand there.
    #[must_use]
    pub fn text_columns<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.text_columns = columns.into_iter().map(Into::into).collect();
        self
    }

    /// The column with labels: where it holds strings, they become class labels, whose names are
    /// those of the split `train`, or of all splits where there is none of that name.
    ///
    /// A split that has a class which `train` lacks is an error; one whose label is not known (`?`,
    /// -1, missing) has -1.
    #[must_use]
    pub fn label_column(mut self, column: impl Into<String>) -> Self {
        self.label_column = Some(column.into());
        self
    }

    /// How CSV and TSV files are written, where it can't be told from them.
    #[must_use]
    pub fn csv(mut self, options: CsvOptions) -> Self {
        self.csv = Some(options);
        self
    }

    /// Where copies of large files are kept; [`default_cache_dir`] where it is not set.
    #[must_use]
    pub fn cache_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache_dir = Some(folder.into());
        self
    }

    /// Splits with more bytes of files than this (16 MiB where it is not set) are mapped from a
    /// copy in the cache instead of read into memory.
    #[must_use]
    pub fn in_memory_limit(mut self, bytes: u64) -> Self {
        self.in_memory_limit = bytes;
        self
    }

    /// Loads without telling about it.
    pub fn load(self) -> Result<DatasetDict, DataError> {
        self.load_with(&mut |_| {})
    }

    /// Loads, telling what it does.
    ///
    /// Fails where nothing of that name exists, and where a file is not what its format says; the
    /// message has the place.
    pub fn load_with(self, progress: &mut dyn FnMut(LoadEvent)) -> Result<DatasetDict, DataError> {
        let Found {
            splits,
            card,
            config,
            snapshot,
        } = self.find(progress)?;
        let declared = card.and_then(|card| card.features(config.as_deref()));
        let mut datasets = DatasetDict::new();
        let mut types = Types::new(&self.text_columns);
        for (split, files) in splits {
            let read = self.read_split(&split, files, &types, progress);
            let dataset = read.inspect_err(|_| {
                // A damaged copy of the Hub's must not be in the way of a good one.
                if let Some(folder) = &snapshot {
                    tunesmith_hub::drop_damaged(folder);
                }
            })?;
            let dataset = types.unify(with_labels(dataset, declared.as_ref())?)?;
            datasets.insert(split, dataset);
        }
        match &self.label_column {
            Some(column) => datasets.encode_training_classes(column),
            None => Ok(datasets),
        }
    }

    fn find(&self, progress: &mut dyn FnMut(LoadEvent)) -> Result<Found, DataError> {
        match &self.from {
            From::Files(files) => {
                let files: Vec<Vec<DataFile>> =
                    files.iter().map(named::files).collect::<Result<_, _>>()?;
                Ok(Found::files(group(&files.concat())))
            }
            From::Name(name) if fs::is_file(name) => {
                let path = PathBuf::from(name);
                let members = Source::file(path.clone()).members()?;
                if members.len() > 1 {
                    let splits = splits_of(name, self.config.as_deref(), None, &members)?;
                    return Ok(Found::files(in_zip(&path, splits)));
                }
                let file = DataFile {
                    split: "train".to_owned(),
                    path,
                    format: None,
                };
                Ok(Found::files(group(&[file])))
            }
            From::Name(name) if fs::is_dir(name) => {
                let root = Path::new(name);
                let readme = fs::read_to_string(root.join("README.md")).ok();
                let card = readme.as_deref().and_then(Card::parse);
                let splits = find_splits(root, self.config.as_deref(), card.as_ref())?;
                Ok(Found {
                    card,
                    config: self.config.clone(),
                    ..Found::files(entries(splits))
                })
            }
            From::Name(name) if !is_hub_id(name) => Err(DataError::NoFiles {
                place: format!("{name} (no such file or folder)"),
                expected:
                    "a folder, a data file, or the id of a dataset on the Hub (glue, owner/name)"
                        .to_owned(),
            }),
            From::Name(name) => {
                let files = target::dataset_snapshot(
                    name,
                    self.config.as_deref(),
                    self.revision.as_deref(),
                    &mut |download| progress(LoadEvent::Download(download)),
                )?;
                read_snapshot(&files)
            }
            From::Snapshot(files) => read_snapshot(files),
        }
    }

    fn read_options(&self) -> ReadOptions {
        ReadOptions {
            csv: self.csv,
            columns: self.columns.clone(),
        }
    }

    /// What the first split is read from, and how.
    pub(crate) fn first_split(
        &self,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<(Sources, ReadOptions), DataError> {
        let (_, files) = self
            .find(progress)?
            .splits
            .into_iter()
            .next()
            .ok_or_else(|| DataError::Empty {
                what: "the data set".to_owned(),
            })?;
        let options = self.read_options();
        Ok((sources(files, progress)?, options))
    }

    fn read_split(
        &self,
        split: &str,
        files: Vec<Entry>,
        types: &Types,
        progress: &mut dyn FnMut(LoadEvent),
    ) -> Result<Dataset, DataError> {
        let mut identity = Sha256::new();
        identity.update(b"tunesmith source table 2");
        let mut size: u64 = 0;
        for Entry {
            path,
            member,
            format,
        } in &files
        {
            let metadata = fs::metadata(path).map_err(DataError::io("read", path))?;
            size += metadata.len();
            let full = fs::canonicalize(path).map_err(DataError::io("read", path))?;
            let changed = metadata.modified().ok();
            identity.update(format!(
                "{full:?} {member:?} {} {changed:?} {format:?}\n",
                metadata.len()
            ));
        }
        let options = self.read_options();
        let sources = sources(files, progress)?;
        if sources.iter().any(|(source, _)| source.is_packed()) {
            size = size.saturating_mul(PACKED_RATIO);
        }
        let mut cached = None;
        if size > self.in_memory_limit {
            identity.update(format!(
                "{:?} {:?} {:?}",
                options.csv,
                options.columns,
                types.texts()
            ));
            let key = hex(&identity.finalize()[..16]);
            let cache = match &self.cache_dir {
                Some(folder) => folder.clone(),
                None => default_cache_dir()?,
            };
            let path = cache.join("datasets").join(format!("{split}-{key}.arrow"));
            if let Some(table) = MappedTable::open(&path) {
                return Dataset::from_mapped(table);
            }
            cached = Some(path);
        }
        let mut plan = scan(&sources, &options)?;
        for warning in std::mem::take(&mut plan.warnings) {
            progress(LoadEvent::Warning(warning));
        }
        // Parquet has types of its own; all other formats are text.
        if sources.iter().all(|(_, format)| *format != Format::Parquet) {
            plan.features = types.of_text_files(plan.features);
        }
        let mut rows = 0;
        let mut count = |more: usize| {
            rows += more;
            progress(LoadEvent::Rows {
                split: split.to_owned(),
                rows,
            });
        };
        if let Some(path) = cached {
            return Dataset::from_mapped(copy(&plan, &path, &mut count)?);
        }
        let mut batches = Vec::new();
        plan.stream(&mut |batch| {
            count(batch.num_rows());
            batches.push(batch);
            Ok(())
        })?;
        Dataset::from_batches(plan.features, batches)
    }
}

/// What there is to read.
struct Found {
    splits: SplitFiles,
    card: Option<Card>,
    /// The configuration that the card is to be asked for.
    config: Option<String>,
    /// The folder of the Hub's cache that the files lie in.
    snapshot: Option<PathBuf>,
}

impl Found {
    fn files(splits: SplitFiles) -> Self {
        Self {
            splits,
            card: None,
            config: None,
            snapshot: None,
        }
    }
}

/// The splits of what was downloaded, and the card.
fn read_snapshot(files: &DatasetFiles) -> Result<Found, DataError> {
    let card = match &files.card {
        Some(path) => {
            let text = fs::read_to_string(path).map_err(DataError::io("read", path))?;
            Card::parse(&text)
        }
        None => None,
    };
    let splits = files.splits.iter().map(|split| {
        let paths = split.files.iter().map(|file| files.root.join(file));
        (split.name.clone(), paths.collect())
    });
    Ok(Found {
        card,
        config: Some(files.config.clone()),
        snapshot: Some(files.root.clone()),
        ..Found::files(entries(splits.collect()))
    })
}

/// A file of a split.
struct Entry {
    path: PathBuf,
    /// The one file of a zip that is meant.
    member: Option<String>,
    /// Where the name doesn't say it.
    format: Option<Format>,
}

impl Entry {
    fn resolve(self, warn: &mut dyn FnMut(String)) -> Result<Vec<(Source, Format)>, DataError> {
        let name = self.path.display().to_string();
        let source = Source::file(self.path);
        if let Some(member) = self.member {
            return source.resolve_member(&member, warn);
        }
        let sources = source.resolve(self.format, warn)?;
        let splits: BTreeSet<String> = sources
            .iter()
            .filter_map(|(source, _)| split_of(source.member()?))
            .collect();
        if splits.len() > 1 {
            let splits: Vec<String> = splits.into_iter().collect();
            return Err(DataError::File {
                file: name,
                reason: format!(
                    "the zip has files of several splits ({}): name it as the data set, or unpack it and name each file",
                    splits.join(", ")
                ),
            });
        }
        Ok(sources)
    }
}

/// Files, unpacked and of a known format.
pub(crate) type Sources = Vec<(Source, Format)>;

/// Those that are named.
fn sources(files: Vec<Entry>, progress: &mut dyn FnMut(LoadEvent)) -> Result<Sources, DataError> {
    let mut sources = Vec::new();
    for entry in files {
        let mut warn = |warning| progress(LoadEvent::Warning(warning));
        sources.extend(entry.resolve(&mut warn)?);
    }
    Ok(sources)
}

/// Splits in order, each with its files.
type SplitFiles = Vec<(String, Vec<Entry>)>;

fn entries(splits: Splits) -> SplitFiles {
    let entry = |path| Entry {
        path,
        member: None,
        format: None,
    };
    splits
        .into_iter()
        .map(|(split, paths)| (split, paths.into_iter().map(entry).collect()))
        .collect()
}

fn in_zip(zip: &Path, splits: Splits<String>) -> SplitFiles {
    let entry = |member| Entry {
        path: zip.to_path_buf(),
        member: Some(member),
        format: None,
    };
    splits
        .into_iter()
        .map(|(split, members)| (split, members.into_iter().map(entry).collect()))
        .collect()
}

fn copy(
    plan: &Plan<'_>,
    path: &Path,
    count: &mut dyn FnMut(usize),
) -> Result<MappedTable, DataError> {
    let mut writer = IpcWriter::create(path, &plan.features.schema())?;
    plan.stream(&mut |batch| {
        writer.write(&batch)?;
        count(batch.num_rows());
        Ok(())
    })?;
    writer.finish()
}

fn group(files: &[DataFile]) -> SplitFiles {
    let mut splits: SplitFiles = Vec::new();
    for file in files {
        let entry = Entry {
            path: file.path.clone(),
            member: None,
            format: file.format,
        };
        match splits.iter_mut().find(|(split, _)| *split == file.split) {
            Some((_, paths)) => paths.push(entry),
            None => splits.push((file.split.clone(), vec![entry])),
        }
    }
    splits
}

/// `name` or `owner/name`.
fn is_hub_id(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let mut parts = name.split('/');
    parts.next().is_some_and(part) && parts.next().is_none_or(part) && parts.next().is_none()
}

/// Puts the class names of the dataset card on columns that have none.
fn with_labels(dataset: Dataset, declared: Option<&Features>) -> Result<Dataset, DataError> {
    let mut labelled = dataset;
    for (name, feature) in declared.into_iter().flat_map(Features::iter) {
        if matches!(feature, Feature::ClassLabel(_))
            && matches!(labelled.features().get(name), Some(Feature::Value(_)))
        {
            labelled = labelled.cast_column(name, feature.clone())?;
        }
    }
    Ok(labelled)
}

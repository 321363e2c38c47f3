//! What a run needs from the hub: natively on a thread that may wait, in a browser by its own fetch.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use std::collections::BTreeSet;
use std::path::PathBuf;

use tunesmith::data::{Dataset, DatasetDict, Dtype, Feature, LoadDataset, LoadEvent};
use tunesmith::hub::Download;
use tunesmith::metrics::GlueTask;
use tunesmith_platform::fs;
use tunesmith_protocol::{DataArguments, Event, ModelArguments};

use crate::SessionError;
use crate::columns::Question;
use crate::label_columns::LabelSource;
use crate::session::Shared;

#[cfg(not(target_arch = "wasm32"))]
pub use native::model_dir;
#[cfg(not(target_arch = "wasm32"))]
use native::{model, named};
#[cfg(target_arch = "wasm32")]
pub use web::set_hub;
#[cfg(target_arch = "wasm32")]
use web::{model, named};

/// The hub's data set that a task without data means.
const GLUE: &str = "nyu-mll/glue";

pub(crate) fn download_event(download: Download) -> Event {
    Event::Download {
        file: download.file,
        loaded: download.loaded,
        total: download.total,
    }
}

/// The model's folder and its tokenizer's.
pub(crate) async fn model_files(
    args: &ModelArguments,
    shared: &Shared,
) -> Result<(PathBuf, PathBuf), SessionError> {
    let cache = args.cache_dir.as_deref();
    let revision = Some(args.model_revision.as_str());
    let model = model(&args.model_name_or_path, revision, cache, shared).await?;
    let tokenizer = match &args.tokenizer_name {
        Some(name) if fs::is_dir(name) => PathBuf::from(name),
        // As run_glue has it, the revision is of both.
        Some(name) => self::model(name, revision, cache, shared).await?,
        None => model.clone(),
    };
    Ok((model, tokenizer))
}

/// Brings a model of the hub here, and gives its folder.
///
/// # Errors
/// What the hub says.
pub async fn fetch_model(
    name: &str,
    revision: Option<&str>,
    tell: &mut dyn FnMut(Event),
) -> Result<PathBuf, SessionError> {
    let shared = Shared::default();
    let work = model(name, revision, None, &shared);
    shared.passing_on(work, tell).await
}

/// The data set that the arguments name, ready to be loaded.
pub(crate) async fn dataset(
    data: &DataArguments,
    cache: Option<&str>,
    task: Option<GlueTask>,
    shared: &Shared,
) -> Result<LoadDataset, SessionError> {
    let files = [
        ("train", &data.train_file),
        ("validation", &data.validation_file),
        ("test", &data.test_file),
    ];
    let files: Vec<(&str, &String)> = files
        .into_iter()
        .filter_map(|(split, file)| Some((split, file.as_ref()?)))
        .collect();
    match (&data.dataset_name, task) {
        (Some(name), _) => {
            let config = data.dataset_config_name.as_deref();
            named(name, config, cache, shared).await
        }
        (None, _) if !files.is_empty() => Ok(LoadDataset::files(files)),
        (None, Some(task)) => named(GLUE, Some(task.as_str()), cache, shared).await,
        (None, None) => Err(SessionError::Arguments(
            "no data is named: give dataset_name, task_name or train_file".to_owned(),
        )),
    }
}

/// The seed of the rows that are set aside: the same for every run, so that runs can be compared.
const SET_ASIDE_SEED: u64 = 42;

/// The splits of a run.
pub(crate) struct Loaded {
    pub(crate) splits: DatasetDict,
    /// All training rows, where the validation split was made of some of them.
    pub(crate) whole: Option<Dataset>,
    /// What a person should know of rows that were left out.
    pub(crate) warnings: Vec<String>,
}

/// Loads the splits. Where none is for validation, the arguments may say how many of the training rows
/// become one. The columns that `question` takes for text are read as text. Rows to learn from or to
/// measure on that have no label are left out, as long as others have one.
pub(crate) fn load(
    request: LoadDataset,
    data: &DataArguments,
    question: &Question,
    emit: &mut dyn FnMut(Event),
) -> Result<Loaded, SessionError> {
    let (loaded, warnings) = labelled(load_texts(request, question, emit)?, question);
    let has_validation = loaded
        .names()
        .iter()
        .any(|name| name.starts_with("validation"));
    let (Some(percentage), false, Some(train)) = (
        data.validation_split_percentage,
        has_validation,
        loaded.find("train"),
    ) else {
        return Ok(Loaded {
            splits: loaded,
            whole: None,
            warnings,
        });
    };
    let parts = train
        .train_test_split(f64::from(percentage) / 100.0, SET_ASIDE_SEED)
        .map_err(SessionError::split("train"))?;
    let mut splits = DatasetDict::new();
    splits.insert("train", parts.get("train")?.clone());
    splits.insert("validation", parts.get("test")?.clone());
    for (name, split) in loaded.iter().filter(|(name, _)| *name != "train") {
        splits.insert(name, split.clone());
    }
    let whole = Some(train.clone());
    Ok(Loaded {
        splits,
        whole,
        warnings,
    })
}

/// The splits without the rows whose one label is missing, and how many these are. Where no row has a
/// label, all stay: what is wrong then is another thing.
fn labelled(loaded: DatasetDict, question: &Question) -> (DatasetDict, Vec<String>) {
    let mut warnings = Vec::new();
    let mut splits = DatasetDict::new();
    for (name, rows) in loaded.iter() {
        let kept = match question.source(rows) {
            Ok(LabelSource::One(column)) if !name.starts_with("test") => with_label(rows, &column),
            _ => None,
        };
        if let Some((kept, column)) = &kept {
            let missing = rows.num_rows() - kept.num_rows();
            let (rows, have) = match missing {
                1 => ("row", "has"),
                _ => ("rows", "have"),
            };
            warnings.push(format!(
                "split '{name}': {missing} {rows} of {} {have} no label in the column '{column}' and {} left out",
                kept.num_rows() + missing,
                if missing == 1 { "is" } else { "are" },
            ));
        }
        splits.insert(name, kept.map_or_else(|| rows.clone(), |(kept, _)| kept));
    }
    (splits, warnings)
}

/// The rows that have a label; `None` where all or none have one.
fn with_label(rows: &Dataset, column: &str) -> Option<(Dataset, String)> {
    let view = rows.column(column).ok()?;
    let has_label = |row: &usize| {
        let value = view.get(*row).filter(|value| !value.is_null());
        value.is_some_and(|value| value.as_str().is_none_or(|text| !text.trim().is_empty()))
    };
    let kept: Vec<usize> = (0..rows.num_rows()).filter(has_label).collect();
    if kept.is_empty() || kept.len() == rows.num_rows() {
        return None;
    }
    Some((rows.select(&kept).ok()?, column.to_owned()))
}

/// Loads data whose text columns are text in every split, whatever they look like. Where which they
/// are shows only in the data, and they turn out to be digits, it is read once more.
pub(crate) fn load_texts(
    request: LoadDataset,
    question: &Question,
    emit: &mut dyn FnMut(Event),
) -> Result<DatasetDict, SessionError> {
    // What is read twice warns once.
    let mut warned = BTreeSet::new();
    let mut read = |request: LoadDataset| {
        let loaded = request.load_with(&mut |event| match event {
            LoadEvent::Download(download) => emit(download_event(download)),
            LoadEvent::Warning(message) if warned.insert(message.clone()) => {
                emit(Event::Warning { message });
            }
            _ => {}
        });
        question.arrangement.apply(loaded?)
    };
    if let Some(columns) = question.known() {
        return read(request.text_columns(columns.names()));
    }
    let loaded = read(request.clone())?;
    let first = loaded.iter().next().map(|(_, first)| first);
    let Some(Ok((columns, _))) = first.map(|first| question.ask(first)) else {
        return Ok(loaded);
    };
    let is_text = |name: &String| {
        let feature = first.and_then(|first| first.features().get(name));
        feature == Some(&Feature::Value(Dtype::String))
    };
    let names = columns.names();
    if names.iter().all(is_text) {
        return Ok(loaded);
    }
    read(request.text_columns(names))
}

fn local(name: &str, config: Option<&str>) -> LoadDataset {
    let request = LoadDataset::new(name);
    match config {
        Some(config) => request.config(config),
        None => request,
    }
}

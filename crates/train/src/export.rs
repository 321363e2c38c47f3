//! The output folder, as the Trainer leaves it: `from_pretrained` and transformers.js load it as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tunesmith_data::Tokenizer;
use tunesmith_model::Model;
use tunesmith_platform::fs::{self, lock::LOCK_FILE};
use tunesmith_protocol::{Metrics, ResumeFrom, TrainingArguments};

use crate::card::model_card;
use crate::files::{Scratch, folder_of, read_json, replace_json, set_aside, write_json};
use crate::{TrainError, Trainer, checkpoints};

pub(crate) const TRAINER_STATE: &str = "trainer_state.json";
pub(crate) const TRAINING_ARGS: &str = "training_args.json";
const ALL_RESULTS: &str = "all_results.json";

/// The files that make up a tokenizer, where the base model has them.
const TOKENIZER_FILES: [&str; 5] = [
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// Refuses an output folder that holds something already, unless the arguments say that it may be
/// written over or that one of its own checkpoints is gone on from; and one without a checkpoint,
/// where they say that there is one.
///
/// # Errors
/// Says what lies there and how to go on.
pub fn check_output_dir(args: &TrainingArguments) -> Result<(), TrainError> {
    let path = PathBuf::from(&args.output_dir);
    let elsewhere = match &args.resume_from_checkpoint {
        ResumeFrom::No => None,
        ResumeFrom::Last if checkpoints(&path).is_empty() => {
            return Err(TrainError::NoCheckpoint { path });
        }
        ResumeFrom::Last => return Ok(()),
        ResumeFrom::Checkpoint(checkpoint) => {
            let checkpoint = Path::new(checkpoint);
            if is_in(checkpoint, &path) {
                return Ok(());
            }
            Some(checkpoint)
        }
    };
    if args.overwrite_output_dir {
        return Ok(());
    }
    let Ok(entries) = fs::read_dir(&path) else {
        return if fs::exists(&path) {
            let hint = "Name a folder that does not exist yet, or an empty one".to_owned();
            Err(TrainError::OutputDir {
                path,
                found: "it is a file".to_owned(),
                hint,
            })
        } else {
            Ok(())
        };
    };
    let first = entries
        .flatten()
        .map(|entry| entry.file_name())
        .find(|name| name != LOCK_FILE);
    let Some(first) = first else {
        return Ok(());
    };
    let last = checkpoints(&path).pop();
    let found = match &last {
        Some((step, _)) => format!("it has a checkpoint of step {step}"),
        None => format!("it has {}", first.display()),
    };
    let hint = match (elsewhere, last) {
        (Some(checkpoint), _) => format!(
            "The checkpoint to resume from is in another folder: to continue that run, give \
             --output_dir {}; to start a second one from it, name a new --output_dir; to write into \
             this one all the same, add --overwrite_output_dir",
            folder_of(checkpoint).display()
        ),
        (None, Some(_)) => {
            "To go on from it add --resume_from_checkpoint true; to start anew there \
                            add --overwrite_output_dir, or name another --output_dir"
                .to_owned()
        }
        (None, None) => {
            "To start anew there add --overwrite_output_dir, or name another --output_dir"
                .to_owned()
        }
    };
    Err(TrainError::OutputDir { path, found, hint })
}

/// Refuses to train into the folder of the model that training starts from, unless the run goes on
/// from a checkpoint there.
///
/// # Errors
/// Names the folder.
pub fn check_base_model(args: &TrainingArguments, model: &Path) -> Result<(), TrainError> {
    let path = PathBuf::from(&args.output_dir);
    let same = match (fs::canonicalize(&path), fs::canonicalize(model)) {
        (Ok(output), Ok(model)) => output == model,
        _ => false,
    };
    let goes_on = match &args.resume_from_checkpoint {
        ResumeFrom::No => false,
        ResumeFrom::Last => true,
        ResumeFrom::Checkpoint(checkpoint) => is_in(Path::new(checkpoint), &path),
    };
    if same && !goes_on {
        return Err(TrainError::BaseModel { path });
    }
    Ok(())
}

/// Whether a checkpoint is one of a folder's, however the two are spelt and linked.
pub(crate) fn is_in(checkpoint: &Path, folder: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else {
        return false;
    };
    let linked = fs::canonicalize(checkpoint).ok();
    let linked = linked.as_deref().and_then(Path::parent);
    // A link in the folder counts too, wherever it leads.
    let named = fs::canonicalize(folder_of(checkpoint)).ok();
    linked == Some(folder.as_path()) || named.is_some_and(|named| named == folder)
}

/// Writes what `from_pretrained` reads into an existing folder.
pub(crate) async fn write_model(
    dir: &Path,
    model: &Model,
    tokenizer: Option<&Path>,
) -> Result<(), TrainError> {
    model.save_pretrained(dir).await?;
    let Some(tokenizer) = tokenizer else {
        return Ok(());
    };
    for name in TOKENIZER_FILES {
        let (from, to) = (tokenizer.join(name), dir.join(name));
        if fs::is_file(&from) {
            fs::copy(&from, &to).map_err(TrainError::io("write", &to))?;
        }
    }
    // Of a base model that has an older tokenizer's files: what it was trained with.
    if let Some(json) = Tokenizer::converted(tokenizer)? {
        let to = dir.join("tokenizer.json");
        fs::write(&to, json).map_err(TrainError::io("write", &to))?;
    }
    Ok(())
}

impl Trainer {
    /// Writes the model, its tokenizer, `training_args.json` and the model card to `dir`, each file
    /// complete or as it was before.
    ///
    /// # Errors
    /// Where the folder can't be written; a full disk says how much room is needed.
    pub async fn save_model(&self, dir: &Path) -> Result<(), TrainError> {
        let written = self.write_model_files(dir).await;
        let bytes = 4 * self.model.num_parameters() as u64 + (1 << 20);
        written.map_err(|error| {
            let kept = "resume from the last checkpoint to write the model".to_owned();
            disk_full(error, dir, "the model", bytes, kept)
        })
    }

    async fn write_model_files(&self, dir: &Path) -> Result<(), TrainError> {
        fs::create_dir_all(dir).map_err(TrainError::io("create", dir))?;
        let scratch = Scratch::create(dir, "model")?;
        write_model(scratch.path(), &self.model, self.tokenizer_files.as_deref()).await?;
        write_json(&scratch.path().join(TRAINING_ARGS), &self.args)?;
        self.write_card(scratch.path(), dir)?;
        scratch.move_into(dir)
    }

    /// Writes the model card `README.md` to `dir` anew, with the evaluations logged since.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn save_model_card(&self, dir: &Path) -> Result<(), TrainError> {
        let scratch = Scratch::create(dir, "card")?;
        self.write_card(scratch.path(), dir)?;
        scratch.move_into(dir)
    }

    fn write_card(&self, folder: &Path, named_after: &Path) -> Result<(), TrainError> {
        let name = named_after
            .file_name()
            .unwrap_or_default()
            .display()
            .to_string();
        let path = folder.join("README.md");
        fs::write(&path, model_card(self, &name)).map_err(TrainError::io("write", &path))
    }

    /// Writes `trainer_state.json` to `output_dir`.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn save_state(&self) -> Result<(), TrainError> {
        let dir = Path::new(&self.args.output_dir);
        fs::create_dir_all(dir).map_err(TrainError::io("create", dir))?;
        replace_json(&dir.join(TRAINER_STATE), &self.state)
    }

    /// Writes `<split>_results.json` to `output_dir` and adds the numbers to `all_results.json`,
    /// under the names that they have. Gives a warning where an earlier `all_results.json` could not
    /// be read: it has another name then.
    ///
    /// # Errors
    /// Where the folder can't be written.
    pub fn save_metrics(
        &self,
        split: &str,
        metrics: &Metrics,
    ) -> Result<Option<String>, TrainError> {
        let dir = Path::new(&self.args.output_dir);
        fs::create_dir_all(dir).map_err(TrainError::io("create", dir))?;
        let values: BTreeMap<&str, Value> = metrics
            .iter()
            .map(|(name, value)| (name, number(name, value)))
            .collect();
        replace_json(&dir.join(format!("{split}_results.json")), &values)?;
        let all = dir.join(ALL_RESULTS);
        let mut warning = None;
        let mut merged: BTreeMap<String, Value> = BTreeMap::new();
        if fs::exists(&all) {
            match read_json(&all) {
                Ok(earlier) => merged = earlier,
                Err(error) => {
                    let aside = set_aside(&all)?;
                    warning = Some(format!(
                        "{error}; it was renamed to {}, and a new one was begun",
                        aside.display()
                    ));
                }
            }
        }
        merged.extend(
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        replace_json(&all, &merged)?;
        Ok(warning)
    }
}

/// A count is written without a fraction, as Python does.
fn number(name: &str, value: f64) -> Value {
    if name.ends_with("_samples") {
        Value::from(value as u64)
    } else {
        Value::from(value)
    }
}

/// Turns the system's word for a full disk into one that says what to do.
pub(crate) fn disk_full(
    error: TrainError,
    path: &Path,
    what: &str,
    bytes: u64,
    kept: String,
) -> TrainError {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let full = error
        .system()
        .is_some_and(|source| matches!(source.kind(), StorageFull | QuotaExceeded | FileTooLarge));
    if !full {
        return error;
    }
    TrainError::DiskFull {
        path: path.to_owned(),
        what: what.to_owned(),
        needed_mb: bytes.div_ceil(1_000_000),
        kept,
    }
}

//! The output folder, as the Trainer leaves it: `from_pretrained` and transformers.js load it as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tunesmith_model::BertForSequenceClassification;
use tunesmith_platform::fs;
use tunesmith_protocol::{Metrics, ResumeFrom, TrainingArguments};

use crate::card::model_card;
use crate::files::{Scratch, read_json, write_json};
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
/// written over or gone on from; and one without a checkpoint, where they say that there is one.
///
/// # Errors
/// Says what lies there and how to go on.
pub fn check_output_dir(args: &TrainingArguments) -> Result<(), TrainError> {
    let path = PathBuf::from(&args.output_dir);
    if args.resume_from_checkpoint == ResumeFrom::Last && checkpoints(&path).is_empty() {
        return Err(TrainError::NoCheckpoint { path });
    }
    if args.overwrite_output_dir || args.resume_from_checkpoint != ResumeFrom::No {
        return Ok(());
    }
    let Ok(mut entries) = fs::read_dir(&path) else {
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
    let Some(first) = entries.find_map(Result::ok) else {
        return Ok(());
    };
    let (found, go_on) = match checkpoints(&path).pop() {
        Some((step, _)) => (
            format!("it has a checkpoint of step {step}"),
            "To go on from it add --resume_from_checkpoint true; to",
        ),
        None => (format!("it has {}", first.file_name().display()), "To"),
    };
    let hint = format!(
        "{go_on} start anew there add --overwrite_output_dir, or name another --output_dir"
    );
    Err(TrainError::OutputDir { path, found, hint })
}

/// Writes what `from_pretrained` reads into an existing folder.
pub(crate) async fn write_model(
    dir: &Path,
    model: &BertForSequenceClassification,
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
        self.state.save(&dir.join(TRAINER_STATE))
    }

    /// Writes `<split>_results.json` to `output_dir` and adds the numbers to `all_results.json`,
    /// under the names that they have.
    ///
    /// # Errors
    /// Where the folder can't be written, or an earlier `all_results.json` is no JSON object.
    pub fn save_metrics(&self, split: &str, metrics: &Metrics) -> Result<(), TrainError> {
        let dir = Path::new(&self.args.output_dir);
        fs::create_dir_all(dir).map_err(TrainError::io("create", dir))?;
        let values: BTreeMap<&str, Value> = metrics
            .iter()
            .map(|(name, value)| (name, number(name, value)))
            .collect();
        write_json(&dir.join(format!("{split}_results.json")), &values)?;
        let all = dir.join(ALL_RESULTS);
        let mut merged: BTreeMap<String, Value> = if fs::is_file(&all) {
            read_json(&all)?
        } else {
            BTreeMap::new()
        };
        merged.extend(
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        write_json(&all, &merged)
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

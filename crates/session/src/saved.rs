//! Runs that were kept: what they were told, and how far they came.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};
use tunesmith::model::AutoConfig;
use tunesmith::train::{TrainerState, checkpoints, recover, replace_file};
use tunesmith_platform::fs::{self, lock::FolderLock};
use tunesmith_protocol::{Metrics, ResumeFrom, RunConfig, SavedRun};

use crate::SessionError;
use crate::label_columns::problem_type;

/// What a run was told, beside what it wrote: an argument file for whoever goes on with it.
const RUN_CONFIG: &str = "run_config.json";

/// Writes what a run was told into its output folder, to be gone on with as it was begun.
pub(crate) fn keep(config: &RunConfig) -> Result<(), SessionError> {
    let mut config = config.clone();
    config.training.resume_from_checkpoint = ResumeFrom::No;
    let path = Path::new(&config.training.output_dir).join(RUN_CONFIG);
    let mut text = serde_json::to_string_pretty(&config)
        .map_err(|error| SessionError::io("write", &path)(error.into()))?;
    text.push('\n');
    Ok(replace_file(&path, text.as_bytes())?)
}

/// The runs whose output folders lie in `folder`, by name. What can't be read is passed over: a list
/// for a person, who would choose another.
#[must_use]
pub fn saved_runs(folder: &Path) -> Vec<SavedRun> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut runs: Vec<SavedRun> = entries
        .flatten()
        .filter_map(|entry| saved_run(&entry.path()))
        .collect();
    runs.sort_by(|a, b| a.output_dir.cmp(&b.output_dir));
    runs
}

/// The numbers of `all_results.json`.
fn results(dir: &Path) -> Metrics {
    let text = fs::read_to_string(dir.join("all_results.json")).unwrap_or_default();
    let values: Map<String, Value> = serde_json::from_str(&text).unwrap_or_default();
    let numbers = values
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_f64()?)));
    numbers.collect()
}

/// Whether somebody writes to a run's folder now.
fn is_in_use(dir: &Path) -> bool {
    let held = FolderLock::holder(dir).map(|_| FolderLock::take(dir));
    matches!(held, Some(Err(error)) if error.kind() == ErrorKind::WouldBlock)
}

fn saved_run(dir: &Path) -> Option<SavedRun> {
    recover(dir);
    let state = |dir: &Path| TrainerState::load(&dir.join("trainer_state.json")).ok();
    let ended = state(dir);
    let finished = ended.is_some() && fs::is_file(dir.join("model.safetensors"));
    let last = checkpoints(dir).pop().map(|(_, checkpoint)| checkpoint);
    let state = ended.or_else(|| state(last.as_deref()?))?;
    let model = match finished {
        true => Some(dir),
        false => last.as_deref(),
    };
    let model = model.and_then(|dir| AutoConfig::from_pretrained(dir).ok());
    let config = fs::read_to_string(dir.join(RUN_CONFIG)).ok();
    Some(SavedRun {
        output_dir: dir.display().to_string(),
        last_step: state.global_step,
        total_steps: (state.max_steps > 0).then_some(state.max_steps),
        config: config.and_then(|text| serde_json::from_str(&text).ok()),
        finished,
        in_use: is_in_use(dir),
        results: results(dir),
        problem_type: model.as_ref().map(|config| problem_type(config.task())),
        labels: model.map_or_else(Vec::new, |config| config.label_names()),
    })
}

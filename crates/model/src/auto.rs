//! transformers' names for loading a model whatever its family.

use std::path::Path;

use tunesmith_architecture::{ModelConfig, Task};
use tunesmith_kernels::ComputeDevice;
use tunesmith_platform::fs;

use crate::model::CONFIG;
use crate::{LoadReport, Model, ModelError};

/// Reads the configuration of a model of any family.
#[derive(Debug)]
pub struct AutoConfig;

impl AutoConfig {
    /// Reads `config.json` of a model's folder.
    ///
    /// # Errors
    /// Names the file, the field and what to do.
    pub fn from_pretrained(dir: &Path) -> Result<ModelConfig, ModelError> {
        let path = dir.join(CONFIG);
        let text = fs::read_to_string(&path).map_err(|source| ModelError::Io {
            path: path.clone(),
            source,
        })?;
        ModelConfig::from_json(&text).map_err(|message| ModelError::Config { path, message })
    }
}

/// Loads a model that answers for whole rows: one class, several labels, or a number.
#[derive(Debug)]
pub struct AutoModelForSequenceClassification;

impl AutoModelForSequenceClassification {
    /// As [`Model::from_pretrained`]; a configuration for tokens is given a head for rows.
    ///
    /// # Errors
    /// As [`Model::from_pretrained`].
    pub fn from_pretrained(
        dir: &Path,
        mut config: ModelConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<(Model, LoadReport), ModelError> {
        match config.task() {
            Task::SingleLabel | Task::MultiLabel | Task::Regression => {}
            Task::Tokens => set_task(dir, &mut config, Task::SingleLabel)?,
        }
        Model::from_pretrained(dir, config, seed, device)
    }
}

/// Loads a model that answers for each token.
#[derive(Debug)]
pub struct AutoModelForTokenClassification;

impl AutoModelForTokenClassification {
    /// As [`Model::from_pretrained`]; a configuration for rows is given a head for tokens.
    ///
    /// # Errors
    /// As [`Model::from_pretrained`].
    pub fn from_pretrained(
        dir: &Path,
        mut config: ModelConfig,
        seed: u64,
        device: &ComputeDevice,
    ) -> Result<(Model, LoadReport), ModelError> {
        match config.task() {
            Task::Tokens => {}
            Task::SingleLabel | Task::MultiLabel | Task::Regression => {
                set_task(dir, &mut config, Task::Tokens)?;
            }
        }
        Model::from_pretrained(dir, config, seed, device)
    }
}

fn set_task(dir: &Path, config: &mut ModelConfig, task: Task) -> Result<(), ModelError> {
    let names = config.label_names();
    config
        .set_head(task, &names)
        .map_err(|message| ModelError::Config {
            path: dir.join(CONFIG),
            message,
        })
}

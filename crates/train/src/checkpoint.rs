//! Checkpoints: a folder from which transformers loads the model, and this crate the whole run.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tunesmith_model::{CheckpointError, Model, TensorFile};
use tunesmith_platform::fs;
use tunesmith_protocol::TrainingArguments;

use crate::export::{TRAINER_STATE, TRAINING_ARGS, write_model};
use crate::files::{Scratch, read_json, write_json};
use crate::optimizer::check_shape;
use crate::plan::PlanIdentity;
use crate::run::{LastStep, Losses};
use crate::schedule::FollowingState;
use crate::{AdamW, GradScaler, ParamGroup, TrainError, TrainerState};

const OPTIMIZER: &str = "optimizer.safetensors";
/// What the Trainer's own state has no place for: transformers refuses unknown keys there.
const RUN_STATE: &str = "run_state.json";
const PREFIX: &str = "checkpoint-";
/// The optimizer counts its steps in 32 bits.
const MOST_STEPS: u64 = u32::MAX as u64 - 1;

/// The version of dropout's noise: by the row's place in the step and the token's place in the row since 1, by
/// places in memory before.
pub(crate) const NOISE: u32 = 1;

/// What a step leaves to be done before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Log,
    Evaluate,
    Save,
}

/// `run_state.json`: what makes a resumed run the same run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunState {
    /// The version that wrote it.
    pub(crate) tunesmith: String,
    /// Where it computed: bits are the same only there.
    pub(crate) device: String,
    pub(crate) plan: PlanIdentity,
    /// Digest of the tokenized training rows.
    pub(crate) data: String,
    /// The ids of the words that were trained, whose moments the checkpoint has; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<u32>>,
    /// What weight decay had left of the other words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) untrained_decay: Option<f64>,
    /// Which [`NOISE`] dropout draws.
    #[serde(default)]
    pub(crate) noise: u32,
    /// What was still to be done after this step.
    pub(crate) pending: Vec<Action>,
    pub(crate) losses: Losses,
    pub(crate) last: LastStep,
    /// Of a schedule that follows a metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schedule: Option<FollowingState>,
    /// Those of one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) param_groups: Option<Vec<ParamGroup>>,
    /// Of half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loss_scale: Option<GradScaler>,
}

impl RunState {
    pub(crate) fn load(dir: &Path) -> Result<Self, TrainError> {
        read_json(&dir.join(RUN_STATE))
    }

    /// Numbers that a run goes on with: of a file that was changed by hand or by a fault they may not fit
    /// each other.
    fn check(&self, global_step: u64) -> Result<(), String> {
        if global_step > MOST_STEPS {
            return Err(format!(
                "{TRAINER_STATE} has the global_step {global_step}: at most {MOST_STEPS} are counted"
            ));
        }
        if self.losses.logged_step > global_step {
            return Err(format!(
                "{RUN_STATE} has a log entry of step {}, after the {global_step} of {TRAINER_STATE}",
                self.losses.logged_step
            ));
        }
        if let Some(scaler) = self.loss_scale.filter(|scaler| !scaler.is_of(global_step)) {
            return Err(format!(
                "{RUN_STATE} has a loss scale of {} after {} skipped steps of {global_step}, which no run comes to",
                scaler.scale(),
                scaler.skipped_steps()
            ));
        }
        let actions = [Action::Log, Action::Evaluate, Action::Save];
        let times = |action| {
            self.pending
                .iter()
                .filter(|pending| **pending == action)
                .count()
        };
        if actions.into_iter().any(|action| times(action) > 1) {
            return Err(format!("{RUN_STATE} has the same thing pending twice"));
        }
        Ok(())
    }
}

/// A checkpoint, its tensors to be read one at a time.
pub(crate) struct Checkpoint {
    pub(crate) state: TrainerState,
    pub(crate) args: TrainingArguments,
    pub(crate) run: RunState,
    pub(crate) model: TensorFile,
    pub(crate) optimizer: TensorFile,
}

/// All checkpoints in a folder with their steps, the latest last.
#[must_use]
pub fn checkpoints(output_dir: &Path) -> Vec<(u64, PathBuf)> {
    let Ok(entries) = fs::read_dir(output_dir) else {
        return Vec::new();
    };
    let mut found: Vec<(u64, PathBuf)> = entries
        .flatten()
        .filter(|entry| fs::is_dir(entry.path()))
        .filter_map(|entry| {
            let name = entry.file_name();
            let step = name.to_str()?.strip_prefix(PREFIX)?.parse().ok()?;
            Some((step, entry.path()))
        })
        .collect();
    found.sort();
    found
}

/// The folder of a step's checkpoint.
pub(crate) fn folder(output_dir: &Path, step: u64) -> PathBuf {
    output_dir.join(format!("{PREFIX}{step}"))
}

/// What a checkpoint is made of.
pub(crate) struct Contents<'a> {
    pub(crate) model: &'a Model,
    pub(crate) optimizer: &'a AdamW,
    pub(crate) state: &'a TrainerState,
    pub(crate) args: &'a TrainingArguments,
    pub(crate) run: &'a RunState,
    /// The folder with the tokenizer's files.
    pub(crate) tokenizer: Option<&'a Path>,
}

impl Contents<'_> {
    /// About how many bytes it takes: weights, two moments of those that are trained, all in `f32`, and the tokenizer.
    pub(crate) fn bytes(&self) -> u64 {
        let moments = match self.args.save_only_model {
            true => 0,
            false => 8 * self.model.num_trained() as u64,
        };
        4 * self.model.num_parameters() as u64 + moments + (1 << 20)
    }

    /// Writes `output_dir/checkpoint-<step>`: whole, or not at all.
    pub(crate) async fn write(&self, output_dir: &Path) -> Result<PathBuf, TrainError> {
        let step = self.state.global_step;
        let scratch = Scratch::create(output_dir, &format!("{PREFIX}{step}"))?;
        let at = |name: &str| scratch.path().join(name);
        write_model(scratch.path(), self.model, self.tokenizer).await?;
        if !self.args.save_only_model {
            self.optimizer.save(self.model, &at(OPTIMIZER)).await?;
        }
        write_json(&at(TRAINING_ARGS), self.args)?;
        write_json(&at(RUN_STATE), self.run)?;
        self.state.save(&at(TRAINER_STATE))?;
        let target = folder(output_dir, step);
        scratch.rename_to(&target)?;
        Ok(target)
    }
}

impl Checkpoint {
    /// Reads a checkpoint; on failure the reason, for a message that names the folder.
    pub(crate) fn load(dir: &Path) -> Result<Self, String> {
        if !fs::is_dir(dir) {
            return Err("there is no such folder".to_owned());
        }
        for name in [
            TRAINER_STATE,
            RUN_STATE,
            TRAINING_ARGS,
            "model.safetensors",
            OPTIMIZER,
        ] {
            if !fs::is_file(dir.join(name)) {
                let why = match name {
                    OPTIMIZER => " (save_only_model leaves it out)",
                    _ => "",
                };
                return Err(format!(
                    "it has no {name}{why}, so it is not a whole checkpoint of this program"
                ));
            }
        }
        let text = |error: TrainError| error.to_string();
        let tensors =
            |name: &str| TensorFile::open_file(&dir.join(name)).map_err(|error| error.to_string());
        let checkpoint = Self {
            state: TrainerState::load(&dir.join(TRAINER_STATE)).map_err(text)?,
            args: read_json(&dir.join(TRAINING_ARGS)).map_err(text)?,
            run: RunState::load(dir).map_err(text)?,
            model: tensors("model.safetensors")?,
            optimizer: tensors(OPTIMIZER)?,
        };
        checkpoint.run.check(checkpoint.state.global_step)?;
        Ok(checkpoint)
    }

    /// Whether a run could go on from the checkpoint in a folder.
    pub(crate) fn is_good(dir: &Path) -> bool {
        Self::load(dir).is_ok_and(|checkpoint| {
            let mut names = checkpoint.model.names();
            names.all(|name| {
                let shape = checkpoint.model.shape(name).unwrap_or_default();
                check_finite(&checkpoint.model, name, shape.iter().product()).is_ok()
            })
        })
    }
}

/// Values looked at together.
const PIECE: usize = 1 << 20;

fn check_finite(tensors: &TensorFile, name: &str, count: usize) -> Result<(), String> {
    let mut pieces = (0..count).step_by(PIECE);
    pieces.try_for_each(|first| finite_values(tensors, name, first..first + PIECE).map(drop))
}

/// Values of a stored weight, where they are numbers.
fn finite_values(
    tensors: &TensorFile,
    name: &str,
    range: Range<usize>,
) -> Result<Vec<f32>, String> {
    let values = tensors.read_finite_range(name, range);
    values.map_err(|error| match error {
        CheckpointError::NotFinite { value, .. } => format!(
            "the tensor '{name}' holds {value}: training had gone wrong before it was saved"
        ),
        error => error.to_string(),
    })
}

/// Gives a model the stored weights; says what is missing where they are of another model.
pub(crate) fn set_parameters(model: &mut Model, tensors: &TensorFile) -> Result<(), String> {
    // All of them before any: a model is changed whole or not at all.
    check_parameters(model, tensors)?;
    let places: Vec<_> = model.parameters.iter().cloned().collect();
    for parameter in &places {
        let read = |range| finite_values(tensors, &parameter.name, range);
        model.parameters.read(parameter, read)?;
    }
    model.zero_grad();
    Ok(())
}

/// Says what is wrong with the stored weights of a model, and changes nothing.
pub(crate) fn check_parameters(model: &Model, tensors: &TensorFile) -> Result<(), String> {
    for parameter in model.parameters.iter() {
        check_shape(tensors, &parameter.name, &parameter.shape)?;
        check_finite(tensors, &parameter.name, parameter.count())?;
    }
    Ok(())
}

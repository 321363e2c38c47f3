//! What can go wrong in a run, told so that a person knows what is lost (nothing) and how to go on.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tunesmith_data::DataError;
use tunesmith_metrics::MetricError;
use tunesmith_model::{CheckpointError, ModelError};

use crate::OwnError;

/// An error of training, evaluating, predicting or saving.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The model, its files or a batch for it.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The rows of a batch.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The metric can't take what the model predicted.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that this crate wrote is not as it was written.
    #[error("{} is not what was written there ({message})", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        message: String,
    },
    /// No room for a checkpoint or the model.
    #[error(
        "the disk that holds {} is full: {what} needs about {needed_mb} MB there. What was written \
         before is as it was. Make room, lower save_total_limit, or choose another output_dir; then \
         {kept}",
        path.display()
    )]
    DiskFull {
        /// The output folder.
        path: PathBuf,
        /// What was to be written.
        what: String,
        /// Its size in MB.
        needed_mb: u64,
        /// How to go on.
        kept: String,
    },
    /// The loss, the gradient or the weights are NaN or infinite. Nothing is saved of such weights.
    #[error(
        "step {step}: the {what} is {value}, so training can't go on. Lower learning_rate (it was \
         {learning_rate:e}), add warmup_steps, or look at the rows of that step; {kept}"
    )]
    NotFinite {
        /// `loss`, `gradient norm` or `norm of the weights`.
        what: &'static str,
        /// Its value.
        value: f64,
        /// The optimizer step, the first being 1.
        step: u64,
        /// The learning rate of that step.
        learning_rate: f64,
        /// The last good checkpoint, and how to go on from it.
        kept: String,
    },
    /// The model gives NaN or infinity for a row.
    #[error(
        "row {row} of the split: the model's output is {value}, so there is nothing to measure. Its \
         weights are far too large: start from another model, or train it again with a lower \
         learning_rate"
    )]
    Logits {
        /// The row, from 0.
        row: usize,
        /// The output.
        value: f32,
    },
    /// The device failed (out of memory, reset, unplugged).
    #[error(
        "the device failed after step {step}: {message}. Lower per_device_train_batch_size or \
         max_seq_length, or use --device cpu; {kept}"
    )]
    Device {
        /// What the driver said.
        message: String,
        /// Optimizer steps taken.
        step: u64,
        /// The last good checkpoint, and how to go on from it.
        kept: String,
    },
    /// One of several devices has ended, and with it the run.
    #[error(
        "device {rank} ({device}; the first is 0) has ended: {message}. Lower per_device_train_batch_size, or          leave that device out of --devices; go on from the last checkpoint with --resume_from_checkpoint true"
    )]
    Rank {
        /// Which one.
        rank: usize,
        /// Its name.
        device: String,
        /// What it said.
        message: String,
    },
    /// Another process of a training loop of one's own has ended.
    #[error("process {rank} has ended: {message}")]
    Process {
        /// Which one.
        rank: usize,
        /// What it said.
        message: String,
    },
    /// The device did not hand out its results.
    #[error("the device failed: {0}. Try a smaller batch, or --device cpu")]
    Read(String),
    /// A checkpoint that can't be resumed from.
    #[error("{} can't be resumed from: {reason}. {hint}", path.display())]
    Checkpoint {
        /// Its folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// Another checkpoint that can be, or what else to do.
        hint: String,
    },
    /// There is no checkpoint to resume from.
    #[error(
        "there is no checkpoint in {}: leave --resume_from_checkpoint out to start anew, or name the \
         checkpoint's folder",
        path.display()
    )]
    NoCheckpoint {
        /// The output folder.
        path: PathBuf,
    },
    /// The arguments give a step other rows than it had when the checkpoint was written.
    #[error(
        "{} was written by a run of other batches: {}. Give the same values as then, or start anew \
         in another output_dir",
        path.display(), changes.join("; ")
    )]
    PlanChanged {
        /// The checkpoint.
        path: PathBuf,
        /// What changed.
        changes: Vec<String>,
    },
    /// The optimizer's moments are of other parameter groups.
    #[error(
        "{} was written with other parameter groups: {change}. Give the same groups as then, or start anew in \
         another output_dir",
        path.display()
    )]
    ParamGroups {
        /// The checkpoint.
        path: PathBuf,
        /// The first difference.
        change: String,
    },
    /// The checkpoint's run trained other parts of the model.
    #[error(
        "{} was written by a run that trained other parts of the model: {change}. Give train_head_only,          freeze_embeddings and freeze_layers as then, or start anew in another output_dir, from this checkpoint as the          model if you like",
        path.display()
    )]
    Parts {
        /// The checkpoint.
        path: PathBuf,
        /// The first difference.
        change: String,
    },
    /// The output folder holds something already.
    #[error("output_dir {} exists and is not empty ({found}). {hint}", path.display())]
    OutputDir {
        /// The folder.
        path: PathBuf,
        /// What lies there.
        found: String,
        /// What to do.
        hint: String,
    },
    /// Another run writes to the output folder.
    #[error(
        "output_dir {} is in use by another run{holder}: wait until it has ended, or name another \
         output_dir",
        path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// Which process it is, in brackets, where it is known.
        holder: String,
    },
    /// The output folder is the folder of the model that training begins with.
    #[error(
        "output_dir {} is the folder of the model that training starts from, whose weights would be \
         replaced: name another output_dir",
        path.display()
    )]
    BaseModel {
        /// The folder.
        path: PathBuf,
    },
    /// `metric_for_best_model` names a metric that the evaluation does not give.
    #[error(
        "metric_for_best_model: the evaluation gives no {name}, only {}; name one of these",
        available.join(", ")
    )]
    BestMetric {
        /// The name looked for.
        name: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// The function for `compute_metrics` failed.
    #[error("compute_metrics: {0}")]
    ComputeMetrics(#[source] OwnError),
    /// The function for the loss failed.
    #[error("the loss function: {0}")]
    LossFunction(#[source] OwnError),
    /// Arguments that do not fit together or to the data.
    #[error("{0}")]
    Arguments(String),
}

impl TrainError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// What the system said, where this error is of the file system.
    pub(crate) fn system(&self) -> Option<&io::Error> {
        match self {
            Self::Io { source, .. }
            | Self::Model(
                ModelError::Io { source, .. }
                | ModelError::Weights(CheckpointError::Io { source, .. }),
            ) => Some(source),
            _ => None,
        }
    }
}

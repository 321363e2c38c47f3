//! What a run tells. The stream of records is at once the screen's source, the log on disk and the
//! artifact by which two targets are compared, so an event holds facts of the run and no formatting.

use serde::{Deserialize, Serialize};

use crate::metrics::null_is_nan;
use crate::{ClassReport, LabelCount, Metrics, ProblemType, without_dashes};

/// The version written into every [`Record`]; it rises when an old reader would misread a new log.
pub const PROTOCOL_VERSION: u32 = 1;

/// One line of the event stream: an [`Event`] with its place in the stream.
///
/// In JSON the event's fields lie beside these two:
/// `{"version":1,"seq":4,"type":"warning","message":"…"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Record {
    /// [`PROTOCOL_VERSION`] of the writer.
    pub version: u32,
    /// Place in the stream: 0 begins a stream, later records have greater numbers. A gap means that
    /// step events were coalesced.
    pub seq: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// Why a line of an event log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The line is not JSON, or not a record.
    #[error("not an event record: {0}; one JSON object a line is expected, as --events writes it")]
    Json(#[from] serde_json::Error),
    /// The log was written by a version of the protocol that this one can't read.
    #[error(
        "the event log has protocol version {found}, this program reads version \
         {PROTOCOL_VERSION}: read it with the version of Tunesmith that wrote it"
    )]
    Version {
        /// The version in the record.
        found: u32,
    },
}

impl Record {
    /// Reads one line of an event log.
    ///
    /// # Errors
    /// When the line is not a record, or one of another protocol version.
    pub fn from_json(line: &str) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        // The version first: a later version may have events that this one doesn't know.
        let Version { version } = serde_json::from_str(line)?;
        if version != PROTOCOL_VERSION {
            return Err(RecordError::Version { found: version });
        }
        Ok(serde_json::from_str(line)?)
    }

    /// The record as one line of JSON, without a line break.
    ///
    /// # Errors
    /// Only if serde_json fails, which it has no reason to do for these types.
    pub fn to_json(&self) -> Result<String, RecordError> {
        Ok(serde_json::to_string(self)?)
    }
}

/// Numbers the events of one stream, from 0.
#[derive(Debug, Default)]
pub struct Sequencer {
    next: u64,
}

impl Record {
    /// An event at a place in the stream.
    #[must_use]
    pub fn new(seq: u64, event: Event) -> Self {
        Self {
            version: PROTOCOL_VERSION,
            seq,
            event,
        }
    }
}

impl Sequencer {
    /// Gives the event the next place in the stream.
    pub fn record(&mut self, event: Event) -> Record {
        let seq = self.next;
        self.next += 1;
        Record::new(seq, event)
    }
}

/// Something that happened in a run. Only [`Event::Step`] may be coalesced on the way to a screen;
/// no other event is ever dropped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The model and the data are ready and the first step is about to be taken.
    RunStarted(RunStarted),
    /// Part of a file has arrived.
    Download {
        /// The file, as the hub names it.
        file: String,
        /// Bytes here so far.
        loaded: u64,
        /// Bytes in all, where the server says so.
        total: Option<u64>,
    },
    /// A stage that takes time, other than a download or training, has come this far.
    Progress {
        /// The stage, as a person reads it: `tokenizing`, `evaluating`.
        stage: String,
        /// Items done.
        done: u64,
        /// Items in all.
        total: u64,
    },
    /// The data is read, tokenized and planned.
    DatasetReady(DatasetReady),
    /// One optimizer step was taken.
    Step(Step),
    /// The Trainer's training entry of `log_history`: means since the last such entry.
    Log(Log),
    /// A split was evaluated.
    Eval(Eval),
    /// A checkpoint was written, synced and renamed to its place.
    Checkpoint {
        /// Optimizer steps taken.
        step: u64,
        /// The checkpoint's folder.
        path: String,
    },
    /// Something the person should know; the run goes on.
    Warning {
        /// What, where, and what to do.
        message: String,
    },
    /// The device is gone (driver reset, GPU unplugged, tab in the background): this run can only
    /// be resumed from its last checkpoint.
    DeviceLost {
        /// What the driver said, and what to do.
        message: String,
    },
    /// The run has ended and its output is written.
    Done(Done),
    /// The run has ended with an error.
    Failed {
        /// What, where, and what to do.
        message: String,
    },
}

impl Event {
    /// The event as a screen shows it, by [`without_dashes`].
    #[must_use]
    pub fn without_dashes(mut self) -> Self {
        if let Self::Warning { message } | Self::DeviceLost { message } | Self::Failed { message } =
            &mut self
        {
            *message = without_dashes(message);
        }
        self
    }
}

/// What is about to be trained, on what, and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunStarted {
    /// `model_name_or_path`.
    pub model: String,
    /// The data set: a hub id with its configuration (`glue/mrpc`), a folder, or a file.
    pub dataset: String,
    /// The GLUE task that gives the metrics, if one was named.
    pub task: Option<String>,
    /// The device that computes.
    pub device: DeviceInfo,
    /// Further devices that compute beside it, in the order of ranks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_devices: Vec<DeviceInfo>,
    /// Rows of the training split, after `max_train_samples`.
    pub num_examples: u64,
    /// Epochs planned; a fraction where `max_steps` or `num_train_epochs` says so.
    pub num_epochs: f64,
    /// Optimizer steps planned.
    pub total_steps: u64,
    /// Rows of a batch on each device.
    pub per_device_train_batch_size: u64,
    /// Batches to an optimizer step.
    pub gradient_accumulation_steps: u64,
    /// The seed of everything random.
    pub seed: u64,
    /// Numbers that the optimizer changes.
    pub trainable_parameters: u64,
    /// The optimizer steps already taken, where the run goes on from a checkpoint.
    pub resumed_from_step: Option<u64>,
    /// The tensors of the layer that gives the answer, where the checkpoint has none: they start from
    /// random values, and this run trains them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub new_parameters: Vec<String>,
}

impl RunStarted {
    /// Rows of an optimizer step, on all devices.
    #[must_use]
    pub fn rows_of_a_step(&self) -> u64 {
        let devices = 1 + self.other_devices.len() as u64;
        self.per_device_train_batch_size * self.gradient_accumulation_steps * devices
    }
}

/// The device a run computes on, as the person should see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DeviceInfo {
    /// The adapter's own name.
    pub name: String,
    /// What drives it: `vulkan`, `metal`, `dx12`, `webgpu`, `flex`.
    pub backend: String,
    /// What sort of device it is.
    pub kind: DeviceKind,
}

/// What sort of device computes. A software adapter is told apart because it may be handed out
/// silently and is many times slower than what a person expects of "the GPU".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A GPU with its own memory.
    DiscreteGpu,
    /// A GPU that shares the machine's memory.
    IntegratedGpu,
    /// A graphics driver that computes on the CPU (lavapipe, SwiftShader, WARP).
    SoftwareGpu,
    /// The CPU itself.
    Cpu,
    /// The driver doesn't say.
    Other,
}

/// The splits of the data, ready for the first batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DatasetReady {
    /// The splits, in the data set's order.
    pub splits: Vec<Split>,
    /// The label's names in the order of their ids; empty for a regression.
    pub labels: Vec<String>,
    /// What is predicted.
    #[serde(default)]
    pub problem_type: ProblemType,
}

/// One split of a data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Split {
    /// `train`, `validation`, `test`.
    pub name: String,
    /// Rows.
    pub num_rows: u64,
    /// A digest of the tokenized rows, by which two targets compare; `None` where none was taken.
    pub digest: Option<String>,
    /// Of a split to be measured on whose rows have one class each: the most frequent class. Always
    /// giving it is the least that a model should beat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub most_frequent: Option<LabelCount>,
}

/// One optimizer step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Step {
    /// Optimizer steps taken, this one included: the first is 1.
    pub step: u64,
    /// Epochs done, with the fraction of the current one.
    pub epoch: f64,
    /// The mean loss over the step's rows, before the update; the device's `f32` exactly.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub loss: f64,
    /// The learning rate this step used.
    pub learning_rate: f64,
    /// The global norm of the gradients before clipping.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub grad_norm: f64,
    /// Rows in this step.
    pub batch_rows: u64,
    /// The padded length of the step's longest batch, in tokens.
    pub batch_length: u64,
    /// A digest of the step's batches, padding, attention mask and labels included, by which two
    /// targets compare.
    pub batch_digest: String,
    /// Rows a second, smoothed; 0 until it is known.
    pub samples_per_second: f64,
    /// Seconds until the last step at this speed; `None` until it is known.
    pub remaining_seconds: Option<f64>,
}

/// The Trainer's training entry in `log_history`, with its keys in its order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Log {
    /// Epochs done.
    pub epoch: f64,
    /// The last step's global gradient norm, before clipping.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub grad_norm: f64,
    /// The last step's learning rate.
    pub learning_rate: f64,
    /// The mean loss since the last entry.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub loss: f64,
    /// Optimizer steps taken.
    pub step: u64,
}

/// An evaluation of one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Eval {
    /// Epochs done.
    pub epoch: f64,
    /// Optimizer steps taken.
    pub step: u64,
    /// The split's name.
    pub split: String,
    /// The mean loss over the split.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub loss: f64,
    /// The metrics by evaluate's names, without a prefix.
    pub metrics: Metrics,
    /// Each label, or each type of entity, by itself; empty where a row has one class or a number.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<ClassReport>>"))]
    pub per_class: Vec<ClassReport>,
    /// Seconds the evaluation took.
    pub runtime: f64,
    /// Rows a second.
    pub samples_per_second: f64,
    /// Batches a second.
    pub steps_per_second: f64,
}

/// The end of a run: the last entry of `log_history`, and where the result lies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Done {
    /// The folder that holds the fine-tuned model.
    pub output_dir: String,
    /// Optimizer steps taken.
    pub step: u64,
    /// Epochs done.
    pub epoch: f64,
    /// The mean loss over the whole training.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub train_loss: f64,
    /// Seconds of training.
    pub train_runtime: f64,
    /// Rows a second.
    pub train_samples_per_second: f64,
    /// Optimizer steps a second.
    pub train_steps_per_second: f64,
    /// The best value of `metric_for_best_model`, where one is kept.
    pub best_metric: Option<f64>,
    /// The checkpoint of that value.
    pub best_model_checkpoint: Option<String>,
    /// Whether the run ended early because a `Command` asked for it.
    pub stopped: bool,
}

//! What passes between the window and its shell.

use serde::{Deserialize, Serialize};
use tunesmith_protocol::{
    AdapterInfo, Event, HubRepo, Inspection, Pair, Record, Review, RunConfig, SavedRun,
    TokenizedPrediction,
};

use crate::DevicePick;
use crate::state::Arguments;

/// Something to be done, with the number that its answer carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The answer's number: a later question of the same kind makes an earlier one's answer stale.
    pub ticket: u64,
    /// What.
    pub ask: Ask,
}

/// What the window asks of its shell. Every one of them but those without an answer named is answered
/// once, by an [`Answer`] with its ticket.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// Which adapters there are: [`Answer::Adapters`].
    Adapters,
    /// A data set that comes with the program: [`Answer::Data`].
    BuiltinData(Builtin),
    /// The model that comes with the program: [`Answer::Model`].
    BuiltinModel,
    /// What the data looks like: [`Answer::Inspected`].
    Inspect(RunConfig),
    /// What a training would take: [`Answer::Estimated`].
    Estimate(RunConfig, DevicePick),
    /// A model of the hub, downloaded where it isn't here: [`Answer::Model`].
    FetchModel {
        /// Its id, `owner/name`.
        name: String,
        /// A branch, tag or commit.
        revision: Option<String>,
    },
    /// Whether a model's folder can be trained: [`Answer::Model`].
    CheckModel(String),
    /// What of the hub is on this computer: [`Answer::Cached`].
    Cached(Kind),
    /// What the hub has by this name: [`Answer::Searched`].
    Search(Kind, String),
    /// A run: [`Answer::Started`], then [`Answer::Record`]s, then [`Answer::Ended`].
    Train {
        /// What it does; without an output folder the shell makes a new one.
        config: RunConfig,
        /// A word for the new folder's name; `None` where the configuration names the folder.
        name: Option<String>,
        /// Where to compute.
        device: DevicePick,
    },
    /// A command to the run. Not answered.
    Steer(tunesmith_protocol::Command),
    /// Classifies a text: [`Answer::Predicted`].
    Predict {
        /// The model's folder.
        model: String,
        /// The text.
        text: Pair,
        /// Where to compute.
        device: DevicePick,
    },
    /// What a model gets wrong: [`Answer::Reviewed`].
    Review {
        /// The run's configuration.
        config: RunConfig,
        /// The model's folder.
        model: String,
        /// Where to compute.
        device: DevicePick,
    },
    /// The runs that were kept: [`Answer::Runs`].
    Runs,
    /// A file or folder that the person picks: [`Answer::Picked`].
    Pick(Pick),
    /// Shows a folder in the system's file manager: [`Answer::Did`].
    OpenFolder(String),
    /// Copies a model to a folder that the person picks: [`Answer::Did`].
    Export(String),
    /// Writes a model as ONNX into its folder: [`Answer::Did`].
    Onnx(String),
    /// Deletes a run's folder: [`Answer::Did`].
    Delete(String),
}

/// A data set that comes with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builtin {
    /// Sentences by their topic.
    Topics,
    /// Pairs of sentences that say the same, or don't.
    Pairs,
}

/// What a hub keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Models.
    Model,
    /// Data sets.
    Dataset,
}

/// What a person is to pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The file to train on.
    TrainFile,
    /// The file to measure on.
    ValidationFile,
    /// A checkpoint's folder.
    ModelFolder,
}

/// What came of an [`Ask`]. An error is a sentence for people.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The adapters that could compute.
    Adapters(Vec<AdapterInfo>),
    /// The arguments that name the data.
    Data(Result<Arguments, String>),
    /// The folder of a model.
    Model(Result<Checkpoint, String>),
    /// What the data looks like.
    Inspected(Result<Box<Inspection>, String>),
    /// What a training takes, and whether it fits.
    Estimated(Result<Fit, String>),
    /// What of the hub is on this computer.
    Cached(Kind, Vec<HubRepo>),
    /// What the hub has.
    Searched(Kind, Result<Vec<HubRepo>, String>),
    /// Part of the work on an ask is done.
    Progress(Event),
    /// The run as it was started.
    Started(Box<RunConfig>),
    /// What the run tells.
    Record(Box<Record>),
    /// What the devices hold, in bytes.
    DeviceBytes(u64),
    /// The run has told everything.
    Ended,
    /// What a model says of a text.
    Predicted(Result<TokenizedPrediction, String>),
    /// What a model gets wrong.
    Reviewed(Result<Box<Review>, String>),
    /// The runs that were kept.
    Runs(Vec<SavedRun>),
    /// What was picked; nothing where the person thought better of it.
    Picked(Pick, Option<String>),
    /// What was done, in a sentence.
    Did(Result<String, String>),
}

/// A model that is ready to be trained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its folder.
    pub folder: String,
}

/// What a training takes, beside what there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// What it takes.
    pub estimate: tunesmith_protocol::Estimate,
    /// The memory it has to fit in, in bytes, where that is known.
    pub memory_bytes: Option<u64>,
    /// The largest tensor that the device can bind, in bytes; `None` on the CPU.
    pub max_binding_bytes: Option<u64>,
    /// Where it doesn't fit: the batch size that would, if any does.
    pub batch_size_that_fits: Option<u64>,
}

impl Fit {
    /// Whether it fits, as far as that is known.
    #[must_use]
    pub fn fits(&self) -> bool {
        let memory = self.memory_bytes.unwrap_or(u64::MAX);
        let binding = self.max_binding_bytes.unwrap_or(u64::MAX);
        self.estimate.device_bytes <= memory && self.estimate.largest_bytes <= binding
    }
}

/// Lists of the hub's.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// On this computer.
    pub cached: Vec<HubRepo>,
    /// On the hub, by the last search.
    pub searched: Vec<HubRepo>,
}

/// A language in which a model is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snippet {
    /// transformers.
    Python,
    /// transformers.js.
    JavaScript,
}

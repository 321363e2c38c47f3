//! What a shell asks apart from a run, and what it is told: what lies in the data, what a training
//! would take, what the trained model gets wrong, and what was kept.

use serde::{Deserialize, Serialize};

use crate::{DeviceChoice, DeviceKind, RunConfig};

/// A request of a user interface to whoever holds the session; in JSON `{"type": "inspect", …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// Which adapters there are: [`AdapterInfo`]s.
    Adapters,
    /// All files below a folder: [`FileEntry`]s.
    List {
        /// The folder.
        path: String,
    },
    /// Removes a file or folder.
    Remove {
        /// Which one.
        path: String,
    },
    /// Brings a model of the hub here: a [`Place`].
    FetchModel {
        /// Its id, `owner/name`.
        name: String,
        /// A branch, tag or commit; `main` where none is given.
        #[serde(default)]
        revision: Option<String>,
    },
    /// What the data looks like: an [`Inspection`].
    Inspect {
        /// Which data, and which columns.
        config: RunConfig,
    },
    /// What a training would take: an [`Estimate`].
    Estimate {
        /// The training.
        config: RunConfig,
    },
    /// Classifies texts: [`Prediction`]s.
    Predict {
        /// The model's folder.
        model: String,
        /// The texts.
        texts: Vec<Pair>,
        /// Where to compute.
        #[serde(default)]
        device: DeviceChoice,
    },
    /// What a trained model gets wrong: a [`Review`].
    Review {
        /// The run's configuration, whose validation split is read.
        config: RunConfig,
        /// The model's folder.
        model: String,
    },
    /// The runs that were kept: [`SavedRun`]s.
    Runs,
    /// Writes a folder as one zip file: a [`Place`].
    Zip {
        /// The folder.
        path: String,
    },
}

/// An adapter that could compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterInfo {
    /// The driver's name for it.
    pub name: String,
    /// `vulkan`, `metal`, `dx12`, `webgpu`.
    pub backend: String,
    /// What sort of device it is.
    pub kind: DeviceKind,
    /// The largest tensor it can bind, in bytes.
    pub max_binding_bytes: u64,
    /// The largest buffer it can allocate, in bytes.
    pub max_buffer_bytes: u64,
}

/// A file and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its whole path.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
}

/// Where something was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The folder or file.
    pub path: String,
    /// Bytes of a file.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// A text, or two to be read together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The text, or the first of the two.
    pub text: String,
    /// The second text.
    #[serde(default)]
    pub text_pair: Option<String>,
}

/// What a model says of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The most likely class; `score` for a regression.
    pub label: String,
    /// Its id.
    pub label_id: usize,
    /// Its probability; for a regression, the number predicted.
    pub score: f64,
    /// The probabilities of all classes in the order of their ids; for a regression, the number.
    pub scores: Vec<f64>,
    /// The model's outputs as they are: `[num_labels]`.
    pub logits: Vec<f32>,
}

/// What data looks like before it is tokenized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// The splits with their rows, in the data set's order.
    pub splits: Vec<SplitInfo>,
    /// The columns of the first split.
    pub columns: Vec<ColumnInfo>,
    /// The first rows of the first split, a cell a column; `None` where a cell is empty.
    pub rows: Vec<Vec<Option<String>>>,
    /// The columns that a training would take as text: one, or a pair.
    pub text_column_names: Vec<String>,
    /// The column that it would take as the label, where there is one.
    pub label_column_name: Option<String>,
    /// How often each label occurs in the first split, by label; the most frequent ones of a great many.
    pub label_counts: Vec<LabelCount>,
    /// What should be known of the data.
    pub warnings: Vec<String>,
}

/// A split and its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitInfo {
    /// `train`, `validation`, `test`.
    pub name: String,
    /// Rows.
    pub num_rows: u64,
}

/// A column and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Strings.
    Text,
    /// Classes with names.
    Label,
    /// Numbers.
    Number,
    /// Anything else.
    Other,
}

/// A label and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelCount {
    /// The class's name, or the value.
    pub label: String,
    /// Rows that have it.
    pub count: u64,
}

/// What a training would take, by formula.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Numbers that are trained.
    pub parameters: u64,
    /// Weights, gradients, moments, and what the longest batch keeps, in bytes.
    pub device_bytes: u64,
    /// The largest single tensor, which must fit a binding, in bytes.
    pub largest_bytes: u64,
    /// Optimizer steps.
    pub total_steps: u64,
    /// Rows of the training split.
    pub num_examples: u64,
    /// The longest row that is assumed, in tokens.
    pub longest_length: u64,
}

/// What a trained model gets right and wrong on a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Review {
    /// The split.
    pub split: String,
    /// The classes' names in the order of their ids.
    pub labels: Vec<String>,
    /// Rows by their true class, then by the predicted one.
    pub confusion: Vec<Vec<u64>>,
    /// Each class by itself.
    pub per_class: Vec<ClassReport>,
    /// The rows with the greatest loss among those it got wrong, the worst first.
    pub most_wrong: Vec<WrongRow>,
}

/// A class's precision, recall and F1, as scikit-learn's `classification_report` has them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// The class.
    pub label: String,
    /// Of the rows predicted to be of it, the share that is.
    pub precision: f64,
    /// Of its rows, the share that was predicted to be.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// Its rows.
    pub support: u64,
}

/// A row whose class the model got wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WrongRow {
    /// Its number in the split, from 0.
    pub row: u64,
    /// Its text.
    pub text: String,
    /// Its second text.
    pub text_pair: Option<String>,
    /// Its true class.
    pub label: String,
    /// The class that the model gave it.
    pub predicted: String,
    /// The probability that the model gave the true class.
    pub score: f64,
    /// The negative logarithm of that.
    pub loss: f64,
}

/// A run whose output is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SavedRun {
    /// Its folder.
    pub output_dir: String,
    /// The step of its last checkpoint or of its end.
    pub last_step: u64,
    /// The steps that were planned.
    pub total_steps: Option<u64>,
    /// Its configuration, as far as it was kept.
    pub config: Option<RunConfig>,
    /// Whether it came to its end.
    pub finished: bool,
}

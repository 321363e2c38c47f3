//! What a shell asks apart from a run, and what it is told: what lies in the data, what a training
//! would take, what the trained model gets wrong, and what was kept.

use serde::{Deserialize, Serialize};

use crate::metrics::null_is_nan;
use crate::{DeviceChoice, DeviceKind, Metrics, OnnxDtype, ProblemType, RunConfig};

/// A request of a user interface to whoever holds the session; in JSON `{"type": "inspect", …}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
        #[cfg_attr(test, ts(optional = nullable))]
        revision: Option<String>,
    },
    /// Checks that a model's folder can be trained: its family, its weights, its tokenizer. Not answered
    /// with anything.
    CheckModel {
        /// The folder.
        path: String,
    },
    /// What the data looks like: an [`Inspection`].
    Inspect {
        /// Which data, and which columns.
        #[cfg_attr(test, ts(type = "RunConfigJson"))]
        config: RunConfig,
    },
    /// What a training would take: an [`Estimate`].
    Estimate {
        /// The training.
        #[cfg_attr(test, ts(type = "RunConfigJson"))]
        config: RunConfig,
    },
    /// Classifies texts: [`TokenizedPrediction`]s.
    Predict {
        /// The model's folder.
        model: String,
        /// The texts.
        texts: Vec<Pair>,
        /// Where to compute.
        #[serde(default)]
        #[cfg_attr(test, ts(as = "Option<_>", optional))]
        device: DeviceChoice,
    },
    /// What a trained model gets wrong: a [`Review`].
    Review {
        /// The run's configuration, whose validation split is read.
        #[cfg_attr(test, ts(type = "RunConfigJson"))]
        config: RunConfig,
        /// The model's folder.
        model: String,
    },
    /// The runs that were kept: [`SavedRun`]s.
    Runs,
    /// How much memory is held: a [`MemoryUsage`].
    Memory,
    /// Writes a model as ONNX into its folder's `onnx`: [`Place`]s.
    Onnx {
        /// The model's folder.
        model: String,
        /// A file for each.
        dtypes: Vec<OnnxDtype>,
    },
    /// Writes a folder as one zip file: a [`Place`].
    Zip {
        /// The folder.
        path: String,
    },
}

/// What was opened, before anything else is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Opened {
    /// Where files are kept.
    pub storage: Storage,
    /// Why files can't be kept for longer, where they are in memory.
    pub reason: Option<String>,
    /// The version of Tunesmith.
    pub version: String,
}

/// Where a browser's files are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// In the origin's private files: they survive a reload and a crash.
    Opfs,
    /// In memory: they go with the page.
    Memory,
}

/// An adapter that could compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FileEntry {
    /// Its whole path.
    pub path: String,
    /// Bytes.
    pub bytes: u64,
}

/// A model or data set of the hub, found there or in the cache that all programs share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HubRepo {
    /// Its id: `owner/name`, of an old one `name`.
    pub id: String,
    /// Its downloads of the last 30 days, where the hub told.
    pub downloads: Option<u64>,
    /// The bytes that it takes up on this computer, where it was looked for in the cache.
    pub bytes: Option<u64>,
}

/// How much memory is held, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MemoryUsage {
    /// The program's own; in a browser it never shrinks.
    pub host_bytes: u64,
    /// On the devices that are open, whether in use or kept for the next step.
    pub device_bytes: u64,
}

/// Where something was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Place {
    /// The folder or file.
    pub path: String,
    /// Bytes of a file.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// A text, or two to be read together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Pair {
    /// The text, or the first of the two.
    pub text: String,
    /// The second text.
    #[serde(default)]
    #[cfg_attr(test, ts(optional = nullable))]
    pub text_pair: Option<String>,
}

/// What a model says of a text, by what it was trained to tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "problem_type")]
pub enum Prediction {
    /// One of several classes.
    #[serde(rename = "single_label_classification")]
    SingleLabel {
        /// The most likely class, or `unknown` where its probability lies below a threshold that was asked for.
        label: String,
        /// The id of the most likely class.
        label_id: usize,
        /// Its probability.
        score: f64,
        /// The probabilities of all classes in the order of their ids: `[num_labels]`.
        scores: Vec<f64>,
        /// The model's outputs as they are: `[num_labels]`.
        logits: Vec<f32>,
    },
    /// Any number of several labels.
    #[serde(rename = "multi_label_classification")]
    MultiLabel {
        /// The labels whose probability lies above their threshold, the most likely first.
        labels: Vec<String>,
        /// The probabilities of all labels in the order of their ids: `[num_labels]`.
        scores: Vec<f64>,
        /// The model's outputs as they are: `[num_labels]`.
        logits: Vec<f32>,
    },
    /// A number.
    #[serde(rename = "regression")]
    Regression {
        /// The number.
        score: f64,
        /// The model's output as it is: `[1]`.
        logits: Vec<f32>,
    },
    /// What is marked in the text.
    #[serde(rename = "token_classification")]
    Tokens {
        /// The entities in their order.
        entities: Vec<Entity>,
    },
}

/// A part of a text with a class, such as a name; in the fields of transformers' pipeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Entity {
    /// Its type (`PER`); the whole tag (`B-PER`) where tokens stand by themselves.
    pub entity_group: String,
    /// Its probability, the mean of its tokens' or words'.
    pub score: f64,
    /// Its tokens put together as the tokenizer does; the text itself is between `start` and `end`.
    pub word: String,
    /// Its first character, counted from 0 in Unicode characters (not UTF-16 units or bytes).
    pub start: usize,
    /// The character after its last.
    pub end: usize,
}

/// A prediction, and what the model read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TokenizedPrediction {
    /// What the model says.
    #[serde(flatten)]
    pub prediction: Prediction,
    /// The text's tokens, special ones included.
    pub tokens: Vec<String>,
}

/// What data looks like before it is tokenized.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
    /// The columns of 0 and 1 that it would take as labels, where there are several.
    pub label_column_names: Vec<String>,
    /// What it would predict; `None` where there are no labels.
    pub problem_type: Option<ProblemType>,
    /// How often each label occurs in the first split, by label, and each type of entity where tokens
    /// are tagged; the most frequent ones of a great many.
    pub label_counts: Vec<LabelCount>,
    /// What should be known of the data.
    pub warnings: Vec<String>,
}

/// A split and its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SplitInfo {
    /// `train`, `validation`, `test`.
    pub name: String,
    /// Rows.
    pub num_rows: u64,
}

/// A column and what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ColumnInfo {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// Strings.
    Text,
    /// Classes with names.
    Label,
    /// Numbers.
    Number,
    /// Lists: words, tags, or several labels.
    List,
    /// Anything else.
    Other,
}

/// A label and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LabelCount {
    /// The class's name, the value, or the type of entity.
    pub label: String,
    /// Rows that have it; entities of this type.
    pub count: u64,
}

/// What a training would take, by formula.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Review {
    /// The split.
    pub split: String,
    /// What the model predicts.
    pub problem_type: ProblemType,
    /// Rows that were compared.
    pub num_rows: u64,
    /// Those that are wholly right; for numbers, 0.
    pub num_right: u64,
    /// The metrics over all rows by evaluate's names.
    pub metrics: Metrics,
    /// The labels' names in the order of their ids; none for numbers.
    pub labels: Vec<String>,
    /// Rows by their true class, then by the predicted one, where a row has one class; else empty.
    pub confusion: Vec<Vec<u64>>,
    /// Each class, label or type of entity by itself; none for numbers.
    pub per_class: Vec<ClassReport>,
    /// The rows with the greatest loss among those it got wrong, the worst first.
    pub most_wrong: Vec<WrongRow>,
    /// Where numbers are predicted: the true and the predicted number of each of the first rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<[f64; 2]>>"))]
    pub numbers: Vec<[f64; 2]>,
    /// How often probabilities from 0 to 1 were right, by tenths: those of the predicted class of each row or token,
    /// or of each label of each row where a row may have several. None for numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<CalibrationBin>>"))]
    pub calibration: Vec<CalibrationBin>,
}

impl Review {
    /// The expected calibration error (Naeini and others 2015): by how much probabilities are off on average, 0 to 1.
    #[must_use]
    pub fn calibration_error(&self) -> Option<f64> {
        let count: u64 = self.calibration.iter().map(|bin| bin.count).sum();
        let filled = self.calibration.iter().filter(|bin| bin.count > 0);
        let errors = filled.map(|bin| (bin.share() - bin.mean_score).abs() * bin.count as f64);
        (count > 0).then(|| errors.sum::<f64>() / count as f64)
    }

    /// The most frequent class and its share of the rows, 0 to 1, where a row has one class: what always
    /// giving that answer would get right.
    #[must_use]
    pub fn most_frequent(&self) -> Option<(&str, f64)> {
        let counts = self.confusion.iter().map(|row| row.iter().sum::<u64>());
        // Of equals the first, as a person reads them.
        let (class, count) = counts
            .enumerate()
            .max_by_key(|(class, count)| (*count, std::cmp::Reverse(*class)))?;
        let share = count as f64 / self.num_rows.max(1) as f64;
        Some((self.labels.get(class)?, share))
    }

    /// Whether always giving the most frequent class would be right as often.
    #[must_use]
    pub fn is_no_better(&self) -> bool {
        let share = self.num_right as f64 / self.num_rows.max(1) as f64;
        self.most_frequent().is_some_and(|(_, most)| share <= most)
    }
}

/// The precision, recall and F1 of a class, label or type of entity, as scikit-learn's
/// `classification_report` and seqeval have them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ClassReport {
    /// The class, label or type.
    pub label: String,
    /// Of those predicted to be of it, the share that is.
    pub precision: f64,
    /// Of those that are of it, the share that was predicted to be.
    pub recall: f64,
    /// The harmonic mean of the two.
    pub f1: f64,
    /// How many are of it.
    pub support: u64,
}

/// Probabilities that are close to each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CalibrationBin {
    /// From this probability on.
    pub from: f64,
    /// Below this one; the last holds 1 too.
    pub to: f64,
    /// How many there are.
    pub count: u64,
    /// Of those, how many were right; where a row may have several labels, how many have the label.
    pub right: u64,
    /// Their mean; 0 where there are none.
    pub mean_score: f64,
}

impl CalibrationBin {
    /// The share that was right, 0 to 1; 0 where there are none.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.right as f64 / self.count.max(1) as f64
    }
}

/// A row that the model got wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WrongRow {
    /// Its number in the split, from 0.
    pub row: u64,
    /// Its text.
    pub text: String,
    /// Its second text.
    pub text_pair: Option<String>,
    /// What is true of it: its class, its labels with commas between, its number, or its entities with
    /// their types.
    pub label: String,
    /// What the model said, written in the same way.
    pub predicted: String,
    /// The probability that the model gave the true class, where a row has one; else `null`.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub score: f64,
    /// The probability that the model gave its own answer, where a row has one class; else `null`.
    #[serde(deserialize_with = "null_is_nan", default = "nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub confidence: f64,
    /// The row's loss.
    #[serde(deserialize_with = "null_is_nan")]
    #[cfg_attr(test, ts(as = "Option<_>"))]
    pub loss: f64,
}

fn nan() -> f64 {
    f64::NAN
}

impl WrongRow {
    /// How sure of another answer a model must be to cast doubt on the label.
    const SURE: f64 = 0.9;

    /// Whether the model is so sure of another answer that the label may be what is wrong.
    #[must_use]
    pub fn doubts_label(&self) -> bool {
        self.confidence >= Self::SURE
    }
}

/// A run whose output is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
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
    /// Whether another window or command writes to its folder now.
    #[serde(default)]
    pub in_use: bool,
    /// What it wrote to `all_results.json`: `train_loss`, `eval_accuracy`.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Metrics>"))]
    pub results: Metrics,
    /// The names of its model's classes, by their number.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<Vec<String>>"))]
    pub labels: Vec<String>,
    /// What its model predicts, where it has one.
    #[serde(default)]
    pub problem_type: Option<ProblemType>,
}

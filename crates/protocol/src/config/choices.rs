//! The arguments that are a choice of words, and the two that are number or word: steps that may be
//! a share of the run, and where to resume from.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A word that is not among an argument's choices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{got}` is not a choice here; use one of {}", known.join(", "))]
pub struct UnknownChoice {
    /// The word given.
    pub got: String,
    /// The words accepted.
    pub known: &'static [&'static str],
}

macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[cfg_attr(test, derive(ts_rs::TS))]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// The words, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word of this choice, as arguments and JSON spell it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = UnknownChoice;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownChoice { got: word.to_owned(), known: Self::WORDS }),
                }
            }
        }
    };
}

pub(super) use choices;

choices! {
    /// How the learning rate changes over a run, after warm-up.
    SchedulerType {
        /// Falls in a straight line to 0.
        #[default]
        Linear = "linear",
        /// Falls along half a cosine to 0.
        Cosine = "cosine",
        /// Falls along half a cosine to 0, several times over.
        CosineWithRestarts = "cosine_with_restarts",
        /// Falls along a power of the remaining share to `lr_end`.
        Polynomial = "polynomial",
        /// Stays, without warm-up.
        Constant = "constant",
        /// Stays.
        ConstantWithWarmup = "constant_with_warmup",
        /// Falls with the square root of the steps.
        InverseSqrt = "inverse_sqrt",
        /// Falls by a factor, without warm-up, when a metric of the evaluations has stopped improving.
        ReduceLrOnPlateau = "reduce_lr_on_plateau",
        /// Falls along half a cosine to a least rate.
        CosineWithMinLr = "cosine_with_min_lr",
        /// The same one step ahead, with a warm-up that begins above 0.
        CosineWarmupWithMinLr = "cosine_warmup_with_min_lr",
        /// Stays, then falls in the last steps.
        WarmupStableDecay = "warmup_stable_decay",
        /// Rises while a metric of the evaluations improves and falls while it doesn't, without warm-up.
        Greedy = "greedy",
    }
}

choices! {
    /// Which values of a metric are better.
    MetricMode {
        /// Lower ones.
        #[default]
        Min = "min",
        /// Higher ones.
        Max = "max",
    }
}

choices! {
    /// What an improvement is measured by.
    ThresholdMode {
        /// A share of the best value.
        #[default]
        Rel = "rel",
        /// The metric's own unit.
        Abs = "abs",
    }
}

choices! {
    /// The curve that a rate rises or falls along.
    RateCurve {
        /// A straight line.
        Linear = "linear",
        /// Half a cosine.
        #[default]
        Cosine = "cosine",
        /// One less a square root.
        OneMinusSqrt = "1-sqrt",
    }
}

choices! {
    /// How often something is done.
    IntervalStrategy {
        /// Never.
        #[default]
        No = "no",
        /// Every so many optimizer steps.
        Steps = "steps",
        /// At the end of every epoch.
        Epoch = "epoch",
    }
}

choices! {
    /// What a head of classes minimizes.
    LossType {
        /// The cross-entropy.
        #[default]
        CrossEntropy = "cross_entropy",
        /// The focal loss (Lin and others 2017), in which a row counts the less the surer the model is of it.
        Focal = "focal",
    }
}

choices! {
    /// When a checkpoint is saved.
    SaveStrategy {
        /// Never.
        No = "no",
        /// Every so many optimizer steps.
        #[default]
        Steps = "steps",
        /// At the end of every epoch.
        Epoch = "epoch",
        /// After each evaluation that is the best so far.
        Best = "best",
    }
}

impl SaveStrategy {
    /// How often it saves by the count of steps alone.
    #[must_use]
    pub const fn interval(self) -> IntervalStrategy {
        match self {
            Self::No | Self::Best => IntervalStrategy::No,
            Self::Steps => IntervalStrategy::Steps,
            Self::Epoch => IntervalStrategy::Epoch,
        }
    }
}

choices! {
    /// In which order the rows of an epoch come.
    SamplingStrategy {
        /// In a new order every epoch.
        #[default]
        Random = "random",
        /// As they are in the data.
        Sequential = "sequential",
        /// Those of similar length beside each other.
        GroupByLength = "group_by_length",
    }
}

choices! {
    /// What the command writes on standard error.
    LogLevel {
        /// Everything.
        #[default]
        Passive = "passive",
        /// Everything.
        Debug = "debug",
        /// Everything.
        Info = "info",
        /// Everything.
        Warning = "warning",
        /// No warnings.
        Error = "error",
        /// No warnings.
        Critical = "critical",
    }
}

choices! {
    /// Which tokens are counted.
    CountedTokens {
        /// None.
        #[default]
        No = "no",
        /// All of every batch, padding included.
        All = "all",
        /// Those that aren't padding.
        NonPadding = "non_padding",
    }
}

/// Which tokens of the training rows are counted; in JSON also `true` (all) and `false` (none).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = r#""no" | "all" | "non_padding""#))]
pub struct TokenCount(pub CountedTokens);

impl<'de> Deserialize<'de> for TokenCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected no, all, non_padding, true or false")]
        enum Written {
            Flag(bool),
            Word(CountedTokens),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Flag(true) => CountedTokens::All,
            Written::Flag(false) => CountedTokens::No,
            Written::Word(word) => word,
        }))
    }
}

choices! {
    /// What is cut where a row has more tokens than fit.
    Truncation {
        /// The longer sentence of a pair, token by token.
        #[default]
        LongestFirst = "longest_first",
        /// The first sentence.
        OnlyFirst = "only_first",
        /// The second sentence.
        OnlySecond = "only_second",
        /// Nothing: a row that is too long is an error.
        DoNotTruncate = "do_not_truncate",
    }
}

choices! {
    /// What a model is trained to tell of a row.
    ProblemType {
        /// One of several classes.
        #[default]
        SingleLabel = "single_label_classification",
        /// Any number of several labels.
        MultiLabel = "multi_label_classification",
        /// A number.
        Regression = "regression",
        /// The class of each token: named entities, parts of speech.
        Tokens = "token_classification",
    }
}

impl ProblemType {
    /// The class of transformers that loads a model of this kind.
    #[must_use]
    pub const fn auto_model(self) -> &'static str {
        match self {
            Self::SingleLabel | Self::MultiLabel | Self::Regression => {
                "AutoModelForSequenceClassification"
            }
            Self::Tokens => "AutoModelForTokenClassification",
        }
    }
}

choices! {
    /// How tokens with a class become entities: transformers' `aggregation_strategy`.
    AggregationStrategy {
        /// Neighbours of one type are one entity.
        #[default]
        Simple = "simple",
        /// As `simple`, and a word is what its first token is.
        First = "first",
        /// As `simple`, and a word is what its tokens are on average.
        Average = "average",
        /// As `simple`, and a word is what its most certain token is.
        Max = "max",
        /// Each token by itself.
        None = "none",
    }
}

choices! {
    /// Where a run computes.
    DeviceChoice {
        /// A real GPU where there is one, else the CPU.
        #[default]
        Auto = "auto",
        /// A real GPU, or an error.
        Gpu = "gpu",
        /// The CPU itself.
        Cpu = "cpu",
        /// A graphics driver that computes on the CPU: slow, for testing the GPU's path without one.
        SoftwareGpu = "software-gpu",
    }
}

choices! {
    /// The type of the numbers in an ONNX file, by transformers.js's names.
    OnnxDtype {
        /// Single precision.
        #[default]
        Fp32 = "fp32",
        /// Half precision, of weights and of what is computed; logits are in single precision.
        Fp16 = "fp16",
        /// 8 bits: weights of linear layers and embeddings with a scale a row, and what a linear layer reads
        /// with a scale that is found while it runs (dynamic quantization).
        Q8 = "q8",
    }
}

impl OnnxDtype {
    /// The file that transformers.js looks for.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Fp32 => "model.onnx",
            Self::Fp16 => "model_fp16.onnx",
            Self::Q8 => "model_quantized.onnx",
        }
    }
}

/// A number of optimizer steps, or where it is less than 1 a share of the run's steps.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Deserialize)]
#[serde(from = "f64")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Steps(pub f64);

impl Steps {
    /// The steps this means in a run of `total` steps. A share is rounded up, as the Trainer does.
    #[must_use]
    pub fn resolve(self, total: u64) -> u64 {
        if self.0 < 1.0 {
            (self.0 * total as f64).ceil() as u64
        } else {
            self.0 as u64
        }
    }
}

impl From<f64> for Steps {
    fn from(steps: f64) -> Self {
        Self(steps)
    }
}

impl FromStr for Steps {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Steps {
    /// A whole number is written as one: Python reads `500.0` as a float where it expects an int.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 >= 0.0 && self.0 < 2f64.powi(53) && self.0.fract() == 0.0 {
            serializer.serialize_u64(self.0 as u64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// The probability above which a label is predicted, where a row may have several labels. In JSON a
/// number, a list with one for each label, or `"tune"`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(type = r#"number | readonly number[] | "tune""#)
)]
pub enum Threshold {
    /// The same for every label.
    All(f64),
    /// One for each label, in the order of their ids.
    Each(Vec<f64>),
    /// For each label the one with the best F1 on the validation rows.
    Tune,
}

impl FromStr for Threshold {
    type Err = String;

    /// Reads `0.5`, `0.5,0.3` or `tune`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "tune" {
            return Ok(Self::Tune);
        }
        let number = |part: &str| {
            part.trim().parse().map_err(|_| {
                format!("`{text}` is not a threshold: give a number, one for each label with commas between, or tune")
            })
        };
        let numbers: Vec<f64> = text.split(',').map(number).collect::<Result<_, String>>()?;
        Ok(match numbers.as_slice() {
            [one] => Self::All(*one),
            _ => Self::Each(numbers),
        })
    }
}

impl Serialize for Threshold {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(number) => serializer.serialize_f64(*number),
            Self::Each(numbers) => numbers.serialize(serializer),
            Self::Tune => serializer.serialize_str("tune"),
        }
    }
}

impl<'de> Deserialize<'de> for Threshold {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a number, a list of numbers, or tune")]
        enum Written {
            Number(f64),
            Numbers(Vec<f64>),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(number) => Ok(Self::All(number)),
            Written::Numbers(numbers) => Ok(Self::Each(numbers)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// How much each class counts in the loss. In JSON `"none"`, `"balanced"`, an object of labels and numbers, or a list
/// with a number for each label in the order of their ids.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(type = r#""none" | "balanced" | { [label: string]: number } | readonly number[]"#)
)]
pub enum ClassWeights {
    /// All the same.
    #[default]
    None,
    /// The rarer the more: rows / (classes x the class's rows), as scikit-learn has it.
    Balanced,
    /// By the labels' names; those that aren't named count 1.
    Named(BTreeMap<String, f64>),
    /// By the labels' ids.
    Each(Vec<f64>),
}

#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "expected none, balanced, an object of labels and weights, or a list of weights"
)]
enum WrittenWeights {
    Named(BTreeMap<String, f64>),
    Each(Vec<f64>),
    Text(String),
}

impl FromStr for ClassWeights {
    type Err = String;

    /// Reads `none`, `balanced`, or JSON.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim() {
            "none" => Ok(Self::None),
            "balanced" => Ok(Self::Balanced),
            json => match serde_json::from_str(json) {
                Ok(WrittenWeights::Named(weights)) => Ok(Self::Named(weights)),
                Ok(WrittenWeights::Each(weights)) => Ok(Self::Each(weights)),
                Ok(WrittenWeights::Text(_)) | Err(_) => Err(format!(
                    "`{text}` are no class weights: give none, balanced, or JSON such as {{\"spam\": 3, \"ham\": 1}}"
                )),
            },
        }
    }
}

impl Serialize for ClassWeights {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_str("none"),
            Self::Balanced => serializer.serialize_str("balanced"),
            Self::Named(weights) => weights.serialize(serializer),
            Self::Each(weights) => weights.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ClassWeights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match WrittenWeights::deserialize(deserializer)? {
            WrittenWeights::Named(weights) => Ok(Self::Named(weights)),
            WrittenWeights::Each(weights) => Ok(Self::Each(weights)),
            WrittenWeights::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// Which checkpoint a run goes on from. In JSON `false`, `true` (the last) or a path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "boolean | string"))]
pub enum ResumeFrom {
    /// None: start anew.
    #[default]
    No,
    /// The last checkpoint in `output_dir`.
    Last,
    /// The checkpoint in this folder.
    Checkpoint(String),
}

impl FromStr for ResumeFrom {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "false" => Self::No,
            "true" | "last" => Self::Last,
            _ => Self::Checkpoint(text.to_owned()),
        })
    }
}

impl Serialize for ResumeFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Last => serializer.serialize_bool(true),
            Self::Checkpoint(path) => serializer.serialize_str(path),
        }
    }
}

impl<'de> Deserialize<'de> for ResumeFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected true, false or the path of a checkpoint"
        )]
        enum Written {
            Flag(Option<bool>),
            Path(String),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Flag(Some(true)) => Self::Last,
            Written::Flag(_) => Self::No,
            Written::Path(path) => Self::Checkpoint(path),
        })
    }
}

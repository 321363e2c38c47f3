//! What a run needs to know, in the names and defaults of `TrainingArguments` and `run_glue.py`, so
//! that what people know, and the files they have, work here.
//!
//! The three groups are run_glue's three dataclasses. In JSON they lie flat in one object, as
//! `HfArgumentParser` reads it.

mod choices;
mod data;
mod devices;
mod fixed;
mod json;
mod layers;
mod model;
mod names;
mod report_to;
mod schedule;
mod table;
mod training;
mod validate;

use serde::{Deserialize, Serialize};

pub use choices::{
    AggregationStrategy, ClassWeights, CountedTokens, DeviceChoice, IntervalStrategy, LogLevel,
    LossType, MetricMode, OnnxDtype, ProblemType, RateCurve, ResumeFrom, SamplingStrategy,
    SaveStrategy, SchedulerType, Steps, Threshold, ThresholdMode, TokenCount, Truncation,
    UnknownChoice,
};
pub use data::DataArguments;
pub use devices::{DevicePlace, Devices};
pub use json::OLD_SPELLINGS;
pub use layers::Layers;
pub use model::ModelArguments;
pub use names::without_dashes;
pub use report_to::{Integration, ReportTo};
pub use schedule::SchedulerKwargs;
pub use table::{ARGUMENTS, Argument, ArgumentGroup, ArgumentKind, SET_BY_PANELS};
pub use training::{ERRORS, TrainingArguments};

/// Everything a run is told before it starts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    test,
    derive(ts_rs::TS),
    ts(type = "ModelArguments & DataArguments & TrainingArguments")
)]
pub struct RunConfig {
    /// Which model.
    #[serde(flatten)]
    pub model: ModelArguments,
    /// Which data, and how its text becomes tokens.
    #[serde(flatten)]
    pub data: DataArguments,
    /// How to train, evaluate and save.
    #[serde(flatten)]
    pub training: TrainingArguments,
}

/// One thing wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Problem {
    /// The argument's name, without dashes.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Problem {
    fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// Why a configuration can't be used: all of its problems at once, so that a person corrects a file
/// in one go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The text is not one JSON object.
    #[error("the file of arguments is not one JSON object: {0}")]
    Json(String),
    /// Arguments that can't be used.
    #[error("{}", list(.0))]
    Problems(Vec<Problem>),
}

impl ConfigError {
    /// The problems by field; none where the text was not JSON.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Json(_) => &[],
            Self::Problems(problems) => problems,
        }
    }
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}

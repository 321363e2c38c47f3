//! What a shell and a run say to each other: [`RunConfig`] goes in, one stream of [`Record`]s comes
//! out, [`Command`]s steer it, and [`RunView`] is the one reducer that every user interface draws.
//!
//! The crate holds host values and serde only: no tensors, no time, no threads. It compiles for
//! every target, and its JSON is the contract with the command's `--events FILE`, with the web page
//! and with whoever reads a log later.
//!
//! # Numbers in JSON
//! A loss is an `f32` on the device and is carried as `f64`, which holds it exactly; `serde_json`'s
//! `float_roundtrip` reads back the very bits that were written. JSON has no NaN and no infinity:
//! both are written as `null`, and `null` is read back as NaN.

mod command;
mod config;
mod event;
mod metrics;
mod shell;
#[cfg(test)]
mod types;
mod view;

pub use command::Command;
pub use config::{
    ARGUMENTS, AggregationStrategy, Argument, ArgumentGroup, ArgumentKind, ClassWeights,
    ConfigError, CountedTokens, DataArguments, DeviceChoice, DevicePlace, Devices, ERRORS,
    Integration, IntervalStrategy, Layers, LogLevel, LossType, MetricMode, ModelArguments,
    OLD_SPELLINGS, OnnxDtype, Problem, ProblemType, RateCurve, ReportTo, ResumeFrom, RunConfig,
    SET_BY_PANELS, SamplingStrategy, SaveStrategy, SchedulerKwargs, SchedulerType, Steps,
    Threshold, ThresholdMode, TokenCount, TrainingArguments, Truncation, UnknownChoice,
    without_dashes,
};
pub use event::{
    DatasetReady, DeviceInfo, DeviceKind, Done, Eval, Event, Log, PROTOCOL_VERSION, Record,
    RecordError, RunStarted, Sequencer, Split, Step,
};
pub use metrics::Metrics;
pub use shell::{
    AdapterInfo, CalibrationBin, ClassReport, ColumnInfo, ColumnKind, Entity, Estimate, FileEntry,
    HubRepo, Inspection, LabelCount, MemoryUsage, Opened, Pair, Place, Prediction, Request, Review,
    SavedRun, SplitInfo, Storage, TokenizedPrediction, WrongRow,
};
pub use view::{DownloadState, LossPoint, ProgressState, RunState, RunView};

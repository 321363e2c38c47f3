//! Training, evaluation and prediction: transformers' `Trainer` on tunesmith's models.
//!
//! The loop is pulled: [`Run::next`] does one unit of work (an optimizer step, a batch of an
//! evaluation, a checkpoint) and hands out what happened, so that a shell pauses by not pulling and
//! stops between two units. Nothing here blocks or spawns a thread, but for replicas of the model on further
//! devices ([`Replicas`]), and nothing keeps random state: which rows a step takes and which elements it drops follow from (seed, step) alone, and a resumed run repeats
//! the uninterrupted one bit for bit.
//!
//! - [`Plan`]: which rows every batch holds, known before the first step.
//! - [`Schedule`], [`AdamW`]: the learning rate of a step, and the step.
//! - [`Trainer`], [`Run`]: the loop, its evaluations and its checkpoints.
//! - [`DataLoader`], [`TrainerCallback`], [`ParamGroup`]: for a loop of one's own, or parts of it.
//! - [`TrainerState`]: `trainer_state.json`; the folder around it is written as transformers does.

#[cfg(not(target_arch = "wasm32"))]
mod accelerator;
mod batch;
mod callback;
mod card;
mod checkpoint;
mod class_weights;
mod device;
mod early_stopping;
mod error;
mod evaluate;
mod export;
mod files;
mod folder;
mod loader;
mod optimizer;
mod own;
mod parts;
mod plan;
mod replicas;
mod resume;
mod run;
mod sampler;
mod scaler;
mod schedule;
mod speed;
mod state;
mod trainer;

#[cfg(not(target_arch = "wasm32"))]
pub use accelerator::{Accelerator, launch};
pub use batch::batch_inputs;
pub use callback::{TrainerCallback, TrainerControl};
pub use card::{NO_METRIC, Names};
pub use checkpoint::checkpoints;
pub use class_weights::check_task;
pub use device::device_info;
pub use error::TrainError;
pub use evaluate::{
    EvalPass, Evaluation, PredictionOutput, argmax, class_report, sigmoid, softmax,
};
pub use export::{check_base_model, check_output_dir};
pub use files::replace_file;
pub use folder::{OutputFolder, recover};
pub use loader::DataLoader;
pub use optimizer::{AdamW, ParamGroup};
pub use own::{EvalPrediction, LossAndGradient, OwnError};
pub use parts::frozen;
pub use plan::{Plan, PlannedStep};
pub use replicas::{Greeting, Replicas};
#[cfg(not(target_arch = "wasm32"))]
pub use replicas::{follow, join};
pub use run::Run;
pub use sampler::{length_grouped, randperm};
pub use scaler::GradScaler;
pub use schedule::{Schedule, get_scheduler};
pub use state::{LogEntry, TrainerState};
pub use trainer::{TrainOutput, Trainer};

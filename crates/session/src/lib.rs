//! One run, from its configuration to its output folder, as a stream of events for any shell.
//!
//! A [`Session`] does what `run_glue.py` does: it gets the model and the data, tokenizes, trains,
//! evaluates, predicts and saves. It is pulled: [`Session::next`] works until there is something to
//! tell. Its [`Steering`] pauses and stops it. What waits for the network or keeps all cores busy runs on
//! a thread of its own and tells from there; the device is only ever touched by whoever pulls.
//!
//! Beside it stands what a shell's other commands need: [`open`] a device, fetch a model, [`inspect`]
//! data, [`estimate`] what a training takes, classify texts with a [`Predictor`], [`review`] what a
//! model gets wrong, list the [`saved_runs`].

mod background;
mod check;
mod columns;
mod device;
mod drive;
mod error;
mod estimate;
mod fetch;
mod finish;
mod fits;
#[cfg(not(target_arch = "wasm32"))]
mod hub;
mod inspect;
mod label_columns;
mod label_guess;
mod labels;
mod marked;
mod memory;
mod metric;
mod model;
mod predict;
mod prepare;
#[cfg(not(target_arch = "wasm32"))]
mod ranks;
mod report;
mod report_to;
mod review;
mod saved;
mod session;
mod steering;
mod tiles;

pub use check::{check, columns};
pub use device::{
    PickedAdapter, adapter_infos, destroy_devices, device_bytes, exhaust_devices, open,
    pick_adapter,
};
pub use error::SessionError;
pub use estimate::{Estimator, estimate};
pub use fetch::fetch_model;
#[cfg(not(target_arch = "wasm32"))]
pub use fetch::model_dir;
#[cfg(target_arch = "wasm32")]
pub use fetch::set_hub;
#[cfg(not(target_arch = "wasm32"))]
pub use hub::{cached_datasets, cached_models, search_datasets, search_models};
pub use inspect::inspect;
pub use memory::MemoryEstimate;
pub use model::check_model;
#[cfg(not(target_arch = "wasm32"))]
pub use predict::{PredictFile, predict_file, ranked};
pub use predict::{Predictor, UNKNOWN, predict_texts};
#[cfg(not(target_arch = "wasm32"))]
pub use ranks::join;
pub use review::review;
pub use saved::saved_runs;
pub use session::Session;
pub use steering::Steering;
pub use tunesmith::onnx::export as export_onnx;
pub use tunesmith::train::device_info;
pub use tunesmith_platform::{Memory, memory};

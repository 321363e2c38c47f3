//! One run, from its configuration to its output folder, as a stream of events for any shell.
//!
//! A [`Session`] does what `run_glue.py` does: it gets the model and the data, tokenizes, trains,
//! evaluates, predicts and saves. It is pulled: [`Session::next`] works until there is something to
//! tell, so a shell pauses by not pulling. What waits for the network or keeps all cores busy runs on
//! a thread of its own and tells from there; the device is only ever touched by whoever pulls.
//!
//! Beside it stands what a shell's other commands need: [`open`] a device, find a [`model_dir`],
//! classify texts with a [`Predictor`].

mod background;
mod columns;
mod device;
mod drive;
mod error;
mod finish;
mod labels;
mod model;
mod predict;
mod prepare;
mod session;

pub use device::open;
pub use error::SessionError;
pub use model::model_dir;
pub use predict::{Pair, Prediction, Predictor, predict_file, predict_texts};
pub use session::Session;
pub use tunesmith::train::device_info;

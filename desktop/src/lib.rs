//! The window: what a person sees of a training, and what they ask of it.
//!
//! All of it is a view of [`State`]: [`show`] draws it and changes it, [`State::take_asks`] gives what
//! somebody has to do, [`State::take`] brings back what came of it. Nothing here opens a file, a device
//! or a thread, so it compiles for wasm32, and a test can be the shell.

mod ask;
mod columns;
mod format;
pub mod icon;
mod labels;
mod panels;
mod plot;
mod settings;
mod state;
pub mod theme;
mod widgets;
mod window;

pub use ask::{Answer, Ask, Asked, Builtin, Checkpoint, Fit, Found, Kind, Pick, Snippet};
pub use settings::{DevicePick, Settings, Source, Theme};
pub use state::{Arguments, Host, Panel, Run, State, Trained};
pub use window::show;

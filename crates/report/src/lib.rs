//! What a run came to: `report.html`, one file that any browser shows, and the same as tables; and, while it trains,
//! what TensorBoard reads ([`event_file`]).
//!
//! Both are made of what the run told ([`RunView`]) and of what its model gets right and wrong on each split
//! ([`Review`]). Nothing here reads a file, so it is the same on every target.

pub mod event_file;
mod html;
mod plot;
mod tables;

use tunesmith_protocol::{Review, RunView};

pub use tables::{Table, cell, tables};

/// What there is to report.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// What the run told: the curves, the data, the device.
    pub view: &'a RunView,
    /// Arguments that aren't at their default, as the command spells them.
    pub arguments: &'a [(String, String)],
    /// One for each split that was evaluated.
    pub reviews: &'a [Review],
}

impl Report<'_> {
    /// A whole page: no script, and nothing that is loaded from elsewhere.
    #[must_use]
    pub fn html(&self) -> String {
        html::page(self)
    }
}

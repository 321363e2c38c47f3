//! The six panels, and the parts of them that have a file of their own.

pub(crate) mod ask;
pub(crate) mod choose;
mod columns;
mod entities;
pub(crate) mod gather;
pub(crate) mod keep;
pub(crate) mod look;
mod preview;
pub(crate) mod train;

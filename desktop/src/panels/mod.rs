//! The six panels.

pub(crate) mod ask;
pub(crate) mod choose;
pub(crate) mod gather;
pub(crate) mod keep;
pub(crate) mod look;
pub(crate) mod train;

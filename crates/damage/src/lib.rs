//! Damages files on purpose, and holds what reads them to ending with an answer or an error.
//!
//! A file from a stranger may be cut short, mixed up, or made to do harm. Whatever it holds, reading it
//! must not panic, abort, take ten seconds or two gigabytes. A [`Trial`] reads many damaged copies of a
//! few good files; which copies is decided by a seed, so that a failure comes again. Tests read a few
//! hundred copies; `cargo xtask fuzz --mutants 5000` reads as many as it is told.

pub mod fixtures;
mod meter;
mod mutate;
mod trial;

pub use meter::Meter;
pub use mutate::{Kind, Mutator};
pub use trial::Trial;

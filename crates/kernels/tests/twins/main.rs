//! Each kernel on every software renderer, and on what GPUs there are, against its plain twin on the CPU, forward and backward, at
//! awkward sizes and over memory that holds NaN. Both draw the same dropout masks, so dropout is on.
#![allow(clippy::unwrap_used, reason = "tests")]

mod attention;
mod layers;
mod losses;
mod parameters;
mod support;
mod tokens;

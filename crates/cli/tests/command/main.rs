//! The `tunesmith` command as a person meets it: run, and read.
//!
//! One test program, since each links the tensor library anew.
#![allow(clippy::unwrap_used, reason = "tests")]

mod arguments;
mod bad_data;
mod bad_model;
mod bad_run;
mod classes;
mod compare;
mod data;
mod download;
mod escapes;
mod export;
mod interrupt;
mod machine;
mod metric;
mod pipes;
mod predict;
mod ranks;
mod report;
mod support;
mod tokenize;
mod train;

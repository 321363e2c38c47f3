//! The repository's own paraphrase pairs and tiny model, for where the Hub can't be reached.
//!
//! A grammar of invented news events states the same facts in different forms (equivalent pairs)
//! or slightly different facts in similar forms (the others). The grammar, the word lists and the
//! output are all committed; `cargo run -p tunesmith-paraphrase` writes the output again, byte
//! for byte. The model is an untrained BERT whose vocabulary is the words of the pairs.

pub mod dataset;
pub mod error;
pub mod files;
pub mod grammar;
pub mod measure;
pub mod pair;
pub mod render;
pub mod rng;
pub mod syntax;
pub mod tiny;
pub mod topics;
pub mod value;
pub mod words;

pub use dataset::{Generator, LABELS};
pub use error::Error;
pub use files::{File, generate, write_all};
pub use pair::{Pair, Relation};

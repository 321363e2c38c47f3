//! Datasets, tokenization and batches, as plain host values: no tensor library here.
//!
//! The road of a row: a file or a Hub repository becomes a [`DatasetDict`] ([`LoadDataset`]), a
//! [`Tokenizer`] turns its text columns into a [`TokenizedDataset`] ([`tokenize_dataset`]), and
//! [`DataCollatorWithPadding`] turns some of its examples into a [`Batch`] of integers. Every stage
//! behaves as the Python library of the same name does (`datasets`, `tokenizers`, `transformers`),
//! prints as it does, and shuffles as it does, so that two pipelines can be compared row by row.
//!
//! What is large lives in memory-mapped Arrow files (the `ipc` module), so that memory does not
//! grow with the data.

mod card;
mod caught;
mod check;
mod collate;
mod column;
mod combine;
mod csv_record;
mod dataset;
mod dataset_dict;
mod digest;
mod error;
mod features;
mod glob;
mod ipc;
mod labels;
mod layout;
mod list;
mod load;
mod long;
mod named;
mod ops;
mod read;
mod rng;
mod stratify;
mod stream;
mod tags;
mod target;
mod tokenize;
mod tokenized;
mod tokenizer;
mod tokenizer_config;
mod types;
mod value;
// A browser keeps what it makes without writing tables.
#[cfg(not(target_arch = "wasm32"))]
mod write;

pub use check::{CheckColumns, Finding, FindingKind, check, check_tokens};
pub use collate::{Batch, DataCollator, DataCollatorWithPadding, Labels};
pub use column::ColumnView;
pub use combine::{InterleaveOptions, StoppingStrategy, concatenate_datasets, interleave_datasets};
pub use csv_record::csv_record;
pub use dataset::Dataset;
pub use dataset_dict::DatasetDict;
pub use digest::BatchDigest;
pub use error::DataError;
pub use features::{ClassLabel, Dtype, Feature, Features};
pub use labels::{
    LabelColumns, LabelEncoder, LabelInfo, MultiLabelEncoder, TestLabels, check_labels, label_info,
};
pub use list::List;
pub use load::{DataFile, LoadDataset, LoadEvent, default_cache_dir, load_dataset};
pub use ops::{MapOptions, NewColumn, SplitSize};
pub use read::{CsvOptions, Format};
pub use rng::permutation;
pub use stream::IterableDataset;
pub use tags::{Aggregation, Entity, IGNORED, Span, TagColumns, TagEncoder, entities};
pub use tokenize::{TokenizeArgs, TokenizeProgress, tokenize_dataset, tokenize_tagged};
pub use tokenized::{ExampleRef, Label, TokenizedDataset};
pub use tokenizer::{
    AutoTokenizer, BatchEncoding, Encoding, Padding, PaddingSide, PlacedTokens, TextInput,
    TokenizeOptions, Tokenizer, Truncation,
};
pub use value::{Row, Value};
#[cfg(not(target_arch = "wasm32"))]
pub use write::{PartialFile, TableFormat, TableWriter};

//! Fine-tune encoders in Rust, in the words of the Hugging Face course.
//!
//! This crate is the public face of the pipeline: one name to depend on, with the types of a
//! fine-tuning script at its root and every stage whole in a module of its own. It adds no code, so
//! that whoever reads a stage reads the crate that does the work.
//!
//! | in Python | here |
//! |---|---|
//! | `load_dataset("glue", "mrpc")` | [`load_dataset`] |
//! | `AutoTokenizer.from_pretrained(dir)` | [`Tokenizer::from_file`] |
//! | `raw_datasets.map(tokenize_function, batched=True)` | [`tokenize_dataset`], [`Dataset::map`] |
//! | `DataCollatorWithPadding(tokenizer)` | [`DataCollatorWithPadding::from_tokenizer`] |
//! | `AutoModelForSequenceClassification.from_pretrained(dir)` | [`AutoModelForSequenceClassification::from_pretrained`] |
//! | `TrainingArguments`, `Trainer` | [`TrainingArguments`], [`Trainer`] |
//! | `AdamW`, `get_scheduler` | [`AdamW`], [`Schedule`] |
//! | `evaluate.load("glue", "mrpc")` | [`metrics::load`] |
//!
//! The README has a whole script; `examples/` hold the course's three: `single_batch.rs`, `trainer.rs`,
//! `manual_loop.rs`.

pub use tunesmith_data as data;
pub use tunesmith_hub as hub;
pub use tunesmith_kernels as kernels;
pub use tunesmith_metrics as metrics;
pub use tunesmith_model as model;
pub use tunesmith_protocol as protocol;
pub use tunesmith_train as train;

pub use tunesmith_data::{
    Batch, DataCollatorWithPadding, DataError, Dataset, DatasetDict, Features, Format, LoadDataset,
    TokenizeArgs, TokenizeOptions, TokenizedDataset, Tokenizer, load_dataset, tokenize_dataset,
};
pub use tunesmith_kernels::{ComputeDevice, DeviceChoice, open_device};
pub use tunesmith_metrics::Metric;
pub use tunesmith_model::{
    AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification, Inputs, Mode,
    Model, ModelConfig, ModelError, Targets, Task,
};
pub use tunesmith_protocol::{RunConfig, SchedulerKwargs, SchedulerType, TrainingArguments};
pub use tunesmith_train::{
    AdamW, Schedule, TrainError, TrainOutput, Trainer, batch_inputs, get_scheduler, randperm,
};

/// The README's script, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

//! Fine-tune encoders in Rust, in the words of the Hugging Face course.
//!
//! This crate is the public face of the pipeline: one name to depend on, with the types of a
//! fine-tuning script at its root and every stage whole in a module of its own. It adds no code, so
//! that whoever reads a stage reads the crate that does the work.
//!
//! | in Python | here |
//! |---|---|
//! | `load_dataset("glue", "mrpc")` | [`load_dataset`] |
//! | `from_pretrained("bert-base-uncased")` | [`hub::checkpoint_folder`], for those below |
//! | `AutoTokenizer.from_pretrained(dir)` | [`AutoTokenizer::from_pretrained`] |
//! | `tokenizer(sentences, padding=True, return_tensors="pt")` | [`Tokenizer::encode_batch`], [`data::BatchEncoding::tensors`] |
//! | `raw_datasets.map(tokenize_function, batched=True)` | [`DatasetDict::map`], [`Dataset::map`] |
//! | `tokenized_datasets.set_format("torch")` | [`TokenizedDataset::from_dataset`] |
//! | `DataCollatorWithPadding(tokenizer)` | [`DataCollatorWithPadding::from_tokenizer`] |
//! | `DataLoader(dataset, shuffle=True, batch_size=8)` | [`DataLoader`] |
//! | `AutoModelForSequenceClassification.from_pretrained(dir)` | [`AutoModelForSequenceClassification::from_pretrained`] |
//! | `TrainingArguments`, `Trainer`, `TrainerCallback` | [`TrainingArguments`], [`Trainer`], [`TrainerCallback`] |
//! | `AdamW`, `get_scheduler` | [`AdamW`], [`get_scheduler`] |
//! | `evaluate.load("glue", "mrpc")` | [`metrics::load`] |
//! | `optimum-cli export onnx --model dir dir/onnx` | [`onnx::export`] |
//! | `Accelerator()`, `accelerator.prepare(…)`, `accelerator.backward(loss)` | [`Accelerator`], [`launch`] |
//!
//! The README has a whole script and more such lines; `examples/` hold the course's chapter, a section a
//! file: `processing_the_data.rs`, `trainer_api.rs`, `full_training.rs`, `accelerate.rs`.

pub use tunesmith_data as data;
pub use tunesmith_hub as hub;
pub use tunesmith_kernels as kernels;
pub use tunesmith_metrics as metrics;
pub use tunesmith_model as model;
pub use tunesmith_onnx as onnx;
pub use tunesmith_protocol as protocol;
pub use tunesmith_train as train;

pub use tunesmith_data::{
    AutoTokenizer, Batch, DataCollator, DataCollatorWithPadding, DataError, Dataset, DatasetDict,
    ExampleRef, Features, Format, Labels, LoadDataset, MapOptions, NewColumn, Padding,
    TokenizeArgs, TokenizeOptions, TokenizedDataset, Tokenizer, Truncation, load_dataset,
    tokenize_dataset,
};
pub use tunesmith_kernels::{ComputeDevice, DeviceChoice, open_device};
pub use tunesmith_metrics::Metric;
pub use tunesmith_model::{
    AutoConfig, AutoModelForSequenceClassification, AutoModelForTokenClassification, Inputs, Mode,
    Model, ModelConfig, ModelError, Targets, Task,
};
pub use tunesmith_protocol::{RunConfig, SchedulerKwargs, SchedulerType, TrainingArguments};
#[cfg(not(target_arch = "wasm32"))]
pub use tunesmith_train::{Accelerator, Replicas, launch};
pub use tunesmith_train::{
    AdamW, DataLoader, EvalPrediction, LossAndGradient, OwnError, ParamGroup, Schedule, TrainError,
    TrainOutput, Trainer, TrainerCallback, TrainerControl, TrainerState, batch_inputs,
    get_scheduler, randperm,
};

/// The README's script, compiled as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

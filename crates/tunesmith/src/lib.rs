//! Fine-tune BERT models in Rust, in the words of the Hugging Face course.
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
//! | `AutoModelForSequenceClassification.from_pretrained(dir)` | [`BertForSequenceClassification::from_pretrained`] |
//! | `TrainingArguments`, `Trainer` | [`TrainingArguments`], [`Trainer`] |
//! | `AdamW`, `get_scheduler` | [`AdamW`], [`Schedule`] |
//! | `evaluate.load("glue", "mrpc")` | [`metrics::load`] |
//!
//! ```no_run
//! # use std::path::PathBuf;
//! # use tunesmith::*;
//! # async fn script(checkpoint: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
//! let raw_datasets = load_dataset("glue", Some("mrpc"))?;
//!
//! let tokenizer = Tokenizer::from_file(&checkpoint)?;
//! let mut columns = TokenizeArgs::new("sentence1");
//! columns.text_pair_column = Some("sentence2".to_owned());
//! columns.label_column = Some("label".to_owned());
//! let tokenize_function =
//!     |dataset: &Dataset| tokenize_dataset(dataset, &tokenizer, &columns, &mut |_| {});
//! let data_collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;
//!
//! let device = open_device(DeviceChoice::Auto).await?;
//! let config = BertConfig::from_dir(&checkpoint)?;
//! let (model, _) =
//!     BertForSequenceClassification::from_pretrained(&checkpoint, config, 42, &device)?;
//!
//! let training_args = TrainingArguments { output_dir: "out".to_owned(), ..Default::default() };
//! let mut trainer = Trainer::new(model, training_args, data_collator)
//!     .train_dataset(tokenize_function(raw_datasets.get("train")?)?)
//!     .metric(metrics::load("glue", "mrpc")?);
//! trainer.train(&mut |event| println!("{event:?}")).await?;
//! let scores = trainer.evaluate(&tokenize_function(raw_datasets.get("validation")?)?).await?;
//! # println!("{:?}", scores.metrics);
//! # Ok(())
//! # }
//! ```
//!
//! `examples/` hold the course's three scripts: `single_batch.rs`, `trainer.rs`, `manual_loop.rs`.

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
    BertConfig, BertForSequenceClassification, Inputs, Mode, ModelError, Targets,
};
pub use tunesmith_protocol::{RunConfig, SchedulerType, TrainingArguments};
pub use tunesmith_train::{
    AdamW, Schedule, TrainError, TrainOutput, Trainer, batch_inputs, get_scheduler, randperm,
};

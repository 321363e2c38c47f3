//! What a training would take, before anything is downloaded to the device or tokenized.

use std::path::Path;

use tunesmith::data::Tokenizer;
use tunesmith::model::{AutoConfig, ModelConfig};
use tunesmith::train::frozen;
use tunesmith_protocol::{Estimate, Event, RunConfig, TrainingArguments};

use crate::background::background;
use crate::columns::{Question, task};
use crate::device::count;
use crate::fetch::{dataset, load, model_files};
use crate::prepare::max_length;
use crate::session::Shared;
use crate::{MemoryEstimate, SessionError};

/// What model and data say about a training. The rest is arithmetic, for batches of any size.
#[derive(Debug, Clone)]
pub struct Estimator {
    model: ModelConfig,
    training: TrainingArguments,
    /// Training rows.
    rows: usize,
    /// Tokens of the longest row that there may be.
    longest: usize,
    devices: usize,
}

impl Estimator {
    /// Reads model and data. A model that is not here yet is fetched, since a training needs it anyway.
    ///
    /// # Errors
    /// As a run's preparation.
    pub async fn new(config: RunConfig, tell: &mut dyn FnMut(Event)) -> Result<Self, SessionError> {
        config.validate()?;
        let shared = Shared::default();
        let work = read(config, &shared);
        shared.passing_on(work, tell).await
    }

    /// Estimates memory for batches of the longest rows, and counts steps.
    #[must_use]
    pub fn estimate(&self) -> Estimate {
        let batch = self.training.per_device_train_batch_size;
        let memory = MemoryEstimate::of(&self.model, batch, self.longest)
            .fp16(self.training.fp16)
            .gradient_checkpointing(self.training.gradient_checkpointing);
        Estimate {
            parameters: memory.parameters + memory.others,
            device_bytes: memory.total(),
            largest_bytes: memory.largest,
            total_steps: steps(self.rows, &self.training, self.devices),
            num_examples: self.rows as u64,
            longest_length: self.longest as u64,
        }
    }

    /// The same training with so many rows a batch.
    #[must_use]
    pub fn with_batch_size(mut self, batch: usize) -> Self {
        self.training.per_device_train_batch_size = batch;
        self
    }
}

/// Estimates a training once; [`Estimator`] does it for several batch sizes.
///
/// # Errors
/// As a run's preparation.
pub async fn estimate(
    config: RunConfig,
    tell: &mut dyn FnMut(Event),
) -> Result<Estimate, SessionError> {
    Ok(Estimator::new(config, tell).await?.estimate())
}

async fn read(config: RunConfig, shared: &Shared) -> Result<Estimator, SessionError> {
    let RunConfig {
        model,
        data,
        training,
    } = config;
    let cache = model.cache_dir.clone();
    let (model, tokenizer) = model_files(&model, shared).await?;
    let mut bert = AutoConfig::from_pretrained(&model)?;
    bert.freeze(&frozen(&training))
        .map_err(SessionError::Arguments)?;
    let longest = longest(&tokenizer, &bert, data.max_seq_length)?;
    let devices = count(&training).await?;
    let glue = task(&data)?;
    let request = dataset(&data, cache.as_deref(), glue, shared).await?;
    let most = data.max_train_samples;
    let rows = background(shared, move |emit| {
        let loaded = load(request, &data, &Question::of(&data, glue, None), emit)?;
        Ok(loaded.splits.get("train")?.num_rows())
    })
    .await?;
    Ok(Estimator {
        model: bert,
        training,
        rows: most.map_or(rows, |most| most.min(rows)),
        longest,
        devices,
    })
}

fn longest(
    tokenizer: &Path,
    config: &ModelConfig,
    asked: Option<usize>,
) -> Result<usize, SessionError> {
    max_length(asked, &Tokenizer::from_file(tokenizer)?, config)
}

/// The steps that the plan of such a run has.
fn steps(rows: usize, args: &TrainingArguments, devices: usize) -> u64 {
    if let Ok(steps @ 1..) = u64::try_from(args.max_steps) {
        return steps;
    }
    let size = args.per_device_train_batch_size.max(1);
    let batches = match args.dataloader_drop_last {
        true => rows / size / devices,
        false => rows.div_ceil(size * devices),
    };
    let steps = batches
        .div_ceil(args.gradient_accumulation_steps.max(1))
        .max(1);
    (args.num_train_epochs * steps as f64).ceil() as u64
}

//! Batches of a dataset, for a training loop of one's own.

use std::sync::Arc;

use tunesmith_data::{Batch, DataCollator, DataError, ExampleRef, TokenizedDataset};

use crate::sampler::randperm;

/// PyTorch's `DataLoader` over tokenized rows.
#[derive(Clone)]
pub struct DataLoader {
    dataset: TokenizedDataset,
    batch_size: usize,
    collate_fn: Arc<dyn DataCollator>,
    seed: Option<u64>,
    drop_last: bool,
}

impl DataLoader {
    /// All rows in their order, `batch_size` (at least 1) at a time, the last batch perhaps smaller. The
    /// collator is [`tunesmith_data::DataCollatorWithPadding`] or a function of one's own.
    #[must_use]
    pub fn new(
        dataset: TokenizedDataset,
        batch_size: usize,
        collate_fn: impl DataCollator + 'static,
    ) -> Self {
        Self {
            dataset,
            batch_size: batch_size.max(1),
            collate_fn: Arc::new(collate_fn),
            seed: None,
            drop_last: false,
        }
    }

    /// The same in another random order in each epoch: the one that the Trainer draws.
    #[must_use]
    pub fn shuffle(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// The same without the last batch of an epoch where it isn't full.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// Batches of an epoch.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.drop_last {
            self.dataset.len() / self.batch_size
        } else {
            self.dataset.len().div_ceil(self.batch_size)
        }
    }

    /// Whether an epoch has no batches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The batches of an epoch, counted from 0; each is made when it is asked for. An item is an error
    /// where the collator fails.
    pub fn epoch(&self, epoch: u64) -> impl Iterator<Item = Result<Batch, DataError>> + '_ {
        let rows = self.dataset.len();
        let order: Vec<u32> = match self.seed {
            Some(seed) => randperm(rows, seed.wrapping_add(epoch)),
            None => (0..rows as u32).collect(),
        };
        (0..self.len()).map(move |batch| {
            let start = batch * self.batch_size;
            let chosen = &order[start..(start + self.batch_size).min(rows)];
            let examples = chosen.iter().map(|row| self.dataset.example(*row as usize));
            let examples: Vec<ExampleRef<'_>> = examples.collect();
            self.collate_fn.batch(&examples)
        })
    }
}

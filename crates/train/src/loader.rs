//! Batches of a dataset, for a training loop of one's own.

use std::sync::Arc;

use tunesmith_data::{Batch, DataCollator, DataError, ExampleRef, TokenizedDataset};

use crate::sampler::{Shares, randperm};

/// PyTorch's `DataLoader` over tokenized rows.
#[derive(Clone)]
pub struct DataLoader {
    dataset: TokenizedDataset,
    batch_size: usize,
    collate_fn: Arc<dyn DataCollator>,
    seed: Option<u64>,
    drop_last: bool,
    /// Which of how many processes this is of.
    shard: (usize, usize),
    even_batches: bool,
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
            shard: (0, 1),
            even_batches: true,
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

    /// The same for one of several processes, the `rank`-th of `size`: every `size`-th of the batches, as
    /// accelerate's `prepare` shares them out.
    #[must_use]
    pub fn shard(mut self, rank: usize, size: usize) -> Self {
        self.shard = (rank, size.max(1));
        self
    }

    /// Whether the last batches of several processes are filled up with rows from the epoch's beginning, so that
    /// each has as many, as a training needs it; otherwise each row is in one batch, once, as an evaluation needs it.
    #[must_use]
    pub fn even_batches(mut self, even: bool) -> Self {
        self.even_batches = even;
        self
    }

    /// Batches of an epoch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shares().batches(self.shard.0)
    }

    fn shares(&self) -> Shares {
        Shares {
            rows: self.dataset.len(),
            batch_size: self.batch_size,
            processes: self.shard.1,
            drop_last: self.drop_last,
            even_batches: self.even_batches,
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
            let places = self.shares().places(batch, self.shard.0).into_iter();
            let examples = places.map(|place| self.dataset.example(order[place] as usize));
            let examples: Vec<ExampleRef<'_>> = examples.collect();
            self.collate_fn.batch(&examples)
        })
    }
}

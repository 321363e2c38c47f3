//! Which rows every batch of a run holds, known before anything runs: prefetching, resuming and
//! another device can't change it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tunesmith_protocol::{SamplingStrategy, TrainingArguments};

use crate::TrainError;
use crate::sampler::{Shares, length_grouped, randperm, weighted};

/// The batches of a run. An epoch's order is made when it is asked for, so the plan of many epochs
/// takes no memory.
#[derive(Debug, Clone)]
pub struct Plan {
    identity: PlanIdentity,
    lengths: Option<Vec<u32>>,
    /// How often each row is drawn, in proportion.
    weights: Option<Vec<f64>>,
    batches_per_epoch: usize,
    total_steps: u64,
    num_epochs: u64,
    num_samples: f64,
}

/// All that decides the rows of a step; it must not change when a run is resumed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlanIdentity {
    pub(crate) num_rows: usize,
    pub(crate) per_device_train_batch_size: usize,
    pub(crate) gradient_accumulation_steps: usize,
    pub(crate) dataloader_drop_last: bool,
    pub(crate) group_by_length: bool,
    pub(crate) data_seed: u64,
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) weighted_sampling: bool,
    #[serde(default, skip_serializing_if = "is_not")]
    pub(crate) sequential: bool,
    /// Devices that take batches side by side.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(crate) num_processes: usize,
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_one(count: &usize) -> bool {
    *count == 1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_not(is: &bool) -> bool {
    !is
}

/// One optimizer step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// The epoch, from 0.
    pub epoch: u64,
    /// Its batches, by their number among those of an epoch on one device.
    pub batches: Range<usize>,
    /// Whether the epoch ends with it.
    pub ends_epoch: bool,
}

impl Plan {
    /// Plans `num_rows` rows for so many devices, which share the batches out as accelerate does: each takes every
    /// n-th of them, and the last ones are filled up with rows from the epoch's beginning (`even_batches`).
    /// `lengths`, in tokens, one a row, are needed for `group_by_length` only.
    ///
    /// # Errors
    /// Where there is not one batch to take a step with.
    pub fn new(
        num_rows: usize,
        lengths: Option<Vec<u32>>,
        args: &TrainingArguments,
        num_processes: usize,
    ) -> Result<Self, TrainError> {
        let num_processes = num_processes.max(1);
        let batch = args.per_device_train_batch_size.max(1);
        let accumulation = args.gradient_accumulation_steps.max(1);
        let identity = PlanIdentity {
            num_rows,
            per_device_train_batch_size: batch,
            gradient_accumulation_steps: accumulation,
            dataloader_drop_last: args.dataloader_drop_last,
            group_by_length: args.sampling() == SamplingStrategy::GroupByLength,
            sequential: args.sampling() == SamplingStrategy::Sequential,
            data_seed: args.data_seed.unwrap_or(args.seed),
            weighted_sampling: false,
            num_processes,
        };
        // Each process has as many.
        let batches_per_epoch = identity.shares().batches(0);
        if batches_per_epoch == 0 {
            return Err(TrainError::Arguments(format!(
                "{num_rows} training rows do not fill one batch of {batch}{}: give more rows, lower \
                 per_device_train_batch_size, or leave dataloader_drop_last out",
                match num_processes {
                    1 => String::new(),
                    devices => format!(" on each of {devices} devices"),
                }
            )));
        }
        let steps_per_epoch = batches_per_epoch.div_ceil(accumulation) as u64;
        let (total_steps, num_epochs, num_samples) = match u64::try_from(args.max_steps) {
            Ok(steps) if steps > 0 => (
                steps,
                steps.div_ceil(steps_per_epoch),
                steps as f64 * (batch * accumulation * num_processes) as f64,
            ),
            _ => (
                (args.num_train_epochs * steps_per_epoch as f64).ceil() as u64,
                args.num_train_epochs.ceil() as u64,
                args.num_train_epochs * num_rows as f64,
            ),
        };
        Ok(Self {
            identity,
            lengths: lengths.filter(|_| args.sampling() == SamplingStrategy::GroupByLength),
            weights: None,
            batches_per_epoch,
            total_steps,
            num_epochs,
            num_samples,
        })
    }

    /// The same batches, whose rows are drawn with replacement, each in proportion to its weight.
    #[must_use]
    pub fn weighted(mut self, weights: Vec<f64>) -> Self {
        self.identity.weighted_sampling = true;
        self.weights = Some(weights);
        self
    }

    /// Optimizer steps of the run.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.total_steps
    }

    /// Epochs that the run enters, the last perhaps not to its end.
    #[must_use]
    pub fn num_epochs(&self) -> u64 {
        self.num_epochs
    }

    /// Optimizer steps of an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        self.batches_per_epoch
            .div_ceil(self.identity.gradient_accumulation_steps) as u64
    }

    /// Batches of an epoch on each device.
    #[must_use]
    pub fn batches_per_epoch(&self) -> usize {
        self.batches_per_epoch
    }

    /// Rows that the whole run takes, as the Trainer counts them for its throughput.
    #[must_use]
    pub fn num_samples(&self) -> f64 {
        self.num_samples
    }

    /// The step that follows `done` earlier ones.
    #[must_use]
    pub fn step(&self, done: u64) -> PlannedStep {
        let per_epoch = self.steps_per_epoch();
        let first = (done % per_epoch) as usize * self.identity.gradient_accumulation_steps;
        let end = (first + self.identity.gradient_accumulation_steps).min(self.batches_per_epoch);
        PlannedStep {
            epoch: done / per_epoch,
            batches: first..end,
            ends_epoch: end == self.batches_per_epoch,
        }
    }

    /// All rows in the order of an epoch, counted from 0.
    #[must_use]
    pub fn epoch_order(&self, epoch: u64) -> Vec<u32> {
        let seed = self.identity.data_seed.wrapping_add(epoch);
        match (&self.weights, &self.lengths) {
            (Some(weights), _) => weighted(weights, self.identity.num_rows, seed),
            (None, Some(lengths)) => {
                let rows = self.identity.per_device_train_batch_size
                    * self.identity.gradient_accumulation_steps;
                length_grouped(lengths, rows, seed)
            }
            (None, None) if self.identity.sequential => {
                (0..self.identity.num_rows as u32).collect()
            }
            (None, None) => randperm(self.identity.num_rows, seed),
        }
    }

    /// The rows of a device's batch, given the order of its epoch.
    #[must_use]
    pub fn batch(&self, order: &[u32], batch: usize, rank: usize) -> Vec<u32> {
        let places = self.identity.shares().places(batch, rank).into_iter();
        places
            .filter_map(|place| order.get(place).copied())
            .collect()
    }

    /// The batches of a step on every device, in the order in which one device would take them; each with its
    /// device's rank.
    pub(crate) fn batches(&self, order: &[u32], step: &PlannedStep) -> Vec<(usize, Vec<u32>)> {
        let ranks = 0..self.identity.num_processes;
        let places = step
            .batches
            .clone()
            .flat_map(|b| ranks.clone().map(move |rank| (b, rank)));
        let rows = places.map(|(batch, rank)| (rank, self.batch(order, batch, rank)));
        rows.collect()
    }

    /// SHA-256, in hexadecimal, of the whole run: for every batch in order its number of rows, then
    /// the rows, each a little-endian `u32`; an optimizer step is marked by a 0 after its batches.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = Sha256::new();
        let mut order = Vec::new();
        let mut epoch = None;
        for done in 0..self.total_steps {
            let step = self.step(done);
            if epoch != Some(step.epoch) {
                order = self.epoch_order(step.epoch);
                epoch = Some(step.epoch);
            }
            for (_, rows) in self.batches(&order, &step) {
                hasher.update((rows.len() as u32).to_le_bytes());
                rows.iter().for_each(|row| hasher.update(row.to_le_bytes()));
            }
            hasher.update(0_u32.to_le_bytes());
        }
        hex(&hasher.finalize())
    }

    pub(crate) fn identity(&self) -> &PlanIdentity {
        &self.identity
    }
}

impl PlanIdentity {
    fn shares(&self) -> Shares {
        Shares {
            rows: self.num_rows,
            batch_size: self.per_device_train_batch_size,
            processes: self.num_processes,
            drop_last: self.dataloader_drop_last,
            even_batches: true,
        }
    }

    /// Rows of an optimizer step.
    fn rows_of_a_step(&self) -> usize {
        self.per_device_train_batch_size * self.gradient_accumulation_steps * self.num_processes
    }

    /// What differs, each a sentence for a person. On another number of devices a step may have the same rows.
    pub(crate) fn changes(&self, now: &Self) -> Vec<String> {
        let same_devices = self.num_processes == now.num_processes;
        let sizes = [
            (
                "per_device_train_batch_size",
                self.per_device_train_batch_size as u64,
                now.per_device_train_batch_size as u64,
            ),
            (
                "gradient_accumulation_steps",
                self.gradient_accumulation_steps as u64,
                now.gradient_accumulation_steps as u64,
            ),
        ];
        let rows = [(
            "the number of rows of a step on all devices (per_device_train_batch_size x \
             gradient_accumulation_steps x devices)",
            self.rows_of_a_step() as u64,
            now.rows_of_a_step() as u64,
        )];
        let order = [(
            "the number of devices, on which group_by_length depends,",
            self.num_processes as u64,
            now.num_processes as u64,
        )];
        let pairs = [
            (
                "the number of training rows",
                self.num_rows as u64,
                now.num_rows as u64,
            ),
            (
                "dataloader_drop_last",
                u64::from(self.dataloader_drop_last),
                u64::from(now.dataloader_drop_last),
            ),
            (
                "group_by_length",
                u64::from(self.group_by_length),
                u64::from(now.group_by_length),
            ),
            (
                "weighted_sampling",
                u64::from(self.weighted_sampling),
                u64::from(now.weighted_sampling),
            ),
            (
                "train_sampling_strategy sequential",
                u64::from(self.sequential),
                u64::from(now.sequential),
            ),
            (
                "the seed of the order of rows",
                self.data_seed,
                now.data_seed,
            ),
        ];
        let sizes = sizes.into_iter().filter(|_| same_devices);
        let rows = rows.into_iter().filter(|_| !same_devices);
        let order = order.into_iter().filter(|_| self.group_by_length);
        pairs
            .into_iter()
            .chain(sizes)
            .chain(rows)
            .chain(order)
            .filter(|(_, was, is)| was != is)
            .map(|(what, was, is)| format!("{what} was {was} and is {is} now"))
            .collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
pub(crate) fn sha256(bytes: impl Iterator<Item = u8>) -> String {
    hex(&Sha256::digest(bytes.collect::<Vec<u8>>()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn args() -> TrainingArguments {
        TrainingArguments {
            per_device_train_batch_size: 4,
            ..TrainingArguments::default()
        }
    }

    fn plan(num_rows: usize, args: &TrainingArguments) -> Plan {
        Plan::new(num_rows, None, args, 1).unwrap()
    }

    #[test]
    fn every_epoch_takes_every_row_once_in_an_order_of_its_own() {
        let plan = plan(10, &args());
        assert_eq!(
            (
                plan.batches_per_epoch(),
                plan.total_steps(),
                plan.num_epochs()
            ),
            (3, 9, 3)
        );
        for epoch in 0..3 {
            let order = plan.epoch_order(epoch);
            let rows: Vec<u32> = (0..3)
                .flat_map(|batch| plan.batch(&order, batch, 0))
                .collect();
            assert_eq!(rows, randperm(10, 42 + epoch));
        }
        let last = plan.step(8);
        assert_eq!(
            last,
            PlannedStep {
                epoch: 2,
                batches: 2..3,
                ends_epoch: true
            }
        );
        assert_eq!(plan.batch(&plan.epoch_order(2), 2, 0).len(), 2);
    }

    #[test]
    fn accumulation_ends_with_the_epoch() {
        let args = TrainingArguments {
            gradient_accumulation_steps: 2,
            ..args()
        };
        let plan = plan(10, &args);
        assert_eq!((plan.steps_per_epoch(), plan.total_steps()), (2, 6));
        assert_eq!(plan.step(0).batches, 0..2);
        assert_eq!(
            plan.step(1),
            PlannedStep {
                epoch: 0,
                batches: 2..3,
                ends_epoch: true
            }
        );
        assert_eq!(
            plan.step(2),
            PlannedStep {
                epoch: 1,
                batches: 0..2,
                ends_epoch: false
            }
        );
    }

    #[test]
    fn counts_steps_as_the_trainer_does() {
        let drop = TrainingArguments {
            dataloader_drop_last: true,
            ..args()
        };
        assert_eq!(plan(10, &drop).batches_per_epoch(), 2);
        let half = TrainingArguments {
            num_train_epochs: 1.5,
            ..args()
        };
        let half = plan(10, &half);
        assert_eq!(
            (half.total_steps(), half.num_epochs(), half.num_samples()),
            (5, 2, 15.0)
        );
        let max = TrainingArguments {
            max_steps: 7,
            ..args()
        };
        let max = plan(10, &max);
        assert_eq!(
            (max.total_steps(), max.num_epochs(), max.num_samples()),
            (7, 3, 28.0)
        );
        let message = Plan::new(3, None, &drop, 1).unwrap_err().to_string();
        assert!(
            message.contains("3 training rows do not fill one batch of 4"),
            "{message}"
        );
    }

    /// What each rank takes in an epoch.
    fn shares(num_rows: usize, args: &TrainingArguments, ranks: usize) -> Vec<Vec<Vec<u32>>> {
        let plan = Plan::new(num_rows, None, args, ranks).unwrap();
        let order: Vec<u32> = (0..num_rows as u32).collect();
        (0..ranks)
            .map(|rank| {
                let batches = 0..plan.batches_per_epoch();
                batches
                    .map(|batch| plan.batch(&order, batch, rank))
                    .collect()
            })
            .collect()
    }

    // Expected values: accelerate 1.15's BatchSamplerShard over batches of 4 of these rows in order.
    #[test]
    fn devices_share_the_batches_out_as_accelerate_does() {
        assert_eq!(
            shares(10, &args(), 2),
            [[[0, 1, 2, 3], [8, 9, 0, 1]], [[4, 5, 6, 7], [2, 3, 4, 5]]]
        );
        assert_eq!(
            shares(9, &args(), 3),
            [[[0, 1, 2, 3]], [[4, 5, 6, 7]], [[8, 0, 1, 2]]]
        );
        // Fewer rows than one batch for each: they are taken again and again.
        assert_eq!(
            shares(3, &args(), 3),
            [[[0, 1, 2, 0]], [[1, 2, 0, 1]], [[2, 0, 1, 2]]]
        );
        let drop = TrainingArguments {
            dataloader_drop_last: true,
            ..args()
        };
        assert_eq!(shares(15, &drop, 2), [[[0, 1, 2, 3]], [[4, 5, 6, 7]]]);
    }

    #[test]
    fn devices_take_the_rows_that_one_would_with_as_many_a_step() {
        let accumulated = TrainingArguments {
            gradient_accumulation_steps: 6,
            ..args()
        };
        let shared = TrainingArguments {
            gradient_accumulation_steps: 2,
            ..args()
        };
        let one = Plan::new(48, None, &accumulated, 1).unwrap();
        let three = Plan::new(48, None, &shared, 3).unwrap();
        assert_eq!(one.total_steps(), three.total_steps());
        assert_eq!(one.num_samples(), three.num_samples());
        let order = one.epoch_order(0);
        for done in 0..2 {
            let rows = |plan: &Plan| -> Vec<Vec<u32>> {
                let batches = plan.batches(&order, &plan.step(done)).into_iter();
                batches.map(|(_, rows)| rows).collect()
            };
            assert_eq!(rows(&one), rows(&three));
        }
        assert_eq!(one.digest(), three.digest());
        // So a run may go on on the other; with other sizes or another order not.
        assert!(one.identity().changes(three.identity()).is_empty());
        let more = Plan::new(48, None, &shared, 2).unwrap();
        let changes = more.identity().changes(three.identity());
        assert!(changes[0].contains("was 16 and is 24 now"), "{changes:?}");
        let grouped = TrainingArguments {
            group_by_length: true,
            ..accumulated
        };
        let grouped = Plan::new(48, Some(vec![1; 48]), &grouped, 1).unwrap();
        let changes = grouped.identity().changes(&PlanIdentity {
            num_processes: 3,
            gradient_accumulation_steps: 2,
            ..grouped.identity().clone()
        });
        assert!(changes[0].contains("number of devices"), "{changes:?}");
    }

    #[test]
    fn the_digest_tells_plans_apart() {
        let base = plan(10, &args()).digest();
        assert_eq!(base, plan(10, &args()).digest());
        for other in [
            TrainingArguments { seed: 43, ..args() },
            TrainingArguments {
                data_seed: Some(7),
                ..args()
            },
            TrainingArguments {
                gradient_accumulation_steps: 2,
                ..args()
            },
            TrainingArguments {
                max_steps: 8,
                ..args()
            },
        ] {
            assert_ne!(base, plan(10, &other).digest(), "{other:?}");
        }
        let grouped = TrainingArguments {
            group_by_length: true,
            ..args()
        };
        let lengths: Vec<u32> = (1..=10).collect();
        let grouped = Plan::new(10, Some(lengths), &grouped, 1).unwrap();
        assert_eq!(grouped.epoch_order(0)[0], 9, "the longest row comes first");
        assert_ne!(base, grouped.digest());
    }
}

//! Replicas on devices of this process, or of other processes.
#![allow(
    clippy::disallowed_methods,
    reason = "native: a rank has a thread of its own, which waits"
)]

use std::thread::{Builder, JoinHandle};

use serde::{Deserialize, Serialize};
use tunesmith_collective::{Collective, CollectiveError, Threads, cut};
use tunesmith_data::Batch;
use tunesmith_kernels::{Blocks, ComputeDevice};
use tunesmith_model::{Frozen, LoadOptions, Model, ModelConfig, ModelOptions, Words};
use tunesmith_protocol::{DeviceInfo, TrainingArguments};

use super::{Greeting, Inferred, MicroBatch, infer};
use crate::batch::read;
use crate::{AdamW, ParamGroup, TrainError, device_info};

/// Numbers sent at a time, so that a large model takes no second place of its size on the way.
const PIECE: usize = 1 << 22;

/// The devices of a training beyond the first.
pub struct Replicas {
    collective: Box<dyn Collective>,
    devices: Vec<DeviceInfo>,
    threads: Vec<JoinHandle<()>>,
}

/// What rank 0 tells the others to do.
#[derive(Debug, Serialize, Deserialize)]
enum Instruction {
    /// Have this model; its values follow.
    Model(ModelParts),
    /// Have an optimizer that has taken so many steps; if any, its moments follow.
    Optimizer {
        args: Box<TrainingArguments>,
        param_groups: Option<Vec<ParamGroup>>,
        steps: u32,
    },
    /// Take an optimizer step with these batches, by rank from 1 on.
    Step {
        learning_rate: f64,
        /// In half precision; whether the gradients are finite follows then, and the step is skipped if they aren't.
        loss_scale: Option<f32>,
        batches: Vec<Vec<MicroBatch>>,
    },
    /// Evaluate these batches, by rank from 1 on; the last ranks have none where there are fewer.
    Infer {
        batches: Vec<Batch>,
        with_loss: bool,
    },
    /// There is no more to do.
    End,
}

/// All of a model but its values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct ModelParts {
    config: String,
    /// Words that are trained, and others that are evaluated; none for all.
    words: Option<[Vec<u32>; 2]>,
    frozen: Frozen,
    options: ModelOptions,
}

impl ModelParts {
    fn of(model: &Model) -> Self {
        Self {
            config: model.config.to_json(),
            words: match model.parameters.words() {
                Words::All => None,
                Words::Of { trained, evaluated } => {
                    Some([trained, evaluated].map(|words| words.into_iter().collect()))
                }
            },
            frozen: model.config.spec().frozen.clone(),
            options: model.options.clone(),
        }
    }

    fn build(&self, device: &ComputeDevice) -> Result<Model, TrainError> {
        let mut config = ModelConfig::from_json(&self.config).map_err(TrainError::Arguments)?;
        config.freeze(&self.frozen).map_err(TrainError::Arguments)?;
        let words = match self.words.clone() {
            None => Words::All,
            Some(words) => {
                let [trained, evaluated] = words.map(|words| words.into_iter().collect());
                Words::Of { trained, evaluated }
            }
        };
        let options = LoadOptions {
            words,
            ..LoadOptions::default()
        };
        let mut model = Model::from_config_with(config, &options, device)?;
        model.options.clone_from(&self.options);
        Ok(model)
    }
}

impl Replicas {
    /// Replicas on these devices, each on a thread of its own.
    ///
    /// # Errors
    /// Where the system starts no more threads.
    pub fn in_threads(devices: Vec<ComputeDevice>) -> Result<Self, TrainError> {
        let mut ranks = Threads::group(devices.len() + 1).into_iter();
        let Some(first) = ranks.next() else {
            return Err(TrainError::Arguments("there is no rank 0".to_owned()));
        };
        let infos = devices.iter().map(device_info).collect();
        let threads = ranks.zip(devices).map(|(rank, device)| {
            let name = format!("rank {}", rank.rank());
            let thread = Builder::new().name(name);
            // What went wrong is told to all ranks, of which the first reports it.
            thread.spawn(move || drop(follow(&rank, &device)))
        });
        let threads: Result<Vec<_>, _> = threads.collect();
        let refused = |error| TrainError::Arguments(format!("no thread could be started: {error}"));
        Ok(Self {
            collective: Box::new(first),
            devices: infos,
            threads: threads.map_err(refused)?,
        })
    }

    /// Replicas in other processes, each of which calls [`join`].
    ///
    /// # Errors
    /// A rank that has ended, or that was started for another training; the message names it.
    pub fn over(collective: Box<dyn Collective>, own: &Greeting) -> Result<Self, TrainError> {
        let mut replicas = Self {
            collective,
            devices: Vec::new(),
            threads: Vec::new(),
        };
        let greetings = replicas.collective.gather(Vec::new());
        let greetings = greetings.map_err(|error| replicas.ended(error))?;
        for (rank, bytes) in greetings.iter().enumerate().skip(1) {
            let greeting: Greeting =
                serde_json::from_slice(bytes).map_err(|error| unknown(rank, &error))?;
            if let Some(difference) = own.difference(&greeting) {
                return Err(TrainError::Arguments(format!("rank {rank}: {difference}")));
            }
            replicas.devices.push(greeting.device);
        }
        Ok(replicas)
    }

    /// All ranks, the trainer's own among them.
    pub(crate) fn size(&self) -> usize {
        self.collective.size()
    }

    /// The devices of ranks 1 and up.
    pub(crate) fn devices(&self) -> &[DeviceInfo] {
        &self.devices
    }

    fn tell(&self, instruction: &Instruction) -> Result<(), TrainError> {
        let bytes = serde_json::to_vec(instruction);
        let bytes = bytes.map_err(|error| TrainError::Arguments(error.to_string()))?;
        self.collective
            .broadcast(bytes)
            .map_err(|e| self.ended(e))?;
        Ok(())
    }

    /// What became of a rank, with its device's name.
    fn ended(&self, error: CollectiveError) -> TrainError {
        let device = error.rank.checked_sub(1).and_then(|n| self.devices.get(n));
        TrainError::Rank {
            rank: error.rank,
            device: device.map_or_else(|| "unknown".to_owned(), |device| device.name.clone()),
            message: error.message,
        }
    }

    /// Makes all replicas equal to the model.
    pub(crate) async fn set_model(&self, model: &mut Model) -> Result<(), TrainError> {
        self.tell(&Instruction::Model(ModelParts::of(model)))?;
        let shared = share(&*self.collective, model.parameters.all_values()).await;
        shared.map_err(|failure| failure.told_by(|error| self.ended(error)))
    }

    /// Makes the optimizers of all replicas equal to this one.
    pub(crate) async fn set_optimizer(
        &self,
        optimizer: &mut AdamW,
        args: &TrainingArguments,
        param_groups: Option<&[ParamGroup]>,
    ) -> Result<(), TrainError> {
        let steps = optimizer.steps();
        self.tell(&Instruction::Optimizer {
            args: Box::new(args.clone()),
            param_groups: param_groups.map(<[ParamGroup]>::to_vec),
            steps,
        })?;
        if steps == 0 {
            return Ok(());
        }
        let shared = share(&*self.collective, optimizer.moments().into()).await;
        shared.map_err(|failure| failure.told_by(|error| self.ended(error)))
    }

    /// Gives ranks 1 and up their batches of a step.
    pub(crate) fn step(
        &self,
        learning_rate: f64,
        loss_scale: Option<f32>,
        batches: Vec<Vec<MicroBatch>>,
    ) -> Result<(), TrainError> {
        self.tell(&Instruction::Step {
            learning_rate,
            loss_scale,
            batches,
        })
    }

    /// Tells ranks 1 and up whether a step with a loss scale is taken: all do the same, whatever each would have found.
    pub(crate) fn tell_whether_finite(&self, finite: bool) -> Result<(), TrainError> {
        let told = self.collective.broadcast(vec![u8::from(finite)]);
        told.map_err(|error| self.ended(error))?;
        Ok(())
    }

    /// Adds up the gradients of all ranks, the model's with them; gives what the others' losses add to the step's.
    pub(crate) async fn reduce(&self, model: &mut Model) -> Result<f64, TrainError> {
        let told = |error| self.ended(error);
        let losses = self.collective.gather(Vec::new()).map_err(told)?;
        let reduced = reduce(&*self.collective, model).await;
        reduced.map_err(|failure| failure.told_by(|error| self.ended(error)))?;
        let number = |bytes: &Vec<u8>| {
            bytes
                .as_slice()
                .try_into()
                .map_or(f64::NAN, f64::from_le_bytes)
        };
        Ok(losses.iter().skip(1).map(number).sum())
    }

    /// Gives ranks 1 and up a batch each to evaluate, as far as there are any.
    pub(crate) fn infer(&self, batches: &[Batch], with_loss: bool) -> Result<(), TrainError> {
        self.tell(&Instruction::Infer {
            batches: batches.to_vec(),
            with_loss,
        })
    }

    /// What the others found, in the order of ranks: logits, and losses where they were asked for.
    pub(crate) fn inferred(&self) -> Result<Vec<Inferred>, TrainError> {
        let gathered = self.collective.gather(Vec::new());
        let gathered = gathered.map_err(|error| self.ended(error))?;
        Ok(gathered
            .iter()
            .skip(1)
            .filter_map(|bytes| unpack(bytes))
            .collect())
    }
}

impl Drop for Replicas {
    fn drop(&mut self) {
        // In the middle of a step they are out of step with this, and end as well.
        self.tell(&Instruction::End).ok();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// A loss, if there is one, and logits.
fn pack(found: &Inferred) -> Vec<u8> {
    let Inferred { logits, loss } = found;
    let flag = [u8::from(loss.is_some())];
    let numbers = std::iter::once(&loss.unwrap_or(0.0))
        .chain(logits)
        .flat_map(|number| number.to_le_bytes())
        .collect::<Vec<u8>>();
    flag.into_iter().chain(numbers).collect()
}

/// Nothing of a rank that had no batch.
fn unpack(bytes: &[u8]) -> Option<Inferred> {
    let (flag, rest) = bytes.split_first()?;
    let (numbers, _) = rest.as_chunks::<4>();
    let mut numbers = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes));
    let loss = numbers.next().filter(|_| *flag == 1);
    let logits = numbers.collect();
    Some(Inferred { logits, loss })
}

/// What can go wrong on a rank: another rank, or it itself.
pub(crate) enum Failure {
    Rank(CollectiveError),
    Own(TrainError),
}

impl Failure {
    /// As an error, with what is to be told of another rank's end.
    pub(crate) fn told_by(self, ended: impl FnOnce(CollectiveError) -> TrainError) -> TrainError {
        match self {
            Self::Rank(error) => ended(error),
            Self::Own(error) => error,
        }
    }
}

impl From<CollectiveError> for Failure {
    fn from(error: CollectiveError) -> Self {
        Self::Rank(error)
    }
}

impl<E: Into<TrainError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Own(error.into())
    }
}

/// Adds up the gradients of all ranks, on all of them.
pub(crate) async fn reduce(collective: &dyn Collective, model: &mut Model) -> Result<(), Failure> {
    let (_, gradients) = model.parameters.values_and_gradients();
    let lengths = cut(gradients.count(), collective.size());
    let pieces = gradients
        .to_host(&lengths)
        .await
        .map_err(TrainError::Read)?;
    let sums = collective.reduce(pieces)?;
    gradients.set_from_host(sums.iter().map(|sum| sum.as_slice()));
    Ok(())
}

/// Gives all ranks what all of rank 0's blocks hold.
pub(crate) async fn share(
    collective: &dyn Collective,
    all: Vec<&mut Blocks>,
) -> Result<(), Failure> {
    for blocks in all {
        share_one(collective, blocks).await?;
    }
    Ok(())
}

async fn share_one(collective: &dyn Collective, blocks: &mut Blocks) -> Result<(), Failure> {
    let count = blocks.count();
    let counts = collective.gather(count.to_le_bytes().to_vec())?;
    let differs = counts.iter().any(|bytes| bytes[..] != count.to_le_bytes());
    let lengths = cut(count, count.div_ceil(PIECE));
    let values = match (collective.rank(), differs) {
        (0, true) => {
            return Err(Failure::Own(TrainError::Arguments(
                "the devices divide the vocabulary in different ways: train on devices of one kind"
                    .to_owned(),
            )));
        }
        (0, false) => blocks.to_host(&lengths).await.map_err(TrainError::Read)?,
        _ => vec![Vec::new(); lengths.len()],
    };
    let mut shared = Vec::with_capacity(values.len());
    for values in values {
        shared.push(collective.broadcast_floats(values)?);
    }
    if collective.rank() != 0 {
        blocks.set_from_host(shared.iter().map(|values| values.as_slice()));
    }
    Ok(())
}

/// What a process other than that of rank 0 does: it says who it is, and follows.
///
/// # Errors
/// As [`follow`].
pub fn join(
    collective: &dyn Collective,
    device: &ComputeDevice,
    greeting: &Greeting,
) -> Result<(), TrainError> {
    let bytes = serde_json::to_vec(greeting);
    let bytes = bytes.map_err(|error| TrainError::Arguments(error.to_string()))?;
    match collective.gather(bytes) {
        Ok(_) => follow(collective, device),
        // Rank 0 says why.
        Err(_) => Ok(()),
    }
}

/// What a rank other than 0 does: what rank 0 tells it, until that ends. An error is told to all ranks.
///
/// # Errors
/// What went wrong here; where another rank has ended, there is nothing more to do, and it is not one.
pub fn follow(collective: &dyn Collective, device: &ComputeDevice) -> Result<(), TrainError> {
    let follower = Follower {
        collective,
        device,
        model: None,
        optimizer: None,
    };
    let done = device.for_thread(|| pollster::block_on(follower.run()));
    match done {
        Ok(()) | Err(Failure::Rank(_)) => Ok(()),
        Err(Failure::Own(error)) => {
            collective.abort(&device.failure().unwrap_or_else(|| error.to_string()));
            Err(error)
        }
    }
}

struct Follower<'a> {
    collective: &'a dyn Collective,
    device: &'a ComputeDevice,
    model: Option<(ModelParts, Model)>,
    optimizer: Option<AdamW>,
}

impl Follower<'_> {
    async fn run(mut self) -> Result<(), Failure> {
        loop {
            let bytes = self.collective.broadcast(Vec::new())?;
            let instruction = serde_json::from_slice(&bytes);
            match instruction.map_err(|error| unknown(0, &error))? {
                Instruction::Model(parts) => self.set_model(parts).await?,
                Instruction::Optimizer {
                    args,
                    param_groups,
                    steps,
                } => {
                    self.set_optimizer(&args, param_groups.as_deref(), steps)
                        .await?
                }
                Instruction::Step {
                    learning_rate,
                    loss_scale,
                    mut batches,
                } => {
                    let own = batches
                        .get_mut(self.collective.rank() - 1)
                        .map(std::mem::take);
                    let own = own.unwrap_or_default();
                    self.step(learning_rate, loss_scale, own).await?;
                }
                Instruction::Infer { batches, with_loss } => {
                    let own = batches.get(self.collective.rank() - 1);
                    self.infer(own, with_loss).await?;
                }
                Instruction::End => return Ok(()),
            }
            if let Some(message) = self.device.failure() {
                return Err(TrainError::Read(message).into());
            }
        }
    }

    async fn set_model(&mut self, parts: ModelParts) -> Result<(), Failure> {
        let known = self.model.take().filter(|(known, _)| *known == parts);
        let (parts, mut model) = match known {
            Some(known) => known,
            None => {
                // Room for the new one.
                self.optimizer = None;
                let model = parts.build(self.device)?;
                (parts, model)
            }
        };
        model.zero_grad();
        share(self.collective, model.parameters.all_values()).await?;
        self.model = Some((parts, model));
        Ok(())
    }

    async fn set_optimizer(
        &mut self,
        args: &TrainingArguments,
        param_groups: Option<&[ParamGroup]>,
        steps: u32,
    ) -> Result<(), Failure> {
        let (_, model) = self.model.as_ref().ok_or_else(out_of_order)?;
        let mut optimizer = AdamW::from_arguments(model, args, param_groups)?;
        if steps > 0 {
            share(self.collective, optimizer.moments().into()).await?;
            optimizer.set_steps(steps);
        }
        self.optimizer = Some(optimizer);
        Ok(())
    }

    async fn step(
        &mut self,
        learning_rate: f64,
        loss_scale: Option<f32>,
        batches: Vec<MicroBatch>,
    ) -> Result<(), Failure> {
        let (Some((_, model)), Some(optimizer)) = (&mut self.model, &mut self.optimizer) else {
            return Err(out_of_order().into());
        };
        let (mut losses, mut shares) = (Vec::new(), Vec::new());
        for batch in &batches {
            let scale = loss_scale.unwrap_or(1.0);
            let (loss, share) = batch.backward(model, None, scale).await?.unzip();
            losses.extend(loss);
            shares.extend(share);
        }
        let losses = read(losses).await?.concat();
        let parts = losses.iter().zip(shares);
        let loss: f64 = parts.map(|(loss, share)| f64::from(*loss) * share).sum();
        self.collective.gather(loss.to_le_bytes().to_vec())?;
        reduce(self.collective, model).await?;
        let Some(scale) = loss_scale else {
            optimizer.step(model, learning_rate);
            return Ok(());
        };
        match self.collective.broadcast(Vec::new())?.first() {
            Some(1) => {
                let norm = optimizer.norm(model, scale);
                optimizer.step_with(model, learning_rate, &norm);
            }
            _ => model.zero_grad(),
        }
        Ok(())
    }

    async fn infer(&mut self, batch: Option<&Batch>, with_loss: bool) -> Result<(), Failure> {
        let (_, model) = self.model.as_ref().ok_or_else(out_of_order)?;
        let found = match batch {
            Some(batch) => pack(&infer(model, batch, with_loss).await?),
            None => Vec::new(),
        };
        self.collective.gather(found)?;
        Ok(())
    }
}

fn unknown(rank: usize, error: &serde_json::Error) -> TrainError {
    TrainError::Arguments(format!(
        "rank {rank} says what this rank doesn't know ({error}): all ranks need the same version of Tunesmith"
    ))
}

fn out_of_order() -> TrainError {
    TrainError::Arguments("rank 0 has not said which model to train".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_rank_found_arrives_as_it_was() {
        for (logits, loss) in [
            (vec![1.5, -0.0, f32::MIN_POSITIVE], Some(0.25)),
            (vec![2.0], None),
            (Vec::new(), None),
        ] {
            let found = Inferred { logits, loss };
            assert_eq!(unpack(&pack(&found)), Some(found));
        }
        assert_eq!(unpack(&[]), None);
    }
}

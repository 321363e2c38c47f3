//! Hugging Face's `Accelerator`, for a training loop of one's own on several devices: the same loop runs on each of
//! them, over its part of the batches. Native: each has a thread, or a process.
#![allow(
    clippy::disallowed_methods,
    reason = "native: a rank has a thread of its own, which waits"
)]

use std::fmt::Display;
use std::sync::Arc;

use tunesmith_collective::{Collective, CollectiveError, Threads};
use tunesmith_kernels::{ComputeDevice, GradientNorm};
use tunesmith_model::{Model, Output};

use crate::replicas::{Failure, reduce, share};
use crate::{AdamW, DataLoader, TrainError};

/// One of the processes that train a model together, each on a device of its own.
#[derive(Clone)]
pub struct Accelerator {
    collective: Arc<dyn Collective>,
    device: ComputeDevice,
}

/// Runs a training loop on several devices at once, on each in a thread of its own: accelerate's
/// `notebook_launcher`. Gives what each has returned, in the order of the devices.
///
/// # Errors
/// Where one of them fails; the others end with it, and are told why.
pub fn launch<T: Send, E: Display + Send>(
    devices: Vec<ComputeDevice>,
    function: impl Fn(Accelerator) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let ranks = Threads::group(devices.len());
    let results: Vec<Result<T, E>> = std::thread::scope(|scope| {
        let threads = ranks.into_iter().zip(devices).map(|(rank, device)| {
            let function = &function;
            scope.spawn(move || {
                let accelerator = Accelerator::new(device.clone()).with(rank);
                let collective = Arc::clone(&accelerator.collective);
                let result = device.for_thread(|| function(accelerator));
                if let Err(error) = &result {
                    collective.abort(&error.to_string());
                }
                result
            })
        });
        let threads: Vec<_> = threads.collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    });
    results.into_iter().collect()
}

impl Accelerator {
    /// The only process, on this device.
    #[must_use]
    pub fn new(device: ComputeDevice) -> Self {
        Self {
            collective: Arc::new(Threads::alone()),
            device,
        }
    }

    /// The same as one of several.
    #[must_use]
    pub fn with(mut self, collective: impl Collective + 'static) -> Self {
        self.collective = Arc::new(collective);
        self
    }

    /// How many processes train together.
    #[must_use]
    pub fn num_processes(&self) -> usize {
        self.collective.size()
    }

    /// Which of them this is, from 0.
    #[must_use]
    pub fn process_index(&self) -> usize {
        self.collective.rank()
    }

    /// Whether this is the one that prints and saves.
    #[must_use]
    pub fn is_main_process(&self) -> bool {
        self.process_index() == 0
    }

    /// Where this process computes.
    #[must_use]
    pub fn device(&self) -> &ComputeDevice {
        &self.device
    }

    /// This process's part of the batches.
    #[must_use]
    pub fn prepare(&self, loader: DataLoader) -> DataLoader {
        loader.shard(self.process_index(), self.num_processes())
    }

    /// Makes the model equal to that of the main process.
    ///
    /// # Errors
    /// Another process that has ended, or a device that fails.
    pub async fn prepare_model(&self, model: &mut Model) -> Result<(), TrainError> {
        model.zero_grad();
        let done = share(&*self.collective, model.parameters.all_values()).await;
        done.map_err(|failure| self.failed(failure))
    }

    /// Adds the gradients of the output's loss to the model's: `accelerator.backward(loss)`. Those of all processes
    /// meet in [`Self::step`].
    pub fn backward(&self, model: &mut Model, output: Output) {
        model.backward(output);
    }

    /// An optimizer step with the mean of all processes' gradients, which are zero afterwards; gives their norm
    /// before clipping.
    ///
    /// # Errors
    /// Another process that has ended, or a device that fails.
    pub async fn step(
        &self,
        optimizer: &mut AdamW,
        model: &mut Model,
        learning_rate: f64,
    ) -> Result<GradientNorm, TrainError> {
        let size = self.num_processes();
        if size > 1 {
            let done = reduce(&*self.collective, model).await;
            done.map_err(|failure| self.failed(failure))?;
            let (_, gradients) = model.parameters.values_and_gradients();
            gradients.scale(1.0 / size as f32);
        }
        Ok(optimizer.step(model, learning_rate))
    }

    /// What every process has, in their order, on all of them.
    ///
    /// # Errors
    /// Another process that has ended.
    pub fn gather(&self, values: Vec<f32>) -> Result<Vec<f32>, TrainError> {
        let all = self.collective.all_gather(values);
        let all = all.map_err(|error| self.ended(error))?;
        Ok(all
            .iter()
            .flat_map(|values| values.iter().copied())
            .collect())
    }

    /// Waits until all processes have come here.
    ///
    /// # Errors
    /// Another process that has ended.
    pub fn wait_for_everyone(&self) -> Result<(), TrainError> {
        self.collective.barrier().map_err(|error| self.ended(error))
    }

    fn failed(&self, failure: Failure) -> TrainError {
        failure.told_by(|error| self.ended(error))
    }

    fn ended(&self, error: CollectiveError) -> TrainError {
        TrainError::Process {
            rank: error.rank,
            message: error.message,
        }
    }
}

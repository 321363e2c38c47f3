//! One optimizer step, what it leaves to be done, and its numbers once they are read back.

use std::collections::VecDeque;

use burn::tensor::Tensor;
use tunesmith_data::{BatchDigest, ExampleRef, Labels};
use tunesmith_kernels::gradient_norm;
use tunesmith_platform::now;
use tunesmith_protocol::{CountedTokens, Event, IntervalStrategy, Step};

use super::{LastStep, Run};
use crate::batch::read;
use crate::checkpoint::Action;
use crate::class_weights::weight_of;
use crate::plan::PlannedStep;
use crate::replicas::MicroBatch;
use crate::{TrainError, Trainer};

/// So many steps are given to the device at most before their numbers are read. In a browser nothing
/// else keeps the host from running minutes ahead of the device.
const MOST_UNREAD: usize = if cfg!(target_family = "wasm") {
    4
} else {
    1024
};

/// A step that the device was given and whose numbers are not here yet.
pub(super) struct Unread {
    step: u64,
    epoch: f64,
    learning_rate: f64,
    rows: usize,
    longest: usize,
    digest: BatchDigest,
    /// The loss of every micro-batch on the trainer's own device, `[1]`, and its share in the step's.
    losses: Vec<(Tensor<1>, f64)>,
    /// What other devices' batches add to the loss.
    others_loss: f64,
    /// `[norm, clip factor]`; none of a step that was skipped.
    norm: Option<Tensor<1>>,
}

/// The batches of a step.
struct Collated {
    /// By the rank of the device that computes them.
    batches: Vec<Vec<MicroBatch>>,
    rows: usize,
    /// Tokens of the longest row, padded.
    longest: usize,
    /// Tokens of all, padded.
    tokens: usize,
    /// Those that `include_num_input_tokens_seen` asks for.
    counted: u64,
    digest: BatchDigest,
}

impl Run<'_> {
    /// Gives the device a step. Nothing waits for it, unless something is due that needs its numbers.
    pub(super) async fn step(&mut self) -> Result<(), TrainError> {
        let done = self.trainer.state.global_step;
        let planned = self.plan.step(done);
        self.ask_before(&planned);
        let order = match self.order.take() {
            Some((epoch, order)) if epoch == planned.epoch => order,
            _ => self.plan.epoch_order(planned.epoch),
        };
        // A step that was skipped is none of the schedule's.
        let skipped = self.scaler.map_or(0, |scaler| scaler.skipped_steps());
        let learning_rate = self.schedule.learning_rate(done - skipped);
        let Collated {
            batches,
            rows,
            longest,
            tokens,
            counted,
            digest,
        } = self.collate(&order, &planned)?;
        let (losses, others_loss) = self.gradients(batches, learning_rate).await?;
        let norm = self.optimize(learning_rate).await?;
        if let Some(message) = self.trainer.model.device().failure() {
            return Err(TrainError::Read(message));
        }

        self.order = Some((planned.epoch, order));
        let flos = 6.0 * tokens as f64 * self.parameters_without_embeddings() as f64;
        let state = &mut self.trainer.state;
        state.global_step = done + 1;
        state.epoch = planned.epoch as f64
            + planned.batches.end as f64 / self.plan.batches_per_epoch() as f64;
        state.total_flos += flos;
        state.num_input_tokens_seen += counted;
        self.pending = self.actions(&planned);
        self.ask_after(&planned);
        self.unread.push(Unread {
            step: done + 1,
            epoch: self.trainer.state.epoch,
            learning_rate,
            rows,
            longest,
            digest,
            losses,
            others_loss,
            norm,
        });
        if self.must_read() {
            self.read_steps().await?;
        }
        Ok(())
    }

    /// Takes the optimizer's step and gives the gradient's norm. In half precision it waits for that, and gives none where
    /// gradients overflowed and the step is skipped.
    async fn optimize(&mut self, learning_rate: f64) -> Result<Option<Tensor<1>>, TrainError> {
        let Trainer {
            model, replicas, ..
        } = &mut *self.trainer;
        let Some(scaler) = &mut self.scaler else {
            let norm = self.optimizer.step(model, learning_rate);
            return Ok(Some(norm.values()));
        };
        let norm = self.optimizer.norm(model, scaler.scale());
        let found = read(vec![norm.values()]).await?.concat();
        let finite = found.first().is_some_and(|norm| norm.is_finite());
        if let Some(replicas) = replicas {
            replicas.tell_whether_finite(finite)?;
        }
        scaler.update(finite);
        if finite {
            self.optimizer.step_with(model, learning_rate, &norm);
        } else {
            model.zero_grad();
        }
        Ok(finite.then(|| norm.values()))
    }

    /// Computes the gradients of a step, on all devices; gives the losses of the trainer's own batches with their
    /// shares, and what the others' add to the step's.
    async fn gradients(
        &mut self,
        batches: Vec<Vec<MicroBatch>>,
        learning_rate: f64,
    ) -> Result<(Vec<(Tensor<1>, f64)>, f64), TrainError> {
        let mut ranks = batches.into_iter();
        let own = ranks.next().unwrap_or_default();
        let loss_scale = self.scaler.map(|scaler| scaler.scale());
        self.tell_replicas(learning_rate, loss_scale, ranks.collect())
            .await?;
        let mut losses = Vec::new();
        for (number, batch) in own.iter().enumerate() {
            let Trainer {
                model,
                loss_function,
                ..
            } = &mut *self.trainer;
            let scale = loss_scale.unwrap_or(1.0);
            let loss = batch.backward(model, loss_function.as_ref(), scale).await?;
            losses.extend(loss);
            if number + 1 < own.len() {
                self.trainer.ask(|callback, args, state, control| {
                    callback.on_substep_end(args, state, control);
                });
            }
        }
        let Trainer {
            model, replicas, ..
        } = &mut *self.trainer;
        let others_loss = match replicas {
            Some(replicas) => replicas.reduce(model).await?,
            None => 0.0,
        };
        Ok((losses, others_loss))
    }

    /// Gives the other devices their batches of a step, by rank from 1 on; before the first, the model as it is.
    async fn tell_replicas(
        &mut self,
        learning_rate: f64,
        loss_scale: Option<f32>,
        batches: Vec<Vec<MicroBatch>>,
    ) -> Result<(), TrainError> {
        let Trainer {
            replicas: Some(replicas),
            replicas_follow,
            model,
            args,
            param_groups,
            ..
        } = &mut *self.trainer
        else {
            return Ok(());
        };
        if !*replicas_follow {
            replicas.set_model(model).await?;
            let optimizer = &mut self.optimizer;
            replicas
                .set_optimizer(optimizer, args, param_groups.as_deref())
                .await?;
            *replicas_follow = true;
        }
        replicas.step(learning_rate, loss_scale, batches)
    }

    /// Makes the batches of a step, for every device.
    fn collate(&self, order: &[u32], planned: &PlannedStep) -> Result<Collated, TrainError> {
        let Trainer { args, state, .. } = &*self.trainer;
        let planned = self.plan.batches(order, planned);
        let rows = planned.iter().map(|(_, rows)| rows.len()).sum();
        let weights = self.trainer.model.options.class_weights.as_deref();
        let weights = weights.filter(|_| self.trainer.loss_function.is_none());
        let mut all = 0.0;
        let mut collated = Collated {
            batches: vec![Vec::new(); self.trainer.num_processes()],
            rows,
            longest: 0,
            tokens: 0,
            counted: 0,
            digest: BatchDigest::default(),
        };
        let mut first_row = 0;
        let parts = planned.iter().flat_map(|(rank, rows)| {
            let part = rows.len().div_ceil(self.trainer.parts).max(1);
            rows.chunks(part).map(|rows| (*rank, rows))
        });
        for (rank, chosen) in parts {
            let examples = chosen.iter().map(|row| self.train.example(*row as usize));
            let examples: Vec<ExampleRef<'_>> = examples.collect();
            let batch = self.trainer.collator.batch(&examples)?;
            if batch.labels == Labels::None {
                return Err(TrainError::Arguments(format!(
                    "the training rows {chosen:?} have no labels: filter such rows out"
                )));
            }
            collated.digest.add(&batch);
            collated.longest = collated.longest.max(batch.seq);
            collated.tokens += batch.batch * batch.seq;
            collated.counted += match args.include_num_input_tokens_seen.0 {
                CountedTokens::No => 0,
                CountedTokens::All => (batch.batch * batch.seq) as u64,
                CountedTokens::NonPadding => batch.lengths.iter().map(|n| u64::from(*n)).sum(),
            };
            // Batches of a step weigh by their rows, or by the weights of their labels, so that several, on one
            // device or more, equal one large batch.
            let share = weight_of(&batch.labels, chosen.len(), weights);
            all += share;
            collated.batches[rank].push(MicroBatch {
                batch,
                share,
                noise: (args.seed, state.global_step as u32, first_row),
            });
            first_row += chosen.len() as u32;
        }
        for batch in collated.batches.iter_mut().flatten() {
            batch.share /= all;
        }
        Ok(collated)
    }

    // On the CPU device there is nothing to wait for.
    fn must_read(&self) -> bool {
        let live = self.trainer.live;
        let first = self.trainer.state.global_step == self.resumed_from + 1;
        self.trainer.model.device().kind.is_none()
            || !self.pending.is_empty()
            || self.is_last_step()
            || self.unread.len() == MOST_UNREAD
            || live.is_some_and(|interval| first || self.read_at.elapsed() >= interval)
    }

    /// Reads back the numbers of all steps that are not read yet, in one go, and tells of them.
    pub(super) async fn read_steps(&mut self) -> Result<(), TrainError> {
        let unread = std::mem::take(&mut self.unread);
        let weights = self.norm_of_weights();
        if unread.is_empty() && weights.is_none() {
            return Ok(());
        }
        let tensors = unread
            .iter()
            .flat_map(|step| step.losses.iter().map(|(loss, _)| loss).chain(&step.norm))
            .chain(&weights)
            .cloned()
            .collect();
        let mut values = read(tensors).await?.into_iter();
        let mut next = || {
            let first = values.next().and_then(|values| values.first().copied());
            first.map_or(f64::NAN, f64::from)
        };
        let time = self.read_at.elapsed() / unread.len().max(1) as u32;
        self.read_at = now();
        for step in unread {
            let own: f64 = step.losses.iter().map(|(_, share)| next() * share).sum();
            let loss = own + step.others_loss;
            let grad_norm = match step.norm {
                Some(_) => next(),
                // As the last one that was taken.
                None => {
                    self.tell_of_skipped(step.step)?;
                    self.last.grad_norm
                }
            };
            let numbers = [("loss", loss), ("gradient norm", grad_norm)];
            self.check_finite(step.step, step.learning_rate, &numbers)?;
            self.read_step = step.step;
            self.losses.since_log += loss;
            self.last = LastStep {
                grad_norm,
                learning_rate: step.learning_rate,
            };
            self.speed.add(time, step.rows);
            self.events.push_back(Event::Step(Step {
                step: step.step,
                epoch: step.epoch,
                loss,
                learning_rate: step.learning_rate,
                grad_norm,
                batch_rows: step.rows as u64,
                batch_length: step.longest as u64,
                batch_digest: step.digest.finish(),
                samples_per_second: self.speed.samples_per_second(),
                remaining_seconds: self.speed.remaining(self.plan.total_steps() - step.step),
            }));
        }
        if weights.is_some() {
            let step = self.trainer.state.global_step;
            let norm = [("norm of the weights", next())];
            self.check_finite(step, self.last.learning_rate, &norm)?;
            self.checked_step = step;
        }
        Ok(())
    }

    fn tell_of_skipped(&mut self, step: u64) -> Result<(), TrainError> {
        let Some(scaler) = self.scaler else {
            return Ok(());
        };
        if scaler.is_exhausted() {
            let learning_rate = self.last.learning_rate;
            return self.check_finite(step, learning_rate, &[("gradient norm", f64::INFINITY)]);
        }
        self.warn(format!(
            "step {step} was skipped: its gradients are too large for half precision. The loss scale is {} now",
            scaler.scale()
        ));
        Ok(())
    }

    /// `[norm, _]` of all weights, where something is to be made of them: a step's own numbers are of
    /// the weights before it.
    fn norm_of_weights(&mut self) -> Option<Tensor<1>> {
        let step = self.trainer.state.global_step;
        let needed = self.stop.is_some() || !self.pending.is_empty() || self.is_last_step();
        if !needed || step == self.checked_step {
            return None;
        }
        let model = &mut self.trainer.model;
        let device = model.device().device.clone();
        let (values, _) = model.parameters.values_and_gradients();
        Some(gradient_norm(values, 0.0, &device).values())
    }

    fn check_finite(
        &self,
        step: u64,
        learning_rate: f64,
        values: &[(&'static str, f64)],
    ) -> Result<(), TrainError> {
        if let Some(message) = self.trainer.model.device().failure() {
            return Err(TrainError::Read(message));
        }
        for &(what, value) in values {
            if !value.is_finite() {
                let kept = match self.scaler {
                    Some(_) => format!("or leave fp16 out; {}", self.kept()),
                    None => self.kept(),
                };
                return Err(TrainError::NotFinite {
                    what,
                    value,
                    step,
                    learning_rate,
                    kept,
                });
            }
        }
        Ok(())
    }

    /// Whether no step follows the last one that was taken.
    pub(super) fn is_last_step(&self) -> bool {
        self.trainer.control.should_training_stop
            || self.trainer.state.global_step >= self.plan.total_steps()
    }

    /// How often to evaluate, once `eval_delay` is over.
    pub(super) fn eval_strategy(&self) -> IntervalStrategy {
        let Trainer { args, state, .. } = &*self.trainer;
        let done = match args.eval_strategy {
            IntervalStrategy::Epoch => state.epoch,
            IntervalStrategy::No | IntervalStrategy::Steps => state.global_step as f64,
        };
        match args.eval_delay <= done {
            true => args.eval_strategy,
            false => IntervalStrategy::No,
        }
    }

    /// What transformers' default flow does after a step, in its order.
    pub(super) fn actions(&self, planned: &PlannedStep) -> VecDeque<Action> {
        let Trainer { args, state, .. } = &*self.trainer;
        let step = state.global_step;
        let last = step >= self.plan.total_steps();
        let by_steps = |strategy: IntervalStrategy, every: u64| {
            strategy == IntervalStrategy::Steps && step.is_multiple_of(every)
        };
        let logs = by_steps(args.logging_strategy, state.logging_steps)
            || (step == 1 && args.logging_first_step);
        let (eval_strategy, save_strategy) = (self.eval_strategy(), args.save_strategy.interval());
        let evaluates = by_steps(eval_strategy, state.eval_steps)
            || (last && eval_strategy == IntervalStrategy::Steps);
        let saves = by_steps(save_strategy, state.save_steps)
            || (last && save_strategy == IntervalStrategy::Steps);
        let ends = planned.ends_epoch || last;
        let at_end = |strategy: IntervalStrategy| ends && strategy == IntervalStrategy::Epoch;
        [
            (logs, Action::Log),
            (evaluates, Action::Evaluate),
            (saves, Action::Save),
            (at_end(args.logging_strategy), Action::Log),
            (at_end(eval_strategy), Action::Evaluate),
            (at_end(save_strategy), Action::Save),
        ]
        .into_iter()
        .filter_map(|(wanted, action)| wanted.then_some(action))
        .collect()
    }

    fn parameters_without_embeddings(&self) -> usize {
        let parameters = self.trainer.model.parameters.iter();
        parameters
            .filter(|p| !p.name.ends_with("_embeddings.weight"))
            .map(|p| p.count())
            .sum()
    }
}

//! One optimizer step, read back once, and what it leaves to be done.

use std::collections::VecDeque;

use tunesmith_model::Mode;
use tunesmith_protocol::{Event, IntervalStrategy, Step};

use crate::clock::now;

use super::{LastStep, Run};
use crate::batch::{batch_inputs, read};
use crate::checkpoint::Action;
use crate::plan::PlannedStep;
use crate::{TrainError, Trainer};

impl Run<'_> {
    pub(super) async fn step(&mut self) -> Result<(), TrainError> {
        let start = now();
        let done = self.trainer.state.global_step;
        let planned = self.plan.step(done);
        let order = match self.order.take() {
            Some((epoch, order)) if epoch == planned.epoch => order,
            _ => self.plan.epoch_order(planned.epoch),
        };
        let rows: usize = planned
            .batches
            .clone()
            .map(|b| self.plan.batch(&order, b).len())
            .sum();
        let first_pass = planned.epoch * self.plan.batches_per_epoch() as u64;
        let mut results = Vec::new();
        let mut shares = Vec::new();
        let (mut longest, mut tokens) = (0, 0);
        let Trainer {
            model,
            args,
            collator,
            ..
        } = &mut *self.trainer;
        for number in planned.batches.clone() {
            let chosen = self.plan.batch(&order, number);
            let examples = chosen.iter().map(|row| self.train.example(*row as usize));
            let batch = collator.collate(examples)?;
            let (inputs, Some(targets)) = batch_inputs(&batch) else {
                return Err(TrainError::Arguments(format!(
                    "the training rows {chosen:?} have no labels: filter such rows out"
                )));
            };
            // Batches of a step weigh by their rows, so that accumulation equals one large batch.
            let share = chosen.len() as f64 / rows as f64;
            let pass = (first_pass + number as u64) as u32;
            let mode = Mode::Train {
                seed: args.seed,
                step: pass,
            };
            let output = model.forward_scaled(&inputs, Some(&targets), &mode, share as f32)?;
            results.extend(output.loss.clone());
            shares.push(share);
            model.backward(output);
            longest = longest.max(batch.seq);
            tokens += batch.batch * batch.seq;
        }
        let learning_rate = self.schedule.learning_rate(done);
        results.push(self.optimizer.step(model, learning_rate).values());
        let values = read(results).await?;
        let first = |values: &Vec<f32>| values.first().copied().map_or(f64::NAN, f64::from);
        let loss = values
            .iter()
            .zip(&shares)
            .map(|(value, share)| first(value) * share)
            .sum();
        let grad_norm = values.last().map_or(f64::NAN, first);

        self.order = Some((planned.epoch, order));
        self.check_finite(done + 1, learning_rate, loss, grad_norm)?;
        let flos = 6.0 * tokens as f64 * self.parameters_without_embeddings() as f64;
        let state = &mut self.trainer.state;
        state.global_step = done + 1;
        state.epoch = planned.epoch as f64
            + planned.batches.end as f64 / self.plan.batches_per_epoch() as f64;
        state.total_flos += flos;
        self.losses.since_log += loss;
        self.last = LastStep {
            grad_norm,
            learning_rate,
        };
        self.pending = self.actions(&planned);
        self.speed.add(start.elapsed(), rows);
        self.events.push_back(Event::Step(Step {
            step: done + 1,
            epoch: self.trainer.state.epoch,
            loss,
            learning_rate,
            grad_norm,
            batch_rows: rows as u64,
            batch_length: longest as u64,
            samples_per_second: self.speed.samples_per_second(),
            remaining_seconds: self.speed.remaining(self.plan.total_steps() - (done + 1)),
        }));
        Ok(())
    }

    fn check_finite(
        &self,
        step: u64,
        learning_rate: f64,
        loss: f64,
        grad_norm: f64,
    ) -> Result<(), TrainError> {
        if let Some(message) = self.trainer.model.device().failure() {
            return Err(TrainError::Read(message));
        }
        for (what, value) in [("loss", loss), ("gradient norm", grad_norm)] {
            if !value.is_finite() {
                let kept = self.kept();
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

    /// What transformers' default flow does after a step, in its order.
    fn actions(&self, planned: &PlannedStep) -> VecDeque<Action> {
        let Trainer { args, state, .. } = &*self.trainer;
        let step = state.global_step;
        let last = step >= self.plan.total_steps();
        let by_steps = |strategy: IntervalStrategy, every: u64| {
            strategy == IntervalStrategy::Steps && step.is_multiple_of(every)
        };
        let logs = by_steps(args.logging_strategy, state.logging_steps)
            || (step == 1 && args.logging_first_step);
        let evaluates = by_steps(args.eval_strategy, state.eval_steps)
            || (last && args.eval_strategy == IntervalStrategy::Steps);
        let saves = by_steps(args.save_strategy, state.save_steps)
            || (last && args.save_strategy == IntervalStrategy::Steps);
        let ends = planned.ends_epoch || last;
        let at_end = |strategy: IntervalStrategy| ends && strategy == IntervalStrategy::Epoch;
        [
            (logs, Action::Log),
            (evaluates, Action::Evaluate),
            (saves, Action::Save),
            (at_end(args.logging_strategy), Action::Log),
            (at_end(args.eval_strategy), Action::Evaluate),
            (at_end(args.save_strategy), Action::Save),
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

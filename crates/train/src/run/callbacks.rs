//! When a run calls the trainer's callbacks, and what it makes of their answers.

use tunesmith_protocol::{IntervalStrategy, Metrics, TrainingArguments};

use super::Run;
use crate::checkpoint::Action;
use crate::plan::PlannedStep;
use crate::{Trainer, TrainerCallback, TrainerControl, TrainerState};

impl Run<'_> {
    /// Calls one function of each callback, in their order.
    pub(super) fn ask(
        &mut self,
        call: impl Fn(&mut dyn TrainerCallback, &TrainingArguments, &TrainerState, &mut TrainerControl),
    ) {
        let Trainer {
            callbacks,
            args,
            state,
            ..
        } = &mut *self.trainer;
        for callback in callbacks {
            call(callback.as_mut(), args, state, &mut self.control);
        }
    }

    pub(super) fn ask_before(&mut self, planned: &PlannedStep) {
        if !self.has_begun {
            self.has_begun = true;
            self.ask(|callback, args, state, control| {
                callback.on_train_begin(args, state, control)
            });
        }
        if planned.batches.start == 0 {
            self.ask(|callback, args, state, control| {
                callback.on_epoch_begin(args, state, control)
            });
        }
    }

    /// After a step, with what is pending: the callbacks may add to it, or take from it.
    pub(super) fn ask_after(&mut self, planned: &PlannedStep) {
        self.show_pending();
        self.ask(|callback, args, state, control| callback.on_step_end(args, state, control));
        self.take_pending();
        let ended_by_plan =
            planned.ends_epoch || self.trainer.state.global_step >= self.plan.total_steps();
        if self.control.should_training_stop && !ended_by_plan {
            // The Trainer ends the epoch where it is.
            let args = &self.trainer.args;
            for (strategy, action) in [
                (args.logging_strategy, Action::Log),
                (args.eval_strategy, Action::Evaluate),
                (args.save_strategy, Action::Save),
            ] {
                if strategy == IntervalStrategy::Epoch && !self.pending.contains(&action) {
                    self.pending.push_back(action);
                }
            }
        }
        if ended_by_plan || self.control.should_training_stop {
            self.show_pending();
            self.ask(|callback, args, state, control| callback.on_epoch_end(args, state, control));
            self.take_pending();
        }
    }

    pub(super) fn ask_about_evaluation(&mut self, metrics: &Metrics) {
        self.show_pending();
        self.ask(|callback, args, state, control| {
            callback.on_evaluate(args, state, control, metrics);
        });
        self.pending.retain(|action| *action != Action::Save);
        if self.control.should_save {
            self.pending.push_back(Action::Save);
        }
    }

    fn show_pending(&mut self) {
        let is_pending = |action| self.pending.contains(&action);
        self.control = TrainerControl {
            should_training_stop: self.control.should_training_stop,
            should_log: is_pending(Action::Log),
            should_evaluate: is_pending(Action::Evaluate),
            should_save: is_pending(Action::Save),
        };
    }

    fn take_pending(&mut self) {
        let control = self.control;
        let mut changed = false;
        for (wanted, action) in [
            (control.should_log, Action::Log),
            (control.should_evaluate, Action::Evaluate),
            (control.should_save, Action::Save),
        ] {
            let is_pending = self.pending.contains(&action);
            if wanted && !is_pending {
                self.pending.push_back(action);
                changed = true;
            } else if !wanted && is_pending {
                self.pending.retain(|pending| *pending != action);
            }
        }
        if changed {
            self.pending.make_contiguous().sort();
        }
    }
}

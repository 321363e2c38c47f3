//! When a run calls the trainer's callbacks, and what it makes of their answers.

use tunesmith_protocol::{IntervalStrategy, Metrics};

use super::Run;
use crate::TrainerControl;
use crate::checkpoint::Action;
use crate::plan::PlannedStep;

impl Run<'_> {
    pub(super) fn ask_before(&mut self, planned: &PlannedStep) {
        if !self.has_begun {
            self.has_begun = true;
            self.trainer.ask(|callback, args, state, control| {
                callback.on_train_begin(args, state, control)
            });
        }
        if planned.batches.start == 0 {
            self.trainer.ask(|callback, args, state, control| {
                callback.on_epoch_begin(args, state, control)
            });
        }
        self.show_pending();
        self.trainer
            .ask(|callback, args, state, control| callback.on_step_begin(args, state, control));
    }

    /// After a step, with what is pending: the callbacks may add to it, or take from it.
    pub(super) fn ask_after(&mut self, planned: &PlannedStep) {
        // What was asked for within the step.
        self.add_wanted();
        self.show_pending();
        self.trainer
            .ask(|callback, args, state, control| callback.on_step_end(args, state, control));
        self.take_pending();
        let ended_by_plan =
            planned.ends_epoch || self.trainer.state.global_step >= self.plan.total_steps();
        if self.trainer.control.should_training_stop && !ended_by_plan {
            // The Trainer ends the epoch where it is.
            let args = &self.trainer.args;
            for (strategy, action) in [
                (args.logging_strategy, Action::Log),
                (self.eval_strategy(), Action::Evaluate),
                (args.save_strategy.interval(), Action::Save),
            ] {
                if strategy == IntervalStrategy::Epoch && !self.pending.contains(&action) {
                    self.pending.push_back(action);
                }
            }
        }
        if ended_by_plan || self.trainer.control.should_training_stop {
            self.show_pending();
            self.trainer
                .ask(|callback, args, state, control| callback.on_epoch_end(args, state, control));
            self.take_pending();
        }
    }

    pub(super) fn ask_about_evaluation(&mut self, metrics: &Metrics) {
        self.show_pending();
        self.trainer.ask(|callback, args, state, control| {
            callback.on_evaluate(args, state, control, metrics);
        });
        self.pending.retain(|action| *action != Action::Save);
        if self.trainer.control.should_save {
            self.pending.push_back(Action::Save);
        }
    }

    fn show_pending(&mut self) {
        let is_pending = |action| self.pending.contains(&action);
        self.trainer.control = TrainerControl {
            should_training_stop: self.trainer.control.should_training_stop,
            should_log: is_pending(Action::Log),
            should_evaluate: is_pending(Action::Evaluate),
            should_save: is_pending(Action::Save),
        };
    }

    fn take_pending(&mut self) {
        self.add_wanted();
        let wanted = wanted(self.trainer.control);
        self.pending.retain(|action| wanted.contains(action));
    }

    fn add_wanted(&mut self) {
        for action in wanted(self.trainer.control) {
            if !self.pending.contains(&action) {
                self.pending.push_back(action);
                self.pending.make_contiguous().sort();
            }
        }
    }
}

fn wanted(control: TrainerControl) -> Vec<Action> {
    [
        (control.should_log, Action::Log),
        (control.should_evaluate, Action::Evaluate),
        (control.should_save, Action::Save),
    ]
    .into_iter()
    .filter_map(|(wanted, action)| wanted.then_some(action))
    .collect()
}

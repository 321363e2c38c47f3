//! Functions of one's own that a training calls: transformers' `TrainerCallback`.

use tunesmith_protocol::{Metrics, TrainingArguments};

use crate::TrainerState;

/// What a callback may ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrainerControl {
    /// End the training after this step, as if it were the last.
    pub should_training_stop: bool,
    /// Log the mean loss after this step.
    pub should_log: bool,
    /// Evaluate after this step.
    pub should_evaluate: bool,
    /// Save a checkpoint after this step.
    pub should_save: bool,
}

/// What is to be done at certain points of a training; each function does nothing unless it is written
/// anew.
///
/// The control says what is due after the step, and each of its fields may be changed; what is set within a
/// step ([`Self::on_step_begin`], [`Self::on_substep_end`]) is done after it, and a step that was begun is
/// finished. After
/// [`Self::on_evaluate`] only `should_training_stop` and `should_save` are still read, after
/// [`Self::on_log`] and [`Self::on_save`] only `should_training_stop`. The loss of a step isn't here:
/// it may still be on the device. The events of [`crate::Run::next`] tell it.
#[allow(unused_variables, reason = "the defaults do nothing")]
pub trait TrainerCallback: Send {
    /// Before the first step.
    fn on_train_begin(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// Before the first step of an epoch.
    fn on_epoch_begin(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// Before the first batch of each optimizer step.
    fn on_step_begin(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// After each batch that no optimizer step follows, where gradients are accumulated over several.
    fn on_substep_end(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// After each optimizer step.
    fn on_step_end(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// After the last step of an epoch.
    fn on_epoch_end(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// After a log entry: `loss`, `grad_norm` and `learning_rate`.
    fn on_log(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
        logs: &Metrics,
    ) {
    }

    /// After an evaluation of the training: `eval_loss` and what else was measured.
    fn on_evaluate(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
        metrics: &Metrics,
    ) {
    }

    /// After each batch of an evaluation or prediction.
    fn on_prediction_step(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// After a checkpoint was written.
    fn on_save(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }

    /// After the last step and what it left to do.
    fn on_train_end(
        &mut self,
        args: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
    }
}

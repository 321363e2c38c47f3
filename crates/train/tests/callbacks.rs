//! When a training calls callbacks of one's own, and what they change.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{Arc, Mutex};

use support::*;
use tunesmith_protocol::{IntervalStrategy, Metrics, SaveStrategy, Steps, TrainingArguments};
use tunesmith_train::{TrainerCallback, TrainerControl, TrainerState};

type Told = Arc<Mutex<Vec<String>>>;

/// Writes down what it is told, and asks for what a test wants.
struct Recorder<F> {
    told: Told,
    ask: F,
}

impl<F: FnMut(&str, &TrainerState, &mut TrainerControl) + Send> Recorder<F> {
    fn note(&mut self, name: &str, state: &TrainerState, control: &mut TrainerControl) {
        let line = format!("{name} {}", state.global_step);
        self.told.lock().unwrap().push(line);
        (self.ask)(name, state, control);
    }
}

impl<F: FnMut(&str, &TrainerState, &mut TrainerControl) + Send> TrainerCallback for Recorder<F> {
    fn on_train_begin(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("train_begin", state, control);
    }

    fn on_epoch_begin(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("epoch_begin", state, control);
    }

    fn on_step_begin(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("step_begin", state, control);
    }

    fn on_substep_end(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("substep_end", state, control);
    }

    fn on_prediction_step(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("prediction_step", state, control);
    }

    fn on_step_end(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("step_end", state, control);
    }

    fn on_epoch_end(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("epoch_end", state, control);
    }

    fn on_log(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
        logs: &Metrics,
    ) {
        assert!(logs.get("loss").unwrap().is_finite());
        self.note("log", state, control);
    }

    fn on_evaluate(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
        metrics: &Metrics,
    ) {
        assert!(metrics.get("eval_loss").unwrap().is_finite());
        self.note("evaluate", state, control);
    }

    fn on_save(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("save", state, control);
    }

    fn on_train_end(
        &mut self,
        _: &TrainingArguments,
        state: &TrainerState,
        control: &mut TrainerControl,
    ) {
        self.note("train_end", state, control);
    }
}

/// What a callback is told in a run of six steps with `args` changed so, but for what comes within steps and
/// evaluations.
fn told(
    change: impl Fn(&mut TrainingArguments),
    ask: impl FnMut(&str, &TrainerState, &mut TrainerControl) + Send + 'static,
) -> (Vec<String>, u64) {
    let (mut told, steps) = told_all(change, ask);
    told.retain(|line| {
        !["step_begin", "substep_end", "prediction_step"]
            .iter()
            .any(|within| line.starts_with(within))
    });
    (told, steps)
}

fn told_all(
    change: impl Fn(&mut TrainingArguments),
    ask: impl FnMut(&str, &TrainerState, &mut TrainerControl) + Send + 'static,
) -> (Vec<String>, u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut args = TrainingArguments {
        num_train_epochs: 1.0,
        logging_steps: Steps(3.0),
        save_steps: Steps(4.0),
        ..args(&dir.path().join("out"))
    };
    change(&mut args);
    let told = Told::default();
    let recorder = Recorder {
        told: Arc::clone(&told),
        ask,
    };
    let mut trainer = trainer(args, &cpu()).callback(recorder);
    let (output, _) = train(&mut trainer).unwrap();
    assert!(!output.stopped);
    let told = told.lock().unwrap().clone();
    (told, output.global_step)
}

#[test]
fn callbacks_are_called_in_the_trainers_order() {
    let (told, _) = told(|_| {}, |_, _, _| {});
    assert_eq!(
        told,
        [
            "train_begin 0",
            "epoch_begin 0",
            "step_end 1",
            "step_end 2",
            "step_end 3",
            "log 3",
            "step_end 4",
            "save 4",
            "step_end 5",
            "step_end 6",
            "epoch_end 6",
            "log 6",
            "save 6",
            "evaluate 6",
            "train_end 6",
        ]
    );
}

#[test]
fn callbacks_change_what_is_done() {
    // Stops, and the epoch ends there: the evaluation at its end is made.
    let (stopped, steps) = told(
        |_| {},
        |name, state, control| {
            control.should_training_stop |= name == "step_end" && state.global_step == 2;
        },
    );
    assert_eq!(steps, 2);
    assert_eq!(
        stopped[2..],
        [
            "step_end 1",
            "step_end 2",
            "epoch_end 2",
            "evaluate 2",
            "train_end 2"
        ]
    );

    // Asks for more, and for less.
    let (more, steps) = told(
        |_| {},
        |name, state, control| {
            if name == "step_end" {
                control.should_evaluate |= state.global_step == 1;
                control.should_log &= state.global_step != 3;
                control.should_save = state.global_step == 2;
            }
        },
    );
    assert_eq!(steps, 6);
    assert_eq!(
        more[2..],
        [
            "step_end 1",
            "evaluate 1",
            "step_end 2",
            "save 2",
            "step_end 3",
            "step_end 4",
            "step_end 5",
            "step_end 6",
            "epoch_end 6",
            "log 6",
            "evaluate 6",
            "train_end 6",
        ]
    );

    // Stops by what an evaluation found, and saves.
    let (early, steps) = told(
        |args| {
            args.eval_strategy = IntervalStrategy::Steps;
            args.eval_steps = Some(Steps(1.0));
            args.save_strategy = SaveStrategy::No;
        },
        |name, _, control| {
            if name == "evaluate" {
                control.should_training_stop = true;
                control.should_save = true;
            }
        },
    );
    assert_eq!(steps, 1);
    assert_eq!(
        early[2..],
        ["step_end 1", "evaluate 1", "save 1", "train_end 1"]
    );
}

/// As in the Trainer, with two batches a step and two of an evaluation.
#[test]
fn callbacks_are_called_within_steps_and_evaluations() {
    let (told, steps) = told_all(
        |args| {
            args.gradient_accumulation_steps = 2;
            args.per_device_eval_batch_size = 9;
            args.save_strategy = SaveStrategy::No;
            args.logging_strategy = IntervalStrategy::No;
        },
        |name, state, control| {
            // Asked for within a step, and done after it.
            control.should_log |= name == "step_begin" && state.global_step == 0;
            control.should_evaluate |= name == "substep_end" && state.global_step == 1;
            control.should_training_stop |= name == "prediction_step";
        },
    );
    assert_eq!(steps, 2);
    assert_eq!(
        told,
        [
            "train_begin 0",
            "epoch_begin 0",
            "step_begin 0",
            "substep_end 0",
            "step_end 1",
            "log 1",
            "step_begin 1",
            "substep_end 1",
            "step_end 2",
            "prediction_step 2",
            "prediction_step 2",
            "evaluate 2",
            "train_end 2",
        ]
    );
    let count = Told::default();
    let dir = tempfile::tempdir().unwrap();
    let mut trainer = trainer(args(&dir.path().join("out")), &cpu()).callback(Recorder {
        told: Arc::clone(&count),
        ask: |_: &str, _: &TrainerState, _: &mut TrainerControl| {},
    });
    trainer.args.per_device_eval_batch_size = 5;
    pollster::block_on(trainer.predict(&rows(18, 2))).unwrap();
    assert_eq!(*count.lock().unwrap(), vec!["prediction_step 0"; 4]);
}

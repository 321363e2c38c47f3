//! Early stopping in a run: where it ends, what a checkpoint keeps of it, and that a resumed run ends at the
//! same step.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::*;
use tunesmith_protocol::{IntervalStrategy, ResumeFrom, Steps, TrainingArguments};
use tunesmith_train::{TrainError, TrainerState};

/// Twelve steps with an evaluation after every second one, none of which is better by so much.
fn args(out: &std::path::Path) -> TrainingArguments {
    TrainingArguments {
        early_stopping_patience: Some(3),
        early_stopping_threshold: 1e6,
        eval_strategy: IntervalStrategy::Steps,
        eval_steps: Some(Steps(2.0)),
        save_steps: Steps(2.0),
        ..support::args(out)
    }
}

#[test]
fn a_run_ends_when_its_patience_does_and_so_does_a_resumed_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    let mut whole = trainer(args(&first), &cpu());
    let (output, events) = train(&mut whole).unwrap();
    // The first evaluation is the best there is yet; three more follow.
    assert_eq!((output.global_step, output.stopped), (8, false));
    let told = warnings(&events);
    assert!(
        told[0].contains("without load_best_model_at_end"),
        "{told:?}"
    );
    assert!(
        told[1].contains("eval_loss has not improved in 3 evaluations"),
        "{told:?}"
    );
    let state = |step: u64| {
        let file = first.join(format!("checkpoint-{step}/trainer_state.json"));
        TrainerState::load(&file).unwrap()
    };
    for (step, counter) in [(2, 0), (4, 1), (6, 2), (8, 3)] {
        let saved = &state(step).stateful_callbacks["EarlyStoppingCallback"];
        assert_eq!(
            saved["attributes"]["early_stopping_patience_counter"], counter,
            "{step}"
        );
        assert_eq!(saved["args"]["early_stopping_patience"], 3);
    }

    for step in [2, 6] {
        let from = first.join(format!("checkpoint-{step}"));
        let from = ResumeFrom::Checkpoint(from.display().to_string());
        let second = dir.path().join(format!("from-{step}"));
        let mut resumed = trainer(resume_from(&args(&second), from), &cpu());
        let (output, _) = train(&mut resumed).unwrap();
        assert_eq!(output.global_step, 8, "resumed at {step}");
        assert_eq!(weights(&resumed), weights(&whole), "resumed at {step}");
    }

    // There is nothing more to do from the end; with more patience there is.
    let last = ResumeFrom::Checkpoint(first.join("checkpoint-8").display().to_string());
    let again = resume_from(&args(&dir.path().join("again")), last);
    let mut ended = trainer(again.clone(), &cpu());
    let (output, events) = train(&mut ended).unwrap();
    assert_eq!(output.global_step, 8);
    let told = warnings(&events).join("; ");
    assert!(told.contains("raise early_stopping_patience"), "{told}");
    let patient = TrainingArguments {
        early_stopping_patience: Some(4),
        ..again
    };
    let (output, _) = train(&mut trainer(patient, &cpu())).unwrap();
    assert_eq!(output.global_step, 10);
}

#[test]
fn a_metric_that_no_evaluation_gives_is_refused_before_the_first_step() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = TrainingArguments {
        metric_for_best_model: Some("bleu".to_owned()),
        ..args(&dir.path().join("out"))
    };
    let mut trainer = trainer(wrong, &cpu());
    let error = trainer.start(&ResumeFrom::No).map(|_| ()).unwrap_err();
    assert!(matches!(&error, TrainError::BestMetric { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("no eval_bleu") && message.contains("eval_accuracy, eval_f1"),
        "{message}"
    );
}

//! Schedules that follow a metric, in a run: the rate changes at evaluations, and a resumed run goes on
//! bit for bit.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use support::*;
use tunesmith_protocol::{
    IntervalStrategy, MetricMode, ResumeFrom, SchedulerKwargs, SchedulerType, Steps, ThresholdMode,
    TrainingArguments,
};
use tunesmith_train::TrainError;

/// Twelve steps with an evaluation after every second one. No change of the loss counts as one, so that
/// each evaluation but the first lowers the rate.
fn halving(out: &std::path::Path) -> TrainingArguments {
    TrainingArguments {
        lr_scheduler_type: SchedulerType::ReduceLrOnPlateau,
        lr_scheduler_kwargs: SchedulerKwargs {
            factor: Some(0.5),
            patience: Some(0),
            threshold: Some(1e6),
            threshold_mode: Some(ThresholdMode::Abs),
            ..SchedulerKwargs::default()
        },
        eval_strategy: IntervalStrategy::Steps,
        eval_steps: Some(Steps(2.0)),
        ..args(out)
    }
}

#[test]
fn the_rate_falls_at_evaluations_and_a_resumed_run_goes_on_bit_for_bit() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    let mut whole = trainer(halving(&first), &cpu());
    let (_, events) = train(&mut whole).unwrap();
    let wanted = steps(&events);
    let rates: Vec<f64> = wanted
        .iter()
        .map(|(_, bits, ..)| f64::from_bits(bits[2]))
        .collect();
    let falls = [2e-3, 2e-3, 1e-3, 5e-4, 2.5e-4, 1.25e-4];
    let twice: Vec<f64> = falls.into_iter().flat_map(|rate| [rate, rate]).collect();
    assert_eq!(rates, twice);

    for step in [4, 8] {
        let from = first.join(format!("checkpoint-{step}"));
        let from = ResumeFrom::Checkpoint(from.display().to_string());
        let second = dir.path().join(format!("from-{step}"));
        let mut resumed = trainer(resume_from(&halving(&second), from), &cpu());
        let (_, events) = train(&mut resumed).unwrap();
        assert_eq!(steps(&events), wanted[step..], "resumed at {step}");
        assert_eq!(weights(&resumed), weights(&whole), "resumed at {step}");
    }
}

#[test]
fn a_schedule_follows_the_metric_that_is_named() {
    let rates = |metric: &str, mode: MetricMode| {
        let dir = tempfile::tempdir().unwrap();
        let mut args = halving(&dir.path().join("out"));
        args.metric_for_best_model = Some(metric.to_owned());
        args.lr_scheduler_kwargs.mode = Some(mode);
        args.lr_scheduler_kwargs.threshold = Some(0.0);
        let (_, events) = train(&mut trainer(args, &cpu()))?;
        let rates = steps(&events).iter().map(|(_, bits, ..)| bits[2]).collect();
        Ok::<Vec<u64>, TrainError>(rates)
    };
    let by_loss = rates("loss", MetricMode::Min).unwrap();
    assert_ne!(by_loss, rates("loss", MetricMode::Max).unwrap());
    let message = rates("bleu", MetricMode::Max).unwrap_err().to_string();
    assert!(
        message.contains("the evaluation gives no eval_bleu"),
        "{message}"
    );
}

//! Arguments that say when a run evaluates, saves and counts, as transformers has them.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use support::*;
use tunesmith_protocol::{
    CountedTokens, Event, IntervalStrategy, ResumeFrom, SamplingStrategy, SaveStrategy, Steps,
    TokenCount, TrainingArguments,
};
use tunesmith_train::{TrainerState, checkpoints};

/// The steps of evaluations, in their order.
fn evaluated(events: &[Event]) -> Vec<u64> {
    let step = |event: &Event| match event {
        Event::Eval(eval) => Some(eval.step),
        _ => None,
    };
    events.iter().filter_map(step).collect()
}

fn saved(out: &Path) -> Vec<u64> {
    checkpoints(out).into_iter().map(|(step, _)| step).collect()
}

#[test]
fn evaluations_begin_before_the_first_step_or_after_a_delay() {
    let dir = tempfile::tempdir().unwrap();
    let steps_of = |name: &str, change: &dyn Fn(&mut TrainingArguments)| {
        let mut args = TrainingArguments {
            eval_strategy: IntervalStrategy::Steps,
            eval_steps: Some(Steps(3.0)),
            ..args(&dir.path().join(name))
        };
        change(&mut args);
        let mut trainer = trainer(args, &cpu());
        let (_, events) = train(&mut trainer).unwrap();
        (evaluated(&events), trainer.state)
    };
    assert_eq!(steps_of("plain", &|_| {}).0, [3, 6, 9, 12]);
    let (on_start, state) = steps_of("start", &|args| {
        args.eval_on_start = true;
        args.metric_for_best_model = Some("loss".to_owned());
    });
    assert_eq!(on_start, [0, 3, 6, 9, 12]);
    assert_ne!(state.best_global_step, Some(0));
    assert_eq!(steps_of("delay", &|args| args.eval_delay = 7.0).0, [9, 12]);
    let epochs = steps_of("epochs", &|args| {
        args.eval_strategy = IntervalStrategy::Epoch;
        args.eval_delay = 2.0;
    });
    assert_eq!(epochs.0, [12]);
}

#[test]
fn the_best_evaluations_are_saved_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let args = TrainingArguments {
        eval_strategy: IntervalStrategy::Steps,
        eval_steps: Some(Steps(2.0)),
        save_strategy: SaveStrategy::Best,
        load_best_model_at_end: true,
        // Falls at first, and then rises as the steps are far too large.
        learning_rate: 0.05,
        ..args(&out)
    };
    let mut trainer = trainer(args, &cpu());
    let (output, events) = train(&mut trainer).unwrap();
    let mut best = f64::INFINITY;
    let expected = events.iter().filter_map(|event| match event {
        Event::Eval(eval) if eval.loss < best => {
            best = eval.loss;
            Some(eval.step)
        }
        _ => None,
    });
    let expected: Vec<u64> = expected.collect();
    assert!(
        expected.len() < 6,
        "every evaluation was the best: {expected:?}"
    );
    assert_eq!(saved(&out), expected);
    let last = expected.last().unwrap();
    let path = output.best_model_checkpoint.unwrap();
    assert!(path.ends_with(&format!("checkpoint-{last}")), "{path}");
    assert_eq!(trainer.state.best_global_step, Some(*last));
}

#[test]
fn a_model_alone_is_saved_and_not_resumed_from() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let args = TrainingArguments {
        save_only_model: true,
        ..args(&out)
    };
    train(&mut trainer(args.clone(), &cpu())).unwrap();
    assert_eq!(saved(&out), [4, 8, 12]);
    let file = |name: &str| out.join("checkpoint-8").join(name);
    assert!(file("model.safetensors").is_file() && file("trainer_state.json").is_file());
    assert!(!file("optimizer.safetensors").exists());
    let mut resumed = trainer(resume_from(&args, ResumeFrom::Last), &cpu());
    let message = train(&mut resumed).unwrap_err().to_string();
    assert!(
        message.contains("save_only_model leaves it out"),
        "{message}"
    );
}

#[test]
fn tokens_are_counted_with_padding_or_without() {
    let dir = tempfile::tempdir().unwrap();
    let counted = |counted: CountedTokens| {
        let args = TrainingArguments {
            include_num_input_tokens_seen: TokenCount(counted),
            ..args(&dir.path().join(counted.as_str()))
        };
        let out = args.output_dir.clone();
        let mut trainer = trainer(args, &cpu());
        train(&mut trainer).unwrap();
        let saved = Path::new(&out).join("checkpoint-12/trainer_state.json");
        assert_eq!(
            TrainerState::load(&saved).unwrap().num_input_tokens_seen,
            trainer.state.num_input_tokens_seen
        );
        let logged = trainer
            .state
            .log_history
            .iter()
            .any(|entry| entry.contains_key("num_input_tokens_seen"));
        assert_eq!(logged, counted != CountedTokens::No);
        trainer.state.num_input_tokens_seen
    };
    let lengths: u64 = rows(42, 1).lengths().into_iter().map(u64::from).sum();
    // Two epochs, each of every row once.
    assert_eq!(counted(CountedTokens::NonPadding), 2 * lengths);
    assert!(counted(CountedTokens::All) > 2 * lengths);
    assert_eq!(counted(CountedTokens::No), 0);
}

#[test]
fn rows_come_as_they_are_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let args = TrainingArguments {
        train_sampling_strategy: SamplingStrategy::Sequential,
        ..args(&dir.path().join("out"))
    };
    let mut first = trainer(args.clone(), &cpu());
    let plan = first.start(&ResumeFrom::No).unwrap().plan().clone();
    assert_eq!(plan.epoch_order(1), (0..42).collect::<Vec<u32>>());
    train(&mut trainer(args.clone(), &cpu())).unwrap();
    let random = TrainingArguments {
        train_sampling_strategy: SamplingStrategy::Random,
        ..args
    };
    let mut other = trainer(resume_from(&random, ResumeFrom::Last), &cpu());
    let message = train(&mut other).unwrap_err().to_string();
    assert!(
        message.contains("train_sampling_strategy sequential was 1 and is 0"),
        "{message}"
    );
    let by_length = |change: &dyn Fn(&mut TrainingArguments)| {
        let mut args = support::args(&dir.path().join("others"));
        change(&mut args);
        let mut trainer = trainer(args, &cpu());
        trainer.start(&ResumeFrom::No).unwrap().plan().digest()
    };
    assert_eq!(
        by_length(&|args| args.group_by_length = true),
        by_length(&|args| args.train_sampling_strategy = SamplingStrategy::GroupByLength)
    );
}

//! The loop on a tiny random model: it learns, it accumulates, it keeps the best, it writes what the
//! Trainer writes.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../model/tests/support/mod.rs"]
mod golden;
mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use support::*;
use tunesmith_model::TensorFile;
use tunesmith_protocol::{Event, SaveStrategy, Steps, TrainingArguments};
use tunesmith_train::{Trainer, TrainerState, checkpoints};

/// transformers multiplies in another order: the last bit.
const LEARNING_RATE: f64 = 1e-18;

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

fn saved_steps(dir: &Path) -> Vec<u64> {
    checkpoints(dir).into_iter().map(|(step, _)| step).collect()
}

#[test]
fn the_loss_goes_down_and_the_evaluation_sees_it() {
    let dir = tempfile::tempdir().unwrap();
    let args = TrainingArguments {
        num_train_epochs: 8.0,
        ..args(&dir.path().join("out"))
    };
    let mut trainer = trainer(args, &cpu());
    let before = pollster::block_on(trainer.evaluate(&rows(18, 2))).unwrap();
    let (output, events) = train(&mut trainer).unwrap();
    let losses = losses(&events);
    assert_eq!(losses.len(), 48);
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[42..]) < 0.7 * mean(&losses[..6]), "{losses:?}");
    assert!((output.training_loss - mean(&losses)).abs() < 1e-12);
    let after = pollster::block_on(trainer.evaluate(&rows(18, 2))).unwrap();
    assert!(after.loss < before.loss, "{before:?} {after:?}");
    assert_eq!(output.last_evaluation.unwrap().evaluation.loss, after.loss);

    let predictions = pollster::block_on(trainer.predict(&rows(18, 2))).unwrap();
    assert_eq!((predictions.logits.len(), predictions.num_labels), (36, 2));
    let wanted = predictions.label_ids.clone().unwrap();
    let classes = predictions.predicted_classes();
    let right = classes
        .iter()
        .zip(&wanted)
        .filter(|(got, want)| **got as f64 == **want)
        .count();
    assert_eq!(after.metrics.get("accuracy"), Some(right as f64 / 18.0));
}

#[test]
fn accumulating_two_batches_of_four_equals_one_of_eight() {
    let run = |batch: usize, accumulation: usize| {
        let dir = tempfile::tempdir().unwrap();
        let args = TrainingArguments {
            per_device_train_batch_size: batch,
            gradient_accumulation_steps: accumulation,
            ..args(&dir.path().join("out"))
        };
        // 44 rows: the last step of an epoch has four, in one batch either way.
        train(&mut trainer_with(args, &cpu(), 0.0, rows(44, 1)))
            .unwrap()
            .1
    };
    let (two, one) = (losses(&run(4, 2)), losses(&run(8, 1)));
    assert_eq!(two.len(), one.len());
    for (step, (two, one)) in two.iter().zip(&one).enumerate() {
        assert!((two - one).abs() < 1e-6, "step {step}: {two} and {one}");
    }
}

#[test]
fn the_learning_rate_and_the_logs_are_the_trainers() {
    let dir = tempfile::tempdir().unwrap();
    let args = TrainingArguments {
        logging_first_step: true,
        ..args(&dir.path().join("out"))
    };
    let mut trainer = trainer(args, &cpu());
    let (_, events) = train(&mut trainer).unwrap();
    let losses = losses(&events);
    let goldens = golden::golden("schedules.json");
    let mut schedules = goldens["schedules"].as_array().unwrap().iter();
    let linear = schedules.find(|it| it["learning_rate"] == 2e-3 && it["total_steps"] == 12);
    let rates = golden::floats(&linear.unwrap()["rates"]);
    let mut steps = 0;
    for event in &events {
        if let Event::Step(step) = event {
            let off = (step.learning_rate - rates[step.step as usize - 1]).abs();
            assert!(off < LEARNING_RATE, "{step:?}: {off}");
            steps += 1;
        }
    }
    assert_eq!(steps, 12);
    let logs: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Log(log) => Some(log),
            _ => None,
        })
        .collect();
    assert_eq!(
        logs.iter().map(|log| log.step).collect::<Vec<_>>(),
        [1, 5, 10]
    );
    assert_eq!(logs[0].loss, losses[0]);
    let mean = losses[1..5].iter().sum::<f64>() / 4.0;
    assert!((logs[1].loss - mean).abs() < 1e-12);
    // 11 batches an epoch; step 5 ends with the tenth.
    assert_eq!(logs[1].epoch, 10.0 / 11.0);
    let last = trainer.state.log_history.last().unwrap();
    assert_eq!(last["epoch"], 2.0);
}

#[test]
fn writes_what_the_trainer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().join("base");
    std::fs::create_dir(&base).unwrap();
    std::fs::write(base.join("tokenizer.json"), tokenizer_json()).unwrap();
    std::fs::write(base.join("vocab.txt"), "w0\n").unwrap();
    let out = dir.path().join("out");
    let mut trainer = trainer(args(&out), &cpu()).tokenizer_files(&base);
    let (output, _) = train(&mut trainer).unwrap();
    pollster::block_on(trainer.save_model(&out)).unwrap();
    trainer.save_state().unwrap();
    let mut metrics = output.metrics();
    metrics.insert("train_samples", 42.0);
    trainer.save_metrics("train", &metrics).unwrap();
    trainer
        .save_metrics(
            "eval",
            &output.last_evaluation.unwrap().evaluation.prefixed("eval"),
        )
        .unwrap();

    let names: BTreeSet<String> = std::fs::read_dir(&out)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let wanted = [
        "README.md",
        "all_results.json",
        "checkpoint-12",
        "checkpoint-4",
        "checkpoint-8",
        "config.json",
        "eval_results.json",
        "model.safetensors",
        "tokenizer.json",
        "train_results.json",
        "trainer_state.json",
        "training_args.json",
        "vocab.txt",
    ];
    assert_eq!(names, wanted.map(str::to_owned).into());

    let state = json(&out.join("trainer_state.json"));
    let wanted = [
        "best_global_step",
        "best_metric",
        "best_model_checkpoint",
        "epoch",
        "eval_steps",
        "global_step",
        "is_local_process_zero",
        "is_world_process_zero",
        "log_history",
        "logging_steps",
        "max_steps",
        "num_input_tokens_seen",
        "num_train_epochs",
        "save_steps",
        "total_flos",
        "train_batch_size",
    ];
    assert_eq!(keys(&state), wanted.into());
    let history = state["log_history"].as_array().unwrap();
    let shapes: Vec<BTreeSet<&str>> = history.iter().map(keys).collect();
    let log: BTreeSet<&str> = ["epoch", "grad_norm", "learning_rate", "loss", "step"].into();
    let eval: BTreeSet<&str> = [
        "epoch",
        "eval_accuracy",
        "eval_f1",
        "eval_loss",
        "eval_runtime",
        "eval_samples_per_second",
        "eval_steps_per_second",
        "step",
    ]
    .into();
    let last: BTreeSet<&str> = [
        "epoch",
        "step",
        "total_flos",
        "train_loss",
        "train_runtime",
        "train_samples_per_second",
        "train_steps_per_second",
    ]
    .into();
    assert_eq!(shapes, [log.clone(), eval.clone(), log, eval, last]);
    assert_eq!(
        TrainerState::load(&out.join("trainer_state.json")).unwrap(),
        trainer.state
    );

    let all = json(&out.join("all_results.json"));
    assert_eq!(
        all["train_samples"],
        serde_json::json!(42),
        "a count has no fraction"
    );
    assert!(all["eval_accuracy"].is_f64() && all["train_loss"].is_f64());
    let config = json(&out.join("config.json"));
    assert_eq!(config["architectures"][0], "BertForSequenceClassification");
    assert_eq!(config["id2label"]["1"], "yes");
    let card = std::fs::read_to_string(out.join("README.md")).unwrap();
    for line in [
        "base_model: \"tiny\"",
        "model-index:",
        "type: accuracy",
        "- learning_rate: 0.002",
    ] {
        assert!(card.contains(line), "{line} is missing in\n{card}");
    }
    let checkpoint = out.join("checkpoint-12");
    for name in [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "optimizer.safetensors",
    ] {
        assert!(checkpoint.join(name).is_file(), "{name}");
    }
    assert_eq!(
        std::fs::read(checkpoint.join("model.safetensors")).unwrap(),
        std::fs::read(out.join("model.safetensors")).unwrap()
    );
}

#[test]
fn keeps_no_more_checkpoints_than_asked_for_and_nothing_else_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    std::fs::create_dir_all(out.join("checkpoint-1")).unwrap();
    std::fs::write(out.join("notes.txt"), "mine").unwrap();
    let args = TrainingArguments {
        save_steps: Steps(2.0),
        save_total_limit: Some(2),
        overwrite_output_dir: true,
        ..args(&out)
    };
    let (_, events) = train(&mut trainer(args, &cpu())).unwrap();
    assert_eq!(
        saved_steps(&out),
        [1, 10, 12],
        "the folder that was there stays"
    );
    assert_eq!(
        std::fs::read_to_string(out.join("notes.txt")).unwrap(),
        "mine"
    );
    assert!(
        warnings(&events)[0].contains("checkpoint-1 lies in output_dir"),
        "{events:?}"
    );
}

/// "Best" is the highest loss here, so that it is the first evaluation and not the last.
fn worst_is_best(out: &Path, limit: Option<usize>) -> (Trainer, tunesmith_train::TrainOutput) {
    let args = TrainingArguments {
        num_train_epochs: 3.0,
        save_strategy: SaveStrategy::Epoch,
        save_total_limit: limit,
        load_best_model_at_end: true,
        metric_for_best_model: Some("loss".to_owned()),
        greater_is_better: Some(true),
        ..args(out)
    };
    let mut trainer = trainer(args, &cpu());
    let (output, _) = train(&mut trainer).unwrap();
    (trainer, output)
}

#[test]
fn the_best_model_is_loaded_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (trainer, output) = worst_is_best(&out, None);
    assert_eq!(saved_steps(&out), [6, 12, 18]);
    let evals: Vec<f64> = trainer
        .state
        .log_history
        .iter()
        .filter_map(|entry| entry.get("eval_loss").and_then(Value::as_f64))
        .collect();
    let best = evals.iter().copied().fold(f64::MIN, f64::max);
    assert!(
        evals[2] < best,
        "the last evaluation is not the one looked for: {evals:?}"
    );
    let step = 6 * (1 + evals.iter().position(|loss| *loss == best).unwrap() as u64);
    assert_eq!(output.best_metric, Some(best));
    assert_eq!(trainer.state.best_global_step, Some(step));
    let folder = out.join(format!("checkpoint-{step}"));
    assert_eq!(
        output.best_model_checkpoint,
        Some(folder.display().to_string())
    );
    let stored = TensorFile::open_file(&folder.join("model.safetensors")).unwrap();
    for (name, values) in weights(&trainer) {
        assert_eq!(
            stored.read(&name).unwrap(),
            values,
            "{name} is not the best checkpoint's"
        );
    }
    assert_eq!(
        output.last_evaluation, None,
        "the last evaluation was of other weights"
    );
}

#[test]
fn the_best_checkpoint_survives_a_limit_of_one() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let (trainer, _) = worst_is_best(&out, Some(1));
    assert_eq!(saved_steps(&out), [trainer.state.best_global_step.unwrap()]);
}

#[test]
fn max_steps_and_fractions_end_within_an_epoch() {
    for (max_steps, epochs, wanted) in [(5, 9.0, 5), (-1, 1.5, 9), (-1, 0.1, 1)] {
        let dir = tempfile::tempdir().unwrap();
        let args = TrainingArguments {
            max_steps,
            num_train_epochs: epochs,
            ..args(&dir.path().join("out"))
        };
        let (output, events) = train(&mut trainer(args, &cpu())).unwrap();
        assert_eq!(output.global_step, wanted);
        let evals = events
            .iter()
            .filter(|event| matches!(event, Event::Eval(_)))
            .count();
        // An epoch that is cut short is evaluated at its end too.
        assert_eq!(evals as u64, wanted.div_ceil(6));
    }
}

#[test]
fn group_by_length_saves_padding() {
    let padded = |group_by_length: bool| {
        let dir = tempfile::tempdir().unwrap();
        let args = TrainingArguments {
            group_by_length,
            gradient_accumulation_steps: 1,
            ..args(&dir.path().join("out"))
        };
        let (_, events) = train(&mut trainer(args, &cpu())).unwrap();
        let area = |event: &Event| match event {
            Event::Step(step) => step.batch_rows * step.batch_length,
            _ => 0,
        };
        events.iter().map(area).sum::<u64>()
    };
    let (grouped, random) = (padded(true), padded(false));
    assert!(
        grouped < random,
        "{grouped} tokens grouped, {random} at random"
    );
}

//! A run that is stopped and gone on with is the run that was never stopped, bit for bit; and what
//! is said where it can't be.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::*;
use tunesmith_kernels::{ComputeDevice, DeviceChoice};
use tunesmith_protocol::{
    Command, Event, IntervalStrategy, ResumeFrom, SaveStrategy, Steps, TrainingArguments,
};
use tunesmith_train::{LogEntry, TrainError, Trainer, checkpoints};

fn at(path: &Path) -> ResumeFrom {
    ResumeFrom::Checkpoint(path.display().to_string())
}

/// What was logged, but for the times.
fn history(trainer: &Trainer) -> Vec<LogEntry> {
    let mut history = trainer.state.log_history.clone();
    for entry in &mut history {
        entry.retain(|key, _| !key.contains("runtime") && !key.contains("per_second"));
    }
    history
}

/// Trains until `stop` says of an event that it is enough.
fn train_until(
    trainer: &mut Trainer,
    stop: impl Fn(&Event) -> bool,
    command: Command,
) -> Vec<Event> {
    let mut events = Vec::new();
    pollster::block_on(async {
        let mut run = trainer.start(&ResumeFrom::No).unwrap();
        while let Some(event) = run.next().await.unwrap() {
            if stop(&event) {
                run.command(command);
            }
            events.push(event);
        }
        assert!(run.output().unwrap().stopped);
    });
    events
}

fn goes_on_bit_for_bit(device: &ComputeDevice) {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    let mut whole = trainer(args(&first), device);
    let (output, events) = train(&mut whole).unwrap();
    let wanted = steps(&events);
    assert_eq!(wanted.len(), 12);

    // In the middle of the first epoch, and of the second.
    for step in [4, 8] {
        let from = at(&first.join(format!("checkpoint-{step}")));
        let second = dir.path().join(format!("from-{step}"));
        let mut resumed = trainer(resume_from(&args(&second), from), device);
        let (resumed_output, events) = train(&mut resumed).unwrap();
        assert_eq!(steps(&events), wanted[step..], "resumed at {step}");
        assert_eq!(weights(&resumed), weights(&whole), "resumed at {step}");
        assert_eq!(history(&resumed), history(&whole), "resumed at {step}");
        assert_eq!(resumed_output.training_loss, output.training_loss);
        assert_eq!(resumed_output.total_flos, output.total_flos);
        assert!(matches!(
            &events[0],
            Event::RunStarted(started) if started.resumed_from_step == Some(step as u64)
        ));
    }
}

#[test]
fn goes_on_bit_for_bit_on_the_cpu() {
    goes_on_bit_for_bit(&cpu());
}

#[test]
fn goes_on_bit_for_bit_on_a_software_renderer() {
    goes_on_bit_for_bit(&device(DeviceChoice::SoftwareGpu));
}

#[test]
fn dropout_is_on_in_these_runs() {
    let losses_with = |dropout: f32| {
        let dir = tempfile::tempdir().unwrap();
        let args = args(&dir.path().join("out"));
        losses(
            &train(&mut trainer_with(args, &cpu(), dropout, rows(42, 1)))
                .unwrap()
                .1,
        )
    };
    assert_ne!(losses_with(0.1)[0], losses_with(0.0)[0]);
    assert_eq!(losses_with(0.1), losses_with(0.1));
}

#[test]
fn stop_and_save_ends_with_a_checkpoint_to_go_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = trainer(args(&dir.path().join("whole")), &cpu());
    let wanted = steps(&train(&mut whole).unwrap().1);

    let out = dir.path().join("out");
    let mut stopped = trainer(args(&out), &cpu());
    let events = train_until(
        &mut stopped,
        |event| matches!(event, Event::Step(step) if step.step == 5),
        Command::StopAndSave,
    );
    assert_eq!(steps(&events), wanted[..5]);
    let [
        ..,
        Event::Checkpoint { step: 5, path },
        Event::Warning { message },
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert!(message.contains("stopped after step 5 of 12"), "{message}");
    assert!(
        message.contains(&format!("--resume_from_checkpoint {path}")),
        "{message}"
    );

    let mut resumed = trainer(resume_from(&args(&out), ResumeFrom::Last), &cpu());
    assert_eq!(steps(&train(&mut resumed).unwrap().1), wanted[5..]);
    assert_eq!(history(&resumed), history(&whole));
}

#[test]
fn an_evaluation_that_was_cut_short_is_made_up_for() {
    let dir = tempfile::tempdir().unwrap();
    let mut whole = trainer(args(&dir.path().join("whole")), &cpu());
    train(&mut whole).unwrap();

    let out = dir.path().join("out");
    let mut stopped = trainer(args(&out), &cpu());
    let events = train_until(
        &mut stopped,
        |event| matches!(event, Event::Progress { .. }),
        Command::StopAndSave,
    );
    assert_eq!(steps(&events).len(), 6);
    assert!(!events.iter().any(|event| matches!(event, Event::Eval(_))));
    let mut resumed = trainer(resume_from(&args(&out), ResumeFrom::Last), &cpu());
    train(&mut resumed).unwrap();
    assert_eq!(history(&resumed), history(&whole));
}

#[test]
fn stop_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut stopped = trainer(args(&out), &cpu());
    let at_step = |event: &Event| matches!(event, Event::Step(step) if step.step == 2);
    train_until(&mut stopped, at_step, Command::Stop);
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
}

/// A finished run with checkpoints 4, 8 and 12.
fn finished(dir: &Path) -> (PathBuf, TrainingArguments) {
    let out = dir.join("out");
    let args = args(&out);
    train(&mut trainer(args.clone(), &cpu())).unwrap();
    (out, args)
}

fn resume_error(args: &TrainingArguments, resume: ResumeFrom) -> String {
    train(&mut trainer(resume_from(args, resume), &cpu()))
        .unwrap_err()
        .to_string()
}

fn says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "'{part}' is not in: {message}");
    }
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_it_suggested() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    let cut = |path: &Path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    let (last, before) = (out.join("checkpoint-12"), out.join("checkpoint-8"));
    cut(&last.join("model.safetensors"));
    let suggestion = format!("--resume_from_checkpoint {}", before.display());
    let message = resume_error(&args, ResumeFrom::Last);
    says(
        &message,
        &[
            "checkpoint-12 can't be resumed from",
            "model.safetensors",
            &suggestion,
        ],
    );

    std::fs::remove_file(before.join("optimizer.safetensors")).unwrap();
    cut(&out.join("checkpoint-4/trainer_state.json"));
    let message = resume_error(&args, at(&before));
    says(
        &message,
        &[
            "checkpoint-8",
            "it has no optimizer.safetensors",
            "no other whole checkpoint",
        ],
    );
    let message = resume_error(&args, at(&out.join("checkpoint-4")));
    says(
        &message,
        &[
            "checkpoint-4",
            "trainer_state.json is not what was written there",
        ],
    );
    let message = resume_error(&args, at(&out.join("checkpoint-5")));
    says(&message, &["checkpoint-5", "there is no such folder"]);
}

#[test]
fn other_batches_are_refused_and_other_rates_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (_, args) = finished(dir.path());
    let batch = TrainingArguments {
        per_device_train_batch_size: 2,
        seed: 1,
        ..args.clone()
    };
    says(
        &resume_error(&batch, ResumeFrom::Last),
        &[
            "checkpoint-12",
            "per_device_train_batch_size was 4 and is 2 now",
            "the seed",
        ],
    );
    let resume = resume_from(&args, ResumeFrom::Last);
    let mut other = trainer_with(resume, &cpu(), 0.1, rows(42, 9));
    says(
        &train(&mut other).unwrap_err().to_string(),
        &["the tokenized training rows are not the same"],
    );

    let longer = TrainingArguments {
        num_train_epochs: 3.0,
        ..args.clone()
    };
    let longer = resume_from(
        &longer,
        at(&Path::new(&args.output_dir).join("checkpoint-8")),
    );
    let mut longer = trainer(longer, &cpu());
    let (output, events) = train(&mut longer).unwrap();
    assert_eq!(output.global_step, 18);
    says(
        warnings(&events)[0],
        &["num_train_epochs was 2.0", "is 3.0 now"],
    );
}

#[test]
fn an_output_folder_in_use_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    let message = resume_error(&args, ResumeFrom::No);
    says(
        &message,
        &[
            "is not empty",
            "checkpoint of step 12",
            "--resume_from_checkpoint true",
        ],
    );
    for (_, path) in checkpoints(&out) {
        std::fs::remove_dir_all(path).unwrap();
    }
    std::fs::write(out.join("thesis.tex"), "mine").unwrap();
    let message = resume_error(&args, ResumeFrom::No);
    says(&message, &["it has thesis.tex", "--overwrite_output_dir"]);
    says(
        &resume_error(&args, ResumeFrom::Last),
        &["no checkpoint in"],
    );
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let wild = TrainingArguments {
        learning_rate: 1e30,
        ..args(&out)
    };
    let error = train(&mut trainer(wild, &cpu())).unwrap_err();
    let TrainError::NotFinite { step: 2, .. } = &error else {
        panic!("{error:?}")
    };
    says(
        &error.to_string(),
        &[
            "step 2: the loss is",
            "Lower learning_rate (it was",
            "start anew",
        ],
    );
    assert!(checkpoints(&out).is_empty());
}

/// The loss and the gradient of a step are those of the weights before it.
#[test]
fn weights_that_are_not_numbers_are_never_saved() {
    for device in [cpu(), device(DeviceChoice::SoftwareGpu)] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("out");
        let short = TrainingArguments {
            max_steps: 2,
            save_steps: Steps(2.0),
            ..args(&out)
        };
        train(&mut trainer(short.clone(), &device)).unwrap();
        let last = out.join("checkpoint-2");
        let kept = format!("--resume_from_checkpoint {}", last.display());
        for learning_rate in [1e30, 1e39] {
            let wild = TrainingArguments {
                max_steps: 3,
                save_steps: Steps(1.0),
                learning_rate,
                ..resume_from(&short, ResumeFrom::Last)
            };
            let mut wild = trainer(wild, &device);
            let error = train(&mut wild).unwrap_err();
            let TrainError::NotFinite { step: 3, .. } = &error else {
                panic!("{error:?}")
            };
            says(
                &error.to_string(),
                &[
                    "step 3: the norm of the weights is",
                    "Lower learning_rate (it was",
                    &kept,
                ],
            );
            assert_eq!(checkpoints(&out), [(2, last.clone())]);
        }
        // Not where a person stops the run either.
        let wild = TrainingArguments {
            learning_rate: 1e30,
            ..args(&dir.path().join("stopped"))
        };
        let mut wild = trainer(wild, &device).live(std::time::Duration::ZERO);
        let error = pollster::block_on(async {
            let mut run = wild.start(&ResumeFrom::No).unwrap();
            loop {
                match run.next().await {
                    Ok(Some(Event::Step(_))) => run.command(Command::StopAndSave),
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the run ended well"),
                    Err(error) => break error,
                }
            }
        });
        assert!(
            matches!(error, TrainError::NotFinite { step: 1, .. }),
            "{error:?}"
        );
        assert!(checkpoints(&dir.path().join("stopped")).is_empty());
    }
}

/// Of an earlier version, which saved them.
#[test]
fn a_checkpoint_of_such_weights_is_no_place_to_go_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    for step in [12, 8] {
        let path = out.join(format!("checkpoint-{step}/model.safetensors"));
        let mut bytes = std::fs::read(&path).unwrap();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        std::fs::write(&path, bytes).unwrap();
    }
    let message = resume_error(&args, ResumeFrom::Last);
    let good = format!(
        "--resume_from_checkpoint {}",
        out.join("checkpoint-4").display()
    );
    says(
        &message,
        &[
            "checkpoint-12 can't be resumed from",
            "the tensor '",
            "holds NaN",
            &good,
        ],
    );
}

#[test]
fn a_run_that_goes_on_in_another_folder_leaves_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    let other = dir.path().join("other");
    let short = TrainingArguments {
        max_steps: 2,
        save_steps: Steps(1.0),
        output_dir: other.display().to_string(),
        ..args.clone()
    };
    train(&mut trainer(short, &cpu())).unwrap();
    let into_other = TrainingArguments {
        output_dir: other.display().to_string(),
        save_total_limit: Some(1),
        ..args.clone()
    };
    let from = at(&out.join("checkpoint-4"));
    let message = resume_error(&into_other, from.clone());
    let own = format!("--output_dir {}", out.display());
    says(
        &message,
        &[
            "other exists and is not empty",
            "checkpoint of step 2",
            &own,
            "--overwrite_output_dir",
        ],
    );
    assert_eq!(saved_steps(&other), [1, 2]);
    // Asked for, it writes there, and deletes its own checkpoints alone.
    let asked = TrainingArguments {
        overwrite_output_dir: true,
        ..into_other
    };
    let (_, events) = train(&mut trainer(resume_from(&asked, from.clone()), &cpu())).unwrap();
    assert_eq!(saved_steps(&other), [1, 2, 12]);
    says(warnings(&events)[0], &["from an earlier run and is kept"]);
    assert_eq!(saved_steps(&out), [4, 8, 12]);

    // Its own folder under other names.
    #[cfg(unix)]
    {
        let linked = dir.path().join("linked");
        std::os::unix::fs::symlink(&out, &linked).unwrap();
        for (folder, from) in [
            (linked.clone(), out.join("checkpoint-12")),
            (out.join("../out/"), linked.join("checkpoint-12/")),
        ] {
            let spelt = TrainingArguments {
                output_dir: folder.display().to_string(),
                ..args.clone()
            };
            let mut again = trainer(resume_from(&spelt, at(&from)), &cpu());
            assert_eq!(train(&mut again).unwrap().0.global_step, 12);
        }
    }
}

fn saved_steps(dir: &Path) -> Vec<u64> {
    checkpoints(dir).into_iter().map(|(step, _)| step).collect()
}

#[test]
fn a_checkpoint_removed_by_hand_does_not_end_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let limited = TrainingArguments {
        save_steps: Steps(2.0),
        save_total_limit: Some(2),
        ..args(&out)
    };
    let mut trainer = trainer(limited, &cpu());
    pollster::block_on(async {
        let mut run = trainer.start(&ResumeFrom::No).unwrap();
        while let Some(event) = run.next().await.unwrap() {
            if matches!(event, Event::Checkpoint { step: 4, .. }) {
                std::fs::remove_dir_all(out.join("checkpoint-2")).unwrap();
            }
        }
    });
    assert_eq!(saved_steps(&out), [10, 12]);
}

#[test]
fn the_best_checkpoint_removed_by_hand_costs_no_more_than_itself() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let best = TrainingArguments {
        eval_strategy: IntervalStrategy::Epoch,
        save_strategy: SaveStrategy::Epoch,
        load_best_model_at_end: true,
        save_total_limit: Some(1),
        // The highest loss, which is the first one's.
        metric_for_best_model: Some("loss".to_owned()),
        greater_is_better: Some(true),
        // Slow enough for no loss to rise again.
        learning_rate: 1e-4,
        ..args(&out)
    };
    let mut trainer = trainer(best, &cpu());
    let mut events = Vec::new();
    pollster::block_on(async {
        let mut run = trainer.start(&ResumeFrom::No).unwrap();
        while let Some(event) = run.next().await.unwrap() {
            if matches!(event, Event::Checkpoint { step: 12, .. }) {
                std::fs::remove_dir_all(out.join("checkpoint-6")).unwrap();
            }
            events.push(event);
        }
        assert!(run.output().unwrap().last_evaluation.is_some());
    });
    says(
        warnings(&events)[0],
        &["checkpoint-6 can't be loaded", "that of the last step"],
    );
    assert_eq!(saved_steps(&out), [12]);
}

#[test]
fn a_limit_that_a_kill_left_exceeded_holds_from_the_next_start_on() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    let limited = TrainingArguments {
        save_total_limit: Some(2),
        ..args
    };
    train(&mut trainer(
        resume_from(&limited, ResumeFrom::Last),
        &cpu(),
    ))
    .unwrap();
    assert_eq!(saved_steps(&out), [8, 12]);
}

/// Killed between the two renames of a checkpoint that replaced an earlier one of its step.
#[test]
fn a_checkpoint_that_was_being_replaced_is_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    for step in [4, 8] {
        std::fs::remove_dir_all(out.join(format!("checkpoint-{step}"))).unwrap();
    }
    let aside = out.join(".tmp-checkpoint-12-1.former");
    std::fs::rename(out.join("checkpoint-12"), &aside).unwrap();
    std::fs::create_dir(out.join(".tmp-checkpoint-12-1")).unwrap();
    let mut resumed = trainer(resume_from(&args, ResumeFrom::Last), &cpu());
    let (_, events) = train(&mut resumed).unwrap();
    assert!(matches!(
        &events[0],
        Event::RunStarted(started) if started.resumed_from_step == Some(12)
    ));
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 1);
}

#[test]
fn two_runs_do_not_share_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    let mut first = trainer(resume_from(&args, ResumeFrom::Last), &cpu());
    let run = first.start(&ResumeFrom::Last).unwrap();
    let process = format!("process {}", std::process::id());
    says(
        &resume_error(&args, ResumeFrom::Last),
        &[
            "out is in use by another run",
            &process,
            "another output_dir",
        ],
    );
    drop(run);
    train(&mut trainer(resume_from(&args, ResumeFrom::Last), &cpu())).unwrap();
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3);
}

#[test]
fn results_that_cannot_be_read_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let (out, args) = finished(dir.path());
    let trainer = trainer(args, &cpu());
    let metrics = [("eval_accuracy", 0.5)].into_iter().collect();
    assert_eq!(trainer.save_metrics("eval", &metrics).unwrap(), None);
    let all = out.join("all_results.json");
    let whole = std::fs::read_to_string(&all).unwrap();
    for damaged in [&whole[..whole.len() / 2], "", "[]"] {
        std::fs::write(&all, damaged).unwrap();
        let warning = trainer.save_metrics("eval", &metrics).unwrap().unwrap();
        says(
            &warning,
            &[
                "all_results.json is not what",
                "renamed to",
                "all_results.json.damaged",
            ],
        );
        assert_eq!(std::fs::read_to_string(&all).unwrap(), whole);
    }
    assert!(out.join("all_results.json.damaged-3").exists());
}

#[test]
fn what_a_gpu_did_before_it_went_wrong_is_told_first_and_then_the_run_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let wild = TrainingArguments {
        learning_rate: 1e30,
        save_strategy: SaveStrategy::No,
        ..args(&dir.path().join("out"))
    };
    let mut trainer = trainer(wild, &device(DeviceChoice::SoftwareGpu));
    pollster::block_on(async {
        let mut run = trainer.start(&ResumeFrom::No).unwrap();
        let mut told = Vec::new();
        let error = loop {
            match run.next().await {
                Ok(Some(Event::Step(step))) => told.push(step.step),
                Ok(Some(_)) => {}
                Ok(None) => panic!("the run went on to its end"),
                Err(error) => break error,
            }
        };
        // All five steps up to the first log entry were given to the device.
        assert_eq!(told, [1]);
        assert!(
            matches!(error, TrainError::NotFinite { step: 2, .. }),
            "{error:?}"
        );
        assert!(run.next().await.unwrap().is_none());
    });
}

/// `/dev/full` is Linux's disk that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut trainer = trainer(args(&out), &cpu());
    let error = pollster::block_on(async {
        let mut run = trainer.start(&ResumeFrom::No).unwrap();
        loop {
            match run.next().await {
                Ok(Some(Event::Checkpoint { step: 4, .. })) => {
                    let scratch = out.join(format!(".tmp-checkpoint-8-{}", std::process::id()));
                    std::fs::create_dir(&scratch).unwrap();
                    let target = scratch.join("optimizer.safetensors");
                    std::os::unix::fs::symlink("/dev/full", target).unwrap();
                }
                Ok(Some(_)) => {}
                Ok(None) => panic!("the run ended"),
                Err(error) => return error,
            }
        }
    });
    let kept = format!(
        "--resume_from_checkpoint {}",
        out.join("checkpoint-4").display()
    );
    let place = format!("the disk that holds {} is full", out.display());
    says(
        &error.to_string(),
        &[&place, "the checkpoint of step 8 needs about", "MB", &kept],
    );
    let left: Vec<_> = std::fs::read_dir(&out)
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["checkpoint-4"]);
    let mut resumed = support::trainer(resume_from(&args(&out), ResumeFrom::Last), &cpu());
    assert_eq!(train(&mut resumed).unwrap().0.global_step, 12);
}

#[test]
fn the_name_of_an_unknown_metric_is_told_with_those_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let wrong = TrainingArguments {
        metric_for_best_model: Some("recall".to_owned()),
        ..args(&dir.path().join("out"))
    };
    let message = train(&mut trainer(wrong, &cpu())).unwrap_err().to_string();
    says(&message, &["no eval_recall", "eval_accuracy", "eval_loss"]);
}

#[test]
fn a_checkpoint_says_what_the_run_was() {
    let dir = tempfile::tempdir().unwrap();
    let (out, _) = finished(dir.path());
    let text = std::fs::read_to_string(out.join("checkpoint-8/trainer_state.json")).unwrap();
    let state: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(state["global_step"], 8);
    assert_eq!(state["max_steps"], 12);
    assert_eq!(state["save_steps"], 4);
    assert!(
        text.starts_with("{\n  \"best_global_step\": null,"),
        "{text}"
    );
}

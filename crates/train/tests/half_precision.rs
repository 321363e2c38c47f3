//! Training with halves: nearly the same numbers, a loss scale that follows the gradients, and the same run again from a
//! checkpoint.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::*;
use tunesmith_kernels::{ComputeDevice, DeviceChoice};
use tunesmith_protocol::{Event, ResumeFrom, TrainingArguments};
use tunesmith_train::{Replicas, Trainer};

/// Numbers rounded to 11 bits on their way through two layers, over twelve steps.
const TOLERANCE: f64 = 1e-2;

/// A loss scale with which gradients overflow, until it has been halved a few times.
const LARGE: f64 = (1 << 22) as f64;

fn halves(out: &Path) -> TrainingArguments {
    TrainingArguments {
        fp16: true,
        ..args(out)
    }
}

fn assert_near(label: &str, got: &[f64], wanted: &[f64]) {
    assert_eq!(got.len(), wanted.len(), "{label}");
    for (place, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        assert!(
            (got - wanted).abs() <= TOLERANCE,
            "{label}, {place}: {got}, {wanted}"
        );
    }
}

fn evaluations(events: &[Event]) -> Vec<f64> {
    let found = |event: &Event| match event {
        Event::Eval(eval) => Some(eval.loss),
        _ => None,
    };
    events.iter().filter_map(found).collect()
}

#[test]
fn losses_are_nearly_those_of_f32() {
    let dir = tempfile::tempdir().unwrap();
    for choice in [DeviceChoice::Cpu, DeviceChoice::SoftwareGpu] {
        let device = device(choice);
        let run = |change: &dyn Fn(&mut TrainingArguments)| {
            let out = tempfile::tempdir_in(dir.path()).unwrap();
            let mut args = args(&out.path().join("out"));
            change(&mut args);
            let (_, events) = train(&mut trainer(args, &device)).unwrap();
            assert_eq!(warnings(&events), [""; 0]);
            (steps(&events), losses(&events), evaluations(&events))
        };
        let single = run(&|_| {});
        let half = run(&|args| args.fp16 = true);
        assert_near("losses", &half.1, &single.1);
        assert_near("evaluations", &half.2, &single.2);
        assert!(half.1 != single.1 && half.2 != single.2, "{choice:?}");

        // Evaluations alone.
        let eval = run(&|args| args.fp16_full_eval = true);
        assert_eq!(eval.0, single.0);
        assert_near("evaluations alone", &eval.2, &single.2);
        assert_ne!(eval.2, single.2);

        let again = run(&|args| {
            args.fp16 = true;
            args.gradient_checkpointing = true;
        });
        assert_eq!(again.0, half.0, "layers computed again");
    }
}

/// How many steps were skipped one after the other, the first of them this.
fn skipped_from(first: usize, events: &[Event]) -> usize {
    let warnings = warnings(events).into_iter().zip(first..);
    let skipped = warnings.take_while(|(text, step)| {
        text.starts_with(&format!(
            "step {step} was skipped: its gradients are too large"
        ))
    });
    skipped.count()
}

/// A copy of a checkpoint with another loss scale.
fn with_scale(checkpoint: &Path, scale: f64) -> PathBuf {
    let copy = checkpoint.with_extension("copy");
    fs::remove_dir_all(&copy).ok();
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(checkpoint).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let mut state = loss_scale_and_all(&copy);
    state["loss_scale"]["scale"] = json!(scale);
    fs::write(copy.join("run_state.json"), state.to_string()).unwrap();
    copy
}

fn loss_scale_and_all(checkpoint: &Path) -> Value {
    let text = fs::read(checkpoint.join("run_state.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn resumed(
    device: &ComputeDevice,
    out: &Path,
    from: &Path,
) -> (Trainer, Result<Vec<Event>, String>) {
    let from = ResumeFrom::Checkpoint(from.display().to_string());
    let mut trainer = trainer(resume_from(&halves(out), from), device);
    let result = train(&mut trainer);
    let events = result.map(|(_, events)| events);
    (trainer, events.map_err(|error| error.to_string()))
}

#[test]
fn steps_that_overflow_are_skipped_and_a_resumed_run_knows_the_scale() {
    for choice in [DeviceChoice::Cpu, DeviceChoice::SoftwareGpu] {
        let device = device(choice);
        let dir = tempfile::tempdir().unwrap();
        let first = dir.path().join("first");
        let (_, events) = train(&mut trainer(halves(&first), &device)).unwrap();
        let whole = steps(&events);
        let fourth = first.join("checkpoint-4");
        assert_eq!(
            loss_scale_and_all(&fourth)["loss_scale"],
            json!({"scale": 65536.0, "growth_tracker": 4, "skipped_steps": 0})
        );
        let (_, events) = resumed(&device, &dir.path().join("plain"), &fourth);
        assert_eq!(steps(&events.unwrap()), whole[4..]);

        // Two or three steps overflow now.
        let large = with_scale(&fourth, LARGE);
        let second = dir.path().join("second");
        let (trainer, events) = resumed(&device, &second, &large);
        let events = events.unwrap();
        let skipped = skipped_from(5, &events);
        assert!((1..=3).contains(&skipped), "{:?}", warnings(&events));
        let found = steps(&events);
        let rate = |place: usize| found[place].1[2];
        assert_eq!(
            rate(0),
            rate(skipped),
            "a skipped step is none of the schedule's"
        );
        assert_ne!(rate(skipped), rate(skipped + 1));
        let eighth = second.join("checkpoint-8");
        let told = &loss_scale_and_all(&eighth)["loss_scale"];
        assert_eq!(told["skipped_steps"], json!(skipped));
        assert_eq!(told["scale"], json!(LARGE * 0.5f64.powi(skipped as i32)));
        assert_eq!(told["growth_tracker"], json!(4 - skipped));

        let (again, events) = resumed(&device, &dir.path().join("third"), &eighth);
        assert_eq!(steps(&events.unwrap()), found[4..]);
        assert_eq!(weights(&again), weights(&trainer));
    }
}

#[test]
fn the_card_says_so_and_what_is_saved_is_f32() {
    let dir = tempfile::tempdir().unwrap();
    let line = "- mixed_precision_training: Native AMP";
    for fp16 in [true, false] {
        let out = dir.path().join(format!("fp16-{fp16}"));
        let args = TrainingArguments {
            fp16,
            max_steps: 1,
            ..args(&out)
        };
        let mut trainer = trainer(args, &cpu());
        train(&mut trainer).unwrap();
        trainer.save_model_card(&out).unwrap();
        let card = fs::read_to_string(out.join("README.md")).unwrap();
        assert_eq!(card.contains(line), fp16, "{card}");
        let saved = fs::read(out.join("checkpoint-1").join("model.safetensors")).unwrap();
        let header = String::from_utf8_lossy(&saved[8..4096]);
        assert!(
            header.contains("\"F32\"") && !header.contains("\"F16\""),
            "{header}"
        );
    }
}

#[test]
fn a_scale_that_no_run_comes_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    train(&mut trainer(halves(&first), &cpu())).unwrap();
    let bad = with_scale(&first.join("checkpoint-8"), 0.25);
    let (_, events) = resumed(&cpu(), &dir.path().join("second"), &bad);
    let error = events.unwrap_err();
    assert!(error.contains("has a loss scale of 0.25"), "{error}");
}

#[test]
fn two_devices_are_one_with_accumulated_batches_and_skip_the_same_steps() {
    let dir = tempfile::tempdir().unwrap();
    let first = dir.path().join("first");
    let run = |out: &Path, accumulation: usize, count: usize, from: Option<&Path>| {
        let args = TrainingArguments {
            gradient_accumulation_steps: accumulation,
            resume_from_checkpoint: match from {
                Some(path) => ResumeFrom::Checkpoint(path.display().to_string()),
                None => ResumeFrom::No,
            },
            max_steps: 12,
            ..halves(out)
        };
        let mut devices = ComputeDevice::cpus(count).unwrap().into_iter();
        let mut trainer = trainer_with(args, &devices.next().unwrap(), 0.1, rows(48, 1));
        if count > 1 {
            trainer = trainer.replicas(Replicas::in_threads(devices.collect()).unwrap());
        }
        train(&mut trainer).unwrap().1
    };
    let two = run(&first, 1, 2, None);
    let one = run(&dir.path().join("one"), 2, 1, None);
    assert_near("two devices", &losses(&two), &losses(&one));

    let large = with_scale(&first.join("checkpoint-4"), LARGE);
    let two = run(&dir.path().join("two"), 1, 2, Some(&large));
    assert!(skipped_from(5, &two) > 0, "{:?}", warnings(&two));
    let again = run(&dir.path().join("again"), 1, 2, Some(&large));
    assert_eq!(steps(&two), steps(&again));
    assert!(losses(&two).iter().all(|loss| loss.is_finite()));
}

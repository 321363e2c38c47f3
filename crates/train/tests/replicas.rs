//! Several devices train as one would with all their batches, to the same bits every time.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use support::*;
use tunesmith_kernels::{AdapterKind, ComputeDevice, DeviceChoice, adapters, is_out_of_memory};
use tunesmith_protocol::{Event, ResumeFrom, SaveStrategy, TrainingArguments};
use tunesmith_train::{LossAndGradient, ParamGroup, Replicas, TrainError, Trainer};

/// Losses of f32 sums in another order.
const TOLERANCE: f64 = 1e-5;

/// On these devices, the first of which is the trainer's own.
fn on(devices: Vec<ComputeDevice>, args: TrainingArguments) -> Trainer {
    let mut devices = devices.into_iter();
    let first = devices.next().unwrap();
    // 48 rows are whole steps of 8 and of 12.
    let trainer = trainer_with(args, &first, 0.1, rows(48, 1));
    match devices.len() {
        0 => trainer,
        _ => trainer.replicas(Replicas::in_threads(devices.collect()).unwrap()),
    }
}

fn workers(count: usize) -> Vec<ComputeDevice> {
    ComputeDevice::cpus(count).unwrap()
}

/// Ten steps.
fn batches(out: &Path, batch: usize, accumulation: usize) -> TrainingArguments {
    TrainingArguments {
        per_device_train_batch_size: batch,
        gradient_accumulation_steps: accumulation,
        max_steps: 10,
        ..args(out)
    }
}

fn near(label: &str, got: &[Event], wanted: &[Event], most: f64) {
    let [got, wanted] = [got, wanted].map(losses);
    assert_eq!((got.len(), wanted.len()), (10, 10), "{label}");
    for (step, (got, wanted)) in got.iter().zip(wanted).enumerate() {
        let off = (got - wanted).abs();
        assert!(off <= most, "{label}, step {step}: {got}, {wanted}");
    }
}

/// What evaluations found.
fn evaluations(events: &[Event]) -> Vec<(u64, f64)> {
    let found = |event: &Event| match event {
        Event::Eval(eval) => Some((eval.loss.to_bits(), eval.metrics.get("accuracy").unwrap())),
        _ => None,
    };
    events.iter().filter_map(found).collect()
}

#[test]
fn two_devices_are_one_with_accumulated_or_with_larger_batches() {
    let dir = tempfile::tempdir().unwrap();
    let train_on = |devices, batch, accumulation| {
        let out = tempfile::tempdir_in(dir.path()).unwrap();
        let args = batches(&out.path().join("out"), batch, accumulation);
        train(&mut on(devices, args)).unwrap().1
    };
    let two = train_on(workers(2), 4, 1);
    let accumulated = train_on(vec![cpu()], 4, 2);
    near("accumulated", &two, &accumulated, TOLERANCE);
    near(
        "one large batch",
        &two,
        &train_on(vec![cpu()], 8, 1),
        TOLERANCE,
    );
    let seen = |events: &[Event]| -> Vec<(u64, String)> {
        let steps = steps(events).into_iter();
        steps
            .map(|(_, _, longest, digest)| (longest, digest))
            .collect()
    };
    assert_eq!(seen(&two), seen(&accumulated), "the batches of a step");
    // Each row is evaluated once: the same batches, the same weights but for their last digits.
    let accuracies = |events: &[Event]| -> Vec<f64> {
        evaluations(events)
            .into_iter()
            .map(|(_, accuracy)| accuracy)
            .collect()
    };
    assert_eq!(accuracies(&two), accuracies(&accumulated));

    // The same bits every time.
    let again = train_on(workers(2), 4, 1);
    assert_eq!(steps(&two), steps(&again));
    assert_eq!(evaluations(&two), evaluations(&again));
    near(
        "three",
        &train_on(workers(3), 4, 1),
        &train_on(vec![cpu()], 4, 3),
        TOLERANCE,
    );
}

#[test]
fn devices_of_different_makes_train_together() {
    let dir = tempfile::tempdir().unwrap();
    let mut mixed = on(
        vec![cpu(), device(DeviceChoice::SoftwareGpu)],
        batches(&dir.path().join("mixed"), 4, 1),
    );
    let (_, found) = train(&mut mixed).unwrap();
    let alone = on(vec![cpu()], batches(&dir.path().join("alone"), 4, 2));
    let (_, wanted) = train(&mut { alone }).unwrap();
    near("a renderer beside the CPU", &found, &wanted, 1e-4);
    let started = found.iter().find_map(|event| match event {
        Event::RunStarted(started) => Some(started),
        _ => None,
    });
    assert_eq!(started.unwrap().other_devices.len(), 1);
}

#[test]
fn a_run_goes_on_on_as_many_devices_bit_for_bit_and_on_others_with_the_same_losses() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let two = || TrainingArguments {
        save_steps: tunesmith_protocol::Steps(4.0),
        weight_decay: 0.1,
        ..batches(&at("two"), 4, 1)
    };
    let mut whole = on(workers(2), two());
    let (_, wanted) = train(&mut whole).unwrap();
    let from = ResumeFrom::Checkpoint(at("two").join("checkpoint-4").display().to_string());
    let again = |name: &str, args: TrainingArguments| {
        let args = TrainingArguments {
            output_dir: at(name).display().to_string(),
            ..args
        };
        resume_from(&args, from.clone())
    };
    let mut resumed = on(workers(2), again("again", two()));
    let (_, found) = train(&mut resumed).unwrap();
    assert_eq!(steps(&found), steps(&wanted)[4..]);
    assert_eq!(weights(&resumed), weights(&whole));

    let one = TrainingArguments {
        gradient_accumulation_steps: 2,
        ..two()
    };
    let (_, found) = train(&mut on(vec![cpu()], again("one", one))).unwrap();
    for (found, wanted) in losses(&found).iter().zip(&losses(&wanted)[4..]) {
        assert!((found - wanted).abs() <= TOLERANCE, "{found}, {wanted}");
    }
    let other = TrainingArguments {
        gradient_accumulation_steps: 3,
        ..two()
    };
    let error = train(&mut on(vec![cpu()], again("other", other))).unwrap_err();
    assert!(matches!(error, TrainError::PlanChanged { .. }), "{error}");
    assert!(error.to_string().contains("was 8 and is 12 now"), "{error}");
}

/// The trainer's own groups, the best model, an evaluation afterwards: what replicas must follow too.
#[test]
fn replicas_follow_groups_and_are_given_the_best_model() {
    let dir = tempfile::tempdir().unwrap();
    let run = |devices: Vec<ComputeDevice>, accumulation, name: &str| {
        let args = TrainingArguments {
            save_strategy: SaveStrategy::Epoch,
            load_best_model_at_end: true,
            // Far too high, so that the best model isn't the last.
            learning_rate: 0.05,
            ..batches(&dir.path().join(name), 4, accumulation)
        };
        let mut trainer = on(devices, args);
        let groups = vec![ParamGroup {
            learning_rate_scale: 0.5,
            ..ParamGroup::of(&trainer.model, 0.1, |name| {
                name.starts_with("bert.encoder.layer.1")
            })
        }];
        trainer = trainer.param_groups(groups);
        let (output, events) = train(&mut trainer).unwrap();
        let found = pollster::block_on(trainer.evaluate(&rows(18, 2))).unwrap();
        (output.best_metric.unwrap(), found.loss.unwrap(), events)
    };
    let (best, again, found) = run(workers(2), 1, "two");
    assert_eq!(best, again, "the replicas have the best model");
    let (_, _, wanted) = run(vec![cpu()], 2, "one");
    near("groups", &found, &wanted, 1e-4);
}

#[test]
fn a_device_that_fails_ends_the_run_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let lost = device(DeviceChoice::SoftwareGpu);
    let mut trainer = on(
        vec![cpu(), lost.clone()],
        batches(&dir.path().join("lost"), 4, 1),
    );
    let error = pollster::block_on(async {
        let mut run = trainer.start(&ResumeFrom::No).unwrap();
        loop {
            match run.next().await {
                Ok(Some(Event::Step(step))) if step.step == 3 => lost.destroy(),
                Ok(Some(_)) => {}
                Ok(None) => panic!("the run went on without a device"),
                Err(error) => return error,
            }
        }
    });
    let TrainError::Rank {
        rank,
        device,
        message,
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!((*rank, device), (1, &lost.name));
    assert!(message.contains("lost"), "{message}");
}

#[test]
fn a_loss_of_ones_own_is_for_one_device() {
    let dir = tempfile::tempdir().unwrap();
    let trainer = on(workers(2), batches(&dir.path().join("own"), 4, 1));
    let mut trainer = trainer.compute_loss_func(|logits, _, _| {
        Ok(LossAndGradient {
            loss: 0.0,
            gradient: vec![0.0; logits.len()],
        })
    });
    let error = train(&mut trainer).unwrap_err().to_string();
    assert!(
        error.contains("compute_loss_func works on one device"),
        "{error}"
    );
}

/// `gradient_checkpointing` changes nothing but time and memory.
#[test]
fn layers_that_are_computed_again_give_the_same_bits() {
    for choice in [DeviceChoice::Cpu, DeviceChoice::SoftwareGpu] {
        let dir = tempfile::tempdir().unwrap();
        let run = |gradient_checkpointing: bool| {
            let args = TrainingArguments {
                gradient_checkpointing,
                overwrite_output_dir: true,
                ..batches(&dir.path().join("out"), 4, 2)
            };
            let mut trainer = on(vec![device(choice)], args);
            let (_, events) = train(&mut trainer).unwrap();
            (steps(&events), weights(&trainer))
        };
        assert_eq!(run(true), run(false));
    }
}

/// Less memory, the same steps; and what is said where there is too little.
#[test]
fn a_batch_is_computed_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let adapters = pollster::block_on(adapters());
    let renderer = adapters
        .iter()
        .find(|one| one.kind == AdapterKind::Software)
        .unwrap();
    // Of some 900 tokens query, key and value have 96 numbers each: 350 KB.
    let small = || pollster::block_on(renderer.open_with_binding("test", 256 << 10)).unwrap();
    let train_on = |device: ComputeDevice, parts: usize| {
        let out = tempfile::tempdir_in(dir.path()).unwrap();
        let args = batches(&out.path().join("out"), 96, 1);
        let mut trainer = trainer_with(args, &device, 0.1, rows(192, 1)).parts(parts);
        train(&mut trainer).map(|(_, events)| events)
    };
    let wanted = train_on(device(DeviceChoice::SoftwareGpu), 1).unwrap();
    near(
        "in parts",
        &train_on(small(), 2).unwrap(),
        &wanted,
        TOLERANCE,
    );
    near(
        "of one row",
        &train_on(cpu(), 96).unwrap(),
        &wanted,
        TOLERANCE,
    );
    let error = train_on(small(), 1).unwrap_err();
    let TrainError::Device { message, .. } = &error else {
        panic!("{error}");
    };
    assert!(is_out_of_memory(message), "{message}");
}

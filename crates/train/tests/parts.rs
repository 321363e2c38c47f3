//! Runs that train parts of a model: they go on bit for bit, follow one another on several devices, and keep nothing
//! of what is frozen.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use support::*;
use tunesmith_kernels::{ComputeDevice, DeviceChoice};
use tunesmith_model::TensorFile;
use tunesmith_protocol::{Event, Layers, ResumeFrom, TrainingArguments};
use tunesmith_train::Replicas;

/// The model of these tests has the layers 0 and 1.
fn upper(out: &Path) -> TrainingArguments {
    TrainingArguments {
        freeze_embeddings: true,
        freeze_layers: Some(Layers([0].into())),
        weight_decay: 0.1,
        ..args(out)
    }
}

fn layer_wise(out: &Path) -> TrainingArguments {
    TrainingArguments {
        llrd: 0.8,
        weight_decay: 0.1,
        ..args(out)
    }
}

fn goes_on_bit_for_bit(device: &ComputeDevice) {
    let dir = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("upper", upper as fn(&Path) -> TrainingArguments),
        ("layer-wise", layer_wise),
    ] {
        let first = dir.path().join(name);
        let mut whole = trainer(arguments(&first), device);
        let (_, events) = train(&mut whole).unwrap();
        let wanted = steps(&events);
        let from = ResumeFrom::Checkpoint(first.join("checkpoint-8").display().to_string());
        let second = dir.path().join(format!("{name} again"));
        let mut resumed = trainer(resume_from(&arguments(&second), from), device);
        let (_, events) = train(&mut resumed).unwrap();
        assert_eq!(steps(&events), wanted[8..], "{name}");
        assert_eq!(weights(&resumed), weights(&whole), "{name}");
        assert!(warnings(&events).is_empty(), "{name}");
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
fn what_is_frozen_stays_and_has_no_moments() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let mut trainer = trainer(upper(&out), &cpu());
    let before = weights(&trainer);
    let (_, events) = train(&mut trainer).unwrap();
    let is_frozen = |name: &str| name.contains(".embeddings.") || name.contains(".layer.0.");
    let mut frozen = 0;
    for ((name, was), (_, is)) in before.iter().zip(&weights(&trainer)) {
        assert_eq!(was == is, is_frozen(name), "{name}");
        frozen += usize::from(is_frozen(name));
    }
    assert_eq!(frozen, 5 + 16);
    let moments = TensorFile::open_file(&out.join("checkpoint-4/optimizer.safetensors")).unwrap();
    let names: Vec<&str> = moments.names().collect();
    assert!(!names.iter().any(|name| is_frozen(name)), "{names:?}");
    assert_eq!(names.len(), 2 * (before.len() - frozen));
    let Event::RunStarted(started) = &events[0] else {
        panic!("{:?}", events[0]);
    };
    let trained = before.iter().filter(|(name, _)| !is_frozen(name));
    let trained: usize = trained.map(|(_, values)| values.len()).sum();
    assert_eq!(started.trainable_parameters, trained as u64);
}

#[test]
fn two_devices_are_one_with_accumulated_batches() {
    let dir = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("upper", upper as fn(&Path) -> TrainingArguments),
        ("layer-wise", layer_wise),
    ] {
        let run = |workers: usize, accumulation: usize| {
            let args = TrainingArguments {
                gradient_accumulation_steps: accumulation,
                overwrite_output_dir: true,
                max_steps: 10,
                ..arguments(&dir.path().join("out"))
            };
            let mut devices = ComputeDevice::cpus(workers).unwrap().into_iter();
            let mut trainer = trainer_with(args, &devices.next().unwrap(), 0.1, rows(48, 1));
            if workers > 1 {
                trainer = trainer.replicas(Replicas::in_threads(devices.collect()).unwrap());
            }
            let (_, events) = train(&mut trainer).unwrap();
            losses(&events)
        };
        let (two, one) = (run(2, 1), run(1, 2));
        assert_eq!(two.len(), 10);
        for (step, (two, one)) in two.iter().zip(one).enumerate() {
            // Sums in another order.
            assert!(
                (two - one).abs() < 1e-5,
                "{name}, step {step}: {two}, {one}"
            );
        }
    }
}

#[test]
fn other_parts_than_the_checkpoints_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    train(&mut trainer(upper(&out), &cpu())).unwrap();
    let error = |args: &TrainingArguments| {
        let args = resume_from(args, ResumeFrom::Last);
        train(&mut trainer(args, &cpu())).unwrap_err().to_string()
    };
    let message = error(&args(&out));
    assert!(
        message.contains("checkpoint-12 was written by a run that trained other parts")
            && message.contains("word_embeddings.weight' was frozen then, and is trained now"),
        "{message}"
    );
    let message = error(&TrainingArguments {
        train_head_only: true,
        ..upper(&out)
    });
    assert!(
        message
            .contains("layer.1.attention.self.query.weight' was trained then, and is frozen now"),
        "{message}"
    );
    // The same parts by other arguments, and another rate.
    let same = TrainingArguments {
        freeze_layers: Some("0-0".parse().unwrap()),
        llrd: 0.9,
        num_train_epochs: 3.0,
        ..upper(&out)
    };
    let mut same = trainer(resume_from(&same, ResumeFrom::Last), &cpu());
    let (_, events) = train(&mut same).unwrap();
    let told = warnings(&events);
    assert!(
        told.iter().any(|text| text.contains("llrd was 1.0")),
        "{told:?}"
    );
}

#[test]
fn a_layer_that_there_is_not_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let args = TrainingArguments {
        freeze_layers: Some("1-2".parse().unwrap()),
        ..args(&dir.path().join("out"))
    };
    let message = train(&mut trainer(args, &cpu())).unwrap_err().to_string();
    assert!(
        message.contains("freeze_layers names the layer 2, and the model has the layers 0 to 1"),
        "{message}"
    );
}

//! A damaged file of a checkpoint ends with a run that goes on, or an error.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::path::Path;

use support::*;
use tunesmith_damage::{Kind, Meter, Trial};
use tunesmith_protocol::{ResumeFrom, TrainingArguments};
use tunesmith_train::TrainError;

#[global_allocator]
static METER: Meter = Meter;

/// Trains, so that there is a checkpoint of step 4.
fn trained(dir: &Path) -> TrainingArguments {
    let args = args(&dir.join("whole"));
    train(&mut trainer(args.clone(), &cpu())).unwrap();
    args
}

/// Goes on from the checkpoint to the end of the run.
fn go_on(dir: &Path, args: &TrainingArguments, checkpoint: &Path) -> Result<(), TrainError> {
    let second = dir.join("second");
    let _ = std::fs::remove_dir_all(&second);
    let args = TrainingArguments {
        output_dir: second.display().to_string(),
        max_steps: 6,
        ..args.clone()
    };
    let mut trainer = trainer(args, &cpu());
    let from = ResumeFrom::Checkpoint(checkpoint.display().to_string());
    pollster::block_on(async {
        let mut run = trainer.start(&from)?;
        while run.next().await?.is_some() {}
        Ok(())
    })
}

#[test]
fn every_file_of_a_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let args = trained(dir.path());
    let checkpoint = dir.path().join("whole/checkpoint-4");
    for (name, kind) in [
        ("trainer_state.json", Kind::Json),
        ("run_state.json", Kind::Json),
        ("training_args.json", Kind::Json),
        ("optimizer.safetensors", Kind::Safetensors),
        ("model.safetensors", Kind::Safetensors),
    ] {
        let path = checkpoint.join(name);
        let files = [std::fs::read(&path).unwrap()];
        let trial = Trial {
            name,
            kind,
            files: &files,
            caught_panics_fail: true,
            one_in: 5,
        };
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            go_on(dir.path(), &args, &checkpoint)
        };
        trial.run(read);
        std::fs::write(&path, &files[0]).unwrap();
    }
}

#[test]
fn a_checkpoint_with_a_file_cut_short_is_never_gone_on_from() {
    let dir = tempfile::tempdir().unwrap();
    let args = trained(dir.path());
    let checkpoint = dir.path().join("whole/checkpoint-4");
    for name in [
        "trainer_state.json",
        "run_state.json",
        "training_args.json",
        "optimizer.safetensors",
        "model.safetensors",
    ] {
        let path = checkpoint.join(name);
        let whole = std::fs::read(&path).unwrap();
        let text = whole.trim_ascii_end().len();
        for end in (0..text).step_by(text.div_ceil(40)).chain([text - 1]) {
            std::fs::write(&path, &whole[..end]).unwrap();
            let error = go_on(dir.path(), &args, &checkpoint)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("checkpoint-4"),
                "{name} cut at {end}: {error}"
            );
        }
        std::fs::write(&path, whole).unwrap();
    }
    go_on(dir.path(), &args, &checkpoint).unwrap();
}

#[test]
fn counters_that_do_not_fit_each_other_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let args = trained(dir.path());
    let checkpoint = dir.path().join("whole/checkpoint-4");
    for (name, was, is, said) in [
        (
            "trainer_state.json",
            "\"global_step\": 4",
            "\"global_step\": 18446744073709551615",
            "has the global_step 18446744073709551615",
        ),
        (
            "run_state.json",
            "\"logged_step\": 0",
            "\"logged_step\": 99",
            "has a log entry of step 99, after the 4",
        ),
    ] {
        let path = checkpoint.join(name);
        let whole = std::fs::read_to_string(&path).unwrap();
        let changed = whole.replace(was, is);
        assert_ne!(changed, whole, "{name} has no {was}:\n{whole}");
        std::fs::write(&path, changed).unwrap();
        let error = go_on(dir.path(), &args, &checkpoint)
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
        std::fs::write(&path, whole).unwrap();
    }
}

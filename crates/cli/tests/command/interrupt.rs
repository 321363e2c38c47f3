//! Ctrl-C: the first finishes the step and saves, the second stops at once.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Ran, Scratch, TRAIN, contains, losses, pairs};

const PATIENCE: Duration = Duration::from_secs(60);

fn start(scratch: &Scratch, more: &str) -> Child {
    let line = format!("{TRAIN} {more}");
    let mut command = scratch.command(line.split_whitespace());
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn steps(log: &Path) -> usize {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines()
        .filter(|line| line.contains("\"type\":\"step\""))
        .count()
}

fn wait_for_steps(log: &Path, wanted: usize) {
    let start = Instant::now();
    while steps(log) < wanted {
        assert!(
            start.elapsed() < PATIENCE,
            "no {wanted} steps after {PATIENCE:?}"
        );
        sleep(Duration::from_millis(5));
    }
}

fn interrupt(child: &Child) {
    let status = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn the_first_saves_and_the_run_goes_on_from_there() {
    let scratch = Scratch::ready();
    // The same rows and masks, uninterrupted.
    let run = "--max_steps 4000 --save_strategy no --lr_scheduler_type constant";
    let child = start(&scratch, &format!("{run} --events first.jsonl"));
    let log = scratch.path("first.jsonl");
    wait_for_steps(&log, 5);
    interrupt(&child);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    contains(&ran.stderr, &["Finishing the step and saving"]);
    let first = losses(&scratch.events("first.jsonl"));
    let taken = first.len();
    assert!(taken < 4000, "the run was not stopped");
    let checkpoint = format!("out/checkpoint-{taken}");
    contains(
        &ran.stdout,
        &[
            &format!("Stopped after step {taken}"),
            &format!("--resume_from_checkpoint {checkpoint}"),
        ],
    );
    assert!(scratch.path(&checkpoint).join("model.safetensors").exists());

    // As the message says; a second run that was never stopped has the same losses on both sides.
    let more = taken + 5;
    let resumed = format!(
        "--max_steps {more} --save_strategy no --lr_scheduler_type constant --events second.jsonl \
         --resume_from_checkpoint {checkpoint}"
    );
    scratch.train(&resumed).ok();
    let second = losses(&scratch.events("second.jsonl"));
    let whole = format!(
        "{TRAIN} --max_steps {more} --save_strategy no --lr_scheduler_type constant --events whole.jsonl"
    );
    scratch
        .run(&whole.replace("--output_dir out", "--output_dir whole"))
        .ok();
    let whole = losses(&scratch.events("whole.jsonl"));
    assert_eq!([first, second].concat(), whole);
}

#[test]
fn the_second_stops_at_once() {
    let scratch = Scratch::ready();
    // One step of many rows, so that both signals fall into it.
    scratch.write("train.csv", pairs(8192, 0));
    let more = "--max_steps 4000 --save_strategy no --per_device_train_batch_size 64 \
                --gradient_accumulation_steps 128 --events log.jsonl";
    let child = start(&scratch, more);
    wait_for_steps(&scratch.path("log.jsonl"), 1);
    interrupt(&child);
    sleep(Duration::from_millis(20));
    interrupt(&child);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{ran:?}");
    contains(
        &ran.stderr,
        &["Stopped at once; what was not saved is lost."],
    );
    assert_eq!(
        steps(&scratch.path("log.jsonl")),
        1,
        "the step was finished"
    );
    assert!(!scratch.path("out/checkpoint-2").exists());
}

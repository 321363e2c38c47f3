//! Ctrl-C, SIGTERM and SIGHUP: the first finishes the step and saves, the second stops at once.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::support::{Ran, Scratch, TRAIN, contains, losses, pairs, wait_until};

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
    count(log, "step")
}

fn count(log: &Path, kind: &str) -> usize {
    let text = fs::read_to_string(log).unwrap_or_default();
    let kind = format!("\"type\":\"{kind}\"");
    text.lines().filter(|line| line.contains(&kind)).count()
}

fn wait_for_steps(log: &Path, wanted: usize) {
    wait_until("steps", || steps(log) >= wanted);
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Whether a signal waits for the child; only Linux tells.
fn is_pending(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    status
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ShdPnd:")
                .or(line.strip_prefix("SigPnd:"))
        })
        .any(|signals| signals.trim().bytes().any(|digit| digit != b'0'))
}

#[test]
fn the_first_saves_and_the_run_goes_on_from_there() {
    for name in ["-INT", "-TERM", "-HUP"] {
        saves_and_goes_on(name);
    }
}

fn saves_and_goes_on(name: &str) {
    let scratch = Scratch::ready();
    // The same rows and masks, uninterrupted.
    let run = "--max_steps 4000 --save_strategy no --lr_scheduler_type constant";
    let child = start(&scratch, &format!("{run} --events first.jsonl"));
    let log = scratch.path("first.jsonl");
    wait_for_steps(&log, 5);
    signal(&child, name);
    let ran = Ran::of(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{name}: {ran:?}");
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
    assert_eq!([first, second].concat(), whole, "{name}");
    let weights = |folder: &str| fs::read(scratch.path(folder).join("model.safetensors")).unwrap();
    assert!(weights("out") == weights("whole"), "{name}");
}

#[test]
fn the_second_stops_at_once() {
    for (first, second) in [("-INT", "-INT"), ("-TERM", "-HUP")] {
        stops_at_once(first, second);
    }
}

fn stops_at_once(first: &str, second: &str) {
    let scratch = Scratch::ready();
    // One step of many rows, so that both signals fall into it.
    scratch.write("train.csv", pairs(8192, 0));
    let more = "--max_steps 4000 --save_strategy no --per_device_train_batch_size 64 \
                --gradient_accumulation_steps 128 --events log.jsonl";
    let child = start(&scratch, more);
    wait_for_steps(&scratch.path("log.jsonl"), 1);
    signal(&child, first);
    // Two of one name are one while the first is on its way. What the command says comes after the step.
    wait_until("the signal's delivery", || !is_pending(&child));
    signal(&child, second);
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

/// As `nohup` starts a command.
#[test]
fn a_hangup_that_was_ignored_from_the_start_stays_ignored() {
    let scratch = Scratch::ready();
    let line = format!("{TRAIN} --max_steps 600 --save_strategy no --events log.jsonl");
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "trap '' HUP; exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_tunesmith"),
        ])
        .args(line.split_whitespace())
        .env("TUNESMITH_CACHE", scratch.path("cache"))
        .current_dir(scratch.path(""))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for_steps(&scratch.path("log.jsonl"), 5);
    signal(&child, "-HUP");
    Ran::of(child.wait_with_output().unwrap()).ok();
    assert_eq!(steps(&scratch.path("log.jsonl")), 600);
}

/// `2>&1 | less` that is left standing: the run waits for it, and still ends when told to.
#[test]
fn a_run_that_waits_for_the_reader_of_its_messages_can_be_stopped() {
    const PIPE: usize = 64 << 10;
    let scratch = Scratch::ready();
    let out = "o".repeat(200);
    let line = TRAIN.replace("--output_dir out", &format!("--output_dir {out}"));
    let line =
        format!("{line} --max_steps 4000 --save_steps 1 --save_total_limit 1 --events log.jsonl");
    let mut command = scratch.command(line.split_whitespace());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A line a checkpoint, each longer than the folder's name: the pipe takes fewer than these, and then
    // there are no more.
    let log = scratch.path("log.jsonl");
    let full = || {
        let before = count(&log, "checkpoint");
        sleep(Duration::from_millis(500));
        before > PIPE / out.len() / 2 && count(&log, "checkpoint") == before
    };
    wait_until("a full pipe", full);
    // Two of one name could become one on their way.
    signal(&child, "-INT");
    signal(&child, "-TERM");
    let ended = std::cell::RefCell::new(&mut child);
    wait_until("the end", || {
        ended.borrow_mut().try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

//! Several processes of the command that an MPI launcher has started are one training. `cargo xtask test` installs
//! the launchers.
#![cfg(unix)]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::{Ran, Scratch, contains, losses, wait_until};

/// Each rank of a machine takes the worker at its own place.
const RUN: &str = "train --model_name_or_path model --train_file train.csv --validation_file validation.csv \
    --devices cpu:2 --per_device_train_batch_size 4";

/// Two epochs of eight steps, the second cut short.
const SHORT: &str = "--learning_rate 1e-3 --max_steps 12 --eval_strategy epoch";

/// A launcher: the variable that names it, its usual name, and how it is told that this is a test.
const OPEN_MPI: (&str, &str, &[&str]) = (
    "TUNESMITH_TEST_OPEN_MPI",
    "mpirun.openmpi",
    &["--allow-run-as-root", "--oversubscribe"],
);
const MPICH: (&str, &str, &[&str]) = ("TUNESMITH_TEST_MPICH", "mpirun.mpich", &[]);

/// Two ranks, each of which runs `tunesmith` with its words.
fn ranks(
    scratch: &Scratch,
    (variable, usual, options): (&str, &str, &[&str]),
    words: [&str; 2],
) -> Command {
    let launcher = env::var_os(variable).unwrap_or_else(|| OsString::from(usual));
    let command = scratch.command([""; 0]);
    let mut started = Command::new(launcher);
    started.current_dir(command.get_current_dir().unwrap());
    for (name, value) in command.get_envs() {
        started.env(name, value.unwrap());
    }
    started.args(options);
    let program = command.get_program();
    started
        .args(["-n", "1"])
        .arg(program)
        .args(words[0].split_whitespace());
    started
        .args([":", "-n", "1"])
        .arg(program)
        .args(words[1].split_whitespace());
    started
}

fn run(mut command: Command) -> Ran {
    let output = command.output().unwrap_or_else(|error| {
        panic!("no MPI ({error}): `cargo xtask test` installs it and names it")
    });
    Ran::of(output)
}

/// What must be the same of every step.
fn steps(events: &[Value]) -> Vec<(Value, Value, Value, Value)> {
    let steps = events.iter().filter(|event| event["type"] == "step");
    let of = |event: &Value, name: &str| event[name].clone();
    steps
        .map(|step| {
            (
                of(step, "step"),
                of(step, "loss"),
                of(step, "grad_norm"),
                of(step, "batch_digest"),
            )
        })
        .collect()
}

#[test]
fn two_ranks_are_two_devices_bit_for_bit() {
    let scratch = Scratch::ready();
    scratch
        .run(&format!(
            "{RUN} {SHORT} --output_dir alone --events alone.jsonl"
        ))
        .ok();
    let wanted = scratch.events("alone.jsonl");
    assert_eq!(steps(&wanted).len(), 12);
    for (name, launcher) in [("open-mpi", OPEN_MPI), ("mpich", MPICH)] {
        let line = format!("{RUN} {SHORT} --output_dir {name} --events {name}.jsonl");
        let shown = run(ranks(&scratch, launcher, [&line, &line])).ok();
        // Rank 0 alone speaks and writes.
        assert_eq!(shown.matches("The model lies in").count(), 1, "{shown}");
        let found = scratch.events(&format!("{name}.jsonl"));
        assert_eq!(steps(&found), steps(&wanted), "{name}");
        let others = |events: &[Value]| {
            let started = events.iter().find(|event| event["type"] == "run_started");
            started.unwrap()["other_devices"].as_array().unwrap().len()
        };
        assert_eq!(others(&found), 1);
        let weights =
            |folder: &str| fs::read(scratch.path(folder).join("model.safetensors")).unwrap();
        assert!(weights(name) == weights("alone"), "{name}: other weights");
    }
}

#[test]
fn ranks_of_different_trainings_are_refused_before_the_first_step() {
    let scratch = Scratch::ready();
    let [first, other] =
        ["1e-3", "2e-3"].map(|rate| format!("{RUN} --output_dir out --learning_rate {rate}"));
    let ran = run(ranks(&scratch, OPEN_MPI, [&first, &other]));
    assert_ne!(ran.code, Some(0));
    contains(
        &ran.stderr,
        &["rank 1: it was started with another learning_rate"],
    );
    assert!(!ran.stdout.contains("step 1/"), "{ran:?}");

    let missing = format!("{RUN} {SHORT} --output_dir out2").replace("train.csv", "nowhere.csv");
    let ran = run(ranks(&scratch, OPEN_MPI, [&missing, &missing]));
    assert_ne!(ran.code, Some(0));
    contains(&ran.stderr, &["nowhere.csv"]);
}

/// The process of a rank, once it is there.
fn process_of(launcher: &Child, rank: usize) -> Option<u32> {
    let wanted = format!("OMPI_COMM_WORLD_RANK={rank}");
    let parent = format!("PPid:\t{}\n", launcher.id());
    fs::read_dir("/proc").unwrap().flatten().find_map(|entry| {
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let is_rank = environment
            .split(|byte| *byte == 0)
            .any(|one| one == wanted.as_bytes());
        (status.contains(&parent) && is_rank).then(|| entry.file_name().to_str()?.parse().ok())?
    })
}

fn count(log: &Path, kind: &str) -> usize {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.matches(&format!("\"type\":\"{kind}\"")).count()
}

/// Ten kills, at every second step and between, each gone on from to the weights of the run that nothing disturbed.
#[cfg(target_os = "linux")]
#[test]
fn a_rank_that_is_killed_ends_all_and_the_run_goes_on_bit_for_bit() {
    let scratch = Scratch::ready();
    let line =
        |more: &str| format!("{RUN} --learning_rate 1e-3 --max_steps 400 --save_steps 40 {more}");
    scratch
        .run(&line("--output_dir whole --events whole.jsonl"))
        .ok();
    let wanted = fs::read(scratch.path("whole/model.safetensors")).unwrap();
    let all = losses(&scratch.events("whole.jsonl"));
    for kill in 0..10 {
        let name = format!("killed-{kill}");
        let log = scratch.path(&format!("{name}.jsonl"));
        let words = line(&format!("--output_dir {name} --events {name}.jsonl"));
        let mut command = ranks(&scratch, OPEN_MPI, [&words, &words]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        // After the first checkpoint, at another step each time.
        wait_until("steps", || {
            count(&log, "step") > 40 + 33 * kill && count(&log, "checkpoint") > 0
        });
        sleep(Duration::from_millis(kill as u64));
        let process = process_of(&child, 1).expect("rank 1 has a process");
        let killed = Command::new("kill")
            .args(["-KILL", &process.to_string()])
            .status();
        assert!(killed.unwrap().success());
        let ran = Ran::of(child.wait_with_output().unwrap());
        assert_ne!(ran.code, Some(0), "{ran:?}");
        let named = ran.stderr.contains("rank 1") || ran.stdout.contains("rank 1");
        assert!(named, "nobody says that rank 1 was it: {ran:?}");
        assert!(count(&log, "step") < 400, "it was too late to kill");

        let words = line(&format!(
            "--output_dir {name} --resume_from_checkpoint true --events again.jsonl"
        ));
        run(ranks(&scratch, OPEN_MPI, [&words, &words])).ok();
        let found = fs::read(scratch.path(&name).join("model.safetensors")).unwrap();
        assert!(found == wanted, "kill {kill}: other weights");
        let again = losses(&scratch.events("again.jsonl"));
        assert_eq!(again, all[all.len() - again.len()..]);
    }
    // And by one process alone, with the losses of as many rows.
    let words = line(
        "--output_dir alone --resume_from_checkpoint whole/checkpoint-40 --events alone.jsonl",
    );
    let words = words.replace(
        "--devices cpu:2",
        "--device cpu --gradient_accumulation_steps 2",
    );
    scratch.run(&words).ok();
    for (alone, all) in losses(&scratch.events("alone.jsonl"))
        .iter()
        .zip(&all[40..240])
    {
        assert!((alone - all).abs() < 1e-5, "{alone}, {all}");
    }
}

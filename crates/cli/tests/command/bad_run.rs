//! What goes wrong while a run is under way, or before it begins: nothing that was there is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::{Ran, Scratch, TRAIN, config, contains, losses, write_model};

/// Every file below a folder with its content.
fn content(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(content(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

#[test]
fn an_output_folder_that_is_not_empty() {
    let scratch = Scratch::ready();
    fs::create_dir(scratch.path("out")).unwrap();
    scratch.write("out/mine.txt", "kept");
    let message = scratch.train("--max_steps 1").error();
    contains(&message, &["out", "not empty", "--overwrite_output_dir"]);
    assert_eq!(content(&scratch.path("out")).len(), 1);
    scratch.train("--max_steps 1 --overwrite_output_dir").ok();
    assert_eq!(
        fs::read_to_string(scratch.path("out/mine.txt")).unwrap(),
        "kept"
    );
    // With checkpoints in it, the way on is to resume.
    scratch
        .train("--max_steps 2 --save_steps 1 --overwrite_output_dir")
        .ok();
    contains(
        &scratch.train("--max_steps 4").error(),
        &["--resume_from_checkpoint"],
    );
}

#[test]
fn a_loss_that_is_not_finite() {
    let scratch = Scratch::ready();
    let ran =
        scratch.train("--learning_rate 1e30 --max_steps 10 --save_steps 1 --events events.jsonl");
    contains(&ran.stderr, &["learning_rate (it was ", "out/checkpoint-"]);
    let message = ran.error();
    contains(&message, &["step ", "can't go on", "Lower learning_rate"]);
    let events = scratch.events("events.jsonl");
    assert_eq!(events.last().unwrap()["type"], "failed");
    let good = losses(&events[..events.len() - 1]).len();
    assert!(good >= 1);
    assert!(
        scratch
            .path(&format!("out/checkpoint-{good}/model.safetensors"))
            .exists()
    );
    assert!(!scratch.path("out/model.safetensors").exists());
}

#[test]
fn a_full_disk() {
    let scratch = Scratch::ready();
    let out = scratch.path("out");
    fs::create_dir(&out).unwrap();
    // A disk of its own, with room for one checkpoint and not for two, that goes with the command.
    // A checkpoint is three times the weights and some small files.
    let weights = fs::metadata(scratch.path("model/model.safetensors"))
        .unwrap()
        .len();
    let size = 4 * weights + 100_000;
    let kept = scratch.path("kept");
    let script = format!(
        "mount -t tmpfs -o size={size} tmpfs '{0}' && {{ '{1}' {TRAIN} --max_steps 10 --save_steps 2; \
         code=$?; cp -r '{0}' '{2}'; exit $code; }}",
        out.display(),
        env!("CARGO_BIN_EXE_tunesmith"),
        kept.display(),
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    let ran = Ran::of(command.current_dir(scratch.path("")).output().unwrap());
    contains(&ran.stderr, &["checkpoint written to out/checkpoint-2"]);
    let message = ran.error();
    contains(
        &message,
        &["out is full", "MB", "Make room", "checkpoint-2"],
    );
    let mut left: Vec<String> = fs::read_dir(&kept)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(
        left,
        ["checkpoint-2", "run_config.json"],
        "half a checkpoint stayed"
    );

    // What was saved is whole.
    let line = format!(
        "{TRAIN} --max_steps 4 --save_strategy no --overwrite_output_dir \
         --resume_from_checkpoint kept/checkpoint-2"
    );
    contains(&scratch.run(&line).stderr, &["going on after step 2"]);
}

#[test]
fn an_event_log_on_a_full_disk() {
    let scratch = Scratch::ready();
    let message = scratch.train("--max_steps 2 --events /dev/full").error();
    contains(
        &message,
        &["can't write the event log /dev/full", "No space left"],
    );
    let message = scratch.train("--events nowhere/events.jsonl").error();
    contains(
        &message,
        &["can't create the event log nowhere/events.jsonl"],
    );
}

#[test]
fn no_adapter() {
    let scratch = Scratch::ready();
    for (device, wanted) in [("gpu", "real GPU"), ("software-gpu", "software renderer")] {
        let line =
            format!("{TRAIN} --max_steps 1").replace("--device cpu", &format!("--device {device}"));
        let mut command = scratch.command(line.split_whitespace());
        let ran = Ran::of(
            command
                .env("VK_DRIVER_FILES", "/nonexistent")
                .output()
                .unwrap(),
        );
        contains(
            &ran.error(),
            &[
                &format!("no {wanted} was found"),
                "--device cpu",
                "mesa-vulkan-drivers",
            ],
        );
    }
    // On its own the command takes the CPU, and says so.
    let line = format!("{TRAIN} --max_steps 1").replace("--device cpu", "--device auto");
    let mut command = scratch.command(line.split_whitespace());
    let ran = Ran::of(
        command
            .env("VK_DRIVER_FILES", "/nonexistent")
            .output()
            .unwrap(),
    );
    contains(&ran.stderr, &["on CPU (flex)"]);
    ran.ok();
}

#[test]
fn an_adapter_too_small_for_the_model() {
    let scratch = Scratch::ready();
    // 1.2 million embeddings of 32 floats: 154 MB, over the 134 MB that lavapipe binds.
    let mut large = config();
    large["vocab_size"] = json!(1_200_000);
    write_model(&scratch.path("model"), &large);
    let line = format!("{TRAIN} --max_steps 1").replace("--device cpu", "--device software-gpu");
    let message = scratch.run(&line).error();
    let name = "bert.embeddings.word_embeddings.weight";
    contains(
        &message,
        &[name, "153 MB", "MB are missing", "--device cpu"],
    );
}

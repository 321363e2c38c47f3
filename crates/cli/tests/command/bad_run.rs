//! What goes wrong while a run is under way, or before it begins: nothing that was there is lost.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Ran, Scratch, TRAIN, config, contains, losses, wait_until, write_model};

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
    let wild = "--learning_rate 1e30 --max_steps 10 --events events.jsonl";
    let message = scratch.train(wild).error();
    contains(
        &message,
        &[
            "step 2: the loss is",
            "can't go on",
            "Lower learning_rate (it was ",
            "start anew",
        ],
    );
    let events = scratch.events("events.jsonl");
    assert_eq!(events.last().unwrap()["type"], "failed");
    assert_eq!(losses(&events[..events.len() - 1]).len(), 1);
    assert_eq!(content(&scratch.path("out")).len(), 0);
}

/// The loss of the last step is that of the weights before it.
#[test]
fn weights_that_are_not_finite_after_the_last_step() {
    let scratch = Scratch::ready();
    let wild = "--learning_rate 1e38 --max_steps 1 --eval_strategy epoch --overwrite_output_dir";
    let ran = scratch.train(wild);
    assert!(!ran.stdout.contains("accuracy"), "{ran:?}");
    contains(
        &ran.error(),
        &[
            "step 1: the norm of the weights is",
            "Lower learning_rate (it was 1e38)",
        ],
    );
    assert_eq!(content(&scratch.path("out")).len(), 0);
    let message = scratch.train("--learning_rate 1e39 --max_steps 1").error();
    contains(&message, &["learning_rate: 1e39 is too large"]);

    // Resumed too: what was good before is kept, and named.
    scratch.train("--max_steps 2 --save_steps 1").ok();
    let before = content(&scratch.path("out"));
    let on = "--learning_rate 1e30 --max_steps 10 --save_steps 1 --resume_from_checkpoint";
    let message = scratch.train(on).error();
    contains(
        &message,
        &["step 3: the norm of the weights", "out/checkpoint-2"],
    );
    assert_eq!(content(&scratch.path("out")), before);
}

/// As an earlier version, or another program, saved them.
#[test]
fn a_model_whose_weights_are_not_finite() {
    let scratch = Scratch::ready();
    scratch.train("--max_steps 1").ok();
    let train = TRAIN.replace("--model_name_or_path model", "--model_name_or_path out");
    let train = train.replace("--output_dir out", "--output_dir again --max_steps 1");
    let predict = "predict --model out --text cat --device cpu";
    let path = scratch.path("out/model.safetensors");
    let good = fs::read(&path).unwrap();
    for value in [f32::NAN, f32::INFINITY] {
        let mut bytes = good.clone();
        let end = bytes.len();
        bytes[end - 4..].copy_from_slice(&value.to_le_bytes());
        fs::write(&path, bytes).unwrap();
        let holds = format!("holds {value}");
        let wanted = ["model.safetensors: tensor '", holds.as_str()];
        contains(&scratch.run(predict).error(), &wanted);
        contains(&scratch.run(&train).error(), &wanted);
    }
    // Numbers, but so large that what is computed of them is none.
    let mut bytes = good;
    let end = bytes.len();
    for weight in bytes[end - 40_000..].chunks_exact_mut(4) {
        weight.copy_from_slice(&3e38f32.to_le_bytes());
    }
    fs::write(&path, bytes).unwrap();
    let message = scratch.run(predict).error();
    contains(
        &message,
        &["the model's output for \"cat\" is", "far too large"],
    );
    let evaluate = format!("{train} --do_train false --do_eval");
    contains(
        &scratch.run(&evaluate).error(),
        &["row 0 of the split: the model's output is", "far too large"],
    );
}

#[cfg(unix)]
#[test]
fn an_output_folder_that_is_the_models() {
    let scratch = Scratch::ready();
    let before = content(&scratch.path("model"));
    std::os::unix::fs::symlink(scratch.path("model"), scratch.path("linked")).unwrap();
    for (model, output) in [
        ("model", "model"),
        ("model/", "./model"),
        ("linked", "model"),
        ("model", "linked/"),
        ("model", "linked/../model"),
    ] {
        let line = TRAIN
            .replace(
                "--model_name_or_path model",
                &format!("--model_name_or_path {model}"),
            )
            .replace("--output_dir out", &format!("--output_dir {output}"));
        for more in ["", "--overwrite_output_dir"] {
            let message = scratch.run(&format!("{line} --max_steps 1 {more}")).error();
            contains(&message, &["the folder of the model", "another output_dir"]);
        }
    }
    let mut command = scratch.command(
        "train --model_name_or_path . --output_dir . --train_file ../train.csv --device cpu \
         --max_steps 1 --overwrite_output_dir"
            .split_whitespace(),
    );
    let ran = Ran::of(command.current_dir(scratch.path("model")).output().unwrap());
    contains(&ran.error(), &["the folder of the model"]);
    assert_eq!(content(&scratch.path("model")), before);

    // Its own checkpoints are gone on from, and evaluating replaces nothing.
    scratch.train("--max_steps 2 --save_steps 1").ok();
    let own = TRAIN.replace("--model_name_or_path model", "--model_name_or_path out");
    for more in [
        "--max_steps 3 --resume_from_checkpoint",
        "--max_steps 3 --resume_from_checkpoint out/checkpoint-2",
        "--do_train false --do_eval",
    ] {
        scratch.run(&format!("{own} {more}")).ok();
    }
}

#[test]
fn two_runs_in_one_folder() {
    let scratch = Scratch::ready();
    let line = format!("{TRAIN} --max_steps 100000 --save_steps 50 --events first.jsonl");
    let mut first = scratch.command(line.split_whitespace());
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let checkpoint = scratch.path("out/checkpoint-50/trainer_state.json");
    wait_until("the first checkpoint", || checkpoint.exists());
    let process = format!("process {}", first.id());
    for more in [
        "",
        "--resume_from_checkpoint",
        "--overwrite_output_dir",
        "--do_train false --do_eval",
    ] {
        let message = scratch.train(&format!("--max_steps 1 {more}")).error();
        contains(&message, &["out is in use by another run", &process]);
    }
    assert!(first.try_wait().unwrap().is_none(), "the first run ended");
    // The lock goes with its process.
    first.kill().unwrap();
    first.wait().unwrap();
    let last = fs::read_dir(scratch.path("out")).unwrap().flatten();
    let last = last.filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_prefix("checkpoint-")?.parse::<u64>().ok()
    });
    let steps = last.max().unwrap() + 1;
    let more = format!("--max_steps {steps} --resume_from_checkpoint");
    scratch.train(&more).ok();
    for entry in fs::read_dir(scratch.path("out")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(!name.starts_with('.'), "{name} was left");
    }
}

#[test]
fn an_event_log_that_would_replace_something() {
    let scratch = Scratch::ready();
    scratch.write("arguments.json", r#"{"max_steps": 1}"#);
    scratch.write("thesis.txt", "mine\n");
    let before = content(&scratch.path(""));
    for (file, parts) in [
        (
            "train.csv",
            ["would replace the training file", "another file"],
        ),
        (
            "./validation.csv",
            ["would replace the validation file", "another file"],
        ),
        (
            "arguments.json",
            ["would replace the file of arguments", "another file"],
        ),
        ("model/config.json", ["is not an event log", "another file"]),
        ("thesis.txt", ["is not an event log", "another file"]),
        ("model", ["it is a folder", "a file"]),
    ] {
        let message = scratch
            .train(&format!("arguments.json --events {file}"))
            .error();
        contains(&message, &parts);
    }
    assert_eq!(content(&scratch.path("")), before);

    // An earlier log is replaced by a run, and not by one that is refused.
    scratch.train("--max_steps 1 --events log.jsonl").ok();
    let log = fs::read(scratch.path("log.jsonl")).unwrap();
    scratch.train("--max_steps 1 --events log.jsonl").error();
    assert_eq!(fs::read(scratch.path("log.jsonl")).unwrap(), log);
    scratch
        .train("--max_steps 2 --overwrite_output_dir --events log.jsonl")
        .ok();
    assert_eq!(losses(&scratch.events("log.jsonl")).len(), 2);
}

#[test]
fn results_that_cannot_be_read() {
    let scratch = Scratch::ready();
    scratch.train("--max_steps 1").ok();
    scratch.write("out/all_results.json", "{\"eval_accuracy\": 0.");
    let ran = scratch.train("--max_steps 2 --overwrite_output_dir");
    contains(
        &ran.stderr,
        &["warning: out/all_results.json", "all_results.json.damaged"],
    );
    ran.ok();
    let text = fs::read_to_string(scratch.path("out/all_results.json")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["train_loss"].is_number());
}

#[test]
fn predictions_in_place_of_what_they_are_of() {
    let scratch = Scratch::ready();
    let before = fs::read(scratch.path("train.csv")).unwrap();
    let line = "predict --model model --device cpu --input train.csv --output ./train.csv";
    contains(
        &scratch.run(line).error(),
        &["replaced by its own predictions"],
    );
    assert_eq!(fs::read(scratch.path("train.csv")).unwrap(), before);
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

/// Full in the middle of the training: what is done is kept.
#[test]
fn an_event_log_whose_disk_fills_up() {
    let scratch = Scratch::ready();
    let log = scratch.path("log");
    fs::create_dir(&log).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=8k tmpfs '{}' && exec '{}' {TRAIN} --max_steps 4000 --save_strategy no \
         --events log/events.jsonl",
        log.display(),
        env!("CARGO_BIN_EXE_tunesmith"),
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", &script]);
    let ran = Ran::of(command.current_dir(scratch.path("")).output().unwrap());
    contains(
        &ran.stdout,
        &["and saved", "--resume_from_checkpoint out/checkpoint-"],
    );
    let checkpoint = ran
        .stdout
        .split("--resume_from_checkpoint ")
        .nth(1)
        .unwrap();
    let checkpoint = scratch.path(checkpoint.trim());
    assert!(checkpoint.join("model.safetensors").exists());
    contains(
        &ran.error(),
        &["can't write the event log log/events.jsonl"],
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
    // As many positions as a model may have, of 264 floats: 138 MB, over the 134 MB that lavapipe binds.
    let mut large = config();
    large["max_position_embeddings"] = json!(131_072);
    large["hidden_size"] = json!(264);
    write_model(&scratch.path("model"), &large);
    let line = format!("{TRAIN} --max_steps 1").replace("--device cpu", "--device software-gpu");
    let message = scratch.run(&line).error();
    let name = "bert.embeddings.position_embeddings.weight";
    contains(
        &message,
        &[name, "138 MB", "MB are missing", "--device cpu"],
    );
}

/// The table of words lies in two buffers there.
#[test]
fn a_vocabulary_too_large_for_one_binding_is_trained() {
    let scratch = Scratch::ready();
    let mut large = config();
    large["vocab_size"] = json!(1_200_000);
    write_model(&scratch.path("model"), &large);
    let line = format!("{TRAIN} --max_steps 2 --logging_steps 1 --save_strategy no");
    let found = ["cpu", "software-gpu"].map(|device| {
        let line = line.replace(
            "--device cpu",
            &format!("--device {device} --output_dir {device}"),
        );
        scratch.run(&format!("{line} --events {device}.jsonl")).ok();
        losses(&scratch.events(&format!("{device}.jsonl")))
    });
    assert_eq!(found[0].len(), 2);
    for (cpu, gpu) in found[0].iter().zip(&found[1]) {
        assert!((cpu - gpu).abs() < 1e-6, "{found:?}");
    }
}

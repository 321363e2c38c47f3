//! `tunesmith doctor` and `tunesmith download`: what they say of the machine and the network.

use std::fs;

use crate::support::{Ran, Scratch, config, contains, write_model};

#[test]
fn doctor_names_the_devices_and_measures_them() {
    let scratch = Scratch::ready();
    let shown = scratch
        .run("doctor --model model --batch-size 4 --max_seq_length 16")
        .ok();
    contains(
        &shown,
        &[
            "Adapters, by the numbers that --devices takes",
            "  0: llvmpipe",
            "software, computes on the CPU",
            "binds tensors of up to",
            "--device auto takes",
            "Memory to train model, batches of 4 rows x 16 tokens",
            "weights",
            "AdamW's two moments",
            "activations",
            "(with --gradient_checkpointing)",
            "(with --fp16)",
            "--fp16 works on every adapter, and on the CPU",
            "its largest tensor fits",
            "CPU (--device cpu):",
            "(--device software-gpu):",
            "ms a step",
            "is the fastest here",
        ],
    );
}

#[test]
fn doctor_says_so_where_there_is_no_adapter() {
    let scratch = Scratch::new();
    let mut command = scratch.command(["doctor", "--no-measure"]);
    let shown = Ran::of(
        command
            .env("VK_DRIVER_FILES", "/nonexistent")
            .output()
            .unwrap(),
    )
    .ok();
    contains(
        &shown,
        &[
            "no graphics driver was found",
            "--device auto takes CPU (Flex)",
            "no real GPU was found",
            "a model of the size of all-MiniLM-L6-v2",
            "90.9 MB",
        ],
    );
    contains(
        &scratch.run("doctor --model nowhere").error(),
        &["nowhere/config.json"],
    );
}

#[test]
fn doctor_tells_a_model_that_does_not_fit() {
    let scratch = Scratch::new();
    let mut large = config();
    large["max_position_embeddings"] = 131_072.into();
    large["hidden_size"] = 264.into();
    fs::create_dir(scratch.path("model")).unwrap();
    scratch.write("model/config.json", large.to_string());
    let shown = scratch.run("doctor --model model --no-measure").ok();
    contains(
        &shown,
        &[
            "its largest tensor does not fit",
            "are missing; use --device cpu",
        ],
    );
}

#[test]
fn a_hub_that_cannot_be_reached_has_its_own_exit_code() {
    let scratch = Scratch::new();
    write_model(&scratch.path("model"), &config());
    for line in [
        "download owner/name",
        "download --dataset glue mrpc",
        "data glue mrpc",
        "train --model_name_or_path owner/name --task_name mrpc --device cpu",
        "train --model_name_or_path model --task_name mrpc --device cpu",
    ] {
        let ran = scratch.run(line);
        assert_eq!(ran.code, Some(3), "{line}: {ran:?}");
        contains(
            &ran.stderr,
            &["error: ", "is not in the cache", "HF_HUB_OFFLINE"],
        );
    }
    let mut command = scratch.command(["download", "owner/name"]);
    command
        .env_remove("HF_HUB_OFFLINE")
        .env("HF_ENDPOINT", "http://127.0.0.1:9");
    let ran = Ran::of(command.output().unwrap());
    assert_eq!(ran.code, Some(3), "{ran:?}");
    contains(&ran.stderr, &["cannot reach http://127.0.0.1:9"]);
}

#[test]
fn a_download_is_copied_from_the_cache() {
    let scratch = Scratch::new();
    let commit = "0123456789012345678901234567890123456789";
    let repo = "cache/hub/models--owner--name";
    let snapshot = scratch.path(&format!("{repo}/snapshots/{commit}"));
    fs::create_dir_all(&snapshot).unwrap();
    fs::create_dir_all(scratch.path(&format!("{repo}/refs"))).unwrap();
    scratch.write(&format!("{repo}/refs/main"), commit);
    for file in ["config.json", "model.safetensors"] {
        fs::write(snapshot.join(file), file).unwrap();
    }
    let ran = scratch.run("download owner/name --output here");
    contains(&ran.stderr, &["owner/name at commit 0123"]);
    assert_eq!(ran.ok(), "here\n");
    assert_eq!(
        fs::read_to_string(scratch.path("here/model.safetensors")).unwrap(),
        "model.safetensors"
    );
    let shown = scratch.run("download owner/name").ok();
    assert_eq!(shown.trim_end(), snapshot.display().to_string());
}

//! `tunesmith train` from a command line to a folder that can be used.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use tunesmith_protocol::{ARGUMENTS, RunConfig, SET_BY_PANELS};

use crate::support::{Ran, Scratch, config, contains, losses, write_model};

fn json(scratch: &Scratch, path: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(scratch.path(path)).unwrap()).unwrap()
}

/// How far the losses of two devices may be apart: f32 sums in another order.
const TOLERANCE: f64 = 1e-4;

#[test]
fn a_run_ends_with_a_table_a_model_and_what_to_do_with_it() {
    let scratch = Scratch::ready();
    let ran = scratch.train("--num_train_epochs 4 --eval_strategy epoch --events events.jsonl");
    contains(
        &ran.stderr,
        &[
            "Data: train 64 rows, validation 16 rows; labels tame, wild",
            "Training model (",
            "64 rows, 4 epochs, 32 steps of 8 rows, on CPU",
            "step 1/32 loss ",
            "lr 1.00e-3",
            "step 32/32",
            "epoch 1.00, validation: loss",
        ],
    );
    let shown = ran.ok();
    let table: Vec<Vec<&str>> = shown
        .lines()
        .skip_while(|line| !line.starts_with("split"))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert_eq!(
        table[0],
        ["split", "epoch", "step", "loss", "accuracy", "f1"]
    );
    assert_eq!(table[4][..3], ["validation", "4.00", "32"]);
    contains(
        &shown,
        &[
            "The model lies in out",
            "tunesmith predict --model out",
            "from_pretrained(\"out\")",
        ],
    );

    // The events are the protocol's, in order, and the table is made of them.
    let events = scratch.events("events.jsonl");
    let of = |kind: &str| {
        events
            .iter()
            .filter(|event| event["type"] == kind)
            .collect::<Vec<_>>()
    };
    assert!(
        events
            .iter()
            .enumerate()
            .all(|(i, event)| event["seq"] == i && event["version"] == 1)
    );
    assert_eq!(of("step").len(), 32);
    assert_eq!(of("done")[0]["step"], 32);
    let last = of("eval")[3]["metrics"]["accuracy"].as_f64().unwrap();
    assert_eq!(table[4][4], format!("{last:.4}"));

    let config = json(&scratch, "out/config.json");
    assert_eq!(config["id2label"], json!({"0": "tame", "1": "wild"}));
    for file in [
        "model.safetensors",
        "tokenizer.json",
        "README.md",
        "trainer_state.json",
        "training_args.json",
        "train_results.json",
        "all_results.json",
    ] {
        assert!(
            scratch.path("out").join(file).exists(),
            "{file} was not written"
        );
    }
    let state = json(&scratch, "out/trainer_state.json");
    assert_eq!(state["global_step"], 32);
}

#[test]
fn the_model_learns_and_predicts() {
    let scratch = Scratch::ready();
    let line = "--num_train_epochs 30 --save_strategy no --events events.jsonl";
    scratch.train(line).ok();
    let losses = losses(&scratch.events("events.jsonl"));
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (mean(&losses[..8]), mean(&losses[losses.len() - 8..]));
    assert!(last < 0.7 * first, "the loss went from {first} to {last}");

    // What was learnt is in the folder: the training rows are told apart by it.
    let predict = "predict --model out --device cpu --input train.csv --output said.jsonl \
                   --text_column_names sentence1,sentence2";
    let shown = scratch.run(predict).ok();
    assert_eq!(shown, "64 predictions written to said.jsonl\n");
    let rows = fs::read_to_string(scratch.path("train.csv")).unwrap();
    let said = scratch.events("said.jsonl");
    let right = rows
        .lines()
        .skip(1)
        .zip(&said)
        .filter(|(row, said)| row.ends_with(said["label"].as_str().unwrap()))
        .count();
    assert!(right >= 52, "{right} of 64 rows are told right");
}

#[test]
fn a_file_of_arguments_does_what_flags_do() {
    let scratch = Scratch::ready();
    scratch
        .train("--max_steps 5 --save_strategy no --events flags.jsonl")
        .ok();
    let arguments = json!({
        "model_name_or_path": "model", "train_file": "train.csv",
        "validation_file": "validation.csv", "output_dir": "out2", "device": "cpu",
        "learning_rate": 5.0, "max_steps": 5, "save_strategy": "no", "evaluation_strategy": "no",
    });
    scratch.write("args.json", arguments.to_string());
    let ran = scratch.run("train args.json --learning-rate 1e-3 --events file.jsonl");
    contains(
        &ran.stderr,
        &["warning: evaluation_strategy is an older spelling: use eval_strategy"],
    );
    ran.ok();
    let of = |name| losses(&scratch.events(name));
    assert_eq!(of("flags.jsonl").len(), 5);
    assert_eq!(of("flags.jsonl"), of("file.jsonl"));
}

#[test]
fn a_checkpoint_goes_on_where_it_stopped() {
    let scratch = Scratch::ready();
    scratch
        .train("--max_steps 12 --save_steps 5 --events whole.jsonl")
        .ok();
    let again = "--max_steps 12 --save_steps 5 --events rest.jsonl --overwrite_output_dir \
                 --resume_from_checkpoint out/checkpoint-5";
    let ran = scratch.train(again);
    contains(&ran.stderr, &["going on after step 5"]);
    ran.ok();
    let (whole, rest) = (
        losses(&scratch.events("whole.jsonl")),
        losses(&scratch.events("rest.jsonl")),
    );
    // Bit for bit, dropout on, from the middle of an epoch.
    assert_eq!(rest, whole[5..]);
}

#[test]
fn the_software_renderer_gives_the_cpus_losses() {
    let scratch = Scratch::ready();
    let of = |device: &str| {
        let line = format!(
            "train --model_name_or_path model --train_file train.csv --output_dir {device} \
             --device {device} --max_steps 5 --save_strategy no --events {device}.jsonl"
        );
        scratch.run(&line).ok();
        losses(&scratch.events(&format!("{device}.jsonl")))
    };
    let (cpu, gpu) = (of("cpu"), of("software-gpu"));
    assert_eq!((cpu.len(), gpu.len()), (5, 5));
    for (cpu, gpu) in cpu.iter().zip(&gpu) {
        // Dropout is on: both devices draw the same masks.
        let off = (cpu - gpu).abs();
        println!("{off:.1e}");
        assert!(off <= TOLERANCE, "{cpu} and {gpu}");
    }
}

#[test]
fn autotune_times_the_kernels_and_gives_the_same_losses() {
    let scratch = Scratch::ready();
    // Wide enough for the choice of a tile to count.
    let mut wide = config();
    for (name, size) in [("hidden_size", 128), ("intermediate_size", 512)] {
        wide[name] = json!(size);
    }
    write_model(&scratch.path("wide"), &wide);
    let of = |name: &str, device: &str| {
        let line = format!(
            "train --model_name_or_path wide --train_file train.csv --output_dir {name} --device {device} \
             --max_steps 3 --save_strategy no --events {name}.jsonl"
        );
        scratch.run(&line).ok();
        let events = scratch.events(&format!("{name}.jsonl"));
        let timed = |event: &&Value| event["stage"] == "timing kernels";
        let timings: Vec<Value> = events.iter().filter(timed).cloned().collect();
        (losses(&events), timings)
    };
    let (cpu, none) = of("cpu", "cpu --autotune");
    assert!(none.is_empty(), "{none:?}");
    let (looked_up, none) = of("table", "software-gpu");
    assert!(none.is_empty(), "{none:?}");
    let (tuned, timings) = of("tuned", "software-gpu --autotune");
    let last = timings.last().unwrap();
    assert_eq!(
        (last["done"].as_u64(), &last["done"]),
        (Some(timings.len() as u64), &last["total"])
    );
    for losses in [looked_up, tuned] {
        assert_eq!(losses.len(), cpu.len());
        for (loss, cpu) in losses.iter().zip(&cpu) {
            let off = (loss - cpu).abs();
            println!("{off:.1e}");
            assert!(off <= TOLERANCE, "{loss} and {cpu}");
        }
    }
}

#[test]
fn the_help_lists_all_arguments() {
    let scratch = Scratch::new();
    let shown = scratch.run("train --help").ok();
    // A flag ends with a space, or with its line.
    let flags: BTreeSet<&str> = shown
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("--"))
        .collect();
    let groups = [SET_BY_PANELS].into_iter().chain(ARGUMENTS.iter().copied());
    for argument in groups.flat_map(|group| group.items) {
        assert!(flags.contains(argument.name), "--{}", argument.name);
    }
    // None is left out of the table.
    let config = RunConfig::default();
    let all = serde_json::to_value(config).unwrap();
    for name in all.as_object().unwrap().keys() {
        assert!(flags.contains(name.as_str()), "--{name}");
    }
    contains(&shown, &["[default: 3.0]", "--events"]);
    contains(
        &scratch.run("--help").ok(),
        &["train", "predict", "tokenize", "data", "metric", "doctor"],
    );
}

#[test]
fn wrong_arguments_are_told_together() {
    let scratch = Scratch::ready();
    let message = scratch
        .train("--learning_rat 1 --num_train_epochs 0")
        .error();
    contains(
        &message,
        &["learning_rat: there is no such argument; did you mean learning_rate?"],
    );
    let message = scratch.run("train --output_dir out").error();
    contains(
        &message,
        &[
            "model_name_or_path: missing",
            "dataset_name: no data is named",
        ],
    );
    let ran: Ran = scratch.run("train --device cuda");
    contains(&ran.error(), &["device", "cuda", "software-gpu"]);
}

#[test]
fn the_built_in_set_is_learned_by_the_built_in_model() {
    let scratch = Scratch::new();
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
    // As the window and the page set them.
    let arguments = format!(
        "train --model_name_or_path {data}/tiny --dataset_name {data}/news --do_train --device cpu \
         --output_dir out --eval_strategy epoch --learning_rate 1e-3 --per_device_train_batch_size 16 \
         --max_seq_length 128"
    );
    let shown = scratch.run(&arguments).ok();
    assert!(!shown.contains("no better than"), "{shown}");
    let state = json(&scratch, "out/trainer_state.json");
    let log = state["log_history"].as_array().unwrap();
    let accuracy = log
        .iter()
        .rev()
        .find_map(|entry| entry["eval_accuracy"].as_f64());
    assert!(accuracy.unwrap() >= 0.85, "{accuracy:?}");

    // One epoch at a step size for pretrained models learns nothing, and that is told.
    let slow = arguments.replace("1e-3", "1e-9").replace("out ", "slow ");
    let shown = scratch.run(&format!("{slow} --num_train_epochs 1")).ok();
    contains(
        &shown,
        &["no better than always answering", "(12.5 %)", "more epochs"],
    );
}

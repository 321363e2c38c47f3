//! Arguments that would mean nothing, or be passed over: obeyed or refused.

use std::fs;
use std::path::Path;

use crate::support::{Scratch, config, contains, write_model};

/// Puts files into a cache of the hub, under a revision that they were downloaded at.
fn cached(cache: &Path, repo: &str, revision: &str, commit: char, from: &Path) {
    let root = cache.join(repo);
    let commit: String = std::iter::repeat_n(commit, 40).collect();
    fs::create_dir_all(root.join("refs")).unwrap();
    fs::write(root.join("refs").join(revision), &commit).unwrap();
    let snapshot = root.join("snapshots").join(commit);
    fs::create_dir_all(&snapshot).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, snapshot.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_cache_dir_is_of_data_sets_too() {
    let scratch = Scratch::ready();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/paraphrase/mrpc_like");
    cached(
        &scratch.path("mine"),
        "datasets--me--pairs",
        "main",
        'a',
        &data,
    );
    let train = "train --model_name_or_path model --dataset_name me/pairs --output_dir out \
                 --device cpu --max_steps 1 --max_seq_length 16 --max_train_samples 8";
    let shared = scratch.run(train);
    contains(&shared.stderr, &["me/pairs", "not in the cache"]);
    scratch.run(&format!("{train} --cache_dir mine")).ok();
}

#[test]
fn a_revision_is_of_the_tokenizer_too() {
    let scratch = Scratch::ready();
    let model = scratch.path("model");
    cached(
        &scratch.path("mine"),
        "models--me--model",
        "v2",
        'b',
        &model,
    );
    // As a hub may have it: the tokenizer of today doesn't fit the model of then.
    let wide = scratch.path("wide");
    write_model(&wide, &config());
    let words: Vec<String> = (0..99).map(|i| format!("word{i}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    crate::support::write_tokenizer(&wide, &words);
    cached(
        &scratch.path("mine"),
        "models--me--words",
        "main",
        'c',
        &wide,
    );
    cached(
        &scratch.path("mine"),
        "models--me--words",
        "v2",
        'd',
        &model,
    );
    let train = "train --model_name_or_path me/model --tokenizer_name me/words --train_file train.csv \
                 --output_dir out --device cpu --max_steps 1 --cache_dir mine";
    contains(
        &scratch.run(train).stderr,
        &["me/model", "not in the cache"],
    );
    scratch.run(&format!("{train} --model_revision v2")).ok();
}

#[test]
fn a_task_whose_labels_the_data_has_not_is_refused() {
    let scratch = Scratch::ready();
    let three = "sentence1,sentence2,label\na,b,x\nc,d,y\ne,f,z\n";
    scratch.write("train.csv", three);
    scratch.write("validation.csv", three);
    let message = scratch.train("--task_name mrpc --max_steps 1").error();
    contains(
        &message,
        &[
            "the task mrpc has 2 classes",
            "this run has 3 classes",
            "Leave task_name out",
        ],
    );
    scratch
        .train("--max_steps 1 --ignore_mismatched_sizes")
        .ok();
}

#[test]
fn a_training_that_the_machine_has_no_memory_for_is_refused_with_what_fits() {
    let scratch = Scratch::ready();
    let mut wide = config();
    wide["max_position_embeddings"] = 8192.into();
    write_model(&scratch.path("model"), &wide);
    // Rows as long as they may be: 275 GB of attention weights. Padding would take nothing.
    let long = "the one ".repeat(4096);
    let rows: String = (0..64)
        .map(|row| format!("{long},{long},{}\n", ["tame", "wild"][row % 2]))
        .collect();
    scratch.write("train.csv", format!("sentence1,sentence2,label\n{rows}"));
    let message = scratch
        .train("--max_seq_length 8192 --per_device_train_batch_size 64")
        .error();
    contains(
        &message,
        &[
            "batches of 64 rows of up to 8192 tokens take about",
            "this machine has",
            "per_device_train_batch_size",
            "gradient_accumulation_steps",
            "max_seq_length",
            "would fit",
        ],
    );
    assert!(!scratch.path("out").exists());
}

#[test]
fn smoothing_of_numbers_is_refused() {
    let scratch = Scratch::ready();
    let numbers = "sentence1,sentence2,label\na,b,0.5\nc,d,1.5\n";
    scratch.write("train.csv", numbers);
    scratch.write("validation.csv", numbers);
    let train = "--max_steps 1 --ignore_mismatched_sizes";
    let message = scratch
        .train(&format!("{train} --label_smoothing_factor 0.1"))
        .error();
    contains(
        &message,
        &[
            "label_smoothing_factor is for one class a row",
            "regression",
        ],
    );
    for (given, part) in [
        (
            "--class_weights balanced",
            "class_weights is for one class a row or token",
        ),
        ("--loss focal", "loss is for one class a row or token"),
        (
            "--weighted_sampling true",
            "weighted_sampling is for one class a row,",
        ),
    ] {
        contains(
            &scratch.train(&format!("{train} {given}")).error(),
            &[part, "regression"],
        );
    }
    scratch.train(train).ok();
}

#[test]
fn classes_may_count_differently() {
    let scratch = Scratch::ready();
    let losses = |name: &str, more: &[&str]| -> Vec<f64> {
        let words = [
            "--max_steps",
            "3",
            "--overwrite_output_dir",
            "--events",
            name,
        ];
        let words = crate::support::TRAIN.split_whitespace().chain(words);
        let words = words.chain(more.iter().copied());
        crate::support::Ran::of(scratch.command(words).output().unwrap()).ok();
        crate::support::losses(&scratch.events(name))
    };
    let plain = losses("plain.jsonl", &[]);
    assert_eq!(plain.len(), 3);
    for more in [
        &["--class_weights", r#"{"wild": 3, "tame": 0.5}"#][..],
        &["--class_weights", "[0.5, 3]"],
        &["--loss", "focal"],
        &["--weighted_sampling"],
    ] {
        assert_ne!(losses("other.jsonl", more), plain, "{more:?}");
    }
    let refused = scratch.train("--class_weights heavy").error();
    contains(&refused, &["class_weights", "none, balanced, or JSON"]);
    contains(
        &scratch.train("--class_weights [0,1]").error(),
        &["class_weights: 0 is not a number above 0"],
    );
    contains(
        &scratch
            .train("--loss focal --label_smoothing_factor 0.1")
            .error(),
        &["the focal loss has no label smoothing"],
    );
    contains(
        &scratch.train("--focal_gamma 0").error(),
        &["focal_gamma: 0 is not above 0"],
    );
    let both = "--weighted_sampling true --group_by_length true";
    contains(&scratch.train(both).error(), &["keep one of the two"]);
}

#[test]
fn parts_of_a_model_are_trained_and_the_others_left() {
    let scratch = Scratch::ready();
    let trained = |more: &str| {
        scratch
            .train(&format!(
                "--max_steps 2 --overwrite_output_dir --events run.jsonl {more}"
            ))
            .ok();
        let events = scratch.events("run.jsonl");
        let started = events.iter().find(|event| event["type"] == "run_started");
        started.unwrap()["trainable_parameters"].as_u64().unwrap()
    };
    let all = trained("");
    let upper = trained("--freeze_embeddings --freeze_layers 0");
    let head = trained("--train_head_only");
    assert!(head < upper && upper < all, "{head}, {upper}, {all}");
    assert_eq!(
        trained("--llrd 0.9 --freeze_layers 0,0-0"),
        trained("--freeze_layers 0")
    );
    trained("--freeze_embeddings --freeze_layers 0 --llrd 0.9");
    let card = std::fs::read_to_string(scratch.path("out/README.md")).unwrap();
    contains(
        &card,
        &[
            "- freeze_embeddings: true",
            "- freeze_layers: 0\n",
            "- llrd: 0.9",
        ],
    );
    for (more, told) in [
        (
            "--freeze_layers 7",
            "freeze_layers names the layer 7, and the model has the layers 0 to",
        ),
        (
            "--freeze_layers a-b",
            "names no layers: give numbers from 0 and ranges of them",
        ),
        ("--llrd 0", "llrd: 0 is not above 0 and at most 1"),
        (
            "--llrd 0.9 --train_head_only",
            "with train_head_only there are no layers to train",
        ),
    ] {
        let more = format!("{more} --overwrite_output_dir");
        contains(&scratch.train(&more).error(), &[told]);
    }
    let shown = |more: &str| {
        scratch
            .run(&format!("doctor --model model --no-measure {more}"))
            .ok()
    };
    assert_ne!(shown(""), shown("--train_head_only"));
    assert_ne!(shown(""), shown("--freeze_embeddings --freeze_layers 0"));
}

#[test]
fn a_schedules_arguments_are_refused_by_another() {
    let scratch = Scratch::ready();
    let power = [
        "--max_steps",
        "1",
        "--lr_scheduler_kwargs",
        r#"{"power": 2}"#,
    ];
    let words = crate::support::TRAIN.split_whitespace().chain(power);
    let refused = crate::support::Ran::of(scratch.command(words).output().unwrap());
    contains(
        &refused.error(),
        &["lr_scheduler_kwargs: power is of the schedule polynomial"],
    );
    let words = crate::support::TRAIN
        .split_whitespace()
        .chain(power)
        .chain(["--lr_scheduler_type", "polynomial"]);
    crate::support::Ran::of(scratch.command(words).output().unwrap()).ok();
}

#[test]
fn what_only_transformers_has_is_told_from_a_typing_error() {
    let message = Scratch::ready()
        .train("--torch_compile --dataloader_num_worker 4 --learning_rat 1e-3")
        .error();
    contains(
        &message,
        &[
            "torch_compile: kernels are compiled ahead: leave it out; got true",
            "dataloader_num_worker: there is no such argument; did you mean dataloader_num_workers?",
            "learning_rat: there is no such argument; did you mean learning_rate?",
        ],
    );
}

#[test]
fn splits_and_columns_are_arranged_as_run_classification_does() {
    let scratch = Scratch::ready();
    let folder = scratch.path("set");
    std::fs::create_dir(&folder).unwrap();
    let rows = std::fs::read_to_string(scratch.path("train.csv")).unwrap();
    let rows = rows.replace("sentence1,sentence2,label", "first,second,label");
    for name in ["train", "validation", "test"] {
        std::fs::write(folder.join(format!("{name}.csv")), &rows).unwrap();
    }
    let train = |more: &str| {
        scratch.run(&format!(
            "train --model_name_or_path model --dataset_name set --output_dir out --device cpu --max_steps 1 \
             --overwrite_output_dir --text_column_names first --do_eval true {more}"
        ))
    };
    let names = "--train_split_name validation --validation_split_name test";
    train(names).ok();
    train(&format!(
        "{names} --remove_splits train --remove_columns second --shuffle_train_dataset \
                    --max_train_samples 9"
    ))
    .ok();
    contains(
        &train("--remove_splits validation").error(),
        &["validation", "train, test"],
    );
    contains(
        &train(&format!("{names} --remove_splits extra")).error(),
        &["extra", "train, validation, test"],
    );
    contains(
        &train(&format!("{names} --remove_columns third")).error(),
        &["third"],
    );
    let error = train(&format!("{names} --remove_columns first")).error();
    contains(&error, &["first"]);
}

#[test]
fn warnings_and_bars_can_be_left_out() {
    let scratch = Scratch::ready();
    let warned = |more: &str| {
        let ran = scratch.train(&format!(
            "--max_steps 1 --eval_strategy steps --early_stopping_patience 3 --overwrite_output_dir {more}"
        ));
        let text = ran.stderr.clone();
        ran.ok();
        text.contains("warning: ")
    };
    assert!(warned("--disable_tqdm true"));
    assert!(!warned("--log_level error"));
    scratch
        .train("--max_steps 1 --run_name pets --overwrite_output_dir")
        .ok();
    let card = std::fs::read_to_string(scratch.path("out/README.md")).unwrap();
    contains(&card, &["pets"]);
}

//! The memory that a training takes, measured, beside the estimate, and that of predicting a large file. Linux tells of one child's peak, and a
//! child's begins with that of the process that starts it: so this is a program of its own, which does little.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::mem::MaybeUninit;
use std::process::Stdio;

use tunesmith::model::{AutoConfig, Words};
use tunesmith_session::MemoryEstimate;

#[path = "../command/support.rs"]
#[allow(dead_code, reason = "shared with the command's other tests")]
mod support;

use support::{Scratch, TRAIN, minilm, pairs};

/// How far an estimate may be below a peak, as a share of it: what people choose a batch by.
const BELOW: f64 = 0.05;

/// And above: the allocator's holes differ from run to run, and peaks of one training by 6%.
const ABOVE: f64 = 0.08;

/// Megabytes that ten times as many rows may take: the allocator's holes, which differ from run to run by 25.
const MORE: f64 = 40.0;

/// The peak of the resident memory of a training of so many rows a batch, in bytes.
fn peak(scratch: &Scratch, batch: usize, length: usize) -> f64 {
    // Rows as long as they may be, of words that all rows have.
    let row = format!(
        "{},{},1\n",
        "we agree ".repeat(length),
        "you differ ".repeat(length)
    );
    let rows = format!(
        "sentence1,sentence2,label\n{}{}",
        row.repeat(63),
        row.replace(",1", ",0")
    );
    scratch.write("train.csv", rows);
    let more = format!(
        "--model_name_or_path {} --max_seq_length {length} --per_device_train_batch_size {batch} \
         --max_steps 2 --save_strategy no --overwrite_output_dir",
        minilm().display()
    );
    peak_of(scratch, &format!("{TRAIN} {more}"))
}

/// The peak of the resident memory of a command, in bytes.
#[allow(
    clippy::zombie_processes,
    reason = "wait4 waits, and tells of the child's memory"
)]
fn peak_of(scratch: &Scratch, line: &str) -> f64 {
    let mut command = scratch.command(line.split_whitespace());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().unwrap();
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both places are this function's own, and the child is not waited for elsewhere.
    let usage = unsafe {
        let id = child.id().cast_signed();
        assert_eq!(libc::wait4(id, &mut status, 0, usage.as_mut_ptr()), id);
        usage.assume_init()
    };
    assert_eq!(status, 0, "the command failed");
    1024.0 * usage.ru_maxrss as f64
}

#[test]
fn a_training_takes_what_is_estimated() {
    let scratch = Scratch::ready();
    let config = AutoConfig::from_pretrained(&minilm()).unwrap();
    for (batch, length) in [(8, 128), (32, 128)] {
        let words = Words::Of {
            trained: (0..10).collect(),
            evaluated: (0..100).collect(),
        };
        let estimate = MemoryEstimate::of_rows(&config, vec![length; batch], &words);
        let estimate = estimate.total() as f64;
        let peak = peak(&scratch, batch, length);
        let (estimated, measured) = (estimate / 1e6, peak / 1e6);
        println!("{batch} x {length}: {estimated:.1} MB estimated, {measured:.1} MB measured");
        assert!(
            (-BELOW..ABOVE).contains(&(estimate / peak - 1.0)),
            "{batch} x {length}: {estimated:.1} MB estimated, {measured:.1} MB measured"
        );
    }
}

#[test]
fn predicting_takes_no_more_for_more_rows() {
    let scratch = Scratch::ready();
    let predict = |rows: usize, output: &str| {
        scratch.write("rows.csv", pairs(rows, 0));
        let columns = "--text_column_names sentence1,sentence2";
        let line = format!(
            "predict --model model --device cpu --input rows.csv --output {output} {columns}"
        );
        peak_of(&scratch, &line) / 1e6
    };
    for output in ["said.csv", "said.parquet"] {
        let (few, many) = (predict(30_000, output), predict(300_000, output));
        println!("{output}: {few:.1} MB for 30,000 rows, {many:.1} MB for 300,000");
        // Held in memory, the texts and predictions of so many rows would be 100 MB.
        assert!(many < few + MORE, "{few:.1} MB, then {many:.1} MB");
    }
}

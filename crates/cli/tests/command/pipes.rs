//! Whoever reads the output may stop at any line (`| head`, `| less` and `q`): what has nothing else to
//! do ends then, and a training goes on and saves.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::process::{Child, Stdio};

use crate::support::{Scratch, TRAIN, losses, wait_until};

/// Starts the command with both outputs in one pipe, as `2>&1 |` does.
fn start(scratch: &Scratch, line: &str) -> (Child, PipeReader) {
    let (reader, writer) = pipe().unwrap();
    let mut command = scratch.command(line.split_whitespace());
    command.stdin(Stdio::null());
    command.stdout(writer.try_clone().unwrap()).stderr(writer);
    (command.spawn().unwrap(), reader)
}

/// The exit code of a command whose reader goes away after so many lines.
#[track_caller]
fn head(scratch: &Scratch, line: &str, lines: usize) -> Option<i32> {
    let (child, reader) = start(scratch, line);
    if lines > 0 {
        let reader = BufReader::new(reader);
        assert_eq!(
            reader.lines().take(lines).flatten().count(),
            lines,
            "{line}"
        );
    } else {
        drop(reader);
    }
    code(child)
}

#[track_caller]
fn code(child: Child) -> Option<i32> {
    let child = RefCell::new(child);
    wait_until("the end", || {
        child.borrow_mut().try_wait().unwrap().is_some()
    });
    child.into_inner().wait().unwrap().code()
}

#[test]
fn a_training_goes_on_and_saves() {
    let scratch = Scratch::ready();
    for lines in [0, 1, 2] {
        let line = format!(
            "{TRAIN} --max_steps 6 --save_steps 2 --overwrite_output_dir --events log-{lines}.jsonl"
        );
        assert_eq!(head(&scratch, &line, lines), Some(0), "after {lines} lines");
        assert_eq!(
            losses(&scratch.events(&format!("log-{lines}.jsonl"))).len(),
            6
        );
        assert!(scratch.path("out/model.safetensors").exists());
        std::fs::remove_dir_all(scratch.path("out")).unwrap();
    }
    // The exit code still tells what went wrong.
    let wild = format!("{TRAIN} --max_steps 6 --learning_rate 1e30");
    assert_eq!(head(&scratch, &wild, 1), Some(1));
    let refused = format!("{TRAIN} --max_steps 0");
    assert_eq!(head(&scratch, &refused, 0), Some(1));
}

#[test]
fn other_commands_end_quietly() {
    let scratch = Scratch::ready();
    let texts = "{\"text\": \"the cat sat\"}\n".repeat(20_000);
    scratch.write("texts.jsonl", texts);
    for (line, lines) in [
        ("tokenize --model model --input texts.jsonl", 1),
        ("tokenize --model model --text cat", 0),
        ("data --train_file train.csv", 0),
        ("data --train_file train.csv --features --digest", 1),
        ("predict --model model --device cpu --text cat", 0),
        (
            "predict --model model --device cpu --input train.csv --output predicted.jsonl \
             --text_column_names sentence1,sentence2",
            0,
        ),
        ("doctor --no-measure", 1),
        ("train --help", 1),
        ("--help", 0),
    ] {
        assert_eq!(head(&scratch, line, lines), Some(0), "{line}");
    }
    assert!(scratch.path("predicted.jsonl").exists());
    // What is refused is refused with its code.
    assert_eq!(head(&scratch, "data --train_file nothing.csv", 0), Some(1));
    assert_eq!(head(&scratch, "predict", 0), Some(2));
}

#[test]
fn a_run_outlives_the_reader_of_its_events() {
    let scratch = Scratch::ready();
    let line = format!("{TRAIN} --max_steps 6 --events /dev/stdout");
    let mut command = scratch.command(line.split_whitespace());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let reader = BufReader::new(child.stdout.take().unwrap());
    assert_eq!(reader.lines().take(1).count(), 1);
    assert_eq!(code(child), Some(0));
    assert!(scratch.path("out/model.safetensors").exists());
}

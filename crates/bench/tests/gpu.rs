//! `tunesmith-bench gpu` on a software renderer, with a model that is small enough for it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn measure(output: &Path, more: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Command::new(env!("CARGO_BIN_EXE_tunesmith-bench"))
        .args(["gpu", "--device", "software-gpu", "--steps", "2"])
        .args(["--python", "no-such-python"])
        .arg("--model")
        .arg(root.join("data/tiny"))
        .arg("--output")
        .arg(output)
        .args(more)
        .output()
        .unwrap()
}

fn parts(output: &Path) -> Vec<Value> {
    let text = fs::read_to_string(output.join("gpu.json")).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    report["parts"].as_array().unwrap().clone()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_whole_table_is_written_though_parts_of_it_fail() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("made");
    let ran = measure(&folder, &["--shape", "2x8", "--shape", "3x16"]);
    assert!(ran.status.success(), "{}", told(&ran));
    let parts = parts(&folder);
    let of =
        |name: &str| -> Vec<&Value> { parts.iter().filter(|part| part["part"] == name).collect() };
    let steps = of("step");
    assert_eq!(steps.len(), 2);
    for (step, [batch, length]) in steps.iter().zip([[2, 8], [3, 16]]) {
        assert_eq!(
            (&step["batch"], &step["length"], &step["precision"]),
            (&batch.into(), &length.into(), &"f32".into())
        );
        assert!(
            step["results"][0]["rows"][0]["step_ms"].as_f64().unwrap() > 0.0,
            "{step}"
        );
    }
    for kernels in of("kernels") {
        let rows = kernels["results"][0]["rows"].as_array().unwrap();
        let timed = |row: &Value| row["ms"].as_f64().unwrap() > 0.0;
        assert!(rows.len() > 20 && rows.iter().all(timed), "{kernels}");
    }
    // No Python of this name, and a model too small for a choice of tiles.
    for (name, reason) in [("torch", "no-such-python"), ("tiles", "no tiles to choose")] {
        assert_eq!(of(name).len(), 2);
        for part in of(name) {
            assert!(part["reason"].as_str().unwrap().contains(reason), "{part}");
        }
    }
    let table = fs::read_to_string(folder.join("gpu.md")).unwrap();
    for line in [
        "| tiny | 2 x 8 | f32 |",
        "## kernels tiny 3 x 16",
        "| torch tiny 2 x 8 | no PyTorch",
    ] {
        assert!(table.contains(line), "{line}: {table}");
    }
}

#[test]
fn without_time_every_part_says_so_and_the_command_fails() {
    let folder = tempfile::tempdir().unwrap();
    let ran = measure(folder.path(), &["--shape", "2x8", "--seconds", "0"]);
    assert!(!ran.status.success());
    assert!(
        told(&ran).contains("nothing could be measured"),
        "{}",
        told(&ran)
    );
    for part in parts(folder.path()) {
        assert!(
            part["reason"]
                .as_str()
                .unwrap()
                .contains("no time was left"),
            "{part}"
        );
    }
}

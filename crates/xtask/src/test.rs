//! The tests with their set-up: the checkpoint they read and the graphics adapter they compute on.
//!
//! A test whose data or adapter is missing fails; none is skipped. So the set-up comes first, and
//! the run ends with one line of counts, `N passed, N failed`, that covers all test programs.

use std::env;
use std::fs;
use std::ops::AddAssign;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::project::{PARAPHRASE_CONFIG, Project};
use crate::setup::{minilm, python, screen, swiftshader, vulkan};
use crate::shell::Cmd;
use crate::{parity, web};

/// How many tests did what.
#[derive(Debug, Default, PartialEq)]
pub struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Adds what a line of libtest's says, if it is a closing line.
    fn read(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Adds what a line of TAP says, if it is one of the closing counts.
    pub fn read_tap(&mut self, line: &str) {
        let mut words = line.split(' ');
        let (Some("#"), Some(what), Some(Ok(number))) = (
            words.next(),
            words.next(),
            words.next().map(str::parse::<u64>),
        ) else {
            return;
        };
        match what {
            "pass" => self.passed += number,
            "fail" | "cancelled" => self.failed += number,
            "skipped" | "todo" => self.ignored += number,
            _ => {}
        }
    }

    /// Adds what Playwright's JSON report says. A test that failed first and passed later is a failure.
    pub fn read_playwright(&mut self, report: &Value) {
        let count = |name: &str| report["stats"][name].as_u64().unwrap_or(0);
        let broken = report["errors"].as_array().map_or(0, Vec::len) as u64;
        self.passed += count("expected");
        self.failed += count("unexpected") + count("flaky") + broken;
        self.ignored += count("skipped");
    }

    /// Whether a test failed.
    pub fn has_failed(&self) -> bool {
        self.failed > 0
    }

    /// Adds one check.
    pub fn count(&mut self, passed: bool) {
        match passed {
            true => self.passed += 1,
            false => self.failed += 1,
        }
    }

    /// Counts a failure where a program of tests failed though none of its tests did.
    pub fn ended(&mut self, program: &str, status: ExitStatus) {
        if !status.success() && self.failed == 0 {
            eprintln!(
                "{program} failed ({status}), though no test did: a build or a crash, see above"
            );
            self.failed = 1;
        }
    }

    /// Prints the closing line; the code is a failure where a test failed or none ran.
    pub fn report(&self) -> ExitCode {
        println!("\n{}", self.line());
        if self.failed == 0 && self.passed > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn line(&self) -> String {
        let skipped = match self.ignored {
            0 => String::new(),
            ignored => format!(", {ignored} skipped"),
        };
        format!("{} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// Runs all tests, or the workspace's whose name contains one of the filters.
///
/// # Errors
/// When the set-up fails or a lane can't be started.
pub fn all(project: &Project, filters: &[String]) -> Result<Tally> {
    let mut tally = cargo(project, filters)?;
    if filters.is_empty() {
        let lanes: [(&str, &dyn Fn() -> Result<Tally>); 2] = [
            ("the browser lane", &|| web::test(project, &[])),
            ("parity", &|| parity::run(project)),
        ];
        for (name, lane) in lanes {
            match lane() {
                Ok(lane) => tally += lane,
                // So that what the others said is still counted.
                Err(error) => {
                    eprintln!("error: {name}: {error:#}");
                    tally.failed += 1;
                }
            }
        }
    }
    Ok(tally)
}

/// Runs the workspace's tests, those whose name contains one of the filters if there are any.
///
/// # Errors
/// When the set-up fails or cargo can't be started.
fn cargo(project: &Project, filters: &[String]) -> Result<Tally> {
    vulkan::software().context("the tests need software Vulkan")?;
    let swiftshader = swiftshader::manifest().context("the tests need SwiftShader")?;
    screen::ready().context("the desktop app's test needs a screen")?;
    let mut command = project
        .cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("TUNESMITH_MINILM", minilm::for_tests(project)?)
        .env("TUNESMITH_SHARED", shared(project))
        // Beside the system's drivers.
        .env("VK_ADD_DRIVER_FILES", swiftshader);
    if !filters.is_empty() {
        command = command.arg("--").args(filters);
    }
    let mut tally = Tally::default();
    let status = command.lines(|line| tally.read(line))?;
    tally.ended("cargo test", status);
    Ok(tally)
}

/// The reference data that tests compare with.
fn shared(project: &Project) -> PathBuf {
    env::var_os("TUNESMITH_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| project.root.join("..").join("shared"))
}

/// Fine-tunes for a few steps and lets Python's transformers load what was written: each script in
/// `tests/python` is one test.
///
/// # Errors
/// When the set-up fails, or the model can't be trained or asked.
pub fn python(project: &Project) -> Result<Tally> {
    let python = python::ensure(project)?;
    let checkpoint = minilm::for_tests(project)?;
    let tunesmith = project.tunesmith()?;
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let model = scratch.path().join("model");
    Cmd::new(&tunesmith)
        .args(["train", "--device", "cpu", "--max_steps", "5"])
        .args(["--eval_strategy", "no", "--save_strategy", "no"])
        .arg("--model_name_or_path")
        .arg(&checkpoint)
        .arg("--dataset_name")
        .arg(project.paraphrase())
        .args(["--dataset_config_name", PARAPHRASE_CONFIG, "--output_dir"])
        .arg(&model)
        .run()?;

    let (input, predictions) = (
        scratch.path().join("pairs.jsonl"),
        scratch.path().join("predictions.jsonl"),
    );
    write_pairs(&input)?;
    Cmd::new(&tunesmith)
        .args(["predict", "--device", "cpu", "--model"])
        .arg(&model)
        .arg("--input")
        .arg(&input)
        .arg("--output")
        .arg(&predictions)
        .run()?;

    let mut tally = Tally::default();
    for script in scripts(&project.root.join("tests").join("python"))? {
        let ran = Cmd::new(&python)
            .arg(&script)
            .arg(&model)
            .arg(&input)
            .arg(&predictions)
            // The model is a folder: transformers has nothing to ask the hub.
            .env("HF_HUB_OFFLINE", "1")
            .run();
        match ran {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                eprintln!("{error:#}");
                tally.failed += 1;
            }
        }
    }
    Ok(tally)
}

/// Pairs of different lengths, so that batches are padded; one is cut at the model's limit.
fn write_pairs(path: &Path) -> Result<()> {
    let long = "A sentence that goes on and on and says nothing new. ".repeat(60);
    let pairs = [
        (
            "The council approved the budget.",
            "The budget was approved by the council.",
        ),
        (
            "Rain is expected on Friday.",
            "No rain is expected on Friday, the service said in its outlook.",
        ),
        ("Yes.", "No."),
        (
            "Café prices rose 3.5% — again!",
            "Coffee houses charge more.",
        ),
        (long.as_str(), "Short."),
    ];
    let lines: String = pairs
        .iter()
        .map(|(text, pair)| format!("{}\n", json!({"text": text, "text_pair": pair})))
        .collect();
    fs::write(path, lines).with_context(|| format!("can't write {}", path.display()))
}

fn scripts(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut scripts: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with("test_") && name.ends_with(".py"))
        })
        .collect();
    scripts.sort();
    Ok(scripts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn closing_lines_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 1 ignored; 0 measured; 5 filtered out; finished in 1.50s",
        ] {
            tally.read(line);
        }
        assert_eq!(tally.line(), "13 passed, 2 failed, 1 skipped");
        assert_eq!(
            format!("{:?}", tally.report()),
            format!("{:?}", ExitCode::FAILURE)
        );
    }

    #[test]
    fn the_browser_lane_s_counts_are_added() {
        let mut tally = Tally::default();
        for line in [
            "TAP version 13",
            "# Subtest: fail 3",
            "ok 1 - a",
            "# tests 7",
            "# pass 4",
            "# fail 2",
        ] {
            tally.read_tap(line);
        }
        assert_eq!(tally.line(), "4 passed, 2 failed");
        let mut other = Tally::default();
        other.read_playwright(&json!({
            "errors": [{"message": "a file that doesn't parse"}],
            "stats": {"expected": 5, "unexpected": 1, "flaky": 1, "skipped": 2},
        }));
        tally += other;
        assert_eq!(tally.line(), "9 passed, 5 failed, 2 skipped");
    }

    #[test]
    fn a_run_without_tests_is_a_failure() {
        assert_eq!(Tally::default().line(), "0 passed, 0 failed");
        assert_eq!(
            format!("{:?}", Tally::default().report()),
            format!("{:?}", ExitCode::FAILURE)
        );
    }

    #[test]
    fn every_python_test_is_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["test_b.py", "test_a.py", "helper.py", "test_notes.txt"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = scripts(folder.path())
            .unwrap()
            .iter()
            .map(|path| path.file_name().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["test_a.py", "test_b.py"]);
    }
}

//! Counts of tests, read from what each kind of test program prints.

use std::ops::AddAssign;
use std::process::{ExitCode, ExitStatus};

use serde_json::Value;

/// How many tests did what.
#[derive(Debug, Default, PartialEq)]
pub struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    ignored: u64,
}

impl Tally {
    /// Adds what a line of libtest's says, if it is a closing line.
    pub fn read(&mut self, line: &str) {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

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
}

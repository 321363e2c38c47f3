//! `cargo xtask audit`: what the dependencies may do to whoever uses us. Their licences, sources and
//! known weaknesses, by cargo-deny and by npm.
//!
//! Advisories come from the network, which not every machine has: a check that can't run says so and why,
//! and only `--strict`, which the workflow on GitHub gives, takes that for a failure.

use std::process::Output;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::project::Project;
use crate::setup::node;

/// How the workflow installs what is missing; `Cargo.lock` is that of its authors.
const INSTALL: &str = "cargo install --locked cargo-deny";

/// What a check came to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Passed,
    /// What was found, to be read.
    Found(String),
    /// Why it could not be checked.
    Unchecked(String),
}

use Outcome::{Found, Passed, Unchecked};

/// Runs every check and prints what each came to.
///
/// # Errors
/// When something was found, or with `strict` something could not be checked; the message names it.
pub fn run(project: &Project, strict: bool) -> Result<()> {
    let (policy, advisories) = deny(project)?;
    let checks = [
        ("licences, bans and sources (cargo-deny)", policy),
        ("advisories of crates (cargo-deny)", advisories),
        ("advisories of npm packages (npm audit)", npm(project)?),
    ];
    let mut failed = Vec::new();
    for (name, outcome) in &checks {
        match outcome {
            Passed => println!("audit: {name}: nothing found"),
            Found(what) => {
                println!("audit: {name}: FOUND\n{what}");
                failed.push(*name);
            }
            Unchecked(why) => {
                println!("audit: {name}: NOT CHECKED: {why}");
                if strict {
                    failed.push(*name);
                }
            }
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// The checks that need the repository alone, and the one that needs the database.
fn deny(project: &Project) -> Result<(Outcome, Outcome)> {
    let cargo = |words: &[&str]| project.cargo().arg("deny").args(words);
    if !cargo(&["--version"]).succeeds() {
        let why = format!("there is no cargo-deny here; `{INSTALL}` builds it");
        return Ok((Unchecked(why.clone()), Unchecked(why)));
    }
    let check = cargo(&["check", "licenses", "bans", "sources"]).output()?;
    let policy = judged(&check);
    // Apart from the check, so that a database that can't be fetched isn't taken for a finding.
    let fetched = cargo(&["fetch", "db"]).output()?;
    let advisories = if fetched.status.success() {
        judged(&cargo(&["check", "--disable-fetch", "advisories"]).output()?)
    } else {
        let why = last_lines(&fetched.stderr, 1);
        Unchecked(format!("the advisory database can't be fetched: {why}"))
    };
    Ok((policy, advisories))
}

fn judged(output: &Output) -> Outcome {
    match output.status.success() {
        true => Passed,
        false => Found(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

fn npm(project: &Project) -> Result<Outcome> {
    // The lock file is enough: nothing is installed.
    let words = ["audit", "--package-lock-only", "--json"];
    match node::npm(project).args(words).output() {
        Ok(output) => Ok(read_npm(&String::from_utf8_lossy(&output.stdout))),
        Err(error) => Ok(Unchecked(format!("{error:#}"))),
    }
}

/// npm ends alike for a finding and for a registry without an answer; its report tells them apart.
fn read_npm(report: &str) -> Outcome {
    let report: Value = serde_json::from_str(report).unwrap_or_default();
    let counted = &report["metadata"]["vulnerabilities"]["total"];
    match counted.as_u64() {
        Some(0) => Passed,
        Some(_) => {
            let found = report["vulnerabilities"].as_object().into_iter().flatten();
            let lines = found.map(|(name, about)| {
                let severity = about["severity"].as_str().unwrap_or("unknown");
                let range = about["range"].as_str().unwrap_or_default();
                format!("  {name} {range}: {severity}")
            });
            Found(lines.collect::<Vec<_>>().join("\n"))
        }
        None => {
            let why = report["message"]
                .as_str()
                .unwrap_or("npm gave no report")
                .to_owned();
            Unchecked(format!("the registry doesn't answer an audit: {why}"))
        }
    }
}

/// The last lines that aren't blank.
fn last_lines(bytes: &[u8], count: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::fs;

    use crate::files;

    #[test]
    fn a_finding_is_told_from_a_registry_that_does_not_answer() {
        let clean = r#"{"vulnerabilities": {}, "metadata": {"vulnerabilities": {"total": 0}}}"#;
        assert_eq!(read_npm(clean), Passed);
        let bad = r#"{
            "vulnerabilities": {"left-pad": {"severity": "high", "range": "<1.3.0"}},
            "metadata": {"vulnerabilities": {"high": 1, "total": 1}}
        }"#;
        assert_eq!(read_npm(bad), Found("  left-pad <1.3.0: high".to_owned()));
        let unreached = r#"{"message": "405 Method Not Allowed", "error": {"summary": ""}}"#;
        let Unchecked(why) = read_npm(unreached) else {
            panic!("taken for an audit");
        };
        assert!(why.contains("405"), "{why}");
        assert!(matches!(read_npm("<html>"), Unchecked(_)));
    }

    /// A tag of someone else's action may be moved to other code; a commit can't.
    #[test]
    fn workflows_name_actions_by_commit_and_keep_no_token() {
        let project = Project::find().unwrap();
        let workflows = files::below(&project.root.join(".github/workflows")).unwrap();
        assert!(!workflows.is_empty());
        for path in workflows {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let place = format!("{}:{}: {line}", path.display(), index + 1);
                let Some((_, used)) = line.split_once("uses: ") else {
                    continue;
                };
                let (action, version) = used.split_once(" # v").expect(&place);
                let (name, commit) = action.split_once('@').expect(&place);
                let is_hex = |c: char| c.is_ascii_hexdigit();
                assert!(commit.len() == 40 && commit.chars().all(is_hex), "{place}");
                assert!(version.starts_with(|c: char| c.is_ascii_digit()), "{place}");
                if name == "actions/checkout" {
                    let step = lines[index + 1..].iter();
                    let step = step.take_while(|line| !line.trim_start().starts_with("- "));
                    let kept = step.map(|line| line.trim());
                    assert!(
                        kept.into_iter()
                            .any(|line| line == "persist-credentials: false"),
                        "{place}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_last_line_says_why() {
        assert_eq!(last_lines(b"a\nb\n\n", 1), "b");
        assert_eq!(last_lines(b"", 1), "");
    }
}

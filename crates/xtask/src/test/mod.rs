//! The tests with their set-up: the checkpoint they read and the graphics adapter they compute on.
//!
//! A test whose data or adapter is missing fails; none is skipped. So the set-up comes first, and
//! the run ends with one line of counts, `N passed, N failed`, that covers all lanes.

mod examples;
mod families;
mod roundtrip;
mod sets;
mod tally;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::project::Project;
use crate::setup::{minilm, mpi, python, screen, swiftshader, vulkan};
use crate::{parity, web};

pub use sets::text_columns;
pub use tally::Tally;

/// The test target of every crate that compares with data outside the repository. Its manifests say
/// `test = false`, so that cargo runs it only when it is named.
const REFERENCE: &str = "reference";

/// What to run; without any, all lanes but the one that needs a folder.
#[derive(Debug, Default, clap::Args)]
pub struct Lanes {
    /// All lanes, as without any option; with --reference, that one too.
    #[arg(long, conflicts_with = "filter")]
    all: bool,
    /// Loads models that were fine-tuned here in Python's transformers (installs PyTorch once).
    #[arg(long, conflicts_with = "filter")]
    python: bool,
    /// The browser: the npm package, and the page in Chromium.
    #[arg(long)]
    web: bool,
    /// Runs the examples, and the first steps of the demo.
    #[arg(long, conflicts_with = "filter")]
    examples: bool,
    /// Compares with MRPC and with what Python's libraries made of it; the data isn't part of this
    /// repository and lies in this folder.
    #[arg(long, value_name = "DIR")]
    reference: Option<PathBuf>,
    /// Run only the tests whose name contains one of these (with --web: whose file's name does).
    filter: Vec<String>,
}

impl Lanes {
    fn are_all(&self) -> bool {
        let one_by_one = self.python || self.web || self.examples || self.reference.is_some();
        self.all || !one_by_one
    }
}

/// Runs what is asked for. A lane that can't be run counts as a failure, so that the others' counts
/// are still told.
pub fn run(project: &Project, lanes: &Lanes) -> Tally {
    let filter = &lanes.filter;
    let all = lanes.are_all() && filter.is_empty();
    let mut tally = Tally::default();
    let mut add = |name: &str, lane: Result<Tally>| match lane {
        Ok(lane) => tally += lane,
        Err(error) => {
            eprintln!("error: {name}: {error:#}");
            tally.count(false);
        }
    };
    // It downloads and unpacks while cargo builds.
    let python = (all || lanes.python).then(|| python::start(project));
    if lanes.are_all() {
        add("the workspace", workspace(project, &[], filter));
    }
    if all || lanes.web {
        add("the browser", web::test(project, filter));
    }
    if all {
        add("parity", parity::run(project));
    }
    if all || lanes.examples {
        add("the examples", examples::run(project));
    }
    if let Some(python) = python {
        let lane = python
            .and_then(python::Installation::wait)
            .and_then(|python| roundtrip::run(project, &python));
        add("Python", lane);
    }
    if let Some(folder) = &lanes.reference {
        add("the reference data", reference(project, folder, filter));
    }
    tally
}

/// The comparisons with data outside the repository.
fn reference(project: &Project, folder: &Path, filter: &[String]) -> Result<Tally> {
    let folder = fs::canonicalize(folder)
        .with_context(|| format!("no folder {} with the reference data", folder.display()))?;
    let folder = folder.display().to_string();
    workspace(project, &[("TUNESMITH_REFERENCE", &folder)], filter)
}

/// The workspace's tests, those whose name contains one of the filters if there are any. With the
/// variable that names the reference data, the comparisons with it and nothing else.
fn workspace(project: &Project, reference: &[(&str, &str)], filter: &[String]) -> Result<Tally> {
    vulkan::software().context("the tests need software Vulkan")?;
    let swiftshader = swiftshader::manifest().context("the tests need SwiftShader")?;
    screen::ready().context("the desktop app's test needs a screen")?;
    let launchers = mpi::launchers(project).context("the tests of several machines need MPI")?;
    let mut command = project
        .cargo()
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("TUNESMITH_MINILM", minilm::for_tests(project)?)
        // Beside the system's drivers.
        .env("VK_ADD_DRIVER_FILES", swiftshader);
    for (variable, launcher) in launchers {
        command = command.env(variable, launcher);
    }
    for (name, value) in reference {
        command = command.args(["--test", REFERENCE]).env(name, value);
    }
    if !filter.is_empty() {
        command = command.arg("--").args(filter);
    }
    let mut tally = Tally::default();
    let status = command.lines(|line| tally.read(line))?;
    tally.ended("cargo test", status);
    Ok(tally)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Arguments {
        #[command(flatten)]
        lanes: Lanes,
    }

    fn lanes(words: &[&str]) -> Result<Lanes, clap::Error> {
        let words = [&["x"], words].concat();
        Arguments::try_parse_from(words).map(|arguments| arguments.lanes)
    }

    #[test]
    fn lanes_by_name_leave_out_the_others() {
        for all in [
            &[][..],
            &["--all"],
            &["--all", "--reference", "dir"],
            &["name"],
        ] {
            assert!(lanes(all).unwrap().are_all(), "{all:?}");
        }
        for some in [
            &["--web"][..],
            &["--python", "--examples"],
            &["--reference", "dir"],
        ] {
            assert!(!lanes(some).unwrap().are_all(), "{some:?}");
        }
        assert!(lanes(&["--python", "name"]).is_err());
        assert_eq!(lanes(&["--web", "page"]).unwrap().filter, ["page"]);
    }

    #[test]
    fn reference_data_that_is_missing_is_an_error_and_nothing_is_skipped() {
        let project = Project::find().unwrap();
        let message = reference(&project, "no/such/folder".as_ref(), &[]).unwrap_err();
        assert!(
            format!("{message:#}").contains("no/such/folder"),
            "{message:#}"
        );
    }

    /// Cargo would run these on a clone alone, where they fail.
    #[test]
    fn targets_that_need_reference_data_run_by_name_only() {
        let project = Project::find().unwrap();
        let metadata = project.metadata(false).unwrap();
        let mut found = 0;
        for package in metadata["packages"].as_array().unwrap() {
            for target in package["targets"].as_array().unwrap() {
                if target["name"] == REFERENCE && target["kind"][0] == "test" {
                    assert_eq!(target["test"], false, "{}", package["name"]);
                    found += 1;
                }
            }
        }
        assert!(found >= 3, "{found}");
    }
}

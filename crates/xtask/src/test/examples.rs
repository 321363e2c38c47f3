//! The examples of the Rust API and the first steps of the demo: what a newcomer copies must run.

use anyhow::{Context, Result, bail};
use std::env::consts::EXE_SUFFIX;

use super::Tally;
use crate::demo;
use crate::project::Project;
use crate::setup::mpi;
use crate::shell::Cmd;

/// The examples with what they are told beside a checkpoint, and a part of a line that each prints
/// only when it went through.
const EXAMPLES: [(&str, &[&str], &str); 4] = [
    ("accelerate", &["2", "32"], "32 rows: "),
    ("processing_the_data", &[], "labels: Some("),
    ("trainer_api", &["32"], "stopped after 4 steps"),
    ("full_training", &["32"], "\"accuracy\""),
];

/// Runs each example on a model of two layers, then the demo's first steps.
///
/// # Errors
/// When the examples don't build, or one of them isn't in the list above.
pub fn run(project: &Project) -> Result<Tally> {
    let sources = project.root.join("crates/tunesmith/examples");
    for source in crate::files::below(&sources)? {
        let name = source.file_stem().unwrap_or_default();
        if !EXAMPLES.iter().any(|(known, ..)| *known == name) {
            bail!("no test runs {}: name it in EXAMPLES", source.display());
        }
    }
    // With the features that the tests have, so that nothing is built anew.
    project
        .cargo()
        .args(["build", "--workspace", "--examples"])
        .run()?;
    let built = project.target()?.join("debug").join("examples");
    let mut tally = Tally::default();
    let mut add = |name: &str, ran: Result<()>| {
        tally.count(ran.is_ok());
        if let Err(error) = ran {
            eprintln!("error: {name}: {error:#}");
        }
    };
    for (name, arguments, line) in EXAMPLES {
        let program = built.join(format!("{name}{EXE_SUFFIX}"));
        add(name, ends_well(project, Cmd::new(program), arguments, line));
    }
    for (_, launcher) in mpi::launchers(project)?.into_iter().take(1) {
        let accelerate = built.join(format!("accelerate{EXE_SUFFIX}"));
        let started = Cmd::new(launcher)
            .args(["--allow-run-as-root", "--oversubscribe", "-n", "2"])
            .arg(accelerate);
        add(
            "accelerate on two ranks",
            ends_well(project, started, &["2", "32"], "32 rows: "),
        );
    }
    add("the demo's first steps", demo::first_steps(project));
    Ok(tally)
}

/// Runs an example with a checkpoint and these arguments; it must print a line with this part.
fn ends_well(project: &Project, program: Cmd, arguments: &[&str], line: &str) -> Result<()> {
    let scratch = tempfile::tempdir().context("no temporary folder")?;
    let mut seen = false;
    let status = program
        .arg(project.root.join("data").join("tiny"))
        .args(arguments)
        // An example may write to the folder it is started in.
        .dir(scratch.path())
        .lines(|shown| seen |= shown.contains(line))?;
    if !status.success() {
        bail!("it ended with {status}");
    }
    if !seen {
        bail!("it printed no line with {line:?}");
    }
    Ok(())
}

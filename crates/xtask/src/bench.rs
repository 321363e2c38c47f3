//! Measurements: our own bench, and PyTorch's figures for the same work after it.

use anyhow::Result;

use crate::project::Project;
use crate::setup::{minilm, python};
use crate::shell::Cmd;

/// Runs `tunesmith-bench` with these arguments, on MiniLM unless they name a model, and if asked
/// `benches/torch_step.py` with the same after it.
///
/// # Errors
/// When the build, the set-up or a measurement fails.
pub fn run(project: &Project, arguments: &[String], torch: bool) -> Result<()> {
    let (torch, mut arguments) = take_torch(torch, arguments);
    if arguments.first().is_some_and(|subject| subject == "gpu") {
        return gpu(project, &arguments, torch);
    }
    if !arguments
        .iter()
        .any(|argument| argument.starts_with("--model"))
    {
        let checkpoint = minilm::for_tests(project)?;
        arguments.push(format!("--model={}", checkpoint.display()));
    }
    let stock = arguments.first().is_some_and(|subject| subject == "step")
        && !arguments.iter().any(|argument| argument == "--no-stock");
    Cmd::new(project.bench(stock)?).args(&arguments).run()?;
    if torch {
        // After, not beside: both want all cores.
        Cmd::new(python::ensure(project)?)
            .arg(project.root.join("benches").join("torch_step.py"))
            .args(&arguments)
            .run()?;
    }
    Ok(())
}

/// Everything of a GPU in one go, with shapes of the repository, so that no checkpoint is downloaded. PyTorch is
/// measured where `python3` has it, and installed if asked for.
fn gpu(project: &Project, arguments: &[String], torch: bool) -> Result<()> {
    let mut command = Cmd::new(project.bench(false)?)
        .arg("gpu")
        .arg("--benches")
        .arg(project.root.join("benches"));
    if torch {
        command = command.arg("--python").arg(python::ensure(project)?);
    }
    if !arguments
        .iter()
        .any(|argument| argument.starts_with("--output"))
    {
        command = command
            .arg("--output")
            .arg(project.target()?.join("bench-gpu"));
    }
    command.args(&arguments[1..]).run()
}

/// `--torch` is ours also where it stands behind arguments that are forwarded.
pub fn take_torch(torch: bool, arguments: &[String]) -> (bool, Vec<String>) {
    let (ours, forwarded): (Vec<_>, Vec<_>) = arguments
        .iter()
        .cloned()
        .partition(|argument| argument == "--torch");
    (torch || !ours.is_empty(), forwarded)
}

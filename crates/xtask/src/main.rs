//! `cargo xtask JOB`: one command for each job, the same for a newcomer, a developer and CI.
//!
//! A job does its own set-up (graphics driver, checkpoint, Python), so that nobody has to read how.
//! This crate depends on no other crate of the workspace: it starts them as commands, as a person
//! would, and prints each command it starts.

mod audit;
mod bench;
mod demo;
mod desktop;
mod files;
mod fuzz;
mod goldens;
mod lint;
mod package;
mod parity;
mod project;
mod setup;
mod shell;
mod test;
mod web;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use project::Project;

/// One command for each job in this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    /// Fine-tunes MiniLM on sentence pairs, all set-up included, and checks the GPU against the CPU.
    Demo {
        /// Train on the whole set even where there is no GPU (about a quarter of an hour on 2 cores).
        #[arg(long)]
        full: bool,
    },
    /// Runs the tests, all set-up included. Ends with the line "N passed, N failed".
    Test(test::Lanes),
    /// Makes the values anew that tests compare with, by Python's own libraries (tests/goldens).
    Goldens {
        /// Only by the scripts whose name contains one of these.
        filter: Vec<String>,
    },
    /// Checks formatting, clippy, the direction of dependencies, and that the core builds for wasm32.
    Lint,
    /// Checks the dependencies' licences and known weaknesses (cargo-deny, npm audit).
    Audit {
        /// Fail where something can't be checked too, such as without a network.
        #[arg(long)]
        strict: bool,
    },
    /// Makes what is downloaded from a release: archives, an installer, an SBOM and checksums.
    Package {
        /// The profile to build with; `dev` is quick, for a look at what comes out.
        #[arg(long, default_value = "dist")]
        profile: String,
    },
    /// Reads damaged files of every kind, to find what panics, hangs or takes too much memory.
    Fuzz {
        /// Instead of libFuzzer, the tests named `damaged` with so many damaged copies of each file.
        #[arg(long)]
        mutants: Option<u32>,
        /// How long each of libFuzzer's targets runs.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
        /// The targets too that build the tensor library (config, safetensors).
        #[arg(long)]
        tensors: bool,
        /// Only the targets whose name contains one of these.
        names: Vec<String>,
    },
    /// Runs the cases of tests/cases natively and in Chromium, on every device, and compares them.
    Parity,
    /// Builds the page and the npm package into web/dist, and serves it.
    Web {
        /// Build again what changes, and leave out wasm-opt, which takes minutes.
        #[arg(long)]
        dev: bool,
        /// Where to serve, on this machine only.
        #[arg(long, default_value_t = 8787)]
        port: u16,
        /// Serve nothing.
        #[arg(long)]
        build_only: bool,
    },
    /// Builds the desktop app and opens it.
    Desktop {
        /// Passed on to it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Measures; the arguments are those of `tunesmith-bench` (crates/bench).
    Bench {
        /// Measure PyTorch beside it (installs PyTorch once).
        #[arg(long)]
        torch: bool,
        /// What to measure, and its options.
        #[arg(
            trailing_var_arg = true,
            allow_hyphen_values = true,
            default_value = "step"
        )]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().job) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(job: Job) -> Result<ExitCode> {
    let project = Project::find()?;
    match job {
        Job::Demo { full } => demo::run(&project, full)?,
        Job::Test(lanes) => return Ok(test::run(&project, &lanes).report()),
        Job::Goldens { filter } => goldens::run(&project, &filter)?,
        Job::Lint => lint::run(&project)?,
        Job::Audit { strict } => audit::run(&project, strict)?,
        Job::Package { profile } => package::run(&project, &profile)?,
        Job::Fuzz {
            mutants: Some(count),
            ..
        } => return Ok(fuzz::mutants(&project, count)?.report()),
        Job::Fuzz {
            seconds,
            tensors,
            names,
            ..
        } => {
            let options = fuzz::Options {
                names,
                seconds,
                tensors,
            };
            return Ok(fuzz::targets(&project, &options)?.report());
        }
        Job::Parity => return Ok(parity::run(&project)?.report()),
        Job::Web {
            dev,
            port,
            build_only,
        } => web::run(
            &project,
            &web::Options {
                dev,
                build_only,
                port,
            },
        )?,
        Job::Desktop { arguments } => desktop::run(&project, &arguments)?,
        Job::Bench { torch, arguments } => bench::run(&project, &arguments, torch)?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn bench_forwards_options_it_does_not_know() {
        let Job::Bench { torch, arguments } =
            Arguments::try_parse_from(["x", "bench", "step", "--steps", "9", "--torch"])
                .unwrap()
                .job
        else {
            panic!("not the bench job");
        };
        // `--torch` behind the subject is ours too, wherever it stands.
        let (torch, arguments) = bench::take_torch(torch, &arguments);
        assert!(torch);
        assert_eq!(arguments, ["step", "--steps", "9"]);
    }
}

//! The `tunesmith` command: the pipeline's first shell.
//!
//! It turns words into calls of the libraries below it and their events into lines, and holds no
//! step of the pipeline itself. Results go to standard output, so that they can be piped; progress,
//! warnings and errors go to standard error.
//!
//! Exit codes: 0, done; 1, an error; 2, a wrong command line; 3, the hub can't be reached; 101, a
//! bug; 130, stopped by Ctrl-C, SIGTERM or SIGHUP.

mod bug;
mod data;
mod doctor;
mod download;
mod escape;
mod export;
mod lines;
mod metric;
mod output;
mod predict;
mod progress;
mod spelling;
mod tokenize;
mod train;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tunesmith::data::DataError;
use tunesmith::hub::HubError;
use tunesmith_session::SessionError;

/// Fine-tune encoders (BERT, RoBERTa, DeBERTa, ModernBERT and others), on a GPU or on the CPU.
#[derive(Parser)]
#[command(name = "tunesmith", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    Train(train::TrainArgs),
    Predict(predict::PredictArgs),
    Tokenize(tokenize::TokenizeArgs),
    Data(data::DataArgs),
    Metric(metric::MetricArgs),
    Export(export::ExportArgs),
    Download(download::DownloadArgs),
    Doctor(doctor::DoctorArgs),
}

fn main() -> ExitCode {
    tunesmith_allocator::keep_freed_memory();
    let matches = spelling::both(Cli::command()).try_get_matches();
    let job = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(Cli { job }) => job,
        Err(error) => return refuse(&error),
    };
    match bug::guard(|| run(job)) {
        Some(Ok(code)) => code,
        Some(Err(error)) => report(&error),
        None => ExitCode::from(101),
    }
}

/// Tells what is wrong with the command line, or the help that was asked for.
fn refuse(error: &clap::Error) -> ExitCode {
    let mut words = env::args_os().map(|word| word.to_string_lossy().into_owned());
    // clap's colours are escapes too: they are given up only for a word that has some of its own.
    if error.use_stderr() && words.any(|word| escape::visible(&word) != word) {
        output::note(error.to_string().trim_end());
        return ExitCode::from(2);
    }
    error.exit()
}

fn run(job: Job) -> Result<ExitCode> {
    match job {
        Job::Train(args) => return train::run(&args),
        Job::Predict(args) => predict::run(&args)?,
        Job::Tokenize(args) => tokenize::run(&args)?,
        Job::Data(args) => data::run(&args)?,
        Job::Metric(args) => metric::run(&args)?,
        Job::Export(args) => export::run(&args)?,
        Job::Download(args) => download::run(&args)?,
        Job::Doctor(args) => doctor::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn report(error: &anyhow::Error) -> ExitCode {
    if error.is::<output::ReaderGone>() {
        return ExitCode::SUCCESS;
    }
    fail(&one_message(error), Some(error.as_ref()))
}

/// Tells an error and gives the code to exit with.
pub fn fail(message: &str, cause: Option<&(dyn Error + 'static)>) -> ExitCode {
    output::note(format_args!("error: {message}"));
    if cause.is_some_and(is_unreachable) {
        ExitCode::from(3)
    } else {
        ExitCode::FAILURE
    }
}

/// The chain of causes as one message, without what a cause only repeats.
fn one_message(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

/// Whether the network or the hub is what failed: a script may then take its data from elsewhere.
fn is_unreachable(error: &(dyn Error + 'static)) -> bool {
    // Both enums are transparent: they stand for the hub's error, which is no cause of theirs.
    let data = match error.downcast_ref::<SessionError>() {
        Some(SessionError::Hub(hub)) => return hub.is_unreachable(),
        Some(SessionError::Data(data)) => Some(data),
        _ => error.downcast_ref::<DataError>(),
    };
    let hub = match data {
        Some(DataError::Hub(hub)) => Some(hub),
        _ => error.downcast_ref::<HubError>(),
    };
    match hub {
        Some(hub) => hub.is_unreachable(),
        None => error.source().is_some_and(is_unreachable),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        spelling::both(Cli::command()).debug_assert();
    }

    #[test]
    fn a_cause_that_is_repeated_is_told_once() {
        let error = anyhow::anyhow!("disk full")
            .context("a.csv: disk full")
            .context("no data");
        assert_eq!(one_message(&error), "no data: a.csv: disk full");
    }
}

//! `tunesmith train`: a run from a command line, its events on the screen and in a file.

mod arguments;
mod help;
mod interrupt;
mod log;
mod report;
mod screen;

use std::error::Error;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use tunesmith_collective::Collective;
use tunesmith_mpi::Mpi;
use tunesmith_protocol::{Command, RunState, RunView};
use tunesmith_session::{Session, join};

use crate::output;
use interrupt::{Interrupt, STOPPED};
use log::EventLog;
use screen::Screen;

/// Fine-tune a model: the arguments of transformers' run_glue.py, or one JSON file of them.
// The words are read by `arguments`, which knows the protocol's keys: one list for flags and files,
// and a misspelt flag is answered as a misspelt key of a file is.
#[derive(Args)]
#[command(disable_help_flag = true)]
pub struct TrainArgs {
    /// Arguments; --help lists them.
    #[arg(num_args = 0.., trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// Trains, evaluates and saves.
///
/// # Errors
/// As the session tells them; what was saved before stays.
pub fn run(args: &TrainArgs) -> Result<ExitCode> {
    if args
        .words
        .iter()
        .any(|word| word == "--help" || word == "-h")
    {
        output::line(help::text())?;
        return Ok(ExitCode::SUCCESS);
    }
    let arguments = arguments::parse(&args.words)?;
    // There are others, where `mpirun` or the like has started several of this command.
    let ranks = Mpi::from_environment()?;
    if let Some(ranks) = ranks.as_ref().filter(|ranks| ranks.rank() > 0) {
        interrupt::leave_to_rank_0()?;
        pollster::block_on(join(&arguments.config, ranks, ranks.local_rank()))?;
        return Ok(ExitCode::SUCCESS);
    }
    for warning in &arguments.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    let log = EventLog::check(&arguments)?;
    let screen = Screen::new(&arguments.config.training);
    let session = match ranks {
        Some(ranks) => Session::among(*arguments.config, Box::new(ranks)),
        None => Session::new(*arguments.config),
    };
    pollster::block_on(drive(session, log, screen))
}

async fn drive(mut session: Session, mut log: EventLog, mut screen: Screen) -> Result<ExitCode> {
    let interrupt = Interrupt::install()?;
    let mut view = RunView::default();
    let mut stopping = false;
    let mut unlogged = None;
    while let Some(record) = session.next().await {
        if let Err(error) = log.write(&record) {
            // The run ends, and keeps what it has done.
            unlogged = Some(error);
            stopping = true;
            session.steering().send(Command::StopAndSave);
        }
        view.apply(&record);
        interrupt.steps_are_taken(view.state == RunState::Training);
        screen.show(&record.event);
        if interrupt.is_asked() && !stopping {
            stopping = true;
            session.steering().send(Command::StopAndSave);
            screen.say("Finishing the step and saving; Ctrl-C again stops at once.");
        }
    }
    screen.clear();
    interrupt.steps_are_taken(false);
    let reported = report::end(&view);
    if let Some(error) = unlogged {
        return Err(error);
    }
    if view.done.as_ref().is_some_and(|done| done.stopped) {
        return Ok(ExitCode::from(STOPPED));
    }
    if view.state == RunState::Done {
        // Who closes standard output early is told by the exit code alone.
        return match reported {
            Err(error) if !error.is::<output::ReaderGone>() => Err(error),
            _ => Ok(ExitCode::SUCCESS),
        };
    }
    let message = view
        .message
        .unwrap_or_else(|| "the run ended without saying why".to_owned());
    let cause = session.error().map(|error| error as &(dyn Error + 'static));
    Ok(crate::fail(&message, cause))
}

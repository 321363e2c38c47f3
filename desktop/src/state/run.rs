//! A run, going or ended.

use tunesmith_protocol::{Command, Event, Record, RunConfig, RunState, RunView};

use super::{Closing, Panel, State, Trained};
use crate::ask::Ask;

/// A run, going or ended.
#[derive(Debug)]
pub struct Run {
    /// What it was told.
    pub config: RunConfig,
    /// What it has told.
    pub view: RunView,
    /// Whether it waits.
    pub paused: bool,
    /// Whether it is still going.
    pub going: bool,
    /// What the devices hold, in bytes.
    pub device_bytes: u64,
}

impl State {
    /// Starts a run with what was chosen.
    pub(crate) fn train(&mut self) {
        let Some(Ok(config)) = self.plan.clone() else {
            return;
        };
        let named = self.entered.contains_key("output_dir");
        let name = (!named).then(|| {
            let word = |c: char| if c.is_alphanumeric() { c } else { '-' };
            self.data.title.to_lowercase().chars().map(word).collect()
        });
        self.start(config, name);
    }

    /// Goes on with a run from its last checkpoint.
    pub(crate) fn go_on(&mut self, mut config: RunConfig, output_dir: &str) {
        config.training.output_dir = output_dir.to_owned();
        config.training.resume_from_checkpoint = tunesmith_protocol::ResumeFrom::Last;
        self.start(config, None);
        self.panel = Panel::Train;
    }

    fn start(&mut self, config: RunConfig, name: Option<String>) {
        if self.is_running() {
            return;
        }
        self.run = Some(Run {
            config: config.clone(),
            view: RunView::default(),
            paused: false,
            going: true,
            device_bytes: 0,
        });
        self.run_ticket = self.ask(Ask::Train {
            config,
            name,
            device: self.settings.device.clone(),
        });
    }

    pub(crate) fn steer(&mut self, command: Command) {
        if let Some(run) = self.run.as_mut().filter(|run| run.going) {
            run.paused = command == Command::Pause;
            self.ask(Ask::Steer(command));
        }
    }

    pub(super) fn run_of(&mut self, ticket: u64) -> Option<&mut Run> {
        let run = self.run.as_mut();
        run.filter(|_| self.run_ticket == ticket)
    }

    pub(super) fn record(&mut self, ticket: u64, record: &Record) {
        if let Event::Step(step) = &record.event
            && step.samples_per_second > 0.0
        {
            self.speed = Some(step.samples_per_second);
        }
        if let Some(run) = self.run_of(ticket) {
            run.view.apply(record);
        }
    }

    pub(super) fn ended(&mut self, ticket: u64) {
        let Some(run) = self.run_of(ticket) else {
            return;
        };
        run.going = false;
        run.paused = false;
        let view = &run.view;
        let whole = view.done.as_ref().filter(|done| !done.stopped);
        let model = whole.map(|done| done.output_dir.clone());
        let model = model.or_else(|| view.last_checkpoint.clone());
        let dataset = view.dataset.as_ref();
        let trained = model.map(|model| Trained {
            model,
            title: "the last run".to_owned(),
            config: run.config.clone(),
            problem_type: dataset.map(|dataset| dataset.problem_type),
            labels: dataset.map_or_else(Vec::new, |dataset| dataset.labels.clone()),
            whole: whole.is_some(),
        });
        if let Some(trained) = trained {
            self.open(trained);
        }
        self.ask(Ask::Runs);
        if self.closing == Closing::AfterRun {
            self.closing = Closing::Now;
        } else if self.closing == Closing::Asking {
            self.closing = Closing::No;
        }
    }

    /// Whether the run can be gone on with.
    pub(crate) fn can_go_on(&self) -> bool {
        self.run.as_ref().is_some_and(|run| {
            let ended = !run.going && run.view.last_checkpoint.is_some();
            let whole = run.view.state == RunState::Done;
            let stopped = run.view.done.as_ref().is_some_and(|done| done.stopped);
            ended && (!whole || stopped)
        })
    }
}

//! A run, going or ended.

use tunesmith_protocol::{Command, Event, Record, ResumeFrom, RunConfig, RunState, RunView};

use super::{Closing, Panel, State, Trained};
use crate::ask::Ask;
use crate::format::base_name;

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
    /// Whether it was told to stop.
    pub stopped: bool,
    /// What was told of the same folder before, where it goes on with that.
    before: Option<RunView>,
    /// What the devices hold, in bytes.
    pub device_bytes: u64,
}

impl State {
    /// Starts a run with what was chosen.
    pub(crate) fn train(&mut self) {
        let Some(Ok(config)) = self.plan.clone().filter(|_| self.missing().is_none()) else {
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
        config.training.resume_from_checkpoint = ResumeFrom::Last;
        self.start(config, None);
        self.panel = Panel::Train;
    }

    fn start(&mut self, config: RunConfig, name: Option<String>) {
        if self.is_running() {
            return;
        }
        let goes_on = config.training.resume_from_checkpoint != ResumeFrom::No;
        let same = |run: &Run| run.config.training.output_dir == config.training.output_dir;
        let before = self.run.take().filter(|run| goes_on && same(run));
        self.run = Some(Run {
            before: before.map(|run| run.view),
            config: config.clone(),
            view: RunView::default(),
            paused: false,
            going: true,
            stopped: false,
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
            run.stopped |= matches!(command, Command::Stop | Command::StopAndSave);
            self.ask(Ask::Steer(command));
        }
    }

    /// Saves the run that is going, if it has anything to save, and closes the window then.
    pub fn save_and_close(&mut self) {
        let begun = self
            .run
            .as_ref()
            .is_some_and(|run| run.going && run.view.state == RunState::Training);
        if begun {
            self.steer(Command::StopAndSave);
            self.closing = Closing::AfterRun;
        } else {
            self.closing = Closing::Now;
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
            let is_new = run.view.apply(record);
            if let (true, Event::RunStarted(_), Some(before)) =
                (is_new, &record.event, run.before.take())
            {
                run.view.resume(&before);
            }
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
            title: String::new(),
            config: run.config.clone(),
            problem_type: dataset.map(|dataset| dataset.problem_type),
            labels: dataset.map_or_else(Vec::new, |dataset| dataset.labels.clone()),
            whole: whole.is_some(),
        });
        let failed = matches!(view.state, RunState::Failed | RunState::DeviceLost);
        if let Some(mut trained) = trained {
            trained.title = title_of(&trained.model);
            self.open(trained);
        }
        self.ask(Ask::Runs);
        if self.closing == Closing::AfterRun {
            // A full disk: what isn't saved would be lost with the window.
            self.closing = match failed {
                true => Closing::Failed,
                false => Closing::Now,
            };
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

/// What a person calls a model by: its run, and the step where that was cut short.
pub(super) fn title_of(model: &str) -> String {
    match model.rsplit_once("/checkpoint-") {
        Some((run, step)) => format!("{}, step {step}", base_name(run)),
        None => base_name(model).to_owned(),
    }
}

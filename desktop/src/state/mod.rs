//! All that the window shows, and how it changes: by what a person does, and by what the shell answers.

mod arguments;
mod data;
mod model;
mod run;
mod trained;

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tunesmith_protocol::{
    AdapterInfo, DeviceKind, Event, HubRepo, Review, RunConfig, SavedRun, TokenizedPrediction,
};

pub(crate) use arguments::{ESSENTIALS, read, written};
use data::Data;
use model::Model;
pub use run::Run;
use trained::Question;
pub use trained::Trained;

use crate::ask::{Answer, Ask, Asked, Fit, Found, Kind, Pick};
use crate::settings::{Settings, Source};

/// Arguments by name, as JSON has them.
pub type Arguments = Map<String, Value>;

/// The panels, in the order in which a training is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Panel {
    /// Which data.
    #[default]
    Data,
    /// Which model, and how.
    Model,
    /// The run.
    Train,
    /// What it got wrong.
    Results,
    /// A text of one's own.
    Try,
    /// The model as files.
    Export,
}

impl Panel {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Data,
        Self::Model,
        Self::Train,
        Self::Results,
        Self::Try,
        Self::Export,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "Data",
            Self::Model => "Model",
            Self::Train => "Train",
            Self::Results => "Results",
            Self::Try => "Try",
            Self::Export => "Export",
        }
    }

    /// The panel after it.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        let place = Self::ALL.iter().position(|panel| *panel == self)?;
        Self::ALL.get(place + 1).copied()
    }

    /// What it is for.
    #[must_use]
    pub fn lead(self) -> &'static str {
        match self {
            Self::Data => "What should the model learn from?",
            Self::Model => "Which model does it start from, and how is it trained?",
            Self::Train => "The window may be covered or minimized meanwhile.",
            Self::Results => "Where is it right, and what does it get wrong?",
            Self::Try => "Try it on text of your own.",
            Self::Export => "Take the model with you; transformers loads it as its own.",
        }
    }
}

/// What the window is told of where it runs.
#[derive(Debug, Clone, Default)]
pub struct Host {
    /// Where runs are kept.
    pub runs: String,
    /// Whether files can be picked, folders opened: not in a browser.
    pub has_files: bool,
}

/// Something that takes a while.
#[derive(Debug, Clone, Default)]
pub(crate) enum Work<T> {
    #[default]
    Idle,
    /// In progress: the number of what was asked, and what is being done.
    Busy(u64, String),
    Done(T),
    Failed(String),
}

impl<T> Work<T> {
    pub(crate) fn done(&self) -> Option<&T> {
        match self {
            Self::Done(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(self, Self::Busy(..))
    }

    fn awaits(&self, ticket: u64) -> bool {
        matches!(self, Self::Busy(asked, _) if *asked == ticket)
    }

    /// Takes a result; says whether it is the one that was asked for last, and good.
    fn settle(&mut self, ticket: u64, result: Result<T, String>) -> bool {
        if !self.awaits(ticket) {
            return false;
        }
        let good = result.is_ok();
        *self = match result {
            Ok(value) => Self::Done(value),
            Err(message) => Self::Failed(message),
        };
        good
    }
}

/// Which way data or a model comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Builtin,
    /// The other data set that comes with the program.
    Pairs,
    Files,
    Hub,
}

/// Whether the window is about to close.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Closing {
    #[default]
    No,
    /// The person is asked what becomes of the run.
    Asking,
    /// As soon as the run has ended.
    AfterRun,
    /// The run could not be saved: the person is told, and the window stays.
    Failed,
    Now,
}

/// All that the window shows.
#[derive(Debug)]
pub struct State {
    /// What is remembered from one start to the next.
    pub settings: Settings,
    pub(crate) host: Host,
    pub(crate) panel: Panel,
    pub(crate) adapters: Vec<AdapterInfo>,
    pub(crate) data: Data,
    pub(crate) model: Model,
    /// What the person entered, by argument.
    pub(crate) entered: Arguments,
    /// What is being typed, by argument; what means nothing stays here.
    pub(crate) drafts: BTreeMap<&'static str, String>,
    pub(crate) wanted_argument: String,
    /// The run that could be started; an error where the arguments contradict each other, nothing
    /// while something is missing.
    pub(crate) plan: Option<Result<RunConfig, String>>,
    pub(crate) estimate: Work<Fit>,
    pub(crate) run: Option<Run>,
    run_ticket: u64,
    /// Rows a second, as the last run had it.
    pub(crate) speed: Option<f64>,
    pub(crate) trained: Option<Trained>,
    pub(crate) review: Work<Box<Review>>,
    pub(crate) all_rows: bool,
    pub(crate) question: Question,
    pub(crate) prediction: Work<TokenizedPrediction>,
    pub(crate) saved: Vec<SavedRun>,
    pub(crate) did: Work<String>,
    /// A run's folder that is about to be deleted, if the person means it.
    pub(crate) deleting: Option<String>,
    pub(crate) closing: Closing,
    asks: Vec<Asked>,
    next_ticket: u64,
}

impl State {
    /// The window as it was left.
    #[must_use]
    pub fn new(settings: Settings, host: Host) -> Self {
        let mut state = Self {
            entered: settings.entered(),
            settings,
            host,
            panel: Panel::default(),
            adapters: Vec::new(),
            data: Data::default(),
            model: Model::default(),
            drafts: BTreeMap::new(),
            wanted_argument: String::new(),
            plan: None,
            estimate: Work::Idle,
            run: None,
            run_ticket: 0,
            speed: None,
            trained: None,
            review: Work::Idle,
            all_rows: false,
            question: Question::default(),
            prediction: Work::Idle,
            saved: Vec::new(),
            did: Work::Idle,
            deleting: None,
            closing: Closing::No,
            asks: Vec::new(),
            next_ticket: 0,
        };
        state.ask(Ask::Adapters);
        state.ask(Ask::Runs);
        state.ask(Ask::Cached(Kind::Dataset));
        state.ask(Ask::Cached(Kind::Model));
        if let Some(source) = state.settings.data.clone() {
            state.choose_data(source);
        }
        if let Some(source) = state.settings.model.clone() {
            state.choose_model(source);
        }
        state
    }

    /// What has to be done since this was last asked.
    #[must_use]
    pub fn take_asks(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.asks)
    }

    /// Takes in what came of the ask of this number.
    pub fn take(&mut self, ticket: u64, answer: Answer) {
        match answer {
            Answer::Adapters(adapters) => {
                self.adapters = adapters;
                self.estimate();
            }
            Answer::Data(Ok(config)) if self.data.inspection.awaits(ticket) => {
                self.data.config = config;
                self.inspect(None);
            }
            Answer::Data(Ok(_)) => {}
            Answer::Data(Err(message)) => {
                self.data.inspection.settle(ticket, Err(message));
            }
            Answer::Inspected(result) => self.inspected(ticket, result),
            Answer::Model(result) => {
                let result = result.map(|checkpoint| checkpoint.folder);
                if self.model.folder.settle(ticket, result) {
                    self.ask(Ask::Cached(Kind::Model));
                }
                self.changed();
            }
            Answer::Estimated(result) => {
                self.estimate.settle(ticket, result);
            }
            Answer::Cached(kind, repos) => self.found(kind).cached = repos,
            Answer::Searched(kind, result) => self.searched(kind, ticket, result),
            Answer::Progress(event) => self.progress(ticket, &event),
            Answer::Started(config) => {
                if let Some(run) = self.run_of(ticket) {
                    run.config = *config;
                }
            }
            Answer::Record(record) => self.record(ticket, &record),
            Answer::DeviceBytes(bytes) => {
                if let Some(run) = self.run_of(ticket) {
                    run.device_bytes = bytes;
                }
            }
            Answer::Ended => self.ended(ticket),
            Answer::Predicted(result) => {
                self.prediction.settle(ticket, result);
            }
            Answer::Reviewed(result) => {
                self.review.settle(ticket, result);
            }
            Answer::Runs(mut runs) => {
                // The newest first: their names begin with the time.
                runs.sort_by(|a, b| b.output_dir.cmp(&a.output_dir));
                self.saved = runs;
            }
            Answer::Picked(pick, Some(path)) => self.picked(pick, path),
            Answer::Picked(_, None) => {}
            Answer::Did(result) => {
                self.did.settle(ticket, result);
                self.ask(Ask::Runs);
            }
        }
    }

    /// The panel that is shown.
    #[must_use]
    pub fn panel(&self) -> Panel {
        self.panel
    }

    /// Shows a panel.
    pub fn go(&mut self, panel: Panel) {
        self.panel = panel;
    }

    /// The run, going or ended.
    #[must_use]
    pub fn run(&self) -> Option<&Run> {
        self.run.as_ref()
    }

    /// Whether a run is going.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.going)
    }

    /// The window is asked to close: whether it may, now.
    pub fn may_close(&mut self) -> bool {
        if !self.is_running() || self.closing == Closing::Now {
            return true;
        }
        if self.closing == Closing::No {
            self.closing = Closing::Asking;
        }
        false
    }

    /// Whether the window shall close by itself, now that nothing keeps it.
    #[must_use]
    pub fn wants_to_close(&self) -> bool {
        self.closing == Closing::Now
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> u64 {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.asks.push(Asked { ticket, ask });
        ticket
    }

    fn picked(&mut self, pick: Pick, path: String) {
        match pick {
            Pick::TrainFile => self.take_files(Some(path), None),
            Pick::ValidationFile => self.take_files(None, Some(path)),
            Pick::ModelFolder => self.choose_model(Source::Files(path, None)),
        }
    }

    pub(crate) fn found(&mut self, kind: Kind) -> &mut Found {
        match kind {
            Kind::Model => &mut self.model.found,
            Kind::Dataset => &mut self.data.found,
        }
    }

    pub(crate) fn search(&mut self, kind: Kind, text: &str) {
        let ticket = self.ask(Ask::Search(kind, text.to_owned()));
        let busy = Work::Busy(ticket, "Searching …".to_owned());
        match kind {
            Kind::Model => self.model.search = busy,
            Kind::Dataset => self.data.search = busy,
        }
    }

    fn searched(&mut self, kind: Kind, ticket: u64, result: Result<Vec<HubRepo>, String>) {
        let search = match kind {
            Kind::Model => &mut self.model.search,
            Kind::Dataset => &mut self.data.search,
        };
        match result {
            Ok(repos) => {
                if search.settle(ticket, Ok(())) {
                    self.found(kind).searched = repos;
                }
            }
            Err(message) => {
                search.settle(ticket, Err(message));
            }
        }
    }

    fn progress(&mut self, ticket: u64, event: &Event) {
        let text = match event {
            Event::Download {
                file,
                loaded,
                total,
            } => {
                let whole = total.map_or_else(String::new, |total| {
                    format!(" of {}", crate::format::bytes(total))
                });
                let loaded = crate::format::bytes(*loaded);
                format!("Downloading {file}: {loaded}{whole}")
            }
            Event::Progress { stage, done, total } => {
                let [done, total] = [*done, *total].map(crate::format::count);
                format!("{stage}: {done} of {total}")
            }
            _ => return,
        };
        let busy = [
            busy_text(&mut self.data.inspection, ticket),
            busy_text(&mut self.model.folder, ticket),
            busy_text(&mut self.estimate, ticket),
            busy_text(&mut self.review, ticket),
        ];
        for place in busy.into_iter().flatten() {
            place.clone_from(&text);
        }
    }

    /// Asks the shell to do something whose outcome is told in a sentence.
    pub(crate) fn do_it(&mut self, ask: Ask, text: &str) {
        let ticket = self.ask(ask);
        self.did = Work::Busy(ticket, text.to_owned());
    }

    /// Whether there is a GPU to speak of.
    pub(crate) fn has_gpu(&self) -> bool {
        self.gpus() > 0
    }

    /// Real GPUs.
    pub(crate) fn gpus(&self) -> usize {
        let kinds = self.adapters.iter().map(|adapter| adapter.kind);
        let gpus = kinds.filter(|kind| !matches!(kind, DeviceKind::SoftwareGpu | DeviceKind::Cpu));
        gpus.count()
    }
}

fn busy_text<T>(work: &mut Work<T>, ticket: u64) -> Option<&mut String> {
    match work {
        Work::Busy(asked, text) if *asked == ticket => Some(text),
        _ => None,
    }
}

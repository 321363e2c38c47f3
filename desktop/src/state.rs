//! All that the window shows, and how it changes: by what a person does, and by what the shell answers.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tunesmith_protocol::{
    AdapterInfo, Argument, ArgumentKind, Command, DeviceKind, Event, Inspection, Pair, Record,
    Review, RunConfig, RunState, RunView, SavedRun, TokenizedPrediction,
};

use crate::ask::{Answer, Ask, Asked, Fit, Found, Kind, Pick};
use crate::format::base_name;
use crate::settings::{DevicePick, Settings, Source};

/// Arguments by name, as JSON has them.
pub type Arguments = Map<String, Value>;

/// The share of the training rows that is set aside for evaluation, in percent.
const SET_ASIDE: u8 = 10;

/// The panels, in the order in which a training is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Panel {
    /// Which data.
    #[default]
    Gather,
    /// Which model, and how.
    Choose,
    /// The run.
    Train,
    /// What it got wrong.
    Look,
    /// A text of one's own.
    Try,
    /// The model as files.
    Keep,
}

impl Panel {
    /// All of them, in order.
    pub const ALL: [Self; 6] = [
        Self::Gather,
        Self::Choose,
        Self::Train,
        Self::Look,
        Self::Try,
        Self::Keep,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gather => "Gather",
            Self::Choose => "Choose",
            Self::Train => "Train",
            Self::Look => "Look",
            Self::Try => "Try",
            Self::Keep => "Keep",
        }
    }

    /// What it is for.
    #[must_use]
    pub fn lead(self) -> &'static str {
        match self {
            Self::Gather => "What shall the model learn from?",
            Self::Choose => "Which model does it start from, and how is it trained?",
            Self::Train => "The window may be covered or minimized meanwhile.",
            Self::Look => "Where is it right, and what does it get wrong?",
            Self::Try => "Ask it about words of your own.",
            Self::Keep => "Take the model with you; transformers loads it as its own.",
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

/// Which of the three ways data or a model comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Builtin,
    Files,
    Hub,
}

/// The data that is being chosen.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) way: Option<Way>,
    pub(crate) train_file: String,
    pub(crate) validation_file: String,
    pub(crate) id: String,
    pub(crate) configuration: String,
    /// The arguments that name it and its columns.
    pub(crate) config: Arguments,
    pub(crate) title: String,
    pub(crate) inspection: Work<Box<Inspection>>,
    pub(crate) found: Found,
    pub(crate) search: Work<()>,
}

/// The model that is being chosen.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) way: Option<Way>,
    pub(crate) id: String,
    pub(crate) revision: String,
    pub(crate) folder: Work<String>,
    pub(crate) title: String,
    pub(crate) found: Found,
    pub(crate) search: Work<()>,
}

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

/// A model that can be looked at, tried and kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Its folder.
    pub model: String,
    /// What a person calls it.
    pub title: String,
    /// What its run was told.
    pub config: RunConfig,
    /// Whether its run came to its end.
    pub whole: bool,
}

/// What the person asks the model about.
#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) pair: String,
    /// The row of the data that is taken next.
    pub(crate) next_row: usize,
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
                self.inspect();
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

    // --- The data ---

    pub(crate) fn choose_data(&mut self, source: Source) {
        self.data.title = source.title("Built-in set");
        self.data.config = Map::new();
        match &source {
            Source::Builtin => {
                self.data.way = Some(Way::Builtin);
                let ticket = self.ask(Ask::BuiltinData);
                self.data.inspection = Work::Busy(ticket, "Reading the built-in set …".to_owned());
            }
            Source::Files(train, validation) => {
                self.data.way = Some(Way::Files);
                self.data.train_file.clone_from(train);
                self.data.validation_file = validation.clone().unwrap_or_default();
                self.put_data("train_file", Some(train));
                self.put_data("validation_file", validation.as_ref());
                self.put_set_aside();
                self.inspect();
            }
            Source::Hub(id, configuration) => {
                self.data.way = Some(Way::Hub);
                self.data.id.clone_from(id);
                self.data.configuration = configuration.clone().unwrap_or_default();
                self.put_data("dataset_name", Some(id));
                self.put_data("dataset_config_name", configuration.as_ref());
                self.put_set_aside();
                self.inspect();
            }
        }
        self.settings.data = Some(source);
        self.changed();
    }

    /// Takes one of the three ways, of which more has to be told.
    pub(crate) fn data_comes_by(&mut self, way: Way) {
        self.data.way = Some(way);
        self.data.inspection = Work::Idle;
        self.data.config = Map::new();
        self.settings.data = None;
        self.changed();
    }

    fn put_data(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.data.config.insert(name.to_owned(), json!(value));
        }
    }

    fn put_set_aside(&mut self) {
        let percentage = self.settings.set_aside.then_some(SET_ASIDE);
        let name = "validation_split_percentage".to_owned();
        self.data.config.insert(name, json!(percentage));
    }

    /// Takes it that rows are set aside for evaluation, or aren't.
    pub(crate) fn set_aside(&mut self, wanted: bool) {
        self.settings.set_aside = wanted;
        if self.settings.data.is_some() {
            self.put_set_aside();
            self.inspect();
            self.changed();
        }
    }

    /// Takes other columns: the labels have to be counted anew.
    pub(crate) fn map_columns(&mut self, text: Vec<String>, label: Option<String>) {
        let config = &mut self.data.config;
        config.insert("text_column_names".to_owned(), json!(text));
        if let Some(label) = label {
            config.insert("label_column_name".to_owned(), json!(label));
        }
        self.inspect();
        self.changed();
    }

    fn inspect(&mut self) {
        match RunConfig::from_map(self.data.config.clone()) {
            Ok((config, _)) => {
                let ticket = self.ask(Ask::Inspect(config));
                let text = format!("Reading {} …", self.data.title);
                self.data.inspection = Work::Busy(ticket, text);
            }
            Err(error) => self.data.inspection = Work::Failed(error.to_string()),
        }
    }

    fn inspected(&mut self, ticket: u64, result: Result<Box<Inspection>, String>) {
        if self.data.inspection.settle(ticket, result)
            && let Some(inspection) = self.data.inspection.done()
        {
            let text = json!(inspection.text_column_names);
            let label = inspection.label_column_name.clone();
            self.data
                .config
                .insert("text_column_names".to_owned(), text);
            if let Some(label) = label {
                let label = json!(label);
                self.data
                    .config
                    .insert("label_column_name".to_owned(), label);
            }
            self.ask(Ask::Cached(Kind::Dataset));
        }
        self.changed();
    }

    // --- The model ---

    pub(crate) fn choose_model(&mut self, source: Source) {
        self.model.title = source.title("Built-in model");
        match &source {
            Source::Builtin => {
                self.model.way = Some(Way::Builtin);
                let ticket = self.ask(Ask::BuiltinModel);
                self.model.folder = Work::Busy(ticket, "Reading the built-in model …".to_owned());
            }
            Source::Files(folder, _) => {
                self.model.way = Some(Way::Files);
                self.model.folder = Work::Done(folder.clone());
            }
            Source::Hub(name, revision) => {
                self.model.way = Some(Way::Hub);
                self.model.id.clone_from(name);
                self.model.revision = revision.clone().unwrap_or_default();
                let ask = Ask::FetchModel {
                    name: name.clone(),
                    revision: revision.clone(),
                };
                let ticket = self.ask(ask);
                self.model.folder = Work::Busy(ticket, format!("Reading {name} …"));
            }
        }
        self.settings.model = Some(source);
        self.changed();
    }

    pub(crate) fn model_comes_by(&mut self, way: Way) {
        self.model.way = Some(way);
        self.model.folder = Work::Idle;
        self.settings.model = None;
        self.changed();
    }

    fn picked(&mut self, pick: Pick, path: String) {
        match pick {
            Pick::TrainFile => self.take_files(Some(path), None),
            Pick::ValidationFile => self.take_files(None, Some(path)),
            Pick::ModelFolder => self.choose_model(Source::Files(path, None)),
        }
    }

    /// Takes a file to train on, one to measure on, or both; the other one stays.
    pub(crate) fn take_files(&mut self, train: Option<String>, validation: Option<String>) {
        let train = train.unwrap_or_else(|| self.data.train_file.clone());
        let validation = validation.unwrap_or_else(|| self.data.validation_file.clone());
        if train.is_empty() {
            self.data.validation_file = validation;
            return;
        }
        let validation = Some(validation).filter(|path| !path.is_empty());
        self.choose_data(Source::Files(train, validation));
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

    fn searched(
        &mut self,
        kind: Kind,
        ticket: u64,
        result: Result<Vec<tunesmith_protocol::HubRepo>, String>,
    ) {
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

    // --- The arguments ---

    /// The arguments that hold where the person entered none.
    pub(crate) fn defaults(&self) -> Arguments {
        let validation = self.data.inspection.done().is_some_and(|inspection| {
            let mut splits = inspection.splits.iter();
            splits.any(|split| split.name.starts_with("validation"))
        });
        let mut defaults = Map::new();
        let mut put = |name: &str, value: Value| defaults.insert(name.to_owned(), value);
        put("do_train", json!(true));
        put("max_seq_length", json!(128));
        put(
            "eval_strategy",
            json!(if validation { "epoch" } else { "no" }),
        );
        // A tenth of the run is the most that a crash can cost.
        put("save_steps", json!(0.1));
        put("save_total_limit", json!(2));
        if self.model.way == Some(Way::Builtin) {
            // A model this small learns next to nothing with the step size that suits a large one.
            put("learning_rate", json!(5e-4));
            put("per_device_train_batch_size", json!(16));
        }
        defaults
    }

    /// Takes what the person typed for an argument; an empty text puts the default back.
    pub(crate) fn enter(&mut self, argument: &Argument, text: &str) {
        match read(argument.kind, text.trim()) {
            Ok(value) => {
                self.drafts.remove(argument.name);
                match value {
                    Some(value) => self.entered.insert(argument.name.to_owned(), value),
                    None => self.entered.remove(argument.name),
                };
                self.changed();
            }
            Err(_) => {
                self.drafts.insert(argument.name, text.to_owned());
            }
        }
    }

    pub(crate) fn enter_nothing(&mut self) {
        self.entered.clear();
        self.drafts.clear();
        self.changed();
    }

    pub(crate) fn pick_device(&mut self, pick: DevicePick) {
        self.settings.device = pick;
        self.changed();
    }

    /// Takes the choices for a run together anew, and asks what that would take.
    fn changed(&mut self) {
        self.settings.entered = serde_json::to_string(&self.entered).unwrap_or_default();
        self.plan = self.planned();
        self.estimate();
    }

    fn planned(&self) -> Option<Result<RunConfig, String>> {
        self.data.inspection.done()?;
        let folder = self.model.folder.done()?;
        let mut map = self.defaults();
        map.extend(self.data.config.clone());
        map.insert("model_name_or_path".to_owned(), json!(folder));
        map.extend(self.entered.clone());
        map.insert("device".to_owned(), json!(self.settings.device.word()));
        let read = RunConfig::from_map(map).and_then(|(config, _)| {
            config.validate()?;
            Ok(config)
        });
        Some(read.map_err(|error| error.to_string()))
    }

    fn estimate(&mut self) {
        self.estimate = match &self.plan {
            Some(Ok(config)) => {
                let ask = Ask::Estimate(config.clone(), self.settings.device.clone());
                let ticket = self.ask(ask);
                Work::Busy(ticket, "Reckoning …".to_owned())
            }
            Some(Err(message)) => Work::Failed(message.clone()),
            None => Work::Idle,
        };
    }

    // --- The run ---

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

    fn run_of(&mut self, ticket: u64) -> Option<&mut Run> {
        let run = self.run.as_mut();
        run.filter(|_| self.run_ticket == ticket)
    }

    fn record(&mut self, ticket: u64, record: &Record) {
        if let Event::Step(step) = &record.event
            && step.samples_per_second > 0.0
        {
            self.speed = Some(step.samples_per_second);
        }
        if let Some(run) = self.run_of(ticket) {
            run.view.apply(record);
        }
    }

    fn ended(&mut self, ticket: u64) {
        let Some(run) = self.run_of(ticket) else {
            return;
        };
        run.going = false;
        run.paused = false;
        let view = &run.view;
        let whole = view.done.as_ref().filter(|done| !done.stopped);
        let model = whole.map(|done| done.output_dir.clone());
        let model = model.or_else(|| view.last_checkpoint.clone());
        let trained = model.map(|model| Trained {
            model,
            title: "the last run".to_owned(),
            config: run.config.clone(),
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

    // --- The trained model ---

    /// Takes a stored model to look at, to try and to keep.
    pub(crate) fn open_saved(&mut self, run: &SavedRun) {
        let model = if run.finished {
            run.output_dir.clone()
        } else {
            format!("{}/checkpoint-{}", run.output_dir, run.last_step)
        };
        self.open(Trained {
            model,
            title: base_name(&run.output_dir).to_owned(),
            config: run.config.clone().unwrap_or_default(),
            whole: run.finished,
        });
    }

    fn open(&mut self, trained: Trained) {
        // After a run that was cut short the person may rather want to go on with it.
        let look = trained.whole && trained.config.training.evaluates();
        self.trained = Some(trained);
        self.review = Work::Idle;
        self.prediction = Work::Idle;
        if look {
            self.look();
        }
    }

    /// Asks what the model gets wrong.
    pub(crate) fn look(&mut self) {
        let Some(trained) = self.trained.clone() else {
            return;
        };
        self.all_rows = false;
        let ticket = self.ask(Ask::Review {
            config: trained.config,
            model: trained.model,
            device: self.settings.device.clone(),
        });
        self.review = Work::Busy(ticket, "Reading the validation rows …".to_owned());
    }

    /// Whether the trained model reads two texts.
    pub(crate) fn reads_pairs(&self) -> bool {
        let trained = self.trained.as_ref();
        let columns = trained.and_then(|trained| trained.config.data.text_column_names.as_ref());
        columns.is_none_or(|columns| columns.len() != 1)
    }

    /// Asks what the model says of the person's text.
    pub(crate) fn classify(&mut self) {
        let Some(trained) = &self.trained else {
            return;
        };
        let pair = self.question.pair.trim();
        let text_pair = (self.reads_pairs() && !pair.is_empty()).then(|| pair.to_owned());
        let ask = Ask::Predict {
            model: trained.model.clone(),
            text: Pair {
                text: self.question.text.trim().to_owned(),
                text_pair,
            },
            device: self.settings.device.clone(),
        };
        let ticket = self.ask(ask);
        self.prediction = Work::Busy(ticket, "Reading …".to_owned());
    }

    /// Fills in a row of the data.
    pub(crate) fn take_row(&mut self) {
        let Some(inspection) = self.data.inspection.done() else {
            return;
        };
        let place = self.question.next_row % inspection.rows.len().max(1);
        let Some(row) = inspection.rows.get(place) else {
            return;
        };
        let cell = |name: Option<&String>| {
            let column = inspection
                .columns
                .iter()
                .position(|column| Some(&column.name) == name);
            column
                .and_then(|column| row.get(column)?.clone())
                .unwrap_or_default()
        };
        let names = &inspection.text_column_names;
        let (text, pair) = (cell(names.first()), cell(names.get(1)));
        self.question = Question {
            text,
            pair,
            next_row: place + 1,
        };
    }

    /// Asks the shell to do something whose outcome is told in a sentence.
    pub(crate) fn do_it(&mut self, ask: Ask, text: &str) {
        let ticket = self.ask(ask);
        self.did = Work::Busy(ticket, text.to_owned());
    }

    /// Whether there is a GPU to speak of.
    pub(crate) fn has_gpu(&self) -> bool {
        let kinds = self.adapters.iter().map(|adapter| adapter.kind);
        kinds
            .into_iter()
            .any(|kind| !matches!(kind, DeviceKind::SoftwareGpu | DeviceKind::Cpu))
    }
}

fn busy_text<T>(work: &mut Work<T>, ticket: u64) -> Option<&mut String> {
    match work {
        Work::Busy(asked, text) if *asked == ticket => Some(text),
        _ => None,
    }
}

/// What a person's words mean; nothing where there are none.
pub(crate) fn read(kind: ArgumentKind, text: &str) -> Result<Option<Value>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(match kind {
        ArgumentKind::Integer => {
            let number: i64 = text.parse().map_err(|_| "Enter a whole number.")?;
            json!(number)
        }
        ArgumentKind::Number => {
            let number: f64 = text
                .replace(',', ".")
                .parse()
                .map_err(|_| "Enter a number, such as 8 or 5e-5.")?;
            // A whole number stays one: some of these count.
            match number.fract() == 0.0 && number.abs() < 1e15 {
                true => json!(number as i64),
                false => json!(number),
            }
        }
        ArgumentKind::Json => serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or("Enter a JSON object, such as {\"num_cycles\": 0.5}.")?,
        ArgumentKind::Flag => json!(text == "true"),
        ArgumentKind::Text | ArgumentKind::Choice(_) => match text {
            "true" => json!(true),
            "false" => json!(false),
            text => json!(text),
        },
    }))
}

/// An argument's value as a person typed it.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            crate::format::figure(number.as_f64().unwrap_or(f64::NAN))
        }
        other => other.to_string(),
    }
}

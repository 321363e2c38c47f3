//! The thread that trains. It alone has devices; runs, predictions and reviews wait for each other.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use pollster::block_on;
use tunesmith_desktop::{Answer, Ask, DevicePick};
use tunesmith_protocol::{Command, Event, Pair, Record, RunConfig, TokenizedPrediction};
use tunesmith_session::{self as session, Predictor, Session, Steering};

use super::clerk::{panicked, plain};
use super::{Line, files};

/// How often the devices' memory is read.
const MEMORY: Duration = Duration::from_secs(1);

/// The window's end of the thread.
pub struct Trainer {
    asks: Sender<(u64, Ask)>,
    steering: Shared,
}

/// The run that is going, to be steered from the window's thread.
type Shared = Arc<Mutex<Option<Steering>>>;

struct Worker {
    home: PathBuf,
    line: Line,
    steering: Shared,
    /// The model that was last asked, which is most often asked again.
    predictor: Option<(String, DevicePick, Predictor)>,
}

impl Trainer {
    /// Starts the thread; it ends with the window.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(home: &Path, line: Line) -> Result<Self> {
        let (asks, asked) = channel();
        let steering = Shared::default();
        let worker = (home.to_owned(), line, Arc::clone(&steering));
        thread::Builder::new()
            .name("trainer".to_owned())
            .spawn(move || {
                let (home, line, steering) = worker;
                let worker = Worker {
                    home,
                    line,
                    steering,
                    predictor: None,
                };
                worker.work(&asked);
            })
            .context("no thread to train on")?;
        Ok(Self { asks, steering })
    }

    /// Hands the thread something to do, when it has done what it is at.
    pub fn ask(&self, ticket: u64, ask: Ask) {
        // It lives as long as the window.
        let _ = self.asks.send((ticket, ask));
    }

    /// Steers the run that is going.
    pub fn steer(&self, command: Command) {
        if let Some(steering) = &*lock(&self.steering) {
            steering.send(command);
        }
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, Option<Steering>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Worker {
    fn work(mut self, asked: &Receiver<(u64, Ask)>) {
        while let Ok((ticket, ask)) = asked.recv() {
            let run = matches!(ask, Ask::Train { .. });
            let review = matches!(ask, Ask::Review { .. });
            let done = catch_unwind(AssertUnwindSafe(|| self.serve(ticket, ask)));
            if let Err(panic) = done {
                let message = panicked(&*panic);
                if review {
                    self.line.tell(ticket, Answer::Reviewed(Err(message)));
                } else if run {
                    let failed = Record::new(u64::MAX, Event::Failed { message });
                    self.line.tell(ticket, Answer::Record(Box::new(failed)));
                } else {
                    self.line.tell(ticket, Answer::Predicted(Err(message)));
                }
            }
            if run {
                *lock(&self.steering) = None;
                self.line.tell(ticket, Answer::Ended);
            }
        }
    }

    fn serve(&mut self, ticket: u64, ask: Ask) {
        match ask {
            Ask::Train {
                config,
                name,
                device,
            } => self.train(ticket, config, name, &device),
            Ask::Predict {
                model,
                text,
                device,
            } => {
                let prediction = self.predict(model, &text, device);
                self.line.tell(ticket, Answer::Predicted(prediction));
            }
            Ask::Review {
                mut config,
                model,
                device,
            } => {
                compute_on(&device, &mut config);
                let progress = self.line.clone();
                let mut tell = |event| progress.tell(ticket, Answer::Progress(event));
                let review = block_on(session::review(config, Path::new(&model), &mut tell));
                let review = review.map(Box::new).map_err(|error| plain(&error));
                self.line.tell(ticket, Answer::Reviewed(review));
            }
            _ => {}
        }
    }

    fn train(
        &mut self,
        ticket: u64,
        mut config: RunConfig,
        name: Option<String>,
        device: &DevicePick,
    ) {
        // What it holds of the device is the run's.
        self.predictor = None;
        compute_on(device, &mut config);
        if let Some(name) = name {
            let folder = files::new_run(&self.home, &name);
            config.training.output_dir = folder.display().to_string();
        }
        let started = Answer::Started(Box::new(config.clone()));
        self.line.tell(ticket, started);
        let mut session = Session::new(config);
        *lock(&self.steering) = Some(session.steering());
        let mut measured = Instant::now();
        while let Some(mut record) = block_on(session.next()) {
            record.event = record.event.without_dashes();
            let first = matches!(record.event, Event::RunStarted(_));
            self.line.tell(ticket, Answer::Record(Box::new(record)));
            if first || measured.elapsed() >= MEMORY {
                measured = Instant::now();
                let bytes = session::device_bytes();
                self.line.tell(ticket, Answer::DeviceBytes(bytes));
            }
        }
    }

    fn predict(
        &mut self,
        model: String,
        text: &Pair,
        device: DevicePick,
    ) -> Result<TokenizedPrediction, String> {
        let held = self
            .predictor
            .take()
            .filter(|(path, on, held)| *path == model && *on == device && !held.has_failed());
        let predictor = match held {
            Some((_, _, predictor)) => predictor,
            None => {
                let mut config = RunConfig::default();
                compute_on(&device, &mut config);
                let on = config.training.device;
                let loaded = block_on(Predictor::load(Path::new(&model), on, None));
                loaded.map_err(|error| plain(&error))?
            }
        };
        let predictions = block_on(predictor.predict(std::slice::from_ref(text)));
        let tokens = predictor.tokens(text);
        self.predictor = Some((model, device, predictor));
        let prediction = predictions
            .map_err(|error| plain(&error))?
            .into_iter()
            .next();
        Ok(TokenizedPrediction {
            prediction: prediction.ok_or("the model gave no answer")?,
            tokens: tokens.map_err(|error| plain(&error))?,
        })
    }
}

/// Has this thread and a run compute where the person picked.
fn compute_on(device: &DevicePick, config: &mut RunConfig) {
    if let Ok(choice) = device.word().parse() {
        config.training.device = choice;
    }
    match device {
        // As the arguments say.
        DevicePick::Auto => {}
        _ => config.training.devices = device.devices().map(str::to_owned),
    }
    session::pick_adapter(match device {
        DevicePick::Adapter { name, backend, .. } => Some((name.clone(), backend.clone())),
        DevicePick::Auto | DevicePick::AllGpus | DevicePick::Cpu => None,
    });
}

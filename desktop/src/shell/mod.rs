//! The window's life: it is opened, drawn, and closed.

mod builtin;
mod clerk;
mod dialogs;
mod files;
mod times;
mod trainer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use eframe::{CreationContext, Frame, NativeOptions, Storage};
use egui::{IconData, Ui, ViewportBuilder};
use tunesmith_desktop::{Answer, Ask, Asked, Host, Settings, State, icon, theme};

use times::Times;
use trainer::Trainer;

/// The name of the app's folder for what it keeps.
const APP: &str = "tunesmith";
const SETTINGS: &str = "settings";
/// A run may tell more often than a person can read; each drawing takes from the run's time on a
/// software adapter.
const REDRAW: Duration = Duration::from_millis(100);

/// Opens the window, and returns when it is closed.
///
/// # Errors
/// Where there is no display or no adapter to draw on.
pub fn run() -> Result<()> {
    let begun = Instant::now();
    let times = times_asked_for()?;
    let home = eframe::storage_dir(APP).context("no folder to keep runs in: set HOME")?;
    let size = IconData {
        rgba: icon::pixels(icon::SIZE),
        width: icon::SIZE as u32,
        height: icon::SIZE as u32,
    };
    let options = NativeOptions {
        viewport: ViewportBuilder::default()
            .with_app_id(APP)
            .with_title("Tunesmith")
            .with_icon(size)
            .with_inner_size([1180.0, 780.0])
            .with_min_inner_size([420.0, 420.0])
            .with_drag_and_drop(true),
        ..NativeOptions::default()
    };
    let times = Times::new(begun, times);
    let create = move |context: &CreationContext<'_>| -> Result<Box<dyn eframe::App>, _> {
        Ok(Box::new(Desktop::new(context, home, times)?))
    };
    eframe::run_native("Tunesmith", options, Box::new(create))
        .map_err(|error| anyhow!("the window can't be opened: {error}"))
}

/// `--times FILE` writes how long frames took, to be measured by.
fn times_asked_for() -> Result<Option<PathBuf>> {
    let mut words = std::env::args().skip(1);
    match (words.next().as_deref(), words.next()) {
        (None, _) => Ok(None),
        (Some("--times"), Some(path)) => Ok(Some(path.into())),
        (Some(word), _) => bail!("{word}: only `--times FILE` is known here"),
    }
}

struct Desktop {
    /// Set by the system when it ends the program.
    ended: Arc<AtomicBool>,
    state: State,
    desk: Desk,
    times: Times,
}

/// Where asks are taken to, and answers come back.
struct Desk {
    home: PathBuf,
    trainer: Trainer,
    line: Line,
    answers: Receiver<(u64, Answer)>,
}

/// Brings answers back from any thread, and has the window drawn.
#[derive(Clone)]
struct Line {
    answers: Sender<(u64, Answer)>,
    context: egui::Context,
}

impl Line {
    fn tell(&self, ticket: u64, answer: Answer) {
        // A window that has closed hears nothing more.
        let _ = self.answers.send((ticket, answer));
        // The earliest of several is the one that counts.
        self.context.request_repaint_after(REDRAW);
    }
}

impl Desktop {
    fn new(context: &CreationContext<'_>, home: PathBuf, times: Times) -> Result<Self> {
        theme::install(&context.egui_ctx);
        let stored = context
            .storage
            .and_then(|storage| eframe::get_value(storage, SETTINGS));
        let settings: Settings = stored.unwrap_or_default();
        let host = Host {
            runs: files::runs(&home).display().to_string(),
            has_files: true,
        };
        let (sender, answers) = channel();
        let line = Line {
            answers: sender,
            context: context.egui_ctx.clone(),
        };
        let ended = Arc::<AtomicBool>::default();
        let (set, window) = (Arc::clone(&ended), context.egui_ctx.clone());
        ctrlc::set_handler(move || {
            set.store(true, Ordering::SeqCst);
            window.request_repaint();
        })
        .context("the end of the session can't be heard of")?;
        let mut desktop = Self {
            ended,
            state: State::new(settings, host),
            desk: Desk {
                trainer: Trainer::start(&home, line.clone())?,
                home,
                line,
                answers,
            },
            times,
        };
        desktop.desk.serve(desktop.state.take_asks());
        Ok(desktop)
    }
}

impl eframe::App for Desktop {
    fn logic(&mut self, _: &egui::Context, _: &mut Frame) {
        while let Ok((ticket, answer)) = self.desk.answers.try_recv() {
            self.state.take(ticket, answer);
        }
        if self.ended.swap(false, Ordering::SeqCst) {
            self.state.save_and_close();
        }
        self.desk.serve(self.state.take_asks());
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut Frame) {
        tunesmith_desktop::show(ui, &mut self.state);
        self.desk.serve(self.state.take_asks());
        self.times
            .drawn(frame.info().cpu_usage, self.state.is_running());
    }

    fn save(&mut self, storage: &mut dyn Storage) {
        eframe::set_value(storage, SETTINGS, &self.state.settings);
    }
}

impl Desk {
    fn serve(&self, asks: Vec<Asked>) {
        for Asked { ticket, ask } in asks {
            match ask {
                Ask::Steer(command) => self.trainer.steer(command),
                Ask::Train { .. } | Ask::Predict { .. } | Ask::Review { .. } => {
                    self.trainer.ask(ticket, ask);
                }
                Ask::Pick(pick) => dialogs::pick(pick, ticket, self.line.clone()),
                Ask::Export(model) => dialogs::export(model, ticket, self.line.clone()),
                ask => clerk::serve(ask, ticket, &self.home, self.line.clone()),
            }
        }
    }
}

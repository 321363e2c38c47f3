//! What goes on, on standard error: bars on a terminal, a line now and then elsewhere, so that the
//! log of a batch job stays readable.

use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tunesmith::data::LoadEvent;
use tunesmith::hub::Download;
use tunesmith_protocol::Event;

use crate::escape::visible;
use crate::output::{megabytes, note};

/// Without a terminal, how often something in progress is told again.
pub const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Things in progress by name.
pub struct Progress {
    bars: MultiProgress,
    live: bool,
    running: Vec<Running>,
}

struct Running {
    name: String,
    bar: ProgressBar,
    told: Instant,
}

impl Progress {
    /// Nothing in progress.
    pub fn new() -> Self {
        Self::with_bars(true)
    }

    /// The same; with bars only where they are wanted and there is a terminal to draw them on.
    pub fn with_bars(wanted: bool) -> Self {
        let live = wanted && stderr().is_terminal();
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            live,
            running: Vec::new(),
        }
    }

    /// Whether there is a terminal to draw on.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// A line that stays, above whatever is drawn.
    pub fn say(&self, line: &str) {
        if self.live {
            self.bars.suspend(|| note(line));
        } else {
            note(line);
        }
    }

    /// A bar of the caller's own, below the others.
    pub fn bar(&self, length: u64, template: &str) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(length));
        bar.set_style(style(template));
        bar
    }

    /// Shows events of a session that are downloads or stages; says whether this one was.
    pub fn event(&mut self, event: &Event) -> bool {
        match event {
            Event::Download {
                file,
                loaded,
                total,
            } => self.bytes(file, *loaded, *total),
            Event::Progress { stage, done, total } => self.items(stage, *done, *total),
            _ => return false,
        }
        true
    }

    /// Shows a download.
    pub fn download(&mut self, download: &Download) {
        self.bytes(&download.file, download.loaded, download.total);
    }

    /// Shows how a dataset is loaded.
    pub fn load(&mut self, event: &LoadEvent) {
        match event {
            LoadEvent::Download(download) => self.download(download),
            LoadEvent::Warning(message) => self.say(&format!("warning: {message}")),
            _ => {}
        }
    }

    /// Part of a file has arrived.
    pub fn bytes(&mut self, file: &str, loaded: u64, total: Option<u64>) {
        let known = total.map_or_else(String::new, |total| format!(" of {}", megabytes(total)));
        self.show(
            &format!("downloading {file}"),
            loaded,
            total,
            "{msg} [{bar:30}] {bytes} of {total_bytes} ({bytes_per_sec}, {eta} left)",
            &format!("{}{known}", megabytes(loaded)),
        );
    }

    /// A stage has come this far.
    pub fn items(&mut self, stage: &str, done: u64, total: u64) {
        let template = "{msg} [{bar:30}] {pos} of {len} ({eta} left)";
        self.show(
            stage,
            done,
            Some(total),
            template,
            &format!("{done} of {total}"),
        );
    }

    fn show(&mut self, name: &str, done: u64, total: Option<u64>, template: &str, plain: &str) {
        let complete = total.is_some_and(|total| done >= total);
        let known = self.running.iter().position(|running| running.name == name);
        let index = match known {
            Some(index) => index,
            // What is there already (a cache) is not worth a bar.
            None if complete => return,
            None => {
                let bar = self.bar(total.unwrap_or(0), template);
                bar.set_message(visible(name));
                self.running.push(Running {
                    name: name.to_owned(),
                    bar,
                    told: Instant::now(),
                });
                self.running.len() - 1
            }
        };
        let running = &mut self.running[index];
        running.bar.set_position(done);
        // What takes less than an interval needs no line in a log.
        if !self.live && running.told.elapsed() >= PLAIN_INTERVAL {
            running.told = Instant::now();
            note(format_args!("{name}: {plain}"));
        }
        if complete {
            running.bar.finish_and_clear();
            self.running.remove(index);
        }
    }

    /// Takes away all that is drawn, before something else is printed.
    pub fn clear(&mut self) {
        for running in self.running.drain(..) {
            running.bar.finish_and_clear();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // A template is one of ours; if it were wrong, a plain bar would do.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

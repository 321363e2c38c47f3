//! Ctrl-C, SIGTERM and SIGHUP: the first ends the run after its step, with a checkpoint; the second
//! ends it at once.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::output::note;

/// The code that shells give for a command ended by Ctrl-C.
pub const STOPPED: u8 = 130;

/// How long the end waits for its last words, which nobody may be reading.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Whether the run is asked to end.
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    training: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes the signals over for the rest of the process.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub fn install() -> Result<Self> {
        let (asked, training) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (set, busy) = (asked.clone(), training.clone());
        let hangup = hangup::Disposition::take()?;
        ctrlc::set_handler(move || {
            if !busy.load(Ordering::SeqCst) {
                // Downloads and caches go on where they stopped, so nothing is lost here.
                end("\nStopped outside of training; there was nothing to save.");
            }
            if set.swap(true, Ordering::SeqCst) {
                end("\nStopped at once; what was not saved is lost.");
            }
        })
        .context("can't handle Ctrl-C")?;
        hangup.restore()?;
        Ok(Self { asked, training })
    }

    /// Says whether there is a step to finish and something to save.
    pub fn steps_are_taken(&self, yes: bool) {
        self.training.store(yes, Ordering::SeqCst);
    }

    /// Whether a signal came.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Ignores the signals: a launcher sends them to all ranks, and the first ends the run for all.
///
/// # Errors
/// When the system refuses the handler.
pub fn leave_to_rank_0() -> Result<()> {
    ctrlc::set_handler(|| {}).context("can't handle Ctrl-C")
}

/// Ends the process. The run may hold standard error while it waits for a reader that has stopped
/// reading (`| less`), so the words get a thread of their own and little time.
fn end(words: &'static str) -> ! {
    let (done, told) = mpsc::channel();
    thread::spawn(move || {
        note(words);
        let _ = done.send(());
    });
    let _ = told.recv_timeout(LAST_WORDS);
    exit(i32::from(STOPPED))
}

/// `nohup` starts a command with SIGHUP ignored, and means that it goes on after the terminal is gone.
#[cfg(unix)]
mod hangup {
    use anyhow::{Context, Result};
    use nix::sys::signal::{SigHandler, Signal, signal};

    /// What SIGHUP did when the process began.
    pub struct Disposition(SigHandler);

    impl Disposition {
        /// Notes it. SIGHUP is ignored from here until another handler is set.
        pub fn take() -> Result<Self> {
            set(SigHandler::SigIgn).map(Self)
        }

        /// Ignores it again, if it was ignored.
        pub fn restore(&self) -> Result<()> {
            if matches!(self.0, SigHandler::SigIgn) {
                set(SigHandler::SigIgn)?;
            }
            Ok(())
        }
    }

    fn set(handler: SigHandler) -> Result<SigHandler> {
        // SAFETY: ignoring a signal runs no code of ours in a handler.
        unsafe { signal(Signal::SIGHUP, handler) }.context("can't handle SIGHUP")
    }
}

#[cfg(not(unix))]
mod hangup {
    use anyhow::Result;

    /// There is no such signal here.
    pub struct Disposition;

    impl Disposition {
        pub fn take() -> Result<Self> {
            Ok(Self)
        }

        pub fn restore(&self) -> Result<()> {
            Ok(())
        }
    }
}

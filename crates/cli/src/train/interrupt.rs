//! Ctrl-C: the first ends the run after its step, with a checkpoint; the second ends it at once.

use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};

/// The code that shells give for a command ended by Ctrl-C.
const STOPPED: i32 = 130;

/// Whether the person has pressed Ctrl-C.
pub struct Interrupt {
    asked: Arc<AtomicBool>,
    training: Arc<AtomicBool>,
}

impl Interrupt {
    /// Takes Ctrl-C over for the rest of the process.
    ///
    /// # Errors
    /// When the system refuses the handler.
    pub fn install() -> Result<Self> {
        let (asked, training) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let (set, busy) = (asked.clone(), training.clone());
        ctrlc::set_handler(move || {
            if !busy.load(Ordering::SeqCst) {
                // Downloads and caches go on where they stopped, so nothing is lost here.
                eprintln!("\nStopped outside of training; there was nothing to save.");
                exit(STOPPED);
            }
            if set.swap(true, Ordering::SeqCst) {
                eprintln!("\nStopped at once; what was not saved is lost.");
                exit(STOPPED);
            }
        })
        .context("can't handle Ctrl-C")?;
        Ok(Self { asked, training })
    }

    /// Says whether there is a step to finish and something to save.
    pub fn steps_are_taken(&self, yes: bool) {
        self.training.store(yes, Ordering::SeqCst);
    }

    /// Whether Ctrl-C was pressed once.
    pub fn is_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

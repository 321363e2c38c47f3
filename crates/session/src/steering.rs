//! What a shell tells a run that is going, from whichever thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tunesmith_protocol::Command;

/// Steers a run; it reads its commands between two steps.
#[derive(Debug, Clone, Default)]
pub struct Steering(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    paused: bool,
    stop: Option<Command>,
    /// Of whoever pulls the run, while it waits.
    waker: Option<Waker>,
}

impl Steering {
    /// Hands the run a command. One that stops it ends a pause too.
    pub fn send(&self, command: Command) {
        let mut state = self.state();
        // Who stops a run wants it to end, whatever comes after.
        state.paused = command == Command::Pause && state.stop.is_none();
        if matches!(command, Command::Stop | Command::StopAndSave) {
            state.stop = Some(command);
        }
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// Whether the run shall wait, or shall end; `waker` is called when that changes.
    pub(crate) fn look(&self, waker: &Waker) -> (bool, bool) {
        let mut state = self.state();
        state.waker = Some(waker.clone());
        (state.paused, state.stop.is_some())
    }

    /// How the run shall end, if it shall; told once.
    pub(crate) fn take_stop(&self) -> Option<Command> {
        self.state().stop.take()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

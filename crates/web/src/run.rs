//! The one run of this worker.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, Waker};

use tunesmith_platform::fs;
use tunesmith_protocol::{Command, Event, Record, RunConfig};
use tunesmith_session::Session;
use wasm_bindgen::prelude::*;

use crate::json;

struct Running {
    session: Session,
    /// Steps are taken: a run that is stopped before has nothing to end, and is dropped.
    begun: bool,
    next_seq: u64,
}

thread_local! {
    static RUN: RefCell<Option<Running>> = const { RefCell::new(None) };
    static COMMAND: Cell<Option<Command>> = const { Cell::new(None) };
    static WAITING: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// Makes the run that `config` says, in place of one that has ended. It does nothing until it is
/// pulled.
///
/// # Errors
/// A configuration that can't be used; every problem has its line.
#[wasm_bindgen]
pub fn start_run(config: &str) -> Result<(), JsError> {
    let (config, _) = RunConfig::from_json(config)?;
    COMMAND.set(None);
    RUN.set(Some(Running {
        session: Session::new(config),
        begun: false,
        next_seq: 0,
    }));
    Ok(())
}

/// Works until there is something to tell; nothing after the last record.
///
/// # Errors
/// Where it is pulled twice at once, or there is no run.
#[wasm_bindgen]
pub async fn next_record() -> Result<Option<String>, JsError> {
    let Some(mut run) = RUN.take() else {
        return Err(JsError::new(
            "there is no run to pull, or it is pulled already",
        ));
    };
    let record = run.next().await;
    let Some(record) = record else {
        return Ok(None);
    };
    let text = json(&named(record))?;
    RUN.set(Some(run));
    fs::replenish().await?;
    Ok(Some(text))
}

/// Steers the run: `{"type": "stop"}` or `{"type": "stop_and_save"}`.
///
/// # Errors
/// A text that is no command.
#[wasm_bindgen]
pub fn command(text: &str) -> Result<(), JsError> {
    COMMAND.set(Some(serde_json::from_str(text)?));
    if let Some(waker) = WAITING.take() {
        waker.wake();
    }
    Ok(())
}

/// A failure with the arguments' names as this shell has them: the command's flags are the same names
/// behind dashes.
fn named(record: Record) -> Record {
    let plain = |message: String| message.replace("--", "");
    let event = match record.event {
        Event::Failed { message } => Event::Failed {
            message: plain(message),
        },
        Event::DeviceLost { message } => Event::DeviceLost {
            message: plain(message),
        },
        other => other,
    };
    Record { event, ..record }
}

impl Running {
    async fn next(&mut self) -> Option<Record> {
        if self.begun
            && let Some(command) = COMMAND.take()
        {
            self.session.command(command);
        }
        let begun = self.begun;
        let record = {
            let mut next = pin!(self.session.next());
            poll_fn(|context| {
                WAITING.set(Some(context.waker().clone()));
                if !begun && COMMAND.take().is_some() {
                    return Poll::Ready(None);
                }
                next.as_mut().poll(context).map(Some)
            })
            .await
        };
        let Some(record) = record else {
            // Stopped while it was prepared: what it waited for is dropped with it.
            self.session = Session::ended();
            return Some(Record::new(
                self.next_seq,
                Event::Failed {
                    message: "stopped before the first step".to_owned(),
                },
            ));
        };
        if let Some(record) = &record {
            self.begun |= matches!(record.event, Event::RunStarted(_));
            self.next_seq = record.seq + 1;
        }
        record
    }
}

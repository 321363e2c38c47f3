//! The one run of this worker.

use std::cell::RefCell;

use tunesmith_platform::fs;
use tunesmith_protocol::{Record, RunConfig};
use tunesmith_session::{Session, Steering};
use wasm_bindgen::prelude::*;

use crate::json;

thread_local! {
    static RUN: RefCell<Option<Session>> = const { RefCell::new(None) };
    static STEERING: RefCell<Option<Steering>> = const { RefCell::new(None) };
}

/// Makes the run that `config` says, in place of one that has ended. It does nothing until it is
/// pulled.
///
/// # Errors
/// A configuration that can't be used; every problem has its line.
#[wasm_bindgen]
pub fn start_run(config: &str) -> Result<(), JsError> {
    let (config, _) = RunConfig::from_json(config)?;
    let session = Session::new(config);
    STEERING.set(Some(session.steering()));
    RUN.set(Some(session));
    Ok(())
}

/// Works until there is something to tell; nothing after the last record.
///
/// # Errors
/// Where it is pulled twice at once, or there is no run.
#[wasm_bindgen]
pub async fn next_record() -> Result<Option<String>, JsError> {
    let Some(mut session) = RUN.take() else {
        return Err(JsError::new(
            "there is no run to pull, or it is pulled already",
        ));
    };
    let Some(record) = session.next().await else {
        return Ok(None);
    };
    let text = json(&Record {
        event: record.event.without_dashes(),
        ..record
    })?;
    RUN.set(Some(session));
    fs::replenish().await;
    Ok(Some(text))
}

/// Steers the run: `{"type": "pause"}`, `resume`, `stop` or `stop_and_save`.
///
/// # Errors
/// A text that is no command.
#[wasm_bindgen]
pub fn command(text: &str) -> Result<(), JsError> {
    let command = serde_json::from_str(text)?;
    STEERING.with_borrow(|steering| {
        if let Some(steering) = steering {
            steering.send(command);
        }
    });
    Ok(())
}

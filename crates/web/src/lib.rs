//! The session in a browser's dedicated worker: text in, text out.
//!
//! Everything crosses as the JSON of the protocol's types, so that what a page is told is what
//! `--events` writes. The TypeScript beside it (`web/src/worker.ts`) carries the texts between this
//! module and the page. One run at a time.

#![cfg(target_arch = "wasm32")]

mod answer;
mod cancel;
mod files;
mod run;

use js_sys::Function;
use serde::Serialize;
use tunesmith_platform::fs;
use tunesmith_protocol::{Event, Opened, Storage};
use wasm_bindgen::prelude::*;

pub use cancel::cancel;
pub use files::{read_file, write_file};
pub use run::{command, next_record, start_run};

use std::cell::RefCell;

thread_local! {
    static LISTENER: RefCell<Option<Function>> = const { RefCell::new(None) };
}

/// Opens the storage, before anything else is called. `hub` is the base URL of another hub than the
/// public one.
///
/// # Errors
/// Where the files that are there can't be read.
#[wasm_bindgen]
pub async fn open(hub: Option<String>) -> Result<String, JsError> {
    std::panic::set_hook(Box::new(|panic| {
        let message = format!(
            "Tunesmith met something it does not know how to handle, a bug or a damaged file: {panic}. \
             What was saved is still there"
        );
        tell(&Event::Failed { message });
    }));
    if let Some(hub) = hub {
        tunesmith_session::set_hub(&hub);
    }
    let opened = fs::open().await?;
    json(&Opened {
        storage: match opened.storage {
            fs::Storage::Opfs => Storage::Opfs,
            fs::Storage::Memory => Storage::Memory,
        },
        reason: opened.reason,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Who hears of events that no run has: downloads and progress of a request, and a failure that ends
/// this module.
#[wasm_bindgen]
pub fn on_event(listener: Function) {
    LISTENER.with(|place| *place.borrow_mut() = Some(listener));
}

/// Answers one request; `number` is what [`cancel`] calls it by.
///
/// # Errors
/// A sentence for people.
#[wasm_bindgen]
pub async fn request(number: u32, text: &str) -> Result<String, JsError> {
    let answer = answer::answer(serde_json::from_str(text)?);
    let answer = cancel::unless_cancelled(number, answer).await;
    fs::replenish().await;
    answer.unwrap_or_else(|| Err(JsError::new("the request was cancelled")))
}

/// Loses the device that is open as a driver would, for tests.
#[wasm_bindgen]
pub fn destroy_device() {
    tunesmith_session::destroy_devices();
}

fn tell(event: &Event) {
    let Ok(text) = serde_json::to_string(&event.clone().without_dashes()) else {
        return;
    };
    LISTENER.with(|place| {
        if let Some(listener) = &*place.borrow() {
            // A listener that throws is the page's matter.
            let _ = listener.call1(&JsValue::NULL, &JsValue::from_str(&text));
        }
    });
}

fn json(value: &impl Serialize) -> Result<String, JsError> {
    Ok(serde_json::to_string(value)?)
}

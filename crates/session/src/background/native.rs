//! On a thread.

use std::any::Any;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use tunesmith_protocol::Event;

use crate::SessionError;
use crate::session::Shared;

/// What runs between the two threads.
struct Line<T> {
    state: Mutex<LineState<T>>,
}

struct LineState<T> {
    events: VecDeque<Event>,
    result: Option<Result<T, String>>,
    waker: Option<Waker>,
}

enum Message<T> {
    Event(Box<Event>),
    Done(Result<T, String>),
}

impl<T> Line<T> {
    fn new() -> Self {
        let state = LineState {
            events: VecDeque::new(),
            result: None,
            waker: None,
        };
        Self {
            state: Mutex::new(state),
        }
    }

    fn change(&self, change: impl FnOnce(&mut LineState<T>)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    async fn next(&self) -> Message<T> {
        poll_fn(|context| {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(event) = state.events.pop_front() {
                return Poll::Ready(Message::Event(Box::new(event)));
            }
            if let Some(result) = state.result.take() {
                return Poll::Ready(Message::Done(result));
            }
            state.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Runs `work` on a thread and passes its events on; a panic there becomes an error here.
#[allow(
    clippy::disallowed_methods,
    reason = "the hub's calls and tokenizing block, and a native shell must go on drawing meanwhile"
)]
pub(crate) async fn background<T: Send + 'static>(
    shared: &Shared,
    work: impl FnOnce(&mut dyn FnMut(Event)) -> Result<T, SessionError> + Send + 'static,
) -> Result<T, SessionError> {
    let line = Arc::new(Line::new());
    let sender = Arc::clone(&line);
    std::thread::spawn(move || {
        let mut tell = |event| sender.change(|state| state.events.push_back(event));
        let result = catch_unwind(AssertUnwindSafe(|| work(&mut tell)));
        let result = result.map_err(|panic| panic_text(&*panic));
        sender.change(|state| state.result = Some(result));
    });
    loop {
        match line.next().await {
            Message::Event(event) => shared.emit(*event).await,
            Message::Done(Ok(result)) => return result,
            Message::Done(Err(text)) => return Err(SessionError::Panicked(text)),
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason given".to_owned())
}

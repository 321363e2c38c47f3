//! Work that can be given up: dropping its future ends what it waits for, a download among it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Poll, Waker};

use wasm_bindgen::prelude::*;

/// A request that is being answered.
enum Answering {
    /// Waiting for something, or about to.
    Waits(Waker),
    Cancelled,
}

thread_local! {
    static ANSWERING: RefCell<BTreeMap<u32, Answering>> = const { RefCell::new(BTreeMap::new()) };
}

/// Gives up the request of this number; nothing where it is answered already, or is busy computing.
#[wasm_bindgen]
pub fn cancel(number: u32) {
    let former = ANSWERING.with_borrow_mut(|answering| {
        let place = answering.get_mut(&number)?;
        Some(std::mem::replace(place, Answering::Cancelled))
    });
    if let Some(Answering::Waits(waker)) = former {
        waker.wake();
    }
}

/// Does the work of the request of this number; `None` where it was cancelled.
pub(crate) async fn unless_cancelled<T>(number: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let done = poll_fn(|context| {
        let cancelled = ANSWERING.with_borrow_mut(|answering| {
            let waits = Answering::Waits(context.waker().clone());
            matches!(answering.insert(number, waits), Some(Answering::Cancelled))
        });
        match cancelled {
            true => Poll::Ready(None),
            false => work.as_mut().poll(context).map(Some),
        }
    })
    .await;
    ANSWERING.with_borrow_mut(|answering| answering.remove(&number));
    done
}

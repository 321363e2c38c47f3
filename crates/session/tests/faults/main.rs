//! Whole runs over a file system that fails, is full or dies at every call in turn, natively and over the
//! browser's volume. After each the same command given again comes to the weights of a run that nothing
//! disturbed, and leaves nothing lying about.
//!
//! On Linux alone, whose C library's calls `system.rs` takes the place of; the pipeline is the same on
//! all.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod place;
mod system;
mod volume;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use place::{End, Place};
use system::{Fault, watch};

/// The watched folders and the cache's variable are the program's: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn turn() -> std::sync::MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs again where a fault left this state; what is wrong then.
pub fn again(place: &Place, weights: &[u8]) -> Option<String> {
    let end = place.run_again();
    if end != End::Done {
        return Some(format!("a dead end: {end:?}"));
    }
    if place.weights().as_deref() != Some(weights) {
        return Some("other weights than an undisturbed run".to_owned());
    }
    let left = place.leftovers();
    (!left.is_empty()).then(|| format!("left behind: {}", left.join(", ")))
}

/// An undisturbed run's weights and its calls.
pub fn undisturbed(place: &Place) -> (Vec<u8>, system::Watched) {
    let (end, watched) = watch(&place.written(), None, || place.run());
    assert_eq!(end, End::Done);
    assert_eq!(place.leftovers(), Vec::<String>::new());
    (place.weights().unwrap(), watched)
}

fn at_every_call(fault: Fault) {
    let _turn = turn();
    let place = Place::new();
    let (weights, watched) = undisturbed(&place);
    assert!(watched.calls > 150, "{} calls", watched.calls);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let mut runs = 0;
    let mut number = 0;
    loop {
        place.clear();
        let (end, watched) = watch(&place.written(), Some((number, fault)), || place.run());
        let Some(hit) = watched.hit else { break };
        let label = format!("{fault:?} at call {number} ({hit})");
        match &end {
            End::Panicked(message) => wrong.push(format!("{label}: panicked: {message}")),
            End::Done if place.weights().as_ref() != Some(&weights) => {
                wrong.push(format!("{label}: it ended well with other weights"));
            }
            End::Failed(message) if !is_readable(message, &place) => {
                wrong.push(format!("{label}: the message says too little: {message}"));
            }
            End::Done | End::LastInstead | End::Failed(_) => {}
        }
        if seen.insert(place.key()) {
            runs += 1;
            wrong.extend(
                again(&place, &weights).map(|what| format!("{label}: {end:?}, then {what}")),
            );
        }
        number += 1;
    }
    println!(
        "{fault:?}: {number} calls, {runs} states gone on from, {} wrong",
        wrong.len()
    );
    assert!(number >= watched.calls, "{number} of {}", watched.calls);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// It names a file and what happened to it.
fn is_readable(message: &str, place: &Place) -> bool {
    let names_a_file = place
        .written()
        .iter()
        .any(|folder| message.contains(&folder.display().to_string()));
    let says_what = [
        "Input/output error",
        "No space left",
        "full",
        "does not read back",
    ];
    names_a_file && says_what.iter().any(|what| message.contains(what))
}

#[test]
fn a_call_that_fails() {
    at_every_call(Fault::Fails);
}

#[test]
fn a_disk_that_is_full() {
    at_every_call(Fault::Full);
}

#[test]
fn a_process_that_is_killed() {
    at_every_call(Fault::Dies);
}

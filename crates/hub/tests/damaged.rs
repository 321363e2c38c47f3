//! Damaged answers of the hub end with an answer or an error.
#![allow(clippy::unwrap_used, reason = "tests")]

use tunesmith_damage::{Kind, Meter, Trial, fixtures};

#[global_allocator]
static METER: Meter = Meter;

#[test]
fn answers() {
    let files = fixtures::hub_answers();
    let trial = Trial {
        name: "answer of the hub",
        kind: Kind::Json,
        files: &files,
        caught_panics_fail: true,
        one_in: 1,
    };
    trial.run(tunesmith_hub::read_any_answer);
    trial.cut(tunesmith_hub::read_any_answer, |_, ()| false);
}

//! Every case that evaluate's own GLUE metric was run on; the cases aren't in the repository.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::PathBuf;

fn cases() -> Vec<serde_json::Value> {
    let folder = std::env::var_os("TUNESMITH_REFERENCE").map(PathBuf::from).expect(
        "TUNESMITH_REFERENCE names no folder with the reference data: `cargo xtask test --reference DIR` sets it",
    );
    common::cases(&folder.join("golden/metrics_glue.json"))
}

#[test]
fn every_case_scores_what_evaluate_gave() {
    let cases = cases();
    assert_eq!(cases.len(), 59);
    common::assert_scores(&cases);
}

#[test]
fn labels_added_as_classes_score_the_same() {
    common::assert_classes(&cases());
}

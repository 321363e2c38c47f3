//! Scores equal those of scikit-learn and scipy, called as evaluate's GLUE metric calls them, the edge
//! cases included.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;

use tunesmith_metrics::GlueTask;

fn cases() -> Vec<serde_json::Value> {
    common::cases(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/metrics.json"))
}

#[test]
fn every_case_scores_what_evaluate_gives() {
    let cases = cases();
    for task in GlueTask::ALL {
        let of_task = cases.iter().filter(|case| case["task"] == task.as_str());
        assert!(of_task.count() >= 11, "{task}");
    }
    common::assert_scores(&cases);
}

#[test]
fn labels_added_as_classes_score_the_same() {
    common::assert_classes(&cases());
}

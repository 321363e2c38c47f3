//! `tunesmith metric`: what evaluate gives.

use crate::compare;
use crate::support::{Scratch, contains, golden};

#[test]
fn every_case_scores_what_evaluate_gives() {
    let golden = golden("metrics.json");
    let cases = golden["cases"].as_array().unwrap();
    assert!(cases.len() > 150);
    compare::scores(cases);
}

#[test]
fn bad_lines_and_tasks_are_told() {
    let scratch = Scratch::new();
    scratch.write(
        "scored.jsonl",
        "{\"prediction\": 1, \"reference\": 1}\n{\"prediction\": 2, \"reference\": 1}\n",
    );
    let message = scratch.run("metric mrpc --input scored.jsonl").error();
    contains(
        &message,
        &[
            "scored.jsonl, line 2",
            "prediction 2 is not a label from 0 to 1",
        ],
    );
    contains(
        &scratch.run("metric mrcp --input scored.jsonl").error(),
        &["`mrcp` is not a GLUE task", "mrpc"],
    );
    scratch.write("empty.jsonl", "");
    contains(
        &scratch.run("metric mrpc --input empty.jsonl").error(),
        &["no rows"],
    );
    contains(
        &scratch.run("metric mrpc --input none.jsonl").error(),
        &["can't read none.jsonl"],
    );
    scratch.write("scored.jsonl", "{\"prediction\": 1}\n");
    let message = scratch.run("metric mrpc --input scored.jsonl").error();
    contains(
        &message,
        &[
            "line 1",
            "missing field `reference`",
            "Each line must look like",
        ],
    );
}

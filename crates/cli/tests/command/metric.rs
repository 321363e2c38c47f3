//! `tunesmith metric`: what evaluate gives.

use serde_json::{Value, json};

use crate::support::{Scratch, contains, golden};

/// evaluate casts scores to float32 before it correlates them, this command after.
const CORRELATION: f64 = 1e-6;
const EXACT: f64 = 1e-12;

#[test]
fn all_goldens_are_met() {
    let golden = golden("metrics_glue.json");
    let scratch = Scratch::new();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 59);
    for case in cases {
        let (predictions, references) = (
            case["predictions"].as_array().unwrap(),
            case["references"].as_array().unwrap(),
        );
        let lines: String = predictions
            .iter()
            .zip(references)
            .map(|(p, r)| format!("{}\n", json!({"prediction": p, "reference": r})))
            .collect();
        scratch.write("scored.jsonl", lines);
        let task = case["task"].as_str().unwrap();
        let shown = scratch
            .run(&format!("metric {task} --input scored.jsonl"))
            .ok();
        let (got, wanted): (Value, &Value) =
            (serde_json::from_str(&shown).unwrap(), &case["evaluate"]);
        let (got, wanted) = (got.as_object().unwrap(), wanted.as_object().unwrap());
        assert!(got.keys().eq(wanted.keys()), "{task}: {shown}");
        for (key, wanted) in wanted {
            let tolerance = if task == "stsb" { CORRELATION } else { EXACT };
            match (wanted.as_f64(), got[key].as_f64()) {
                (Some(wanted), Some(got)) => {
                    assert!(
                        (wanted - got).abs() <= tolerance,
                        "{task} {}: {shown}",
                        case["case"]
                    );
                }
                _ => assert_eq!(*wanted, got[key], "{task} {}", case["case"]),
            }
        }
    }
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

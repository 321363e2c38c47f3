//! Comparisons that goldens and reference data share.

use serde_json::{Value, json};

use crate::support::{Ran, Scratch, minilm};

/// evaluate casts scores to float32 before it correlates them, this command after.
const CORRELATION: f64 = 1e-6;
const EXACT: f64 = 1e-12;

/// What the command makes of these texts, one object for each.
fn tokenized(rows: &[Value], more: &[&str]) -> Vec<Value> {
    let scratch = Scratch::new();
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let input = scratch.write("texts.jsonl", lines);
    let model = minilm();
    let words = [
        "tokenize",
        "--model",
        model.to_str().unwrap(),
        "--input",
        input.to_str().unwrap(),
    ];
    let shown = Ran::of(scratch.command(words.iter().chain(more)).output().unwrap()).ok();
    shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A case's encoding; some are only said to be the same as another.
fn expected<'a>(case: &'a Value, key: &str) -> Option<&'a Value> {
    match &case[key] {
        Value::Null => None,
        Value::String(same) => expected(case, same.strip_prefix("same as ")?),
        encoding => Some(encoding),
    }
}

/// Compares what `tunesmith tokenize` prints for these pairs, id for id; gives how many encodings
/// there were.
pub fn encodings(cases: &[Value]) -> usize {
    let mut compared = 0;
    for (key, is_pair, more) in [
        ("pair_max128", true, &["--max-length", "128"][..]),
        ("pair_max16", true, &["--max_length", "16"]),
        ("pair_max17", true, &["--max-length", "17"]),
        // The model's limit is 512, and the default.
        ("pair_max512", true, &[]),
        (
            "pair_untruncated",
            true,
            &["--truncation", "do_not_truncate"],
        ),
        ("single_text_max128", false, &["--max-length", "128"]),
        ("single_text_max512", false, &[]),
    ] {
        // An empty second text is one text for a call of two strings; batches and files keep it.
        let key_of = |case: &Value| match (is_pair, case["text_pair"].as_str()) {
            (true, Some("")) => "pair_batched_call_max128",
            _ => key,
        };
        let wanted: Vec<(&Value, &Value)> = cases
            .iter()
            .filter_map(|case| Some((case, expected(case, key_of(case))?)))
            .collect();
        let rows: Vec<Value> = wanted
            .iter()
            .map(|(case, _)| match is_pair {
                true => json!({"text": case["text"], "text_pair": case["text_pair"]}),
                false => json!({"text": case["text"]}),
            })
            .collect();
        let got = tokenized(&rows, more);
        assert_eq!(got.len(), wanted.len(), "{key}");
        for (got, (case, wanted)) in got.iter().zip(&wanted) {
            assert_eq!(got, *wanted, "{key}, case {}", case["case"]);
            compared += 1;
        }
    }
    compared
}

/// Compares what `tunesmith metric` prints for these columns.
pub fn scores(cases: &[Value]) {
    let scratch = Scratch::new();
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

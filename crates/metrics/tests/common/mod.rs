//! Compares with scores of evaluate's GLUE metric.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use serde_json::Value;
use tunesmith_metrics::{GlueTask, load};

/// scipy sums pairwise, we compensate: they part in the last digits of an f64.
const SAME_FORMULA: f64 = 1e-12;
/// evaluate computes STS-B's correlations in float32.
const FLOAT32: f64 = 5e-7;

/// What a file of cases holds.
pub fn cases(path: &Path) -> Vec<Value> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let golden: Value = serde_json::from_str(&text).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn numbers(column: &Value) -> Vec<f64> {
    let column = column.as_array().unwrap();
    column.iter().map(|value| value.as_f64().unwrap()).collect()
}

/// Every case, added in parts, scores what evaluate and its formulas in float64 give.
pub fn assert_scores(cases: &[Value]) {
    for case in cases {
        let task = case["task"].as_str().unwrap();
        let what = format!("{task} {}", case["case"].as_str().unwrap());
        let (predictions, references) =
            (numbers(&case["predictions"]), numbers(&case["references"]));

        let mut metric = load("glue", Some(task)).unwrap();
        for (predictions, references) in predictions.chunks(7).zip(references.chunks(7)) {
            metric.add_batch(predictions, references).unwrap();
        }
        let scores = metric.compute().unwrap();

        let names: Vec<&str> = scores.iter().map(|(name, _)| name).collect();
        let expected = case["evaluate"].as_object().unwrap();
        assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{what}");
        let regression = task.parse::<GlueTask>().unwrap() == GlueTask::Stsb;
        for (column, tolerance) in [
            (
                "direct_float64",
                if regression { SAME_FORMULA } else { 0.0 },
            ),
            ("evaluate", if regression { FLOAT32 } else { 0.0 }),
        ] {
            for (name, value) in scores.iter() {
                match &case[column][name] {
                    Value::String(nan) => {
                        assert!(nan == "nan" && value.is_nan(), "{what} {name}: {value}");
                    }
                    expected => {
                        let expected = expected.as_f64().unwrap();
                        assert!(
                            (value - expected).abs() <= tolerance,
                            "{what} {name}: {value}, {column} has {expected}"
                        );
                    }
                }
            }
        }
        if !regression || scores.iter().any(|(_, value)| value.is_nan()) {
            assert_eq!(
                serde_json::to_string(&scores).unwrap(),
                serde_json::to_string(expected).unwrap(),
                "{what}"
            );
        }
    }
}

/// Labels added as classes score the same as numbers.
pub fn assert_classes(cases: &[Value]) {
    for case in cases {
        let task = case["task"].as_str().unwrap();
        let mut by_number = load("glue", Some(task)).unwrap();
        if by_number.is_regression() {
            continue;
        }
        let mut by_class = by_number.clone();
        let (predictions, references) =
            (numbers(&case["predictions"]), numbers(&case["references"]));
        by_number.add_batch(&predictions, &references).unwrap();
        let classes = |column: &[f64]| column.iter().map(|c| *c as i64).collect::<Vec<_>>();
        by_class
            .add_batch_classes(&classes(&predictions), &classes(&references))
            .unwrap();
        assert_eq!(by_number, by_class);
    }
}

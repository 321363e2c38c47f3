//! Scores equal those of scikit-learn and scipy, called as evaluate's GLUE metric calls them, the edge
//! cases included.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tunesmith_metrics::{Average, GlueTask, load};

/// scikit-learn and we add in another order.
const SUM: f64 = 1e-15;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/metrics.json")
}

fn cases() -> Vec<Value> {
    common::cases(&golden())
}

#[test]
fn averages_by_name_are_those_of_scikit_learn() {
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(golden()).unwrap()).unwrap();
    let cases = golden["averages"].as_array().unwrap();
    for case in cases {
        let labels = |column: &str| -> Vec<i64> {
            let column = case[column].as_array().unwrap().iter();
            column.map(|label| label.as_i64().unwrap()).collect()
        };
        let (predictions, references) = (labels("predictions"), labels("references"));
        for (name, by_average) in case["scores"].as_object().unwrap() {
            for (word, wanted) in by_average.as_object().unwrap() {
                let average = match word.as_str() {
                    "binary" => Average::Binary,
                    "micro" => Average::Micro,
                    "macro" => Average::Macro,
                    "weighted" => Average::Weighted,
                    _ => panic!("{word} is no average"),
                };
                let mut metric = load(name, None).unwrap();
                if word != "binary" && name != "accuracy" && name != "matthews_correlation" {
                    metric = metric.average(average).unwrap();
                }
                for (predictions, references) in predictions.chunks(9).zip(references.chunks(9)) {
                    metric.add_batch_classes(predictions, references).unwrap();
                }
                let found = metric.compute().unwrap().get(name).unwrap();
                let wanted = wanted.as_f64().unwrap();
                let what = &case["case"];
                assert!(
                    (found - wanted).abs() <= SUM,
                    "{what} {name} {word}: {found}, {wanted}"
                );
            }
        }
    }
    assert_eq!(cases.len(), 2 * 13);
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

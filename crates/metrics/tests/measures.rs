//! Every metric of the table equals scikit-learn's and scipy's, on random and on edge cases.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use tunesmith_architecture::Task;
use tunesmith_metrics::{ALIASES, MEASURES, Measure, Metric};

/// Sums in another order.
const SAME: f64 = 1e-9;

fn cases() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/measures.json");
    let text = std::fs::read_to_string(path).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    golden["cases"].as_array().unwrap().clone()
}

fn numbers(column: &Value) -> Vec<f64> {
    let column = column.as_array().unwrap();
    column.iter().map(|value| value.as_f64().unwrap()).collect()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|label| format!("label {label}")).collect()
}

/// The metric of a case, its rows added in parts.
fn metric(case: &Value, wanted: &[&str]) -> Metric {
    let (predictions, references) = (numbers(&case["predictions"]), numbers(&case["references"]));
    let labels = case["num_labels"].as_u64().unwrap_or(1) as usize;
    let task = match case["kind"].as_str().unwrap() {
        "classes" => Task::SingleLabel,
        "several" => Task::MultiLabel,
        "numbers" => Task::Regression,
        kind => panic!("{kind}"),
    };
    let mut metric = Metric::named(wanted, task, &names(labels)).unwrap();
    assert_eq!(metric.score_names(), wanted);
    if task == Task::Regression {
        for (predictions, references) in predictions.chunks(5).zip(references.chunks(5)) {
            metric.add_batch(predictions, references).unwrap();
        }
        return metric;
    }
    let probabilities = numbers(&case["probabilities"]);
    let values = if task == Task::MultiLabel { labels } else { 1 };
    let rows = predictions
        .chunks(5 * values)
        .zip(references.chunks(5 * values));
    for ((predictions, references), probabilities) in rows.zip(probabilities.chunks(5 * labels)) {
        if task == Task::MultiLabel {
            let there = |column: &[f64]| column.iter().map(|x| *x == 1.0).collect::<Vec<_>>();
            let (predictions, references) = (there(predictions), there(references));
            metric.add_batch_labels(&predictions, &references).unwrap();
            let added = metric.add_label_probabilities(probabilities, &references);
            added.unwrap();
        } else {
            metric.add_batch(predictions, references).unwrap();
            let classes: Vec<i64> = references.iter().map(|x| *x as i64).collect();
            metric.add_probabilities(probabilities, &classes).unwrap();
        }
    }
    metric
}

#[test]
fn every_metric_is_scikit_learns() {
    let cases = cases();
    assert_eq!(cases.len(), 540);
    let mut seen = BTreeSet::new();
    for case in &cases {
        let scores = case["scores"].as_object().unwrap();
        let wanted: Vec<&str> = scores.keys().map(String::as_str).collect();
        let found = metric(case, &wanted).compute().unwrap();
        for (name, expected) in scores {
            seen.insert(name.clone());
            let value = found.get(name).unwrap();
            let what = format!(
                "{} {} {name}: {value}, {expected}",
                case["kind"], case["case"]
            );
            match expected {
                Value::String(_) => assert!(value.is_nan(), "{what}"),
                number => {
                    let number = number.as_f64().unwrap();
                    let most = SAME * number.abs().max(1.0);
                    assert!((value - number).abs() <= most, "{what}");
                }
            }
        }
    }
    // GLUE's name of it is in the cases.
    let rest = MEASURES.iter().filter(|m| m.name != "pearsonr");
    for measure in rest {
        assert!(seen.contains(measure.name), "{} has no case", measure.name);
    }
}

#[test]
fn less_of_an_error_is_better() {
    let less: Vec<&str> = MEASURES
        .iter()
        .filter(|measure| !measure.greater_is_better)
        .map(|measure| measure.name)
        .collect();
    assert_eq!(less, ["mse", "mae", "log_loss"]);
}

#[test]
fn a_metric_has_one_name_and_perhaps_others() {
    let mut all: Vec<&str> = MEASURES.iter().map(|measure| measure.name).collect();
    for (alias, name) in ALIASES {
        assert_eq!(Measure::named(alias).unwrap().name, name);
        all.push(alias);
    }
    let count = all.len();
    assert_eq!(BTreeSet::from_iter(all).len(), count);
    let metric = Metric::named(&["mcc", "f1", "mcc"], Task::SingleLabel, &names(2)).unwrap();
    assert_eq!(metric.score_names(), ["matthews_correlation", "f1"]);
}

#[test]
fn a_metric_that_the_task_has_not_is_told_with_those_it_has() {
    let refused = |name: &str, task, labels| {
        let error = Metric::named(&[name], task, &names(labels)).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        refused("f2", Task::Regression, 1),
        "no metric `f2` for these labels: use one of pearsonr, spearmanr, mse, mae, r2, pearson"
    );
    let message = refused("f1", Task::SingleLabel, 3);
    assert!(
        message.contains("f1_macro") && !message.contains("f1,"),
        "{message}"
    );
    assert!(!refused("mse", Task::SingleLabel, 2).contains("mae"));
    for name in ["log_loss", "top_2_accuracy", "matthews_correlation"] {
        refused(name, Task::MultiLabel, 3);
    }
    refused("accuracy", Task::Regression, 1);
}

#[test]
fn tokens_have_the_metrics_of_entities_and_of_tags() {
    let tags = ["O", "B-PER", "I-PER"].map(str::to_owned);
    let wanted = ["f1", "f1_macro", "matthews_correlation", "top_2_accuracy"];
    let mut metric = Metric::named(&wanted, Task::Tokens, &tags).unwrap();
    metric.add_sentence(&[0, 1, 2, 0], &[0, 1, 2, 1]).unwrap();
    assert!(metric.compute().is_err(), "there are no probabilities");
    let row = [0.5, 0.25, 0.25];
    metric
        .add_probabilities(&row.repeat(4), &[0, 1, 2, 1])
        .unwrap();
    let scores = metric.compute().unwrap();
    // One of two entities is found, and none is wrong.
    assert_eq!(scores.get("f1"), Some(2.0 / 3.0));
    assert_eq!(scores.get("f1_macro"), Some(2.0 / 3.0));
    // The last of equal classes comes first, as with scikit-learn: O and I-PER.
    assert_eq!(scores.get("top_2_accuracy"), Some(0.5));
    assert!(metric.add_probabilities(&row, &[3]).is_err());
    assert!(metric.add_probabilities(&row[..2], &[0]).is_err());
    assert!(
        metric
            .add_probabilities(&[f64::NAN, 0.0, 0.0], &[0])
            .is_err()
    );
    assert!(metric.add_label_probabilities(&row, &[true; 3]).is_err());
    assert!(
        Metric::for_labels(2)
            .unwrap()
            .add_probabilities(&row, &[0])
            .is_err()
    );
}

#[test]
fn more_than_two_classes_have_a_row_each() {
    let names = names(3);
    let mut metric = Metric::of_task(Task::SingleLabel, &names).unwrap();
    assert_eq!(
        metric.score_names(),
        ["accuracy", "f1_macro", "f1_weighted"]
    );
    metric
        .add_batch_classes(&[0, 1, 1, 2], &[0, 1, 2, 2])
        .unwrap();
    let rows: Vec<_> = metric
        .by_label()
        .into_iter()
        .map(|row| (row.name, row.support))
        .collect();
    let expected = [("label 0", 1), ("label 1", 1), ("label 2", 2)];
    assert_eq!(
        rows,
        expected.map(|(name, support)| (name.to_owned(), support))
    );
    let mut two = Metric::of_task(Task::SingleLabel, &names[..2]).unwrap();
    two.add_batch_classes(&[0], &[0]).unwrap();
    assert!(two.by_label().is_empty());
}

//! Scores of several labels equal scikit-learn's, those of tagged tokens seqeval's.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use serde_json::Value;
use tunesmith_architecture::Task;
use tunesmith_metrics::{EntityCounts, LabelScores, Metric, MetricError, Reading};

/// Python's libraries divide and add in another order than we do: the last digits of an f64 differ.
const ORDER: f64 = 1e-9;

fn golden(part: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/labels.json");
    let text = std::fs::read_to_string(path).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    golden[part].as_array().unwrap().clone()
}

fn near(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!(
        (found - expected).abs() < ORDER,
        "{what}: {found} for {expected}"
    );
}

/// Precision, recall, F1 and support.
fn same(found: &LabelScores, expected: &Value, what: &str) {
    for (place, value) in [found.precision, found.recall, found.f1].iter().enumerate() {
        near(*value, &expected[place], &format!("{what}, score {place}"));
    }
    assert_eq!(
        found.support as f64,
        expected[3].as_f64().unwrap(),
        "{what}"
    );
}

fn strings(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn rows_of_several_labels_score_what_scikit_learn_gives() {
    let cases = golden("multi_label");
    assert!(cases.len() >= 10);
    for case in cases {
        let what = case["case"].as_str().unwrap();
        let flat = |column: &Value| -> Vec<bool> {
            let rows = column.as_array().unwrap().iter();
            rows.flat_map(|row| row.as_array().unwrap())
                .map(|label| label == 1)
                .collect()
        };
        let num_labels = case["by_label"].as_array().unwrap().len();
        let names: Vec<String> = (0..num_labels).map(|i| format!("label {i}")).collect();
        let mut metric = Metric::of_task(Task::MultiLabel, &names).unwrap();
        let (predictions, references) = (flat(&case["predictions"]), flat(&case["references"]));
        let batches = predictions.chunks(3 * num_labels);
        for (predictions, references) in batches.zip(references.chunks(3 * num_labels)) {
            metric.add_batch_labels(predictions, references).unwrap();
        }
        let scores = metric.compute().unwrap();
        let found: Vec<&str> = scores.iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["accuracy", "f1_micro", "f1_macro", "f1_weighted"]);
        for (name, value) in scores.iter() {
            near(value, &case["scores"][name], &format!("{what} {name}"));
        }
        for (i, scores) in metric.by_label().iter().enumerate() {
            assert_eq!(scores.name, names[i]);
            same(scores, &case["by_label"][i], &format!("{what} label {i}"));
        }
    }
}

#[test]
fn tags_score_what_seqeval_gives() {
    let cases = golden("entities");
    assert!(cases.len() >= 30);
    for case in cases {
        let scheme = case["scheme"].as_str().unwrap().parse().unwrap();
        for (mode, reading) in [
            ("lenient", Reading::Lenient),
            ("strict", Reading::Strict(scheme)),
        ] {
            let what = format!("{} {mode}", case["case"].as_str().unwrap());
            let mut counts = EntityCounts::new(reading);
            let predictions = case["predictions"].as_array().unwrap().iter();
            for (predicted, wanted) in predictions.zip(case["references"].as_array().unwrap()) {
                counts.add(&strings(predicted), &strings(wanted)).unwrap();
            }
            near(counts.accuracy(), &case["accuracy"], &what);
            let by_kind = counts.by_kind();
            let expected = case[mode]["by_kind"].as_object().unwrap();
            assert_eq!(by_kind.len(), expected.len(), "{what}");
            for scores in &by_kind {
                same(
                    scores,
                    &expected[&scores.name],
                    &format!("{what} {}", scores.name),
                );
            }
            for average in [
                counts.overall(),
                counts.macro_average(),
                counts.weighted_average(),
            ] {
                let expected = &case[mode]["averages"][&average.name];
                same(&average, expected, &format!("{what} {}", average.name));
            }
        }
    }
}

#[test]
fn a_task_has_its_metric() {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let mut entities = Metric::of_task(Task::Tokens, &names(&["O", "B-PER", "I-PER"])).unwrap();
    entities.add_sentence(&[1, 2, 0], &[1, 2, 1]).unwrap();
    let scores = entities.compute().unwrap();
    let found: Vec<(&str, f64)> = scores.iter().collect();
    let expected = [
        ("precision", 1.0),
        ("recall", 0.5),
        ("f1", 2.0 / 3.0),
        ("accuracy", 2.0 / 3.0),
    ];
    assert_eq!(found, expected);
    assert_eq!(entities.by_label()[0].name, "PER");

    // `OTHER` begins with an O, and is no entity's tag: parts of speech are classes.
    let mut speech = Metric::of_task(Task::Tokens, &names(&["NOUN", "OTHER", "VERB"])).unwrap();
    speech.add_sentence(&[0, 1, 2, 2], &[0, 1, 2, 1]).unwrap();
    let scores = speech.compute().unwrap();
    assert_eq!(scores.get("accuracy"), Some(0.75));
    assert_eq!(scores.get("f1"), None);
    assert_eq!(speech.by_label().len(), 3);

    let one = Metric::of_task(Task::Regression, &names(&["LABEL_0"])).unwrap();
    assert!(one.is_regression());
    let two = Metric::of_task(Task::SingleLabel, &names(&["no", "yes"])).unwrap();
    let usual = Metric::for_labels(2).unwrap();
    assert_eq!(two.score_names(), usual.score_names());
    let none = Metric::of_task(Task::MultiLabel, &[]).unwrap_err();
    assert_eq!(none, MetricError::NoLabels);
}

#[test]
fn rows_of_another_kind_are_refused_by_name() {
    let names = ["a".to_owned(), "b".to_owned()];
    let mut labels = Metric::of_task(Task::MultiLabel, &names).unwrap();
    let message = labels
        .add_batch_classes(&[0], &[1])
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "this metric measures rows of several labels, not one class a row"
    );
    assert!(labels.add_sentence(&[0], &[1]).is_err());
    let mut tokens = Metric::of_task(Task::Tokens, &names).unwrap();
    assert!(
        tokens
            .add_batch_labels(&[true, false], &[true, false])
            .is_err()
    );
    assert!(tokens.add_sentence(&[2], &[1]).is_err());
    assert!(tokens.is_empty());
}

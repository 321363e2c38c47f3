//! What the golden does not reach: a person's own labels, and numbers that can't be scored.
#![allow(clippy::unwrap_used, reason = "tests")]

use tunesmith_metrics::{
    Average, ClassCounts, GlueTask, Metric, MetricError, Side, confusion_matrix, load,
    mean_squared_error, pearson, spearman,
};

#[test]
fn tasks_have_names_and_labels() {
    for task in GlueTask::ALL {
        assert_eq!(task.to_string().parse::<GlueTask>().unwrap(), task);
        let metric = load("glue", Some(task.as_str())).unwrap();
        assert_eq!(metric, Metric::for_task(task));
        assert_eq!(metric.is_regression(), task.num_labels() == 1);
    }
    assert_eq!(GlueTask::MnliMismatched.num_labels(), 3);
}

#[test]
fn unknown_names_are_told_with_what_is_known() {
    let message = load("glue", Some("mprc")).unwrap_err().to_string();
    assert_eq!(
        message,
        "`mprc` is not a GLUE task; use one of cola, sst2, mrpc, qqp, stsb, mnli, mnli_matched, \
         mnli_mismatched, qnli, rte, wnli, hans"
    );
    let message = load("rouge", None).unwrap_err().to_string();
    assert_eq!(
        message,
        "there is no metric `rouge`; use one of accuracy, f1, precision, recall, \
         matthews_correlation, pearsonr, spearmanr, mse, mae, seqeval, glue"
    );
    let message = load("f1", Some("mrpc")).unwrap_err().to_string();
    assert!(
        message.contains("`f1` has no configuration `mrpc`"),
        "{message}"
    );
    let message = load("glue", None).unwrap_err().to_string();
    assert!(message.contains("use one of cola, sst2"), "{message}");
}

#[test]
fn classes_of_metrics_by_name_come_as_they_come() {
    let mut f1 = load("f1", None).unwrap();
    f1.add_batch_classes(&[0, 0], &[0, 0]).unwrap();
    assert_eq!(f1.compute().unwrap().get("f1"), Some(0.0));
    f1.add_batch_classes(&[7], &[7]).unwrap();
    let message = f1.compute().unwrap_err().to_string();
    assert!(
        message.contains("there are 8 labels: choose an average"),
        "{message}"
    );
    let f1 = f1.average(Average::Macro).unwrap();
    assert_eq!(f1.compute().unwrap().get("f1"), Some(1.0));
    let mut accuracy = load("accuracy", None).unwrap();
    for label in [-1, i64::MAX] {
        assert!(
            accuracy.add_batch_classes(&[label], &[0]).is_err(),
            "{label}"
        );
    }
    assert!(accuracy.is_empty());
    let message = accuracy.average(Average::Micro).unwrap_err().to_string();
    assert!(
        message.contains("only f1, precision and recall"),
        "{message}"
    );
}

#[test]
fn scores_of_metrics_by_name_are_those_of_the_whole_report() {
    let (predictions, references) = ([0.5, 4.0, 2.25], [1.0, 3.5, 3.0]);
    let mut report = Metric::for_labels(1).unwrap();
    report.add_batch(&predictions, &references).unwrap();
    let report = report.compute().unwrap();
    for (name, of_report) in [
        ("pearsonr", "pearson"),
        ("spearmanr", "spearmanr"),
        ("mse", "mse"),
    ] {
        let mut metric = load(name, None).unwrap();
        assert!(metric.is_regression());
        metric.add_batch(&predictions, &references).unwrap();
        let scores: Vec<_> = metric.compute().unwrap().iter().collect();
        assert_eq!(scores, [(name, report.get(of_report).unwrap())]);
    }
}

#[test]
fn seqeval_takes_tags_by_their_names() {
    let mut seqeval = load("seqeval", None).unwrap();
    let wanted = ["O", "B-PER", "I-PER", "O", "B-LOC"];
    seqeval
        .add_tags(&["O", "B-PER", "I-PER", "O", "O"], &wanted)
        .unwrap();
    let scores = seqeval.compute().unwrap();
    let found: Vec<_> = scores.iter().collect();
    assert_eq!(
        found,
        [
            ("overall_precision", 1.0),
            ("overall_recall", 0.5),
            ("overall_f1", 2.0 / 3.0),
            ("overall_accuracy", 0.8)
        ]
    );
    let kinds: Vec<_> = seqeval
        .by_label()
        .into_iter()
        .map(|kind| (kind.name, kind.recall))
        .collect();
    assert_eq!(kinds, [("LOC".to_owned(), 0.0), ("PER".to_owned(), 1.0)]);
    assert!(seqeval.add_batch_classes(&[1], &[1]).is_err());
    assert!(seqeval.add_tags(&["O"], &[]).is_err());
    assert_eq!(seqeval.len(), 1);
}

#[test]
fn own_labels_get_the_usual_metrics() {
    let mut two = Metric::for_labels(2).unwrap();
    two.add_batch_classes(&[1, 0, 1, 1], &[1, 0, 0, 1]).unwrap();
    let json = serde_json::to_string(&two.compute().unwrap()).unwrap();
    assert_eq!(json, r#"{"accuracy":0.75,"f1":0.8}"#);

    // By hand: F1 of the classes is 1/2, 1/2 and 0; class 3 is neither predicted nor there.
    let mut four = Metric::for_labels(4).unwrap();
    four.add_batch_classes(&[0, 0, 1, 1, 2], &[0, 1, 1, 2, 0])
        .unwrap();
    let scores = four.compute().unwrap();
    assert_eq!(scores.get("accuracy"), Some(0.4));
    let expected = (0.5 + 0.5 + 0.0) / 3.0;
    assert_eq!(scores.get("f1_macro"), Some(expected));
    assert_eq!(scores.get("f1"), None);

    let mut score = Metric::for_labels(1).unwrap();
    score.add_batch(&[1.0, 2.0, 4.0], &[1.0, 3.0, 2.0]).unwrap();
    let scores = score.compute().unwrap();
    let names: Vec<&str> = scores.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["pearson", "spearmanr", "mse"]);
    assert_eq!(scores.get("spearmanr"), Some(0.5));
    assert_eq!(scores.get("mse"), Some(5.0 / 3.0));

    assert_eq!(Metric::for_labels(0), Err(MetricError::NoLabels));
}

#[test]
fn confusion_matrix_has_references_as_rows() {
    let matrix = confusion_matrix(&[0, 2, 2, 1], &[0, 1, 2, 1], 3).unwrap();
    assert_eq!(matrix, [[1, 0, 0], [0, 1, 1], [0, 0, 1]]);
    assert!(confusion_matrix(&[3], &[0], 3).is_err());
}

#[test]
fn matthews_takes_more_than_two_classes() {
    let mut counts = ClassCounts::new(3);
    counts.add_batch(&[0, 0, 1, 2], &[0, 0, 1, 1]).unwrap();
    // scikit-learn's formula by hand: (3*4 - 6) / sqrt((16 - 6) * (16 - 8)).
    assert_eq!(counts.matthews_correlation(), 6.0 / 80f64.sqrt());
}

#[test]
fn ties_share_their_mean_rank() {
    // Ranks [1.5, 1.5, 3, 4] and [1, 2, 3.5, 3.5]: covariance 4, variances 4.5 and 4.5.
    let rho = spearman(&[5.0, 5.0, 6.0, 7.0], &[1.0, 2.0, 9.0, 9.0]).unwrap();
    assert!((rho - 4.0 / 4.5).abs() < 1e-15, "{rho}");
}

#[test]
fn correlations_stand_large_offsets_and_large_scores() {
    let x: Vec<f64> = (0..1000).map(f64::from).collect();
    let far: Vec<f64> = x.iter().map(|x| 1e12 + 2.0 * x).collect();
    assert!((pearson(&x, &far).unwrap() - 1.0).abs() < 1e-12);
    let huge: Vec<f64> = x.iter().map(|x| -1e200 * x).collect();
    assert!((pearson(&x, &huge).unwrap() + 1.0).abs() < 1e-12);
}

#[test]
fn a_correlation_without_spread_is_nan_in_value_and_text() {
    let mut metric = load("glue", Some("stsb")).unwrap();
    metric
        .add_batch(&[0.1, 0.1, 0.1], &[1.0, 2.0, 3.0])
        .unwrap();
    let json = serde_json::to_string(&metric.compute().unwrap()).unwrap();
    assert_eq!(json, r#"{"pearson":"nan","spearmanr":"nan"}"#);
    assert!(pearson(&[1.0], &[2.0]).unwrap().is_nan());
    // 13 * 0.9 / 13 is not 0.9: a constant must be told by its values and not by its mean.
    let rising: Vec<f64> = (0..13).map(f64::from).collect();
    assert!(pearson(&[0.9; 13], &rising).unwrap().is_nan());
    assert!(mean_squared_error(&[], &[]).unwrap().is_nan());
}

#[test]
fn what_cannot_be_scored_is_told_by_row_and_leaves_the_metric_as_it_was() {
    let mut metric = load("glue", Some("mrpc")).unwrap();
    assert_eq!(metric.compute(), Err(MetricError::Empty));
    metric.add_batch_classes(&[1, 0], &[1, 1]).unwrap();
    let before = metric.clone();

    let error = metric.add_batch_classes(&[1], &[1, 0]).unwrap_err();
    assert_eq!(
        error,
        MetricError::Lengths {
            predictions: 1,
            references: 2
        }
    );
    let error = metric.add_batch_classes(&[0, 2], &[0, 1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "row 3: prediction 2 is not a label from 0 to 1"
    );
    let error = metric.add(0.0, -1.0).unwrap_err().to_string();
    assert!(
        error.starts_with("row 2: reference -1 is not a label") && error.contains("not published"),
        "{error}"
    );
    let error = metric.add_batch(&[0.0, 0.7], &[0.0, 1.0]).unwrap_err();
    assert_eq!(
        error,
        MetricError::NotAClass {
            row: 3,
            side: Side::Prediction,
            value: 0.7
        }
    );
    let error = metric.add(f64::NAN, 1.0).unwrap_err().to_string();
    assert!(error.contains("row 2: prediction NaN"), "{error}");
    let error = metric.add_batch(&[1e300], &[1.0]).unwrap_err().to_string();
    assert!(error.contains("row 2: prediction"), "{error}");
    assert_eq!(metric, before);

    let mut scores = load("glue", Some("stsb")).unwrap();
    assert_eq!(
        scores.add_batch_classes(&[1], &[1]),
        Err(MetricError::NotAClassMetric)
    );
    let error = scores.add(1.0, f64::INFINITY).unwrap_err().to_string();
    assert!(error.contains("reference inf"), "{error}");
    let error = scores.add(1e39, 1.0).unwrap_err().to_string();
    assert!(error.contains("not a finite float32"), "{error}");
    assert!(scores.is_empty());
}

#[test]
fn rows_may_be_added_after_computing() {
    let mut metric = load("glue", Some("sst2")).unwrap();
    metric.add(1.0, 1.0).unwrap();
    assert_eq!(metric.compute().unwrap().get("accuracy"), Some(1.0));
    metric.add(0.0, 1.0).unwrap();
    assert_eq!(metric.compute().unwrap().get("accuracy"), Some(0.5));
    assert_eq!(metric.len(), 2);
}

//! Several labels a row, tagged tokens, and numbers: whole runs, what they leave, and what is said where
//! the labels are wrong.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tunesmith_protocol::{
    ColumnKind, DataArguments, Eval, Event, Inspection, Pair, Prediction, ProblemType, Record,
    Threshold,
};
use tunesmith_session::{PredictFile, Predictor, inspect, predict_file, predict_texts, review};

use crate::support::{Place, json};

/// Numbers below a bound, the same in every run.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// Six words, of which each of the labels `low` and `high` takes one half of the vocabulary, and the
/// labels.
fn labelled(rows: usize, salt: u64) -> Vec<(String, Vec<&'static str>)> {
    let mut draw = Draw(salt);
    let row = |_| {
        let kind = draw.below(3);
        let word = |draw: &mut Draw| match kind {
            0 => draw.below(16),
            1 => 16 + draw.below(16),
            _ => draw.below(32),
        };
        let words: Vec<u64> = (0..6).map(|_| word(&mut draw)).collect();
        let mut labels = Vec::new();
        if words.iter().any(|word| *word < 16) {
            labels.push("low");
        }
        if words.iter().any(|word| *word >= 16) {
            labels.push("high");
        }
        let words: Vec<String> = words.iter().map(|word| format!("w{word}")).collect();
        (words.join(" "), labels)
    };
    (0..rows).map(row).collect()
}

/// Eight words of which w0 to w7 are things, w8 to w15 go on with one, and the others are outside.
fn tagged(rows: usize, salt: u64) -> Vec<(Vec<String>, Vec<&'static str>)> {
    let mut draw = Draw(salt);
    let row = |_| {
        let mut ids = Vec::new();
        while ids.len() < 8 {
            if draw.below(3) == 0 {
                ids.push(draw.below(8));
                if draw.below(2) == 0 {
                    ids.push(8 + draw.below(8));
                }
            } else {
                ids.push(16 + draw.below(16));
            }
        }
        let tag = |id: &u64| match id {
            0..8 => "B-THING",
            8..16 => "I-THING",
            _ => "O",
        };
        let tags = ids.iter().map(tag).collect();
        (ids.iter().map(|id| format!("w{id}")).collect(), tags)
    };
    (0..rows).map(row).collect()
}

fn lines(rows: impl IntoIterator<Item = Value>) -> String {
    rows.into_iter().map(|row| format!("{row}\n")).collect()
}

impl Place {
    /// Trains on files of such an ending instead, made from a number of rows and a salt.
    fn files(&mut self, ending: &str, make: impl Fn(usize, u64) -> String) {
        let file = |name: &str, rows: usize, salt: u64| {
            let name = format!("{name}.{ending}");
            self.write(&name, &make(rows, salt));
            Some(self.path(&name).display().to_string())
        };
        let (train, validation) = (file("rows", 160, 1), file("held", 40, 2));
        let test = file("asked", 12, 3);
        self.config.data = DataArguments {
            train_file: train,
            validation_file: validation,
            test_file: test,
            overwrite_cache: true,
            ..DataArguments::default()
        };
        self.config.model.ignore_mismatched_sizes = true;
        self.config.training.num_train_epochs = 6.0;
        self.config.training.learning_rate = 3e-3;
    }

    fn inspected(&self) -> Inspection {
        pollster::block_on(inspect(self.config.clone(), &mut |_| ())).unwrap()
    }
}

fn last_eval(records: &[Record]) -> &Eval {
    let mut evals = records
        .iter()
        .rev()
        .filter_map(|record| match &record.event {
            Event::Eval(eval) if eval.split == "validation" => Some(eval),
            _ => None,
        });
    evals.next().unwrap()
}

fn failed(records: &[Record]) -> Option<&str> {
    records.iter().find_map(|record| match &record.event {
        Event::Failed { message } => Some(message.as_str()),
        _ => None,
    })
}

fn pair(text: &str) -> Pair {
    Pair {
        text: text.to_owned(),
        text_pair: None,
    }
}

fn list_rows(rows: usize, salt: u64) -> String {
    let rows = labelled(rows, salt);
    lines(
        rows.into_iter()
            .map(|(text, labels)| json!({"text": text, "labels": labels})),
    )
}

#[test]
fn rows_have_any_number_of_labels() {
    let mut place = Place::new();
    place.files("jsonl", list_rows);
    let found = place.inspected();
    assert_eq!(found.problem_type, Some(ProblemType::MultiLabel));
    assert_eq!(found.label_column_name.as_deref(), Some("labels"));
    assert_eq!(found.columns[1].kind, ColumnKind::List);
    let labels: Vec<&str> = found
        .label_counts
        .iter()
        .map(|one| one.label.as_str())
        .collect();
    assert_eq!(labels, ["high", "low"]);
    let counted: u64 = found.label_counts.iter().map(|one| one.count).sum();
    let labelled_rows = labelled(160, 1);
    assert_eq!(
        counted as usize,
        labelled_rows.iter().map(|row| row.1.len()).sum::<usize>()
    );

    place.config.data.threshold = Some(Threshold::Tune);
    place.config.training.do_eval = true;
    place.config.training.do_predict = true;
    let records = place.run();
    assert_eq!(failed(&records), None);
    let eval = last_eval(&records);
    let names: Vec<&str> = eval.metrics.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["accuracy", "f1_micro", "f1_macro", "f1_weighted"]);
    assert!(eval.metrics.get("f1_micro").unwrap() > 0.95, "{eval:?}");
    let labels: Vec<&str> = eval
        .per_class
        .iter()
        .map(|class| class.label.as_str())
        .collect();
    assert_eq!(labels, ["high", "low"]);
    let config = json(&place.out().join("config.json"));
    assert_eq!(config["problem_type"], "multi_label_classification");
    assert_eq!(config["architectures"][0], "BertForSequenceClassification");
    assert_eq!(config["thresholds"].as_array().unwrap().len(), 2);
    let table = std::fs::read_to_string(place.out().join("predict_results_test.txt")).unwrap();
    assert_eq!(table.lines().count(), 13);
    let rows: Vec<&str> = table
        .lines()
        .skip(1)
        .map(|line| line.split_once('\t').unwrap().1)
        .collect();
    assert!(
        rows.contains(&"high,low") && rows.contains(&"low"),
        "{rows:?}"
    );

    let texts = [pair("w1 w2 w3 w4 w5 w6"), pair("w1 w2 w30 w31 w5 w6")];
    let device = place.config.training.device;
    let said = pollster::block_on(predict_texts(&place.out(), &texts, device)).unwrap();
    let Prediction::MultiLabel {
        labels,
        scores,
        logits,
    } = &said[0]
    else {
        panic!("{said:?}");
    };
    assert_eq!(labels, &["low"]);
    assert_eq!((scores.len(), logits.len()), (2, 2));
    assert!((scores[1] - 1.0 / (1.0 + (-f64::from(logits[1])).exp())).abs() < 1e-6);
    let Prediction::MultiLabel { labels, .. } = &said[1] else {
        panic!("{said:?}");
    };
    assert_eq!(labels.len(), 2);

    // A threshold of one's own, at asking.
    let mut predictor = pollster::block_on(Predictor::load(&place.out(), device, None)).unwrap();
    predictor
        .set_threshold(&Threshold::Each(vec![0.0, 0.999_999]))
        .unwrap();
    let said = pollster::block_on(predictor.predict(&texts[..1])).unwrap();
    assert!(
        matches!(&said[0], Prediction::MultiLabel { labels, .. } if labels == &["high"]),
        "{said:?}"
    );
    let message = predictor
        .set_threshold(&Threshold::Each(vec![0.1]))
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("1 numbers, and the model 2 labels (high, low)"),
        "{message}"
    );

    let review = pollster::block_on(review(place.config.clone(), &place.out(), &mut |_| ()));
    let review = review.unwrap();
    assert_eq!(
        (review.problem_type, review.num_rows),
        (ProblemType::MultiLabel, 40)
    );
    // Without a threshold of its own a review takes the model's, which the last evaluation had too.
    assert_eq!(review.metrics.get("f1_micro"), eval.metrics.get("f1_micro"));
    assert_eq!(review.per_class, eval.per_class);
    assert!(review.confusion.is_empty());
    assert_eq!(review.num_right + review.most_wrong.len() as u64, 40);
}

#[test]
fn labels_are_the_same_from_lists_texts_and_columns() {
    let losses = |ending: &str, set: fn(&mut DataArguments), make: fn(usize, u64) -> String| {
        let mut place = Place::new();
        place.files(ending, make);
        place.config.training.num_train_epochs = 1.0;
        set(&mut place.config.data);
        let records = place.run();
        assert_eq!(failed(&records), None);
        let config = json(&place.out().join("config.json"));
        let losses = records.iter().filter_map(|record| match &record.event {
            Event::Step(step) => Some((step.batch_digest.clone(), step.loss.to_bits())),
            _ => None,
        });
        (losses.collect::<Vec<_>>(), config["tunesmith"].clone())
    };
    let lists = losses("jsonl", |_| (), list_rows);
    assert_eq!(lists.1["label_column_name"], "labels");
    let separated = losses(
        "csv",
        |data| {
            data.problem_type = Some(ProblemType::MultiLabel);
            data.label_column_name = Some("topics".to_owned());
        },
        |rows, salt| {
            let mut text = "text,topics\n".to_owned();
            for (words, labels) in labelled(rows, salt) {
                writeln!(text, "{words},{}", labels.join("; ")).unwrap();
            }
            text
        },
    );
    assert_eq!(separated.1["label_separator"], ";");
    let columns = losses(
        "csv",
        |data| data.label_column_names = Some(vec!["high".to_owned(), "low".to_owned()]),
        |rows, salt| {
            let mut text = "low,text,high\n".to_owned();
            for (words, labels) in labelled(rows, salt) {
                let has = |name: &str| u8::from(labels.contains(&name));
                writeln!(text, "{},{words},{}", has("low"), has("high")).unwrap();
            }
            text
        },
    );
    assert_eq!(columns.1["label_column_names"], json!(["high", "low"]));
    assert_eq!(lists.0, separated.0);
    assert_eq!(lists.0, columns.0);
}

fn word_rows(rows: usize, salt: u64) -> String {
    let rows = tagged(rows, salt);
    lines(
        rows.into_iter()
            .map(|(words, tags)| json!({"tokens": words, "ner_tags": tags})),
    )
}

#[test]
fn tokens_have_tags() {
    let mut place = Place::new();
    place.files("jsonl", word_rows);
    let found = place.inspected();
    assert_eq!(found.problem_type, Some(ProblemType::Tokens));
    assert_eq!(found.text_column_names, ["tokens"]);
    assert_eq!(found.label_column_name.as_deref(), Some("ner_tags"));
    let things = tagged(160, 1)
        .iter()
        .flat_map(|(_, tags)| tags.clone())
        .filter(|tag| *tag == "B-THING")
        .count();
    assert_eq!(found.label_counts.len(), 1);
    assert_eq!(
        (
            found.label_counts[0].label.as_str(),
            found.label_counts[0].count
        ),
        ("THING", things as u64)
    );

    place.config.training.do_eval = true;
    place.config.training.do_predict = true;
    let records = place.run();
    assert_eq!(failed(&records), None);
    let eval = last_eval(&records);
    let names: Vec<&str> = eval.metrics.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["precision", "recall", "f1", "accuracy"]);
    assert!(eval.metrics.get("f1").unwrap() > 0.95, "{eval:?}");
    assert_eq!(eval.per_class[0].label, "THING");
    let config = json(&place.out().join("config.json"));
    assert_eq!(config["architectures"][0], "BertForTokenClassification");
    assert_eq!(config["id2label"]["0"], "B-THING");
    let card = std::fs::read_to_string(place.out().join("README.md")).unwrap();
    assert!(
        card.contains("pipeline_tag: token-classification"),
        "{card}"
    );
    assert!(card.contains("name: Token Classification"), "{card}");
    // A tag for each word, as the split has them.
    let table = std::fs::read_to_string(place.out().join("predict_results_test.txt")).unwrap();
    let wanted = tagged(12, 3);
    for (line, (words, _)) in table.lines().skip(1).zip(&wanted) {
        let tags = line.split_once('\t').unwrap().1;
        assert_eq!(tags.split(' ').count(), words.len(), "{line}");
    }
    assert!(table.contains("B-THING I-THING"), "{table}");

    let device = place.config.training.device;
    let texts = [pair("w20 w1 w9 w21"), pair("w20 w21")];
    let said = pollster::block_on(predict_texts(&place.out(), &texts, device)).unwrap();
    let Prediction::Tokens { entities } = &said[0] else {
        panic!("{said:?}");
    };
    let [entity] = entities.as_slice() else {
        panic!("{entities:?}");
    };
    assert_eq!(
        (entity.entity_group.as_str(), entity.start, entity.end),
        ("THING", 4, 9)
    );
    assert!(entity.score > 0.5 && entity.score <= 1.0);
    assert_eq!(
        said[1],
        Prediction::Tokens {
            entities: Vec::new()
        }
    );
    let two = Pair {
        text_pair: Some("w1".to_owned()),
        ..pair("w1")
    };
    let error = pollster::block_on(predict_texts(&place.out(), &[two], device)).unwrap_err();
    assert!(
        error.to_string().contains("leave the second text out"),
        "{error}"
    );

    // Files of words without tags, and of text, are asked alike.
    let ask = |name: &str, text: &str| {
        place.write(name, text);
        let predictor = pollster::block_on(Predictor::load(&place.out(), device, None)).unwrap();
        let (input, output) = (place.path(name), place.path("said.jsonl"));
        let rows = pollster::block_on(predict_file(
            &predictor,
            &input,
            &output,
            &PredictFile::default(),
            &mut |_| (),
        ));
        assert_eq!(rows.unwrap(), 1);
        let said: Value = json(&output);
        said
    };
    let words = ask(
        "words.jsonl",
        "{\"tokens\": [\"w20\", \"w1\", \"w9\", \"w21\"]}\n",
    );
    let text = ask("text.csv", "text\nw20 w1 w9 w21\n");
    assert_eq!(words, text);
    assert_eq!(words["problem_type"], "token_classification");
    assert_eq!(words["entities"][0]["word"], "w1 w9");

    let review = pollster::block_on(review(place.config.clone(), &place.out(), &mut |_| ()));
    let review = review.unwrap();
    assert_eq!(
        (review.problem_type, review.num_rows),
        (ProblemType::Tokens, 40)
    );
    assert_eq!(review.metrics, eval.metrics);
    assert_eq!(review.per_class, eval.per_class);
}

#[test]
fn spans_of_texts_are_tags_too() {
    let mut place = Place::new();
    place.files("jsonl", |rows, salt| {
        let rows = tagged(rows, salt).into_iter().map(|(words, tags)| {
            let (mut spans, mut start): (Vec<Value>, usize) = (Vec::new(), 0);
            for (word, tag) in words.iter().zip(&tags) {
                let end = start + word.len();
                match (*tag, spans.last_mut()) {
                    ("B-THING", _) => {
                        spans.push(json!({"start": start, "end": end, "label": "THING"}))
                    }
                    ("I-THING", Some(span)) => span["end"] = json!(end),
                    _ => {}
                }
                start = end + 1;
            }
            json!({"text": words.join(" "), "spans": spans})
        });
        lines(rows)
    });
    let found = place.inspected();
    assert_eq!(found.problem_type, Some(ProblemType::Tokens));
    assert_eq!(found.label_column_name.as_deref(), Some("spans"));
    place.config.training.do_predict = true;
    let records = place.run();
    assert_eq!(failed(&records), None);
    assert!(last_eval(&records).metrics.get("f1").unwrap() > 0.95);
    let table = std::fs::read_to_string(place.out().join("predict_results_test.txt")).unwrap();
    let first = table.lines().nth(1).unwrap().split_once('\t').unwrap().1;
    let spans: Value = serde_json::from_str(first).unwrap();
    assert_eq!(spans[0]["label"], "THING", "{table}");
}

#[test]
fn a_review_of_numbers_has_the_rows_that_are_furthest_off() {
    let mut place = Place::new();
    place.files("csv", |rows, salt| {
        let mut text = "text,label\n".to_owned();
        for (words, labels) in labelled(rows, salt) {
            writeln!(text, "{words},{}.5", labels.len()).unwrap();
        }
        text
    });
    assert_eq!(
        place.inspected().problem_type,
        Some(ProblemType::Regression)
    );
    let records = place.run();
    assert_eq!(failed(&records), None);
    let review = pollster::block_on(review(place.config.clone(), &place.out(), &mut |_| ()));
    let review = review.unwrap();
    assert_eq!(review.problem_type, ProblemType::Regression);
    assert!(review.confusion.is_empty() && review.labels.is_empty());
    assert_eq!(review.most_wrong.len(), 40);
    assert!(review.most_wrong.is_sorted_by(|a, b| a.loss >= b.loss));
    let mean = review.most_wrong.iter().map(|row| row.loss).sum::<f64>() / 40.0;
    assert!((review.metrics.get("mse").unwrap() - mean).abs() < 1e-5);
}

#[test]
fn what_is_wrong_with_several_labels_or_tags_is_told() {
    let mut place = Place::new();
    place.files("jsonl", list_rows);
    place.write(
        "held.jsonl",
        "{\"text\": \"w1\", \"labels\": [\"low\"]}\n{\"text\": \"w2\", \"labels\": [\"tall\"]}\n",
    );
    place.fails_with(&[
        "split 'validation'",
        "row 1",
        "tall",
        "the labels are high, low",
    ]);
    place.files("jsonl", list_rows);
    place.config.training.label_smoothing_factor = 0.1;
    place.fails_with(&["label_smoothing_factor", "several labels"]);
    place.config.training.label_smoothing_factor = 0.0;
    place.config.data.threshold = Some(Threshold::Each(vec![0.5; 3]));
    place.fails_with(&["threshold has 3 numbers", "2 labels (high, low)"]);

    let mut place = Place::new();
    place.files("jsonl", word_rows);
    place.write(
        "held.jsonl",
        "{\"tokens\": [\"w1\", \"w2\"], \"ner_tags\": [\"O\"]}\n",
    );
    place.fails_with(&["split 'validation'", "row 0", "ner_tags", "2 words"]);
    place.files("jsonl", word_rows);
    place.config.data.threshold = Some(Threshold::All(0.3));
    place.fails_with(&["threshold is for several labels a row"]);

    let mut place = Place::new();
    place.config.data.label_all_tokens = true;
    place.fails_with(&["label_all_tokens is for tagged tokens"]);
}

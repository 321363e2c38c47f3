//! Each kind of labels: what is found in the data and can be chosen, what went wrong, what is predicted.

use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use tunesmith_desktop::{Answer, Ask, Panel, Settings};
use tunesmith_protocol::{
    ClassReport, ColumnInfo, ColumnKind, DataArguments, Entity, Inspection, IntervalStrategy,
    LabelCount, Metrics, Prediction, ProblemType, Review, SplitInfo, TokenizedPrediction, WrongRow,
};

use crate::support::{Window, inspection, saved};

/// Data of a kind, and what a model made of it.
struct Kind {
    found: Inspection,
    labels: Vec<String>,
    review: Review,
    prediction: Prediction,
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn found(
    problem_type: ProblemType,
    columns: &[(&str, ColumnKind)],
    rows: &[&[&str]],
    counts: &[(&str, u64)],
) -> Inspection {
    let count = |(label, count): &(&str, u64)| LabelCount {
        label: (*label).to_owned(),
        count: *count,
    };
    let column = |(name, kind): &(&str, ColumnKind)| ColumnInfo {
        name: (*name).to_owned(),
        kind: *kind,
    };
    let split = |(name, num_rows): (&str, u64)| SplitInfo {
        name: name.to_owned(),
        num_rows,
    };
    Inspection {
        splits: [("train", 200), ("validation", 20)].map(split).to_vec(),
        columns: columns.iter().map(column).collect(),
        rows: rows
            .iter()
            .map(|row| owned(row).into_iter().map(Some).collect())
            .collect(),
        text_column_names: owned(&[columns[0].0]),
        label_column_name: None,
        label_column_names: Vec::new(),
        problem_type: Some(problem_type),
        label_counts: counts.iter().map(count).collect(),
        warnings: Vec::new(),
    }
}

fn review(
    problem_type: ProblemType,
    num_right: u64,
    metrics: &[(&str, f64)],
    per_class: &[(&str, f64, u64)],
    wrong: [&str; 2],
) -> Review {
    let class = |(label, f1, support): &(&str, f64, u64)| ClassReport {
        label: (*label).to_owned(),
        precision: 0.9,
        recall: 0.8,
        f1: *f1,
        support: *support,
    };
    let metrics: Metrics = metrics.iter().copied().collect();
    Review {
        numbers: Vec::new(),
        calibration: Vec::new(),
        split: "validation".to_owned(),
        problem_type,
        num_rows: 20,
        num_right,
        metrics,
        labels: Vec::new(),
        confusion: Vec::new(),
        per_class: per_class.iter().map(class).collect(),
        most_wrong: vec![WrongRow {
            row: 3,
            text: "Platform 3 is closed until Monday, says Ada.".to_owned(),
            text_pair: None,
            label: wrong[0].to_owned(),
            predicted: wrong[1].to_owned(),
            score: f64::NAN,
            confidence: f64::NAN,
            loss: 1.25,
        }],
    }
}

fn several() -> Kind {
    let mut found = found(
        ProblemType::MultiLabel,
        &[
            ("text", ColumnKind::Text),
            ("toxic", ColumnKind::Number),
            ("rude", ColumnKind::Number),
            ("a_threat", ColumnKind::Number),
            ("id", ColumnKind::Number),
        ],
        &[
            &["What a silly idea.", "1", "1", "0", "7"],
            &["See you on Monday.", "0", "0", "0", "8"],
        ],
        &[("toxic", 60), ("rude", 100), ("a_threat", 10)],
    );
    found.label_column_names = owned(&["toxic", "rude", "a_threat"]);
    Kind {
        labels: found.label_column_names.clone(),
        found,
        review: review(
            ProblemType::MultiLabel,
            15,
            &[("f1_micro", 0.8123), ("f1_macro", 0.7), ("accuracy", 0.75)],
            &[("toxic", 0.847, 9), ("rude", 0.5, 12), ("a_threat", 0.0, 2)],
            ["toxic, a_threat", "none"],
        ),
        prediction: Prediction::MultiLabel {
            labels: owned(&["rude", "toxic"]),
            scores: vec![0.6, 0.91, 0.2],
            logits: vec![0.4, 2.3, -1.4],
        },
    }
}

fn number() -> Kind {
    let mut found = found(
        ProblemType::Regression,
        &[("text", ColumnKind::Text), ("stars", ColumnKind::Number)],
        &[&["A dull book.", "1.5"], &["A fine book.", "4.5"]],
        &[("1.5", 80), ("4.5", 120)],
    );
    found.label_column_name = Some("stars".to_owned());
    Kind {
        found,
        labels: Vec::new(),
        review: review(
            ProblemType::Regression,
            0,
            &[("pearson", 0.8812), ("spearmanr", 0.8699)],
            &[],
            ["4.5", "1.203"],
        ),
        prediction: Prediction::Regression {
            score: 3.4567,
            logits: vec![3.4567],
        },
    }
}

fn tokens() -> Kind {
    let mut found = found(
        ProblemType::Tokens,
        &[
            ("tokens", ColumnKind::List),
            ("ner_tags", ColumnKind::List),
            ("id", ColumnKind::Number),
        ],
        &[
            &[
                "Ada, Lovelace, left, London, .",
                "B-PER, I-PER, O, B-LOC, O",
                "1",
            ],
            &["It, rained, all, day, .", "O, O, O, O, O", "2"],
        ],
        &[("PER", 60), ("LOC", 20)],
    );
    found.label_column_name = Some("ner_tags".to_owned());
    let entity = |entity_group: &str, score, start, end| Entity {
        entity_group: entity_group.to_owned(),
        score,
        word: String::new(),
        start,
        end,
    };
    Kind {
        found,
        labels: owned(&["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]),
        review: review(
            ProblemType::Tokens,
            12,
            &[("precision", 0.9), ("recall", 0.8), ("f1", 0.847)],
            &[("PER", 0.847, 17), ("LOC", 0.6, 5)],
            ["Ada_1 (PER), Monday (DATE)", "none"],
        ),
        prediction: Prediction::Tokens {
            // The é is one character and two bytes.
            entities: vec![entity("PER", 0.987, 4, 7), entity("LOC", 0.75, 30, 36)],
        },
    }
}

const SENTENCE: &str = "Hé, Ada. She walked as far as London, said Ada.";

/// With such data, and a model that was trained on it opened.
fn opened(kind: &Kind) -> Window {
    let mut window = Window::open(Settings::default());
    window.choose_data_of(kind.found.clone());
    window.choose_model();
    let mut run = saved("kept", true, 0.8);
    run.labels.clone_from(&kind.labels);
    run.problem_type = kind.found.problem_type;
    run.config = run.config.map(|mut config| {
        config.training.eval_strategy = IntervalStrategy::Epoch;
        config.data.text_column_names = Some(kind.found.text_column_names.clone());
        config
    });
    window.answer(|ask| *ask == Ask::Runs, Answer::Runs(vec![run]));
    window.go(Panel::Export);
    window.click(Role::Button, "Open kept");
    let review = Box::new(kind.review.clone());
    window.answer(
        |ask| matches!(ask, Ask::Review { .. }),
        Answer::Reviewed(Ok(review)),
    );
    window
}

/// Asks the model about a text, and answers for it.
fn ask(window: &mut Window, kind: &Kind, text: &str) {
    window.go(Panel::Try);
    window.type_into("Text", text);
    window.click(Role::Button, "Predict");
    let found = TokenizedPrediction {
        prediction: kind.prediction.clone(),
        tokens: owned(&["[CLS]", "a", "b", "[SEP]"]),
    };
    window.answer(
        |ask| matches!(ask, Ask::Predict { .. }),
        Answer::Predicted(Ok(found)),
    );
}

/// The arguments of the data that is to be inspected.
#[track_caller]
fn to_inspect(window: &mut Window) -> (u64, DataArguments) {
    let asked = window.asked(|ask| matches!(ask, Ask::Inspect(_)));
    match asked.ask {
        Ask::Inspect(config) => (asked.ticket, config.data),
        _ => unreachable!(),
    }
}

fn tell(window: &mut Window, ticket: u64, found: &Inspection) {
    window.tell(ticket, Answer::Inspected(Ok(Box::new(found.clone()))));
}

#[test]
fn several_labels_lie_in_columns_that_are_ticked() {
    let kind = several();
    let mut window = Window::open(Settings::default());
    window.choose_data_of(kind.found.clone());
    assert!(window.shows("Found: several labels per row."));
    // Shares are of the rows, which may have several labels.
    assert!(window.shows("100 (50 %)"));
    let checked = window.harness.query_all_by_role(Role::CheckBox).count();
    assert_eq!(checked, 3, "id holds other numbers than 0 and 1");
    assert!(window.is_disabled("Use these columns"));
    window.photograph("gather-several");

    window.click(Role::CheckBox, "rude");
    window.click(Role::Button, "Use these columns");
    let (ticket, data) = to_inspect(&mut window);
    assert_eq!(data.label_column_names, Some(owned(&["toxic", "a_threat"])));
    assert_eq!(data.label_column_name, None);
    let mut found = kind.found.clone();
    found.label_column_names = owned(&["toxic", "a_threat"]);
    tell(&mut window, ticket, &found);
    window.click(Role::CheckBox, "toxic");
    assert!(window.is_disabled("Use these columns"), "one is no several");

    // A column by itself takes their place.
    window.click(Role::ComboBox, "Labels");
    window.click(Role::Button, "id");
    let (_, data) = to_inspect(&mut window);
    assert_eq!(data.label_column_name.as_deref(), Some("id"));
    assert_eq!(data.label_column_names, None);
}

#[test]
fn several_labels_have_a_report_each() {
    let mut window = opened(&several());
    window.go(Panel::Results);
    for text in [
        "75.0 %",
        "of 20 validation rows have exactly the right labels.",
        "f1 micro",
        "0.8123",
        "Each label",
        "a threat",
        "toxic, a threat",
        "row 3, loss 1.25",
    ] {
        assert!(window.shows(text), "{text}");
    }
    assert!(!window.shows("Confusion matrix") && !window.shows("true class given"));
    window.photograph("look-several");
}

#[test]
fn several_labels_are_predicted_with_those_above_their_threshold_marked() {
    let kind = several();
    let mut window = opened(&kind);
    ask(&mut window, &kind, "What a silly idea.");
    assert!(window.shows("rude, toxic"));
    for text in ["60.0 %, predicted", "91.0 %, predicted", "20.0 %"] {
        assert!(window.shows(text), "{text}");
    }
    assert!(!window.shows("20.0 %, predicted"));
    window.photograph("try-several");
}

#[test]
fn a_number_has_metrics_and_no_classes() {
    let kind = number();
    let mut window = opened(&kind);
    window.go(Panel::Data);
    assert!(window.shows("Found: a number.") && window.shows("Values"));
    window.go(Panel::Results);
    for text in [
        "Measured on 20 validation rows.",
        "pearson",
        "0.8812",
        "1.203",
        "row 3, loss 1.25",
    ] {
        assert!(window.shows(text), "{text}");
    }
    for text in ["Confusion matrix", "Each class", "are right."] {
        assert!(!window.shows(text), "{text}");
    }
    ask(&mut window, &kind, "A fine book.");
    assert!(window.shows("3.457"));
    window.go(Panel::Results);
    window.photograph("look-number");
}

#[test]
fn words_and_their_tags_are_chosen_and_shown() {
    let kind = tokens();
    let mut window = Window::open(Settings::default());
    window.choose_data_of(kind.found.clone());
    for text in [
        "Found: labels of tokens.",
        "words",
        "tags",
        "Lovelace",
        "I-PER",
        "Entities",
        "60 (75 %)",
    ] {
        assert!(window.shows(text), "{text}");
    }
    let second = window
        .harness
        .query_by_role_and_label(Role::ComboBox, "Second text");
    assert!(second.is_none(), "tags are of one text");
    let tags = window.node(Role::ComboBox, "Tags or spans");
    assert_eq!(tags.accesskit_node().value().as_deref(), Some("ner_tags"));
    window.photograph("gather-tokens");
}

#[test]
fn entities_are_marked_in_the_text() {
    let kind = tokens();
    let mut window = opened(&kind);
    window.go(Panel::Try);
    let fields = window.harness.query_all_by_role(Role::MultilineTextInput);
    assert_eq!(fields.count(), 1, "tags are of one text");
    window.click(Role::Button, "Take a row of the data");
    assert!(window.shows_value("Ada Lovelace left London ."));
    ask(&mut window, &kind, SENTENCE);
    assert!(window.shows("2 entities"));
    let marked = "Hé, Ada\u{a0}\u{a0}PER\u{a0}98.7\u{a0}%. She walked as far as \
                  London\u{a0}\u{a0}LOC\u{a0}75.0\u{a0}%, said Ada.";
    assert!(window.shows(marked));
    window.photograph("try-tokens");
}

#[test]
fn types_of_entities_have_a_report_each() {
    let mut window = opened(&tokens());
    window.go(Panel::Results);
    for text in [
        "of 20 validation rows have exactly the right entities.",
        "Each type",
        "entities",
        // These are words of the text, which stay as they are.
        "Ada_1 (PER), Monday (DATE)",
    ] {
        assert!(window.shows(text), "{text}");
    }
    window.photograph("look-tokens");
    window.go(Panel::Export);
    let mut code = window.harness.query_all_by_role(Role::MultilineTextInput);
    let class = "AutoModelForTokenClassification";
    assert!(code.any(|lines| lines.value().is_some_and(|lines| lines.contains(class))));
}

#[test]
fn each_type_is_reported_while_a_run_goes() {
    let mut window = Window::ready(Settings::default());
    let run = window.train().ticket;
    window.replay(run, 0..5);
    window.record(
        run,
        r#"{"version":1,"seq":5,"type":"dataset_ready","splits":[],"labels":["O","B-PER"],"problem_type":"token_classification"}"#,
    );
    window.replay(run, 6..14);
    window.record(
        run,
        r#"{"version":1,"seq":14,"type":"eval","epoch":1,"step":4,"split":"validation","loss":0.5,"metrics":{"f1":0.8},"per_class":[{"label":"PER","precision":0.9,"recall":0.8,"f1":0.847,"support":17}],"runtime":1,"samples_per_second":1,"steps_per_second":1}"#,
    );
    window.harness.run();
    assert!(!window.shows("0.847"));
    let head = "Each type at the last evaluation";
    window.click(Role::DisclosureTriangle, head);
    for text in ["PER", "0.847", "17"] {
        assert!(window.shows(text), "{text}");
    }
}

#[test]
fn what_to_predict_is_chosen_and_columns_that_cant_hold_it_are_let_go() {
    let mut window = Window::open(Settings::default());
    window.choose_data();
    assert!(window.shows("Found: one class per row."));
    window.click(Role::ComboBox, "What to predict");
    window.click(Role::Button, "A number");
    let (ticket, data) = to_inspect(&mut window);
    assert_eq!(data.problem_type, Some(ProblemType::Regression));
    assert_eq!(data.label_column_name.as_deref(), Some("label"));
    let mut found = inspection();
    found.problem_type = Some(ProblemType::Regression);
    tell(&mut window, ticket, &found);
    assert!(!window.shows("Found:"));

    window.click(Role::ComboBox, "What to predict");
    window.click(Role::Button, "Labels of tokens");
    let (ticket, data) = to_inspect(&mut window);
    assert_eq!(data.problem_type, Some(ProblemType::Tokens));
    assert_eq!(
        (data.text_column_names, data.label_column_name),
        (None, None)
    );
    // What can't be read so is told, and what was chosen before stays.
    let message = "no column has tags of tokens".to_owned();
    window.tell(ticket, Answer::Inspected(Err(message.clone())));
    assert!(window.shows_alert(&message));
    let kind = window.node(Role::ComboBox, "What to predict");
    assert_eq!(kind.accesskit_node().value().as_deref(), Some("A number"));
    window.click(Role::ComboBox, "What to predict");
    window.click(Role::Button, "Automatic");
    let (ticket, data) = to_inspect(&mut window);
    assert_eq!((data.problem_type, data.text_column_names), (None, None));
    assert_eq!(data.label_column_name, None);
    let mut nothing = inspection();
    nothing.problem_type = None;
    nothing.label_column_name = None;
    nothing.label_counts = Vec::new();
    tell(&mut window, ticket, &nothing);
    assert!(window.shows("No labels were found"));
}

//! What a person meets who has never trained a model.

use std::time::{Duration, Instant};

use egui::accesskit::Role;
use tunesmith_desktop::{Answer, Ask, Panel, Settings};
use tunesmith_protocol::{ClassReport, ProblemType, Review};

use crate::support::{Window, inspection, review};

#[test]
fn without_a_column_to_predict_nothing_is_trained() {
    let mut window = Window::open(Settings::default());
    let mut found = inspection();
    found.label_column_name = None;
    found.problem_type = None;
    window.choose_data_of(found);
    window.choose_model();
    window.go(Panel::Train);
    assert!(window.shows("Choose the column to predict."));
    assert!(window.is_disabled("Train"));
}

#[test]
fn labels_of_one_class_are_told_and_not_trained_on() {
    let mut window = Window::open(Settings::default());
    let mut found = inspection();
    found.problem_type = None;
    found.warnings = vec!["every row has the class equivalent".to_owned()];
    window.choose_data_of(found);
    assert!(window.shows("every row has the class equivalent"));
    window.choose_model();
    window.go(Panel::Train);
    assert!(window.shows("There is nothing to learn from these labels"));
    assert!(window.is_disabled("Train"));
}

#[test]
fn what_was_typed_and_cannot_be_read_keeps_a_run_from_being_started() {
    let mut window = Window::ready(Settings::default());
    window.go(Panel::Model);
    window.enter("Epochs", "abc");
    window.go(Panel::Train);
    assert!(window.shows("Epochs: Enter a number, such as 8 or 5e-5."));
    assert!(window.is_disabled("Train"));
    window.go(Panel::Model);
    window.enter("Epochs", "2");
    window.go(Panel::Train);
    assert!(!window.is_disabled("Train"));
}

fn reviewed(found: Review) -> Window {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..25);
    window.tell(run.ticket, Answer::Ended);
    let answer = Answer::Reviewed(Ok(Box::new(found)));
    window.answer(|ask| matches!(ask, Ask::Review { .. }), answer);
    window.go(Panel::Results);
    window
}

#[test]
fn a_model_is_measured_against_the_most_frequent_class() {
    let window = reviewed(review());
    assert!(window.shows("Always answering equivalent would be right for 66.5 %."));

    let mut poor = review();
    poor.confusion = vec![vec![0, 134], vec![0, 266]];
    poor.num_right = 266;
    let window = reviewed(poor);
    assert!(window.shows("No better than always answering equivalent (66.5 %)"));
    assert!(window.shows("more epochs"));
}

#[test]
fn two_hundred_classes_are_shown_by_their_mistakes() {
    let mut found = review();
    let name = |class: usize| format!("class {class}");
    found.labels = (0..200).map(name).collect();
    found.confusion = (0..200)
        .map(|i| (0..200).map(|j| u64::from(i == j) * 2).collect())
        .collect();
    found.confusion[150][7] = 9;
    found.per_class = (0..200)
        .map(|class| ClassReport {
            label: name(class),
            precision: 1.0,
            recall: if class == 150 { 0.2 } else { 1.0 },
            f1: 1.0,
            support: 2,
        })
        .collect();
    let mut window = reviewed(found);
    assert!(window.shows("Labelled class 150, predicted class 7: 9 rows"));
    assert!(window.shows("The 20 classes with the most mistakes, of 200."));
    window.click(Role::Button, "Sort by recall");
    // The quickest of some frames: the machine may be busy with other things.
    let frame = |window: &mut Window| {
        let begun = Instant::now();
        window.harness.step();
        begun.elapsed()
    };
    let quickest = (0..20).map(|_| frame(&mut window)).min().unwrap();
    assert!(quickest < Duration::from_millis(50), "{quickest:?}");
    window.photograph("look-many");
}

#[test]
fn numbers_are_shown_beside_what_is_true() {
    let mut found = review();
    found.problem_type = ProblemType::Regression;
    (found.confusion, found.labels, found.per_class) = (Vec::new(), Vec::new(), Vec::new());
    found.metrics = [("mae", 0.4), ("r2", 0.81)].into_iter().collect();
    found.numbers = (0..60)
        .map(|row| f64::from(row) / 12.0)
        .map(|is| [is, is + (is * 7.0).sin() / 2.0])
        .collect();
    let mut window = reviewed(found);
    for text in ["Predicted against true", "Residuals", "mae", "0.81"] {
        assert!(window.shows(text), "{text}");
    }
    window.photograph("look-numbers");
}

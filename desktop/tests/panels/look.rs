//! What it got wrong, and a text of one's own.

use egui::accesskit::Role;
use tunesmith_desktop::{Answer, Ask, Panel, Settings};

use crate::support::{Window, prediction, review, saved};

fn trained() -> Window {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..25);
    window.tell(run.ticket, Answer::Ended);
    window
}

#[test]
fn errors_are_looked_at_when_a_run_has_ended_and_runs_are_compared() {
    let mut window = trained();
    window.answer(
        |ask| matches!(ask, Ask::Review { .. }),
        Answer::Reviewed(Ok(Box::new(review()))),
    );
    let runs = vec![
        saved("first", true, 0.81),
        saved("second", true, 0.87),
        saved("cut-off", false, 0.0),
    ];
    window.answer(|ask| *ask == Ask::Runs, Answer::Runs(runs));
    window.go(Panel::Results);
    for text in [
        "89.5 %",
        "of 400 validation rows are right.",
        "Confusion matrix",
        "248",
        "0.922",
    ] {
        assert!(window.shows(text), "{text}");
    }
    assert!(window.shows("Platform 5 is closed") && !window.shows("Platform 6 is closed"));
    window.click(Role::Button, "Show 2 more rows");
    assert!(window.shows("Platform 7 is closed"));
    for text in ["Runs beside each other", "second", "0.87"] {
        assert!(window.shows(text), "{text}");
    }
    assert!(!window.shows("cut-off"), "it has no results to compare");
    window.photograph("look");
}

#[test]
fn a_text_is_classified_with_its_tokens_shown() {
    let mut window = trained();
    window.go(Panel::Try);
    assert!(window.is_disabled("Predict"));
    window.click(Role::Button, "Take a row of the data");
    assert!(window.shows_value("The ferry to the island leaves at noon."));
    window.type_into("Second text", "It sails.");
    window.click(Role::Button, "Predict");
    let asked = window.asked(|ask| matches!(ask, Ask::Predict { .. }));
    let Ask::Predict { model, text, .. } = &asked.ask else {
        unreachable!()
    };
    assert_eq!(
        (model.as_str(), text.text_pair.as_deref()),
        ("out", Some("It sails."))
    );
    window.tell(asked.ticket, Answer::Predicted(Ok(prediction())));
    for text in ["with 93.0 %", "7.0 %", "8 tokens", "[SEP]", "sails"] {
        assert!(window.shows(text), "{text}");
    }
    window.photograph("try");
}

//! Which data.

use egui::accesskit::Role;
use tunesmith_desktop::{Answer, Ask, Kind, Panel, Pick, Settings, Source};

use crate::support::{Window, inspected, repo};

#[test]
fn the_builtin_set_is_shown_with_its_columns_and_labels() {
    let mut window = Window::open(Settings::default());
    window.choose_data();
    for text in [
        "3,600 train",
        "400 validation",
        "First rows of the data",
        "1,200 (33 %)",
    ] {
        assert!(window.shows(text), "{text}");
    }
    assert_eq!(window.harness.state().settings.data, Some(Source::Builtin));
    window.photograph("gather");
}

#[test]
fn columns_are_mapped_anew() {
    let mut window = Window::open(Settings::default());
    window.choose_data();
    window.click(Role::ComboBox, "Second text");
    window.click(Role::Button, "none");
    let asked = window.asked(|ask| matches!(ask, Ask::Inspect(_)));
    let Ask::Inspect(config) = asked.ask else {
        unreachable!()
    };
    assert_eq!(
        config.data.text_column_names,
        Some(vec!["sentence1".to_owned()])
    );
    assert_eq!(config.data.label_column_name.as_deref(), Some("label"));
}

#[test]
fn files_are_picked_or_dropped_and_one_that_cant_be_read_is_told() {
    let mut window = Window::open(Settings::default());
    window.click(Role::RadioButton, "Your file");
    window.click(Role::Button, "Pick the training file …");
    let pick = window.asked(|ask| *ask == Ask::Pick(Pick::TrainFile));
    let path = "/data/reviews.csv".to_owned();
    window.tell(pick.ticket, Answer::Picked(Pick::TrainFile, Some(path)));
    let asked = window.asked(|ask| matches!(ask, Ask::Inspect(_)));
    let message = "reviews.csv, row 3: the quote is never closed".to_owned();
    window.tell(asked.ticket, Answer::Inspected(Err(message.clone())));
    assert!(window.shows_alert(&message));

    window.click(Role::Button, "Pick a validation file …");
    let pick = window.asked(|ask| *ask == Ask::Pick(Pick::ValidationFile));
    let path = "/data/held-out.csv".to_owned();
    window.tell(
        pick.ticket,
        Answer::Picked(Pick::ValidationFile, Some(path)),
    );
    let asked = window.asked(|ask| matches!(ask, Ask::Inspect(_)));
    let Ask::Inspect(config) = &asked.ask else {
        unreachable!()
    };
    assert_eq!(config.data.train_file.as_deref(), Some("/data/reviews.csv"));
    assert_eq!(
        config.data.validation_file.as_deref(),
        Some("/data/held-out.csv")
    );
    window.tell(asked.ticket, inspected());
    assert!(window.shows("3,600 train"));

    // Thinking better of it changes nothing.
    window.click(Role::Button, "Pick the training file …");
    let pick = window.asked(|ask| *ask == Ask::Pick(Pick::TrainFile));
    window.tell(pick.ticket, Answer::Picked(Pick::TrainFile, None));
    assert!(window.shows("3,600 train"));
}

#[test]
fn a_data_set_of_the_hub_is_searched_and_loaded() {
    let mut window = Window::open(Settings::default());
    let cached = vec![repo("nyu-mll/glue", Some(1_500_000), None)];
    window.answer(
        |ask| *ask == Ask::Cached(Kind::Dataset),
        Answer::Cached(Kind::Dataset, cached),
    );
    window.click(Role::RadioButton, "From Hugging Face");
    assert!(window.shows("On this computer"));
    window.type_into("Data set", "para");
    window.click(Role::Button, "Search Hugging Face");
    let found = vec![repo("ada/paraphrases", None, Some(1234))];
    window.answer(
        |ask| *ask == Ask::Search(Kind::Dataset, "para".to_owned()),
        Answer::Searched(Kind::Dataset, Ok(found)),
    );
    window.click(Role::Link, "ada/paraphrases");
    window.type_into("Configuration", "news");
    window.click(Role::Button, "Load data set");
    let asked = window.asked(|ask| matches!(ask, Ask::Inspect(_)));
    let Ask::Inspect(config) = asked.ask else {
        unreachable!()
    };
    assert_eq!(config.data.dataset_name.as_deref(), Some("ada/paraphrases"));
    assert_eq!(config.data.dataset_config_name.as_deref(), Some("news"));
    assert_eq!(config.data.validation_split_percentage, Some(10));

    window.click(
        Role::CheckBox,
        "Without validation rows, set a tenth of the training rows aside",
    );
    let asked = window.asked(|ask| matches!(ask, Ask::Inspect(_)));
    let Ask::Inspect(config) = asked.ask else {
        unreachable!()
    };
    assert_eq!(config.data.validation_split_percentage, None);
}

#[test]
fn what_was_chosen_is_chosen_at_the_next_start() {
    let settings = Settings {
        data: Some(Source::Hub(
            "nyu-mll/glue".to_owned(),
            Some("mrpc".to_owned()),
        )),
        model: Some(Source::Builtin),
        entered: r#"{"max_steps": 5}"#.to_owned(),
        ..Settings::default()
    };
    let mut window = Window::open(settings);
    window.answer(|ask| matches!(ask, Ask::Inspect(_)), inspected());
    window.asked(|ask| *ask == Ask::BuiltinModel);
    assert!(window.shows("3,600 train"));
    assert_eq!(window.harness.state().panel(), Panel::Data);
}

#[test]
fn the_keyboard_reaches_a_panel_and_its_choices() {
    let mut window = Window::open(Settings::default());
    for _ in 0..2 {
        window.harness.key_press(egui::Key::Tab);
        window.harness.run();
    }
    assert!(window.node(Role::Tab, "Model").is_focused());
    window.harness.key_press(egui::Key::Enter);
    window.harness.run();
    assert_eq!(window.harness.state().panel(), Panel::Model);
    for _ in 0..30 {
        if window
            .node(Role::RadioButton, "Built-in model")
            .is_focused()
        {
            window.harness.key_press(egui::Key::Space);
            window.harness.run();
            window.asked(|ask| *ask == Ask::BuiltinModel);
            return;
        }
        window.harness.key_press(egui::Key::Tab);
        window.harness.run();
    }
    panic!("Tab never reached the built-in model");
}

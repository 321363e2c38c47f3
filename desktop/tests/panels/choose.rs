//! Which model, and how.

use egui::accesskit::Role;
use tunesmith_desktop::{Answer, Ask, Checkpoint, DevicePick, Fit, Kind, Panel, Pick, Settings};

use crate::support::{Window, adapters, fit, repo};

#[test]
fn arguments_are_entered_by_their_names() {
    let mut window = Window::ready(Settings::default());
    assert!(window.shows("Built-in model is ready."));
    window.enter("Steps", "8");
    window.enter("Learning rate", "2e-4");
    let asked = window
        .asked(|ask| matches!(ask, Ask::Estimate(config, _) if config.training.max_steps == 8));
    let Ask::Estimate(config, _) = &asked.ask else {
        unreachable!()
    };
    assert!((config.training.learning_rate - 2e-4).abs() < 1e-12);
    window.tell(asked.ticket, Answer::Estimated(Ok(fit())));
    assert!(window.shows("All arguments (2 changes)"));
    assert_eq!(
        window.harness.state().settings.entered,
        r#"{"max_steps":8,"learning_rate":0.0002}"#
    );

    window.enter("Epochs", "many");
    assert!(window.shows("Enter a number, such as 8 or 5e-5."));
    window.enter("Epochs", "");
    assert!(!window.shows("Enter a number, such as 8 or 5e-5."));
    window.answer(
        |ask| matches!(ask, Ask::Estimate(..)),
        Answer::Estimated(Ok(fit())),
    );
    window.photograph("choose");
}

#[test]
fn the_drawer_finds_an_argument_and_goes_back_to_the_defaults() {
    let mut window = Window::ready(Settings::default());
    window.click(Role::DisclosureTriangle, "All arguments");
    window.type_into("Find an argument", "warm up");
    assert!(window.shows("No argument has this"));
    window.type_into("Find an argument", "warmup");
    window.enter("warmup_steps", "0.1");
    window.type_into("Find an argument", "lr_scheduler_type");
    window.click(Role::ComboBox, "lr_scheduler_type");
    window.click(Role::Button, "cosine");
    let asked = window.asked(|ask| matches!(ask, Ask::Estimate(..)));
    let Ask::Estimate(config, _) = asked.ask else {
        unreachable!()
    };
    assert_eq!(config.training.lr_scheduler_type.as_str(), "cosine");
    assert!((config.training.warmup_steps.0 - 0.1).abs() < 1e-12);
    window.click(Role::Button, "Back to the defaults");
    assert_eq!(window.harness.state().settings.entered, "{}");
}

#[test]
fn what_contradicts_itself_is_told_and_cant_be_trained() {
    let mut window = Window::ready(Settings::default());
    window.enter("Batch size", "0");
    assert!(window.shows("per_device_train_batch_size"));
    window.go(Panel::Train);
    assert!(window.is_disabled("Train"));
}

#[test]
fn a_batch_that_fits_is_offered_and_taken() {
    let mut window = Window::ready(Settings::default());
    window.enter("Batch size", "512");
    let tight = Fit {
        memory_bytes: Some(20_000_000),
        batch_size_that_fits: Some(4),
        ..fit()
    };
    window.answer(
        |ask| matches!(ask, Ask::Estimate(..)),
        Answer::Estimated(Ok(tight)),
    );
    assert!(window.shows("It doesn't fit: there are 20.0 MB."));
    window.click(Role::Button, "Take a batch of 4");
    let asked = window.asked(|ask| matches!(ask, Ask::Estimate(..)));
    let Ask::Estimate(config, _) = asked.ask else {
        unreachable!()
    };
    assert_eq!(config.training.per_device_train_batch_size, 4);
}

#[test]
fn an_adapter_is_picked_and_remembered() {
    let mut window = Window::ready(Settings::default());
    window.click(Role::ComboBox, "Compute on");
    window.click(Role::Button, "Radeon RX 6600 (vulkan)");
    let picked = DevicePick::Adapter {
        name: "Radeon RX 6600".to_owned(),
        backend: "vulkan".to_owned(),
        software: false,
    };
    assert_eq!(window.harness.state().settings.device, picked);
    let asked = window.asked(|ask| matches!(ask, Ask::Estimate(..)));
    let Ask::Estimate(config, device) = asked.ask else {
        unreachable!()
    };
    assert_eq!(device, picked);
    assert_eq!(config.training.device.as_str(), "gpu");
}

#[test]
fn all_gpus_are_offered_where_there_are_several() {
    let mut window = Window::ready(Settings::default());
    window.click(Role::ComboBox, "Compute on");
    assert!(!window.shows("All GPUs"));

    let mut two = adapters();
    two.insert(0, two[0].clone());
    let mut window = Window::on(Settings::default(), [1180.0, 780.0], two);
    window.choose_data();
    window.choose_model();
    window.click(Role::ComboBox, "Compute on");
    window.click(Role::Button, "All GPUs");
    assert_eq!(window.harness.state().settings.device, DevicePick::AllGpus);
    let asked = window.asked(|ask| matches!(ask, Ask::Estimate(..)));
    let Ask::Estimate(config, _) = asked.ask else {
        unreachable!()
    };
    assert_eq!(config.training.devices.as_deref(), Some("all"));
    assert_eq!(config.training.device.as_str(), "auto");
}

#[test]
fn a_checkpoint_comes_from_the_hub_or_a_folder() {
    let mut window = Window::open(Settings::default());
    window.choose_data();
    let cached = vec![repo(
        "google-bert/bert-base-uncased",
        Some(440_000_000),
        None,
    )];
    window.answer(
        |ask| *ask == Ask::Cached(Kind::Model),
        Answer::Cached(Kind::Model, cached),
    );
    window.go(Panel::Model);
    window.click(Role::RadioButton, "From Hugging Face");
    window.type_into("Checkpoint", "nobody/nothing");
    window.click(Role::Button, "Download checkpoint");
    let asked = window.asked(|ask| matches!(ask, Ask::FetchModel { .. }));
    let event = tunesmith_protocol::Event::Download {
        file: "model.safetensors".to_owned(),
        loaded: 5_000_000,
        total: Some(90_000_000),
    };
    window.tell(asked.ticket, Answer::Progress(event));
    assert!(window.shows("Downloading model.safetensors: 5.0 MB of 90.0 MB"));
    let message = "nobody/nothing is not on the hub".to_owned();
    window.tell(asked.ticket, Answer::Model(Err(message.clone())));
    assert!(window.shows_alert(&message));

    window.click(Role::RadioButton, "Local files");
    window.click(Role::Button, "Pick a checkpoint's folder …");
    let pick = window.asked(|ask| *ask == Ask::Pick(Pick::ModelFolder));
    let folder = "/models/own".to_owned();
    window.tell(
        pick.ticket,
        Answer::Picked(Pick::ModelFolder, Some(folder.clone())),
    );
    let check = window.asked(|ask| matches!(ask, Ask::CheckModel(_)));
    assert!(!window.shows("is ready."), "not before it is checked");
    let wrong = Answer::Model(Err("there is no model.safetensors".to_owned()));
    window.tell(check.ticket, wrong);
    assert!(window.shows_alert("there is no model.safetensors"));

    window.click(Role::Button, "Pick a checkpoint's folder …");
    let pick = window.asked(|ask| *ask == Ask::Pick(Pick::ModelFolder));
    window.tell(
        pick.ticket,
        Answer::Picked(Pick::ModelFolder, Some(folder.clone())),
    );
    let check = window.asked(|ask| matches!(ask, Ask::CheckModel(_)));
    window.tell(check.ticket, Answer::Model(Ok(Checkpoint { folder })));
    assert!(window.shows("own is ready."));

    // An answer that comes late, to what is no longer asked, changes nothing.
    let late = Checkpoint {
        folder: "/late".to_owned(),
    };
    window.tell(asked.ticket, Answer::Model(Ok(late)));
    assert!(window.shows("own is ready."));
}

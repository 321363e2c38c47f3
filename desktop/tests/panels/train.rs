//! The run.

use egui::accesskit::Role;
use tunesmith_desktop::{Answer, Ask, Panel, Settings};
use tunesmith_protocol::{Command, ResumeFrom};

use crate::support::{Window, saved};

#[test]
fn a_run_is_watched_from_the_golden_log() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    let Ask::Train { config, name, .. } = &run.ask else {
        unreachable!()
    };
    assert_eq!(name.as_deref(), Some("built-in-set"));
    assert!(config.training.do_train);
    window.replay(run.ticket, 0..2);
    assert!(window.shows("Downloading model.safetensors: 4.1 kB of 8.2 kB"));
    window.replay(run.ticket, 2..4);
    assert!(window.shows("Tokenizing: 16 of 48"));
    window.replay(run.ticket, 4..16);
    window.tell(run.ticket, Answer::DeviceBytes(46_000_000));
    for text in [
        "Training on llvmpipe",
        "5 of 8",
        "0.4",
        "46.0 MB",
        "Evaluations",
    ] {
        assert!(window.shows(text), "{text}");
    }
    assert!(window.shows("a software adapter computes"), "the warning");
    window.photograph("train");
}

#[test]
fn a_run_is_paused_resumed_and_stopped_from_any_panel() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..10);
    window.click(Role::Button, "Pause");
    window.asked(|ask| *ask == Ask::Steer(Command::Pause));
    assert!(window.shows("Paused"));
    window.go(Panel::Data);
    window.click(Role::Button, "Resume");
    window.asked(|ask| *ask == Ask::Steer(Command::Resume));
    assert!(window.shows("Training on llvmpipe"));
    window.click(Role::Button, "Save and stop");
    window.asked(|ask| *ask == Ask::Steer(Command::StopAndSave));
    // What is said at once, and what was told to stop is told nothing else.
    window.go(Panel::Train);
    assert!(window.shows("Stopping after step"));
    assert!(window.is_disabled("Stop") && window.is_disabled("Pause"));

    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.click(Role::Button, "Stop");
    window.asked(|ask| *ask == Ask::Steer(Command::Stop));
    let line = r#"{"version":1,"seq":0,"type":"failed","message":"stopped before the first step"}"#;
    window.record(run.ticket, line);
    window.tell(run.ticket, Answer::Ended);
    assert!(window.shows("Stopped before the first step"));
    assert!(!window.shows("The run failed"));
}

#[test]
fn a_lost_device_is_told_and_the_run_goes_on_from_its_checkpoint() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..17);
    window.tell(run.ticket, Answer::Ended);
    assert!(window.shows("The device was lost"));
    assert!(window.shows_alert("the driver was reset"));
    window.click(Role::Button, "Continue from the last checkpoint");
    let again = window.asked(|ask| matches!(ask, Ask::Train { .. }));
    let Ask::Train { config, name, .. } = &again.ask else {
        unreachable!()
    };
    assert_eq!(config.training.resume_from_checkpoint, ResumeFrom::Last);
    assert_eq!(*name, None, "it goes on in its folder");
    // Records that the former run still tells are not this one's.
    window.replay(run.ticket, 17..18);
    assert!(window.shows("Preparing the model and the data"));
    window.replay(again.ticket, 0..25);
    window.tell(again.ticket, Answer::Ended);
    assert!(window.shows("Done in 5 s") || window.shows("Done in 4 s"));
    window.asked(|ask| matches!(ask, Ask::Review { .. }));
    window.photograph("train-done");
}

#[test]
fn a_run_of_an_earlier_start_is_offered() {
    let mut window = Window::open(Settings::default());
    let runs = vec![saved("2026-01-31-174502-built-in-set", false, 0.0)];
    window.answer(|ask| *ask == Ask::Runs, Answer::Runs(runs));
    assert!(window.shows("A run can go on"));
    assert!(window.shows("was kept at step 40 of 675."));
    window.click(Role::Button, "Continue 2026-01-31-174502-built-in-set");
    let asked = window.asked(|ask| matches!(ask, Ask::Train { .. }));
    let Ask::Train { config, .. } = asked.ask else {
        unreachable!()
    };
    assert_eq!(config.training.resume_from_checkpoint, ResumeFrom::Last);
    assert!(config.training.output_dir.ends_with("built-in-set"));
    assert_eq!(window.harness.state().panel(), Panel::Train);
}

#[test]
fn nothing_is_trained_without_data_and_a_model() {
    let mut window = Window::open(Settings::default());
    window.go(Panel::Train);
    assert!(window.shows("Choose the data and a model first."));
    assert!(window.is_disabled("Train"));
}

#[test]
fn nothing_is_drawn_again_while_nothing_happens() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..10);
    window.harness.run();
    let delay = window.next_drawing();
    assert!(delay > std::time::Duration::from_secs(60), "{delay:?}");
}

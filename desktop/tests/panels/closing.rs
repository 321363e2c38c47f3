//! Closing during a run.

use egui::accesskit::Role;
use egui::{ViewportCommand, ViewportEvent, ViewportId};
use tunesmith_desktop::{Answer, Ask, Settings};
use tunesmith_protocol::Command;

use crate::support::Window;

impl Window {
    /// As the system does when the window's button is pressed; what the window does about it.
    fn close(&mut self) -> Vec<ViewportCommand> {
        let viewport = self
            .harness
            .input_mut()
            .viewports
            .entry(ViewportId::ROOT)
            .or_default();
        viewport.events.push(ViewportEvent::Close);
        self.harness.step();
        let commands = self.commands();
        self.harness
            .input_mut()
            .viewports
            .entry(ViewportId::ROOT)
            .or_default()
            .events
            .clear();
        self.harness.run();
        commands
    }

    fn commands(&self) -> Vec<ViewportCommand> {
        let output = self.harness.output().viewport_output.get(&ViewportId::ROOT);
        output
            .map(|output| output.commands.clone())
            .unwrap_or_default()
    }
}

#[test]
fn without_a_run_it_just_closes() {
    let mut window = Window::ready(Settings::default());
    assert_eq!(window.close(), []);
    assert!(!window.shows("A run is going"));
}

#[test]
fn a_run_is_saved_first() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..10);
    assert_eq!(window.close(), [ViewportCommand::CancelClose]);
    assert!(window.shows("A run is going"));
    window.click(Role::Button, "Go on training");
    assert!(!window.shows("A run is going"));

    assert_eq!(window.close(), [ViewportCommand::CancelClose]);
    window.photograph("closing");
    window.click(Role::Button, "Save and close");
    window.asked(|ask| *ask == Ask::Steer(Command::StopAndSave));
    assert!(
        !window.harness.state().wants_to_close(),
        "not before it is saved"
    );
    window.harness.state_mut().take(run.ticket, Answer::Ended);
    window.harness.step();
    assert!(window.commands().contains(&ViewportCommand::Close));
    assert!(window.harness.state_mut().may_close());
}

#[test]
fn a_run_can_be_given_up() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..4);
    assert_eq!(window.close(), [ViewportCommand::CancelClose]);
    assert!(window.shows("It has taken no step yet"));
    window.node(Role::Button, "Close without saving").click();
    window.harness.run_steps(2);
    assert!(window.harness.state().wants_to_close());
}

#[test]
fn what_cannot_be_saved_keeps_the_window_open() {
    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..10);
    assert_eq!(window.close(), [ViewportCommand::CancelClose]);
    window.click(Role::Button, "Save and close");
    let line = r#"{"version":1,"seq":99,"type":"failed","message":"can't write optimizer.safetensors: no space left"}"#;
    window.record(run.ticket, line);
    window.tell(run.ticket, Answer::Ended);
    assert!(!window.harness.state().wants_to_close());
    assert!(window.shows("The run could not be saved"));
    assert!(window.shows_alert("no space left"));
    window.click(Role::Button, "Stay here");
    assert!(!window.shows("The run could not be saved"));
    assert!(window.shows("The run failed"));
}

#[test]
fn the_end_of_the_session_saves_as_closing_does() {
    let mut window = Window::ready(Settings::default());
    window.harness.state_mut().save_and_close();
    assert!(window.harness.state().wants_to_close(), "there is no run");

    let mut window = Window::ready(Settings::default());
    let run = window.train();
    window.replay(run.ticket, 0..10);
    window.harness.state_mut().save_and_close();
    window.asked(|ask| *ask == Ask::Steer(Command::StopAndSave));
    assert!(!window.harness.state().wants_to_close());
    window.harness.state_mut().take(run.ticket, Answer::Ended);
    assert!(window.harness.state().wants_to_close());
}

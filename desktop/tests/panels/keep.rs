//! The model as files.

use egui::accesskit::Role;
use tunesmith_desktop::{Answer, Ask, Panel, Settings};

use crate::support::{Window, saved};

fn window() -> Window {
    let mut window = Window::ready(Settings::default());
    let runs = vec![
        saved("a-finished", true, 0.81),
        saved("b-cut-off", false, 0.0),
    ];
    window.answer(|ask| *ask == Ask::Runs, Answer::Runs(runs));
    window.go(Panel::Export);
    window
}

#[test]
fn a_stored_run_is_opened_exported_and_its_lines_copied() {
    let mut window = window();
    assert!(window.shows("There is no trained model yet."));
    window.click(Role::Button, "Open a-finished");
    window.click(Role::Button, "Open the folder");
    let folder = "/home/ada/.local/share/tunesmith/runs/a-finished";
    window.asked(|ask| *ask == Ask::OpenFolder(folder.to_owned()));
    window.click(Role::Button, "Add ONNX");
    window.answer(
        |ask| *ask == Ask::Onnx(folder.to_owned()),
        Answer::Did(Ok(
            "model.onnx is in the model's folder, under onnx.".to_owned()
        )),
    );
    assert!(window.shows("model.onnx is in the model's folder, under onnx."));
    window.click(Role::Button, "Export a copy …");
    window.answer(
        |ask| *ask == Ask::Export(folder.to_owned()),
        Answer::Did(Ok("Copied to /models/a-finished.".to_owned())),
    );
    assert!(window.shows("Copied to /models/a-finished."));
    for (name, part) in [
        (
            "Copy the Python lines",
            "AutoModelForSequenceClassification.from_pretrained",
        ),
        ("Copy the JavaScript lines", "@huggingface/transformers"),
    ] {
        window.node(Role::Button, name).scroll_to_me();
        window.harness.run();
        window.node(Role::Button, name).click();
        let copied = (0..4).map(|_| {
            window.harness.step();
            window.copied()
        });
        let copied: String = copied.collect();
        assert!(
            copied.contains(part) && copied.contains("a-finished"),
            "{copied}"
        );
        window.harness.run();
    }
    window.photograph("keep");
}

#[test]
fn a_run_is_gone_on_with_or_deleted_only_when_that_is_meant() {
    let mut window = window();
    window.click(Role::Button, "Delete a-finished");
    window.click(Role::Button, "Keep it");
    assert!(
        !window
            .asks()
            .iter()
            .any(|ask| matches!(ask, Ask::Delete(_)))
    );
    window.click(Role::Button, "Delete a-finished");
    window.click(Role::Button, "Delete it");
    window.asked(|ask| matches!(ask, Ask::Delete(folder) if folder.ends_with("a-finished")));
    window.click(Role::Button, "Continue b-cut-off");
    window.asked(|ask| matches!(ask, Ask::Train { .. }));
}

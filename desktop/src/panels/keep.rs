//! The model as files, and the runs that are kept.

use egui::{Grid, Id, Modal, TextEdit, Ui};
use tunesmith_protocol::{ProblemType, SavedRun};

use crate::ask::{Ask, Snippet};
use crate::format::{base_name, count, plural};
use crate::state::{State, Trained, Work};
use crate::theme::GAP;
use crate::widgets;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    match state.trained.clone() {
        None => {
            widgets::note(ui, "There is no trained model yet.");
        }
        Some(trained) => {
            widgets::note(ui, format!("{}: {}", trained.title, trained.model));
            if state.host.has_files {
                ui.horizontal_wrapped(|ui| {
                    if widgets::primary(ui, true, "Open the folder").clicked() {
                        state.do_it(Ask::OpenFolder(trained.model.clone()), "Opening …");
                    }
                    if ui.button("Add ONNX").clicked() {
                        state.do_it(Ask::Onnx(trained.model.clone()), "Writing ONNX …");
                    }
                    if ui.button("Export a copy …").clicked() {
                        state.do_it(Ask::Export(trained.model.clone()), "Copying …");
                    }
                });
            }
            code(ui, "Python", &snippet(Snippet::Python, &trained));
            code(ui, "JavaScript", &snippet(Snippet::JavaScript, &trained));
        }
    }
    match &state.did {
        Work::Done(text) => {
            widgets::note(ui, text.as_str());
        }
        other => widgets::status(ui, other),
    }
    ui.add_space(GAP);
    widgets::title(ui, "Kept on this computer");
    widgets::note(ui, format!("In {}.", state.host.runs));
    runs(ui, state);
    delete(ui, state);
}

/// The lines that load a model's folder.
fn snippet(language: Snippet, trained: &Trained) -> String {
    let folder = trained.model.as_str();
    let quoted = serde_json::Value::from(folder).to_string();
    match language {
        Snippet::Python => {
            let class = trained.problem_type.unwrap_or_default().auto_model();
            format!(
                "from transformers import {class}, AutoTokenizer\n\n\
                 model = {class}.from_pretrained({quoted})\n\
                 tokenizer = AutoTokenizer.from_pretrained({quoted})"
            )
        }
        // The folder's name, as transformers.js looks for it below its `localModelPath` or on the hub; its
        // pipelines read one text.
        Snippet::JavaScript => {
            let name = serde_json::Value::from(base_name(folder)).to_string();
            if trained.reads_pairs() {
                return format!(
                    "import {{ AutoModelForSequenceClassification, AutoTokenizer }} from \"@huggingface/transformers\";\n\n\
                     const tokenizer = await AutoTokenizer.from_pretrained({name});\n\
                     const model = await AutoModelForSequenceClassification.from_pretrained({name});\n\
                     const {{ logits }} = await model(tokenizer(\"A text.\", {{ text_pair: \"A second one.\" }}));\n\
                     console.log(logits.tolist());"
                );
            }
            let task = match trained.problem_type {
                Some(ProblemType::Tokens) => "token-classification",
                _ => "text-classification",
            };
            format!(
                "import {{ pipeline }} from \"@huggingface/transformers\";\n\n\
                 const classify = await pipeline(\"{task}\", {name});\n\
                 console.log(await classify(\"A text.\"));"
            )
        }
    }
}

fn code(ui: &mut Ui, language: &str, text: &str) {
    ui.add_space(GAP / 2.0);
    widgets::sunk(ui, |ui| {
        ui.horizontal(|ui| {
            ui.label(language);
            let copy =
                widgets::named_button(ui, true, "Copy", &format!("Copy the {language} lines"));
            if copy.clicked() {
                ui.ctx().copy_text(text.to_owned());
            }
        });
        let mut shown = text;
        let edit = TextEdit::multiline(&mut shown)
            .code_editor()
            .frame(egui::Frame::NONE);
        ui.add(edit.desired_width(f32::INFINITY).desired_rows(1));
    });
}

fn runs(ui: &mut Ui, state: &mut State) {
    if state.saved.is_empty() {
        widgets::note(ui, "Nothing yet.");
        return;
    }
    let saved = state.saved.clone();
    let enabled = !state.is_running();
    widgets::card(ui, |ui| {
        Grid::new("kept")
            .striped(true)
            .spacing([20.0, 8.0])
            .show(ui, |ui| {
                for run in &saved {
                    row(ui, state, run, enabled);
                    ui.end_row();
                }
            });
    });
}

fn row(ui: &mut Ui, state: &mut State, run: &SavedRun, enabled: bool) {
    let name = base_name(&run.output_dir);
    ui.label(name).on_hover_text(&run.output_dir);
    let whole = run
        .total_steps
        .map_or_else(String::new, |total| format!(" of {}", count(total)));
    ui.label(match run.finished {
        _ if run.in_use => "in use by another window or command".to_owned(),
        true => format!("finished, {}", plural(run.last_step, "step")),
        false => format!("step {}{whole}", count(run.last_step)),
    });
    ui.horizontal(|ui| {
        let mut button = |text: &str| {
            widgets::named_button(ui, enabled, text, &format!("{text} {name}")).clicked()
        };
        if !run.finished
            && !run.in_use
            && let Some(config) = &run.config
            && button("Continue")
        {
            state.go_on(config.clone(), &run.output_dir);
        }
        if button("Open") {
            state.open_saved(run);
        }
        if !run.in_use && button("Delete") {
            state.deleting = Some(run.output_dir.clone());
        }
    });
}

/// Deleting asks first.
fn delete(ui: &mut Ui, state: &mut State) {
    let Some(folder) = state.deleting.clone() else {
        return;
    };
    let modal = Modal::new(Id::unique("delete")).show(ui.ctx(), |ui| {
        ui.set_max_width(420.0);
        widgets::title(ui, "Delete this run?");
        ui.label(format!("{folder} and all that it holds is deleted."));
        ui.add_space(GAP / 2.0);
        ui.horizontal(|ui| {
            if ui.button("Delete it").clicked() {
                if state
                    .trained
                    .as_ref()
                    .is_some_and(|trained| trained.model.starts_with(&folder))
                {
                    state.trained = None;
                }
                state.do_it(Ask::Delete(folder.clone()), "Deleting …");
                state.deleting = None;
            }
            if ui.button("Keep it").clicked() {
                state.deleting = None;
            }
        });
    });
    if modal.should_close() {
        state.deleting = None;
    }
}

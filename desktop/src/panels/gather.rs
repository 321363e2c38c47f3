//! Which data.

use egui::{Frame, Margin, RichText, Stroke, TextEdit, Ui};

use crate::ask::{Ask, Kind, Pick};
use crate::format::{base_name, count};
use crate::panels::choose::hub_list;
use crate::panels::{columns, preview};
use crate::settings::Source;
use crate::state::{State, Way};
use crate::theme::{GAP, Palette};
use crate::widgets;

const WAYS: [(Way, &str, &str); 4] = [
    (
        Way::Builtin,
        "Built-in set",
        "1,800 made-up news sentences: which of eight topics? The built-in model learns it in seconds.",
    ),
    (
        Way::Pairs,
        "Built-in pairs",
        "4,000 made-up pairs of news sentences: do they say the same? This takes a pretrained model.",
    ),
    (
        Way::Files,
        "Your file",
        "CSV, TSV, JSON, JSON Lines, Excel (.xlsx) or parquet, also as .gz, .zst or .zip. It stays on this computer.",
    ),
    (
        Way::Hub,
        "From Hugging Face",
        "A public data set of huggingface.co, by its name.",
    ),
];

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let enabled = !state.is_running();
    ui.add_enabled_ui(enabled, |ui| {
        let mut picked = None;
        widgets::columns(ui, WAYS.len(), 210.0, |ui, place| {
            let (way, head, text) = WAYS[place];
            if widgets::choice(ui, state.data.way == Some(way), head, text) {
                picked = Some(way);
            }
        });
        match picked {
            Some(Way::Builtin) => state.choose_data(Source::Builtin),
            Some(Way::Pairs) => state.choose_data(Source::Pairs),
            Some(way) if state.data.way != Some(way) => state.data_comes_by(way),
            _ => {}
        }
        match state.data.way {
            Some(Way::Files) => files(ui, state),
            Some(Way::Hub) => hub(ui, state),
            Some(Way::Builtin | Way::Pairs) | None => return,
        }
        let mut wanted = state.settings.set_aside;
        let text = "Without validation rows, set a tenth of the training rows aside";
        if ui.checkbox(&mut wanted, text).changed() {
            state.set_aside(wanted);
        }
    });
    ui.add_space(GAP / 2.0);
    widgets::status(ui, &state.data.inspection);
    if state.data.inspection.done().is_some() {
        ui.add_enabled_ui(enabled, |ui| inspection(ui, state));
    }
}

fn files(ui: &mut Ui, state: &mut State) {
    let palette = Palette::of(ui);
    let over = ui.input(|input| !input.raw.hovered_files.is_empty());
    let line = if over {
        palette.accent
    } else {
        palette.line_strong
    };
    Frame::new()
        .stroke(Stroke::new(1.5, line))
        .corner_radius(8.0)
        .inner_margin(Margin::same(14))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_wrapped(|ui| {
                if ui.button("Pick the training file …").clicked() {
                    state.ask(Ask::Pick(Pick::TrainFile));
                }
                ui.label(match state.data.train_file.as_str() {
                    "" => {
                        "or drop it on this window. One row an example: a text or two, and what is to be predicted."
                    }
                    path => base_name(path),
                });
            });
            ui.horizontal_wrapped(|ui| {
                if ui.button("Pick a validation file …").clicked() {
                    state.ask(Ask::Pick(Pick::ValidationFile));
                }
                ui.label(match state.data.validation_file.as_str() {
                    "" => "Optional: the rows on which the model is measured.",
                    path => base_name(path),
                });
                if !state.data.validation_file.is_empty()
                    && ui.button("Remove the validation file").clicked()
                {
                    state.take_files(None, Some(String::new()));
                }
            });
        });
}

fn hub(ui: &mut Ui, state: &mut State) {
    let mut load = false;
    ui.horizontal_wrapped(|ui| {
        let id = widgets::field(ui, "Data set", |ui| {
            let edit = TextEdit::singleline(&mut state.data.id);
            ui.add(edit.hint_text("owner/name").desired_width(280.0))
        });
        let configuration = widgets::field(ui, "Configuration", |ui| {
            let edit = TextEdit::singleline(&mut state.data.configuration);
            ui.add(
                edit.hint_text("as in mrpc, if it has any")
                    .desired_width(180.0),
            )
        });
        let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
        load = enter && (id.lost_focus() || configuration.lost_focus());
        ui.vertical(|ui| {
            ui.add_space(22.0);
            ui.horizontal(|ui| {
                let known = !state.data.id.trim().is_empty();
                load |= ui
                    .add_enabled(known, egui::Button::new("Load data set"))
                    .clicked();
                if ui
                    .add_enabled(known, egui::Button::new("Search Hugging Face"))
                    .clicked()
                {
                    let text = state.data.id.trim().to_owned();
                    state.search(Kind::Dataset, &text);
                }
            });
        });
    });
    if let Some(id) = hub_list(ui, &state.data.found, &state.data.search) {
        state.data.id = id;
        state.data.configuration.clear();
    }
    if load && !state.data.id.trim().is_empty() {
        let configuration = state.data.configuration.trim().to_owned();
        let configuration = Some(configuration).filter(|text| !text.is_empty());
        state.choose_data(Source::Hub(state.data.id.trim().to_owned(), configuration));
    }
}

fn inspection(ui: &mut Ui, state: &mut State) {
    let Some(found) = state.data.inspection.done().cloned() else {
        return;
    };
    let splits: Vec<String> = found
        .splits
        .iter()
        .map(|split| format!("{} {}", count(split.num_rows), split.name))
        .collect();
    ui.label(RichText::new(splits.join("   ")).strong());
    if !found
        .splits
        .iter()
        .any(|split| split.name.starts_with("validation"))
    {
        widgets::note(
            ui,
            "There are no validation rows, so nothing measures the model as it learns.",
        );
    }
    for warning in &found.warnings {
        widgets::notice(ui, warning, "", |_| ());
    }
    columns::show(ui, state, &found);
    if let Some(message) = &state.data.refused {
        widgets::error(ui, message);
    }
    ui.add_space(GAP / 2.0);
    preview::show(ui, state.data.problem_type(), &found);
}

//! Which data, and which of its columns are what.

use egui::{ComboBox, Frame, Grid, Margin, RichText, ScrollArea, Stroke, TextEdit, Ui};
use tunesmith_protocol::Inspection;

use crate::ask::{Ask, Kind, Pick};
use crate::format::{base_name, count, label_text, percent, plural};
use crate::panels::choose::hub_list;
use crate::settings::Source;
use crate::state::{State, Way};
use crate::theme::{GAP, Palette};
use crate::widgets;

/// Label counts beyond this number say nothing more.
const COUNTS: usize = 12;

const WAYS: [(Way, &str, &str); 3] = [
    (
        Way::Builtin,
        "Built-in set",
        "4,000 made-up pairs of news sentences: do they say the same?",
    ),
    (
        Way::Files,
        "Your file",
        "CSV, TSV, JSON, JSON Lines, Excel (.xlsx) or parquet, also as .gz, .zst or .zip. It stays on this computer.",
    ),
    (
        Way::Hub,
        "From the hub",
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
            Some(way) if state.data.way != Some(way) => state.data_comes_by(way),
            _ => {}
        }
        match state.data.way {
            Some(Way::Files) => files(ui, state),
            Some(Way::Hub) => hub(ui, state),
            Some(Way::Builtin) | None => return,
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
                        "or drop it on this window. One row an example: a text or two, and a label."
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
                    .add_enabled(known, egui::Button::new("Search the hub"))
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
            "There is no validation split, so nothing says how good the model becomes.",
        );
    }
    for warning in &found.warnings {
        widgets::notice(ui, warning, "", |_| ());
    }
    columns(ui, state, &found);
    ui.add_space(GAP / 2.0);
    widgets::title(ui, "First rows of the data");
    rows(ui, &found);
    labels(ui, &found);
}

/// Which column is what.
fn columns(ui: &mut Ui, state: &mut State, found: &Inspection) {
    const NONE: &str = "none";
    let names: Vec<&str> = found
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let first = found.text_column_names.first().map(String::as_str);
    let second = found.text_column_names.get(1).map(String::as_str);
    let label = found.label_column_name.as_deref();
    let pick = |ui: &mut Ui, id: &str, chosen: Option<&str>, none: bool| {
        let mut value = chosen.unwrap_or(NONE).to_owned();
        let combo = ComboBox::from_id_salt(id)
            .selected_text(value.as_str())
            .width(180.0)
            .truncate()
            .show_ui(ui, |ui| {
                if none {
                    ui.selectable_value(&mut value, NONE.to_owned(), NONE);
                }
                for name in &names {
                    ui.selectable_value(&mut value, (*name).to_owned(), *name);
                }
            });
        (combo.response, value)
    };
    let roles = [
        ("Text", first, false),
        ("Second text", second, true),
        ("Label", label, label.is_none()),
    ];
    let mut picked = Vec::new();
    widgets::columns(ui, roles.len(), 200.0, |ui, place| {
        let (title, chosen, none) = roles[place];
        widgets::field(ui, title, |ui| {
            let (response, value) = pick(ui, title, chosen, none);
            picked.push(Some(value).filter(|value| value != NONE));
            response
        });
    });
    let before = [first, second, label].map(|name| name.map(str::to_owned));
    if picked != before {
        let label = picked.pop().flatten();
        let text = picked.into_iter().flatten().collect();
        state.map_columns(text, label);
    }
}

fn rows(ui: &mut Ui, found: &Inspection) {
    let palette = Palette::of(ui);
    let role = |name: &str| match found.text_column_names.iter().position(|text| text == name) {
        Some(0) => "text",
        Some(_) => "second text",
        None if found.label_column_name.as_deref() == Some(name) => "label",
        None => "unused",
    };
    widgets::card(ui, |ui| {
        ScrollArea::both()
            .id_salt("rows")
            .max_height(260.0)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                Grid::new("rows")
                    .striped(true)
                    .spacing([20.0, 6.0])
                    .show(ui, |ui| {
                        for column in &found.columns {
                            ui.vertical(|ui| {
                                ui.spacing_mut().item_spacing.y = 0.0;
                                ui.label(RichText::new(&column.name).strong());
                                let role = role(&column.name);
                                let color = match role {
                                    "unused" => palette.ink_soft,
                                    _ => palette.accent,
                                };
                                ui.label(RichText::new(role).size(12.5).color(color));
                            });
                        }
                        ui.end_row();
                        for row in &found.rows {
                            for (cell, column) in row.iter().zip(&found.columns) {
                                let text = RichText::new(cell.as_deref().unwrap_or("empty"));
                                let text = match (cell, role(&column.name)) {
                                    (None, _) => text.italics().color(palette.ink_soft),
                                    (_, "unused") => text.color(palette.ink_soft),
                                    _ => text,
                                };
                                let width = match role(&column.name) {
                                    "text" | "second text" => 330.0,
                                    _ => 120.0,
                                };
                                ui.vertical(|ui| {
                                    ui.set_max_width(width);
                                    ui.add(egui::Label::new(text).wrap());
                                });
                            }
                            ui.end_row();
                        }
                    });
            });
    });
}

fn labels(ui: &mut Ui, found: &Inspection) {
    let counts = &found.label_counts;
    if counts.is_empty() {
        return;
    }
    ui.add_space(GAP / 2.0);
    widgets::title(ui, "Labels");
    let all: u64 = counts.iter().map(|one| one.count).sum();
    let most = counts.iter().map(|one| one.count).max().unwrap_or(1);
    let rows: Vec<(String, f64, String)> = counts
        .iter()
        .take(COUNTS)
        .map(|one| {
            let share = percent(one.count as f64 / all as f64, 0);
            let figure = format!("{} ({share})", count(one.count));
            (
                label_text(&one.label),
                one.count as f64 / most as f64,
                figure,
            )
        })
        .collect();
    widgets::bars(ui, "labels", &rows);
    if counts.len() > COUNTS {
        let more = plural((counts.len() - COUNTS) as u64, "more label");
        widgets::note(ui, format!("and {more}"));
    }
}

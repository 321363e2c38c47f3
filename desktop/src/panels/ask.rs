//! What the model says of a person's own words.

use egui::{Key, KeyboardShortcut, Modifiers, RichText, TextEdit, Ui};
use tunesmith_protocol::{Prediction, TokenizedPrediction};

use super::entities;
use crate::format::{count, figure, label_text, percent, plural};
use crate::state::{State, Trained, Work};
use crate::theme::{GAP, Palette};
use crate::widgets::{self, Bar};

/// The most labels that are shown with their probability.
const SHOWN: usize = 5;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let pairs = state.trained.as_ref().is_none_or(Trained::reads_pairs);
    let mut entered = false;
    widgets::columns(ui, if pairs { 2 } else { 1 }, 320.0, |ui, place| {
        let (name, text) = match place {
            0 => ("Text", &mut state.question.text),
            _ => ("Second text", &mut state.question.pair),
        };
        widgets::field(ui, name, |ui| {
            // As in a search; a line break takes Shift.
            let line_break = KeyboardShortcut::new(Modifiers::SHIFT, Key::Enter);
            let edit = TextEdit::multiline(text)
                .desired_rows(3)
                .return_key(line_break);
            let response = ui.add(edit.desired_width(f32::INFINITY));
            let plain = |input: &egui::InputState| {
                input.key_pressed(Key::Enter) && input.modifiers.is_none()
            };
            entered |= response.has_focus() && ui.input(plain);
            response
        });
    });
    ui.horizontal_wrapped(|ui| {
        let ready = state.trained.is_some() && !state.is_running() && !state.prediction.is_busy();
        let written = !state.question.text.trim().is_empty();
        let pressed = widgets::primary(ui, ready && written, "Predict").clicked();
        if pressed || (entered && ready && written) {
            state.ask_model();
        }
        let rows = state.data.inspection.done();
        if rows.is_some_and(|found| !found.rows.is_empty())
            && ui.button("Take a row of the data").clicked()
        {
            state.take_row();
        }
        let about = match &state.trained {
            _ if state.is_running() => "Wait until the run has ended.".to_owned(),
            Some(trained) => format!("Asks {}.", trained.title),
            None => "Train a model first, or open a stored one in Export.".to_owned(),
        };
        widgets::note(ui, about);
    });
    ui.add_space(GAP / 2.0);
    match &state.prediction {
        Work::Done(prediction) => widgets::card(ui, |ui| answer(ui, state, prediction)),
        other => widgets::status(ui, other),
    }
}

fn answer(ui: &mut Ui, state: &State, found: &TokenizedPrediction) {
    match &found.prediction {
        Prediction::SingleLabel {
            label,
            label_id,
            score,
            scores,
            ..
        } => {
            ui.horizontal_wrapped(|ui| {
                headline(ui, &label_text(label));
                ui.label(format!("with {}", percent(*score, 1)));
            });
            let mut names = names(state, scores.len());
            if let Some(name) = names.get_mut(*label_id) {
                name.clone_from(label);
            }
            let rows = names.iter().zip(scores).map(|(name, score)| Bar {
                name: label_text(name),
                share: *score,
                figure: percent(*score, 1),
                quiet: false,
            });
            bars(ui, rows.collect());
        }
        Prediction::MultiLabel { labels, scores, .. } => {
            let shown: Vec<String> = labels.iter().map(|label| label_text(label)).collect();
            match shown.is_empty() {
                true => headline(ui, "No label"),
                false => headline(ui, &shown.join(", ")),
            }
            let names = names(state, scores.len());
            let rows = names.iter().zip(scores).map(|(name, score)| {
                let predicted = labels.contains(name);
                let mark = if predicted { ", predicted" } else { "" };
                Bar {
                    name: label_text(name),
                    share: *score,
                    figure: format!("{}{mark}", percent(*score, 1)),
                    quiet: !predicted,
                }
            });
            bars(ui, rows.collect());
        }
        Prediction::Regression { score, .. } => headline(ui, &figure(*score)),
        Prediction::Tokens { entities } => {
            match entities.len() {
                0 => headline(ui, "No entities"),
                1 => headline(ui, "1 entity"),
                many => headline(ui, &format!("{} entities", count(many as u64))),
            }
            entities::show(ui, &state.question.asked, entities);
        }
    }
    ui.add_space(GAP / 2.0);
    widgets::note(
        ui,
        format!("What the model read, {} tokens", found.tokens.len()),
    );
    let palette = Palette::of(ui);
    let tokens = found.tokens.iter().map(|token| {
        let special = token.starts_with('[') && token.ends_with(']');
        let color = match special {
            true => palette.ink_soft,
            false => palette.ink,
        };
        (token.as_str(), color)
    });
    widgets::chips(ui, tokens);
}

/// The labels' probabilities: of many, those that matter; of a few, all in their order.
fn bars(ui: &mut Ui, mut rows: Vec<Bar>) {
    let rest = rows.len().saturating_sub(SHOWN);
    if rest > 0 {
        rows.sort_by(|a, b| b.share.total_cmp(&a.share));
        rows.truncate(SHOWN);
    }
    widgets::bars(ui, "scores", rows);
    if rest > 0 {
        let more = plural(rest as u64, "less likely label");
        widgets::note(ui, format!("and {more}"));
    }
}

fn headline(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).size(22.0).strong());
}

/// The names of the model's labels, in the order of their ids.
fn names(state: &State, count: usize) -> Vec<String> {
    let trained = state.trained.as_ref().map(|trained| &trained.labels);
    match trained.filter(|labels| labels.len() == count) {
        Some(labels) => labels.clone(),
        None => (0..count).map(|id| format!("label {id}")).collect(),
    }
}

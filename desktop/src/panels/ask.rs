//! What the model says of a person's own words.

use egui::{Frame, RichText, TextEdit, Ui};
use tunesmith_protocol::TokenizedPrediction;

use crate::format::{figure, label_text, percent};
use crate::state::{State, Work};
use crate::theme::{GAP, Palette};
use crate::widgets;

/// What a token has on its left and on its right.
const CHIP_MARGIN: i8 = 5;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let pairs = state.reads_pairs();
    let count = if pairs { 2 } else { 1 };
    widgets::columns(ui, count, 320.0, |ui, place| {
        let (name, text) = match place {
            0 => ("Text", &mut state.question.text),
            _ => ("Second text", &mut state.question.pair),
        };
        widgets::field(ui, name, |ui| {
            let edit = TextEdit::multiline(text).desired_rows(3);
            ui.add(edit.desired_width(f32::INFINITY))
        });
    });
    ui.horizontal_wrapped(|ui| {
        let ready = state.trained.is_some() && !state.is_running() && !state.prediction.is_busy();
        let written = !state.question.text.trim().is_empty();
        if widgets::primary(ui, ready && written, "Classify").clicked() {
            state.classify();
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
            None => "Train a model first, or open a stored one in Keep.".to_owned(),
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
    let prediction = &found.prediction;
    if prediction.scores.len() <= 1 {
        ui.label(RichText::new(figure(prediction.score)).size(22.0).strong());
    } else {
        ui.horizontal_wrapped(|ui| {
            ui.label(
                RichText::new(label_text(&prediction.label))
                    .size(22.0)
                    .strong(),
            );
            ui.label(format!("with {}", percent(prediction.score, 1)));
        });
        let names = names(state, prediction.scores.len());
        let rows: Vec<(String, f64, String)> = prediction
            .scores
            .iter()
            .enumerate()
            .map(|(id, score)| {
                let name = match id == prediction.label_id {
                    true => label_text(&prediction.label),
                    false => names[id].clone(),
                };
                (name, *score, percent(*score, 1))
            })
            .collect();
        widgets::bars(ui, "scores", &rows);
    }
    ui.add_space(GAP / 2.0);
    widgets::note(
        ui,
        format!("What the model read, {} tokens", found.tokens.len()),
    );
    let palette = Palette::of(ui);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(4.0, 4.0);
        let margins = 2.0 * f32::from(CHIP_MARGIN);
        for token in &found.tokens {
            let special = token.starts_with('[') && token.ends_with(']');
            let color = if special {
                palette.ink_soft
            } else {
                palette.ink
            };
            let font = egui::FontId::monospace(13.0);
            let most = ui.max_rect().width() - margins;
            let text = ui.painter().layout(token.clone(), font, color, most);
            // A frame takes what is left of a line, however little, and breaks its text to fit.
            if text.size().x + margins > ui.available_size_before_wrap().x {
                ui.end_row();
            }
            let chip = Frame::new().fill(palette.sunk).corner_radius(4.0);
            chip.inner_margin(egui::Margin::symmetric(CHIP_MARGIN, 1))
                .show(ui, |ui| ui.label(text));
        }
    });
}

/// The classes' names, by the last review or the data.
fn names(state: &State, count: usize) -> Vec<String> {
    let of_review = state.review.done().map(|review| review.labels.clone());
    let of_run = || {
        let dataset = state.run.as_ref()?.view.dataset.as_ref()?;
        Some(dataset.labels.clone())
    };
    let labels = of_review
        .or_else(of_run)
        .filter(|labels| labels.len() == count);
    match labels {
        Some(labels) => labels.iter().map(|label| label_text(label)).collect(),
        None => (0..count).map(|id| format!("class {id}")).collect(),
    }
}

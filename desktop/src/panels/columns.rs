//! What is to be predicted, and which columns it is learned from.

use egui::{ComboBox, Response, Ui};
use tunesmith_protocol::{Inspection, ProblemType};

use crate::columns::{choices, holds_labels, holds_text, of_zeros_and_ones};
use crate::labels::{KINDS, words};
use crate::state::State;
use crate::widgets;

/// No column at all.
const NONE: &str = "none";
/// No column but several.
const SEVERAL: &str = "several columns of 0 and 1";

pub(crate) fn show(ui: &mut Ui, state: &mut State, found: &Inspection) {
    labels(ui, state, found);
    columns(ui, state, found);
    if state.data.ticked.is_some() {
        ticks(ui, state, found);
    }
}

/// One class, several labels, a number or tags.
fn labels(ui: &mut Ui, state: &mut State, found: &Inspection) {
    let asked = state.data.asked();
    let mut wanted = asked;
    let name =
        |kind: Option<ProblemType>| kind.map_or("Automatic", |kind| words(Some(kind)).choice);
    widgets::field(ui, "What to predict", |ui| {
        let combo = ComboBox::from_id_salt("problem_type")
            .selected_text(name(wanted))
            .width(220.0)
            .show_ui(ui, |ui| {
                for kind in std::iter::once(None).chain(KINDS.map(Some)) {
                    ui.selectable_value(&mut wanted, kind, name(kind));
                }
            });
        combo.response
    });
    if asked.is_none() {
        widgets::note(
            ui,
            match found.problem_type {
                Some(kind) => words(Some(kind)).found,
                None => "No labels were found: choose the column that has them.",
            },
        );
    }
    if wanted != asked {
        state.predict(wanted);
    }
}

/// Which column is what.
fn columns(ui: &mut Ui, state: &mut State, found: &Inspection) {
    let (asked, kind) = (state.data.asked(), state.data.problem_type());
    let choices = choices(found);
    let that_hold = |holds: fn(Option<ProblemType>, _) -> bool, chosen: Option<&str>| {
        let fits = choices
            .iter()
            .filter(|(name, kind)| holds(asked, *kind) || Some(name.as_str()) == chosen);
        fits.map(|(name, _)| name.as_str()).collect::<Vec<&str>>()
    };
    let first = found.text_column_names.first().map(String::as_str);
    let second = found.text_column_names.get(1).map(String::as_str);
    let label = match state.data.ticked {
        Some(_) => Some(SEVERAL),
        None => found.label_column_name.as_deref(),
    };
    let mut of_text = that_hold(holds_text, first);
    let mut of_label = that_hold(holds_labels, label);
    let mut of_second = of_text.clone();
    of_second.insert(0, NONE);
    if first.is_none() {
        of_text.insert(0, NONE);
    }
    if label.is_none() {
        of_label.insert(0, NONE);
    }
    if matches!(asked, None | Some(ProblemType::MultiLabel)) {
        of_label.push(SEVERAL);
    }
    let words = words(kind);
    let mut roles = vec![(words.text, first, of_text)];
    if kind != Some(ProblemType::Tokens) {
        roles.push(("Second text", second, of_second));
    }
    roles.push((words.column, label, of_label));
    let mut picked = Vec::new();
    widgets::columns(ui, roles.len(), 200.0, |ui, place| {
        let (title, chosen, names) = &roles[place];
        widgets::field(ui, title, |ui| {
            let (response, value) = pick(ui, title, *chosen, names);
            picked.push(Some(value).filter(|value| value != NONE));
            response
        });
    });
    let before = roles.iter().map(|(_, chosen, _)| chosen.map(str::to_owned));
    if picked.iter().cloned().eq(before) {
        return;
    }
    let picked_label = picked.pop().flatten();
    if picked_label.as_deref() == Some(SEVERAL) && label != Some(SEVERAL) {
        state.data.ticked = Some(of_zeros_and_ones(found));
        return;
    }
    let one = picked_label.filter(|label| label != SEVERAL);
    state.map_columns(picked.into_iter().flatten().collect(), one);
}

fn pick(ui: &mut Ui, id: &str, chosen: Option<&str>, names: &[&str]) -> (Response, String) {
    let mut value = chosen.unwrap_or(NONE).to_owned();
    let combo = ComboBox::from_id_salt(id)
        .selected_text(value.as_str())
        .width(180.0)
        .truncate()
        .show_ui(ui, |ui| {
            for name in names {
                ui.selectable_value(&mut value, (*name).to_owned(), *name);
            }
        });
    (combo.response, value)
}

/// The columns that are a label each.
fn ticks(ui: &mut Ui, state: &mut State, found: &Inspection) {
    let mut columns = of_zeros_and_ones(found);
    let others = found.label_column_names.iter();
    let others: Vec<String> = others
        .filter(|name| !columns.contains(name))
        .cloned()
        .collect();
    columns.extend(others);
    let Some(ticked) = &mut state.data.ticked else {
        return;
    };
    if columns.len() < 2 {
        widgets::note(
            ui,
            "Fewer than two columns hold nothing but 0 and 1. Each label needs a column of its own.",
        );
        return;
    }
    widgets::note(
        ui,
        "Columns with 1 where a row has the label and 0 where it hasn't",
    );
    ui.horizontal_wrapped(|ui| {
        for name in &columns {
            let mut on = ticked.contains(name);
            if ui.checkbox(&mut on, name).changed() {
                match on {
                    true => ticked.push(name.clone()),
                    false => ticked.retain(|ticked| ticked != name),
                }
            }
        }
    });
    // In the order of the data, however they were ticked.
    ticked.sort_by_key(|name| columns.iter().position(|column| column == name));
    let new = *ticked != found.label_column_names && ticked.len() > 1;
    let button = egui::Button::new("Use these columns");
    if ui.add_enabled(new, button).clicked() {
        state.take_ticked();
    }
}

//! The first rows of the data, and how often there is which label.

use egui::{Grid, Label, RichText, ScrollArea, Ui};
use tunesmith_protocol::{ColumnInfo, ColumnKind, Inspection, ProblemType};

use crate::columns::{items, role};
use crate::format::{count, label_text, percent, plural};
use crate::labels::words;
use crate::theme::{GAP, Palette};
use crate::widgets::{self, Bar};

/// Label counts beyond this number say nothing more.
const COUNTS: usize = 12;
/// The width of columns with text and of others, in points.
const WIDE: f32 = 330.0;
const NARROW: f32 = 120.0;

pub(crate) fn show(ui: &mut Ui, labels: Option<ProblemType>, found: &Inspection) {
    widgets::title(ui, "First rows of the data");
    rows(ui, found);
    counts(ui, labels, found);
}

fn rows(ui: &mut Ui, found: &Inspection) {
    let palette = Palette::of(ui);
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
                                let name = RichText::new(&column.name).strong();
                                ui.add(Label::new(name).extend());
                                let role = role(found, &column.name);
                                let color = match role {
                                    "unused" => palette.ink_soft,
                                    _ => palette.accent,
                                };
                                ui.label(RichText::new(role).size(12.5).color(color));
                            });
                        }
                        ui.end_row();
                        for row in &found.rows {
                            for (value, column) in row.iter().zip(&found.columns) {
                                cell(ui, value.as_deref(), column, role(found, &column.name));
                            }
                            ui.end_row();
                        }
                    });
            });
    });
}

fn cell(ui: &mut Ui, value: Option<&str>, column: &ColumnInfo, role: &str) {
    let palette = Palette::of(ui);
    let color = match role {
        "unused" => palette.ink_soft,
        _ => palette.ink,
    };
    let is_list = column.kind == ColumnKind::List;
    let is_wide = is_list || matches!(role, "text" | "second text");
    ui.vertical(|ui| {
        ui.set_max_width(if is_wide { WIDE } else { NARROW });
        match value.filter(|text| !is_list || !text.is_empty()) {
            Some(text) if is_list => {
                widgets::chips(ui, items(text).into_iter().map(|item| (item, color)));
            }
            Some(text) => {
                ui.add(Label::new(RichText::new(text).color(color)).wrap());
            }
            None => {
                ui.label(RichText::new("empty").italics().color(palette.ink_soft));
            }
        }
    });
}

fn counts(ui: &mut Ui, labels: Option<ProblemType>, found: &Inspection) {
    let counts = &found.label_counts;
    if counts.is_empty() {
        return;
    }
    let words = words(labels);
    ui.add_space(GAP / 2.0);
    widgets::title(ui, words.counts);
    let all = match (labels, found.splits.first()) {
        // There it's entities that are counted.
        (Some(ProblemType::Tokens), _) | (_, None) => counts.iter().map(|one| one.count).sum(),
        (_, Some(split)) => split.num_rows,
    };
    let most = counts.iter().map(|one| one.count).max().unwrap_or(1);
    let rows = counts.iter().take(COUNTS).map(|one| {
        let share = percent(one.count as f64 / all as f64, 0);
        Bar {
            name: label_text(&one.label),
            share: one.count as f64 / most as f64,
            figure: format!("{} ({share})", count(one.count)),
            quiet: false,
        }
    });
    widgets::bars(ui, "labels", rows);
    if counts.len() > COUNTS {
        let more = plural((counts.len() - COUNTS) as u64, words.more);
        widgets::note(ui, format!("and {more}"));
    }
}

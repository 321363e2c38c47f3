//! Where the model is right, the rows it got most wrong, and how runs compare.

use egui::{Align, Color32, CornerRadius, Grid, Label, RichText, Ui, vec2};
use tunesmith_protocol::{ClassReport, Metrics, ProblemType, Review, SavedRun, WrongRow};

use crate::format::{base_name, count, figure, label_text, percent, plural};
use crate::labels::{Words, words};
use crate::state::State;
use crate::theme::{GAP, Palette};
use crate::widgets;

/// Rows shown before a person asks for more.
const ROWS: usize = 5;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    match &state.trained {
        None => {
            widgets::note(
                ui,
                "When a run has ended, its errors on the validation rows are shown here.",
            );
        }
        Some(trained) => {
            widgets::note(ui, format!("Of {}.", trained.title));
        }
    }
    let can = state.trained.is_some() && !state.is_running() && !state.review.is_busy();
    if state.trained.is_some() && state.review.done().is_none() {
        let button = egui::Button::new("Look at the errors");
        if ui.add_enabled(can, button).clicked() {
            state.look();
        }
    }
    widgets::status(ui, &state.review);
    if let Some(review) = state.review.done() {
        draw(ui, review, &mut state.all_rows);
    }
    compare(ui, &state.saved);
}

fn draw(ui: &mut Ui, review: &Review, all_rows: &mut bool) {
    let words = words(Some(review.problem_type));
    let is_number = review.problem_type == ProblemType::Regression;
    let rows = plural(review.num_rows, &format!("{} row", review.split));
    ui.horizontal_wrapped(|ui| {
        if is_number {
            ui.label(format!("Measured on {rows}."));
            return;
        }
        let share = percent(review.num_right as f64 / review.num_rows as f64, 1);
        ui.label(RichText::new(share).size(24.0).strong());
        ui.label(format!("of {rows} {}", words.right));
    });
    let parts = if is_number { 1 } else { 2 };
    widgets::columns(ui, parts, 380.0, |ui, place| {
        widgets::card(ui, |ui| match place {
            0 if review.confusion.is_empty() => metrics(ui, &review.metrics),
            0 => confusion(ui, review),
            _ => {
                widgets::title(ui, words.report);
                report(ui, words, &review.per_class);
            }
        });
    });
    ui.add_space(GAP / 2.0);
    widgets::title(ui, "Most wrong");
    if review.most_wrong.is_empty() {
        widgets::note(ui, "The model got every row right.");
    }
    let shown = if *all_rows { usize::MAX } else { ROWS };
    for row in review.most_wrong.iter().take(shown) {
        wrong(ui, review.problem_type, row);
    }
    if review.most_wrong.len() > ROWS && !*all_rows {
        let more = plural((review.most_wrong.len() - ROWS) as u64, "more row");
        *all_rows = ui.button(format!("Show {more}")).clicked();
    }
}

fn confusion(ui: &mut Ui, review: &Review) {
    let palette = Palette::of(ui);
    widgets::title(ui, "Confusion matrix");
    widgets::note(ui, "Rows: the true class. Columns: what the model says.");
    Grid::new("confusion").spacing([6.0, 6.0]).show(ui, |ui| {
        ui.label("");
        for label in &review.labels {
            widgets::note(ui, label_text(label));
        }
        ui.end_row();
        for (i, row) in review.confusion.iter().enumerate() {
            widgets::note(ui, label_text(&review.labels[i]));
            let of_class: u64 = row.iter().sum();
            for (j, cell) in row.iter().enumerate() {
                let share = *cell as f64 / of_class.max(1) as f64;
                let heat = palette.series[usize::from(i != j)];
                confusion_cell(
                    ui,
                    *cell,
                    share,
                    mix(palette.sunk, heat, 0.55 * share as f32),
                );
            }
            ui.end_row();
        }
    });
}

fn confusion_cell(ui: &mut Ui, cell: u64, share: f64, fill: Color32) {
    let frame = egui::Frame::new()
        .fill(fill)
        .corner_radius(CornerRadius::same(6));
    frame.inner_margin(8.0).show(ui, |ui| {
        ui.allocate_ui_with_layout(
            vec2(84.0, 40.0),
            egui::Layout::top_down(Align::Center),
            |ui| {
                ui.set_min_size(vec2(84.0, 40.0));
                ui.spacing_mut().item_spacing.y = 0.0;
                ui.label(RichText::new(count(cell)).size(17.0).strong());
                ui.label(RichText::new(percent(share, 0)).size(12.5));
            },
        );
    });
}

fn mix(a: Color32, b: Color32, share: f32) -> Color32 {
    a.lerp_to_gamma(b, share)
}

/// The metrics over all rows, a line each.
fn metrics(ui: &mut Ui, metrics: &Metrics) {
    widgets::title(ui, "Metrics");
    let lines = Grid::new("metrics").striped(true).spacing([20.0, 6.0]);
    lines.show(ui, |ui| {
        for (name, value) in metrics.iter() {
            ui.label(label_text(name));
            ui.label(RichText::new(figure(value)).strong());
            ui.end_row();
        }
    });
}

/// Each class, label or type by itself.
pub(crate) fn report(ui: &mut Ui, words: &Words, classes: &[ClassReport]) {
    Grid::new("classes")
        .striped(true)
        .spacing([20.0, 6.0])
        .show(ui, |ui| {
            for head in [words.class, "precision", "recall", "F1", words.support] {
                widgets::note(ui, head);
            }
            ui.end_row();
            for class in classes {
                ui.label(label_text(&class.label));
                for value in [class.precision, class.recall, class.f1] {
                    ui.label(format!("{value:.3}"));
                }
                ui.label(count(class.support));
                ui.end_row();
            }
        });
}

fn wrong(ui: &mut Ui, labels: ProblemType, row: &WrongRow) {
    let palette = Palette::of(ui);
    let name = |label: &str| match labels {
        // There the label has words of the text in it.
        ProblemType::Tokens => label.to_owned(),
        _ => label_text(label),
    };
    widgets::card(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            for (word, label, color) in [
                ("Labelled", &row.label, palette.accent),
                ("predicted", &row.predicted, palette.bad),
            ] {
                ui.label(word);
                ui.label(RichText::new(name(label)).strong().color(color));
            }
            let mut about = format!("row {}", count(row.row));
            if row.score.is_finite() {
                about += &format!(", true class given {}", percent(row.score, 1));
            }
            if row.loss.is_finite() {
                about += &format!(", loss {}", figure(row.loss));
            }
            widgets::note(ui, about);
        });
        ui.add(Label::new(&row.text).wrap());
        if let Some(pair) = &row.text_pair {
            ui.add(Label::new(pair).wrap());
        }
    });
}

/// The runs that were kept, beside each other.
fn compare(ui: &mut Ui, saved: &[SavedRun]) {
    let runs: Vec<&SavedRun> = saved.iter().filter(|run| !run.results.is_empty()).collect();
    if runs.is_empty() {
        return;
    }
    ui.add_space(GAP);
    widgets::title(ui, "Runs beside each other");
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in runs.iter().flat_map(|run| run.results.iter()) {
        let told = name == "train_loss" || name.starts_with("eval_");
        let speed =
            name.ends_with("runtime") || name.ends_with("_second") || name.ends_with("samples");
        if told && !speed && !names.contains(&name) {
            names.push(name);
        }
    }
    widgets::card(ui, |ui| {
        let area = egui::ScrollArea::horizontal().id_salt("runs");
        area.show(ui, |ui| {
            Grid::new("runs")
                .striped(true)
                .spacing([24.0, 6.0])
                .show(ui, |ui| {
                    for head in ["run", "model", "steps", "learning rate", "batch"] {
                        widgets::note(ui, head);
                    }
                    for name in &names {
                        widgets::note(ui, label_text(name.trim_start_matches("eval_")));
                    }
                    ui.end_row();
                    for run in runs {
                        ui.label(base_name(&run.output_dir))
                            .on_hover_text(&run.output_dir);
                        let config = run.config.as_ref();
                        let model =
                            config.map_or("", |config| base_name(&config.model.model_name_or_path));
                        ui.label(model);
                        ui.label(count(run.last_step));
                        let training = config.map(|config| &config.training);
                        ui.label(
                            training.map_or_else(String::new, |training| {
                                figure(training.learning_rate)
                            }),
                        );
                        let batch = |training: &tunesmith_protocol::TrainingArguments| {
                            training.per_device_train_batch_size
                                * training.gradient_accumulation_steps
                        };
                        ui.label(
                            training
                                .map_or_else(String::new, |training| batch(training).to_string()),
                        );
                        for name in &names {
                            ui.label(run.results.get(name).map_or_else(String::new, figure));
                        }
                        ui.end_row();
                    }
                });
        });
    });
}

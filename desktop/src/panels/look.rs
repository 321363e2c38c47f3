//! Where the model is right, the rows it got most wrong, and how runs compare.

use std::cmp::Reverse;

use egui::{Align, Color32, CornerRadius, Grid, Label, RichText, Role, Ui, WidgetInfo, vec2};
use tunesmith_protocol::{ClassReport, Metrics, ProblemType, Review, SavedRun, WrongRow};

use crate::format::{base_name, count, figure, label_text, percent, plural};
use crate::labels::{Words, words};
use crate::plot::{self, Point};
use crate::state::State;
use crate::theme::{GAP, Palette};
use crate::widgets;

/// Rows shown before a person asks for more.
const ROWS: usize = 5;

/// Classes of a matrix that can be read.
const CLASSES: usize = 20;

/// Pairs of classes that are listed.
const MISTAKES: usize = 8;

/// What helps a model that learned nothing; the page's `look.ts` says the same.
const TO_TRY: &str = "To try: more epochs, another learning rate, a pretrained model from Hugging Face in \
                      place of the built-in one, or more rows. Check that the labels follow from the text.";

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
        let button = egui::Button::new("Show the errors");
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
    baseline(ui, review);
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
    if !review.numbers.is_empty() {
        numbers(ui, &review.numbers);
    }
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

/// What was predicted of numbers, row by row.
fn numbers(ui: &mut Ui, numbers: &[[f64; 2]]) {
    let off = |[is, said]: &[f64; 2]| [*is, said - is];
    let residuals: Vec<Point> = numbers.iter().map(off).collect();
    widgets::columns(ui, 2, 340.0, |ui, place| {
        widgets::card(ui, |ui| match place {
            0 => plot::scatter(
                ui,
                "Predicted against true",
                ["true", "predicted"],
                numbers,
                1.0,
            ),
            _ => plot::scatter(
                ui,
                "Residuals",
                ["true", "predicted − true"],
                &residuals,
                0.0,
            ),
        });
    });
}

/// What always giving the most frequent class would get right, and what to try where the model is no better.
fn baseline(ui: &mut Ui, review: &Review) {
    let Some((label, share)) = review.most_frequent() else {
        return;
    };
    let (label, share) = (label_text(label), percent(share, 1));
    if review.is_no_better() {
        let head = format!("No better than always answering {label} ({share})");
        widgets::notice(ui, &head, TO_TRY, |_| ());
    } else {
        widgets::note(
            ui,
            format!("Always answering {label} would be right for {share}."),
        );
    }
}

/// The classes of a matrix, or of a large one those with the most rows in the wrong place.
fn shown_classes(review: &Review) -> Vec<usize> {
    let rows = &review.confusion;
    let mut all: Vec<usize> = (0..rows.len()).collect();
    if all.len() > CLASSES {
        let wrong = |class: usize| -> u64 {
            let of_class: u64 = rows[class].iter().sum();
            let as_class: u64 = rows.iter().map(|row| row[class]).sum();
            of_class + as_class - 2 * rows[class][class]
        };
        all.sort_by_key(|class| Reverse(wrong(*class)));
        all.truncate(CLASSES);
    }
    all
}

/// Which class was most often taken for which.
fn mistakes(ui: &mut Ui, review: &Review) {
    let rows = review.confusion.iter().enumerate();
    let cells =
        rows.flat_map(|(i, row)| row.iter().enumerate().map(move |(j, rows)| (i, j, *rows)));
    let mut found: Vec<_> = cells.filter(|(i, j, rows)| i != j && *rows > 0).collect();
    if found.is_empty() || review.labels.len() <= 2 {
        return;
    }
    found.sort_by_key(|(.., rows)| Reverse(*rows));
    widgets::title(ui, "Most confused");
    for (i, j, rows) in found.into_iter().take(MISTAKES) {
        let [is, said] = [i, j].map(|class| label_text(&review.labels[class]));
        let rows = plural(rows, "row");
        ui.label(format!("Labelled {is}, predicted {said}: {rows}"));
    }
    ui.add_space(GAP / 2.0);
}

fn confusion(ui: &mut Ui, review: &Review) {
    let palette = Palette::of(ui);
    mistakes(ui, review);
    widgets::title(ui, "Confusion matrix");
    let shown = shown_classes(review);
    if shown.len() < review.labels.len() {
        let text = format!(
            "The {CLASSES} classes with the most mistakes, of {}.",
            review.labels.len()
        );
        widgets::note(ui, text);
    }
    widgets::note(ui, "Rows: the true class. Columns: what the model says.");
    let area = egui::ScrollArea::both()
        .id_salt("confusion")
        .max_height(520.0);
    area.show(ui, |ui| {
        Grid::new("confusion").spacing([6.0, 6.0]).show(ui, |ui| {
            ui.label("");
            for j in &shown {
                widgets::note(ui, label_text(&review.labels[*j]));
            }
            ui.end_row();
            for i in &shown {
                let row = &review.confusion[*i];
                widgets::note(ui, label_text(&review.labels[*i]));
                let of_class: u64 = row.iter().sum();
                for j in &shown {
                    let share = row[*j] as f64 / of_class.max(1) as f64;
                    let heat = palette.series[usize::from(i != j)];
                    let fill = mix(palette.sunk, heat, 0.55 * share as f32);
                    confusion_cell(ui, row[*j], share, fill);
                }
                ui.end_row();
            }
        });
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

/// Each class, label or type by itself; a press on a column's head sorts by it.
pub(crate) fn report(ui: &mut Ui, words: &Words, classes: &[ClassReport]) {
    let id = ui.scope_id().with("sorted by");
    let mut sorted: Option<(usize, bool)> = ui.data(|data| data.get_temp(id));
    let mut rows: Vec<&ClassReport> = classes.iter().collect();
    if let Some((column, up)) = sorted {
        rows.sort_by(|a, b| match column {
            0 => a.label.cmp(&b.label),
            4 => a.support.cmp(&b.support),
            _ => figures(a)[column - 1].total_cmp(&figures(b)[column - 1]),
        });
        if !up {
            rows.reverse();
        }
    }
    let area = egui::ScrollArea::vertical()
        .id_salt("classes")
        .max_height(520.0);
    area.show(ui, |ui| {
        Grid::new("classes")
            .striped(true)
            .spacing([20.0, 6.0])
            .show(ui, |ui| {
                let heads = [words.class, "precision", "recall", "F1", words.support];
                for (column, head) in heads.into_iter().enumerate() {
                    let palette = Palette::of(ui);
                    let is_sorted = sorted.filter(|(by, _)| *by == column);
                    let (color, order) = match is_sorted {
                        Some((_, true)) => (palette.accent, ", rising"),
                        Some((_, false)) => (palette.accent, ", falling"),
                        None => (palette.ink_soft, ""),
                    };
                    let text = RichText::new(head).color(color);
                    let button = ui.add(egui::Button::new(text).frame(false));
                    button.widget_info(|| {
                        WidgetInfo::labeled(Role::Button, true, format!("Sort by {head}{order}"))
                    });
                    if button.clicked() {
                        // The weakest first: that is what one looks for.
                        sorted = Some((column, sorted != Some((column, true))));
                    }
                }
                ui.end_row();
                for class in rows {
                    ui.label(label_text(&class.label));
                    for value in figures(class) {
                        ui.label(format!("{value:.3}"));
                    }
                    ui.label(count(class.support));
                    ui.end_row();
                }
            });
    });
    if let Some(sorted) = sorted {
        ui.data_mut(|data| data.insert_temp(id, sorted));
    }
}

fn figures(class: &ClassReport) -> [f64; 3] {
    [class.precision, class.recall, class.f1]
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

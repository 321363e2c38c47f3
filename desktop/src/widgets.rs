//! Parts that several panels are made of.

use egui::{
    Align, Button, Color32, CornerRadius, Frame, Grid, Layout, Margin, Response, RichText, Role,
    Sense, Stroke, Ui, WidgetInfo, vec2,
};

use crate::format::percent;
use crate::state::Work;
use crate::theme::Palette;

/// A panel's part that stands by itself.
pub(crate) fn card<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let palette = Palette::of(ui);
    framed(ui, palette.card, palette.line, add)
}

/// What is let into a card.
pub(crate) fn sunk<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    let palette = Palette::of(ui);
    framed(ui, palette.sunk, palette.sunk, add)
}

fn framed<R>(ui: &mut Ui, fill: Color32, line: Color32, add: impl FnOnce(&mut Ui) -> R) -> R {
    Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(10))
        .inner_margin(Margin::symmetric(16, 14))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            add(ui)
        })
        .inner
}

/// A heading inside a panel.
pub(crate) fn title(ui: &mut Ui, text: &str) {
    let label = ui.label(RichText::new(text).size(16.0).strong());
    label.widget_info(|| WidgetInfo::labeled(Role::Heading, true, text));
}

/// Words of less weight.
pub(crate) fn note(ui: &mut Ui, text: impl Into<String>) -> Response {
    let color = Palette::of(ui).ink_soft;
    ui.label(RichText::new(text).size(13.5).color(color))
}

/// What went wrong.
pub(crate) fn error(ui: &mut Ui, text: &str) {
    let palette = Palette::of(ui);
    framed(ui, palette.bad_wash, palette.bad_wash, |ui| {
        let label = ui.label(RichText::new(text).color(palette.bad));
        label.widget_info(|| WidgetInfo::labeled(Role::Alert, true, text));
    });
}

/// What should be known.
pub(crate) fn notice<R>(ui: &mut Ui, head: &str, text: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let palette = Palette::of(ui);
    framed(ui, palette.note_wash, palette.note_line, |ui| {
        ui.label(RichText::new(head).strong());
        if !text.is_empty() {
            ui.label(text);
        }
        add(ui)
    })
}

/// What is in progress, or went wrong.
pub(crate) fn status<T>(ui: &mut Ui, work: &Work<T>) {
    match work {
        Work::Busy(_, text) => {
            note(ui, text.as_str());
        }
        Work::Failed(message) => error(ui, message),
        Work::Idle | Work::Done(_) => {}
    }
}

/// The button that a panel is about.
pub(crate) fn primary(ui: &mut Ui, enabled: bool, text: &str) -> Response {
    let palette = Palette::of(ui);
    let text = match enabled {
        true => RichText::new(text).color(palette.on_accent).strong(),
        false => RichText::new(text),
    };
    let button = Button::new(text).min_size(vec2(110.0, 34.0));
    let button = match enabled {
        true => button.fill(palette.accent),
        false => button,
    };
    ui.add_enabled(enabled, button)
}

/// A button whose name for screen readers says more than its text.
pub(crate) fn named_button(ui: &mut Ui, enabled: bool, text: &str, name: &str) -> Response {
    let response = ui.add_enabled(enabled, Button::new(text));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    response
}

/// One of several ways: a radio button with an explanation, in a frame that can be clicked.
pub(crate) fn choice(ui: &mut Ui, chosen: bool, head: &str, text: &str) -> bool {
    let palette = Palette::of(ui);
    let (fill, line) = match chosen {
        true => (palette.accent_wash, palette.accent),
        false => (palette.card, palette.line_strong),
    };
    let enabled = ui.is_enabled();
    let frame = Frame::new()
        .fill(fill)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(CornerRadius::same(8))
        .inner_margin(Margin::symmetric(12, 10));
    let inner = frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.set_min_height(76.0);
        let radio = ui.radio(chosen, RichText::new(head).strong());
        note(ui, text);
        radio.clicked()
    });
    let rect = inner.response.rect;
    let area = ui.interact(rect, ui.next_auto_id().with(head), Sense::click());
    area.widget_info(|| WidgetInfo::labeled(Role::GenericContainer, enabled, ""));
    (inner.inner || area.clicked()) && enabled
}

/// As many columns as fit, each at least so wide.
pub(crate) fn columns(ui: &mut Ui, count: usize, least: f32, mut add: impl FnMut(&mut Ui, usize)) {
    let space = ui.spacing().item_spacing.x;
    let fit = ((ui.available_width() + space) / (least + space)).floor() as usize;
    let fit = fit.clamp(1, count.max(1));
    let width = (ui.available_width() + space) / fit as f32 - space;
    for row in 0..count.div_ceil(fit) {
        ui.horizontal_top(|ui| {
            for place in row * fit..count.min((row + 1) * fit) {
                ui.vertical(|ui| {
                    ui.set_width(width);
                    add(ui, place);
                });
            }
        });
    }
}

/// A name above a control, which is labelled by it.
pub(crate) fn field(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui) -> Response) -> Response {
    let inner = ui.vertical(|ui| {
        let label = ui.label(RichText::new(name).size(13.5));
        add(ui).labelled_by(label.id)
    });
    inner.inner
}

/// Numbers with their names above them, in a line that breaks.
pub(crate) fn facts(ui: &mut Ui, facts: &[(&str, String)]) {
    columns(ui, facts.len(), 130.0, |ui, place| {
        let (name, value) = &facts[place];
        ui.spacing_mut().item_spacing.y = 1.0;
        note(ui, *name);
        ui.label(RichText::new(value).size(17.0).strong());
    });
}

/// A name with a bar and a figure.
pub(crate) struct Bar {
    pub(crate) name: String,
    /// How much of it is full, 0 to 1.
    pub(crate) share: f64,
    pub(crate) figure: String,
    /// Whether it is one of those that don't count.
    pub(crate) quiet: bool,
}

/// Names with bars and figures: counts of labels, probabilities.
pub(crate) fn bars(ui: &mut Ui, id: &str, rows: impl IntoIterator<Item = Bar>) {
    let palette = Palette::of(ui);
    // Beside a name and a figure.
    let width = (ui.available_width() - 330.0).clamp(80.0, 420.0);
    Grid::new(id)
        .num_columns(3)
        .spacing([16.0, 6.0])
        .show(ui, |ui| {
            for row in rows {
                ui.label(row.name);
                let (rect, _) = ui.allocate_exact_size(vec2(width, 10.0), Sense::hover());
                let radius = CornerRadius::same(5);
                ui.painter().rect_filled(rect, radius, palette.line);
                let mut full = rect;
                let share = if row.share.is_finite() {
                    row.share.clamp(0.0, 1.0)
                } else {
                    0.0
                };
                full.set_width(rect.width() * share as f32);
                let color = match row.quiet {
                    true => palette.line_strong,
                    false => palette.accent,
                };
                ui.painter().rect_filled(full, radius, color);
                ui.label(row.figure);
                ui.end_row();
            }
        });
}

/// Short texts one after the other, each in a frame of its own.
pub(crate) fn chips<'a>(ui: &mut Ui, chips: impl IntoIterator<Item = (&'a str, Color32)>) {
    /// What a text has on its left and on its right.
    const MARGIN: i8 = 5;
    let palette = Palette::of(ui);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        // With the frame's lines.
        let margins = 2.0 * (f32::from(MARGIN) + 1.0);
        for (text, color) in chips {
            let font = egui::FontId::monospace(13.0);
            let most = ui.max_rect().width() - margins;
            let text = ui.painter().layout(text.to_owned(), font, color, most);
            // A frame takes what is left of a line, however little, and breaks its text to fit.
            if text.size().x + margins > ui.available_size_before_wrap().x {
                ui.end_row();
            }
            let chip = Frame::new().fill(palette.sunk).corner_radius(4.0);
            let chip = chip.stroke(Stroke::new(1.0, palette.line));
            chip.inner_margin(Margin::symmetric(MARGIN, 1))
                .show(ui, |ui| ui.label(text));
        }
    });
}

/// A bar for a run: how full, nothing where that isn't known.
pub(crate) fn run_bar(ui: &mut Ui, share: Option<f64>, height: f32) {
    let palette = Palette::of(ui);
    let size = vec2(ui.available_width(), height);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let radius = CornerRadius::same((height / 2.0) as u8);
    ui.painter().rect_filled(rect, radius, palette.line);
    let mut full = rect;
    full.set_width(rect.width() * share.unwrap_or(0.0) as f32);
    ui.painter().rect_filled(full, radius, palette.accent);
    let text = share.map_or_else(|| "not known yet".to_owned(), |share| percent(share, 0));
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::ProgressIndicator, true, "Steps taken");
        info.current_text_value = Some(text.clone());
        info
    });
}

/// From the right end of a line.
pub(crate) fn at_right<R>(ui: &mut Ui, add: impl FnOnce(&mut Ui) -> R) -> R {
    ui.with_layout(Layout::right_to_left(Align::Center), add)
        .inner
}

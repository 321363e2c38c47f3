//! The page's colours, as egui takes them; and its sizes.

use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Shadow, Stroke, TextStyle, Ui};

use crate::settings;

/// Space between parts of a panel, in points.
pub const GAP: f32 = 14.0;

/// The colours of one look.
#[derive(Debug, Clone, Copy)]
pub struct Palette {
    /// The window.
    pub paper: Color32,
    /// What lies on it.
    pub card: Color32,
    /// What is let into a card.
    pub sunk: Color32,
    /// Thin lines.
    pub line: Color32,
    /// Borders of what can be used.
    pub line_strong: Color32,
    /// Text.
    pub ink: Color32,
    /// Text of less weight.
    pub ink_soft: Color32,
    /// What is chosen, and what to press.
    pub accent: Color32,
    /// Behind what is chosen.
    pub accent_wash: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// Errors.
    pub bad: Color32,
    /// Behind errors.
    pub bad_wash: Color32,
    /// Behind notices.
    pub note_wash: Color32,
    /// Around notices.
    pub note_line: Color32,
    /// The lines of a plot, in order.
    pub series: [Color32; 4],
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const LIGHT: Palette = Palette {
    paper: rgb(0xf6_f5f1),
    card: rgb(0xff_ffff),
    sunk: rgb(0xf1_f0eb),
    line: rgb(0xde_dbd2),
    line_strong: rgb(0x8d_897d),
    ink: rgb(0x1d_2328),
    ink_soft: rgb(0x5a_6066),
    accent: rgb(0x0d_6b63),
    accent_wash: rgb(0xe3_f0ed),
    on_accent: rgb(0xff_ffff),
    bad: rgb(0xa9_2f26),
    bad_wash: rgb(0xfb_ebe8),
    note_wash: rgb(0xfb_f3dd),
    note_line: rgb(0xe3_c877),
    series: [
        rgb(0x0d_6b63),
        rgb(0xbd_5b12),
        rgb(0x5a_4fb0),
        rgb(0x8a_6d00),
    ],
};

const DARK: Palette = Palette {
    paper: rgb(0x14_171a),
    card: rgb(0x1c_2024),
    sunk: rgb(0x15_181b),
    line: rgb(0x31_373d),
    line_strong: rgb(0x72_7b84),
    ink: rgb(0xe8_eaeb),
    ink_soft: rgb(0xa3_abb2),
    accent: rgb(0x5f_c4b6),
    accent_wash: rgb(0x1b_3532),
    on_accent: rgb(0x07_211e),
    bad: rgb(0xf0_8c80),
    bad_wash: rgb(0x3a_211e),
    note_wash: rgb(0x32_2a16),
    note_line: rgb(0x66_5426),
    series: [
        rgb(0x5f_c4b6),
        rgb(0xf0_a060),
        rgb(0xa9_a0f0),
        rgb(0xd9_bf52),
    ],
};

impl Palette {
    /// The colours of what `ui` is drawn in.
    #[must_use]
    pub fn of(ui: &Ui) -> &'static Self {
        match ui.visuals().dark_mode {
            true => &DARK,
            false => &LIGHT,
        }
    }
}

/// Gives a context its looks, once.
pub fn install(ctx: &Context) {
    for (theme, palette) in [(egui::Theme::Light, &LIGHT), (egui::Theme::Dark, &DARK)] {
        ctx.style_mut_of(theme, |style| {
            let sizes = [
                (TextStyle::Small, 13.0, FontFamily::Proportional),
                (TextStyle::Body, 15.0, FontFamily::Proportional),
                (TextStyle::Button, 15.0, FontFamily::Proportional),
                (TextStyle::Monospace, 13.5, FontFamily::Monospace),
                (TextStyle::Heading, 24.0, FontFamily::Proportional),
            ];
            for (name, size, family) in sizes {
                style.text_styles.insert(name, FontId::new(size, family));
            }
            style.spacing.item_spacing = egui::vec2(8.0, 8.0);
            style.spacing.button_padding = egui::vec2(12.0, 6.0);
            style.spacing.interact_size.y = 30.0;
            style.interaction.selectable_labels = true;
            paint(&mut style.visuals, palette);
        });
    }
}

fn paint(visuals: &mut egui::Visuals, palette: &Palette) {
    visuals.panel_fill = palette.paper;
    visuals.window_fill = palette.card;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.window_shadow = Shadow::NONE;
    visuals.popup_shadow = Shadow::NONE;
    visuals.extreme_bg_color = palette.card;
    visuals.text_edit_bg_color = Some(palette.card);
    visuals.faint_bg_color = palette.sunk;
    visuals.code_bg_color = palette.sunk;
    visuals.hyperlink_color = palette.accent;
    visuals.warn_fg_color = palette.note_line;
    visuals.error_fg_color = palette.bad;
    visuals.weak_text_color = Some(palette.ink_soft);
    visuals.selection.bg_fill = palette.accent_wash;
    visuals.selection.stroke = Stroke::new(1.0, palette.accent);
    let radius = CornerRadius::same(7);
    let widgets = &mut visuals.widgets;
    for look in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        look.corner_radius = radius;
        look.fg_stroke = Stroke::new(1.0, palette.ink);
        look.bg_fill = palette.sunk;
        look.weak_bg_fill = palette.card;
        look.bg_stroke = Stroke::new(1.0, palette.line_strong);
        look.expansion = 0.0;
    }
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.line);
    for look in [&mut widgets.hovered, &mut widgets.active, &mut widgets.open] {
        look.bg_stroke = Stroke::new(1.0, palette.accent);
    }
    widgets.active.weak_bg_fill = palette.accent_wash;
    widgets.open.weak_bg_fill = palette.accent_wash;
}

/// Follows the system, or what the person picked instead.
pub(crate) fn follow(ctx: &Context, theme: settings::Theme) {
    let wanted = match theme {
        settings::Theme::System => egui::ThemePreference::System,
        settings::Theme::Light => egui::ThemePreference::Light,
        settings::Theme::Dark => egui::ThemePreference::Dark,
    };
    if ctx.options(|options| options.theme_preference) != wanted {
        ctx.set_theme(wanted);
    }
}

//! The frame around the panels: the steps, the device, notices, and what is asked on closing.

use egui::{
    CentralPanel, ComboBox, Frame, Id, Margin, Modal, RichText, Role, ScrollArea, Ui,
    ViewportCommand, WidgetInfo,
};
use tunesmith_protocol::{Command, RunState};

use crate::format::{base_name, bytes, count};
use crate::panels;
use crate::settings::{DevicePick, Theme};
use crate::state::{Closing, Panel, State};
use crate::theme::{self, GAP, Palette};
use crate::widgets;

/// Below this width the steps lie above the panel instead of beside it, in points.
const NARROW: f32 = 760.0;
/// What the preferences need, in points.
const PREFERENCES: f32 = 126.0;
/// Lines that are longer than this are hard to read, in points.
const WIDEST: f32 = 1020.0;

/// Draws the window into all of `ui`.
pub fn show(ui: &mut Ui, state: &mut State) {
    theme::follow(ui.ctx(), state.settings.theme);
    close(ui, state);
    take_drops(ui, state);
    let palette = Palette::of(ui);
    let bar = Frame::new()
        .fill(palette.card)
        .inner_margin(Margin::same(14));
    if ui.available_width() < NARROW {
        egui::Panel::top("steps").frame(bar).show(ui, |ui| {
            ui.horizontal_wrapped(|ui| steps(ui, state, 0.0));
            ui.horizontal_wrapped(|ui| preferences(ui, state, 124.0));
        });
    } else {
        egui::Panel::left("steps")
            .frame(bar)
            .exact_size(200.0)
            .resizable(false)
            .show(ui, |ui| {
                ui.label(RichText::new("Tunesmith").size(22.0).strong());
                ui.add_space(GAP);
                steps(ui, state, ui.available_width());
                // At the bottom, and behind the steps for the keyboard.
                ui.add_space((ui.available_height() - PREFERENCES).max(GAP));
                preferences(ui, state, 166.0);
            });
    }
    if state.is_running() && state.panel != Panel::Train {
        let bar = bar.inner_margin(Margin::symmetric(18, 10));
        egui::Panel::bottom("running")
            .frame(bar)
            .show(ui, |ui| running(ui, state));
    }
    let frame = Frame::new().fill(palette.paper);
    CentralPanel::no_frame().frame(frame).show(ui, |ui| {
        ScrollArea::vertical()
            .id_salt(state.panel.name())
            .auto_shrink(false)
            .show(ui, |ui| {
                Frame::new().inner_margin(Margin::same(24)).show(ui, |ui| {
                    ui.set_max_width(ui.available_width().min(WIDEST));
                    panel(ui, state);
                });
            });
    });
}

fn panel(ui: &mut Ui, state: &mut State) {
    let panel = state.panel;
    let heading = ui.heading(RichText::new(panel.name()).strong());
    heading.widget_info(|| WidgetInfo::labeled(Role::Heading, true, panel.name()));
    widgets::note(ui, panel.lead());
    ui.add_space(GAP / 2.0);
    notices(ui, state);
    match panel {
        Panel::Data => panels::gather::show(ui, state),
        Panel::Model => panels::choose::show(ui, state),
        Panel::Train => panels::train::show(ui, state),
        Panel::Results => panels::look::show(ui, state),
        Panel::Try => panels::ask::show(ui, state),
        Panel::Export => panels::keep::show(ui, state),
    }
    next(ui, state);
}

/// The way on to the next panel; where something is missing, it says what.
fn next(ui: &mut Ui, state: &mut State) {
    let Some(next) = state.panel.next() else {
        return;
    };
    ui.add_space(GAP);
    let missing = state.missing_for(state.panel);
    ui.horizontal_wrapped(|ui| {
        let button = egui::Button::new(format!("Next: {}", next.name()));
        if ui.add_enabled(missing.is_none(), button).clicked() {
            state.panel = next;
        }
        if let Some(missing) = missing {
            widgets::note(ui, missing);
        }
    });
}

/// The way to the panels, with a mark at those that are done.
fn steps(ui: &mut Ui, state: &mut State, width: f32) {
    let palette = Palette::of(ui);
    let width = egui::vec2(width, 34.0);
    for (place, panel) in Panel::ALL.into_iter().enumerate() {
        let done = match panel {
            Panel::Data => state.data.inspection.done().is_some(),
            Panel::Model => state.model.folder.done().is_some(),
            Panel::Train => state.trained.is_some(),
            Panel::Results => state.review.done().is_some(),
            Panel::Try => state.prediction.done().is_some(),
            Panel::Export => false,
        };
        let chosen = state.panel == panel;
        let text = RichText::new(format!("{}  {}", place + 1, panel.name())).size(16.0);
        let button = ui.add(egui::Button::selectable(chosen, text).min_size(width));
        button.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, panel.name()));
        // Beside the name; above the panel there is no room for it.
        if done && width.x > 0.0 {
            let place = button.rect.right_center() - egui::vec2(12.0, 0.0);
            ui.painter().circle_filled(place, 3.5, palette.accent);
        }
        if button.clicked() {
            state.panel = panel;
        }
    }
}

/// Where to compute, and the looks; `width` is that of a list, in points.
fn preferences(ui: &mut Ui, state: &mut State, width: f32) {
    let running = state.is_running();
    let label = widgets::note(ui, "Compute on");
    let mut pick = state.settings.device.clone();
    ui.add_enabled_ui(!running, |ui| {
        let combo = ComboBox::from_id_salt("device")
            .width(width)
            .truncate()
            .selected_text(device_name(&pick))
            .show_ui(ui, |ui| devices(ui, state, &mut pick));
        combo.response.labelled_by(label.id);
    });
    if pick != state.settings.device {
        state.pick_device(pick);
    }
    let label = widgets::note(ui, "Looks");
    let name = |theme: Theme| match theme {
        Theme::System => "As the system",
        Theme::Light => "Light",
        Theme::Dark => "Dark",
    };
    let combo = ComboBox::from_id_salt("looks")
        .width(width)
        .selected_text(name(state.settings.theme))
        .show_ui(ui, |ui| {
            for theme in [Theme::System, Theme::Light, Theme::Dark] {
                ui.selectable_value(&mut state.settings.theme, theme, name(theme));
            }
        });
    combo.response.labelled_by(label.id);
}

fn device_name(pick: &DevicePick) -> String {
    match pick {
        DevicePick::Auto => "Automatic".to_owned(),
        DevicePick::AllGpus => "All GPUs".to_owned(),
        DevicePick::Cpu => "CPU".to_owned(),
        DevicePick::Adapter { name, .. } => name.clone(),
    }
}

fn devices(ui: &mut Ui, state: &State, pick: &mut DevicePick) {
    let auto = ui.selectable_value(pick, DevicePick::Auto, "Automatic");
    auto.on_hover_text("A GPU where there is one, else the CPU.");
    if state.gpus() > 1 {
        let all = ui.selectable_value(pick, DevicePick::AllGpus, "All GPUs");
        all.on_hover_text(
            "Trains on all of them at once. A step has as many batches as there are GPUs.",
        );
    }
    ui.selectable_value(pick, DevicePick::Cpu, "CPU");
    for adapter in &state.adapters {
        let software = adapter.kind == tunesmith_protocol::DeviceKind::SoftwareGpu;
        let this = DevicePick::Adapter {
            name: adapter.name.clone(),
            backend: adapter.backend.clone(),
            software,
        };
        let kind = if software {
            ", computes on the CPU"
        } else {
            ""
        };
        let line = format!("{} ({}{kind})", adapter.name, adapter.backend);
        let limits = format!(
            "The largest tensor it can bind: {}. The largest buffer: {}.",
            bytes(adapter.max_binding_bytes),
            bytes(adapter.max_buffer_bytes)
        );
        ui.selectable_value(pick, this, line).on_hover_text(limits);
    }
    if let DevicePick::Adapter { name, .. } = pick
        && !state.adapters.iter().any(|adapter| adapter.name == *name)
    {
        widgets::note(ui, format!("{name} is not here now."));
    }
}

/// What should be known before anything else, and runs to go on with.
fn notices(ui: &mut Ui, state: &mut State) {
    if state.is_running() {
        return;
    }
    if state.panel == Panel::Model && !state.adapters.is_empty() && !state.has_gpu() {
        let name = &state.adapters[0].name;
        let text = format!(
            "{name} computes on the processor, many times slower than a GPU. Automatic uses the processor \
             directly, which is quicker. If this computer has a GPU, its driver may be missing."
        );
        widgets::notice(
            ui,
            "No GPU found: training uses the processor",
            &text,
            |_| (),
        );
    }
    let can_go_on = |panel| matches!(panel, Panel::Data | Panel::Train);
    let unfinished = state
        .saved
        .iter()
        .find(|run| !run.finished && !run.in_use && run.config.is_some());
    let own = state
        .run
        .as_ref()
        .map(|run| &run.config.training.output_dir);
    let Some(run) = unfinished
        .filter(|run| can_go_on(state.panel) && own != Some(&run.output_dir))
        .cloned()
    else {
        return;
    };
    let whole = run
        .total_steps
        .map_or_else(String::new, |total| format!(" of {}", count(total)));
    let name = base_name(&run.output_dir);
    let text = format!("{name} was kept at step {}{whole}.", count(run.last_step));
    let pressed = widgets::notice(ui, "A run can go on", &text, |ui| {
        widgets::named_button(ui, true, "Continue", &format!("Continue {name}")).clicked()
    });
    if pressed {
        state.go_on(run.config.unwrap_or_default(), &run.output_dir);
    }
}

/// The run, while another panel is looked at.
fn running(ui: &mut Ui, state: &mut State) {
    let Some(run) = &state.run else {
        return;
    };
    let (text, share) = (panels::train::describe(run), panels::train::share(run));
    let paused = run.paused;
    ui.horizontal(|ui| {
        ui.label(text);
        widgets::at_right(ui, |ui| {
            if ui.button("Save and stop").clicked() {
                state.steer(Command::StopAndSave);
            }
            let (name, command) = match paused {
                true => ("Resume", Command::Resume),
                false => ("Pause", Command::Pause),
            };
            if ui.button(name).clicked() {
                state.steer(command);
            }
            widgets::run_bar(ui, share, 8.0);
        });
    });
}

/// Files that were dropped on the window.
fn take_drops(ui: &Ui, state: &mut State) {
    let paths: Vec<String> = ui.input(|input| {
        let files = input.raw.dropped_files.iter();
        files
            .map(|file| file.path().display().to_string())
            .collect()
    });
    if paths.is_empty() || state.is_running() {
        return;
    }
    state.panel = Panel::Data;
    let (validation, train): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| {
        let name = base_name(path).to_lowercase();
        ["valid", "dev", "eval"]
            .iter()
            .any(|word| name.contains(word))
    });
    let train = train.into_iter().next();
    state.take_files(train, validation.into_iter().next());
}

/// What was to be saved on closing could not be: the window stays and says so.
fn not_saved(ctx: &egui::Context, state: &mut State) {
    let message = state.run.as_ref().and_then(|run| run.view.message.clone());
    let kept = state
        .run
        .as_ref()
        .and_then(|run| run.view.last_checkpoint.clone());
    Modal::new(Id::unique("not saved")).show(ctx, |ui| {
        ui.set_max_width(420.0);
        widgets::title(ui, "The run could not be saved");
        widgets::error(ui, &message.unwrap_or_default());
        ui.label(match &kept {
            Some(path) => format!("The run can be continued from {}.", base_name(path)),
            None => "No earlier checkpoint is there.".to_owned(),
        });
        ui.add_space(GAP / 2.0);
        ui.horizontal_wrapped(|ui| {
            if widgets::primary(ui, true, "Stay here").clicked() {
                state.closing = Closing::No;
                state.panel = Panel::Train;
            }
            if ui.button("Close all the same").clicked() {
                state.closing = Closing::Now;
            }
        });
    });
}

/// Closing during a run asks first.
fn close(ui: &Ui, state: &mut State) {
    let ctx = ui.ctx().clone();
    if ctx.input(|input| input.viewport().close_requested()) && !state.may_close() {
        ctx.send_viewport_cmd(ViewportCommand::CancelClose);
    }
    if state.wants_to_close() {
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
    if state.closing == Closing::Failed {
        not_saved(&ctx, state);
    }
    if !matches!(state.closing, Closing::Asking | Closing::AfterRun) {
        return;
    }
    let begun = state
        .run
        .as_ref()
        .is_some_and(|run| run.view.state == RunState::Training);
    Modal::new(Id::unique("closing")).show(&ctx, |ui| {
        ui.set_max_width(420.0);
        widgets::title(ui, "A run is going");
        if state.closing == Closing::AfterRun {
            ui.label("Finishing the step and writing a checkpoint …");
            return;
        }
        ui.label(if begun {
            "A checkpoint can be written first. The run goes on from it at the next start, as if it had not \
             been interrupted."
        } else {
            "It has taken no step yet, so there is nothing to keep."
        });
        ui.add_space(GAP / 2.0);
        ui.horizontal_wrapped(|ui| {
            if begun && widgets::primary(ui, true, "Save and close").clicked() {
                state.save_and_close();
            }
            if ui.button("Close without saving").clicked() {
                state.closing = Closing::Now;
            }
            if ui.button("Go on training").clicked() {
                state.closing = Closing::No;
            }
        });
    });
}

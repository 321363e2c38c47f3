//! The run as it goes, and the buttons that steer it.

use egui::{CollapsingHeader, Grid, RichText, Role, Slider, Ui, WidgetInfo};
use tunesmith_protocol::{Command, RunState, RunView};

use crate::format::{bytes, count, duration, figure, plural};
use crate::labels::words;
use crate::panels::look::report;
use crate::plot::{self, Curve, Look, Point, smooth};
use crate::state::{Run, State, Work};
use crate::theme::{GAP, Palette};
use crate::widgets;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    buttons(ui, state);
    let can_go_on = state.can_go_on();
    let Some(run) = &state.run else {
        return;
    };
    ui.add_space(GAP / 2.0);
    let text = describe(run);
    let label = ui.label(RichText::new(&text).strong().size(16.0));
    label.widget_info(|| WidgetInfo::labeled(Role::Status, true, &text));
    widgets::run_bar(ui, share(run), 10.0);
    widgets::facts(ui, &figures(run));
    let view = &run.view;
    let failed = matches!(view.state, RunState::Failed | RunState::DeviceLost)
        && !(run.stopped && view.run.is_none());
    if let Some(message) = view.message.as_ref().filter(|_| failed) {
        widgets::error(ui, message);
    }
    if can_go_on {
        let (config, folder) = (run.config.clone(), run.config.training.output_dir.clone());
        if ui.button("Continue from the last checkpoint").clicked() {
            state.go_on(config, &folder);
            return;
        }
    }
    if view
        .run
        .as_ref()
        .is_some_and(|run| !run.new_parameters.is_empty())
    {
        widgets::note(
            ui,
            "The answer layer starts from scratch; this run trains it.",
        );
    }
    for warning in &view.warnings {
        widgets::notice(ui, warning, "", |_| ());
    }
    ui.add_space(GAP / 2.0);
    let evaluates = run.config.training.evaluates();
    plots(ui, view, evaluates, &mut state.settings.smoothing);
    evaluations(ui, view);
}

fn buttons(ui: &mut Ui, state: &mut State) {
    let Some(run) = state.run.as_ref().filter(|run| run.going) else {
        let missing = state.missing();
        let ready = missing.is_none() && matches!(state.plan, Some(Ok(_)));
        ui.horizontal_wrapped(|ui| {
            if widgets::primary(ui, ready, "Train").clicked() {
                state.train();
            }
            if let Some(missing) = missing {
                widgets::note(ui, missing);
            }
        });
        if let (Work::Failed(message), Some(Err(_))) = (&state.estimate, &state.plan) {
            widgets::error(ui, message);
        }
        return;
    };
    let pause = match run.paused {
        true => ("Resume", Command::Resume),
        false => ("Pause", Command::Pause),
    };
    let stop = match kept_step(&run.view) {
        Some(step) => format!("Stop (back to step {})", count(step)),
        None => "Stop".to_owned(),
    };
    // What was told to stop does nothing else.
    let can = !run.stopped;
    ui.horizontal_wrapped(|ui| {
        for (name, command) in [
            pause,
            (&stop, Command::Stop),
            ("Save and stop", Command::StopAndSave),
        ] {
            if ui.add_enabled(can, egui::Button::new(name)).clicked() {
                state.steer(command);
            }
        }
    });
}

/// The step of the last checkpoint, from which a run that is stopped goes on.
fn kept_step(view: &RunView) -> Option<u64> {
    let (_, step) = view
        .last_checkpoint
        .as_deref()?
        .rsplit_once("checkpoint-")?;
    step.parse().ok()
}

/// The state of a run in a line.
pub(crate) fn describe(run: &Run) -> String {
    let view = &run.view;
    if run.paused {
        return "Paused".to_owned();
    }
    if run.stopped && run.going {
        return match (view.state, &view.step) {
            (RunState::Training, Some(step)) => {
                format!("Stopping after step {} …", count(step.step + 1))
            }
            _ => "Stopping …".to_owned(),
        };
    }
    if run.stopped && view.run.is_none() {
        return "Stopped before the first step".to_owned();
    }
    if let Some(progress) = view.progress.as_ref().filter(|_| run.going) {
        let mut stage = progress.stage.clone();
        if let Some(first) = stage.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        return format!(
            "{stage}: {} of {}",
            count(progress.done),
            count(progress.total)
        );
    }
    match view.state {
        RunState::Idle | RunState::Preparing => {
            let mut downloads = view.downloads.iter();
            let loading = downloads.find(|file| file.total.is_none_or(|total| file.loaded < total));
            let Some(loading) = loading else {
                return "Preparing the model and the data".to_owned();
            };
            let whole = loading
                .total
                .map_or_else(String::new, |total| format!(" of {}", bytes(total)));
            format!(
                "Downloading {}: {}{whole}",
                loading.file,
                bytes(loading.loaded)
            )
        }
        RunState::Training => {
            let Some(started) = &view.run else {
                return "Training".to_owned();
            };
            let epoch = view.step.as_ref().map_or_else(String::new, |step| {
                let [now, all] = [step.epoch.ceil(), started.num_epochs].map(figure);
                format!(", epoch {now} of {all}")
            });
            format!("Training on {}{epoch}", started.device.name)
        }
        RunState::Done => match &view.done {
            Some(done) if done.stopped => format!("Stopped after {}", plural(done.step, "step")),
            Some(done) => format!("Done in {}", duration(done.train_runtime)),
            None => "Done".to_owned(),
        },
        RunState::DeviceLost => "The device was lost".to_owned(),
        RunState::Failed => "The run failed".to_owned(),
    }
}

/// How full the run's bar is; nothing while that isn't known.
pub(crate) fn share(run: &Run) -> Option<f64> {
    let view = &run.view;
    if let Some(progress) = view
        .progress
        .as_ref()
        .filter(|_| view.state == RunState::Preparing)
    {
        return Some(progress.done as f64 / progress.total as f64);
    }
    view.fraction()
}

fn figures(run: &Run) -> Vec<(&'static str, String)> {
    let view = &run.view;
    let Some(started) = &view.run else {
        return Vec::new();
    };
    let resumed = started.resumed_from_step.unwrap_or(0);
    let step = view.step.as_ref().map_or(resumed, |step| step.step);
    let total = count(started.total_steps);
    let mut found = vec![("Step", format!("{} of {total}", count(step)))];
    if let Some(step) = &view.step {
        found.push(("Loss", figure(step.loss)));
        if step.samples_per_second > 0.0 {
            found.push((
                "Samples a second",
                format!("{:.1}", step.samples_per_second),
            ));
        }
        if let Some(seconds) = step.remaining_seconds.filter(|_| run.going) {
            found.push(("Time left", duration(seconds)));
        }
    }
    if run.device_bytes > 0 {
        found.push(("Device memory", bytes(run.device_bytes)));
    }
    found
}

fn plots(ui: &mut Ui, view: &RunView, evaluates: bool, smoothing: &mut f64) {
    let line = |of: fn(&tunesmith_protocol::LossPoint) -> f64| -> Vec<Point> {
        let points = view
            .losses
            .iter()
            .map(|point| [point.step as f64, of(point)]);
        points.filter(|[_, y]| y.is_finite()).collect()
    };
    let curve = |name: &str, points, look, colour| Curve {
        name: name.to_owned(),
        points,
        look,
        colour,
    };
    let losses = line(|point| point.loss);
    let norms = line(|point| point.grad_norm);
    let rates = line(|point| point.learning_rate);
    let evals = |of: &dyn Fn(&tunesmith_protocol::Eval) -> Option<f64>| -> Vec<Point> {
        let points = view
            .evals
            .iter()
            .filter_map(|eval| Some([eval.step as f64, of(eval)?]));
        points.filter(|[_, y]| y.is_finite()).collect()
    };
    let mut loss = vec![
        curve("each step", losses.clone(), Look::Raw, 0),
        curve("training", smooth(&losses, *smoothing), Look::Line, 0),
    ];
    let validation = evals(&|eval| Some(eval.loss));
    if !validation.is_empty() {
        loss.push(curve("validation", validation, Look::Dots, 1));
    }
    let mut names: Vec<&str> = Vec::new();
    for name in view
        .evals
        .iter()
        .flat_map(|eval| eval.metrics.iter().map(|(name, _)| name))
    {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let metrics: Vec<Curve> = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            curve(
                name,
                evals(&|eval| eval.metrics.get(name)),
                Look::Dots,
                place,
            )
        })
        .collect();
    let mut parts = [
        Some(("Loss", loss)),
        evaluates.then_some(("On the validation rows", metrics)),
    ];
    widgets::columns(ui, parts.iter().flatten().count(), 340.0, |ui, place| {
        if let Some((title, curves)) = parts[place].take() {
            widgets::card(ui, |ui| {
                let empty = match place {
                    0 => "The first steps draw the curve.",
                    _ => "The first evaluation draws the curve.",
                };
                plot::show(ui, title, empty, curves);
            });
        }
    });
    ui.horizontal(|ui| {
        let label = ui.label("Smoothing");
        // The rail has no outline of its own.
        let palette = Palette::of(ui);
        ui.visuals_mut().widgets.inactive.bg_fill = palette.line_strong;
        ui.visuals_mut().selection.bg_fill = palette.accent;
        ui.add(Slider::new(smoothing, 0.0..=0.99).trailing_fill(true))
            .labelled_by(label.id);
    });
    CollapsingHeader::new("Learning rate and gradient norm").show(ui, |ui| {
        let mut parts = [
            Some((
                "Learning rate",
                vec![curve("learning rate", rates, Look::Line, 0)],
            )),
            Some((
                "Gradient norm",
                vec![
                    curve("each step", norms.clone(), Look::Raw, 0),
                    curve("gradient norm", smooth(&norms, *smoothing), Look::Line, 0),
                ],
            )),
        ];
        widgets::columns(ui, parts.len(), 340.0, |ui, place| {
            if let Some((title, curves)) = parts[place].take() {
                widgets::card(ui, |ui| {
                    plot::show(ui, title, "The first steps draw the curve.", curves)
                });
            }
        });
    });
}

fn evaluations(ui: &mut Ui, view: &RunView) {
    let Some(last) = view.evals.last() else {
        return;
    };
    ui.add_space(GAP / 2.0);
    widgets::title(ui, "Evaluations");
    let names: Vec<&str> = last.metrics.iter().map(|(name, _)| name).collect();
    widgets::card(ui, |ui| {
        Grid::new("evaluations")
            .striped(true)
            .spacing([28.0, 6.0])
            .show(ui, |ui| {
                let color = Palette::of(ui).ink_soft;
                for head in ["epoch", "step", "loss"].iter().chain(&names) {
                    ui.label(RichText::new(*head).color(color));
                }
                ui.end_row();
                for eval in &view.evals {
                    for value in [eval.epoch, eval.step as f64, eval.loss] {
                        ui.label(figure(value));
                    }
                    for name in &names {
                        ui.label(figure(eval.metrics.get(name).unwrap_or(f64::NAN)));
                    }
                    ui.end_row();
                }
            });
    });
    if !last.per_class.is_empty() {
        let words = words(view.dataset.as_ref().map(|dataset| dataset.problem_type));
        CollapsingHeader::new(format!("{} at the last evaluation", words.report)).show(ui, |ui| {
            widgets::card(ui, |ui| report(ui, words, &last.per_class));
        });
    }
}

//! Which checkpoint, with which arguments, and what that will take.

use egui::{CollapsingHeader, ComboBox, Response, RichText, ScrollArea, TextEdit, Ui};
use tunesmith_protocol::{ARGUMENTS, Argument, ArgumentKind, HubRepo};

use crate::ask::{Ask, Fit, Found, Kind, Pick};
use crate::format::{base_name, bytes, count, duration, parameters};
use crate::settings::Source;
use crate::state::{ESSENTIALS, State, Way, Work, read, written};
use crate::theme::{GAP, Palette};
use crate::widgets;

const WAYS: [(Way, &str, &str); 3] = [
    (
        Way::Builtin,
        "Built-in model",
        "A tiny BERT that starts at once: for a first try, not for results.",
    ),
    (
        Way::Hub,
        "From Hugging Face",
        "A checkpoint of BERT, RoBERTa, DeBERTa or another encoder on huggingface.co, downloaded once.",
    ),
    (
        Way::Files,
        "Local files",
        "A folder with config.json, model.safetensors and the tokenizer.",
    ),
];

/// Checkpoints to begin with, and what is to be said of them.
const SUGGESTED: [(&str, &str); 3] = [
    ("sentence-transformers/all-MiniLM-L6-v2", "91 MB, quick"),
    ("google-bert/bert-base-uncased", "440 MB, better"),
    ("google/bert_uncased_L-2_H-128_A-2", "18 MB, very small"),
];

/// Arguments that are set elsewhere in the window.
const ELSEWHERE: [&str; 3] = ["device", "do_train", "resume_from_checkpoint"];

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.add_enabled_ui(!state.is_running(), |ui| {
        let mut picked = None;
        widgets::columns(ui, WAYS.len(), 210.0, |ui, place| {
            let (way, head, text) = WAYS[place];
            if widgets::choice(ui, state.model.way == Some(way), head, text) {
                picked = Some(way);
            }
        });
        match picked {
            Some(Way::Builtin) => state.choose_model(Source::Builtin),
            Some(way) if state.model.way != Some(way) => state.model_comes_by(way),
            _ => {}
        }
        match state.model.way {
            Some(Way::Hub) => hub(ui, state),
            Some(Way::Files) => files(ui, state),
            Some(Way::Builtin | Way::Pairs) | None => {}
        }
        match &state.model.folder {
            Work::Done(_) => {
                widgets::note(ui, format!("{} is ready.", state.model.title));
            }
            other => widgets::status(ui, other),
        }
        ui.add_space(GAP / 2.0);
        widgets::columns(ui, ESSENTIALS.len(), 150.0, |ui, place| {
            let (name, title) = ESSENTIALS[place];
            if let Some(argument) = Argument::named(name) {
                let help = argument.help;
                widgets::field(ui, title, |ui| control(ui, state, argument)).on_hover_text(help);
                problem(ui, state, argument);
            }
        });
        ui.add_space(GAP / 2.0);
        drawer(ui, state);
    });
    ui.add_space(GAP / 2.0);
    estimate(ui, state);
}

fn files(ui: &mut Ui, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        if ui.button("Pick a checkpoint's folder …").clicked() {
            state.ask(Ask::Pick(Pick::ModelFolder));
        }
        if let Some(folder) = state.model.folder.done() {
            ui.label(base_name(folder)).on_hover_text(folder);
        }
    });
}

fn hub(ui: &mut Ui, state: &mut State) {
    let mut load = false;
    ui.horizontal_wrapped(|ui| {
        let id = widgets::field(ui, "Checkpoint", |ui| {
            let edit = TextEdit::singleline(&mut state.model.id);
            ui.add(edit.hint_text("owner/name").desired_width(320.0))
        });
        let revision = widgets::field(ui, "Revision", |ui| {
            let edit = TextEdit::singleline(&mut state.model.revision);
            ui.add(edit.hint_text("main").desired_width(120.0))
        });
        let enter = ui.input(|input| input.key_pressed(egui::Key::Enter));
        load = enter && (id.lost_focus() || revision.lost_focus());
        ui.vertical(|ui| {
            ui.add_space(22.0);
            ui.horizontal(|ui| {
                let known = !state.model.id.trim().is_empty() && !state.model.folder.is_busy();
                load |= ui
                    .add_enabled(known, egui::Button::new("Download checkpoint"))
                    .clicked();
                if ui
                    .add_enabled(known, egui::Button::new("Search Hugging Face"))
                    .clicked()
                {
                    let text = state.model.id.trim().to_owned();
                    state.search(Kind::Model, &text);
                }
            });
        });
    });
    let suggested = |ui: &mut Ui| {
        let mut chosen = None;
        for (id, text) in SUGGESTED {
            if ui.link(id).on_hover_text(text).clicked() {
                chosen = Some(id.to_owned());
            }
        }
        chosen
    };
    let chosen = ui.horizontal_wrapped(suggested).inner;
    if let Some(id) = chosen.or_else(|| hub_list(ui, &state.model.found, &state.model.search)) {
        state.model.id = id;
        state.model.revision.clear();
    }
    if load && !state.model.id.trim().is_empty() {
        let revision = state.model.revision.trim().to_owned();
        let revision = Some(revision).filter(|text| !text.is_empty());
        state.choose_model(Source::Hub(state.model.id.trim().to_owned(), revision));
    }
}

/// What is on this computer and what the hub has found; the id that was clicked.
pub(crate) fn hub_list(ui: &mut Ui, found: &Found, search: &Work<()>) -> Option<String> {
    let mut chosen = None;
    let mut list = |ui: &mut Ui, head: &str, repos: &[HubRepo]| {
        if repos.is_empty() {
            return;
        }
        widgets::note(ui, head);
        ui.horizontal_wrapped(|ui| {
            for repo in repos {
                let mut about = Vec::new();
                about.extend(
                    repo.bytes
                        .map(|size| format!("{} on this computer", bytes(size))),
                );
                about.extend(
                    repo.downloads
                        .map(|times| format!("{} downloads a month", count(times))),
                );
                if ui.link(&repo.id).on_hover_text(about.join(", ")).clicked() {
                    chosen = Some(repo.id.clone());
                }
            }
        });
    };
    list(ui, "On this computer", &found.cached);
    match search {
        Work::Done(()) if found.searched.is_empty() => {
            widgets::note(ui, "Hugging Face has nothing by this name.");
        }
        Work::Done(()) => list(ui, "On Hugging Face", &found.searched),
        other => widgets::status(ui, other),
    }
    chosen
}

/// Every argument, to be searched.
fn drawer(ui: &mut Ui, state: &mut State) {
    let changed = state.entered.len();
    let head = match changed {
        0 => "All arguments".to_owned(),
        1 => "All arguments (1 change)".to_owned(),
        number => format!("All arguments ({number} changes)"),
    };
    let header = CollapsingHeader::new(head).id_salt("arguments").show(ui, |ui| {
        widgets::note(
            ui,
            "The names are those of transformers' TrainingArguments and run_glue, and so are the defaults, \
             except where this window has a better one.",
        );
        ui.horizontal(|ui| {
            let label = ui.label("Find an argument");
            let edit = TextEdit::singleline(&mut state.wanted_argument).desired_width(240.0);
            ui.add(edit).labelled_by(label.id);
            let reset = egui::Button::new("Back to the defaults");
            if ui.add_enabled(changed > 0, reset).clicked() {
                state.enter_nothing();
            }
        });
        let wanted = state.wanted_argument.trim().to_lowercase().replace(' ', "_");
        widgets::sunk(ui, |ui| {
            let area = ScrollArea::vertical().id_salt("arguments").max_height(380.0);
            area.auto_shrink([false, true]).show(ui, |ui| arguments(ui, state, &wanted));
        });
    });
    header
        .header_response
        .on_hover_text("Every argument that a run takes");
}

fn arguments(ui: &mut Ui, state: &mut State, wanted: &str) {
    let fits = |argument: &&Argument| {
        let text = format!("{} {}", argument.name, argument.help).to_lowercase();
        !ELSEWHERE.contains(&argument.name) && text.replace(' ', "_").contains(wanted)
    };
    let mut found = false;
    for group in ARGUMENTS {
        let items: Vec<&'static Argument> = group.items.iter().filter(fits).collect();
        if items.is_empty() {
            continue;
        }
        found = true;
        widgets::title(ui, group.group);
        for argument in items {
            ui.horizontal_wrapped(|ui| {
                let changed = state.entered.contains_key(argument.name);
                let name = RichText::new(argument.name).monospace();
                let name = match changed {
                    true => name.strong().color(Palette::of(ui).accent),
                    false => name,
                };
                let label = ui.add_sized(
                    [270.0, 24.0],
                    egui::Label::new(name).halign(egui::Align::Min),
                );
                let label = label.on_hover_text(argument.help);
                ui.scope(|ui| {
                    ui.set_max_width(180.0);
                    control(ui, state, argument).labelled_by(label.id);
                });
                let otherwise = format!("{} Default: {}", argument.help, fallback(state, argument));
                widgets::note(ui, otherwise);
            });
            problem(ui, state, argument);
        }
        ui.add_space(GAP / 2.0);
    }
    if !found {
        widgets::note(ui, "No argument has this in its name or its explanation.");
    }
}

/// What holds where the person enters nothing.
fn fallback(state: &State, argument: &Argument) -> String {
    // -1 is the Trainer's way of saying so.
    if argument.name == "max_steps" {
        return "by epochs".to_owned();
    }
    let own = state.defaults().get(argument.name).map(written);
    own.unwrap_or_else(|| argument.fallback.to_owned())
}

/// The control for an argument.
fn control(ui: &mut Ui, state: &mut State, argument: &'static Argument) -> Response {
    const SWITCH: &[&str] = &["true", "false"];
    let entered = state.entered.get(argument.name).map(written);
    let fallback = fallback(state, argument);
    let words = match argument.kind {
        ArgumentKind::Choice(words) => words,
        ArgumentKind::Flag => SWITCH,
        _ => return text_control(ui, state, argument, entered, &fallback),
    };
    let otherwise = format!("{fallback} (default)");
    let mut value = entered.clone().unwrap_or_default();
    let shown = match value.is_empty() {
        true => otherwise.clone(),
        false => value.clone(),
    };
    let combo = ComboBox::from_id_salt(argument.name)
        .selected_text(shown)
        .width(170.0)
        .show_ui(ui, |ui| {
            ui.selectable_value(&mut value, String::new(), otherwise);
            for word in words {
                ui.selectable_value(&mut value, (*word).to_owned(), *word);
            }
        });
    if value != entered.unwrap_or_default() {
        state.enter(argument, &value);
    }
    combo.response
}

fn text_control(
    ui: &mut Ui,
    state: &mut State,
    argument: &'static Argument,
    entered: Option<String>,
    fallback: &str,
) -> Response {
    let draft = state.drafts.get(argument.name).cloned();
    let mut text = draft.unwrap_or_else(|| entered.unwrap_or_default());
    let edit = TextEdit::singleline(&mut text).hint_text(fallback);
    let response = ui.add(edit.desired_width(ui.available_width().min(170.0)));
    if response.changed() {
        state.drafts.insert(argument.name, text.clone());
    }
    // What means nothing stays as a draft, with its problem beside it.
    if response.lost_focus() && state.drafts.contains_key(argument.name) {
        state.enter(argument, &text);
    }
    response
}

fn problem(ui: &mut Ui, state: &State, argument: &Argument) {
    let Some(draft) = state.drafts.get(argument.name) else {
        return;
    };
    if let Err(problem) = read(argument.kind, draft.trim()) {
        ui.label(RichText::new(problem).color(Palette::of(ui).bad));
    }
}

/// What the run takes, and whether it fits.
fn estimate(ui: &mut Ui, state: &mut State) {
    let fit = match &state.estimate {
        Work::Done(fit) => fit.clone(),
        other => {
            widgets::status(ui, other);
            return;
        }
    };
    let Some(Ok(plan)) = &state.plan else {
        return;
    };
    let rows =
        plan.training.per_device_train_batch_size * plan.training.gradient_accumulation_steps;
    let rows = fit.estimate.total_steps as f64 * rows as f64;
    let time = state.speed.map_or_else(
        || "known after the first steps".to_owned(),
        |speed| format!("about {} at the last speed", duration(rows / speed)),
    );
    let mut take = None;
    widgets::card(ui, |ui| {
        widgets::title(ui, "What this takes");
        widgets::facts(
            ui,
            &[
                (
                    "Memory",
                    format!("about {}", bytes(fit.estimate.device_bytes)),
                ),
                ("Steps", count(fit.estimate.total_steps)),
                ("Rows", count(fit.estimate.num_examples)),
                ("Parameters", parameters(fit.estimate.parameters)),
                ("Time", time),
            ],
        );
        take = will_it_fit(ui, &fit);
    });
    if let Some(batch) = take
        && let Some(argument) = Argument::named("per_device_train_batch_size")
    {
        state.enter(argument, &batch.to_string());
    }
}

/// Whether it fits; a batch size that the person takes instead.
fn will_it_fit(ui: &mut Ui, fit: &Fit) -> Option<u64> {
    if fit.fits() {
        let text = match fit.memory_bytes {
            Some(memory) => format!("It fits: there are {}.", bytes(memory)),
            None => {
                "Whether it fits can't be told: the driver doesn't say how much memory the GPU has."
                    .to_owned()
            }
        };
        widgets::note(ui, text);
        return None;
    }
    let estimate = &fit.estimate;
    let mut text = String::new();
    if let Some(memory) = fit
        .memory_bytes
        .filter(|memory| estimate.device_bytes > *memory)
    {
        text = format!("It doesn't fit: there are {}.", bytes(memory));
    }
    if let Some(binding) = fit
        .max_binding_bytes
        .filter(|binding| estimate.largest_bytes > *binding)
    {
        text = format!(
            "{text} One tensor takes {}, and this GPU can hold {} in one piece.",
            bytes(estimate.largest_bytes),
            bytes(binding)
        );
    }
    let advice = match fit.batch_size_that_fits {
        Some(batch) => format!("A batch of {batch} would fit."),
        None => {
            "No batch would fit: choose a smaller model, or a smaller number of tokens.".to_owned()
        }
    };
    widgets::notice(ui, text.trim(), &advice, |ui| {
        let batch = fit.batch_size_that_fits?;
        ui.button(format!("Take a batch of {batch}"))
            .clicked()
            .then_some(batch)
    })
}

//! The arguments of a run: what the person entered, what holds otherwise, and what that would take.

use serde_json::{Map, Value, json};
use tunesmith_protocol::{Argument, ArgumentKind, RunConfig};

use super::{Arguments, Panel, State, Way, Work};
use crate::ask::Ask;
use crate::columns;
use crate::settings::DevicePick;

impl State {
    /// The arguments that hold where the person entered none.
    pub(crate) fn defaults(&self) -> Arguments {
        let validation = self.data.inspection.done().is_some_and(|inspection| {
            let mut splits = inspection.splits.iter();
            splits.any(|split| split.name.starts_with("validation"))
        });
        let mut defaults = Map::new();
        let mut put = |name: &str, value: Value| defaults.insert(name.to_owned(), value);
        put("do_train", json!(true));
        put("max_seq_length", json!(128));
        put(
            "eval_strategy",
            json!(if validation { "epoch" } else { "no" }),
        );
        // A tenth of the run is the most that a crash can cost.
        put("save_steps", json!(0.1));
        put("save_total_limit", json!(2));
        if self.model.way == Some(Way::Builtin) {
            // Random weights learn next to nothing with the step size that suits pretrained ones.
            put("learning_rate", json!(1e-3));
            put("per_device_train_batch_size", json!(16));
        }
        defaults
    }

    /// Takes what the person typed for an argument; an empty text puts the default back.
    pub(crate) fn enter(&mut self, argument: &Argument, text: &str) {
        match read(argument.kind, text.trim()) {
            Ok(value) => {
                self.drafts.remove(argument.name);
                match value {
                    Some(value) => self.entered.insert(argument.name.to_owned(), value),
                    None => self.entered.remove(argument.name),
                };
                self.changed();
            }
            Err(_) => {
                self.drafts.insert(argument.name, text.to_owned());
            }
        }
    }

    pub(crate) fn enter_nothing(&mut self) {
        self.entered.clear();
        self.drafts.clear();
        self.changed();
    }

    pub(crate) fn pick_device(&mut self, pick: DevicePick) {
        self.settings.device = pick;
        self.changed();
    }

    /// Takes the choices for a run together anew, and asks what that would take.
    pub(super) fn changed(&mut self) {
        self.settings.entered = serde_json::to_string(&self.entered).unwrap_or_default();
        self.plan = self.planned();
        self.estimate();
    }

    fn planned(&self) -> Option<Result<RunConfig, String>> {
        self.data.inspection.done()?;
        let folder = self.model.folder.done()?;
        let mut map = self.defaults();
        map.extend(self.data.config.clone());
        map.insert("model_name_or_path".to_owned(), json!(folder));
        map.extend(self.entered.clone());
        map.insert("device".to_owned(), json!(self.settings.device.word()));
        if let Some(devices) = self.settings.device.devices() {
            map.insert("devices".to_owned(), json!(devices));
        }
        let read = RunConfig::from_map(map).and_then(|(config, _)| {
            config.validate()?;
            Ok(config)
        });
        Some(read.map_err(|error| error.to_string()))
    }

    pub(super) fn estimate(&mut self) {
        self.estimate = match &self.plan {
            Some(Ok(config)) => {
                let ask = Ask::Estimate(config.clone(), self.settings.device.clone());
                let ticket = self.ask(ask);
                Work::Busy(ticket, "Reckoning …".to_owned())
            }
            Some(Err(message)) => Work::Failed(message.clone()),
            None => Work::Idle,
        };
    }
}

impl State {
    /// The first argument whose text can't be read, and why.
    fn unreadable(&self) -> Option<String> {
        self.drafts.iter().find_map(|(name, draft)| {
            let argument = Argument::named(name)?;
            let problem = read(argument.kind, draft.trim()).err()?;
            Some(format!("{}: {problem}", title(argument)))
        })
    }

    /// What has to be done in a panel before the next one is of use, in a sentence.
    pub(crate) fn missing_for(&self, panel: Panel) -> Option<String> {
        let text = match panel {
            Panel::Data => match self.data.inspection.done() {
                Some(found) => return columns::missing(found),
                None => "Choose the data first.",
            },
            Panel::Model => match self.model.folder.done() {
                Some(_) => return self.unreadable(),
                None => "Choose a model first.",
            },
            Panel::Train if self.is_running() => "Wait until the run has ended.",
            Panel::Train | Panel::Results | Panel::Try | Panel::Export
                if self.trained.is_none() =>
            {
                "Train a model first."
            }
            Panel::Train | Panel::Results | Panel::Try | Panel::Export => return None,
        };
        Some(text.to_owned())
    }

    /// What has to be done before a run can start, in a sentence.
    pub(crate) fn missing(&self) -> Option<String> {
        let unreadable = self.unreadable();
        if unreadable.is_some() {
            return unreadable;
        }
        let data = self.data.inspection.done();
        let parts = [
            data.is_none().then_some("the data"),
            self.model.folder.done().is_none().then_some("a model"),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().collect();
        if !parts.is_empty() {
            return Some(format!("Choose {} first.", parts.join(" and ")));
        }
        data.and_then(|found| columns::missing(found))
    }
}

/// The arguments that matter, by the names that people know them by.
pub(crate) const ESSENTIALS: [(&str, &str); 6] = [
    ("num_train_epochs", "Epochs"),
    ("max_steps", "Steps"),
    ("per_device_train_batch_size", "Batch size"),
    ("learning_rate", "Learning rate"),
    ("max_seq_length", "Longest text (tokens)"),
    ("max_train_samples", "Training rows"),
];

/// What the window calls an argument.
fn title(argument: &Argument) -> &'static str {
    let mut names = ESSENTIALS.iter();
    names
        .find(|(name, _)| *name == argument.name)
        .map_or(argument.name, |(_, title)| title)
}

/// What a person's words mean; nothing where there are none.
pub(crate) fn read(kind: ArgumentKind, text: &str) -> Result<Option<Value>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    Ok(Some(match kind {
        ArgumentKind::Integer => {
            let number: i64 = text.parse().map_err(|_| "Enter a whole number.")?;
            json!(number)
        }
        ArgumentKind::Number => {
            let number: f64 = text
                .replace(',', ".")
                .parse()
                .map_err(|_| "Enter a number, such as 8 or 5e-5.")?;
            // A whole number stays one: some of these count.
            match number.fract() == 0.0 && number.abs() < 1e15 {
                true => json!(number as i64),
                false => json!(number),
            }
        }
        ArgumentKind::Json => serde_json::from_str(text)
            .ok()
            .filter(Value::is_object)
            .ok_or("Enter a JSON object, such as {\"num_cycles\": 0.5}.")?,
        ArgumentKind::Flag => json!(text == "true"),
        ArgumentKind::Text | ArgumentKind::Choice(_) => match text {
            "true" => json!(true),
            "false" => json!(false),
            text => json!(text),
        },
    }))
}

/// An argument's value as a person typed it.
pub(crate) fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            crate::format::figure(number.as_f64().unwrap_or(f64::NAN))
        }
        other => other.to_string(),
    }
}

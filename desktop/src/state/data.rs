//! The data that is being chosen.

use serde_json::{Map, json};
use tunesmith_protocol::{ColumnKind, Inspection, ProblemType, RunConfig};

use super::{Arguments, State, Way, Work};
use crate::ask::{Ask, Builtin, Found, Kind};
use crate::columns;
use crate::settings::Source;

/// The share of the training rows that is set aside for evaluation, in percent.
const SET_ASIDE: u8 = 10;

/// The data that is being chosen.
#[derive(Debug, Default)]
pub(crate) struct Data {
    pub(crate) way: Option<Way>,
    pub(crate) train_file: String,
    pub(crate) validation_file: String,
    pub(crate) id: String,
    pub(crate) configuration: String,
    /// The arguments that name it and its columns.
    pub(crate) config: Arguments,
    pub(crate) title: String,
    pub(crate) inspection: Work<Box<Inspection>>,
    /// What was chosen before the columns were, for the case that these don't suit.
    before: Option<Chosen>,
    /// Why the columns that were chosen last don't suit.
    pub(crate) refused: Option<String>,
    /// The columns of 0 and 1 that are ticked, where the labels lie in several.
    pub(crate) ticked: Option<Vec<String>>,
    pub(crate) found: Found,
    pub(crate) search: Work<()>,
}

/// The arguments that name the data and its columns, and what was found there.
type Chosen = (Arguments, Box<Inspection>);

impl Data {
    /// What the person wants to predict; `None` where the data decides.
    pub(crate) fn asked(&self) -> Option<ProblemType> {
        self.config.get("problem_type")?.as_str()?.parse().ok()
    }

    /// What is predicted, where that is known.
    pub(crate) fn problem_type(&self) -> Option<ProblemType> {
        let found = self.inspection.done();
        self.asked().or_else(|| found?.problem_type)
    }
}

impl State {
    pub(crate) fn choose_data(&mut self, source: Source) {
        self.data.title = source.title("Built-in set");
        self.data.config = Map::new();
        match &source {
            Source::Builtin => self.read_builtin(Way::Builtin, Builtin::Topics),
            Source::Pairs => self.read_builtin(Way::Pairs, Builtin::Pairs),
            Source::Files(train, validation) => {
                self.data.way = Some(Way::Files);
                self.data.train_file.clone_from(train);
                self.data.validation_file = validation.clone().unwrap_or_default();
                self.put_data("train_file", Some(train));
                self.put_data("validation_file", validation.as_ref());
                self.put_set_aside();
                self.inspect(None);
            }
            Source::Hub(id, configuration) => {
                self.data.way = Some(Way::Hub);
                self.data.id.clone_from(id);
                self.data.configuration = configuration.clone().unwrap_or_default();
                self.put_data("dataset_name", Some(id));
                self.put_data("dataset_config_name", configuration.as_ref());
                self.put_set_aside();
                self.inspect(None);
            }
        }
        self.settings.data = Some(source);
        self.changed();
    }

    fn read_builtin(&mut self, way: Way, which: Builtin) {
        self.data.way = Some(way);
        let ticket = self.ask(Ask::BuiltinData(which));
        let text = format!("Reading the {} …", self.data.title.to_lowercase());
        self.data.inspection = Work::Busy(ticket, text);
    }

    /// Takes one of the ways of which more has to be told.
    pub(crate) fn data_comes_by(&mut self, way: Way) {
        self.data.way = Some(way);
        self.data.inspection = Work::Idle;
        self.data.config = Map::new();
        self.settings.data = None;
        self.changed();
    }

    fn put_data(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.data.config.insert(name.to_owned(), json!(value));
        }
    }

    fn put_set_aside(&mut self) {
        let percentage = self.settings.set_aside.then_some(SET_ASIDE);
        let name = "validation_split_percentage".to_owned();
        self.data.config.insert(name, json!(percentage));
    }

    /// Takes it that rows are set aside for evaluation, or aren't.
    pub(crate) fn set_aside(&mut self, wanted: bool) {
        self.settings.set_aside = wanted;
        if self.settings.data.is_some() {
            self.put_set_aside();
            self.inspect(None);
            self.changed();
        }
    }

    /// Takes other columns; the labels stay where they are if `label` is `None`.
    pub(crate) fn map_columns(&mut self, text: Vec<String>, label: Option<String>) {
        self.remap(|config| {
            config.insert("text_column_names".to_owned(), json!(text));
            if let Some(label) = label {
                config.remove("label_column_names");
                config.insert("label_column_name".to_owned(), json!(label));
            }
        });
    }

    /// Takes the ticked columns as labels.
    pub(crate) fn take_ticked(&mut self) {
        let ticked = self.data.ticked.clone().unwrap_or_default();
        self.remap(|config| {
            config.remove("label_column_name");
            config.insert("label_column_names".to_owned(), json!(ticked));
        });
    }

    /// Takes what is to be predicted, and lets go of the columns that can't hold that.
    pub(crate) fn predict(&mut self, wanted: Option<ProblemType>) {
        let Some(found) = self.data.inspection.done() else {
            return;
        };
        let choices = columns::choices(found);
        let can = |names: &[String], holds: fn(Option<ProblemType>, ColumnKind) -> bool| {
            wanted.is_some()
                && names.iter().all(|name| {
                    let column = choices.iter().find(|(known, _)| known == name);
                    column.is_some_and(|(_, kind)| holds(wanted, *kind))
                })
        };
        // The words of tags are found better anew.
        let tokens = wanted == Some(ProblemType::Tokens);
        let keeps_text = !tokens && can(&found.text_column_names, columns::holds_text);
        let keeps_label = can(found.label_column_name.as_slice(), columns::holds_labels);
        let keeps = [
            ("text_column_names", keeps_text),
            ("label_column_name", keeps_label),
            (
                "label_column_names",
                wanted == Some(ProblemType::MultiLabel),
            ),
        ];
        self.remap(|config| {
            match wanted {
                Some(kind) => config.insert("problem_type".to_owned(), json!(kind)),
                None => config.remove("problem_type"),
            };
            for (name, keeps) in keeps {
                if !keeps {
                    config.remove(name);
                }
            }
        });
    }

    /// Takes other columns or other labels: these have to be counted anew.
    fn remap(&mut self, change: impl FnOnce(&mut Arguments)) {
        let before = match &self.data.inspection {
            Work::Done(found) => Some((self.data.config.clone(), found.clone())),
            _ => None,
        };
        change(&mut self.data.config);
        self.inspect(before);
        self.changed();
    }

    /// Asks what the data looks like. Where it can't be read so, what was chosen `before` stays.
    pub(super) fn inspect(&mut self, before: Option<Chosen>) {
        self.data.before = before;
        self.data.refused = None;
        match RunConfig::from_map(self.data.config.clone()) {
            Ok((config, _)) => {
                let ticket = self.ask(Ask::Inspect(config));
                let text = format!("Reading {} …", self.data.title);
                self.data.inspection = Work::Busy(ticket, text);
            }
            Err(error) => self.data.inspection = Work::Failed(error.to_string()),
        }
    }

    pub(super) fn inspected(&mut self, ticket: u64, result: Result<Box<Inspection>, String>) {
        if !self.data.inspection.awaits(ticket) {
            return;
        }
        let data = &mut self.data;
        match (result, data.before.take()) {
            (Ok(found), _) => {
                take_columns(&mut data.config, &found);
                data.inspection = Work::Done(found);
            }
            (Err(message), Some((config, found))) => {
                data.config = config;
                data.inspection = Work::Done(found);
                data.refused = Some(message);
            }
            (Err(message), None) => data.inspection = Work::Failed(message),
        }
        if let Some(found) = data.inspection.done() {
            let several = &found.label_column_names;
            data.ticked = (!several.is_empty()).then(|| several.clone());
            self.ask(Ask::Cached(Kind::Dataset));
        }
        self.changed();
    }

    /// Takes a file to train on, one to measure on, or both; the other one stays.
    pub(crate) fn take_files(&mut self, train: Option<String>, validation: Option<String>) {
        let train = train.unwrap_or_else(|| self.data.train_file.clone());
        let validation = validation.unwrap_or_else(|| self.data.validation_file.clone());
        if train.is_empty() {
            self.data.validation_file = validation;
            return;
        }
        let validation = Some(validation).filter(|path| !path.is_empty());
        self.choose_data(Source::Files(train, validation));
    }
}

/// Puts the columns that were found where a run reads them.
fn take_columns(config: &mut Arguments, found: &Inspection) {
    let mut put = |name: &str, value| config.insert(name.to_owned(), value);
    if !found.text_column_names.is_empty() {
        put("text_column_names", json!(found.text_column_names));
    }
    if let Some(label) = &found.label_column_name {
        put("label_column_name", json!(label));
    }
    if !found.label_column_names.is_empty() {
        put("label_column_names", json!(found.label_column_names));
    }
}

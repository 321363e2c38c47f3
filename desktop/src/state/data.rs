//! The data that is being chosen.

use serde_json::{Map, json};
use tunesmith_protocol::{Inspection, RunConfig};

use super::{Arguments, State, Way, Work};
use crate::ask::{Ask, Found, Kind};
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
    pub(crate) found: Found,
    pub(crate) search: Work<()>,
}

impl State {
    pub(crate) fn choose_data(&mut self, source: Source) {
        self.data.title = source.title("Built-in set");
        self.data.config = Map::new();
        match &source {
            Source::Builtin => {
                self.data.way = Some(Way::Builtin);
                let ticket = self.ask(Ask::BuiltinData);
                self.data.inspection = Work::Busy(ticket, "Reading the built-in set …".to_owned());
            }
            Source::Files(train, validation) => {
                self.data.way = Some(Way::Files);
                self.data.train_file.clone_from(train);
                self.data.validation_file = validation.clone().unwrap_or_default();
                self.put_data("train_file", Some(train));
                self.put_data("validation_file", validation.as_ref());
                self.put_set_aside();
                self.inspect();
            }
            Source::Hub(id, configuration) => {
                self.data.way = Some(Way::Hub);
                self.data.id.clone_from(id);
                self.data.configuration = configuration.clone().unwrap_or_default();
                self.put_data("dataset_name", Some(id));
                self.put_data("dataset_config_name", configuration.as_ref());
                self.put_set_aside();
                self.inspect();
            }
        }
        self.settings.data = Some(source);
        self.changed();
    }

    /// Takes one of the three ways, of which more has to be told.
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
            self.inspect();
            self.changed();
        }
    }

    /// Takes other columns: the labels have to be counted anew.
    pub(crate) fn map_columns(&mut self, text: Vec<String>, label: Option<String>) {
        let config = &mut self.data.config;
        config.insert("text_column_names".to_owned(), json!(text));
        if let Some(label) = label {
            config.insert("label_column_name".to_owned(), json!(label));
        }
        self.inspect();
        self.changed();
    }

    pub(super) fn inspect(&mut self) {
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
        if self.data.inspection.settle(ticket, result)
            && let Some(inspection) = self.data.inspection.done()
        {
            let text = json!(inspection.text_column_names);
            let label = inspection.label_column_name.clone();
            self.data
                .config
                .insert("text_column_names".to_owned(), text);
            if let Some(label) = label {
                let label = json!(label);
                self.data
                    .config
                    .insert("label_column_name".to_owned(), label);
            }
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

//! The model that is being chosen.

use super::{State, Way, Work};
use crate::ask::{Ask, Found};
use crate::settings::Source;

/// The model that is being chosen.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) way: Option<Way>,
    pub(crate) id: String,
    pub(crate) revision: String,
    pub(crate) folder: Work<String>,
    pub(crate) title: String,
    pub(crate) found: Found,
    pub(crate) search: Work<()>,
}

impl State {
    pub(crate) fn choose_model(&mut self, source: Source) {
        self.model.title = source.title("Built-in model");
        match &source {
            Source::Builtin | Source::Pairs => {
                self.model.way = Some(Way::Builtin);
                let ticket = self.ask(Ask::BuiltinModel);
                self.model.folder = Work::Busy(ticket, "Reading the built-in model …".to_owned());
            }
            Source::Files(folder, _) => {
                self.model.way = Some(Way::Files);
                let ticket = self.ask(Ask::CheckModel(folder.clone()));
                let text = format!("Checking {} …", self.model.title);
                self.model.folder = Work::Busy(ticket, text);
            }
            Source::Hub(name, revision) => {
                self.model.way = Some(Way::Hub);
                self.model.id.clone_from(name);
                self.model.revision = revision.clone().unwrap_or_default();
                let ask = Ask::FetchModel {
                    name: name.clone(),
                    revision: revision.clone(),
                };
                let ticket = self.ask(ask);
                self.model.folder = Work::Busy(ticket, format!("Reading {name} …"));
            }
        }
        self.settings.model = Some(source);
        self.changed();
    }

    pub(crate) fn model_comes_by(&mut self, way: Way) {
        self.model.way = Some(way);
        self.model.folder = Work::Idle;
        self.settings.model = None;
        self.changed();
    }
}

//! A model that can be looked at, tried and kept.

use tunesmith_protocol::{ColumnKind, Pair, ProblemType, RunConfig, SavedRun};

use super::run::title_of;
use super::{State, Work};
use crate::ask::Ask;
use crate::columns::items;

/// A model that can be looked at, tried and kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    /// Its folder.
    pub model: String,
    /// What a person calls it.
    pub title: String,
    /// What its run was told.
    pub config: RunConfig,
    /// What it predicts, where that is known.
    pub problem_type: Option<ProblemType>,
    /// The names of its labels in the order of their ids, where they are known.
    pub labels: Vec<String>,
    /// Whether its run came to its end.
    pub whole: bool,
}

/// What the person asks the model about.
#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) pair: String,
    /// The text that was asked about last.
    pub(crate) asked: String,
    /// The row of the data that is taken next.
    pub(crate) next_row: usize,
}

impl Trained {
    /// Whether it reads two texts.
    pub(crate) fn reads_pairs(&self) -> bool {
        let columns = self.config.data.text_column_names.as_ref().map(Vec::len);
        columns != Some(1) && self.problem_type != Some(ProblemType::Tokens)
    }
}

impl State {
    /// Takes a stored model to look at, to try and to keep.
    pub(crate) fn open_saved(&mut self, run: &SavedRun) {
        let model = if run.finished {
            run.output_dir.clone()
        } else {
            format!("{}/checkpoint-{}", run.output_dir, run.last_step)
        };
        self.open(Trained {
            title: title_of(&model),
            model,
            config: run.config.clone().unwrap_or_default(),
            problem_type: run.problem_type,
            labels: run.labels.clone(),
            whole: run.finished,
        });
    }

    pub(super) fn open(&mut self, trained: Trained) {
        // After a run that was cut short the person may rather want to go on with it.
        let look = trained.whole && trained.config.training.evaluates();
        self.trained = Some(trained);
        self.review = Work::Idle;
        self.prediction = Work::Idle;
        if look {
            self.look();
        }
    }

    /// Asks what the model gets wrong.
    pub(crate) fn look(&mut self) {
        let Some(trained) = self.trained.clone() else {
            return;
        };
        self.all_rows = false;
        let ticket = self.ask(Ask::Review {
            config: trained.config,
            model: trained.model,
            device: self.settings.device.clone(),
        });
        self.review = Work::Busy(ticket, "Reading the validation rows …".to_owned());
    }

    /// Asks what the model says of the person's text.
    pub(crate) fn ask_model(&mut self) {
        let Some(trained) = &self.trained else {
            return;
        };
        let pair = self.question.pair.trim();
        let text_pair = (trained.reads_pairs() && !pair.is_empty()).then(|| pair.to_owned());
        let text = self.question.text.trim().to_owned();
        let ask = Ask::Predict {
            model: trained.model.clone(),
            text: Pair {
                text: text.clone(),
                text_pair,
            },
            device: self.settings.device.clone(),
        };
        self.question.asked = text;
        let ticket = self.ask(ask);
        self.prediction = Work::Busy(ticket, "Reading …".to_owned());
    }

    /// Fills in a row of the data.
    pub(crate) fn take_row(&mut self) {
        let Some(inspection) = self.data.inspection.done() else {
            return;
        };
        let place = self.question.next_row % inspection.rows.len().max(1);
        let Some(row) = inspection.rows.get(place) else {
            return;
        };
        let cell = |name: Option<&String>| {
            let columns = &inspection.columns;
            let column = columns.iter().position(|one| Some(&one.name) == name)?;
            let cell = row.get(column)?.clone()?;
            Some(match columns[column].kind {
                // Words are read as a text.
                ColumnKind::List => items(&cell).join(" "),
                _ => cell,
            })
        };
        let names = &inspection.text_column_names;
        let [text, pair] = [names.first(), names.get(1)].map(|name| cell(name).unwrap_or_default());
        self.question.text = text;
        self.question.pair = pair;
        self.question.next_row = place + 1;
    }
}

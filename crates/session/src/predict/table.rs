//! How predictions are written: JSON Lines, or a table for spreadsheets and data frames.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use tunesmith::data::{
    Dataset, Dtype, Feature, Features, NewColumn, PartialFile, TableFormat, TableWriter,
};
use tunesmith::model::Task;
use tunesmith_protocol::{Pair, Prediction};

use super::Predictor;
use crate::SessionError;

/// A file of predictions.
pub(super) struct Output<'a> {
    labels: &'a [String],
    texts: Vec<String>,
    top_k: Option<usize>,
    task: Task,
    to: To,
}

enum To {
    Lines(PartialFile),
    Table(Box<TableWriter>),
}

/// A class with its probability.
#[derive(Serialize)]
struct Scored<'a> {
    label: &'a str,
    score: f64,
}

/// A prediction of which only the most likely classes are told.
#[derive(Serialize)]
#[serde(tag = "problem_type")]
enum Ranked<'a> {
    #[serde(rename = "single_label_classification")]
    One {
        label: &'a str,
        score: f64,
        top_k: Vec<Scored<'a>>,
    },
    #[serde(rename = "multi_label_classification")]
    Several {
        labels: &'a [String],
        top_k: Vec<Scored<'a>>,
    },
}

/// The most likely classes, `count` of them, the first of equal ones first.
#[must_use]
pub fn ranked<'a>(labels: &'a [String], scores: &[f64], count: usize) -> Vec<(&'a str, f64)> {
    let mut ranked: Vec<(&str, f64)> = labels
        .iter()
        .map(String::as_str)
        .zip(scores.iter().copied())
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    ranked.truncate(count);
    ranked
}

impl<'a> Output<'a> {
    /// Begins the file; `texts` are the names of the columns with the texts, which tables have, too.
    pub(super) fn create(
        predictor: &'a Predictor,
        path: &Path,
        texts: Vec<String>,
        top_k: Option<usize>,
    ) -> Result<Self, SessionError> {
        let task = predictor.model.task();
        let labels = predictor.labels();
        let top_k = match (top_k, task) {
            (None, _) => None,
            (Some(0), _) => {
                return Err(SessionError::Arguments(
                    "top_k is 0: give 1 or more, or leave it out".to_owned(),
                ));
            }
            (Some(count), Task::SingleLabel | Task::MultiLabel) => Some(count.min(labels.len())),
            (Some(_), Task::Regression | Task::Tokens) => {
                return Err(SessionError::Arguments(
                    "top_k is for models that predict the classes of a row, and this one doesn't: leave it out"
                        .to_owned(),
                ));
            }
        };
        let to = match TableFormat::of(path) {
            None | Some(TableFormat::JsonLines) => To::Lines(PartialFile::create(path)?),
            Some(TableFormat::Csv | TableFormat::Parquet) => {
                let features = features(labels, &texts, top_k, task)?;
                To::Table(Box::new(TableWriter::create(path, &features)?))
            }
        };
        Ok(Self {
            labels,
            texts,
            top_k,
            task,
            to,
        })
    }

    pub(super) fn write(
        &mut self,
        texts: &[Pair],
        predictions: &[Prediction],
    ) -> Result<(), SessionError> {
        if let To::Lines(file) = &mut self.to {
            for prediction in predictions {
                let line = match self.top_k {
                    None => serde_json::to_vec(prediction),
                    Some(count) => line(self.labels, prediction, count),
                };
                let failed = |error| file.error(error);
                let mut line = line.map_err(|error| failed(error.into()))?;
                line.push(b'\n');
                file.write_all(&line).map_err(|error| file.error(error))?;
            }
            return Ok(());
        }
        let rows = Dataset::from_dict(self.columns(texts, predictions))?;
        match &mut self.to {
            To::Table(table) => Ok(table.write(&rows)?),
            To::Lines(_) => Ok(()),
        }
    }

    /// Gives the file its name.
    pub(super) fn finish(self) -> Result<(), SessionError> {
        match self.to {
            To::Lines(file) => Ok(file.finish()?),
            To::Table(table) => Ok(table.finish()?),
        }
    }

    fn columns(&self, texts: &[Pair], predictions: &[Prediction]) -> Vec<(String, NewColumn)> {
        let mut columns: Vec<(String, NewColumn)> = Vec::new();
        let parts: [fn(&Pair) -> String; 2] = [
            |pair| pair.text.clone(),
            |pair| pair.text_pair.clone().unwrap_or_default(),
        ];
        for (name, part) in self.texts.iter().zip(parts) {
            let texts: Vec<String> = texts.iter().map(part).collect();
            columns.push((name.clone(), texts.into()));
        }
        let scores = |prediction: &Prediction| match prediction {
            Prediction::SingleLabel { scores, .. } | Prediction::MultiLabel { scores, .. } => {
                scores.clone()
            }
            Prediction::Regression { score, .. } => vec![*score],
            Prediction::Tokens { .. } => Vec::new(),
        };
        let scores: Vec<Vec<f64>> = predictions.iter().map(scores).collect();
        let names = names(self.labels, &self.texts, self.top_k, self.task);
        let mut names = names.into_iter().map(|(name, _)| name).skip(columns.len());
        let mut push = |column: NewColumn| {
            if let Some(name) = names.next() {
                columns.push((name, column));
            }
        };
        let said = predictions.iter();
        match self.task {
            Task::SingleLabel => {
                let (label, score): (Vec<String>, Vec<f64>) = said
                    .filter_map(|prediction| match prediction {
                        Prediction::SingleLabel { label, score, .. } => {
                            Some((label.clone(), *score))
                        }
                        _ => None,
                    })
                    .unzip();
                push(label.into());
                push(score.into());
            }
            Task::MultiLabel => {
                let labels = said.filter_map(|prediction| match prediction {
                    Prediction::MultiLabel { labels, .. } => Some(labels.clone()),
                    _ => None,
                });
                push(labels.collect::<Vec<Vec<String>>>().into());
            }
            Task::Regression => {
                push(scores.concat().into());
                return columns;
            }
            Task::Tokens => {
                let entities = said.filter_map(|prediction| match prediction {
                    Prediction::Tokens { entities } => serde_json::to_string(entities).ok(),
                    _ => None,
                });
                push(entities.collect::<Vec<String>>().into());
                return columns;
            }
        }
        match self.top_k {
            None => {
                for class in 0..self.labels.len() {
                    let column = scores.iter().map(|scores| scores[class]);
                    push(column.collect::<Vec<f64>>().into());
                }
            }
            Some(count) => {
                let ranked: Vec<_> = scores
                    .iter()
                    .map(|scores| ranked(self.labels, scores, count))
                    .collect();
                for place in 0..count {
                    let labels = ranked.iter().map(|row| row[place].0.to_owned());
                    push(labels.collect::<Vec<String>>().into());
                    push(
                        ranked
                            .iter()
                            .map(|row| row[place].1)
                            .collect::<Vec<f64>>()
                            .into(),
                    );
                }
            }
        }
        columns
    }
}

/// A line with only the most likely classes.
fn line(
    labels: &[String],
    prediction: &Prediction,
    count: usize,
) -> Result<Vec<u8>, serde_json::Error> {
    let top_k = |scores: &[f64]| {
        let ranked = ranked(labels, scores, count).into_iter();
        ranked
            .map(|(label, score)| Scored { label, score })
            .collect()
    };
    match prediction {
        Prediction::SingleLabel {
            label,
            score,
            scores,
            ..
        } => serde_json::to_vec(&Ranked::One {
            label,
            score: *score,
            top_k: top_k(scores),
        }),
        Prediction::MultiLabel { labels, scores, .. } => serde_json::to_vec(&Ranked::Several {
            labels,
            top_k: top_k(scores),
        }),
        Prediction::Regression { .. } | Prediction::Tokens { .. } => serde_json::to_vec(prediction),
    }
}

fn features(
    labels: &[String],
    texts: &[String],
    top_k: Option<usize>,
    task: Task,
) -> Result<Features, SessionError> {
    Ok(Features::new(names(labels, texts, top_k, task))?)
}

/// The columns of a table: the texts, what is predicted, and the probability of each class or the most likely ones.
/// A name that a text's column has already gets an underscore.
fn names(
    labels: &[String],
    texts: &[String],
    top_k: Option<usize>,
    task: Task,
) -> Vec<(String, Feature)> {
    let value = Feature::Value;
    let mut names: Vec<(String, Feature)> = Vec::new();
    match task {
        Task::SingleLabel => {
            names.push(("label".to_owned(), value(Dtype::String)));
            names.push(("score".to_owned(), value(Dtype::Float64)));
        }
        Task::MultiLabel => {
            let words = Feature::List(Box::new(value(Dtype::String)));
            names.push(("labels".to_owned(), words));
        }
        Task::Regression => names.push(("score".to_owned(), value(Dtype::Float64))),
        Task::Tokens => names.push(("entities".to_owned(), value(Dtype::String))),
    }
    match (task, top_k) {
        (Task::Regression | Task::Tokens, _) => {}
        (_, None) => names.extend(
            labels
                .iter()
                .map(|label| (format!("score_{label}"), value(Dtype::Float64))),
        ),
        (_, Some(count)) => {
            for place in 1..=count {
                names.push((format!("label_{place}"), value(Dtype::String)));
                names.push((format!("score_{place}"), value(Dtype::Float64)));
            }
        }
    }
    for (name, _) in &mut names {
        while texts.contains(name) {
            name.push('_');
        }
    }
    let texts = texts
        .iter()
        .map(|name| (name.clone(), value(Dtype::String)));
    texts.chain(names).collect()
}

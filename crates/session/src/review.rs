//! What a trained model gets wrong: the confusion matrix, a report a class, and the worst rows.

use std::path::Path;

use tunesmith::data::{ColumnView, Dataset};
use tunesmith_protocol::{ClassReport, Event, Pair, Prediction, Review, RunConfig, WrongRow};

use crate::background::background;
use crate::columns::{Question, splits, task};
use crate::fetch::{dataset, load};
use crate::labels;
use crate::session::Shared;
use crate::{Predictor, SessionError, inspect};

/// Rows that are shown.
const MOST_WRONG: usize = 50;

/// Rows between two progress events.
const ROWS: usize = 64;

/// Classifies the validation split that `config` names with the model in `model`, and compares.
///
/// # Errors
/// Data or a model that can't be read; a row without a label; a model without classes.
pub async fn review(
    config: RunConfig,
    model: &Path,
    tell: &mut dyn FnMut(Event),
) -> Result<Review, SessionError> {
    let shared = Shared::default();
    let work = compare(config, model, &shared);
    shared.passing_on(work, tell).await
}

async fn compare(config: RunConfig, model: &Path, shared: &Shared) -> Result<Review, SessionError> {
    let RunConfig {
        model: arguments,
        data,
        training,
    } = config;
    let cache = arguments.cache_dir;
    let predictor = Predictor::load(model, training.device, data.max_seq_length).await?;
    if predictor.labels().len() < 2 {
        return Err(SessionError::Arguments(
            "the model predicts a number: there are no classes that could be confused".to_owned(),
        ));
    }
    let task = task(&data)?;
    let trained = predictor.trained_columns();
    let label = data
        .label_column_name
        .clone()
        .or_else(|| Some(trained?.label_column_name.clone()))
        .unwrap_or_else(|| "label".to_owned());
    let question = Question {
        named: data.text_column_names.clone(),
        task,
        trained: trained.map(|columns| columns.text_column_names.clone()),
        label: label.clone(),
        classes: predictor.labels().to_vec(),
    };
    let request = dataset(&data, cache.as_deref(), task, shared).await?;
    let split = splits("validation", task).swap_remove(0);
    let wanted = split.clone();
    let arguments = data.clone();
    let asked = question.clone();
    let rows = background(shared, move |emit| {
        let loaded = load(request, &arguments, &asked, emit)?.splits;
        Ok(loaded.get(&wanted)?.clone())
    })
    .await?;
    let rows = match data.max_eval_samples {
        Some(most) => rows.take(most),
        None => rows,
    };
    let (columns, _) = question.ask(&rows)?;
    let (encoder, _) = labels::of_model(predictor.labels().to_vec(), &rows, &label)
        .map_err(SessionError::split(&split))?;
    let rows = encoder
        .encode(&rows, &label)
        .map_err(SessionError::split(&split))?;
    let (first, truth) = (rows.column(&columns.first)?, rows.column(&label)?);
    let second = columns.second.as_deref();
    let second = second.map(|name| rows.column(name)).transpose()?;

    let mut tally = Tally::new(predictor.labels());
    for start in (0..rows.num_rows()).step_by(ROWS) {
        let end = rows.num_rows().min(start + ROWS);
        let pairs: Vec<Pair> = (start..end)
            .map(|row| Pair {
                text: cell(&first, row),
                text_pair: second.as_ref().map(|column| cell(column, row)),
            })
            .collect();
        let predictions = predictor.predict(&pairs).await?;
        for (row, (pair, prediction)) in (start..end).zip(pairs.into_iter().zip(predictions)) {
            let class = class(&truth, row, &rows, predictor.labels().len())?;
            tally.add(row, class, pair, &prediction);
        }
        shared
            .emit(Event::Progress {
                stage: "predicting".to_owned(),
                done: end as u64,
                total: rows.num_rows() as u64,
            })
            .await;
    }
    Ok(tally.finish(split))
}

fn cell(column: &ColumnView<'_>, row: usize) -> String {
    let value = column.get(row);
    value
        .and_then(|value| inspect::text(column, value))
        .unwrap_or_default()
}

fn class(
    column: &ColumnView<'_>,
    row: usize,
    rows: &Dataset,
    classes: usize,
) -> Result<usize, SessionError> {
    let id = column.get(row).and_then(|value| value.as_i64());
    id.and_then(|id| usize::try_from(id).ok())
        .filter(|id| *id < classes)
        .ok_or_else(|| {
            SessionError::Arguments(format!(
                "row {row} of {}: its label is not one of the model's {classes} classes",
                rows.num_rows()
            ))
        })
}

struct Tally<'a> {
    labels: &'a [String],
    confusion: Vec<Vec<u64>>,
    wrong: Vec<WrongRow>,
}

impl<'a> Tally<'a> {
    fn new(labels: &'a [String]) -> Self {
        Self {
            labels,
            confusion: vec![vec![0; labels.len()]; labels.len()],
            wrong: Vec::new(),
        }
    }

    fn add(&mut self, row: usize, class: usize, pair: Pair, prediction: &Prediction) {
        self.confusion[class][prediction.label_id] += 1;
        if class == prediction.label_id {
            return;
        }
        let score = prediction.scores[class];
        self.wrong.push(WrongRow {
            row: row as u64,
            text: pair.text,
            text_pair: pair.text_pair,
            label: self.labels[class].clone(),
            predicted: prediction.label.clone(),
            score,
            loss: -score.max(f64::MIN_POSITIVE).ln(),
        });
    }

    fn finish(mut self, split: String) -> Review {
        self.wrong
            .sort_by(|a, b| b.loss.total_cmp(&a.loss).then(a.row.cmp(&b.row)));
        self.wrong.truncate(MOST_WRONG);
        Review {
            split,
            labels: self.labels.to_vec(),
            per_class: (0..self.labels.len())
                .map(|class| self.report(class))
                .collect(),
            confusion: self.confusion,
            most_wrong: self.wrong,
        }
    }

    fn report(&self, class: usize) -> ClassReport {
        let right = self.confusion[class][class] as f64;
        let support: u64 = self.confusion[class].iter().sum();
        let predicted: u64 = self.confusion.iter().map(|row| row[class]).sum();
        // As scikit-learn has it: nothing of nothing is 0.
        let share = |of: f64| if of > 0.0 { right / of } else { 0.0 };
        ClassReport {
            label: self.labels[class].clone(),
            precision: share(predicted as f64),
            recall: share(support as f64),
            f1: share((support + predicted) as f64 / 2.0),
            support,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_scikit_learns() {
        let labels = ["no".to_owned(), "yes".to_owned()];
        let mut tally = Tally::new(&labels);
        // classification_report([0, 0, 0, 1], [0, 0, 1, 1]): 1.00 0.67 0.80 3, 0.50 1.00 0.67 1.
        for (row, (class, predicted)) in [(0, 0), (0, 0), (0, 1), (1, 1)].into_iter().enumerate() {
            let mut scores = vec![0.25; 2];
            scores[predicted] = 0.75;
            let prediction = Prediction {
                label: labels[predicted].clone(),
                label_id: predicted,
                score: 0.75,
                scores,
                logits: vec![0.0; 2],
            };
            let pair = Pair {
                text: format!("row {row}"),
                text_pair: None,
            };
            tally.add(row, class, pair, &prediction);
        }
        let review = tally.finish("validation".to_owned());
        assert_eq!(review.confusion, [[2, 1], [0, 1]]);
        let [no, yes] = [&review.per_class[0], &review.per_class[1]];
        assert_eq!((no.precision, no.support), (1.0, 3));
        assert!((no.recall - 2.0 / 3.0).abs() < 1e-12 && (no.f1 - 0.8).abs() < 1e-12);
        assert_eq!((yes.precision, yes.recall, yes.support), (0.5, 1.0, 1));
        assert!((yes.f1 - 2.0 / 3.0).abs() < 1e-12);
        let [wrong] = review.most_wrong.as_slice() else {
            panic!("one row is wrong: {:?}", review.most_wrong);
        };
        assert_eq!((wrong.row, wrong.text.as_str()), (2, "row 2"));
        assert!((wrong.loss - 0.25f64.recip().ln()).abs() < 1e-12);
    }
}

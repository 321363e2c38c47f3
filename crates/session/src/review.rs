//! What a trained model gets wrong: its metrics, the confusion matrix, a report for each label, and the
//! worst rows.

use std::path::Path;

use tunesmith::data::{ColumnView, Dataset, TagEncoder};
use tunesmith::metrics::{ClassCounts, Metric, MetricError, mean_absolute_error, r2};
use tunesmith::model::Task;
use tunesmith::train::{argmax, class_report, sigmoid, softmax};
use tunesmith_protocol::{
    Event, Metrics, Pair, Prediction, Review, RunConfig, Threshold, WrongRow,
};

use crate::background::background;
use crate::columns::{Question, TextColumns, splits, task};
use crate::fetch::{dataset, load};
use crate::label_columns::{problem_type, task_of};
use crate::labels::{Labels, Wanted, chosen};
use crate::marked::{Marked, listed};
use crate::metric::metric;
use crate::predict::Tokens;
use crate::session::Shared;
use crate::{Predictor, SessionError};

/// Rows that are shown.
const MOST_WRONG: usize = 50;

/// Numbers that are shown one by one.
const NUMBERS: usize = 1000;

/// Rows between two progress events.
const ROWS: usize = 64;

/// Asks the model in `model` about the validation split that `config` names, and compares.
///
/// # Errors
/// Data or a model that can't be read; a row without a label, or with one that the model doesn't know.
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
    let mut predictor = Predictor::load(model, training.device, data.max_seq_length).await?;
    if let Some(threshold) = &data.threshold
        && *threshold != Threshold::Tune
    {
        predictor.set_threshold(threshold)?;
    }
    let glue = task(&data)?;
    let question = Question {
        classes: predictor.labels().to_vec(),
        ..Question::of(&data, glue, Some(predictor.config()))
    };
    let request = dataset(&data, cache.as_deref(), glue, shared).await?;
    let split = splits("validation", glue).swap_remove(0);
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
    let (columns, _) = question.columns(&rows)?;
    let wanted = Wanted {
        glue,
        task: data.problem_type.map(task_of),
        label_all_tokens: data.label_all_tokens,
    };
    let at = || SessionError::split(&split);
    let labels = Labels::of_model(predictor.config(), &rows, columns.labels, wanted);
    let (labels, _) = labels.map_err(at())?;
    let rows = labels.encode(&rows).map_err(at())?.dataset;
    let mut tally = Tally::new(&labels, metric(data.metric_name.as_deref(), glue, &labels)?);
    let reading = Reading {
        predictor: &predictor,
        rows: &rows,
        text: &columns.text,
        split: &split,
    };
    for start in (0..rows.num_rows()).step_by(ROWS) {
        let end = rows.num_rows().min(start + ROWS);
        match &labels {
            Labels::One { column, .. } => reading.values(start..end, column, &mut tally).await?,
            Labels::Several(encoder) => {
                let column = encoder.columns().encoded();
                reading.values(start..end, column, &mut tally).await?;
            }
            Labels::Tags(encoder) => reading.tags(start..end, encoder, &mut tally).await?,
        }
        shared
            .emit(Event::Progress {
                stage: "predicting".to_owned(),
                done: end as u64,
                total: rows.num_rows() as u64,
            })
            .await;
    }
    tally.finish(split)
}

/// What is compared.
struct Reading<'a> {
    predictor: &'a Predictor,
    rows: &'a Dataset,
    text: &'a TextColumns,
    split: &'a str,
}

impl Reading<'_> {
    /// Rows with a class, a number, or 0 and 1 for each label.
    async fn values(
        &self,
        range: std::ops::Range<usize>,
        column: &str,
        tally: &mut Tally<'_>,
    ) -> Result<(), SessionError> {
        let first = self.rows.column(&self.text.first)?;
        let second = self.text.second.as_deref();
        let second = second.map(|name| self.rows.column(name)).transpose()?;
        let truth = self.rows.column(column)?;
        let pair = |row: usize| Pair {
            text: cell(&first, row),
            text_pair: second.as_ref().map(|column| cell(column, row)),
        };
        let pairs: Vec<Pair> = range.clone().map(pair).collect();
        let predictions = self.predictor.predict(&pairs).await?;
        for (row, (pair, prediction)) in range.zip(pairs.into_iter().zip(predictions)) {
            let outcome = tally.compare(&truth, row, &prediction)?;
            tally.add(row, pair, outcome);
        }
        Ok(())
    }

    /// Rows of tagged tokens.
    async fn tags(
        &self,
        range: std::ops::Range<usize>,
        encoder: &TagEncoder,
        tally: &mut Tally<'_>,
    ) -> Result<(), SessionError> {
        let (tokenizer, options) = (self.predictor.tokenizer(), self.predictor.options());
        let mut read = Vec::with_capacity(range.len());
        let mut tokens = Vec::with_capacity(range.len());
        for row in range.clone() {
            let found = encoder.tokenize_text(self.rows, row, tokenizer, options);
            let (text, placed, labels) = found.map_err(SessionError::split(self.split))?;
            tokens.push(Tokens::new(&placed.input_ids, &placed.token_type_ids));
            read.push((text, placed, labels.unwrap_or_default()));
        }
        let logits = self.predictor.logits(&tokens).await?;
        for (row, ((text, placed, labels), logits)) in range.zip(read.into_iter().zip(logits)) {
            let width = tally.names().len().max(1);
            let mut marked = Marked::new(&text, &placed, &labels);
            let (mut wanted, mut predicted, mut loss) = (Vec::new(), Vec::new(), 0.0);
            let mut probabilities = Vec::new();
            for (class, logits) in marked.labelled(&labels, &logits, width) {
                let scores = softmax(logits);
                loss -= scores[class].max(f64::MIN_POSITIVE).ln();
                wanted.push(class as i64);
                predicted.push(argmax(logits) as i64);
                probabilities.extend(scores);
            }
            tally.metric.add_sentence(&predicted, &wanted)?;
            if tally.metric.needs_probabilities() {
                tally.metric.add_probabilities(&probabilities, &wanted)?;
            }
            marked.keep_differences(tally.names(), &wanted, &predicted);
            let outcome = Outcome {
                label: listed(&marked.entities(tally.names(), &wanted)?),
                predicted: listed(&marked.entities(tally.names(), &predicted)?),
                is_right: wanted == predicted,
                score: f64::NAN,
                loss: loss / wanted.len().max(1) as f64,
            };
            let text_pair = None;
            tally.add(row, Pair { text, text_pair }, outcome);
        }
        Ok(())
    }
}

fn cell(column: &ColumnView<'_>, row: usize) -> String {
    let value = column.get(row);
    value
        .and_then(|value| column.feature().text(value))
        .unwrap_or_default()
}

/// What came of a row.
struct Outcome {
    label: String,
    predicted: String,
    is_right: bool,
    /// The true class's probability; NaN where a row has no one class.
    score: f64,
    loss: f64,
}

struct Tally<'a> {
    labels: &'a Labels,
    metric: Metric,
    /// Of rows that have one class each.
    classes: ClassCounts,
    confusion: Vec<Vec<u64>>,
    rows: u64,
    right: u64,
    wrong: Vec<WrongRow>,
    /// The true and the predicted number of each row.
    numbers: Vec<[f64; 2]>,
}

impl<'a> Tally<'a> {
    fn new(labels: &'a Labels, metric: Metric) -> Self {
        let names = labels.names();
        let size = match labels.task() {
            Task::SingleLabel => names.len(),
            Task::MultiLabel | Task::Regression | Task::Tokens => 0,
        };
        Self {
            labels,
            metric,
            classes: ClassCounts::new(size),
            confusion: vec![vec![0; size]; size],
            rows: 0,
            right: 0,
            wrong: Vec::new(),
            numbers: Vec::new(),
        }
    }

    fn names(&self) -> &'a [String] {
        self.labels.names()
    }

    /// Compares a row's label with what was predicted, and counts it.
    fn compare(
        &mut self,
        truth: &ColumnView<'_>,
        row: usize,
        prediction: &Prediction,
    ) -> Result<Outcome, SessionError> {
        let names = self.names();
        let value = truth.get(row);
        let unknown = || {
            SessionError::Arguments(format!(
                "row {row}: its label is not one of the model's {} labels",
                names.len()
            ))
        };
        match prediction {
            Prediction::SingleLabel {
                label,
                label_id,
                scores,
                ..
            } => {
                let id = value.and_then(|value| value.as_i64());
                let class = id.and_then(|id| usize::try_from(id).ok());
                let class = class
                    .filter(|class| *class < names.len())
                    .ok_or_else(unknown)?;
                self.confusion[class][*label_id] += 1;
                let ids = [*label_id as i64, class as i64];
                self.metric.add_batch_classes(&ids[..1], &ids[1..])?;
                if self.metric.needs_probabilities() {
                    self.metric.add_probabilities(scores, &ids[1..])?;
                }
                self.classes.add_batch(&ids[..1], &ids[1..])?;
                let score = scores[class];
                Ok(Outcome {
                    label: names[class].clone(),
                    predicted: label.clone(),
                    is_right: class == *label_id,
                    score,
                    loss: -score.max(f64::MIN_POSITIVE).ln(),
                })
            }
            Prediction::Regression { score, .. } => {
                let number = value.and_then(|value| value.as_f64()).ok_or_else(unknown)?;
                self.metric.add(*score, number)?;
                self.numbers.push([number, *score]);
                Ok(Outcome {
                    label: format!("{number}"),
                    predicted: format!("{score:.3}"),
                    is_right: false,
                    score: f64::NAN,
                    loss: (score - number).powi(2),
                })
            }
            Prediction::MultiLabel { labels, logits, .. } => {
                let numbers = value
                    .and_then(|value| value.as_list())
                    .ok_or_else(unknown)?;
                let wanted: Vec<bool> = numbers.iter().map(|n| n.as_f64() == Some(1.0)).collect();
                let found: Vec<bool> = names.iter().map(|name| labels.contains(name)).collect();
                self.metric.add_batch_labels(&found, &wanted)?;
                if self.metric.needs_probabilities() {
                    let probabilities = sigmoid(logits).into_iter().map(f64::from);
                    let probabilities: Vec<f64> = probabilities.collect();
                    self.metric
                        .add_label_probabilities(&probabilities, &wanted)?;
                }
                let line = |there: &[bool]| match chosen(names, there).as_slice() {
                    [] => "none".to_owned(),
                    labels => labels.join(", "),
                };
                let losses = logits.iter().zip(&wanted).map(|(logit, is_there)| {
                    let logit = f64::from(*logit);
                    let target = f64::from(u8::from(*is_there));
                    // PyTorch's BCEWithLogitsLoss.
                    logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p()
                });
                Ok(Outcome {
                    label: line(&wanted),
                    predicted: line(&found),
                    is_right: found == wanted,
                    score: f64::NAN,
                    loss: losses.sum::<f64>() / names.len().max(1) as f64,
                })
            }
            Prediction::Tokens { .. } => Err(unknown()),
        }
    }

    fn add(&mut self, row: usize, pair: Pair, outcome: Outcome) {
        self.rows += 1;
        if outcome.is_right {
            self.right += 1;
            return;
        }
        self.wrong.push(WrongRow {
            row: row as u64,
            text: pair.text,
            text_pair: pair.text_pair,
            label: outcome.label,
            predicted: outcome.predicted,
            score: outcome.score,
            loss: outcome.loss,
        });
    }

    fn finish(mut self, split: String) -> Result<Review, SessionError> {
        self.wrong
            .sort_by(|a, b| b.loss.total_cmp(&a.loss).then(a.row.cmp(&b.row)));
        self.wrong.truncate(MOST_WRONG);
        let task = self.labels.task();
        let names = self.names();
        let mut metrics: Metrics = self.metric.compute()?.iter().collect();
        for (name, value) in errors(&self.numbers)? {
            if metrics.get(name).is_none() {
                metrics.insert(name, value);
            }
        }
        self.numbers.truncate(NUMBERS);
        let by_label = match task {
            Task::SingleLabel => self.classes.by_label(names),
            Task::MultiLabel | Task::Tokens | Task::Regression => self.metric.by_label(),
        };
        Ok(Review {
            split,
            problem_type: problem_type(task),
            num_rows: self.rows,
            num_right: self.right,
            metrics,
            numbers: self.numbers,
            per_class: by_label.iter().map(class_report).collect(),
            labels: match task {
                Task::SingleLabel | Task::MultiLabel | Task::Tokens => names.to_vec(),
                Task::Regression => Vec::new(),
            },
            confusion: self.confusion,
            most_wrong: self.wrong,
        })
    }
}

/// The mean absolute error of numbers and, where there is something to explain, the coefficient of
/// determination.
fn errors(numbers: &[[f64; 2]]) -> Result<Vec<(&'static str, f64)>, MetricError> {
    let Some([first, _]) = numbers.first() else {
        return Ok(Vec::new());
    };
    let (wanted, predicted): (Vec<f64>, Vec<f64>) =
        numbers.iter().map(|[is, said]| (*is, *said)).unzip();
    let mut found = vec![("mae", mean_absolute_error(&predicted, &wanted)?)];
    if wanted.iter().any(|number| number != first) {
        found.push(("r2", r2(&predicted, &wanted)?));
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::data::{Format, LabelEncoder};

    #[test]
    fn errors_of_numbers_are_scikit_learns() {
        // mean_absolute_error and r2_score of these: 0.5 and 0.9486081370449679.
        let numbers = [[3.0, 2.5], [-0.5, 0.0], [2.0, 2.0], [7.0, 8.0]];
        let [(mae, absolute), (r2, share)] = errors(&numbers).unwrap()[..] else {
            panic!("there are two");
        };
        assert_eq!((mae, absolute, r2), ("mae", 0.5, "r2"));
        assert!((share - 0.948_608_137_044_967_9).abs() < 1e-12);
        assert_eq!(errors(&[[1.0, 2.0], [1.0, 0.0]]).unwrap(), [("mae", 1.0)]);
    }

    #[test]
    fn a_report_is_scikit_learns() {
        let names = ["no", "yes"].map(str::to_owned);
        let labels = Labels::One {
            encoder: LabelEncoder::named(names.to_vec()),
            column: "label".to_owned(),
        };
        let mut tally = Tally::new(&labels, metric(None, None, &labels).unwrap());
        // classification_report([0, 0, 0, 1], [0, 0, 1, 1]): 1.00 0.67 0.80 3, 0.50 1.00 0.67 1.
        let csv = "text,label\na,0\nb,0\nc,0\nd,1\n";
        let rows = Dataset::from_bytes("rows.csv", Format::Csv, csv.as_bytes().to_vec()).unwrap();
        for (row, predicted) in [0, 0, 1, 1].into_iter().enumerate() {
            let mut scores = vec![0.25; 2];
            scores[predicted] = 0.75;
            let prediction = Prediction::SingleLabel {
                label: names[predicted].clone(),
                label_id: predicted,
                score: 0.75,
                scores,
                logits: vec![0.0; 2],
            };
            let truth = rows.column("label").unwrap();
            let outcome = tally.compare(&truth, row, &prediction).unwrap();
            let pair = Pair {
                text: format!("row {row}"),
                text_pair: None,
            };
            tally.add(row, pair, outcome);
        }
        let review = tally.finish("validation".to_owned()).unwrap();
        assert_eq!((review.num_rows, review.num_right), (4, 3));
        assert_eq!(review.metrics.get("accuracy"), Some(0.75));
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

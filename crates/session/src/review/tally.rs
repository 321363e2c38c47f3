//! Counting: what is true of each row beside what was predicted.

use tunesmith::data::ColumnView;
use tunesmith::metrics::{ClassCounts, Metric, MetricError, mean_absolute_error, r2};
use tunesmith::model::Task;
use tunesmith::train::{class_report, sigmoid};
use tunesmith_protocol::{CalibrationBin, Metrics, Pair, Prediction, Review, WrongRow};

use crate::SessionError;
use crate::label_columns::problem_type;
use crate::labels::{Labels, chosen};

/// Numbers that are shown one by one.
const NUMBERS: usize = 1000;

/// Parts of the range of probabilities.
const BINS: usize = 10;

/// What came of a row.
pub(super) struct Outcome {
    pub(super) label: String,
    pub(super) predicted: String,
    pub(super) is_right: bool,
    /// The true class's probability; NaN where a row has no one class.
    pub(super) score: f64,
    /// The predicted class's; likewise.
    pub(super) confidence: f64,
    pub(super) loss: f64,
}

/// What the rows of a split came to, so far.
pub(super) struct Tally<'a> {
    labels: &'a Labels,
    pub(super) metric: Metric,
    /// Of rows that have one class each.
    classes: ClassCounts,
    confusion: Vec<Vec<u64>>,
    rows: u64,
    right: u64,
    wrong: Vec<WrongRow>,
    /// The true and the predicted number of each row.
    numbers: Vec<[f64; 2]>,
    calibration: Calibration,
}

impl<'a> Tally<'a> {
    pub(super) fn new(labels: &'a Labels, metric: Metric) -> Self {
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
            calibration: Calibration::default(),
        }
    }

    pub(super) fn names(&self) -> &'a [String] {
        self.labels.names()
    }

    /// Compares a row's label with what was predicted, and counts it.
    pub(super) fn compare(
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
                let (score, confidence) = (scores[class], scores[*label_id]);
                self.calibration.add(confidence, class == *label_id);
                Ok(Outcome {
                    label: names[class].clone(),
                    predicted: label.clone(),
                    is_right: class == *label_id,
                    score,
                    confidence,
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
                    confidence: f64::NAN,
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
                for (probability, is_there) in sigmoid(logits).into_iter().zip(&wanted) {
                    self.calibration.add(f64::from(probability), *is_there);
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
                    confidence: f64::NAN,
                    loss: losses.sum::<f64>() / names.len().max(1) as f64,
                })
            }
            Prediction::Tokens { .. } => Err(unknown()),
        }
    }

    /// Takes in the probability of a token's tag.
    pub(super) fn add_tag(&mut self, probability: f64, is_right: bool) {
        self.calibration.add(probability, is_right);
    }

    pub(super) fn add(&mut self, row: usize, pair: Pair, outcome: Outcome) {
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
            confidence: outcome.confidence,
            loss: outcome.loss,
        });
    }

    /// What it came to, with no more than `most` rows one by one.
    pub(super) fn finish(mut self, split: String, most: usize) -> Result<Review, SessionError> {
        self.wrong
            .sort_by(|a, b| b.loss.total_cmp(&a.loss).then(a.row.cmp(&b.row)));
        self.wrong.truncate(most);
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
            calibration: self.calibration.bins(),
        })
    }
}

/// How often probabilities were right.
#[derive(Default)]
struct Calibration {
    /// Count, those that were right, and their sum.
    bins: [(u64, u64, f64); BINS],
}

impl Calibration {
    fn add(&mut self, probability: f64, is_right: bool) {
        let place = ((probability * BINS as f64) as usize).min(BINS - 1);
        let (count, right, sum) = &mut self.bins[place];
        *count += 1;
        *right += u64::from(is_right);
        *sum += probability;
    }

    /// None where nothing was added.
    fn bins(&self) -> Vec<CalibrationBin> {
        if self.bins.iter().all(|(count, ..)| *count == 0) {
            return Vec::new();
        }
        let bins = self.bins.iter().enumerate();
        let bins = bins.map(|(place, (count, right, sum))| CalibrationBin {
            from: place as f64 / BINS as f64,
            to: (place + 1) as f64 / BINS as f64,
            count: *count,
            right: *right,
            mean_score: sum / (*count).max(1) as f64,
        });
        bins.collect()
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
    use crate::metric::metric;
    use tunesmith::data::{Dataset, Format, LabelEncoder};

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
        let review = tally.finish("validation".to_owned(), 50).unwrap();
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
        assert_eq!((wrong.score, wrong.confidence), (0.25, 0.75));
        // Three of four answers with 75 % are right.
        let filled = review.calibration.iter().filter(|bin| bin.count > 0);
        let filled: Vec<_> = filled.map(|bin| (bin.from, bin.count, bin.right)).collect();
        assert_eq!(filled, [(0.7, 4, 3)]);
        assert_eq!(review.calibration_error(), Some(0.0));
        assert!((wrong.loss - 0.25f64.recip().ln()).abs() < 1e-12);
    }
}

//! Metrics of probabilities: how well they rank, and how sure they are of what is there. Equal to
//! scikit-learn's; all rows are kept, since ranks need them all.

use crate::classes::same_length;
use crate::error::{MetricError, Side};

/// The probability of each label of each row, and what is there.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Probabilities {
    num_labels: usize,
    /// `[rows * num_labels]`.
    values: Vec<f64>,
    truth: Truth,
}

#[derive(Debug, Clone, PartialEq)]
enum Truth {
    /// The class of each row, `[rows]`.
    Classes(Vec<usize>),
    /// For each label whether a row has it, `[rows * num_labels]`.
    Labels(Vec<bool>),
}

impl Default for Truth {
    fn default() -> Self {
        Self::Classes(Vec::new())
    }
}

/// What may be added.
#[derive(Debug, Clone, Copy)]
pub(crate) enum References<'a> {
    Classes(&'a [i64]),
    Labels(&'a [bool]),
}

impl Probabilities {
    pub(crate) fn of_classes(num_labels: usize) -> Self {
        Self {
            num_labels,
            ..Self::default()
        }
    }

    pub(crate) fn of_labels(num_labels: usize) -> Self {
        Self {
            num_labels,
            values: Vec::new(),
            truth: Truth::Labels(Vec::new()),
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.values.len() / self.num_labels.max(1)
    }

    /// Adds rows; on an error none of them.
    pub(crate) fn add(
        &mut self,
        probabilities: &[f64],
        references: References<'_>,
    ) -> Result<(), MetricError> {
        let (num_labels, first) = (self.num_labels, self.rows());
        if num_labels == 0 || !probabilities.len().is_multiple_of(num_labels) {
            return Err(MetricError::NotWholeRows {
                values: probabilities.len(),
                num_labels,
            });
        }
        if let Some(place) = probabilities.iter().position(|value| !value.is_finite()) {
            return Err(MetricError::NotFinite {
                row: first + place / num_labels,
                side: Side::Prediction,
                value: probabilities[place],
            });
        }
        match (&mut self.truth, references) {
            (Truth::Classes(kept), References::Classes(classes)) => {
                same_length(probabilities.len() / num_labels, classes.len())?;
                let class = |(row, label): (usize, &i64)| match usize::try_from(*label) {
                    Ok(class) if class < num_labels => Ok(class),
                    _ => Err(MetricError::LabelOutOfRange {
                        row: first + row,
                        side: Side::Reference,
                        label: *label,
                        num_labels,
                    }),
                };
                let classes: Result<Vec<usize>, _> =
                    classes.iter().enumerate().map(class).collect();
                kept.extend(classes?);
            }
            (Truth::Labels(kept), References::Labels(labels)) => {
                same_length(probabilities.len(), labels.len())?;
                kept.extend(labels);
            }
            (Truth::Classes(_), References::Labels(_)) => {
                return Err(MetricError::OtherKind {
                    wanted: "one class a row",
                    given: "rows of several labels",
                });
            }
            (Truth::Labels(_), References::Classes(_)) => {
                return Err(MetricError::OtherKind {
                    wanted: "rows of several labels",
                    given: "one class a row",
                });
            }
        }
        self.values.extend(probabilities);
        Ok(())
    }

    fn is_there(&self, row: usize, label: usize) -> bool {
        match &self.truth {
            Truth::Classes(classes) => classes[row] == label,
            Truth::Labels(labels) => labels[row * self.num_labels + label],
        }
    }

    /// The probabilities of one label, the highest first, each with whether the label is there.
    fn ranked(&self, label: usize) -> Vec<(f64, bool)> {
        let rows = 0..self.rows();
        let mut ranked: Vec<(f64, bool)> = rows
            .map(|row| {
                let value = self.values[row * self.num_labels + label];
                (value, self.is_there(row, label))
            })
            .collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        ranked
    }

    /// A score of label 1 of two classes, else the mean over all labels.
    fn mean(&self, score: impl Fn(&[(f64, bool)]) -> f64) -> f64 {
        let labels = match (&self.truth, self.num_labels) {
            (Truth::Classes(_), 2) => 1..2,
            (_, labels) => 0..labels,
        };
        let count = labels.len() as f64;
        labels.map(|label| score(&self.ranked(label))).sum::<f64>() / count
    }

    /// The true class of each row, and the row's probabilities.
    fn classes(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let classes: &[usize] = match &self.truth {
            Truth::Classes(classes) => classes,
            Truth::Labels(_) => &[],
        };
        let rows = self.values.chunks(self.num_labels.max(1));
        classes.iter().copied().zip(rows)
    }
}

/// How many rows with the label and without it there are of each probability, the highest first.
fn groups(ranked: &[(f64, bool)]) -> impl Iterator<Item = (f64, f64)> {
    ranked.chunk_by(|a, b| a.0 == b.0).map(|equal| {
        let with = equal.iter().filter(|(_, is_there)| *is_there).count();
        (with as f64, (equal.len() - with) as f64)
    })
}

/// The area under the receiver operating characteristic (`roc_auc_score`): of label 1 of two classes, else
/// the mean of each label against the others (`multi_class="ovr"`). NaN where a label is in no row, or in
/// all.
pub(crate) fn roc_auc(rows: &Probabilities) -> f64 {
    rows.mean(|ranked| {
        // Pairs of a row with the label and one without, in which the first has the higher probability;
        // equal ones count half.
        let (mut with, mut without, mut pairs) = (0.0, 0.0, 0.0);
        for (more_with, more_without) in groups(ranked) {
            pairs += more_without * (with + more_with / 2.0);
            with += more_with;
            without += more_without;
        }
        pairs / (with * without)
    })
}

/// The mean of the precisions at each row with the label (`average_precision_score`): of label 1 of two
/// classes, else the mean over the labels; 0 for a label that is in no row.
pub(crate) fn average_precision(rows: &Probabilities) -> f64 {
    rows.mean(|ranked| {
        let (mut with, mut all, mut sum) = (0.0, 0.0, 0.0);
        for (more_with, more_without) in groups(ranked) {
            with += more_with;
            all += more_with + more_without;
            sum += more_with * with / all;
        }
        if with == 0.0 { 0.0 } else { sum / with }
    })
}

/// The mean of -ln of the true class's probability (`log_loss`), which is held within an f64's epsilon of 0
/// and 1.
pub(crate) fn log_loss(rows: &Probabilities) -> f64 {
    let losses = rows
        .classes()
        .map(|(class, row)| -libm::log(row[class].clamp(f64::EPSILON, 1.0 - f64::EPSILON)));
    losses.sum::<f64>() / rows.rows() as f64
}

/// The share of rows whose class is among the K most probable (`top_k_accuracy_score`); of equal ones the
/// last count as more probable.
pub(crate) fn top_k_accuracy<const K: usize>(rows: &Probabilities) -> f64 {
    let hits = rows.classes().filter(|(class, row)| {
        let before = row.iter().enumerate().filter(|(other, probability)| {
            **probability > row[*class] || (**probability == row[*class] && other > class)
        });
        before.count() < K
    });
    hits.count() as f64 / rows.rows() as f64
}

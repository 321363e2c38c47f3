//! Metrics of classes. All of them are functions of three counts per class, so a metric streams and
//! its memory doesn't grow with the rows.

use crate::Average;
use crate::error::{MetricError, Side};
use crate::report::{Counts, LabelScores};

/// How often each class was predicted, was right to be, and was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassCounts {
    hits: Vec<u64>,
    predicted: Vec<u64>,
    actual: Vec<u64>,
    /// Whether a class may come that wasn't counted before.
    open: bool,
}

/// Classes that are counted as they come: a higher number is a mistake, and would take too much memory.
const MOST_CLASSES: usize = 1 << 20;

impl ClassCounts {
    /// Counts for classes `0..num_labels`, all 0.
    #[must_use]
    pub fn new(num_labels: usize) -> Self {
        Self {
            hits: vec![0; num_labels],
            predicted: vec![0; num_labels],
            actual: vec![0; num_labels],
            open: false,
        }
    }

    /// Counts for as many classes as come.
    pub(crate) fn open() -> Self {
        Self {
            open: true,
            ..Self::new(0)
        }
    }

    /// Classes there are.
    #[must_use]
    pub fn num_labels(&self) -> usize {
        self.actual.len()
    }

    /// Rows counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.actual.iter().sum()
    }

    /// Counts a batch; on an error none of it.
    ///
    /// # Errors
    /// When the lengths differ or a label is not in `0..num_labels`; the row counts over all batches.
    pub fn add_batch(
        &mut self,
        predictions: &[i64],
        references: &[i64],
    ) -> Result<(), MetricError> {
        let known = if self.open {
            MOST_CLASSES
        } else {
            self.num_labels()
        };
        let pairs = pairs(predictions, references, known, self.rows() as usize)?;
        let highest = pairs.iter().map(|(a, b)| *a.max(b) + 1).max();
        if let Some(needed) = highest.filter(|needed| *needed > self.num_labels()) {
            for counts in [&mut self.hits, &mut self.predicted, &mut self.actual] {
                counts.resize(needed, 0);
            }
        }
        for (prediction, reference) in pairs {
            self.predicted[prediction] += 1;
            self.actual[reference] += 1;
            self.hits[reference] += u64::from(prediction == reference);
        }
        Ok(())
    }

    /// The share of rows whose prediction is right (scikit-learn's `accuracy_score`); NaN without rows.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.correct() / self.rows() as f64
    }

    /// F1 of one class: 2 hits / (predicted + actual); 0 where the class neither was predicted nor
    /// is there, as scikit-learn's `f1_score` has it. Class 1 is the "positive" one of GLUE.
    #[must_use]
    pub fn f1(&self, label: usize) -> f64 {
        let count = |counts: &[u64]| counts.get(label).copied().unwrap_or(0);
        let denominator = count(&self.predicted) + count(&self.actual);
        if denominator == 0 {
            0.0
        } else {
            2.0 * count(&self.hits) as f64 / denominator as f64
        }
    }

    /// The mean F1 of the classes that were predicted or are there (scikit-learn's `f1_score` with
    /// `average="macro"`); NaN without rows.
    #[must_use]
    pub fn f1_macro(&self) -> f64 {
        self.mean(Average::Macro, Counts::f1).unwrap_or(f64::NAN)
    }

    /// Matthews' correlation coefficient for any number of classes (Gorodkin 2004, in scikit-learn's
    /// order of operations); 0 where either side has one class only.
    #[must_use]
    pub fn matthews_correlation(&self) -> f64 {
        let dot = |a: &[u64], b: &[u64]| -> f64 {
            a.iter().zip(b).map(|(x, y)| *x as f64 * *y as f64).sum()
        };
        let rows = self.rows() as f64;
        let both = self.correct() * rows - dot(&self.actual, &self.predicted);
        let predicted = rows * rows - dot(&self.predicted, &self.predicted);
        let actual = rows * rows - dot(&self.actual, &self.actual);
        let product = predicted * actual;
        if product == 0.0 {
            0.0
        } else {
            both / product.sqrt()
        }
    }

    /// Precision, recall and F1 of every class, in the order of their ids; `names` are theirs.
    #[must_use]
    pub fn by_label(&self, names: &[String]) -> Vec<LabelScores> {
        let named = names.iter().zip(self.counts());
        named.map(|(name, counts)| counts.scores(name)).collect()
    }

    /// A score of the labels together (scikit-learn's `average`); NaN for the mean of no labels.
    pub(crate) fn mean(
        &self,
        average: Average,
        score: fn(&Counts) -> f64,
    ) -> Result<f64, MetricError> {
        let counts: Vec<Counts> = self.counts().collect();
        Ok(match average {
            Average::Binary if counts.len() > 2 => {
                return Err(MetricError::NotBinary {
                    num_labels: counts.len(),
                });
            }
            Average::Binary => counts.get(1).map_or(0.0, score),
            Average::Micro => score(&Counts::sum(&counts)),
            Average::Macro => {
                let seen = counts.iter().filter(|c| c.predicted + c.actual > 0);
                let scores: Vec<f64> = seen.map(score).collect();
                scores.iter().sum::<f64>() / scores.len() as f64
            }
            Average::Weighted => Counts::weighted(&counts, score),
        })
    }

    fn counts(&self) -> impl Iterator<Item = Counts> + '_ {
        (0..self.num_labels()).map(|label| Counts {
            hits: self.hits[label],
            predicted: self.predicted[label],
            actual: self.actual[label],
        })
    }

    fn correct(&self) -> f64 {
        self.hits.iter().sum::<u64>() as f64
    }
}

/// Counts rows by reference (outer) and prediction (inner): `[num_labels][num_labels]`, as
/// scikit-learn's `confusion_matrix`.
///
/// # Errors
/// When the lengths differ or a label is not in `0..num_labels`.
pub fn confusion_matrix(
    predictions: &[i64],
    references: &[i64],
    num_labels: usize,
) -> Result<Vec<Vec<u64>>, MetricError> {
    let mut matrix = vec![vec![0; num_labels]; num_labels];
    for (prediction, reference) in pairs(predictions, references, num_labels, 0)? {
        matrix[reference][prediction] += 1;
    }
    Ok(matrix)
}

fn pairs(
    predictions: &[i64],
    references: &[i64],
    num_labels: usize,
    first_row: usize,
) -> Result<Vec<(usize, usize)>, MetricError> {
    same_length(predictions.len(), references.len())?;
    let class = |row: usize, side, label: i64| match usize::try_from(label) {
        Ok(class) if class < num_labels => Ok(class),
        _ => Err(MetricError::LabelOutOfRange {
            row: first_row + row,
            side,
            label,
            num_labels,
        }),
    };
    predictions
        .iter()
        .zip(references)
        .enumerate()
        .map(|(row, (prediction, reference))| {
            Ok((
                class(row, Side::Prediction, *prediction)?,
                class(row, Side::Reference, *reference)?,
            ))
        })
        .collect()
}

pub(crate) fn same_length(predictions: usize, references: usize) -> Result<(), MetricError> {
    if predictions == references {
        Ok(())
    } else {
        Err(MetricError::Lengths {
            predictions,
            references,
        })
    }
}

//! Metrics of rows that may have several labels at once, and the thresholds from which a label counts as
//! predicted.

pub use tunesmith_architecture::DEFAULT_THRESHOLD;

use crate::Average;
use crate::classes::same_length;
use crate::error::MetricError;
use crate::report::{Counts, LabelScores};

/// How often each label was predicted, was right to be, and was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultiLabelCounts {
    labels: Vec<Counts>,
    rows: u64,
    exact: u64,
}

impl MultiLabelCounts {
    /// Counts for so many labels, all 0.
    #[must_use]
    pub fn new(num_labels: usize) -> Self {
        Self {
            labels: vec![Counts::default(); num_labels],
            rows: 0,
            exact: 0,
        }
    }

    /// Labels there are.
    #[must_use]
    pub fn num_labels(&self) -> usize {
        self.labels.len()
    }

    /// Rows counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Counts a batch, `[rows * num_labels]` each, row by row; on an error none of it.
    ///
    /// # Errors
    /// When the lengths differ, or are no multiple of the number of labels.
    pub fn add_batch(
        &mut self,
        predictions: &[bool],
        references: &[bool],
    ) -> Result<(), MetricError> {
        same_length(predictions.len(), references.len())?;
        let num_labels = self.num_labels().max(1);
        if !predictions.len().is_multiple_of(num_labels) {
            return Err(MetricError::NotWholeRows {
                values: predictions.len(),
                num_labels,
            });
        }
        let rows = predictions
            .chunks(num_labels)
            .zip(references.chunks(num_labels));
        for (predicted, actual) in rows {
            self.rows += 1;
            self.exact += u64::from(predicted == actual);
            for (counts, (predicted, actual)) in
                self.labels.iter_mut().zip(predicted.iter().zip(actual))
            {
                counts.predicted += u64::from(*predicted);
                counts.actual += u64::from(*actual);
                counts.hits += u64::from(*predicted && *actual);
            }
        }
        Ok(())
    }

    /// The share of rows whose labels are all right and complete (scikit-learn's `accuracy_score` of
    /// multi-label rows); NaN without rows.
    #[must_use]
    pub fn subset_accuracy(&self) -> f64 {
        self.exact as f64 / self.rows as f64
    }

    /// A score of all labels together (scikit-learn's `average`).
    pub(crate) fn mean(&self, average: Average, score: fn(&Counts) -> f64) -> f64 {
        match average {
            Average::Binary | Average::Micro => score(&Counts::sum(&self.labels)),
            Average::Macro => self.labels.iter().map(score).sum::<f64>() / self.labels.len() as f64,
            Average::Weighted => Counts::weighted(&self.labels, score),
        }
    }

    /// F1 over all labels of all rows (scikit-learn's `f1_score` with `average="micro"`); 0 where no row
    /// has a label and none was predicted.
    #[must_use]
    pub fn f1_micro(&self) -> f64 {
        self.mean(Average::Micro, Counts::f1)
    }

    /// The mean F1 of all labels (`average="macro"`); a label that is never there and never predicted
    /// counts as 0.
    #[must_use]
    pub fn f1_macro(&self) -> f64 {
        self.mean(Average::Macro, Counts::f1)
    }

    /// The mean F1 of all labels, each weighted by the rows that have it (`average="weighted"`); 0 where
    /// no row has a label.
    #[must_use]
    pub fn f1_weighted(&self) -> f64 {
        self.mean(Average::Weighted, Counts::f1)
    }

    /// Precision, recall and F1 of every label, in the order of their ids; `names` are theirs.
    #[must_use]
    pub fn by_label(&self, names: &[String]) -> Vec<LabelScores> {
        let named = names.iter().zip(&self.labels);
        named.map(|(name, counts)| counts.scores(name)).collect()
    }
}

/// The labels that are predicted: those whose probability lies above their threshold, `[rows *
/// num_labels]`.
///
/// `thresholds` has one number for each label; where there are fewer, the last ones have
/// [`DEFAULT_THRESHOLD`].
#[must_use]
pub fn above_thresholds(probabilities: &[f32], thresholds: &[f64], num_labels: usize) -> Vec<bool> {
    probabilities
        .iter()
        .enumerate()
        .map(|(place, probability)| {
            let threshold = thresholds.get(place % num_labels.max(1));
            // As numpy compares a float32 with a number: 0.3 doesn't lie above 0.3.
            *probability > threshold.copied().unwrap_or(DEFAULT_THRESHOLD) as f32
        })
        .collect()
}

/// For each label the threshold with the best F1 on these rows; probabilities and references are
/// `[rows * num_labels]`, row by row.
///
/// [`DEFAULT_THRESHOLD`] is kept where no other is better, and where no row has the label. Other
/// thresholds lie halfway between two probabilities, so that they don't hang on the last digit of one.
///
/// # Errors
/// When the lengths differ, or are no multiple of the number of labels.
pub fn best_thresholds(
    probabilities: &[f32],
    references: &[bool],
    num_labels: usize,
) -> Result<Vec<f64>, MetricError> {
    same_length(probabilities.len(), references.len())?;
    if num_labels == 0 || !probabilities.len().is_multiple_of(num_labels) {
        return Err(MetricError::NotWholeRows {
            values: probabilities.len(),
            num_labels,
        });
    }
    let of_label = |label: usize| {
        let column = probabilities.iter().zip(references).skip(label);
        let rows = column.step_by(num_labels);
        best_threshold(rows.map(|(p, there)| (f64::from(*p), *there)).collect())
    };
    Ok((0..num_labels).map(of_label).collect())
}

fn best_threshold(mut rows: Vec<(f64, bool)>) -> f64 {
    let f1 = |hits: usize, predicted: usize, actual: usize| {
        Counts {
            hits: hits as u64,
            predicted: predicted as u64,
            actual: actual as u64,
        }
        .f1()
    };
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let actual = rows.iter().filter(|(_, there)| *there).count();
    let (mut best, mut threshold) = (0.0, DEFAULT_THRESHOLD);
    let above = rows.partition_point(|(p, _)| *p > DEFAULT_THRESHOLD);
    let hits_above = rows[..above].iter().filter(|(_, there)| *there).count();
    if actual > 0 {
        best = f1(hits_above, above, actual);
    }
    let mut hits = 0;
    for (i, (probability, there)) in rows.iter().enumerate() {
        hits += usize::from(*there);
        let next = rows.get(i + 1).map_or(0.0, |(next, _)| *next);
        // Rows of one probability are predicted together.
        if next == *probability {
            continue;
        }
        let score = f1(hits, i + 1, actual);
        if score > best {
            best = score;
            // Between two neighbours of float32 there is no other.
            let half = f64::from(((probability + next) / 2.0) as f32);
            threshold = if half < *probability { half } else { next };
        }
    }
    threshold
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_moved_only_where_that_is_better() {
        // One label: a threshold between 0.2 and 0.3 tells all rows apart.
        let tuned = best_thresholds(&[0.9, 0.3, 0.2, 0.1], &[true, true, false, false], 1);
        let tuned = tuned.unwrap();
        assert!((tuned[0] - 0.25).abs() < 1e-7, "{tuned:?}");
        for (probabilities, references) in [
            (vec![0.9, 0.6, 0.2], vec![true, true, false]),
            (vec![0.9, 0.6, 0.2], vec![false; 3]),
            (Vec::new(), Vec::new()),
        ] {
            let tuned = best_thresholds(&probabilities, &references, 1).unwrap();
            assert_eq!(tuned, [DEFAULT_THRESHOLD], "{probabilities:?}");
        }
        // Equal probabilities stay together, and each label has its own.
        let tuned = best_thresholds(
            &[0.4, 0.9, 0.4, 0.8, 0.1, 0.7],
            &[true, true, true, false, false, false],
            2,
        );
        let tuned = tuned.unwrap();
        assert!((tuned[0] - 0.25).abs() < 1e-7, "{tuned:?}");
        assert!((tuned[1] - 0.85).abs() < 1e-7, "{tuned:?}");
        // All rows have the label: everything is predicted.
        let tuned = best_thresholds(&[0.4, 0.0], &[true, true], 1).unwrap();
        assert!((0.0..0.4).contains(&tuned[0]), "{tuned:?}");
    }

    #[test]
    fn labels_above_their_thresholds_are_predicted() {
        let predicted = above_thresholds(&[0.5, 0.31, 0.51, 0.3], &[0.5, 0.3], 2);
        assert_eq!(predicted, [false, true, true, false]);
        assert_eq!(above_thresholds(&[0.6, 0.4], &[], 2), [true, false]);
    }

    #[test]
    fn half_a_row_is_refused() {
        let mut counts = MultiLabelCounts::new(2);
        let message = counts.add_batch(&[true; 3], &[true; 3]).unwrap_err();
        assert_eq!(
            message.to_string(),
            "3 values are no whole rows of 2 labels: give each row one value for every label"
        );
        assert_eq!(counts.rows(), 0);
    }
}

//! Precision, recall and F1 of one label, from three counts.

use serde::Serialize;

/// How often a label was predicted, was there, and both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) hits: u64,
    pub(crate) predicted: u64,
    pub(crate) actual: u64,
}

/// What a classification report says of one label, as scikit-learn and seqeval do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelScores {
    /// The label, or the type of entity.
    pub name: String,
    /// The share of predictions that are right; 0 where there are none.
    pub precision: f64,
    /// The share that was found; 0 where there was nothing to find.
    pub recall: f64,
    /// The harmonic mean of the two; 0 where both are.
    pub f1: f64,
    /// How often the label was there.
    pub support: u64,
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

impl Counts {
    pub(crate) fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        all.into_iter().fold(Self::default(), |sum, more| Self {
            hits: sum.hits + more.hits,
            predicted: sum.predicted + more.predicted,
            actual: sum.actual + more.actual,
        })
    }

    /// The mean of a score, weighted by how often each label was there; 0 where none was.
    pub(crate) fn weighted<'a>(
        all: impl IntoIterator<Item = &'a Self>,
        score: impl Fn(&Self) -> f64,
    ) -> f64 {
        let (mut sum, mut weights) = (0.0, 0);
        for counts in all {
            sum += score(counts) * counts.actual as f64;
            weights += counts.actual;
        }
        if weights == 0 {
            0.0
        } else {
            sum / weights as f64
        }
    }

    pub(crate) fn precision(&self) -> f64 {
        ratio(self.hits, self.predicted)
    }

    pub(crate) fn recall(&self) -> f64 {
        ratio(self.hits, self.actual)
    }

    pub(crate) fn f1(&self) -> f64 {
        ratio(2 * self.hits, self.predicted + self.actual)
    }

    pub(crate) fn scores(&self, name: &str) -> LabelScores {
        LabelScores {
            name: name.to_owned(),
            precision: self.precision(),
            recall: self.recall(),
            f1: self.f1(),
            support: self.actual,
        }
    }
}

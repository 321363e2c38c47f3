//! Parts of a training that may be functions of one's own: what is measured, and what is minimized.

use std::error::Error;
use std::sync::Arc;

use tunesmith_data::Labels;
use tunesmith_protocol::Metrics;

use crate::evaluate::predicted_classes;

/// Any error of such a function.
pub type OwnError = Box<dyn Error + Send + Sync>;

/// What a function for `compute_metrics` is given: all rows of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EvalPrediction<'a> {
    /// Logits, `[rows, num_labels]`, row by row; for a task over tokens `[tokens, num_labels]`, without
    /// padding.
    pub predictions: &'a [f32],
    /// The head's outputs: classes, or 1 for a regression.
    pub num_labels: usize,
    /// `[rows]`, classes as numbers; `[rows, num_labels]` of 0 and 1 where a row may have several;
    /// `[tokens]`, -100 where a token counts for nothing.
    pub label_ids: &'a [f64],
}

impl EvalPrediction<'_> {
    /// The class of the highest logit of every row, the first of equal ones: `[rows]`.
    #[must_use]
    pub fn predicted_classes(&self) -> Vec<usize> {
        predicted_classes(self.predictions, self.num_labels)
    }
}

/// A loss of one's own for one batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LossAndGradient {
    /// The loss.
    pub loss: f64,
    /// Its derivative by each logit, in their order.
    pub gradient: Vec<f32>,
}

pub(crate) type ComputeMetrics =
    Arc<dyn Fn(&EvalPrediction<'_>) -> Result<Metrics, OwnError> + Send + Sync>;

pub(crate) type LossFunction =
    Arc<dyn Fn(&[f32], usize, &Labels) -> Result<LossAndGradient, OwnError> + Send + Sync>;

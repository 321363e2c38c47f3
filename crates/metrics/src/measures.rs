//! What a metric measures of classes or numbers: a row each.

use crate::MetricError;
use crate::classes::ClassCounts;
use crate::correlation::{mean_squared_error, pearson, spearman};
use crate::report::Counts;

/// A value that a metric gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    /// What it is called among the scores.
    pub(crate) name: &'static str,
    pub(crate) of: Of,
    /// Whether evaluate has a metric of this name that measures this alone.
    pub(crate) is_metric: bool,
}

/// What it is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    /// One class a row.
    Classes(fn(&ClassCounts) -> f64),
    /// The counts of each label, of which [`crate::Average`] says the mean.
    Labels(fn(&Counts) -> f64),
    /// One number a row: predictions, references.
    Numbers(fn(&[f64], &[f64]) -> Result<f64, MetricError>),
}

impl PartialEq for Measure {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

const fn measure(name: &'static str, of: Of) -> Measure {
    Measure {
        name,
        of,
        is_metric: true,
    }
}

/// One under a name that evaluate has not.
const fn own(name: &'static str, of: Of) -> Measure {
    Measure {
        is_metric: false,
        ..measure(name, of)
    }
}

pub(crate) const MEASURES: [Measure; 10] = [
    measure("accuracy", Of::Classes(ClassCounts::accuracy)),
    measure("f1", Of::Labels(Counts::f1)),
    measure("precision", Of::Labels(Counts::precision)),
    measure("recall", Of::Labels(Counts::recall)),
    measure(
        "matthews_correlation",
        Of::Classes(ClassCounts::matthews_correlation),
    ),
    measure("pearsonr", Of::Numbers(pearson)),
    measure("spearmanr", Of::Numbers(spearman)),
    measure("mse", Of::Numbers(mean_squared_error)),
    own("f1_macro", Of::Classes(ClassCounts::f1_macro)),
    // As GLUE has it.
    own("pearson", Of::Numbers(pearson)),
];

//! The table of metrics: what each is called, what it needs, which way is better, and its function.
//! Whatever names a metric (`metric_name`, `metric_for_best_model`, [`crate::load`]) looks here.

use crate::classes::ClassCounts;
use crate::correlation::{mean_absolute_error, mean_squared_error, pearson, r2, spearman};
use crate::probabilities::{Probabilities, average_precision, log_loss, roc_auc, top_k_accuracy};
use crate::report::Counts;
use crate::{Average, MetricError};

/// A value that can be measured.
#[derive(Debug, Clone, Copy)]
pub struct Measure {
    /// What it is called among the scores.
    pub name: &'static str,
    /// Whether more of it is better.
    pub greater_is_better: bool,
    pub(crate) of: Of,
    /// Whether evaluate has a metric of this name that measures this alone.
    pub(crate) is_metric: bool,
}

/// What it is computed from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of {
    /// The share that is right: of rows, or of tokens.
    Accuracy,
    /// One class a row or token.
    Classes(fn(&ClassCounts) -> f64),
    /// The counts of each label, of which [`Average`] says the mean; of entities all of them together.
    Labels(fn(&Counts) -> f64),
    /// The same with a mean of its own.
    Mean(Average, fn(&Counts) -> f64),
    /// The probability of each label.
    Probabilities(fn(&Probabilities) -> f64),
    /// The same, where a row has one class and not several.
    ClassProbabilities(fn(&Probabilities) -> f64),
    /// One number a row: predictions, references.
    Numbers(fn(&[f64], &[f64]) -> Result<f64, MetricError>),
}

impl Of {
    pub(crate) fn needs_probabilities(self) -> bool {
        matches!(self, Self::Probabilities(_) | Self::ClassProbabilities(_))
    }
}

impl PartialEq for Measure {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Measure {
    /// The one of this name, or of an [alias](ALIASES).
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
        let name = alias.map_or(name, |(_, name)| *name);
        MEASURES.iter().find(|measure| measure.name == name)
    }
}

/// Other names that people have for a metric.
pub const ALIASES: [(&str, &str); 4] = [
    ("mcc", "matthews_correlation"),
    ("spearman", "spearmanr"),
    ("r_squared", "r2"),
    ("roc_auc_ovr", "roc_auc"),
];

const fn measure(name: &'static str, of: Of) -> Measure {
    Measure {
        name,
        greater_is_better: true,
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

/// One that is to be small.
const fn error(measure: Measure) -> Measure {
    Measure {
        greater_is_better: false,
        ..measure
    }
}

/// All metrics.
pub const MEASURES: &[Measure] = &[
    measure("accuracy", Of::Accuracy),
    measure("f1", Of::Labels(Counts::f1)),
    measure("precision", Of::Labels(Counts::precision)),
    measure("recall", Of::Labels(Counts::recall)),
    measure(
        "matthews_correlation",
        Of::Classes(ClassCounts::matthews_correlation),
    ),
    measure("pearsonr", Of::Numbers(pearson)),
    measure("spearmanr", Of::Numbers(spearman)),
    error(measure("mse", Of::Numbers(mean_squared_error))),
    error(measure("mae", Of::Numbers(mean_absolute_error))),
    own("r2", Of::Numbers(r2)),
    // As GLUE has it.
    own("pearson", Of::Numbers(pearson)),
    own("f1_micro", Of::Mean(Average::Micro, Counts::f1)),
    own("f1_macro", Of::Mean(Average::Macro, Counts::f1)),
    own("f1_weighted", Of::Mean(Average::Weighted, Counts::f1)),
    own(
        "precision_micro",
        Of::Mean(Average::Micro, Counts::precision),
    ),
    own(
        "precision_macro",
        Of::Mean(Average::Macro, Counts::precision),
    ),
    own(
        "precision_weighted",
        Of::Mean(Average::Weighted, Counts::precision),
    ),
    own("recall_micro", Of::Mean(Average::Micro, Counts::recall)),
    own("recall_macro", Of::Mean(Average::Macro, Counts::recall)),
    own(
        "recall_weighted",
        Of::Mean(Average::Weighted, Counts::recall),
    ),
    own("roc_auc", Of::Probabilities(roc_auc)),
    own("average_precision", Of::Probabilities(average_precision)),
    error(own("log_loss", Of::ClassProbabilities(log_loss))),
    own(
        "top_2_accuracy",
        Of::ClassProbabilities(top_k_accuracy::<2>),
    ),
    own(
        "top_3_accuracy",
        Of::ClassProbabilities(top_k_accuracy::<3>),
    ),
    own(
        "top_5_accuracy",
        Of::ClassProbabilities(top_k_accuracy::<5>),
    ),
    own(
        "top_10_accuracy",
        Of::ClassProbabilities(top_k_accuracy::<10>),
    ),
];

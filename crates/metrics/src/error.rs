//! What can be wrong with the numbers a metric is given.

use std::fmt;

use crate::Scheme;

/// Which of the two columns a value stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// What the model said.
    Prediction,
    /// What the data says.
    Reference,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prediction => "prediction",
            Self::Reference => "reference",
        })
    }
}

/// Why a metric can't be had. Rows count from 0 over all batches added.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum MetricError {
    /// No metric of this name.
    #[error("there is no metric `{name}`; use one of {known}")]
    UnknownMetric {
        /// The name given.
        name: String,
        /// The names known, with commas between.
        known: String,
    },
    /// A metric that isn't in the table, or not of the task.
    #[error("no metric `{name}` for these labels: use one of {known}")]
    NotOfTask {
        /// The name given.
        name: String,
        /// Those that can be measured, with commas between.
        known: String,
    },
    /// A metric of probabilities, and there are none.
    #[error("this metric needs probabilities: add them with add_probabilities")]
    NoProbabilities,
    /// A configuration that a metric doesn't have.
    #[error("the metric `{name}` has no configuration `{config}`: leave it out")]
    UnknownConfig {
        /// The metric.
        name: String,
        /// The configuration given.
        config: String,
    },
    /// A mean over labels of a metric that has none.
    #[error("only f1, precision and recall have an average: leave it out")]
    NoAverage,
    /// Label 1 of more than two.
    #[error(
        "this metric is of label 1 of two, and there are {num_labels} labels: choose an average \
         (micro, macro or weighted)"
    )]
    NotBinary {
        /// How many labels there are.
        num_labels: usize,
    },
    /// No GLUE task of this name.
    #[error("`{name}` is not a GLUE task; use one of {known}")]
    UnknownTask {
        /// The name given.
        name: String,
        /// The names known, with commas between.
        known: String,
    },
    /// The two columns have different lengths.
    #[error(
        "{predictions} predictions but {references} references: give one reference for every \
         prediction"
    )]
    Lengths {
        /// Rows of predictions.
        predictions: usize,
        /// Rows of references.
        references: usize,
    },
    /// Nothing was added.
    #[error("no rows: add at least one prediction with its reference before computing a metric")]
    Empty,
    /// A label that the task doesn't have.
    #[error("row {row}: {side} {label} is not a label from 0 to {}{}", num_labels - 1, hint(*.side, *.label))]
    LabelOutOfRange {
        /// The row.
        row: usize,
        /// The column.
        side: Side,
        /// The value.
        label: i64,
        /// How many labels there are.
        num_labels: usize,
    },
    /// A number with a fraction where a class is expected.
    #[error("row {row}: {side} {value} is not a class: give whole label ids, not scores")]
    NotAClass {
        /// The row.
        row: usize,
        /// The column.
        side: Side,
        /// The value.
        value: f64,
    },
    /// NaN, infinity, or more than an `f32` holds.
    #[error(
        "row {row}: {side} {value} is not a finite float32: look for a loss that diverged or a bad row"
    )]
    NotFinite {
        /// The row.
        row: usize,
        /// The column.
        side: Side,
        /// The value.
        value: f64,
    },
    /// Classes were added where a score is measured.
    #[error("this metric measures scores, not classes: add them with add_batch")]
    NotAClassMetric,
    /// Values of rows with several labels that don't make whole rows.
    #[error(
        "{values} values are no whole rows of {num_labels} labels: give each row one value for every label"
    )]
    NotWholeRows {
        /// How many there are.
        values: usize,
        /// Labels of a row.
        num_labels: usize,
    },
    /// Rows of another kind than the metric measures.
    #[error("this metric measures {wanted}, not {given}")]
    OtherKind {
        /// What it measures.
        wanted: &'static str,
        /// What was added.
        given: &'static str,
    },
    /// A tag that its scheme doesn't have.
    #[error(
        "the tag {tag:?} is not of the scheme {scheme}: its tags are O, or begin with one of {prefixes}"
    )]
    NotOfScheme {
        /// The tag.
        tag: String,
        /// The scheme.
        scheme: Scheme,
        /// The prefixes it has, with commas between.
        prefixes: String,
    },
    /// No scheme of this name.
    #[error("there is no tagging scheme `{name}`: use one of {known}")]
    UnknownScheme {
        /// The name given.
        name: String,
        /// The names known, with commas between.
        known: String,
    },
    /// A data set without labels.
    #[error("a data set needs at least one label (1 for a regression), got 0")]
    NoLabels,
}

fn hint(side: Side, label: i64) -> &'static str {
    if side == Side::Reference && label == -1 {
        "; -1 marks a split whose labels are not published, which can't be scored"
    } else {
        ""
    }
}

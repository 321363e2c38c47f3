//! Metrics by the names that evaluate has for them.

#[cfg(doc)]
use crate::GlueTask;
use crate::metric::Report;
use crate::{Average, Metric, MetricError};

/// The names, each with what it measures.
const METRICS: [(&str, Report); 9] = [
    ("accuracy", Report::Accuracy),
    ("f1", Report::F1(Average::Binary)),
    ("precision", Report::Precision(Average::Binary)),
    ("recall", Report::Recall(Average::Binary)),
    ("matthews_correlation", Report::Matthews),
    ("pearsonr", Report::Pearson),
    ("spearmanr", Report::Spearman),
    ("mse", Report::Mse),
    ("seqeval", Report::Seqeval),
];

/// Finds a metric as `evaluate.load` does: `load("accuracy", None)`, `load("glue", Some("mrpc"))`.
///
/// Names: `accuracy`, `f1`, `precision`, `recall` (of label 1; see [`Metric::average`]),
/// `matthews_correlation`, `pearsonr`, `spearmanr`, `mse`, `seqeval`, and `glue` with one of
/// [`GlueTask::ALL`].
///
/// # Errors
/// When the name or the task is not one of these, with the list; when `glue` has no task, or another
/// metric has one.
pub fn load(name: &str, config: Option<&str>) -> Result<Metric, MetricError> {
    if name == "glue" {
        // An empty name is no task either, and the error lists them.
        return Ok(Metric::for_task(config.unwrap_or_default().parse()?));
    }
    let Some((_, report)) = METRICS.iter().find(|(known, _)| *known == name) else {
        let known = METRICS.iter().map(|(name, _)| *name).chain(["glue"]);
        return Err(MetricError::UnknownMetric {
            name: name.to_owned(),
            known: known.collect::<Vec<_>>().join(", "),
        });
    };
    match config {
        None => Ok(Metric::open(*report)),
        Some(config) => Err(MetricError::UnknownConfig {
            name: name.to_owned(),
            config: config.to_owned(),
        }),
    }
}

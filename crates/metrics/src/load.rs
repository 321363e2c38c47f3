//! Metrics by the names that evaluate has for them.

#[cfg(doc)]
use crate::GlueTask;
use crate::classes::ClassCounts;
use crate::measures::MEASURES;
use crate::{Metric, MetricError};

/// The metric of tags by their names, which measures several things at once.
const SEQEVAL: &str = "seqeval";

/// Finds a metric as `evaluate.load` does: `load("accuracy", None)`, `load("glue", Some("mrpc"))`.
///
/// Names: `accuracy`, `f1`, `precision`, `recall` (of label 1; see [`Metric::average`]),
/// `matthews_correlation`, `pearsonr`, `spearmanr`, `mse`, `mae`, `seqeval`, and `glue` with one of
/// [`GlueTask::ALL`]. Others are had by [`Metric::named`].
///
/// # Errors
/// When the name or the task is not one of these, with the list; when `glue` has no task, or another
/// metric has one.
pub fn load(name: &str, config: Option<&str>) -> Result<Metric, MetricError> {
    if name == "glue" {
        // An empty name is no task either, and the error lists them.
        return Ok(Metric::for_task(config.unwrap_or_default().parse()?));
    }
    let metrics = MEASURES.iter().filter(|measure| measure.is_metric);
    let mut names: Vec<&str> = metrics.map(|measure| measure.name).collect();
    names.push(SEQEVAL);
    if !names.contains(&name) {
        names.push("glue");
        return Err(MetricError::UnknownMetric {
            name: name.to_owned(),
            known: names.join(", "),
        });
    }
    match config {
        None if name == SEQEVAL => Ok(Metric::seqeval()),
        // Of classes that needn't be known ahead.
        None => Ok(Metric::of(&[name], ClassCounts::open())),
        Some(config) => Err(MetricError::UnknownConfig {
            name: name.to_owned(),
            config: config.to_owned(),
        }),
    }
}

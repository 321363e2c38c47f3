//! What evaluations measure: what is named, else what the GLUE task or the labels are judged by.

use tunesmith::metrics::{GlueTask, MEASURES, Measure, Metric, MetricError};

use crate::SessionError;
use crate::labels::Labels;

/// Refuses names that no task has, before anything is loaded.
pub(crate) fn check_names(names: Option<&[String]>) -> Result<(), SessionError> {
    let unknown = |name: &&String| Measure::named(name).is_none();
    let Some(name) = names.unwrap_or_default().iter().find(unknown) else {
        return Ok(());
    };
    let known: Vec<&str> = MEASURES.iter().map(|measure| measure.name).collect();
    Err(MetricError::UnknownMetric {
        name: name.clone(),
        known: known.join(", "),
    }
    .into())
}

/// The metrics of these names; where none is named, those of the GLUE task, else those for such labels.
pub(crate) fn metric(
    names: Option<&[String]>,
    glue: Option<GlueTask>,
    labels: &Labels,
) -> Result<Metric, SessionError> {
    if let Some(names) = names.filter(|names| !names.is_empty()) {
        return Ok(Metric::named(names, labels.task(), labels.names())?);
    }
    let Some(glue) = glue else {
        return Ok(Metric::of_task(labels.task(), labels.names())?);
    };
    let (expected, found) = (glue.num_labels(), labels.names().len());
    if expected == found {
        return Ok(Metric::for_task(glue));
    }
    let count = |count: usize| match count {
        1 => "numbers for labels".to_owned(),
        count => format!("{count} classes"),
    };
    Err(SessionError::Arguments(format!(
        "the task {glue} has {}, and this run has {}: its metrics mean nothing here. Leave task_name out, or \
         name the task that the data is of",
        count(expected),
        count(found)
    )))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith_protocol::TrainingArguments;

    /// The arguments can't see the table of metrics.
    #[test]
    fn the_arguments_know_of_which_metrics_less_is_better() {
        for measure in MEASURES {
            let args = TrainingArguments {
                metric_for_best_model: Some(measure.name.to_owned()),
                ..TrainingArguments::default()
            };
            let (_, greater) = args.best_metric().unwrap();
            assert_eq!(greater, measure.greater_is_better, "{}", measure.name);
        }
    }

    #[test]
    fn a_name_that_no_task_has_is_refused() {
        let names = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert!(check_names(None).is_ok());
        assert!(check_names(Some(&names(&["mcc", "mse", "f1"]))).is_ok());
        let message = check_names(Some(&names(&["f1", "f3"])))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("no metric `f3`; use one of accuracy, f1, "),
            "{message}"
        );
    }
}

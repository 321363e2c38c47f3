//! Which columns and splits a run reads: what the arguments name, else what the GLUE task says, else
//! what the data suggests.

use tunesmith::data::{Dataset, Dtype, Feature};
use tunesmith::metrics::GlueTask;
use tunesmith_protocol::DataArguments;

use crate::SessionError;

/// The columns with text, the second only for pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextColumns {
    pub(crate) first: String,
    pub(crate) second: Option<String>,
}

/// The task that is named, or that the data set's configuration is.
pub(crate) fn task(data: &DataArguments) -> Result<Option<GlueTask>, SessionError> {
    if let Some(name) = &data.task_name {
        return Ok(Some(name.parse()?));
    }
    let is_glue = data
        .dataset_name
        .as_deref()
        .is_some_and(|name| name.trim_end_matches('/').rsplit(['/', '\\']).next() == Some("glue"));
    let config = data.dataset_config_name.as_deref().filter(|_| is_glue);
    Ok(config.and_then(|config| config.parse().ok()))
}

/// run_glue's `task_to_keys`.
fn task_columns(task: GlueTask) -> (&'static str, Option<&'static str>) {
    match task {
        GlueTask::Cola | GlueTask::Sst2 => ("sentence", None),
        GlueTask::Mnli | GlueTask::MnliMatched | GlueTask::MnliMismatched | GlueTask::Hans => {
            ("premise", Some("hypothesis"))
        }
        GlueTask::Qnli => ("question", Some("sentence")),
        GlueTask::Qqp => ("question1", Some("question2")),
        GlueTask::Mrpc | GlueTask::Rte | GlueTask::Stsb | GlueTask::Wnli => {
            ("sentence1", Some("sentence2"))
        }
    }
}

/// The text columns of a dataset, and a warning where they had to be guessed among more.
pub(crate) fn text_columns(
    dataset: &Dataset,
    named: Option<&[String]>,
    task: Option<GlueTask>,
    label: &str,
) -> Result<(TextColumns, Option<String>), SessionError> {
    if let Some([first, rest @ ..]) = named {
        let second = rest.first().cloned();
        return Ok((
            TextColumns {
                first: first.clone(),
                second,
            },
            None,
        ));
    }
    if let Some(task) = task {
        let (first, second) = task_columns(task);
        let second = second.map(str::to_owned);
        return Ok((
            TextColumns {
                first: first.to_owned(),
                second,
            },
            None,
        ));
    }
    let strings: Vec<&str> = dataset
        .features()
        .iter()
        .filter(|(name, feature)| {
            *name != label && matches!(feature, Feature::Value(Dtype::String))
        })
        .map(|(name, _)| name)
        .collect();
    let (first, second) = match strings.as_slice() {
        [] => {
            return Err(SessionError::Arguments(format!(
                "there is no column with text among {}: name it with text_column_names",
                dataset.column_names().join(", ")
            )));
        }
        names if names.contains(&"sentence1") && names.contains(&"sentence2") => {
            ("sentence1", Some("sentence2"))
        }
        [one] => (*one, None),
        [first, second, ..] => (*first, Some(*second)),
    };
    let warning = (strings.len() > 2).then(|| {
        format!(
            "the columns {} hold text; {first} and {} are taken as the pair. Name others with \
             text_column_names",
            strings.join(", "),
            second.unwrap_or_default()
        )
    });
    let second = second.map(str::to_owned);
    Ok((
        TextColumns {
            first: first.to_owned(),
            second,
        },
        warning,
    ))
}

/// The splits to evaluate on: MNLI has two.
pub(crate) fn splits(kind: &str, task: Option<GlueTask>) -> Vec<String> {
    match task {
        Some(GlueTask::Mnli) => vec![format!("{kind}_matched"), format!("{kind}_mismatched")],
        _ => vec![kind.to_owned()],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::data::Format;

    fn dataset(csv: &str) -> Dataset {
        Dataset::from_bytes("rows.csv", Format::Csv, csv.as_bytes().to_vec()).unwrap()
    }

    fn found(csv: &str, named: Option<&[String]>, task: Option<GlueTask>) -> TextColumns {
        text_columns(&dataset(csv), named, task, "label").unwrap().0
    }

    fn pair(first: &str, second: Option<&str>) -> TextColumns {
        TextColumns {
            first: first.to_owned(),
            second: second.map(str::to_owned),
        }
    }

    #[test]
    fn names_go_before_the_task_and_the_task_before_the_data() {
        let csv = "idx,a,b,label\n1,x,y,z\n";
        let named = ["b".to_owned()];
        assert_eq!(
            found(csv, Some(&named), Some(GlueTask::Mrpc)),
            pair("b", None)
        );
        assert_eq!(
            found(csv, None, Some(GlueTask::Qnli)),
            pair("question", Some("sentence"))
        );
        assert_eq!(found(csv, None, None), pair("a", Some("b")));
        assert_eq!(found("text,label\nx,1\n", None, None), pair("text", None));
        let csv = "note,sentence2,sentence1,label\nx,y,z,1\n";
        assert_eq!(found(csv, None, None), pair("sentence1", Some("sentence2")));
        let (_, warning) =
            text_columns(&dataset("a,b,c,label\nx,y,z,1\n"), None, None, "label").unwrap();
        assert!(warning.unwrap().contains("a and b are taken as the pair"));
        let message = text_columns(&dataset("n,label\n1,2\n"), None, None, "label")
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("no column with text among n, label"),
            "{message}"
        );
    }

    #[test]
    fn a_configuration_of_glue_is_a_task() {
        let named = |name: &str, config: &str| DataArguments {
            dataset_name: Some(name.to_owned()),
            dataset_config_name: Some(config.to_owned()),
            ..DataArguments::default()
        };
        assert_eq!(
            task(&named("nyu-mll/glue", "cola")).unwrap(),
            Some(GlueTask::Cola)
        );
        assert_eq!(
            task(&named("data/glue/", "mrpc")).unwrap(),
            Some(GlueTask::Mrpc)
        );
        assert_eq!(task(&named("mine", "mrpc")).unwrap(), None);
        let wrong = DataArguments {
            task_name: Some("mprc".to_owned()),
            ..DataArguments::default()
        };
        assert!(task(&wrong).unwrap_err().to_string().contains("mrpc"));
        assert_eq!(splits("validation", Some(GlueTask::Mnli)).len(), 2);
    }
}

//! Which columns and splits a run reads: what the arguments name, else what the GLUE task says, else
//! what the data suggests.

use tunesmith::data::{Dataset, DatasetDict, Dtype, Feature};
use tunesmith::metrics::GlueTask;
use tunesmith::model::ModelConfig;
use tunesmith_protocol::DataArguments;

use crate::SessionError;
use crate::label_columns::{LabelQuestion, LabelSource};
use crate::label_guess::is_of_classes;

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

/// Names that columns with a second text have, beside those of the first.
const PAIRS: [(&str, &str); 6] = [
    ("sentence1", "sentence2"),
    ("text", "text_pair"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("text1", "text2"),
];

/// Names that columns with a text have, even where all they hold are digits.
const TEXTS: [&str; 10] = [
    "text", "sentence", "content", "title", "review", "comment", "message", "document", "query",
    "question",
];

/// Whether a column of this name, in lower case, holds a text.
pub(crate) fn is_text_name(name: &str) -> bool {
    TEXTS.contains(&name) || PAIRS.iter().any(|(a, b)| [*a, *b].contains(&name))
}

/// What run_classification does with splits and columns as soon as they are read.
#[derive(Debug, Default, Clone)]
pub(crate) struct Arrangement {
    /// What splits are called in the data, and what they are called here.
    names: Vec<(String, &'static str)>,
    remove_splits: Vec<String>,
    remove_columns: Vec<String>,
}

impl Arrangement {
    fn of(data: &DataArguments) -> Self {
        let named = [
            (&data.train_split_name, "train"),
            (&data.validation_split_name, "validation"),
            (&data.test_split_name, "test"),
        ];
        let named = named.into_iter();
        Self {
            names: named
                .filter_map(|(given, name)| Some((given.clone()?, name)))
                .collect(),
            remove_splits: data.remove_splits.clone().unwrap_or_default(),
            remove_columns: data.remove_columns.clone().unwrap_or_default(),
        }
    }

    /// The splits by their names here, without those and the columns that are left out.
    ///
    /// # Errors
    /// A split or a column that isn't there, with those that are.
    pub(crate) fn apply(&self, loaded: DatasetDict) -> Result<DatasetDict, SessionError> {
        for name in self
            .remove_splits
            .iter()
            .chain(self.names.iter().map(|(name, _)| name))
        {
            loaded.get(name)?;
        }
        if self.names.is_empty() && self.remove_splits.is_empty() && self.remove_columns.is_empty()
        {
            return Ok(loaded);
        }
        let mut arranged = DatasetDict::new();
        for (name, split) in loaded.iter() {
            if self.remove_splits.iter().any(|removed| removed == name) {
                continue;
            }
            let renamed = self.names.iter().find(|(given, _)| given == name);
            let taken = self.names.iter().any(|(_, ours)| *ours == name);
            let name = match renamed {
                Some((_, ours)) => ours,
                // Another split is called so here.
                None if taken => continue,
                None => name,
            };
            let columns: Vec<&str> = self.remove_columns.iter().map(String::as_str).collect();
            let split = match columns.is_empty() {
                true => split.clone(),
                false => split
                    .remove_columns(&columns)
                    .map_err(SessionError::split(name))?,
            };
            arranged.insert(name, split);
        }
        Ok(arranged)
    }
}

/// What is known of the columns before the data is read.
#[derive(Debug, Default, Clone)]
pub(crate) struct Question {
    /// `text_column_names`.
    pub(crate) named: Option<Vec<String>>,
    pub(crate) task: Option<GlueTask>,
    /// The columns that the model to be asked was trained on.
    pub(crate) trained: Option<Vec<String>>,
    /// Of the labels, whose columns are never texts.
    pub(crate) labels: LabelQuestion,
    /// What is done with splits and columns before anyone looks at them.
    pub(crate) arrangement: Arrangement,
    /// The classes of a model to be asked: a column of nothing but them is its label's.
    pub(crate) classes: Vec<String>,
}

/// The columns that a run reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) text: TextColumns,
    pub(crate) labels: LabelSource,
}

impl TextColumns {
    fn of(names: &[String]) -> Option<Self> {
        let (first, rest) = names.split_first()?;
        Some(Self {
            first: first.clone(),
            second: rest.first().cloned(),
        })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let names = std::iter::once(&self.first).chain(&self.second);
        names.cloned().collect()
    }
}

impl Question {
    /// What the arguments say, else what `model` was trained on, where a trained one is asked.
    pub(crate) fn of(
        data: &DataArguments,
        task: Option<GlueTask>,
        model: Option<&ModelConfig>,
    ) -> Self {
        let trained = model.and_then(ModelConfig::trained_columns);
        Self {
            named: data.text_column_names.clone(),
            task,
            trained: trained.map(|columns| columns.text_column_names),
            labels: LabelQuestion::of(data, model),
            arrangement: Arrangement::of(data),
            classes: Vec::new(),
        }
    }

    /// Where texts and labels stand in a dataset, and a warning where the texts had to be guessed.
    ///
    /// # Errors
    /// As [`Question::ask`] and [`LabelQuestion::source`].
    pub(crate) fn columns(
        &self,
        dataset: &Dataset,
    ) -> Result<(Columns, Option<String>), SessionError> {
        let labels = self.source(dataset)?;
        let (text, warning) = match &labels {
            LabelSource::Tags(tags) => {
                let first = tags.text().to_owned();
                (
                    TextColumns {
                        first,
                        second: None,
                    },
                    None,
                )
            }
            LabelSource::One(_) | LabelSource::Several(_) => {
                self.texts(dataset, &labels.names())?
            }
        };
        Ok((Columns { text, labels }, warning))
    }

    pub(crate) fn source(&self, dataset: &Dataset) -> Result<LabelSource, SessionError> {
        let named = self.named.as_ref().or(self.trained.as_ref());
        let text = named.and_then(|names| names.first());
        let text = text.filter(|name| self.named.is_some() || dataset.column(name).is_ok());
        self.labels.source(dataset, text.map(String::as_str))
    }

    /// The names of the labels' columns.
    fn label_names(&self, dataset: &Dataset) -> Vec<String> {
        match self.source(dataset) {
            Ok(source) => source.names(),
            Err(_) => self.labels.column.iter().cloned().collect(),
        }
    }

    /// The columns, where the data need not be looked at.
    pub(crate) fn known(&self) -> Option<TextColumns> {
        let named = self.named.as_deref().and_then(TextColumns::of);
        named
            .or_else(|| {
                let (first, second) = task_columns(self.task?);
                Some(TextColumns {
                    first: first.to_owned(),
                    second: second.map(str::to_owned),
                })
            })
            .or_else(|| TextColumns::of(self.trained.as_deref()?))
    }

    /// The text columns of a dataset, and a warning where they had to be guessed among more.
    ///
    /// # Errors
    /// Where no column holds text, or the data lacks those that the model was trained on.
    pub(crate) fn ask(
        &self,
        dataset: &Dataset,
    ) -> Result<(TextColumns, Option<String>), SessionError> {
        self.texts(dataset, &self.label_names(dataset))
    }

    fn texts(
        &self,
        dataset: &Dataset,
        labels: &[String],
    ) -> Result<(TextColumns, Option<String>), SessionError> {
        if let Some(columns) = self.known() {
            if self.named.is_none() && self.task.is_none() {
                self.check_trained(dataset, &columns)?;
            }
            return Ok((columns, None));
        }
        let is_label = |name: &str| {
            labels.iter().any(|label| label == name) || self.has_only_classes(dataset, name)
        };
        let mut strings: Vec<&str> = dataset
            .features()
            .iter()
            .filter(|(name, feature)| **feature == Feature::Value(Dtype::String) && !is_label(name))
            .map(|(name, _)| name)
            .collect();
        // A language or a country beside the text is no second text.
        if strings.iter().any(|name| !is_of_classes(dataset, name)) {
            strings.retain(|name| !is_of_classes(dataset, name));
        }
        let known_pair = PAIRS
            .into_iter()
            .find(|(first, second)| strings.contains(first) && strings.contains(second));
        let (first, second) = match (known_pair, strings.as_slice()) {
            (Some((first, second)), _) => (first, Some(second)),
            (None, []) => self.digits(dataset, labels)?,
            (None, [one]) => (*one, None),
            (None, [first, second, ..]) => (*first, Some(*second)),
        };
        let is_guess = match self.classes.is_empty() {
            true => strings.len() > 2,
            // Which columns a model was trained on shows only in a folder made by Tunesmith.
            false => strings.len() > 1 && (known_pair.is_none() || strings.len() > 2),
        };
        let warning = is_guess.then(|| {
            format!(
                "the columns {} hold text; {first} and {} are taken as the pair. Name others with \
                 text_column_names",
                strings.join(", "),
                second.unwrap_or_default()
            )
        });
        let columns = TextColumns {
            first: first.to_owned(),
            second: second.map(str::to_owned),
        };
        Ok((columns, warning))
    }

    fn has_only_classes(&self, dataset: &Dataset, name: &str) -> bool {
        let Ok(view) = dataset.column(name) else {
            return false;
        };
        let is_class = |text: &str| self.classes.iter().any(|class| class == text);
        !self.classes.is_empty()
            && !view.is_empty()
            && view
                .iter()
                .all(|value| value.as_str().is_some_and(is_class))
    }

    /// The columns that are text by their names, or for want of others, where none holds words.
    fn digits<'a>(
        &self,
        dataset: &'a Dataset,
        labels: &[String],
    ) -> Result<(&'a str, Option<&'a str>), SessionError> {
        let is_label = |name: &str| labels.iter().any(|label| label == name);
        let others: Vec<&str> = dataset
            .features()
            .iter()
            .filter(|(name, feature)| !is_label(name) && matches!(feature, Feature::Value(_)))
            .map(|(name, _)| name)
            .collect();
        let find = |wanted: &str| others.iter().copied().find(|name| *name == wanted);
        let mut pairs = PAIRS.into_iter();
        if let Some((first, second)) = pairs.find_map(|(a, b)| Some((find(a)?, find(b)?))) {
            return Ok((first, Some(second)));
        }
        if let Some(text) = TEXTS.into_iter().find_map(find) {
            return Ok((text, None));
        }
        // A file to be asked of is nothing but texts.
        if let ([only], false) = (others.as_slice(), self.classes.is_empty()) {
            return Ok((*only, None));
        }
        let numbers = match others.as_slice() {
            [] => String::new(),
            [one] => format!(" ({one} is read as numbers)"),
            many => format!(" ({} are read as numbers)", many.join(", ")),
        };
        Err(SessionError::Arguments(format!(
            "there is no column with text among {}{numbers}: name it with text_column_names",
            dataset.column_names().join(", ")
        )))
    }

    fn check_trained(&self, dataset: &Dataset, columns: &TextColumns) -> Result<(), SessionError> {
        let has = |name: &String| dataset.column(name).is_ok();
        let wanted = columns.names();
        if wanted.iter().all(has) {
            return Ok(());
        }
        Err(SessionError::Arguments(format!(
            "the model was trained on the text {} {}, and the data has the columns {}: rename them, or \
             name those to ask of with text_column_names",
            if wanted.len() == 1 {
                "column"
            } else {
                "columns"
            },
            wanted.join(" and "),
            dataset.column_names().join(", ")
        )))
    }
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
        let question = Question {
            named: named.map(<[String]>::to_vec),
            task,
            ..Question::default()
        };
        question.ask(&dataset(csv)).unwrap().0
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
        let (_, warning) = Question::default()
            .ask(&dataset("a,b,c,label\nx,y,z,1\n"))
            .unwrap();
        assert!(warning.unwrap().contains("a and b are taken as the pair"));
        let message = Question::default()
            .ask(&dataset("n,label\n1,2\n"))
            .unwrap_err();
        let message = message.to_string();
        assert!(
            message.contains("no column with text among n, label (n is read as numbers)"),
            "{message}"
        );
    }

    #[test]
    fn digits_are_text_where_a_text_is_wanted() {
        assert_eq!(
            found("n,text,label\n1,2,0\n", None, None),
            pair("text", None)
        );
        assert_eq!(
            found("sentence1,sentence2,label\n1,2,0\n", None, None),
            pair("sentence1", Some("sentence2"))
        );
        let asked = Question {
            classes: vec!["no".to_owned(), "yes".to_owned()],
            ..Question::default()
        };
        assert_eq!(
            asked.ask(&dataset("n\n12\n")).unwrap(),
            (pair("n", None), None)
        );
    }

    #[test]
    fn the_label_is_never_a_second_text() {
        let asked = Question {
            classes: vec!["sport".to_owned(), "weather".to_owned()],
            ..Question::default()
        };
        let rows = dataset("title,topic\nRain,weather\nGoal,sport\n");
        assert_eq!(asked.ask(&rows).unwrap(), (pair("title", None), None));
        // Two texts that nothing tells apart are a guess.
        let rows = dataset("title,body\nRain,wet\nGoal,sport\n");
        let (columns, warning) = asked.ask(&rows).unwrap();
        assert_eq!(columns, pair("title", Some("body")));
        assert!(warning.unwrap().contains("taken as the pair"));
    }

    #[test]
    fn a_guessed_label_is_no_text() {
        let labelled = |csv: &str| Question::default().columns(&dataset(csv)).unwrap().0;
        let columns = labelled("text,category\na long day,x\na short one,y\n");
        assert_eq!(columns.text, pair("text", None));
        assert_eq!(columns.labels, LabelSource::One("category".to_owned()));
        // Nor is a column of few words beside a text.
        let rows: Vec<String> = (0..20)
            .map(|row| {
                format!(
                    "{},row {row} of the text,{}",
                    ["en", "de"][row % 2],
                    row % 2
                )
            })
            .collect();
        let columns = labelled(&format!("language,text,label\n{}\n", rows.join("\n")));
        assert_eq!(columns.text, pair("text", None));
    }

    #[test]
    fn a_model_is_asked_by_the_columns_that_it_was_trained_on() {
        let trained = Question {
            trained: Some(vec!["body".to_owned()]),
            ..Question::default()
        };
        let rows = dataset("title,body\nRain,wet\n");
        assert_eq!(trained.ask(&rows).unwrap(), (pair("body", None), None));
        let message = trained
            .ask(&dataset("text,note\na,b\n"))
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("trained on the text column body")
                && message.contains("has the columns text, note"),
            "{message}"
        );
        let named = Question {
            named: Some(vec!["text".to_owned()]),
            ..trained
        };
        let rows = dataset("text,note\na,b\n");
        assert_eq!(named.ask(&rows).unwrap().0, pair("text", None));
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

//! Where the labels of a data set stand, which also says what kind they are.

use tunesmith::data::{DataError, Dataset, Dtype, Feature, LabelColumns, TagColumns};
use tunesmith::model::{ModelConfig, Task, TrainedColumns};
use tunesmith_protocol::{DataArguments, ProblemType};

use crate::SessionError;
use crate::label_guess::label_column;

/// What the label's column is called unless somebody says otherwise.
const LABEL: &str = "label";

/// What a column with several labels a row is usually called.
const SEVERAL: [&str; 2] = ["labels", LABEL];

/// What a column of words is usually called.
const WORDS: [&str; 2] = ["tokens", "words"];

/// The columns with labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LabelSource {
    /// One column with a class or a number a row.
    One(String),
    /// Any number of labels a row.
    Several(LabelColumns),
    /// Tags of words, or spans of a text.
    Tags(TagColumns),
}

/// What is known of the labels before the data is read.
#[derive(Debug, Default, Clone)]
pub(crate) struct LabelQuestion {
    /// `problem_type`, else the task of the model that is asked.
    pub(crate) task: Option<Task>,
    /// `label_column_name`, else the column that the model was trained on.
    pub(crate) column: Option<String>,
    /// `label_column_names`, else those that the model was trained on.
    pub(crate) columns: Option<Vec<String>>,
    /// `label_separator`, else the one that the model was trained with.
    pub(crate) separator: Option<String>,
    /// Whether a trained model is asked, whose rows need no labels.
    pub(crate) is_trained: bool,
}

/// The task that an argument names.
pub(crate) fn task_of(problem: ProblemType) -> Task {
    match problem {
        ProblemType::SingleLabel => Task::SingleLabel,
        ProblemType::MultiLabel => Task::MultiLabel,
        ProblemType::Regression => Task::Regression,
        ProblemType::Tokens => Task::Tokens,
    }
}

/// The argument's name of a task.
pub(crate) fn problem_type(task: Task) -> ProblemType {
    match task {
        Task::SingleLabel => ProblemType::SingleLabel,
        Task::MultiLabel => ProblemType::MultiLabel,
        Task::Regression => ProblemType::Regression,
        Task::Tokens => ProblemType::Tokens,
    }
}

impl LabelSource {
    /// The columns, which are never texts.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::One(column) => vec![column.clone()],
            Self::Several(LabelColumns::Columns(columns)) => columns.clone(),
            Self::Several(LabelColumns::List(column) | LabelColumns::Separated { column, .. }) => {
                vec![column.clone()]
            }
            Self::Tags(tags) => vec![tags.label().to_owned()],
        }
    }

    /// Whether the columns are there.
    pub(crate) fn are_labelled(&self, dataset: &Dataset) -> bool {
        match self {
            Self::One(column) => dataset.column(column).is_ok(),
            Self::Several(columns) => columns.are_labelled(dataset),
            Self::Tags(columns) => columns.are_labelled(dataset),
        }
    }

    /// What a model keeps of the columns that it was trained on.
    pub(crate) fn trained_on(&self, text_column_names: Vec<String>) -> TrainedColumns {
        let mut trained = TrainedColumns {
            text_column_names,
            ..TrainedColumns::default()
        };
        match self {
            Self::Several(LabelColumns::Columns(columns)) => {
                trained.label_column_names.clone_from(columns);
            }
            Self::Several(LabelColumns::Separated { column, separator }) => {
                trained.label_column_name = Some(column.clone());
                trained.label_separator = Some(separator.clone());
            }
            Self::One(column) | Self::Several(LabelColumns::List(column)) => {
                trained.label_column_name = Some(column.clone());
            }
            Self::Tags(tags) => trained.label_column_name = Some(tags.label().to_owned()),
        }
        trained
    }
}

impl LabelQuestion {
    /// What the arguments say, else what `model` was trained on, where a trained one is asked.
    pub(crate) fn of(data: &DataArguments, model: Option<&ModelConfig>) -> Self {
        let trained = model.and_then(ModelConfig::trained_columns);
        let is_named = data.label_column_name.is_some() || data.label_column_names.is_some();
        let trained = trained.filter(|_| !is_named).unwrap_or_default();
        let columns = Some(trained.label_column_names).filter(|names| !names.is_empty());
        Self {
            task: data
                .problem_type
                .map(task_of)
                .or_else(|| model.map(ModelConfig::task)),
            column: data.label_column_name.clone().or(trained.label_column_name),
            columns: data.label_column_names.clone().or(columns),
            separator: data.label_separator.clone().or(trained.label_separator),
            is_trained: model.is_some(),
        }
    }

    /// The columns of `dataset` that hold the labels; `text` is the column of text or words that is
    /// named. For labels of one class or number a row, whether the column is there isn't checked.
    ///
    /// # Errors
    /// Columns of several labels or of tags that aren't there or are of another type.
    pub(crate) fn source(
        &self,
        dataset: &Dataset,
        text: Option<&str>,
    ) -> Result<LabelSource, SessionError> {
        match self.task {
            Some(Task::SingleLabel | Task::Regression) => Ok(self.one(dataset, text)),
            Some(Task::MultiLabel) => Ok(LabelSource::Several(self.several(dataset)?)),
            Some(Task::Tokens) => Ok(LabelSource::Tags(self.tags(dataset, text)?)),
            None => self.guess(dataset, text),
        }
    }

    fn one(&self, dataset: &Dataset, text: Option<&str>) -> LabelSource {
        let texts: Vec<String> = text.map(str::to_owned).into_iter().collect();
        let guess = || {
            let found = label_column(dataset, &texts);
            found.filter(|_| !self.is_trained).unwrap_or(LABEL)
        };
        let column = self.column.as_deref().unwrap_or_else(guess);
        LabelSource::One(column.to_owned())
    }

    fn several(&self, dataset: &Dataset) -> Result<LabelColumns, SessionError> {
        if let Some(columns) = &self.columns {
            return Ok(LabelColumns::Columns(columns.clone()));
        }
        let is_there = |name: &&str| dataset.column(name).is_ok();
        let column = match &self.column {
            Some(column) => column.as_str(),
            None => SEVERAL.into_iter().find(is_there).unwrap_or(SEVERAL[0]),
        };
        if self.is_trained && !is_there(&column) {
            return Ok(LabelColumns::List(column.to_owned()));
        }
        LabelColumns::of(dataset, column, self.separator.as_deref()).map_err(unnamed)
    }

    fn tags(&self, dataset: &Dataset, text: Option<&str>) -> Result<TagColumns, SessionError> {
        let found = TagColumns::of(dataset, text, self.column.as_deref());
        if !self.is_trained {
            return Ok(found?);
        }
        let label = self.column.as_deref().unwrap_or(LABEL);
        Ok(found
            .or_else(|error| TagColumns::without_labels(dataset, text, label).map_err(|_| error))?)
    }

    /// By what the columns hold: nobody named a kind.
    fn guess(&self, dataset: &Dataset, text: Option<&str>) -> Result<LabelSource, SessionError> {
        if self.columns.is_some() || self.separator.is_some() {
            return Ok(LabelSource::Several(self.several(dataset)?));
        }
        let features = dataset.features();
        let is_list = |name: &str| matches!(features.get(name), Some(Feature::List(_)));
        let is_value = |name: &str| {
            matches!(
                features.get(name),
                Some(Feature::Value(_) | Feature::ClassLabel(_))
            )
        };
        if is_value(self.column.as_deref().unwrap_or(LABEL)) {
            return Ok(self.one(dataset, text));
        }
        if let Ok(tags) = TagColumns::of(dataset, text, self.column.as_deref())
            && (text.is_some() || are_tags(dataset, &tags))
        {
            return Ok(LabelSource::Tags(tags));
        }
        let named = self.column.as_deref();
        let lists = named.map_or_else(|| SEVERAL.to_vec(), |name| vec![name]);
        match lists.into_iter().find(|name| is_list(name)) {
            Some(column) => {
                let separator = self.separator.as_deref();
                Ok(LabelSource::Several(LabelColumns::of(
                    dataset, column, separator,
                )?))
            }
            None => Ok(self.one(dataset, text)),
        }
    }
}

/// Whether lists beside lists of words are tags of these, where nobody says so: keywords beside the
/// labels of a text are no words.
fn are_tags(dataset: &Dataset, tags: &TagColumns) -> bool {
    match tags {
        TagColumns::Spans { .. } => true,
        TagColumns::Words { words, .. } => {
            let mut features = dataset.features().iter();
            WORDS.contains(&words.as_str())
                || !features.any(|(_, feature)| *feature == Feature::Value(Dtype::String))
        }
    }
}

/// Says which argument names the column, where it isn't there.
fn unnamed(error: DataError) -> SessionError {
    match error {
        DataError::NoColumn { .. } => SessionError::Arguments(format!(
            "{error} (label_column_name names the column of the labels, label_column_names several \
             columns of 0 and 1)"
        )),
        other => other.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::data::Format;

    fn rows(json_lines: &str) -> Dataset {
        Dataset::from_bytes(
            "rows.jsonl",
            Format::JsonLines,
            json_lines.as_bytes().to_vec(),
        )
        .unwrap()
    }

    fn found(json_lines: &str) -> LabelSource {
        LabelQuestion::default()
            .source(&rows(json_lines), None)
            .unwrap()
    }

    #[test]
    fn what_the_columns_hold_says_what_the_labels_are() {
        let one = |name: &str| LabelSource::One(name.to_owned());
        assert_eq!(found(r#"{"text": "a", "label": 1}"#), one("label"));
        assert_eq!(found(r#"{"text": "a", "topic": "b"}"#), one("topic"));
        assert_eq!(found(r#"{"text": "a", "note": "b"}"#), one("label"));
        let list = |name: &str| LabelSource::Several(LabelColumns::List(name.to_owned()));
        assert_eq!(
            found(r#"{"text": "a", "labels": ["b", "c"]}"#),
            list("labels")
        );
        assert_eq!(
            found(r#"{"text": "a", "label": ["b", "c"]}"#),
            list("label")
        );
        // Keywords are no words of which the labels would be tags.
        let keywords = r#"{"text": "a", "keywords": ["x", "y"], "labels": ["b", "c"]}"#;
        assert_eq!(found(keywords), list("labels"));
        let words = r#"{"id": "0", "tokens": ["a", "b"], "ner_tags": ["O", "B-PER"]}"#;
        let tags = TagColumns::Words {
            words: "tokens".to_owned(),
            tags: "ner_tags".to_owned(),
        };
        assert_eq!(found(words), LabelSource::Tags(tags));
        let spans = r#"{"text": "Ann", "spans": [{"start": 0, "end": 3, "label": "PER"}]}"#;
        assert!(matches!(
            found(spans),
            LabelSource::Tags(TagColumns::Spans { .. })
        ));
    }

    #[test]
    fn arguments_go_before_what_the_columns_hold() {
        let data = DataArguments {
            problem_type: Some(ProblemType::MultiLabel),
            label_column_name: Some("topics".to_owned()),
            ..DataArguments::default()
        };
        let question = LabelQuestion::of(&data, None);
        let dataset = rows(r#"{"text": "a", "topics": "b;c", "label": 1}"#);
        let separated = LabelColumns::Separated {
            column: "topics".to_owned(),
            separator: ";".to_owned(),
        };
        let source = question.source(&dataset, None).unwrap();
        assert_eq!(source, LabelSource::Several(separated));
        let flags = DataArguments {
            label_column_names: Some(vec!["new".to_owned(), "old".to_owned()]),
            ..DataArguments::default()
        };
        let source = LabelQuestion::of(&flags, None)
            .source(&dataset, None)
            .unwrap();
        assert_eq!(source.names(), ["new", "old"]);
        let missing = LabelQuestion {
            task: Some(Task::MultiLabel),
            ..LabelQuestion::default()
        };
        let message = missing.source(&rows(r#"{"text": "a"}"#), None).unwrap_err();
        assert!(
            message.to_string().contains("label_column_name names"),
            "{message}"
        );
    }

    #[test]
    fn a_model_needs_no_labels_to_be_asked() {
        let trained = LabelQuestion {
            task: Some(Task::Tokens),
            column: Some("ner_tags".to_owned()),
            is_trained: true,
            ..LabelQuestion::default()
        };
        let dataset = rows(r#"{"text": "Ann lives in Rome"}"#);
        let source = trained.source(&dataset, None).unwrap();
        let LabelSource::Tags(tags) = source else {
            panic!("{source:?}");
        };
        assert_eq!(tags.text(), "text");
        assert!(!tags.are_labelled(&dataset));
    }
}

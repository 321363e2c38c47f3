//! What a model is trained to do.

use serde_json::{Map, Value};

/// The kind of answer that a head gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// One of several classes a row; cross-entropy.
    SingleLabel,
    /// Any number of several classes a row; binary cross-entropy of each.
    MultiLabel,
    /// One number a row; mean squared error.
    Regression,
    /// One of several classes a token (named entities, parts of speech); cross-entropy.
    Tokens,
}

impl Task {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::SingleLabel,
        Self::MultiLabel,
        Self::Regression,
        Self::Tokens,
    ];

    /// The task of a head over rows with so many outputs and no `problem_type`: a single one is a number.
    pub fn of_outputs(count: usize) -> Self {
        if count == 1 {
            Self::Regression
        } else {
            Self::SingleLabel
        }
    }

    /// What `config.json` says under `problem_type`; a model of tokens has none.
    pub fn problem_type(self) -> Option<&'static str> {
        match self {
            Self::SingleLabel => Some("single_label_classification"),
            Self::MultiLabel => Some("multi_label_classification"),
            Self::Regression => Some("regression"),
            Self::Tokens => None,
        }
    }

    /// The pipeline of transformers and the hub that such a model answers in.
    pub fn pipeline(self) -> &'static str {
        match self {
            Self::SingleLabel | Self::MultiLabel | Self::Regression => "text-classification",
            Self::Tokens => "token-classification",
        }
    }

    /// The ending of a model's class in transformers, such as `ForSequenceClassification`.
    pub fn class_ending(self) -> &'static str {
        match self {
            Self::SingleLabel | Self::MultiLabel | Self::Regression => "ForSequenceClassification",
            Self::Tokens => "ForTokenClassification",
        }
    }

    /// The task of a `config.json` whose head has `labels` outputs, as transformers decides it: by the
    /// class in `architectures`, by `problem_type`, else by the number of labels.
    ///
    /// # Errors
    /// A `problem_type` that transformers doesn't know.
    pub(crate) fn read(fields: &Map<String, Value>, labels: usize) -> Result<Self, String> {
        let class = fields
            .get("architectures")
            .and_then(|classes| classes.get(0))
            .and_then(Value::as_str);
        if class.is_some_and(|class| class.ends_with(Self::Tokens.class_ending())) {
            return Ok(Self::Tokens);
        }
        match fields.get("problem_type") {
            None | Some(Value::Null) => Ok(Self::of_outputs(labels)),
            Some(name) => Self::ALL
                .into_iter()
                .find(|task| {
                    name.as_str()
                        .is_some_and(|name| task.problem_type() == Some(name))
                })
                .ok_or_else(|| {
                    format!(
                        "problem_type {name} is not known: it must be regression, \
                         single_label_classification or multi_label_classification"
                    )
                }),
        }
    }
}

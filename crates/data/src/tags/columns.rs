//! Which columns hold the words and the tags.

use crate::{DataError, Dataset, Dtype, Feature};

/// What columns of tags are usually called, the likeliest first.
const TAGS: [&str; 8] = [
    "ner_tags",
    "tags",
    "labels",
    "label",
    "ner",
    "pos_tags",
    "upos",
    "chunk_tags",
];
/// What columns of words are usually called.
const WORDS: [&str; 2] = ["tokens", "words"];
/// What columns of spans are usually called.
const SPANS: [&str; 4] = ["spans", "entities", "labels", "label"];
/// What a span's type is usually called.
const KINDS: [&str; 4] = ["label", "type", "tag", "entity_group"];
/// What columns of text are usually called.
const TEXTS: [&str; 2] = ["text", "sentence"];

/// The columns that tags are read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagColumns {
    /// Lists of words, and lists of their tags.
    Words {
        /// The words' column.
        words: String,
        /// The tags' column.
        tags: String,
    },
    /// Texts, and lists of what is marked in them.
    Spans {
        /// The texts' column.
        text: String,
        /// The column of the spans, whose parts are `spans.start`, `spans.end` and such.
        spans: String,
        /// The part with a span's type: `label` of `spans.label`.
        kind: String,
    },
}

impl TagColumns {
    /// The columns of a data set: those that are named, else those with usual names.
    ///
    /// # Errors
    /// Where there are none, with what was looked for.
    pub fn of(
        dataset: &Dataset,
        text: Option<&str>,
        label: Option<&str>,
    ) -> Result<Self, DataError> {
        let features = dataset.features();
        let is_list = |name: &str| features.get(name).is_some_and(|f| f.item().is_some());
        let tags = match label {
            Some(name) => is_list(name).then_some(name),
            None => TAGS.into_iter().find(|name| is_list(name)),
        };
        if let Some(tags) = tags {
            let words = words(dataset, text, tags)?;
            return Ok(Self::Words {
                words,
                tags: tags.to_owned(),
            });
        }
        let kind_of = |spans: &str| {
            let part = |part: &str| is_list(&format!("{spans}.{part}"));
            let kind = KINDS.into_iter().find(|kind| part(kind));
            kind.filter(|_| part("start") && part("end"))
        };
        let candidates = match label {
            Some(name) => vec![name],
            None => SPANS.to_vec(),
        };
        let found = candidates
            .iter()
            .find_map(|spans| Some((*spans, kind_of(spans)?)));
        match (found, label) {
            (Some((spans, kind)), _) => Ok(Self::Spans {
                text: text_column(dataset, text)?,
                spans: spans.to_owned(),
                kind: kind.to_owned(),
            }),
            (None, Some(label)) => Err(no_tags(dataset, label)),
            (None, None) => Err(DataError::Argument(format!(
                "no column has tags of tokens; the columns are {}. They are looked for under {} (lists of tags beside a list of words) and {} (spans with start, end and label in a text); others can be named as label_column_name",
                features.names().join(", "),
                TAGS.join(", "),
                SPANS[..2].join(", ")
            ))),
        }
    }

    /// The columns of rows that are to be predicted and need no tags: the column of words or of text that
    /// is named, else one with a usual name; `label` is what the tags' column was called in training.
    ///
    /// # Errors
    /// Where there is no column of words and none of text.
    pub fn without_labels(
        dataset: &Dataset,
        text: Option<&str>,
        label: &str,
    ) -> Result<Self, DataError> {
        let label = label.to_owned();
        match words(dataset, text, &label) {
            Ok(words) => Ok(Self::Words { words, tags: label }),
            Err(_) => Ok(Self::Spans {
                text: text_column(dataset, text)?,
                spans: label,
                kind: KINDS[0].to_owned(),
            }),
        }
    }

    /// The column of the words or the texts.
    pub fn text(&self) -> &str {
        match self {
            Self::Words { words, .. } => words,
            Self::Spans { text, .. } => text,
        }
    }

    /// The column of the tags or the spans, as a person names it.
    pub fn label(&self) -> &str {
        match self {
            Self::Words { tags, .. } => tags,
            Self::Spans { spans, .. } => spans,
        }
    }

    /// The columns that hold the labels.
    pub(crate) fn labels(&self) -> Vec<String> {
        match self {
            Self::Words { tags, .. } => vec![tags.clone()],
            Self::Spans { spans, kind, .. } => ["start", "end", kind]
                .iter()
                .map(|part| format!("{spans}.{part}"))
                .collect(),
        }
    }

    /// Whether the rows have labels.
    pub fn are_labelled(&self, dataset: &Dataset) -> bool {
        let features = dataset.features();
        let labels = self.labels();
        labels.iter().all(|name| features.get(name).is_some())
    }
}

fn no_tags(dataset: &Dataset, label: &str) -> DataError {
    match dataset.column(label) {
        Err(error) => error,
        Ok(view) => DataError::ColumnType {
            column: label.to_owned(),
            dtype: view.feature().to_string(),
            reason: "tags of tokens are a list of one tag for each word, or a list of spans, each an object with start, end and label".to_owned(),
        },
    }
}

fn words(dataset: &Dataset, named: Option<&str>, tags: &str) -> Result<String, DataError> {
    let features = dataset.features();
    let is_words = |name: &str| features.get(name).is_some_and(Feature::is_words);
    if let Some(name) = named {
        let feature = dataset.column(name)?.feature();
        return match is_words(name) {
            true => Ok(name.to_owned()),
            false => Err(DataError::ColumnType {
                column: name.to_owned(),
                dtype: feature.to_string(),
                reason: format!(
                    "the column of words must hold lists of text, one word for each tag of {tags}"
                ),
            }),
        };
    }
    let usual = WORDS.into_iter().find(|name| is_words(name));
    let others = features.names();
    let mut others = others
        .into_iter()
        .filter(|name| is_words(name) && *name != tags);
    let found = usual.or_else(|| {
        let only = others.next();
        only.filter(|_| others.next().is_none())
    });
    found.map(str::to_owned).ok_or_else(|| {
        DataError::Argument(format!(
            "no column has the words of the tags in {tags}; the columns are {}. A column of lists of words is looked for under {}; others can be named as text_column_names",
            features.names().join(", "),
            WORDS.join(" and ")
        ))
    })
}

fn text_column(dataset: &Dataset, named: Option<&str>) -> Result<String, DataError> {
    let features = dataset.features();
    let is_text = |name: &str| features.get(name) == Some(&Feature::Value(Dtype::String));
    if let Some(name) = named {
        let feature = dataset.column(name)?.feature();
        return match is_text(name) {
            true => Ok(name.to_owned()),
            false => Err(DataError::ColumnType {
                column: name.to_owned(),
                dtype: feature.to_string(),
                reason: "spans are places in a text: choose a column of text".to_owned(),
            }),
        };
    }
    let usual = TEXTS.into_iter().find(|name| is_text(name));
    let mut others = features.names().into_iter().filter(|name| is_text(name));
    let found = usual.map(str::to_owned).or_else(|| {
        let only = others.next().map(str::to_owned);
        only.filter(|_| others.next().is_none())
    });
    found.ok_or_else(|| {
        DataError::Argument(format!(
            "no column has the text that the spans are in; the columns are {}. It is looked for under {}; another can be named as text_column_names",
            features.names().join(", "),
            TEXTS.join(" and ")
        ))
    })
}

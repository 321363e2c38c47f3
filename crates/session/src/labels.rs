//! Labels: those of the rows that a run trains on, else those of the model; and from a row's labels to
//! what a model is trained to give.

use std::collections::BTreeMap;

use tunesmith::data::{
    DataError, Dataset, Dtype, Feature, LabelEncoder, MultiLabelEncoder, TagEncoder, TestLabels,
    TokenizeArgs, TokenizeProgress, TokenizedDataset, Tokenizer, check_labels, tokenize_dataset,
    tokenize_tagged,
};
use tunesmith::metrics::{GlueTask, Metric, Reading};
use tunesmith::model::{ModelConfig, Task};
use tunesmith_protocol::{LabelCount, Threshold};

use crate::SessionError;
use crate::label_columns::LabelSource;

/// Classes beyond which a column is more likely one of numbers than one of classes.
const MANY: usize = 50;

/// The labels of a run, by their kind.
#[derive(Debug, Clone)]
pub(crate) enum Labels {
    /// One class or one number a row.
    One {
        encoder: LabelEncoder,
        column: String,
    },
    /// Any number of labels a row.
    Several(MultiLabelEncoder),
    /// A class for each token.
    Tags(TagEncoder),
}

/// What is asked of labels beside their columns.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    pub(crate) glue: Option<GlueTask>,
    /// What `problem_type` names.
    pub(crate) task: Option<Task>,
    pub(crate) label_all_tokens: bool,
}

impl Labels {
    /// The labels of the rows that are trained on, all of them, before any are left out; and what a
    /// person should know of them.
    pub(crate) fn of_training(
        rows: &Dataset,
        source: LabelSource,
        wanted: Wanted,
    ) -> Result<(Self, Vec<String>), DataError> {
        match source {
            LabelSource::One(column) => {
                let (encoder, notes) = one_of_training(rows, &column, wanted)?;
                Ok((Self::One { encoder, column }, notes))
            }
            LabelSource::Several(columns) => {
                let encoder = MultiLabelEncoder::of_rows(rows, columns)?;
                Ok((Self::Several(encoder), Vec::new()))
            }
            LabelSource::Tags(columns) => {
                let encoder = TagEncoder::of_rows(rows, columns, wanted.label_all_tokens)?;
                Ok((Self::Tags(encoder), Vec::new()))
            }
        }
    }

    /// The labels of a trained model, of which `rows` are to be evaluated or predicted; and what a
    /// person should know of them.
    pub(crate) fn of_model(
        config: &ModelConfig,
        rows: &Dataset,
        source: LabelSource,
        wanted: Wanted,
    ) -> Result<(Self, Option<String>), DataError> {
        let names = config.label_names();
        match source {
            LabelSource::One(column) => {
                let (encoder, warning) = one_of_model(names, rows, &column)?;
                Ok((Self::One { encoder, column }, warning))
            }
            LabelSource::Several(columns) => {
                let encoder = MultiLabelEncoder::named(names, columns);
                Ok((Self::Several(encoder), None))
            }
            LabelSource::Tags(columns) => {
                let encoder = TagEncoder::named(names, columns, wanted.label_all_tokens);
                Ok((Self::Tags(encoder), None))
            }
        }
    }

    /// What a model with these labels is trained to do.
    pub(crate) fn task(&self) -> Task {
        match self {
            Self::One { encoder, .. } if encoder.is_regression() => Task::Regression,
            Self::One { .. } => Task::SingleLabel,
            Self::Several(_) => Task::MultiLabel,
            Self::Tags(_) => Task::Tokens,
        }
    }

    /// The labels' names in the order of their ids; one name for a regression.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::One { encoder, .. } => encoder.names(),
            Self::Several(encoder) => encoder.names(),
            Self::Tags(encoder) => encoder.names(),
        }
    }

    /// Where they stand.
    pub(crate) fn source(&self) -> LabelSource {
        match self {
            Self::One { column, .. } => LabelSource::One(column.clone()),
            Self::Several(encoder) => LabelSource::Several(encoder.columns().clone()),
            Self::Tags(encoder) => LabelSource::Tags(encoder.columns().clone()),
        }
    }

    /// A split to be trained or evaluated on, with every label checked and written as a number. Tags stay
    /// as they are: tokens get theirs when the text is tokenized.
    ///
    /// # Errors
    /// The first row whose label can't be used; [`DataError::OneClass`] where all rows have the same.
    pub(crate) fn encode(&self, rows: &Dataset) -> Result<Encoded, DataError> {
        match self {
            Self::One { encoder, column } => {
                let dataset = encoder.encode(rows, column)?;
                let one_class = match check_labels(&dataset, column, encoder.names().len()) {
                    Ok(_) => None,
                    Err(error @ DataError::OneClass { .. }) => Some(error),
                    Err(error) => return Err(error),
                };
                Ok(Encoded { dataset, one_class })
            }
            Self::Several(encoder) => Ok(Encoded {
                dataset: encoder.encode(rows)?,
                one_class: None,
            }),
            Self::Tags(encoder) => {
                encoder.check(rows)?;
                Ok(Encoded {
                    dataset: rows.clone(),
                    one_class: None,
                })
            }
        }
    }

    /// A split to be predicted, whose rows need no labels; without its labels where a row has none that
    /// can be used.
    ///
    /// # Errors
    /// Where the data can't be read.
    pub(crate) fn encode_test(&self, rows: &Dataset) -> Result<TestLabels, DataError> {
        let without = |error: &DataError| {
            let names = self.source().names();
            let prefixes: Vec<String> = names.iter().map(|name| format!("{name}.")).collect();
            let is_label = |column: &&str| {
                names.iter().any(|name| name == column)
                    || prefixes.iter().any(|prefix| column.starts_with(prefix))
            };
            let columns: Vec<&str> = rows.column_names().into_iter().filter(is_label).collect();
            Ok(TestLabels {
                dataset: rows.remove_columns(&columns)?,
                warning: Some(format!("{error}. The rows are predicted without scores")),
            })
        };
        if let Self::One { encoder, column } = self {
            return encoder.encode_test(rows, column);
        }
        if !self.source().are_labelled(rows) {
            return Ok(TestLabels {
                dataset: rows.clone(),
                warning: None,
            });
        }
        match self.encode(rows) {
            Ok(encoded) => Ok(TestLabels {
                dataset: encoded.dataset,
                warning: None,
            }),
            Err(error) => without(&error),
        }
    }

    /// How often each label occurs in rows that weren't encoded, or each type of entity.
    ///
    /// # Errors
    /// Labels that can't be read, with the row.
    pub(crate) fn counts(&self, rows: &Dataset) -> Result<Vec<LabelCount>, DataError> {
        match self {
            Self::One { column, .. } => values(rows, column),
            Self::Several(encoder) => {
                let counts = encoder.counts(&encoder.encode(rows)?)?;
                let counted = encoder.names().iter().cloned().zip(counts);
                Ok(counted
                    .map(|(label, count)| LabelCount {
                        label,
                        count: count as u64,
                    })
                    .collect())
            }
            Self::Tags(encoder) => {
                let mut metric = Metric::tokens(encoder.names(), Reading::Lenient);
                for row in 0..rows.num_rows() {
                    let classes = encoder.classes(rows, row)?.into_iter().map(i64::from);
                    let classes: Vec<i64> = classes.filter(|class| *class >= 0).collect();
                    metric
                        .add_sentence(&classes, &classes)
                        .map_err(|error| DataError::Argument(error.to_string()))?;
                }
                let labels = metric.by_label().into_iter();
                Ok(labels
                    .map(|scores| LabelCount {
                        label: scores.name,
                        count: scores.support,
                    })
                    .collect())
            }
        }
    }

    /// The most frequent class of rows that weren't encoded, where a row has one; of equals the first.
    ///
    /// # Errors
    /// Where there is no such column.
    pub(crate) fn most_frequent(&self, rows: &Dataset) -> Result<Option<LabelCount>, DataError> {
        let Self::One { column, .. } = self else {
            return Ok(None);
        };
        if self.task() != Task::SingleLabel {
            return Ok(None);
        }
        let counts = values(rows, column)?.into_iter();
        // The last of equals is the greatest.
        Ok(counts.rev().max_by_key(|label| label.count))
    }

    /// Tokenizes a split that was encoded, with its labels where it has some; `args` has the texts'
    /// columns.
    ///
    /// # Errors
    /// A text that is missing or that the tokenizer refuses, with its row.
    pub(crate) fn tokenize(
        &self,
        dataset: &Dataset,
        tokenizer: &Tokenizer,
        args: TokenizeArgs,
        progress: &mut dyn FnMut(TokenizeProgress),
    ) -> Result<TokenizedDataset, DataError> {
        let column = match self {
            Self::One { column, .. } => column,
            Self::Several(encoder) => encoder.columns().encoded(),
            Self::Tags(encoder) => {
                return tokenize_tagged(dataset, tokenizer, encoder, &args, progress);
            }
        };
        let is_there = dataset.column(column).is_ok();
        let args = TokenizeArgs {
            label_column: is_there.then(|| column.to_owned()),
            ..args
        };
        tokenize_dataset(dataset, tokenizer, &args, progress)
    }
}

/// The labels that a row has, of which `there` says it, in the order of their ids.
pub(crate) fn chosen<'a>(names: &'a [String], there: &[bool]) -> Vec<&'a str> {
    let labels = names.iter().zip(there).filter(|(_, is_there)| **is_there);
    labels.map(|(name, _)| name.as_str()).collect()
}

/// The threshold of each label, as an argument has them; `None` where they are to be tuned.
///
/// # Errors
/// Another number of them than of labels.
pub(crate) fn thresholds(
    threshold: &Threshold,
    names: &[String],
) -> Result<Option<Vec<f64>>, SessionError> {
    match threshold {
        Threshold::All(one) => Ok(Some(vec![*one; names.len()])),
        Threshold::Each(each) if each.len() == names.len() => Ok(Some(each.clone())),
        Threshold::Each(each) => Err(SessionError::Arguments(format!(
            "threshold has {} numbers, and the model {} labels ({}): give one number for all, or one for \
             each label in this order",
            each.len(),
            names.len(),
            names.join(", ")
        ))),
        Threshold::Tune => Ok(None),
    }
}

/// A split with numbers for labels.
pub(crate) struct Encoded {
    pub(crate) dataset: Dataset,
    /// That all rows have the same class, which leaves nothing to learn.
    pub(crate) one_class: Option<DataError>,
}

/// The distinct values of a column as a person reads them, and how often each occurs.
pub(crate) fn values(rows: &Dataset, column: &str) -> Result<Vec<LabelCount>, DataError> {
    let view = rows.column(column)?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for value in view.iter() {
        let label = view.feature().text(value).unwrap_or_default();
        *counts.entry(label).or_default() += 1;
    }
    let counts = counts.into_iter();
    Ok(counts
        .map(|(label, count)| LabelCount { label, count })
        .collect())
}

fn one_of_training(
    rows: &Dataset,
    label: &str,
    wanted: Wanted,
) -> Result<(LabelEncoder, Vec<String>), DataError> {
    let feature = rows.column(label)?.feature().clone();
    let task_labels = match wanted.task {
        Some(Task::Regression) => Some(1),
        Some(Task::SingleLabel) if matches!(feature, Feature::Value(dtype) if dtype.is_float()) => {
            return Err(DataError::ColumnType {
                column: label.to_owned(),
                dtype: feature.to_string(),
                reason: "classes are words or whole numbers, and these are fractions: write them so, or \
                         leave problem_type out to predict numbers"
                    .to_owned(),
            });
        }
        _ => wanted.glue.map(GlueTask::num_labels),
    };
    let encoder = LabelEncoder::of_rows(rows, label, task_labels)?;
    let mut notes = Vec::new();
    let names = encoder.names();
    let are_numbers = matches!(feature, Feature::Value(dtype) if dtype.is_integer());
    if !encoder.is_regression() && are_numbers {
        if names.iter().any(|name| name == "-1") {
            notes.push(format!(
                "column '{label}': the label -1 is taken as a class, as the others are. Where it marks \
                 rows without a label, remove those rows"
            ));
        }
        if names.len() > MANY && names.len() > rows.num_rows() / 2 {
            notes.push(format!(
                "column '{label}': {} different whole numbers in {} rows are taken as so many classes. To \
                 predict numbers, write them as fractions (3.0 for 3)",
                names.len(),
                rows.num_rows()
            ));
        }
    }
    Ok((encoder, notes))
}

/// The labels of a trained model, of which `rows` are to be evaluated.
///
/// Where the model's classes have no names and the rows have words for as many, the words in their
/// order are taken for the classes, with a warning.
fn one_of_model(
    names: Vec<String>,
    rows: &Dataset,
    label: &str,
) -> Result<(LabelEncoder, Option<String>), DataError> {
    let encoder = LabelEncoder::named(names);
    let Ok(view) = rows.column(label) else {
        return Ok((encoder, None));
    };
    let is_text = *view.feature() == Feature::Value(Dtype::String);
    if encoder.is_regression() || !encoder.is_numbered() || !is_text {
        return Ok((encoder, None));
    }
    if encoder.encode(rows, label).is_ok() {
        return Ok((encoder, None));
    }
    let count = encoder.names().len();
    let words = LabelEncoder::of_rows(rows, label, None)?;
    if words.names().len() != count {
        return Err(DataError::ColumnType {
            column: label.to_owned(),
            dtype: format!("text with {} different labels", words.names().len()),
            reason: format!(
                "the model has {count} classes without names: write their ids, 0 to {}, or name the \
                 classes in id2label of its config.json",
                count.saturating_sub(1)
            ),
        });
    }
    let pairs: Vec<String> = words
        .names()
        .iter()
        .zip(encoder.names())
        .map(|(word, class)| format!("{word} for {class}"))
        .collect();
    let warning = format!(
        "the model's classes have no names: {} is taken. Name them in id2label of its config.json where \
         they are others",
        pairs.join(", ")
    );
    Ok((words, Some(warning)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use tunesmith::data::Format;

    fn dataset(csv: &str) -> Dataset {
        Dataset::from_bytes("rows.csv", Format::Csv, csv.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn what_may_not_be_meant_as_classes_is_told() {
        let of = |csv: &str| one_of_training(&dataset(csv), "label", Wanted::default()).unwrap();
        assert!(of("text,label\na,0\nb,1\n").1.is_empty());
        let (encoder, notes) = of("text,label\na,-1\nb,1\n");
        assert_eq!(encoder.names(), ["-1", "1"]);
        assert!(notes[0].contains("-1 is taken as a class"), "{notes:?}");
        let scores: String = (0..60).map(|i| format!("t,{}\n", 3 * i)).collect();
        let (encoder, notes) = of(&format!("text,label\n{scores}"));
        assert_eq!(encoder.names().len(), 60);
        assert!(notes[0].contains("60 different whole numbers"), "{notes:?}");
        let rows = dataset("text,label\na,0\nb,5\n");
        let glue = Wanted {
            glue: Some(GlueTask::Stsb),
            ..Wanted::default()
        };
        let named = Wanted {
            task: Some(Task::Regression),
            ..Wanted::default()
        };
        for wanted in [glue, named] {
            let (encoder, _) = one_of_training(&rows, "label", wanted).unwrap();
            assert!(encoder.is_regression(), "{wanted:?}");
        }
        let named = Wanted {
            task: Some(Task::SingleLabel),
            ..Wanted::default()
        };
        let rows = dataset("text,label\na,0.5\nb,5\n");
        let message = one_of_training(&rows, "label", named)
            .unwrap_err()
            .to_string();
        assert!(message.contains("these are fractions"), "{message}");
    }

    #[test]
    fn words_stand_for_classes_without_names_where_there_are_as_many() {
        let unnamed = |count: usize| (0..count).map(|id| format!("LABEL_{id}")).collect();
        let words = dataset("text,label\na,yes\nb,no\n");
        let (encoder, warning) = one_of_model(unnamed(2), &words, "label").unwrap();
        assert_eq!(encoder.names(), ["no", "yes"]);
        let warning = warning.unwrap();
        assert!(
            warning.contains("no for LABEL_0, yes for LABEL_1"),
            "{warning}"
        );
        let message = one_of_model(unnamed(3), &words, "label")
            .unwrap_err()
            .to_string();
        assert!(message.contains("3 classes without names"), "{message}");
        let numbers = dataset("text,label\na,1\nb,0\n");
        let (encoder, warning) = one_of_model(unnamed(2), &numbers, "label").unwrap();
        assert_eq!((encoder.names().len(), warning), (2, None));
        assert!(encoder.is_numbered());
    }
}

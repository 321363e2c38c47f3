//! The interface of evaluate: add batches to a metric, compute.

use tunesmith_architecture::Task;

use crate::classes::{ClassCounts, same_length};
use crate::error::{MetricError, Side};
use crate::measures::{MEASURES, Measure, Of};
use crate::probabilities::{Probabilities, References};
use crate::tokens::{Tokens, are_entities};
use crate::{EntityCounts, GlueTask, LabelScores, MultiLabelCounts, Reading, Scores};

/// A metric that takes in predictions batch by batch.
///
/// Classes are only counted. Scores are kept, 8 bytes a row, since ranks need them all; they are
/// rounded to `f32` as evaluate does, which is what a model gives anyway. evaluate goes on in `f32`,
/// this in `f64`, so that a correlation is the nearer to the truth and differs by about 1e-7.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// What is computed, in the order of the scores.
    measures: Vec<&'static Measure>,
    average: Average,
    /// The labels' names; none where they aren't known.
    names: Vec<String>,
    rows: Rows,
    /// Kept where a measure needs them.
    probabilities: Option<Probabilities>,
}

/// Of which labels a metric of classes is the mean, as scikit-learn's `average` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Average {
    /// Of label 1 alone, of two.
    #[default]
    Binary,
    /// Of all rows, whatever their label.
    Micro,
    /// Of all labels that are there or were predicted.
    Macro,
    /// Of all labels, each weighted by how often it is there.
    Weighted,
}

#[derive(Debug, Clone, PartialEq)]
enum Rows {
    Classes(ClassCounts),
    MultiLabel(MultiLabelCounts),
    Tokens(Tokens),
    Tags(EntityCounts),
    Scores {
        predictions: Vec<f32>,
        references: Vec<f32>,
    },
}

impl Metric {
    /// The metric that a task is judged by where nobody names one; `names` are its labels'.
    ///
    /// One label a row and regression: as [`Metric::for_labels`]. Several labels: `accuracy` (of whole
    /// rows), `f1_micro`, `f1_macro` and `f1_weighted`. Tokens: `precision`, `recall`, `f1` and
    /// `accuracy` as transformers' example reports them, of entities where the tags are such
    /// (`B-PER`, `O`), read leniently; else (`NOUN`, `VERB`) `accuracy` and `f1_macro` of the tags.
    ///
    /// # Errors
    /// When there are no labels.
    pub fn of_task(task: Task, names: &[String]) -> Result<Self, MetricError> {
        let metric = Self::without_measures(task, names)?;
        Ok(metric.measuring(match task {
            Task::Regression => &OF_NUMBERS,
            Task::SingleLabel => of_classes(names.len()),
            Task::MultiLabel => &["accuracy", "f1_micro", "f1_macro", "f1_weighted"],
            Task::Tokens => return Ok(Self::tokens(names, Reading::Lenient)),
        }))
    }

    /// The metrics of these names ([`MEASURES`] has them all), for a task with such labels.
    ///
    /// Of entities (`B-PER`, `O`) `f1`, `precision` and `recall` are of all together, and the means are over
    /// their types; `accuracy` and what needs probabilities are of tokens.
    ///
    /// # Errors
    /// When there are no labels, or a name is not in the table or not of this task; the message lists those
    /// that are.
    pub fn named<S: AsRef<str>>(
        wanted: &[S],
        task: Task,
        names: &[String],
    ) -> Result<Self, MetricError> {
        let metric = Self::without_measures(task, names)?;
        let mut found: Vec<&str> = Vec::new();
        for name in wanted {
            let name = name.as_ref();
            let measure = Measure::named(name);
            let Some(measure) = measure.filter(|measure| metric.has(measure)) else {
                let usable = MEASURES.iter().filter(|measure| metric.has(measure));
                let known: Vec<&str> = usable.map(|measure| measure.name).collect();
                return Err(MetricError::NotOfTask {
                    name: name.to_owned(),
                    known: known.join(", "),
                });
            };
            if !found.contains(&measure.name) {
                found.push(measure.name);
            }
        }
        Ok(metric.measuring(&found))
    }

    /// Whether these rows have what a measure needs.
    fn has(&self, measure: &Measure) -> bool {
        let labels = self.names.len();
        match (&self.rows, measure.of) {
            (Rows::Scores { .. }, of) => matches!(of, Of::Numbers(_)),
            (_, Of::Numbers(_)) | (Rows::Tags(_), _) => false,
            (_, Of::Accuracy | Of::Mean(..) | Of::Probabilities(_)) => true,
            (Rows::Classes(_), Of::Labels(_)) => labels == 2,
            (Rows::Tokens(tokens), Of::Labels(_)) => tokens.are_entities || labels == 2,
            (Rows::MultiLabel(_), Of::Labels(_)) => false,
            (Rows::Classes(_) | Rows::Tokens(_), Of::Classes(_) | Of::ClassProbabilities(_)) => {
                true
            }
            (Rows::MultiLabel(_), Of::Classes(_) | Of::ClassProbabilities(_)) => false,
        }
    }

    fn without_measures(task: Task, names: &[String]) -> Result<Self, MetricError> {
        if names.is_empty() {
            return Err(MetricError::NoLabels);
        }
        let rows = match task {
            Task::SingleLabel => Rows::Classes(ClassCounts::new(names.len().max(2))),
            Task::Regression => Rows::Scores {
                predictions: Vec::new(),
                references: Vec::new(),
            },
            Task::MultiLabel => Rows::MultiLabel(MultiLabelCounts::new(names.len())),
            Task::Tokens => Rows::Tokens(Tokens::new(names, Reading::Lenient)),
        };
        Ok(Self {
            names: names.to_vec(),
            ..Self::of_rows(rows)
        })
    }

    /// The metric of tagged tokens, whose entities are read like that.
    #[must_use]
    pub fn tokens(names: &[String], reading: Reading) -> Self {
        let metric = Self {
            names: names.to_vec(),
            ..Self::of_rows(Rows::Tokens(Tokens::new(names, reading)))
        };
        metric.measuring(if are_entities(names) {
            &["precision", "recall", "f1", "accuracy"]
        } else {
            &["accuracy", "f1_macro"]
        })
    }

    /// Tags by their names, as seqeval takes them.
    pub(crate) fn seqeval() -> Self {
        Self::of_rows(Rows::Tags(EntityCounts::new(Reading::Lenient)))
    }

    /// The metric of a GLUE task: `accuracy` and `f1` for MRPC and QQP, `matthews_correlation` for
    /// CoLA, `pearson` and `spearmanr` for STS-B, `accuracy` for the others.
    #[must_use]
    pub fn for_task(task: GlueTask) -> Self {
        let names: &[&str] = match task {
            GlueTask::Cola => &["matthews_correlation"],
            GlueTask::Mrpc | GlueTask::Qqp => &["accuracy", "f1"],
            GlueTask::Stsb => &["pearson", "spearmanr"],
            _ => &["accuracy"],
        };
        Self::of(names, ClassCounts::new(task.num_labels()))
    }

    /// The metric of a person's own data: `accuracy` and `f1` (of label 1) for two labels,
    /// `accuracy`, `f1_macro` and `f1_weighted` for more; 1 is a regression, as transformers has it: `pearson`,
    /// `spearmanr` and `mse`.
    ///
    /// # Errors
    /// When there are no labels.
    pub fn for_labels(num_labels: usize) -> Result<Self, MetricError> {
        let names: &[&str] = match num_labels {
            0 => return Err(MetricError::NoLabels),
            1 => &OF_NUMBERS,
            labels => of_classes(labels),
        };
        Ok(Self::of(names, ClassCounts::new(num_labels)))
    }

    /// What [`MEASURES`] has under these names, of classes or of numbers.
    pub(crate) fn of(names: &[&str], classes: ClassCounts) -> Self {
        let numbers = |name: &&str| {
            let measure = Measure::named(name);
            measure.is_some_and(|measure| matches!(measure.of, Of::Numbers(_)))
        };
        let rows = if names.iter().any(numbers) {
            Rows::Scores {
                predictions: Vec::new(),
                references: Vec::new(),
            }
        } else {
            Rows::Classes(classes)
        };
        Self::of_rows(rows).measuring(names)
    }

    fn of_rows(rows: Rows) -> Self {
        Self {
            measures: Vec::new(),
            average: Average::Binary,
            names: Vec::new(),
            rows,
            probabilities: None,
        }
    }

    /// The same rows, and what is measured of them.
    fn measuring(mut self, names: &[&str]) -> Self {
        self.measures = names
            .iter()
            .filter_map(|name| Measure::named(name))
            .collect();
        if self.needs(Of::needs_probabilities) {
            let labels = self.names.len();
            self.probabilities = Some(match &self.rows {
                Rows::MultiLabel(_) => Probabilities::of_labels(labels),
                _ => Probabilities::of_classes(labels.max(2)),
            });
        }
        self
    }

    fn needs(&self, what: impl Fn(Of) -> bool) -> bool {
        self.measures.iter().any(|measure| what(measure.of))
    }

    /// What [`Self::compute`] gives, by name.
    #[must_use]
    pub fn score_names(&self) -> Vec<&'static str> {
        match &self.rows {
            Rows::Tags(_) => TAGS.to_vec(),
            _ => self.measures.iter().map(|measure| measure.name).collect(),
        }
    }

    /// Whether probabilities are to be added too, with [`Self::add_probabilities`] or
    /// [`Self::add_label_probabilities`], for the same rows in the same order.
    #[must_use]
    pub fn needs_probabilities(&self) -> bool {
        self.probabilities.is_some()
    }

    /// Adds the probability of each class, `[rows * num_labels]`, of rows or of tokens that have a label, with
    /// their classes. On an error none of it is added.
    ///
    /// # Errors
    /// When the lengths differ, a class is out of range, a probability is no number, or this metric doesn't
    /// need them.
    pub fn add_probabilities(
        &mut self,
        probabilities: &[f64],
        references: &[i64],
    ) -> Result<(), MetricError> {
        self.probabilities_mut()?
            .add(probabilities, References::Classes(references))
    }

    /// Adds the probability of each label by itself, `[rows * num_labels]`, with what is there. On an error none
    /// of it is added.
    ///
    /// # Errors
    /// As [`Self::add_probabilities`].
    pub fn add_label_probabilities(
        &mut self,
        probabilities: &[f64],
        references: &[bool],
    ) -> Result<(), MetricError> {
        self.probabilities_mut()?
            .add(probabilities, References::Labels(references))
    }

    fn probabilities_mut(&mut self) -> Result<&mut Probabilities, MetricError> {
        let wanted = "predictions alone";
        self.probabilities.as_mut().ok_or(MetricError::OtherKind {
            wanted,
            given: "probabilities",
        })
    }

    /// Whether predictions are scores ([`Metric::add_batch`]) and not classes.
    #[must_use]
    pub fn is_regression(&self) -> bool {
        matches!(self.rows, Rows::Scores { .. })
    }

    /// Rows added: sentences, where tokens are tagged.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.rows {
            Rows::Classes(counts) => counts.rows() as usize,
            Rows::MultiLabel(counts) => counts.rows() as usize,
            Rows::Tokens(tokens) => tokens.sentences,
            Rows::Tags(entities) => entities.sentences() as usize,
            Rows::Scores { predictions, .. } => predictions.len(),
        }
    }

    /// Whether no row was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds one row; see [`Metric::add_batch`].
    ///
    /// # Errors
    /// As [`Metric::add_batch`].
    pub fn add(&mut self, prediction: f64, reference: f64) -> Result<(), MetricError> {
        self.add_batch(&[prediction], &[reference])
    }

    /// Adds a batch of scores, or of label ids written as numbers. On an error none of it is added.
    ///
    /// # Errors
    /// When the lengths differ, a value is not finite as an `f32`, or where classes are counted, a value is not
    /// a whole number or not one of the labels.
    pub fn add_batch(
        &mut self,
        predictions: &[f64],
        references: &[f64],
    ) -> Result<(), MetricError> {
        same_length(predictions.len(), references.len())?;
        let first = self.len();
        check_finite(predictions, Side::Prediction, first)?;
        check_finite(references, Side::Reference, first)?;
        match &mut self.rows {
            Rows::Scores {
                predictions: kept_predictions,
                references: kept_references,
            } => {
                kept_predictions.extend(predictions.iter().map(|value| *value as f32));
                kept_references.extend(references.iter().map(|value| *value as f32));
                Ok(())
            }
            Rows::Classes(counts) => counts.add_batch(
                &whole(predictions, Side::Prediction, first)?,
                &whole(references, Side::Reference, first)?,
            ),
            Rows::MultiLabel(_) | Rows::Tokens(_) | Rows::Tags(_) => {
                Err(self.other_kind("one value a row"))
            }
        }
    }

    /// Adds a batch of label ids. On an error none of it is added.
    ///
    /// # Errors
    /// When the lengths differ, a label is out of range, or this metric measures scores.
    pub fn add_batch_classes(
        &mut self,
        predictions: &[i64],
        references: &[i64],
    ) -> Result<(), MetricError> {
        match &mut self.rows {
            Rows::Classes(counts) => counts.add_batch(predictions, references),
            Rows::Scores { .. } => Err(MetricError::NotAClassMetric),
            Rows::MultiLabel(_) | Rows::Tokens(_) | Rows::Tags(_) => {
                Err(self.other_kind("one class a row"))
            }
        }
    }

    /// Adds rows of several labels, `[rows * num_labels]`, row by row. On an error none of it is added.
    ///
    /// # Errors
    /// When the lengths differ or are no whole rows, or this metric measures something else.
    pub fn add_batch_labels(
        &mut self,
        predictions: &[bool],
        references: &[bool],
    ) -> Result<(), MetricError> {
        match &mut self.rows {
            Rows::MultiLabel(counts) => counts.add_batch(predictions, references),
            Rows::Classes(_) | Rows::Tokens(_) | Rows::Tags(_) | Rows::Scores { .. } => {
                Err(self.other_kind("rows of several labels"))
            }
        }
    }

    /// Adds the tags of a sentence: the class of each token that has a label, in their order. Tokens
    /// without one (-100) are left out on both sides, as transformers' example does.
    ///
    /// # Errors
    /// When the lengths differ, a class is out of range, or this metric measures something else.
    pub fn add_sentence(
        &mut self,
        predictions: &[i64],
        references: &[i64],
    ) -> Result<(), MetricError> {
        let names = &self.names;
        let Rows::Tokens(tokens) = &mut self.rows else {
            return Err(self.other_kind("tags of tokens"));
        };
        tokens.tags.add_batch(predictions, references)?;
        if tokens.are_entities {
            // The classes are in range: they were just counted.
            let tags = |classes: &[i64]| -> Vec<&str> {
                let name = |class: &i64| names.get(usize::try_from(*class).ok()?);
                let names = classes.iter().filter_map(name);
                names.map(String::as_str).collect()
            };
            let (predicted, wanted) = (tags(predictions), tags(references));
            tokens.entities.add(&predicted, &wanted)?;
        }
        tokens.sentences += 1;
        Ok(())
    }

    /// Adds the tags of a sentence by their names, as seqeval takes them. On an error none of it is added.
    ///
    /// # Errors
    /// When the lengths differ, or this metric measures something else.
    pub fn add_tags(
        &mut self,
        predictions: &[&str],
        references: &[&str],
    ) -> Result<(), MetricError> {
        match &mut self.rows {
            Rows::Tags(entities) => entities.add(predictions, references),
            _ => Err(self.other_kind("tags by their names")),
        }
    }

    /// The same metric with another mean over the labels: `average` of evaluate's `f1`, `precision` and
    /// `recall`.
    ///
    /// # Errors
    /// When this metric is another one.
    pub fn average(mut self, average: Average) -> Result<Self, MetricError> {
        let of_labels = |measure: &&Measure| matches!(measure.of, Of::Labels(_));
        if self.measures.is_empty() || !self.measures.iter().all(of_labels) {
            return Err(MetricError::NoAverage);
        }
        self.average = average;
        Ok(self)
    }

    fn other_kind(&self, given: &'static str) -> MetricError {
        let wanted = match &self.rows {
            Rows::Classes(_) => "one class a row",
            Rows::MultiLabel(_) => "rows of several labels",
            Rows::Tokens(_) => "tags of tokens",
            Rows::Tags(_) => "tags by their names",
            Rows::Scores { .. } => "one number a row",
        };
        MetricError::OtherKind { wanted, given }
    }

    /// Precision, recall and F1 of every label, or of every type of entity; none for numbers, and for one
    /// class a row where there are two classes or their names aren't known.
    #[must_use]
    pub fn by_label(&self) -> Vec<LabelScores> {
        let names = &self.names;
        match &self.rows {
            Rows::Classes(counts) if names.len() > 2 => counts.by_label(names),
            Rows::Classes(_) | Rows::Scores { .. } => Vec::new(),
            Rows::MultiLabel(counts) => counts.by_label(names),
            Rows::Tags(entities) => entities.by_kind(),
            Rows::Tokens(tokens) if tokens.are_entities => tokens.entities.by_kind(),
            Rows::Tokens(tokens) => tokens.tags.by_label(names),
        }
    }

    /// The metric over all rows added so far. It stays as it is, and more rows may be added.
    ///
    /// # Errors
    /// When no row was added, label 1 of more than two is asked for, or probabilities are needed and weren't
    /// added.
    pub fn compute(&self) -> Result<Scores, MetricError> {
        if self.is_empty() {
            return Err(MetricError::Empty);
        }
        if let Rows::Tags(entities) = &self.rows {
            let overall = entities.overall();
            let (precision, recall) = (overall.precision, overall.recall);
            let scores = [precision, recall, overall.f1, entities.accuracy()];
            return Ok(Scores(TAGS.into_iter().zip(scores).collect()));
        }
        let measured = |measure: &&'static Measure| Ok((measure.name, self.score(measure.of)?));
        let scores: Result<_, _> = self.measures.iter().map(measured).collect();
        Ok(Scores(scores?))
    }

    fn score(&self, of: Of) -> Result<f64, MetricError> {
        let classes = |counts: &ClassCounts| match of {
            Of::Accuracy => Ok(counts.accuracy()),
            Of::Classes(score) => Ok(score(counts)),
            Of::Labels(score) => counts.mean(self.average, score),
            Of::Mean(average, score) => counts.mean(average, score),
            _ => Ok(f64::NAN),
        };
        if let Of::Probabilities(score) | Of::ClassProbabilities(score) = of {
            let kept = self.probabilities.as_ref();
            let kept = kept.filter(|kept| kept.rows() > 0);
            return Ok(score(kept.ok_or(MetricError::NoProbabilities)?));
        }
        match &self.rows {
            Rows::Classes(counts) => classes(counts),
            Rows::MultiLabel(counts) => Ok(match of {
                Of::Accuracy => counts.subset_accuracy(),
                Of::Mean(average, score) => counts.mean(average, score),
                _ => f64::NAN,
            }),
            Rows::Tokens(tokens) if tokens.are_entities => match of {
                Of::Accuracy => Ok(tokens.entities.accuracy()),
                Of::Labels(score) => Ok(tokens.entities.mean(Average::Micro, score)),
                Of::Mean(average, score) => Ok(tokens.entities.mean(average, score)),
                _ => classes(&tokens.tags),
            },
            Rows::Tokens(tokens) => classes(&tokens.tags),
            Rows::Tags(entities) => Ok(entities.accuracy()),
            Rows::Scores {
                predictions,
                references,
            } => {
                let exact =
                    |scores: &[f32]| scores.iter().copied().map(f64::from).collect::<Vec<_>>();
                match of {
                    Of::Numbers(score) => score(&exact(predictions), &exact(references)),
                    _ => Ok(f64::NAN),
                }
            }
        }
    }
}

/// What is usually measured of numbers.
const OF_NUMBERS: [&str; 3] = ["pearson", "spearmanr", "mse"];

/// What is usually measured of so many classes.
fn of_classes(count: usize) -> &'static [&'static str] {
    match count {
        0..=2 => &["accuracy", "f1"],
        _ => &["accuracy", "f1_macro", "f1_weighted"],
    }
}

/// What is measured of tags by their names, as seqeval names it.
const TAGS: [&str; 4] = [
    "overall_precision",
    "overall_recall",
    "overall_f1",
    "overall_accuracy",
];

fn check_finite(values: &[f64], side: Side, first_row: usize) -> Result<(), MetricError> {
    match values.iter().position(|value| !(*value as f32).is_finite()) {
        None => Ok(()),
        Some(row) => Err(MetricError::NotFinite {
            row: first_row + row,
            side,
            value: values[row],
        }),
    }
}

fn whole(values: &[f64], side: Side, first_row: usize) -> Result<Vec<i64>, MetricError> {
    values
        .iter()
        .enumerate()
        .map(|(row, value)| {
            if value.fract() == 0.0 {
                Ok(*value as i64)
            } else {
                Err(MetricError::NotAClass {
                    row: first_row + row,
                    side,
                    value: *value,
                })
            }
        })
        .collect()
}

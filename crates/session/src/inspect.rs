//! What data looks like before it is tokenized: for a screen that maps columns.

use tunesmith::data::{ColumnView, Dataset, Feature};
use tunesmith::metrics::GlueTask;
use tunesmith_protocol::{
    ColumnInfo, ColumnKind, DataArguments, Event, Inspection, LabelCount, ProblemType, RunConfig,
    SplitInfo,
};

use crate::SessionError;
use crate::background::background;
use crate::check;
use crate::columns::{Question, task};
use crate::fetch::{Loaded, dataset, load};
use crate::label_columns::{LabelSource, problem_type, task_of};
use crate::labels::{self, Labels, Wanted};
use crate::session::Shared;

/// Rows shown.
const ROWS: usize = 8;

/// Labels counted one by one; a column with more is no column of classes.
const MOST_LABELS: usize = 1000;

/// Reads the data that `config` names, and says what a training would take of it.
///
/// # Errors
/// Data that is not there or damaged, with its place; a text column that isn't there.
pub async fn inspect(
    config: RunConfig,
    tell: &mut dyn FnMut(Event),
) -> Result<Inspection, SessionError> {
    let shared = Shared::default();
    let (data, cache) = (config.data, config.model.cache_dir);
    let task = task(&data)?;
    let request = dataset(&data, cache.as_deref(), task, &shared).await?;
    let work = background(&shared, move |emit| {
        let question = Question::of(&data, task, None);
        let Loaded {
            splits: loaded,
            mut warnings,
            ..
        } = load(request, &data, &question, emit)?;
        let Some((_, first)) = loaded.iter().next() else {
            return Err(SessionError::Arguments(
                "the data has no split: name a file or a data set with rows".to_owned(),
            ));
        };
        let mut found = Found::default();
        match question.columns(first) {
            Ok((columns, warning)) => {
                warnings.extend(warning);
                found.text = columns.text.names();
                let labels = columns.labels.clone();
                warnings.extend(found.look_at(first, labels, &data, task));
                warnings.extend(check::findings(&loaded, &columns, found.problem_type)?);
            }
            // The person is about to map the columns.
            Err(error) => warnings.push(error.to_string()),
        }
        Ok(Inspection {
            splits: loaded
                .iter()
                .map(|(name, rows)| SplitInfo {
                    name: name.to_owned(),
                    num_rows: rows.num_rows() as u64,
                })
                .collect(),
            columns: columns(first),
            rows: preview(first)?,
            text_column_names: found.text,
            label_column_name: found.label,
            label_column_names: found.labels,
            problem_type: found.problem_type,
            label_counts: found.counts,
            warnings,
        })
    });
    shared.passing_on(work, tell).await
}

/// What a training would take of the data.
#[derive(Default)]
struct Found {
    text: Vec<String>,
    label: Option<String>,
    labels: Vec<String>,
    problem_type: Option<ProblemType>,
    counts: Vec<LabelCount>,
}

impl Found {
    /// Looks at the labels of a split; gives what is wrong with them.
    fn look_at(
        &mut self,
        rows: &Dataset,
        source: LabelSource,
        data: &DataArguments,
        glue: Option<GlueTask>,
    ) -> Option<String> {
        let trained = source.trained_on(Vec::new());
        self.label = trained
            .label_column_name
            .filter(|_| source.are_labelled(rows));
        self.labels = trained.label_column_names;
        if self.label.is_none() && self.labels.is_empty() {
            return None;
        }
        let wanted = Wanted {
            glue,
            task: data.problem_type.map(task_of),
            label_all_tokens: data.label_all_tokens,
        };
        // What there is to count where it can't be learned: a single class.
        let plain = match &source {
            LabelSource::One(column) => labels::values(rows, column).ok(),
            LabelSource::Several(_) | LabelSource::Tags(_) => None,
        };
        let found = Labels::of_training(rows, source, wanted).and_then(|(labels, _)| {
            let counts = match &plain {
                Some(counts) => counts.clone(),
                None => labels.counts(rows)?,
            };
            Ok((labels.task(), counts))
        });
        match found {
            Ok((task, counts)) => {
                self.problem_type = Some(problem_type(task));
                self.counts = the_most(counts);
                None
            }
            Err(error) => {
                self.counts = the_most(plain.unwrap_or_default());
                Some(error.to_string())
            }
        }
    }
}

/// The most frequent ones, where there are a great many.
fn the_most(mut counts: Vec<LabelCount>) -> Vec<LabelCount> {
    if counts.len() > MOST_LABELS {
        counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
        counts.truncate(MOST_LABELS);
    }
    counts
}

fn columns(dataset: &Dataset) -> Vec<ColumnInfo> {
    let kind = |feature: &Feature| match feature {
        Feature::ClassLabel(_) => ColumnKind::Label,
        Feature::Value(dtype) if dtype.name() == "string" => ColumnKind::Text,
        Feature::Value(dtype) if dtype.is_integer() || dtype.is_float() => ColumnKind::Number,
        Feature::List(_) => ColumnKind::List,
        _ => ColumnKind::Other,
    };
    let features = dataset.features().iter();
    features
        .map(|(name, feature)| ColumnInfo {
            name: name.to_owned(),
            kind: kind(feature),
        })
        .collect()
}

fn preview(dataset: &Dataset) -> Result<Vec<Vec<Option<String>>>, SessionError> {
    let names = dataset.column_names();
    let columns: Vec<ColumnView<'_>> = names
        .into_iter()
        .map(|name| dataset.column(name))
        .collect::<Result<_, _>>()?;
    Ok((0..dataset.num_rows().min(ROWS))
        .map(|row| {
            let cells = columns.iter();
            cells
                .map(|column| column.feature().text(column.get(row)?))
                .collect()
        })
        .collect())
}

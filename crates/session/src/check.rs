//! A look at data before a training, for what will go wrong.

use tunesmith::data::{
    self, CheckColumns, Dataset, DatasetDict, Finding, FindingKind, TokenizeOptions,
};
use tunesmith::model::AutoConfig;
use tunesmith_protocol::{Event, ProblemType, RunConfig};

use crate::SessionError;
use crate::background::background;
use crate::columns::{Columns, Question, task};
use crate::fetch::{dataset, load, model_files};
use crate::prepare::{max_length, open_tokenizer};
use crate::session::Shared;

/// Reads all of the data that `config` names and looks for what makes a training's results worse than they
/// seem or than they could be; with `tokens` by the model's tokenizer too.
///
/// # Errors
/// Data that is not there or damaged, with its place; a text column that isn't there; a model that isn't
/// there.
pub async fn check(
    config: RunConfig,
    tokens: bool,
    tell: &mut dyn FnMut(Event),
) -> Result<Vec<Finding>, SessionError> {
    let shared = Shared::default();
    let (data, model) = (config.data, config.model);
    let work = async {
        let task = task(&data)?;
        let request = dataset(&data, model.cache_dir.as_deref(), task, &shared).await?;
        let files = match tokens {
            true => Some(model_files(&model, &shared).await?),
            false => None,
        };
        let look = background(&shared, move |emit| {
            let question = Question::of(&data, task, None);
            let splits = load(request, &data, &question, emit)?.splits;
            let Some((_, first)) = splits.iter().next() else {
                return Ok(Vec::new());
            };
            let (columns, _) = question.columns(first)?;
            let columns = looked_at(&columns);
            let mut findings = data::check(&splits, &columns)?;
            if let Some((model, tokenizer)) = files {
                let model = AutoConfig::from_pretrained(&model)?;
                let tokenizer = open_tokenizer(&tokenizer, &model)?;
                let options = TokenizeOptions {
                    max_length: Some(max_length(data.max_seq_length, &tokenizer, &model)?),
                    ..TokenizeOptions::default()
                };
                findings.extend(data::check_tokens(&splits, &columns, &tokenizer, &options)?);
            }
            Ok(findings)
        });
        look.await
    };
    shared.passing_on(work, tell).await
}

/// The columns of the texts and of the one label that a training on these rows would read.
///
/// # Errors
/// As for a training: no column with text, or a column that isn't there.
pub fn columns(config: &RunConfig, rows: &Dataset) -> Result<CheckColumns, SessionError> {
    let question = Question::of(&config.data, task(&config.data)?, None);
    Ok(looked_at(&question.columns(rows)?.0))
}

/// Rows beyond which a screen that asks what the data is doesn't wait for a look at all of them.
const MOST_ROWS: usize = 1_000_000;

/// What a screen tells of data that it shows; numbers that are to be predicted are no classes.
pub(crate) fn findings(
    splits: &DatasetDict,
    columns: &Columns,
    predicts: Option<ProblemType>,
) -> Result<Vec<String>, SessionError> {
    let rows: usize = splits.iter().map(|(_, rows)| rows.num_rows()).sum();
    if rows > MOST_ROWS {
        return Ok(Vec::new());
    }
    let mut findings = data::check(splits, &looked_at(columns))?;
    if predicts == Some(ProblemType::Regression) {
        findings.retain(|finding| finding.kind != FindingKind::SmallClass);
    }
    Ok(findings.iter().map(Finding::to_string).collect())
}

fn looked_at(columns: &Columns) -> CheckColumns {
    let label = columns.labels.trained_on(Vec::new()).label_column_name;
    CheckColumns {
        texts: columns.text.names(),
        label,
    }
}

//! Every row of a file, read and written in blocks, so that the rows need not fit memory.
#![allow(
    clippy::disallowed_methods,
    reason = "native: the file is read on a thread, which waits until its block is taken"
)]

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use tunesmith::data::{
    ColumnView, DataError, DataFile, Dataset, Format, IterableDataset, LoadDataset, LoadEvent,
    Value,
};
use tunesmith::model::Task;
use tunesmith_platform::fs;
use tunesmith_protocol::{DataArguments, Event, Pair};

use super::table::Output;
use super::{Predictor, WINDOW};
use crate::SessionError;
use crate::columns::{Question, TextColumns};

/// Blocks that are read ahead.
const AHEAD: usize = 2;

/// What [`predict_file`] is told.
#[derive(Debug, Clone, Default)]
pub struct PredictFile {
    /// The columns of the text, or of the two; none: those that the model was trained on, else those that hold text.
    pub text_column_names: Option<Vec<String>>,
    /// Only so many classes of each row, the most likely ones; none: the probabilities of all.
    pub top_k: Option<usize>,
}

/// Classifies every row of a file of any format that is read, block by block, and gives the number of rows. A `.txt`
/// is a text a line, unless the model labels tokens and the file is CoNLL.
///
/// The output is written as it goes, to `OUTPUT.partial` until it is whole: CSV or parquet with a row of the texts
/// and their predictions each where its name says so, else JSON Lines. Words are put together with a space between;
/// entities are places in that text.
///
/// # Errors
/// As [`Predictor::load`] and [`Predictor::predict`]; a file that can't be read, with its place; a row without text;
/// an output that can't be written; `top_k` for a model without classes.
pub async fn predict_file(
    predictor: &Predictor,
    input: &Path,
    output: &Path,
    options: &PredictFile,
    on_event: &mut dyn FnMut(Event),
) -> Result<usize, SessionError> {
    let same = |file: &Path| fs::canonicalize(file).ok();
    if same(input).is_some_and(|input| same(output) == Some(input)) {
        return Err(SessionError::Arguments(format!(
            "{} would be replaced by its own predictions: name another file for the output",
            output.display()
        )));
    }
    let (rows, columns) = open(predictor, input, options, on_event)?;
    let total = rows.num_rows();
    let mut output = Output::create(predictor, output, columns.names(), options.top_k)?;
    let blocks = read(rows);
    let mut done = 0;
    while let Ok(block) = blocks.recv() {
        let block = block?;
        let texts = Texts::of(&block, &columns, input)?;
        for start in (0..block.num_rows()).step_by(WINDOW) {
            let end = (start + WINDOW).min(block.num_rows());
            let pairs = (start..end).map(|row| texts.pair(row, done));
            let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
            let predictions = predictor.predict(&pairs).await?;
            output.write(&pairs, &predictions)?;
            on_event(Event::Progress {
                stage: "predicting".to_owned(),
                done: (done + end) as u64,
                total,
            });
        }
        done += block.num_rows();
    }
    output.finish()?;
    Ok(done)
}

/// Looks at a file: its rows, and which columns have the texts.
fn open(
    predictor: &Predictor,
    input: &Path,
    options: &PredictFile,
    on_event: &mut dyn FnMut(Event),
) -> Result<(IterableDataset, TextColumns), SessionError> {
    let data = DataArguments {
        text_column_names: options.text_column_names.clone(),
        ..DataArguments::default()
    };
    let question = Question {
        classes: predictor.labels().to_vec(),
        ..Question::of(&data, None, Some(predictor.config()))
    };
    let mut tell = |event| {
        if let LoadEvent::Warning(message) = event {
            on_event(Event::Warning { message });
        }
    };
    let is_text = Format::is_text_name(input);
    let as_text = || lines(input);
    let rows = match predictor.model.task() {
        Task::Tokens if is_text => {
            let conll = LoadDataset::files([("input", input)]).streaming(&mut |_| {});
            conll.or_else(|_| as_text().streaming(&mut tell))?
        }
        _ if is_text => as_text().streaming(&mut tell)?,
        _ => LoadDataset::files([("input", input)]).streaming(&mut tell)?,
    };
    // A plain text has one column, whatever the model's were called.
    if is_text && rows.features().names() == ["text"] && options.text_column_names.is_none() {
        let columns = TextColumns {
            first: "text".to_owned(),
            second: None,
        };
        return Ok((rows, columns));
    }
    let rows = match question.known() {
        Some(columns) => rows.text_columns(columns.names()),
        None => {
            let head = rows.head()?;
            let columns = question.ask(&head).map(|(columns, _)| columns.names());
            // Texts of nothing but digits were read as numbers.
            match columns {
                Ok(columns) => rows.text_columns(columns),
                Err(_) => rows,
            }
        }
    };
    let (columns, warning) = question.columns(&rows.head()?)?;
    if let Some(message) = warning {
        on_event(Event::Warning { message });
    }
    Ok((rows, columns.text))
}

fn lines(input: &Path) -> LoadDataset {
    LoadDataset::data_files(vec![DataFile {
        split: "input".to_owned(),
        path: input.to_path_buf(),
        format: Some(Format::Text),
    }])
}

/// Reads the rows on a thread, a few blocks ahead.
fn read(rows: IterableDataset) -> Receiver<Result<Dataset, SessionError>> {
    let (sender, receiver) = sync_channel(AHEAD);
    thread::spawn(move || {
        // Nobody listens once a row could not be predicted.
        let gone = || DataError::Argument("the rows are not needed any more".to_owned());
        let end = rows.for_each(&mut |block| sender.send(Ok(block)).map_err(|_| gone()));
        if let Err(error) = end {
            _ = sender.send(Err(error.into()));
        }
    });
    receiver
}

/// The texts of a block.
struct Texts<'a> {
    first: (&'a str, ColumnView<'a>),
    second: Option<(&'a str, ColumnView<'a>)>,
    input: PathBuf,
}

impl<'a> Texts<'a> {
    fn of(
        block: &'a Dataset,
        columns: &'a TextColumns,
        input: &Path,
    ) -> Result<Self, SessionError> {
        let column = |name: &'a String| Ok::<_, DataError>((name.as_str(), block.column(name)?));
        Ok(Self {
            first: column(&columns.first)?,
            second: columns.second.as_ref().map(column).transpose()?,
            input: input.to_path_buf(),
        })
    }

    /// A row of the block, before which there were so many of the file.
    fn pair(&self, row: usize, before: usize) -> Result<Pair, SessionError> {
        let text = |(name, view): &(&str, ColumnView<'_>)| {
            let text = view.get(row).and_then(words);
            text.ok_or_else(|| {
                SessionError::Arguments(format!(
                    "{}, row {}, column '{name}': there is no text; fill it in or remove the row",
                    self.input.display(),
                    before + row
                ))
            })
        };
        Ok(Pair {
            text: text(&self.first)?,
            text_pair: self.second.as_ref().map(text).transpose()?,
        })
    }
}

/// A text, or words put together with a space between; `None` where there is neither.
fn words(value: Value<'_>) -> Option<String> {
    match value.as_list() {
        None => value.as_str().map(str::to_owned),
        Some(list) => {
            let words = list.iter().map(|word| word.as_str());
            Some(words.collect::<Option<Vec<_>>>()?.join(" "))
        }
    }
}

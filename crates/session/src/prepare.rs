//! From the data's name to tokenized splits whose labels are known to be good.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tunesmith::data::{
    DataCollatorWithPadding, DataError, Dataset, LoadDataset, TokenizeArgs, TokenizeOptions,
    TokenizedDataset, Tokenizer, Truncation, default_cache_dir,
};
use tunesmith::metrics::GlueTask;
use tunesmith::model::{ModelConfig, Task};
use tunesmith_protocol::{
    DataArguments, DatasetReady, Event, Split, TrainingArguments, Truncation as TruncationArgument,
};

use crate::SessionError;
use crate::columns::{Question, TextColumns, splits};
use crate::fetch::{Loaded, load};
use crate::label_columns::{problem_type, task_of};
use crate::labels::{Labels, Wanted, thresholds};

/// What the preparation is told.
pub(crate) struct Request {
    pub(crate) data: DataArguments,
    /// The data set that the arguments name.
    pub(crate) dataset: LoadDataset,
    pub(crate) training: TrainingArguments,
    pub(crate) task: Option<GlueTask>,
    /// The model's configuration, with the labels that it was trained on, if any.
    pub(crate) config: ModelConfig,
    /// The folder with the tokenizer.
    pub(crate) tokenizer: PathBuf,
}

/// run_classification's default.
const SHUFFLE_SEED: u64 = 42;

/// Splits, ready for the trainer.
pub(crate) struct Prepared {
    pub(crate) train: Option<TokenizedDataset>,
    /// Splits to evaluate on; the first is the one evaluated during training.
    pub(crate) eval: Vec<SplitRows>,
    /// Splits to predict.
    pub(crate) test: Vec<SplitRows>,
    pub(crate) labels: Labels,
    /// The columns of the texts, or of the words.
    pub(crate) text: TextColumns,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) options: TokenizeOptions,
    pub(crate) collator: DataCollatorWithPadding,
    pub(crate) ready: DatasetReady,
    pub(crate) warnings: Vec<String>,
}

/// A split to evaluate on or to predict.
pub(crate) struct SplitRows {
    pub(crate) name: String,
    pub(crate) rows: TokenizedDataset,
    /// The same rows as they were read, with known labels as numbers.
    pub(crate) texts: Dataset,
}

/// Loads, checks and tokenizes the splits that the arguments ask for.
pub(crate) fn prepare(
    request: Request,
    emit: &mut dyn FnMut(Event),
) -> Result<Prepared, SessionError> {
    let Request {
        data,
        dataset,
        training,
        task,
        config,
        tokenizer,
    } = request;
    let (data, training, config) = (&data, &training, &config);
    let tokenizer = open_tokenizer(&tokenizer, config)?;
    let max_length = max_length(data.max_seq_length, &tokenizer, config)?;
    let mut collator = DataCollatorWithPadding::from_tokenizer(&tokenizer)?;
    collator.pad_to_multiple_of = data.pad_to_multiple_of;
    collator.max_length = data.pad_to_max_length.then_some(max_length);

    // A model that is trained anew forgets what it was trained on before.
    let question = Question::of(data, task, (!training.do_train).then_some(config));
    let Loaded {
        splits: datasets,
        whole,
        mut warnings,
    } = load(dataset, data, &question, emit)?;
    let names = |asked: bool, names: Vec<String>| if asked { names } else { Vec::new() };
    let train = names(training.do_train, vec!["train".to_owned()]);
    let eval = names(training.evaluates(), splits("validation", task));
    let test = names(training.do_predict, splits("test", task));
    let all: Vec<&String> = train.iter().chain(&eval).chain(&test).collect();
    for name in &all {
        if datasets.get(name)?.num_rows() == 0 {
            let what = format!("split {name:?}");
            return Err(DataError::Empty { what }.into());
        }
    }
    let Some(first) = all.first() else {
        return Err(SessionError::Arguments(
            "there is nothing to do: set do_train, do_eval or do_predict".to_owned(),
        ));
    };
    let at = |name: &str| SessionError::split_of(name, file(data, name, whole.is_some()));
    let (columns, warning) = question.columns(datasets.get(first)?)?;
    warnings.extend(warning);
    let (text, source) = (columns.text, columns.labels);
    let label_names = source.names();
    if let Some(label) = text.names().iter().find(|name| label_names.contains(name)) {
        return Err(SessionError::Arguments(format!(
            "the column {label} is the label's, and can't be a text as well: change \
             text_column_names or label_column_name"
        )));
    }

    let wanted = Wanted {
        glue: task,
        task: data.problem_type.map(task_of),
        label_all_tokens: data.label_all_tokens,
    };
    let labels = if let Some(name) = train.first() {
        // Rows that were set aside are training rows too: a rare class may be among them alone.
        let rows = match &whole {
            Some(whole) => whole,
            None => datasets.get(name)?,
        };
        let (labels, notes) =
            Labels::of_training(rows, source, wanted).map_err(missing_label(at(name)))?;
        warnings.extend(notes);
        labels
    } else {
        let rows = datasets.get(first)?;
        // Rows to predict need no labels: what theirs are called is of no account.
        let rows = match eval.is_empty() {
            true => &rows.take(0),
            false => rows,
        };
        let (labels, warning) =
            Labels::of_model(config, rows, source, wanted).map_err(at(first))?;
        warnings.extend(warning);
        labels
    };
    check_kind(data, task, &labels)?;

    let mut chosen: Vec<(String, Dataset)> = Vec::new();
    let mut most_frequent = BTreeMap::new();
    for name in &all {
        let name = *name;
        let most = match name {
            name if train.contains(name) => data.max_train_samples,
            name if eval.contains(name) => data.max_eval_samples,
            _ => data.max_predict_samples,
        };
        let rows = datasets.get(name)?;
        let shuffled = (data.shuffle_train_dataset && train.contains(name))
            .then(|| rows.shuffle(data.shuffle_seed.unwrap_or(SHUFFLE_SEED)));
        let rows = shuffled.as_ref().unwrap_or(rows);
        let rows = most.map_or_else(|| rows.clone(), |most| rows.take(most));
        if test.contains(name) {
            let found = labels.encode_test(&rows).map_err(at(name))?;
            warnings.extend(found.warning.map(|text| format!("split '{name}': {text}")));
            chosen.push((name.clone(), found.dataset));
            continue;
        }
        let encoded = labels.encode(&rows).map_err(missing_label(at(name)))?;
        if eval.contains(name) {
            most_frequent.insert(name.clone(), labels.most_frequent(&rows).map_err(at(name))?);
        }
        match encoded.one_class {
            // A small split to evaluate on, or the first few training rows, may have one class only.
            Some(error) if eval.contains(name) || most.is_some() => {
                warnings.push(format!("split '{name}': {error}"));
            }
            Some(error) => return Err(at(name)(error)),
            None => {}
        }
        chosen.push((name.clone(), encoded.dataset));
    }

    let options = TokenizeOptions {
        max_length: Some(max_length),
        truncation: truncation(data.truncation),
        ..TokenizeOptions::default()
    };
    let mut ready = Vec::new();
    let mut tokenized = Vec::new();
    for (name, dataset) in &chosen {
        let args = TokenizeArgs {
            text_pair_column: text.second.clone(),
            options: options.clone(),
            token_type_ids: takes_token_types(config, &tokenizer),
            cache_dir: default_cache_dir().ok().filter(|_| !data.overwrite_cache),
            ..TokenizeArgs::new(text.first.clone())
        };
        let rows = labels
            .tokenize(dataset, &tokenizer, args, &mut |progress| {
                emit(Event::Progress {
                    stage: "tokenizing".to_owned(),
                    done: progress.rows as u64,
                    total: progress.total as u64,
                });
            })
            .map_err(at(name))?;
        let limit = match data.pad_to_max_length {
            true => max_length,
            false => config.spec().longest,
        };
        check_lengths(&rows, limit).map_err(at(name))?;
        ready.push(Split {
            name: name.clone(),
            num_rows: rows.len() as u64,
            digest: Some(rows.digest()),
            most_frequent: most_frequent.remove(name).flatten(),
        });
        tokenized.push((name.clone(), rows));
    }
    let pick = |names: &[String]| -> Vec<SplitRows> {
        let splits = tokenized.iter().zip(&chosen);
        splits
            .filter(|((name, _), _)| names.contains(name))
            .map(|((name, rows), (_, texts))| SplitRows {
                name: name.clone(),
                rows: rows.clone(),
                texts: texts.clone(),
            })
            .collect()
    };
    let labels_task = labels.task();
    let names = match labels_task {
        Task::Regression => Vec::new(),
        Task::SingleLabel | Task::MultiLabel | Task::Tokens => labels.names().to_vec(),
    };
    Ok(Prepared {
        train: pick(&train).pop().map(|split| split.rows),
        eval: pick(&eval),
        test: pick(&test),
        labels,
        text,
        tokenizer,
        options,
        collator,
        ready: DatasetReady {
            splits: ready,
            labels: names,
            problem_type: problem_type(labels_task),
        },
        warnings,
    })
}

/// Checks that the labels are of the kind that the arguments ask for.
fn check_kind(
    data: &DataArguments,
    glue: Option<GlueTask>,
    labels: &Labels,
) -> Result<(), SessionError> {
    let task = labels.task();
    if let Some(glue) = glue {
        let wanted = match glue.num_labels() {
            1 => Task::Regression,
            _ => Task::SingleLabel,
        };
        if task != wanted {
            return Err(SessionError::Arguments(format!(
                "{glue} has {} label(s), and the model {}: name a model that was trained on it, or \
                 leave task_name out",
                glue.num_labels(),
                labels.names().len()
            )));
        }
    }
    let only = |given: bool, argument: &str, kind: Task, what: &str| {
        if given && task != kind {
            return Err(SessionError::Arguments(format!(
                "{argument} is for {what}, and the labels here aren't such: leave it out, or name the \
                 right column with label_column_name"
            )));
        }
        Ok(())
    };
    let several = "several labels a row";
    only(
        data.threshold.is_some(),
        "threshold",
        Task::MultiLabel,
        several,
    )?;
    only(
        data.label_all_tokens,
        "label_all_tokens",
        Task::Tokens,
        "tagged tokens",
    )?;
    if let Some(threshold) = &data.threshold {
        thresholds(threshold, labels.names())?;
    }
    Ok(())
}

/// The file that a split is read from, where the data is files.
fn file<'a>(data: &'a DataArguments, split: &str, is_set_aside: bool) -> Option<&'a str> {
    if data.dataset_name.is_some() {
        return None;
    }
    let file = match split {
        "validation" if is_set_aside => &data.train_file,
        "train" => &data.train_file,
        "validation" => &data.validation_file,
        "test" => &data.test_file,
        _ => &None,
    };
    file.as_deref()
}

/// Says which argument names the label's column, where it isn't there.
fn missing_label(
    told: impl FnOnce(DataError) -> SessionError,
) -> impl FnOnce(DataError) -> SessionError {
    move |error| match error {
        DataError::NoColumn { .. } => SessionError::Arguments(format!(
            "{} (label_column_name names the column of the labels)",
            told(error)
        )),
        other => told(other),
    }
}

/// Checks that rows which were not cut are no longer than the model can take.
fn check_lengths(rows: &TokenizedDataset, limit: usize) -> Result<(), DataError> {
    let lengths = rows.lengths();
    let longer = lengths
        .iter()
        .position(|tokens| usize::try_from(*tokens).is_ok_and(|tokens| tokens > limit));
    match longer {
        None => Ok(()),
        Some(row) => Err(DataError::Argument(format!(
            "row {row} has {} tokens, and the model takes {limit}. With --truncation do_not_truncate rows \
             are not cut: give --truncation longest_first, or leave out the rows that are longer",
            lengths[row]
        ))),
    }
}

/// Reads a tokenizer and checks that the model has an embedding for each of its ids.
pub(crate) fn open_tokenizer(dir: &Path, config: &ModelConfig) -> Result<Tokenizer, SessionError> {
    let tokenizer = Tokenizer::from_file(dir)?;
    let (tokens, embeddings) = (tokenizer.num_ids(), config.spec().vocabulary());
    if tokens > embeddings {
        return Err(SessionError::Vocabulary {
            path: dir.to_owned(),
            tokens,
            embeddings,
        });
    }
    Ok(tokenizer)
}

/// Whether the model is given type ids: it must take them, and its tokenizer must not leave them out.
pub(crate) fn takes_token_types(config: &ModelConfig, tokenizer: &Tokenizer) -> bool {
    config.spec().takes_token_types() && tokenizer.gives_token_types() != Some(false)
}

/// The most tokens of a row: what is asked for, else the tokenizer's limit, within the model's.
pub(crate) fn max_length(
    asked: Option<usize>,
    tokenizer: &Tokenizer,
    config: &ModelConfig,
) -> Result<usize, SessionError> {
    let positions = config.spec().longest;
    match asked {
        Some(max_length) if max_length > positions => Err(SessionError::MaxLength {
            max_length,
            positions,
        }),
        Some(max_length) => Ok(max_length),
        None => Ok(tokenizer
            .model_max_length()
            .unwrap_or(positions)
            .min(positions)),
    }
}

fn truncation(argument: TruncationArgument) -> Truncation {
    match argument {
        TruncationArgument::LongestFirst => Truncation::LongestFirst,
        TruncationArgument::OnlyFirst => Truncation::OnlyFirst,
        TruncationArgument::OnlySecond => Truncation::OnlySecond,
        TruncationArgument::DoNotTruncate => Truncation::DoNotTruncate,
    }
}

//! From the data's name to tokenized splits whose labels are known to be good.

use std::path::{Path, PathBuf};

use tunesmith::data::{
    DataCollatorWithPadding, DataError, Dataset, LabelEncoder, LoadDataset, TokenizeArgs,
    TokenizeOptions, TokenizedDataset, Tokenizer, Truncation, check_labels, default_cache_dir,
    tokenize_dataset,
};
use tunesmith::metrics::GlueTask;
use tunesmith::model::{ModelConfig, TrainedColumns};
use tunesmith_protocol::{
    DataArguments, DatasetReady, Event, Split, TrainingArguments, Truncation as TruncationArgument,
};

use crate::SessionError;
use crate::columns::{Question, TextColumns, splits};
use crate::fetch::{Loaded, load};
use crate::labels;

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

/// Splits, ready for the trainer.
pub(crate) struct Prepared {
    pub(crate) train: Option<TokenizedDataset>,
    /// Splits to evaluate on, by name; the first is the one evaluated during training.
    pub(crate) eval: Vec<(String, TokenizedDataset)>,
    /// Splits to predict, by name.
    pub(crate) test: Vec<(String, TokenizedDataset)>,
    /// The classes' names; one name for a regression.
    pub(crate) labels: Vec<String>,
    /// The columns that were read.
    pub(crate) columns: TrainedColumns,
    pub(crate) collator: DataCollatorWithPadding,
    pub(crate) ready: DatasetReady,
    pub(crate) warnings: Vec<String>,
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
    let trained = config.trained_columns().filter(|_| !training.do_train);
    let label = data
        .label_column_name
        .clone()
        .or_else(|| Some(trained.as_ref()?.label_column_name.clone()))
        .unwrap_or_else(|| "label".to_owned());
    let question = Question {
        named: data.text_column_names.clone(),
        task,
        trained: trained.map(|columns| columns.text_column_names),
        label: label.clone(),
        classes: Vec::new(),
    };
    let Loaded {
        splits: datasets,
        whole,
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
    let mut warnings = Vec::new();
    let (columns, warning) = question.ask(datasets.get(first)?)?;
    warnings.extend(warning);
    if columns.names().contains(&label) {
        return Err(SessionError::Arguments(format!(
            "the column {label} is the label's, and can't be a text as well: change \
             text_column_names or label_column_name"
        )));
    }

    let encoder = if let Some(name) = train.first() {
        // Rows that were set aside are training rows too: a rare class may be among them alone.
        let rows = match &whole {
            Some(whole) => whole,
            None => datasets.get(name)?,
        };
        let (encoder, notes) =
            labels::of_training(rows, &label, task).map_err(missing_label(at(name)))?;
        warnings.extend(notes);
        encoder
    } else if let Some(name) = eval.first() {
        let rows = datasets.get(name)?;
        let (encoder, warning) =
            labels::of_model(config.label_names(), rows, &label).map_err(at(name))?;
        warnings.extend(warning);
        encoder
    } else {
        LabelEncoder::named(config.label_names())
    };
    if let Some(task) = task.filter(|task| (task.num_labels() == 1) != encoder.is_regression()) {
        return Err(SessionError::Arguments(format!(
            "{task} has {} label(s), and the model {}: name a model that was trained on it, or leave \
             task_name out",
            task.num_labels(),
            encoder.names().len()
        )));
    }
    let labels = match training.do_train {
        true => encoder.names().to_vec(),
        false => config.label_names(),
    };

    let mut chosen: Vec<(String, Dataset)> = Vec::new();
    for name in &all {
        let name = *name;
        let most = match name {
            name if train.contains(name) => data.max_train_samples,
            name if eval.contains(name) => data.max_eval_samples,
            _ => data.max_predict_samples,
        };
        let rows = datasets.get(name)?;
        let rows = most.map_or_else(|| rows.clone(), |most| rows.take(most));
        if test.contains(name) {
            let found = encoder.encode_test(&rows, &label).map_err(at(name))?;
            warnings.extend(found.warning.map(|text| format!("split '{name}': {text}")));
            chosen.push((name.clone(), found.dataset));
            continue;
        }
        let encoded = encoder
            .encode(&rows, &label)
            .map_err(missing_label(at(name)))?;
        match check_labels(&encoded, &label, labels.len()) {
            // A small split to evaluate on, or the first few training rows, may have one class only.
            Err(error @ DataError::OneClass { .. }) if eval.contains(name) || most.is_some() => {
                warnings.push(format!("split '{name}': {error}"));
            }
            other => drop(other.map_err(at(name))?),
        }
        chosen.push((name.clone(), encoded));
    }

    let mut ready = Vec::new();
    let mut tokenized = Vec::new();
    for (name, dataset) in &chosen {
        let args = TokenizeArgs {
            label_column: dataset.column(&label).is_ok().then(|| label.clone()),
            options: TokenizeOptions {
                max_length: Some(max_length),
                truncation: truncation(data.truncation),
                ..TokenizeOptions::default()
            },
            token_type_ids: config.spec().takes_token_types(),
            cache_dir: default_cache_dir().ok().filter(|_| !data.overwrite_cache),
            ..tokenize_args(&columns)
        };
        let rows = tokenize_dataset(dataset, &tokenizer, &args, &mut |progress| {
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
        });
        tokenized.push((name.clone(), rows));
    }
    let pick = |names: &[String]| -> Vec<(String, TokenizedDataset)> {
        tokenized
            .iter()
            .filter(|(name, _)| names.contains(name))
            .cloned()
            .collect()
    };
    let names = if labels.len() == 1 {
        Vec::new()
    } else {
        labels.clone()
    };
    Ok(Prepared {
        train: pick(&train).pop().map(|(_, rows)| rows),
        eval: pick(&eval),
        test: pick(&test),
        labels,
        columns: TrainedColumns {
            text_column_names: columns.names(),
            label_column_name: label,
        },
        collator,
        ready: DatasetReady {
            splits: ready,
            labels: names,
        },
        warnings,
    })
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

fn tokenize_args(columns: &TextColumns) -> TokenizeArgs {
    TokenizeArgs {
        text_pair_column: columns.second.clone(),
        ..TokenizeArgs::new(columns.first.clone())
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

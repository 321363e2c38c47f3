//! From the data's name to tokenized splits whose labels are known to be good.

use std::path::{Path, PathBuf};

use tunesmith::data::{
    DataCollatorWithPadding, DataError, Dataset, LoadDataset, TokenizeArgs, TokenizeOptions,
    TokenizedDataset, Tokenizer, Truncation, check_labels, default_cache_dir, tokenize_dataset,
};
use tunesmith::metrics::GlueTask;
use tunesmith::model::BertConfig;
use tunesmith_protocol::{
    DataArguments, DatasetReady, Event, Split, TrainingArguments, Truncation as TruncationArgument,
};

use crate::SessionError;
use crate::columns::{TextColumns, splits, text_columns};
use crate::fetch::load;
use crate::labels;

/// What the preparation is told.
pub(crate) struct Request {
    pub(crate) data: DataArguments,
    /// The data set that the arguments name.
    pub(crate) dataset: LoadDataset,
    pub(crate) training: TrainingArguments,
    pub(crate) task: Option<GlueTask>,
    /// The model's configuration, with the labels that it was trained on, if any.
    pub(crate) config: BertConfig,
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

    let label = data
        .label_column_name
        .clone()
        .unwrap_or_else(|| "label".to_owned());
    // Without training, strings are the model's classes; else they make the classes.
    let makes_classes = training.do_train || labels::are_numbered(&config.label_names());
    let dataset = match makes_classes {
        true => dataset.label_column(label.clone()),
        false => dataset,
    };
    let datasets = load(dataset, data, emit)?;
    let mut chosen: Vec<(String, Dataset)> = Vec::new();
    let mut take = |names: Vec<String>, most: Option<usize>| -> Result<Vec<String>, SessionError> {
        for name in &names {
            let split = datasets.get(name)?;
            let split = most.map_or_else(|| split.clone(), |most| split.take(most));
            if split.num_rows() == 0 {
                let what = format!("split {name:?}");
                return Err(DataError::Empty { what }.into());
            }
            chosen.push((name.clone(), split));
        }
        Ok(names)
    };
    let train = match training.do_train {
        true => take(vec!["train".to_owned()], data.max_train_samples)?,
        false => Vec::new(),
    };
    let eval = match training.evaluates() {
        true => take(splits("validation", task), data.max_eval_samples)?,
        false => Vec::new(),
    };
    let test = match training.do_predict {
        true => take(splits("test", task), data.max_predict_samples)?,
        false => Vec::new(),
    };
    let Some((_, first)) = chosen.first() else {
        return Err(SessionError::Arguments(
            "there is nothing to do: set do_train, do_eval or do_predict".to_owned(),
        ));
    };
    let mut warnings = Vec::new();
    let (columns, warning) = text_columns(first, data.text_column_names.as_deref(), task, &label)?;
    warnings.extend(warning);

    let labels = match chosen.iter().find(|(name, _)| train.contains(name)) {
        Some((name, dataset)) => {
            labels::of_rows(dataset, &label).map_err(SessionError::split(name))?
        }
        None => config.label_names(),
    };
    for (name, dataset) in &mut chosen {
        if !training.do_train {
            *dataset =
                labels::align(dataset, &label, &labels).map_err(SessionError::split(name))?;
        }
        if test.contains(name) {
            continue;
        }
        match check_labels(dataset, &label, labels.len()) {
            // A small split to evaluate on may have one class only.
            Err(error @ DataError::OneClass { .. }) if eval.contains(name) => {
                warnings.push(format!("split '{name}': {error}"));
            }
            other => drop(other.map_err(SessionError::split(name))?),
        }
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
            token_type_ids: config.type_vocab_size > 1,
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
        .map_err(SessionError::split(name))?;
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
        collator,
        ready: DatasetReady {
            splits: ready,
            labels: names,
        },
        warnings,
    })
}

fn tokenize_args(columns: &TextColumns) -> TokenizeArgs {
    TokenizeArgs {
        text_pair_column: columns.second.clone(),
        ..TokenizeArgs::new(columns.first.clone())
    }
}

/// Reads a tokenizer and checks that the model has an embedding for each of its ids.
pub(crate) fn open_tokenizer(dir: &Path, config: &BertConfig) -> Result<Tokenizer, SessionError> {
    let tokenizer = Tokenizer::from_file(dir)?;
    let (tokens, embeddings) = (tokenizer.num_ids(), config.vocab_size);
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
    config: &BertConfig,
) -> Result<usize, SessionError> {
    let positions = config.max_position_embeddings;
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

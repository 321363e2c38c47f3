//! Classifying texts with a fine-tuned model.

use std::io::Write;
use std::path::{Path, PathBuf};

use tunesmith::data::{
    Aggregation, ColumnView, DataCollatorWithPadding, ExampleRef, Label, LoadDataset,
    TokenizeOptions, Tokenizer, entities,
};
use tunesmith::kernels::read_back;
use tunesmith::metrics::above_thresholds;
use tunesmith::model::{AutoConfig, Model, ModelConfig, Task};
use tunesmith::train::{argmax, batch_inputs, sigmoid, softmax};
use tunesmith_platform::fs;
use tunesmith_protocol::{
    AggregationStrategy, DataArguments, DeviceChoice, Entity, Event, Pair, Prediction, Threshold,
};

use crate::columns::Question;
use crate::fetch::load_texts;
use crate::labels::thresholds;
use crate::model::warnings;
use crate::prepare::{max_length, open_tokenizer, takes_token_types};
use crate::{SessionError, inspect, open};

/// Texts that are classified together.
const BATCH: usize = 16;

/// Texts of which those of like lengths come together: the rows of a batch wait for its longest.
const WINDOW: usize = 16 * BATCH;

/// A fine-tuned model, ready to classify.
pub struct Predictor {
    model: Model,
    tokenizer: Tokenizer,
    collator: DataCollatorWithPadding,
    options: TokenizeOptions,
    labels: Vec<String>,
    thresholds: Vec<f64>,
    aggregation: Aggregation,
    /// What a person should know of the model, such as a head that was never trained.
    pub warnings: Vec<String>,
}

impl Predictor {
    /// Loads a model's folder onto a device; rows are cut at `max_length` tokens, default the model's
    /// limit.
    ///
    /// # Errors
    /// Files that are missing, damaged or not of one model; no device.
    pub async fn load(
        dir: &Path,
        device: DeviceChoice,
        asked: Option<usize>,
    ) -> Result<Self, SessionError> {
        let config = AutoConfig::from_pretrained(dir)?;
        let tokenizer = open_tokenizer(dir, &config)?;
        let max_length = Some(max_length(asked, &tokenizer, &config)?);
        let device = open(device).await?;
        let labels = config.label_names();
        let thresholds = config.thresholds();
        let (model, report) = Model::from_pretrained(dir, config, 0, &device)?;
        let name = dir.display().to_string();
        let warnings = warnings(&report, &model.config.class(), &name);
        Ok(Self {
            model,
            collator: DataCollatorWithPadding::from_tokenizer(&tokenizer)?,
            tokenizer,
            options: TokenizeOptions {
                max_length,
                ..TokenizeOptions::default()
            },
            labels,
            thresholds,
            aggregation: Aggregation::default(),
            warnings,
        })
    }

    /// Whether its device is gone, so that it must be loaded anew.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.model.device().failure().is_some()
    }

    /// The classes' names in the order of their ids.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// What it was trained to tell.
    pub(crate) fn config(&self) -> &ModelConfig {
        &self.model.config
    }

    pub(crate) fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    pub(crate) fn options(&self) -> &TokenizeOptions {
        &self.options
    }

    /// Takes other thresholds than those saved with the model.
    ///
    /// # Errors
    /// A model that isn't for several labels a row, other numbers of them than labels, or `tune`.
    pub fn set_threshold(&mut self, threshold: &Threshold) -> Result<(), SessionError> {
        if self.model.task() != Task::MultiLabel {
            return Err(SessionError::Arguments(
                "threshold is for models of several labels a row, and this one isn't: leave it out"
                    .to_owned(),
            ));
        }
        self.thresholds = thresholds(threshold, &self.labels)?.ok_or_else(|| {
            SessionError::Arguments(
                "threshold tune is for training: give numbers, or leave it out to take those that were \
                 saved with the model"
                    .to_owned(),
            )
        })?;
        Ok(())
    }

    /// How tokens become entities.
    ///
    /// # Errors
    /// A model that doesn't label tokens.
    pub fn set_aggregation(&mut self, strategy: AggregationStrategy) -> Result<(), SessionError> {
        if self.model.task() != Task::Tokens {
            return Err(SessionError::Arguments(
                "aggregation_strategy is for models that label tokens, and this one labels rows: leave it out"
                    .to_owned(),
            ));
        }
        self.aggregation = match strategy {
            AggregationStrategy::None => Aggregation::None,
            AggregationStrategy::Simple => Aggregation::Simple,
            AggregationStrategy::First => Aggregation::First,
            AggregationStrategy::Average => Aggregation::Average,
            AggregationStrategy::Max => Aggregation::Max,
        };
        Ok(())
    }

    /// The tokens of a text as the model reads them.
    ///
    /// # Errors
    /// A text that the tokenizer refuses.
    pub fn tokens(&self, text: &Pair) -> Result<Vec<String>, SessionError> {
        let pair = text.text_pair.as_deref();
        Ok(self
            .tokenizer
            .encode(&text.text, pair, &self.options)?
            .tokens)
    }

    /// Classifies texts, in their order.
    ///
    /// # Errors
    /// A text that the tokenizer refuses, or a device that fails.
    pub async fn predict(&self, texts: &[Pair]) -> Result<Vec<Prediction>, SessionError> {
        let mut predictions = Vec::with_capacity(texts.len());
        for texts in texts.chunks(WINDOW) {
            predictions.extend(self.window(texts).await?);
        }
        Ok(predictions)
    }

    async fn window(&self, texts: &[Pair]) -> Result<Vec<Prediction>, SessionError> {
        match self.model.task() {
            Task::SingleLabel | Task::MultiLabel | Task::Regression => self.rows(texts).await,
            Task::Tokens => self.tagged(texts).await,
        }
    }

    async fn rows(&self, texts: &[Pair]) -> Result<Vec<Prediction>, SessionError> {
        let mut rows = Vec::with_capacity(texts.len());
        for Pair { text, text_pair } in texts {
            let encoding = self
                .tokenizer
                .encode(text, text_pair.as_deref(), &self.options)?;
            rows.push(Tokens::new(&encoding.input_ids, &encoding.token_type_ids));
        }
        let logits = self.logits(&rows).await?;
        logits
            .iter()
            .zip(texts)
            .map(|(logits, Pair { text, .. })| {
                check_finite(logits, text)?;
                Ok(self.prediction(logits))
            })
            .collect()
    }

    async fn tagged(&self, texts: &[Pair]) -> Result<Vec<Prediction>, SessionError> {
        let mut placed = Vec::with_capacity(texts.len());
        for Pair { text, text_pair } in texts {
            if text_pair.is_some() {
                return Err(SessionError::Arguments(
                    "the model labels the tokens of one text: leave the second text out".to_owned(),
                ));
            }
            placed.push(self.tokenizer.encode_with_offsets(text, &self.options)?);
        }
        let rows = placed.iter();
        let rows: Vec<Tokens> = rows
            .map(|tokens| Tokens::new(&tokens.input_ids, &tokens.token_type_ids))
            .collect();
        let logits = self.logits(&rows).await?;
        let mut predictions = Vec::with_capacity(texts.len());
        for ((Pair { text, .. }, tokens), logits) in texts.iter().zip(&placed).zip(&logits) {
            check_finite(logits, text)?;
            let (names, strategy) = (&self.labels, self.aggregation);
            let found = entities(text, tokens, logits, names, &self.tokenizer, strategy)?;
            let entities = found.into_iter().map(|entity| Entity {
                entity_group: entity.label,
                score: f64::from(entity.score),
                word: entity.word,
                start: entity.start,
                end: entity.end,
            });
            predictions.push(Prediction::Tokens {
                entities: entities.collect(),
            });
        }
        Ok(predictions)
    }

    /// The logits of each row, in their order: `[num_labels]`, or for tokens `[tokens, num_labels]`.
    pub(crate) async fn logits(&self, rows: &[Tokens]) -> Result<Vec<Vec<f32>>, SessionError> {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|row| rows[*row].ids.len());
        let mut logits = vec![Vec::new(); rows.len()];
        for places in order.chunks(BATCH) {
            let batch: Vec<&Tokens> = places.iter().map(|place| &rows[*place]).collect();
            let found = self.batch_logits(&batch).await?;
            for (place, found) in places.iter().zip(found) {
                logits[*place] = found;
            }
        }
        Ok(logits)
    }

    async fn batch_logits(&self, rows: &[&Tokens]) -> Result<Vec<Vec<f32>>, SessionError> {
        let with_types = takes_token_types(&self.model.config, &self.tokenizer);
        let examples = rows.iter().map(|row| ExampleRef {
            input_ids: &row.ids,
            token_type_ids: with_types.then_some(row.types.as_slice()),
            label: Label::None,
        });
        let batch = self.collator.collate(examples)?;
        let (inputs, _) = batch_inputs(&batch);
        let output = self.model.infer(&inputs, None)?;
        let failed = |message: String| {
            SessionError::Arguments(format!(
                "the device did not give a result ({message}): try --device cpu"
            ))
        };
        let logits = read_back(vec![output.logits.flatten(0, 1)])
            .await
            .map_err(failed)?;
        let logits = logits.concat();
        Ok(match self.model.task() {
            Task::SingleLabel | Task::MultiLabel | Task::Regression => {
                let rows = logits.chunks(self.labels.len().max(1));
                rows.map(<[f32]>::to_vec).collect()
            }
            Task::Tokens => {
                let rows = batch.by_example(&logits);
                rows.map(<[f32]>::to_vec).collect()
            }
        })
    }

    /// What the logits of a row say: `[num_labels]`.
    fn prediction(&self, logits: &[f32]) -> Prediction {
        match self.model.task() {
            Task::Regression => Prediction::Regression {
                score: logits.first().copied().map_or(f64::NAN, f64::from),
                logits: logits.to_vec(),
            },
            Task::MultiLabel => {
                let scores = sigmoid(logits);
                let there = above_thresholds(&scores, &self.thresholds, self.labels.len());
                let labelled = self.labels.iter().zip(&scores).zip(there);
                let mut labels: Vec<(&String, f32)> = labelled
                    .filter(|(_, is_there)| *is_there)
                    .map(|((name, score), _)| (name, *score))
                    .collect();
                labels.sort_by(|a, b| b.1.total_cmp(&a.1));
                Prediction::MultiLabel {
                    labels: labels.into_iter().map(|(name, _)| name.clone()).collect(),
                    scores: scores.into_iter().map(f64::from).collect(),
                    logits: logits.to_vec(),
                }
            }
            Task::SingleLabel | Task::Tokens => {
                let scores = softmax(logits);
                let label_id = argmax(logits);
                Prediction::SingleLabel {
                    label: self.labels.get(label_id).cloned().unwrap_or_default(),
                    label_id,
                    score: scores.get(label_id).copied().unwrap_or(f64::NAN),
                    scores,
                    logits: logits.to_vec(),
                }
            }
        }
    }
}

/// The tokens of a text as the model takes them.
pub(crate) struct Tokens {
    ids: Vec<i32>,
    types: Vec<i8>,
}

impl Tokens {
    pub(crate) fn new(ids: &[u32], types: &[u32]) -> Self {
        Self {
            ids: ids.iter().map(|id| *id as i32).collect(),
            types: types.iter().map(|id| *id as i8).collect(),
        }
    }
}

fn check_finite(logits: &[f32], text: &str) -> Result<(), SessionError> {
    match logits.iter().find(|logit| !logit.is_finite()) {
        None => Ok(()),
        Some(logit) => Err(SessionError::Arguments(format!(
            "the model's output for {text:?} is {logit}: its weights are far too large, so it can't \
             classify anything. Train it again with a lower learning_rate"
        ))),
    }
}

/// Classifies a few texts with the model in `dir`.
///
/// # Errors
/// As [`Predictor::load`] and [`Predictor::predict`].
pub async fn predict_texts(
    dir: &Path,
    texts: &[Pair],
    device: DeviceChoice,
) -> Result<Vec<Prediction>, SessionError> {
    Predictor::load(dir, device, None)
        .await?
        .predict(texts)
        .await
}

/// Classifies every row of a file of any format that is read and writes one JSON object a row;
/// gives the number of rows. The output is there whole, or not at all.
///
/// The text is in the columns that are named, else in those that the model was trained on, else in
/// those that hold text. Words are put together with a space between; entities are places in that text.
///
/// # Errors
/// As [`Predictor::load`] and [`Predictor::predict`]; a file that can't be read, with its place; a
/// row without text; an output that can't be written.
pub async fn predict_file(
    predictor: &Predictor,
    input: &Path,
    output: &Path,
    columns: Option<&[String]>,
    on_event: &mut dyn FnMut(Event),
) -> Result<usize, SessionError> {
    let same = |file: &Path| fs::canonicalize(file).ok();
    if same(input).is_some_and(|input| same(output) == Some(input)) {
        return Err(SessionError::Arguments(format!(
            "{} would be replaced by its own predictions: name another file for the output",
            output.display()
        )));
    }
    let data = DataArguments {
        text_column_names: columns.map(<[String]>::to_vec),
        ..DataArguments::default()
    };
    let question = Question {
        classes: predictor.labels().to_vec(),
        ..Question::of(&data, None, Some(predictor.config()))
    };
    let request = LoadDataset::files([("input", input)]);
    let loaded = load_texts(request, &question, on_event)?;
    let rows = loaded.get("input")?;
    let (columns, warning) = question.columns(rows)?;
    let columns = columns.text;
    if let Some(message) = warning {
        on_event(Event::Warning { message });
    }
    let first = rows.column(&columns.first)?;
    let second = columns
        .second
        .as_deref()
        .map(|name| rows.column(name))
        .transpose()?;
    let text = |view: &ColumnView<'_>, row: usize, column: &str| {
        let text = view.get(row).and_then(|value| inspect::words(value));
        text.ok_or_else(|| {
            SessionError::Arguments(format!(
                "{}, row {row}, column '{column}': there is no text; fill it in or remove the row",
                input.display()
            ))
        })
    };
    let unfinished = PathBuf::from(format!("{}.part", output.display()));
    let failed = || SessionError::io("write", output);
    let file = fs::File::create(&unfinished).map_err(failed())?;
    let mut file = std::io::BufWriter::new(file);
    let total = rows.num_rows();
    for start in (0..total).step_by(WINDOW) {
        let end = (start + WINDOW).min(total);
        let mut texts = Vec::with_capacity(end - start);
        for row in start..end {
            let text_pair = match (&second, &columns.second) {
                (Some(view), Some(name)) => Some(text(view, row, name)?),
                _ => None,
            };
            texts.push(Pair {
                text: text(&first, row, &columns.first)?,
                text_pair,
            });
        }
        for prediction in predictor.predict(&texts).await? {
            serde_json::to_writer(&mut file, &prediction)
                .map_err(|error| failed()(error.into()))?;
            file.write_all(b"\n").map_err(failed())?;
        }
        let (done, total) = (end as u64, total as u64);
        on_event(Event::Progress {
            stage: "predicting".to_owned(),
            done,
            total,
        });
    }
    file.into_inner()
        .map_err(|error| failed()(error.into_error()))?;
    fs::rename(&unfinished, output).map_err(failed())?;
    Ok(total)
}

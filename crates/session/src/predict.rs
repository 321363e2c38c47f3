//! Classifying texts with a fine-tuned model.

#[cfg(not(target_arch = "wasm32"))]
mod file;
#[cfg(not(target_arch = "wasm32"))]
mod table;

use std::path::Path;

use tunesmith::data::{
    Aggregation, DataCollatorWithPadding, ExampleRef, Label, Padding, TextInput, TokenizeOptions,
    Tokenizer, entities,
};
use tunesmith::kernels::read_back;
use tunesmith::metrics::above_thresholds;
use tunesmith::model::{AutoConfig, Model, ModelConfig, Task};
use tunesmith::train::{argmax, batch_inputs, sigmoid, softmax};
use tunesmith_protocol::{AggregationStrategy, DeviceChoice, Entity, Pair, Prediction, Threshold};

use crate::labels::thresholds;
use crate::model::warnings;
use crate::prepare::{max_length, open_tokenizer, takes_token_types};
use crate::{SessionError, open};

#[cfg(not(target_arch = "wasm32"))]
pub use file::{PredictFile, predict_file};
#[cfg(not(target_arch = "wasm32"))]
pub use table::ranked;

/// Tokens of a batch, padding included: enough that a product is worth its setting up, whatever the texts' lengths.
const BATCH_TOKENS: usize = 2048;

/// Batches that are read back together.
const BATCHES: usize = 16;

/// Texts of which those of like lengths come together: the rows of a batch wait for its longest.
const WINDOW: usize = 2048;

/// The label of a row whose most likely class lies below the threshold.
pub const UNKNOWN: &str = "unknown";

/// A fine-tuned model, ready to classify.
pub struct Predictor {
    model: Model,
    tokenizer: Tokenizer,
    collator: DataCollatorWithPadding,
    options: TokenizeOptions,
    labels: Vec<String>,
    thresholds: Vec<f64>,
    /// The probability that the most likely class must have, where a row has one class.
    least: Option<f64>,
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
            least: None,
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

    /// Where a row may have several labels: takes other thresholds than those saved with the model. Where it has
    /// one class: rows whose most likely class has a lower probability than this are [`UNKNOWN`].
    ///
    /// # Errors
    /// A model that doesn't predict classes, other numbers of them than labels, one outside of 0 to 1, or `tune`.
    pub fn set_threshold(&mut self, threshold: &Threshold) -> Result<(), SessionError> {
        let told = |message: &str| Err(SessionError::Arguments(message.to_owned()));
        match (self.model.task(), threshold) {
            (Task::Regression | Task::Tokens, _) => told(
                "threshold is for models that predict the classes of a row, and this one doesn't: leave it out",
            ),
            (Task::SingleLabel, Threshold::All(least)) if (0.0..=1.0).contains(least) => {
                self.least = Some(*least);
                Ok(())
            }
            (Task::SingleLabel, _) => told(
                "the model predicts one class a row, so threshold is one probability between 0 and 1: rows whose \
                 most likely class has a lower one are unknown",
            ),
            (Task::MultiLabel, _) => match thresholds(threshold, &self.labels)? {
                Some(thresholds) => {
                    self.thresholds = thresholds;
                    Ok(())
                }
                None => told(
                    "threshold tune is for training: give numbers, or leave it out to take those that were saved \
                     with the model",
                ),
            },
        }
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
        let inputs = texts.iter().map(|Pair { text, text_pair }| TextInput {
            text,
            text_pair: text_pair.as_deref(),
        });
        let (tokenizer, options) = (&self.tokenizer, &self.options);
        let encoded = tokenizer.encode_batch(inputs, Padding::DoNotPad, options)?;
        let rows = encoded.input_ids.iter().zip(&encoded.token_type_ids);
        let rows: Vec<Tokens> = rows.map(|(ids, types)| Tokens::new(ids, types)).collect();
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
        let batches = batches(&order, |row| rows[row].ids.len());
        for batches in batches.chunks(BATCHES) {
            let found = self.batch_logits(batches, rows).await?;
            for (place, found) in batches.iter().copied().flatten().zip(found) {
                logits[*place] = found;
            }
        }
        Ok(logits)
    }

    /// The logits of the rows of some batches, one batch after the other.
    async fn batch_logits(
        &self,
        batches: &[&[usize]],
        rows: &[Tokens],
    ) -> Result<Vec<Vec<f32>>, SessionError> {
        let with_types = takes_token_types(&self.model.config, &self.tokenizer);
        let collated = batches.iter().map(|places| {
            let examples = places.iter().map(|place| ExampleRef {
                input_ids: &rows[*place].ids,
                token_type_ids: with_types.then_some(rows[*place].types.as_slice()),
                label: Label::None,
            });
            self.collator.collate(examples)
        });
        let collated = collated.collect::<Result<Vec<_>, _>>()?;
        let inputs: Vec<_> = collated.iter().map(|batch| batch_inputs(batch).0).collect();
        let outputs = self.model.infer_each(&inputs)?;
        let failed = |message: String| {
            SessionError::Arguments(format!(
                "the device did not give a result ({message}): try --device cpu"
            ))
        };
        let outputs = outputs.into_iter().map(|logits| logits.flatten(0, 1));
        let outputs = read_back(outputs.collect()).await.map_err(failed)?;
        let mut found = Vec::new();
        for (batch, logits) in collated.iter().zip(&outputs) {
            match self.model.task() {
                Task::SingleLabel | Task::MultiLabel | Task::Regression => {
                    let rows = logits.chunks(self.labels.len().max(1));
                    found.extend(rows.map(<[f32]>::to_vec));
                }
                Task::Tokens => found.extend(batch.by_example(logits).map(<[f32]>::to_vec)),
            }
        }
        Ok(found)
    }

    /// What the logits of a row say: `[num_labels]`.
    fn prediction(&self, logits: &[f32]) -> Prediction {
        let mut said = prediction(self.model.task(), &self.labels, &self.thresholds, logits);
        if let Prediction::SingleLabel { label, score, .. } = &mut said
            && self.least.is_some_and(|least| *score < least)
        {
            UNKNOWN.clone_into(label);
        }
        said
    }
}

/// What the logits of a row say, `[num_labels]`, to a model with these labels; each is predicted above its threshold
/// where a row may have several.
pub(crate) fn prediction(
    task: Task,
    names: &[String],
    thresholds: &[f64],
    logits: &[f32],
) -> Prediction {
    match task {
        Task::Regression => Prediction::Regression {
            score: logits.first().copied().map_or(f64::NAN, f64::from),
            logits: logits.to_vec(),
        },
        Task::MultiLabel => {
            let scores = sigmoid(logits);
            let there = above_thresholds(&scores, thresholds, names.len());
            let labelled = names.iter().zip(&scores).zip(there);
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
                label: names.get(label_id).cloned().unwrap_or_default(),
                label_id,
                score: scores.get(label_id).copied().unwrap_or(f64::NAN),
                scores,
                logits: logits.to_vec(),
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

/// Rows in this order, the shortest first, in batches of [`BATCH_TOKENS`] at most, as far as one row has no more.
fn batches(order: &[usize], length: impl Fn(usize) -> usize) -> Vec<&[usize]> {
    let mut batches = Vec::new();
    let mut first = 0;
    for (place, row) in order.iter().enumerate() {
        if place > first && (place + 1 - first) * length(*row) > BATCH_TOKENS {
            batches.push(&order[first..place]);
            first = place;
        }
    }
    if first < order.len() {
        batches.push(&order[first..]);
    }
    batches
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

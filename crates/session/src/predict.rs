//! Classifying texts with a fine-tuned model.

use std::io::Write;
use std::path::{Path, PathBuf};

use tunesmith::data::{
    DataCollatorWithPadding, ExampleRef, Label, LoadDataset, TokenizeOptions, Tokenizer, Value,
};
use tunesmith::kernels::read_back;
use tunesmith::model::{AutoConfig, Model, TrainedColumns};
use tunesmith::train::batch_inputs;
use tunesmith_platform::fs;
use tunesmith_protocol::{DeviceChoice, Event, Pair, Prediction};

use crate::columns::Question;
use crate::fetch::load_texts;
use crate::model::warnings;
use crate::prepare::{max_length, open_tokenizer};
use crate::{SessionError, open};

/// Texts that are classified together.
const BATCH: usize = 16;

/// A fine-tuned model, ready to classify.
pub struct Predictor {
    model: Model,
    tokenizer: Tokenizer,
    collator: DataCollatorWithPadding,
    options: TokenizeOptions,
    labels: Vec<String>,
    trained: Option<TrainedColumns>,
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
        let trained = config.trained_columns();
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
            trained,
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

    /// The columns that it was trained on, where Tunesmith made it.
    pub(crate) fn trained_columns(&self) -> Option<&TrainedColumns> {
        self.trained.as_ref()
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
        for texts in texts.chunks(BATCH) {
            predictions.extend(self.batch(texts).await?);
        }
        Ok(predictions)
    }

    async fn batch(&self, texts: &[Pair]) -> Result<Vec<Prediction>, SessionError> {
        let with_types = self.model.config.spec().takes_token_types();
        let mut rows = Vec::with_capacity(texts.len());
        for Pair { text, text_pair } in texts {
            let encoding = self
                .tokenizer
                .encode(text, text_pair.as_deref(), &self.options)?;
            let ids: Vec<i32> = encoding.input_ids.iter().map(|id| *id as i32).collect();
            let types: Vec<i8> = encoding.token_type_ids.iter().map(|id| *id as i8).collect();
            rows.push((ids, types));
        }
        let examples = rows.iter().map(|(ids, types)| ExampleRef {
            input_ids: ids,
            token_type_ids: with_types.then_some(types.as_slice()),
            label: Label::None,
        });
        let (inputs, _) = batch_inputs(&self.collator.collate(examples)?);
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
        let width = logits.len() / texts.len().max(1);
        if let Some(place) = logits.iter().position(|logit| !logit.is_finite()) {
            let text = &texts[place / width.max(1)].text;
            return Err(SessionError::Arguments(format!(
                "the model's output for {text:?} is {}: its weights are far too large, so it can't \
                 classify anything. Train it again with a lower learning_rate",
                logits[place]
            )));
        }
        Ok(logits
            .chunks(width.max(1))
            .map(|row| self.prediction(row))
            .collect())
    }

    fn prediction(&self, logits: &[f32]) -> Prediction {
        if let [value] = logits {
            let score = f64::from(*value);
            let label = "score".to_owned();
            return Prediction {
                label,
                label_id: 0,
                score,
                scores: vec![score],
                logits: logits.to_vec(),
            };
        }
        let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = logits
            .iter()
            .map(|x| f64::from(x - highest).exp())
            .collect();
        let sum: f64 = weights.iter().sum();
        let scores: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
        let label_id = logits.iter().position(|x| *x == highest).unwrap_or(0);
        Prediction {
            label: self.labels.get(label_id).cloned().unwrap_or_default(),
            label_id,
            score: scores.get(label_id).copied().unwrap_or(f64::NAN),
            scores,
            logits: logits.to_vec(),
        }
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
/// those that hold text.
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
    let trained = predictor.trained_columns();
    let label = trained.map_or("label", |columns| columns.label_column_name.as_str());
    let question = Question {
        named: columns.map(<[String]>::to_vec),
        task: None,
        trained: trained.map(|columns| columns.text_column_names.clone()),
        label: label.to_owned(),
        classes: predictor.labels().to_vec(),
    };
    let request = LoadDataset::files([("input", input)]);
    let loaded = load_texts(request, &question, on_event)?;
    let rows = loaded.get("input")?;
    let (columns, warning) = question.ask(rows)?;
    if let Some(message) = warning {
        on_event(Event::Warning { message });
    }
    let first = rows.column(&columns.first)?;
    let second = columns
        .second
        .as_deref()
        .map(|name| rows.column(name))
        .transpose()?;
    let text = |value: Option<Value<'_>>, row: usize, column: &str| {
        let text = value.and_then(|value| value.as_str().map(str::to_owned));
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
    for start in (0..total).step_by(BATCH) {
        let end = (start + BATCH).min(total);
        let mut texts = Vec::with_capacity(end - start);
        for row in start..end {
            let text_pair = match (&second, &columns.second) {
                (Some(view), Some(name)) => Some(text(view.get(row), row, name)?),
                _ => None,
            };
            texts.push(Pair {
                text: text(first.get(row), row, &columns.first)?,
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

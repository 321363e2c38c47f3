//! `config.json`, as transformers writes it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tunesmith_platform::fs;

use crate::ModelError;

mod labels;

/// As many classes as a head may have.
const MOST_LABELS: usize = 100_000;

/// So that all of a model's bytes can be counted by a `usize`; natively 64 GB of weights.
const MOST_PARAMETERS: u64 = if usize::BITS == 32 { 1 << 29 } else { 1 << 34 };

/// What the head predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// One number a row; mean squared error.
    Regression,
    /// One of several classes; cross-entropy.
    SingleLabelClassification,
}

/// A BERT's configuration. What this crate does not read is kept and written back as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// `bert`; nothing else is built here yet.
    pub model_type: String,
    /// Rows of the word embedding.
    #[serde(default = "sizes::vocab")]
    pub vocab_size: usize,
    /// Width of the encoder.
    #[serde(default = "sizes::hidden")]
    pub hidden_size: usize,
    /// Encoder layers.
    #[serde(default = "sizes::twelve")]
    pub num_hidden_layers: usize,
    /// Attention heads a layer.
    #[serde(default = "sizes::twelve")]
    pub num_attention_heads: usize,
    /// Width of the feed-forward block.
    #[serde(default = "sizes::intermediate")]
    pub intermediate_size: usize,
    /// The longest sequence.
    #[serde(default = "sizes::positions")]
    pub max_position_embeddings: usize,
    /// Segments.
    #[serde(default = "two")]
    pub type_vocab_size: usize,
    /// `gelu`.
    #[serde(default = "gelu")]
    pub hidden_act: String,
    /// Dropout after embeddings and in every block.
    #[serde(default = "tenth")]
    pub hidden_dropout_prob: f32,
    /// Dropout of attention probabilities.
    #[serde(default = "tenth")]
    pub attention_probs_dropout_prob: f32,
    /// Dropout before the classifier; `hidden_dropout_prob` where it is absent.
    #[serde(default)]
    pub classifier_dropout: Option<f32>,
    /// Added to the variance in every LayerNorm.
    #[serde(default = "epsilon")]
    pub layer_norm_eps: f32,
    /// Standard deviation of new weights.
    #[serde(default = "deviation")]
    pub initializer_range: f32,
    /// The token whose embedding gets no gradient; `None` where the file says null.
    #[serde(default = "first")]
    pub pad_token_id: Option<u32>,
    /// Names of the classes by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id2label: BTreeMap<String, String>,
    /// Ids of the classes by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub label2id: BTreeMap<String, u32>,
    /// What the head predicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<ProblemType>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// transformers' defaults of the sizes: BERT-base's.
mod sizes {
    pub(super) fn vocab() -> usize {
        30_522
    }

    pub(super) fn hidden() -> usize {
        768
    }

    pub(super) fn twelve() -> usize {
        12
    }

    pub(super) fn intermediate() -> usize {
        3072
    }

    pub(super) fn positions() -> usize {
        512
    }
}

#[allow(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn first() -> Option<u32> {
    Some(0)
}

fn two() -> usize {
    2
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn tenth() -> f32 {
    0.1
}

fn epsilon() -> f32 {
    1e-12
}

fn deviation() -> f32 {
    0.02
}

/// The key of `config.json` that holds [`TrainedColumns`]; transformers keeps it and looks past it.
const TRAINED_COLUMNS: &str = "tunesmith";

/// The columns of the data that a model was trained on, so that it can be asked by them later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedColumns {
    /// The one or two columns of text.
    pub text_column_names: Vec<String>,
    /// The label's column.
    pub label_column_name: String,
}

/// PyTorch counts a negative padding index from the end of the vocabulary.
fn read_pad_token(fields: &mut Map<String, Value>) -> Result<(), String> {
    let Some(id @ ..=-1) = fields.get("pad_token_id").and_then(Value::as_i64) else {
        return Ok(());
    };
    let size = fields.get("vocab_size").and_then(Value::as_i64);
    let id = size
        .unwrap_or(sizes::vocab() as i64)
        .checked_add(id)
        .filter(|id| *id >= 0)
        .ok_or_else(|| format!("pad_token_id {id} is not in the vocabulary"))?;
    fields.insert("pad_token_id".to_owned(), Value::from(id));
    Ok(())
}

impl BertConfig {
    /// Reads `config.json` of a model directory and checks that this crate can build it.
    ///
    /// # Errors
    /// Names the file, the field and what to do.
    pub fn from_dir(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("config.json");
        let text = fs::read_to_string(&path).map_err(|source| ModelError::Io {
            path: path.clone(),
            source,
        })?;
        Self::from_json(&text).map_err(|message| ModelError::Config {
            path: path.clone(),
            message,
        })
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// Says which field is wrong and what to do.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let mut value: Value = serde_json::from_str(text).map_err(|error| {
            if error.is_eof() {
                format!("it is cut short ({error}): download or copy it again")
            } else {
                error.to_string()
            }
        })?;
        match value.get("model_type").and_then(Value::as_str) {
            Some("bert") => {}
            Some(other) => {
                return Err(format!(
                    "model_type '{other}' is not supported; 'bert' is (bert-base-uncased, MiniLM and the like)"
                ));
            }
            None => return Err("there is no model_type, so this is not a model's config".into()),
        }
        if let Value::Object(fields) = &mut value {
            labels::read(fields)?;
            read_pad_token(fields)?;
        }
        let config: Self = serde_json::from_value(value).map_err(|error| error.to_string())?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        self.check_numbers()?;
        if self.hidden_act != "gelu" {
            return Err(format!(
                "hidden_act '{}' is not supported; 'gelu' is",
                self.hidden_act
            ));
        }
        if let Some(kind) = self.other.get("position_embedding_type")
            && kind != "absolute"
        {
            return Err(format!(
                "position_embedding_type {kind} is not supported; \"absolute\" is"
            ));
        }
        let heads = self.num_attention_heads;
        if heads == 0 || !self.hidden_size.is_multiple_of(heads) {
            return Err(format!(
                "hidden_size {} does not divide into {heads} attention heads",
                self.hidden_size
            ));
        }
        if !self.hidden_size.is_multiple_of(4) || !self.intermediate_size.is_multiple_of(4) {
            return Err(format!(
                "hidden_size {} and intermediate_size {} must be multiples of 4",
                self.hidden_size, self.intermediate_size
            ));
        }
        for (name, value) in [
            ("hidden_dropout_prob", Some(self.hidden_dropout_prob)),
            (
                "attention_probs_dropout_prob",
                Some(self.attention_probs_dropout_prob),
            ),
            ("classifier_dropout", self.classifier_dropout),
        ] {
            if value.is_some_and(|p| !(0.0..1.0).contains(&p)) {
                return Err(format!("{name} must lie in [0, 1)"));
            }
        }
        Ok(())
    }

    /// Nothing is computed or allocated by a number that no real model has: what follows may multiply
    /// them without looking, in a browser with 32 bits.
    fn check_numbers(&self) -> Result<(), String> {
        for (name, size, most) in [
            ("vocab_size", self.vocab_size, 1 << 24),
            ("hidden_size", self.hidden_size, 1 << 15),
            ("num_hidden_layers", self.num_hidden_layers, 1 << 9),
            ("num_attention_heads", self.num_attention_heads, 1 << 9),
            ("intermediate_size", self.intermediate_size, 1 << 17),
            (
                "max_position_embeddings",
                self.max_position_embeddings,
                1 << 17,
            ),
            ("type_vocab_size", self.type_vocab_size, 1 << 7),
            ("the number of labels", self.num_labels(), MOST_LABELS),
        ] {
            if size == 0 || size > most {
                return Err(format!("{name} is {size}: it must be 1 to {most}"));
            }
        }
        let [vocab, hidden, wide, layers, positions, types, labels] = [
            self.vocab_size,
            self.hidden_size,
            self.intermediate_size,
            self.num_hidden_layers,
            self.max_position_embeddings,
            self.type_vocab_size,
            self.num_labels(),
        ]
        .map(|size| size as u64);
        let layer = 4 * hidden * hidden + 2 * hidden * wide;
        let parameters = hidden * (vocab + positions + types + hidden + labels) + layers * layer;
        if parameters > MOST_PARAMETERS {
            return Err(format!(
                "the sizes make a model of {parameters} parameters: at most {MOST_PARAMETERS} are supported here"
            ));
        }
        if !(self.layer_norm_eps > 0.0 && self.layer_norm_eps < 1.0) {
            return Err(format!(
                "layer_norm_eps is {}: it must lie between 0 and 1 (1e-12 is usual)",
                self.layer_norm_eps
            ));
        }
        if !(0.0..=100.0).contains(&self.initializer_range) {
            return Err(format!(
                "initializer_range is {}: it must lie between 0 and 100 (0.02 is usual)",
                self.initializer_range
            ));
        }
        Ok(())
    }

    /// Sets every dropout probability, as `--dropout` does.
    pub fn set_dropout(&mut self, p: f32) {
        self.hidden_dropout_prob = p;
        self.attention_probs_dropout_prob = p;
        self.classifier_dropout = Some(p);
    }

    /// Gives the head these classes; a single name makes it a regression.
    pub fn set_labels(&mut self, names: &[String]) {
        self.id2label = names
            .iter()
            .enumerate()
            .map(|(id, name)| (id.to_string(), name.clone()))
            .collect();
        self.label2id = names
            .iter()
            .enumerate()
            .map(|(id, name)| (name.clone(), id as u32))
            .collect();
        self.problem_type = Some(if names.len() == 1 {
            ProblemType::Regression
        } else {
            ProblemType::SingleLabelClassification
        });
        let architecture = Value::from(vec!["BertForSequenceClassification"]);
        self.other.insert("architectures".to_owned(), architecture);
    }

    /// How many numbers the head puts out: the classes named, 2 where none are.
    pub fn num_labels(&self) -> usize {
        if self.id2label.is_empty() {
            2
        } else {
            self.id2label.len()
        }
    }

    /// The classes' names in the order of their ids; `LABEL_<id>` for one without a name, which is
    /// what transformers calls it.
    pub fn label_names(&self) -> Vec<String> {
        (0..self.num_labels())
            .map(|id| match self.id2label.get(&id.to_string()) {
                Some(name) => name.clone(),
                None => labels::default_name(id),
            })
            .collect()
    }

    /// Remembers the columns that the model was trained on.
    pub fn set_trained_columns(&mut self, columns: &TrainedColumns) {
        if let Ok(value) = serde_json::to_value(columns) {
            self.other.insert(TRAINED_COLUMNS.to_owned(), value);
        }
    }

    /// The columns that the model was trained on, where Tunesmith made it.
    pub fn trained_columns(&self) -> Option<TrainedColumns> {
        let value = self.other.get(TRAINED_COLUMNS)?;
        let columns: TrainedColumns = serde_json::from_value(value.clone()).ok()?;
        matches!(columns.text_column_names.len(), 1 | 2).then_some(columns)
    }

    pub(crate) fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    pub(crate) fn head_dropout(&self) -> f32 {
        self.classifier_dropout.unwrap_or(self.hidden_dropout_prob)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    /// A small configuration with these fields over it.
    fn read(more: Value) -> Result<BertConfig, String> {
        let mut fields = json!({
            "model_type": "bert", "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 8,
        });
        for (key, value) in more.as_object().unwrap() {
            fields[key] = value.clone();
        }
        BertConfig::from_json(&fields.to_string())
    }

    #[test]
    fn labels_are_those_that_transformers_reads() {
        let names = |more: Value| read(more).unwrap().label_names();
        let two = ["LABEL_0", "LABEL_1"];
        assert_eq!(names(json!({})), two);
        assert_eq!(names(json!({"id2label": null})), two);
        assert_eq!(names(json!({"label2id": {"a": 0, "b": "1"}})), two);
        assert_eq!(names(json!({"num_labels": 1})), ["LABEL_0"]);
        let three = ["LABEL_0", "LABEL_1", "LABEL_2"];
        assert_eq!(names(json!({"num_labels": 3})), three);
        assert_eq!(names(json!({"num_labels": 3, "id2label": null})), three);
        assert_eq!(
            names(json!({"num_labels": 3, "id2label": {"0": "a", "1": "b"}})),
            three
        );
        assert_eq!(names(json!({"id2label": {"0": 0, "1": 1}})), ["0", "1"]);
        assert_eq!(
            names(json!({"id2label": {"0": false, "1": 2.5, "2": null}})),
            ["False", "2.5", "None"]
        );
        assert_eq!(
            names(json!({"id2label": {"2": "c", "0": "a", "1": "b"}})),
            ["a", "b", "c"]
        );
        assert_eq!(
            names(json!({"id2label": {"1": "a", "2": "b"}})),
            ["LABEL_0", "a"]
        );
        let eleven: Map<String, Value> = (0..11)
            .map(|id| (id.to_string(), json!(format!("c{id}"))))
            .collect();
        assert_eq!(names(json!({"id2label": eleven}))[10], "c10");
    }

    #[test]
    fn label2id_is_written_as_the_inverse() {
        let config = read(json!({
            "id2label": {"0": "a", "1": "b"}, "label2id": {"a": 1, "b": 0}, "num_labels": 2
        }));
        let config = config.unwrap();
        assert_eq!(config.label2id["a"], 0);
        let mut config = config;
        config.set_labels(&["x", "y", "z"].map(str::to_owned));
        let written = serde_json::to_value(&config).unwrap();
        assert_eq!(written["label2id"], json!({"x": 0, "y": 1, "z": 2}));
        assert!(written.get("num_labels").is_none(), "{written}");
    }

    #[test]
    fn what_transformers_refuses_is_told() {
        for (more, part) in [
            (json!({"id2label": {"no": "0"}}), "key \"no\""),
            (json!({"id2label": ["no", "yes"]}), "must be an object"),
            (json!({"id2label": {"0": ["no"]}}), "names class 0"),
            (json!({"num_labels": "3"}), "num_labels is \"3\""),
            (json!({"num_labels": 1_u64 << 40}), "num_labels is"),
            (json!({"pad_token_id": -41}), "pad_token_id -41"),
        ] {
            let message = read(more).unwrap_err();
            assert!(message.contains(part), "{part:?} is not in {message}");
        }
    }

    #[test]
    fn a_padding_token_may_be_absent_null_or_counted_from_the_end() {
        let pad = |more: Value| read(more).unwrap().pad_token_id;
        assert_eq!(pad(json!({})), Some(0));
        assert_eq!(pad(json!({"pad_token_id": null})), None);
        assert_eq!(pad(json!({"pad_token_id": -1})), Some(39));
        let none = read(json!({"pad_token_id": null})).unwrap();
        assert!(serde_json::to_value(&none).unwrap()["pad_token_id"].is_null());
    }

    #[test]
    fn sizes_that_are_not_there_are_those_of_bert_base() {
        let config = BertConfig::from_json(r#"{"model_type": "bert"}"#).unwrap();
        let sizes = [
            config.vocab_size,
            config.hidden_size,
            config.num_hidden_layers,
            config.num_attention_heads,
            config.intermediate_size,
            config.max_position_embeddings,
        ];
        assert_eq!(sizes, [30_522, 768, 12, 12, 3072, 512]);
    }

    #[test]
    fn the_columns_of_a_training_come_back() {
        let mut config = read(json!({})).unwrap();
        assert_eq!(config.trained_columns(), None);
        let columns = TrainedColumns {
            text_column_names: vec!["title".to_owned()],
            label_column_name: "topic".to_owned(),
        };
        config.set_trained_columns(&columns);
        let text = serde_json::to_string(&config).unwrap();
        let again = BertConfig::from_json(&text).unwrap();
        assert_eq!(again.trained_columns(), Some(columns));
        let broken = read(json!({"tunesmith": {"text_column_names": 3}})).unwrap();
        assert_eq!(broken.trained_columns(), None);
    }

    #[test]
    fn numbers_that_no_model_has_are_refused_by_name() {
        let config = |name: &str, value: Value| {
            let mut json = serde_json::json!({
                "model_type": "bert", "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 2,
                "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 16,
            });
            json[name] = value;
            BertConfig::from_json(&json.to_string())
        };
        config("vocab_size", 30522.into()).unwrap();
        for name in [
            "vocab_size",
            "hidden_size",
            "num_hidden_layers",
            "num_attention_heads",
            "intermediate_size",
            "max_position_embeddings",
            "type_vocab_size",
        ] {
            for value in [0_u64, 1 << 31, u64::MAX] {
                let message = config(name, value.into()).unwrap_err();
                assert!(
                    message.starts_with(&format!("{name} is {value}")),
                    "{message}"
                );
            }
        }
        for (name, value) in [("layer_norm_eps", 0.0), ("initializer_range", 1e300)] {
            let message = config(name, value.into()).unwrap_err();
            assert!(message.starts_with(name), "{message}");
        }
        let labels: Map<String, Value> = (0..=MOST_LABELS)
            .map(|id| (id.to_string(), "a".into()))
            .collect();
        let message = config("id2label", labels.into()).unwrap_err();
        assert!(message.starts_with("the number of labels"), "{message}");
        let wide = serde_json::json!({
            "model_type": "bert", "vocab_size": 1 << 24, "hidden_size": 1 << 15,
            "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4,
            "max_position_embeddings": 1,
        });
        let message = BertConfig::from_json(&wide.to_string()).unwrap_err();
        assert!(message.contains("parameters: at most"), "{message}");
    }

    #[test]
    fn a_file_cut_short_says_so() {
        let message = BertConfig::from_json("{\"model_type\": \"be").unwrap_err();
        assert!(message.starts_with("it is cut short"), "{message}");
    }
}

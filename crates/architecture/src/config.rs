//! `config.json`, as transformers writes it, of any supported family.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::families::{self, Family};
use crate::fields::Fields;
use crate::labels;
use crate::spec::Spec;
use crate::stages::Frozen;
use crate::task::Task;

/// As many classes as a head may have.
const MOST_LABELS: usize = 100_000;

/// So that all of a model's bytes can be counted by a `usize`; natively 64 GB of weights.
const MOST_PARAMETERS: u64 = if usize::BITS == 32 { 1 << 29 } else { 1 << 34 };

/// The key of `config.json` that holds [`TrainedColumns`]; transformers keeps it and looks past it.
const TRAINED_COLUMNS: &str = "tunesmith";

/// The probability above which a label is predicted where nothing else is asked for.
pub const DEFAULT_THRESHOLD: f64 = 0.5;

/// The key of `config.json` that holds the thresholds of a model of several labels a row.
const THRESHOLDS: &str = "thresholds";

/// The columns of the data that a model was trained on, so that it can be asked by them later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedColumns {
    /// The one or two columns of text.
    pub text_column_names: Vec<String>,
    /// The label's column; none where the labels are columns of 0 and 1.
    pub label_column_name: Option<String>,
    /// The columns of 0 and 1, one for each label, where the labels are such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_column_names: Vec<String>,
    /// What stands between the labels of a row, where they are one text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_separator: Option<String>,
}

/// A model's configuration: transformers' `AutoConfig`. What isn't read here is kept and written back
/// as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelConfig {
    fields: Map<String, Value>,
    family: &'static Family,
    task: Task,
    labels: BTreeMap<usize, String>,
    num_labels: usize,
    spec: Spec,
}

impl ModelConfig {
    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// Says which field is wrong and what to do.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            if error.is_eof() {
                format!("it is cut short ({error}): download or copy it again")
            } else {
                error.to_string()
            }
        })?;
        let Value::Object(mut fields) = value else {
            return Err("it isn't a JSON object, so this is not a model's config".into());
        };
        let family = match fields.get("model_type").and_then(Value::as_str) {
            Some(name) => families::family(name).ok_or_else(|| {
                format!(
                    "model_type '{name}' is not supported; these are: {}",
                    families::names()
                )
            })?,
            None => return Err("there is no model_type, so this is not a model's config".into()),
        };
        let labels = labels::read(&mut fields)?;
        let num_labels = labels.as_ref().map_or(2, BTreeMap::len);
        if num_labels == 0 || num_labels > MOST_LABELS {
            return Err(format!(
                "the number of labels is {num_labels}: it must be 1 to {MOST_LABELS}"
            ));
        }
        let task = Task::read(&fields, num_labels)?;
        let spec = build(family, &fields, task, num_labels)?;
        Ok(Self {
            fields,
            family,
            task,
            labels: labels.unwrap_or_default(),
            num_labels,
            spec,
        })
    }

    /// The text of a `config.json`.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.fields).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The family that the model is of.
    pub fn family(&self) -> &'static Family {
        self.family
    }

    /// What the model is made of.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// What its head answers.
    pub fn task(&self) -> Task {
        self.task
    }

    /// The padding token's id; none where the file says null.
    pub fn pad_token_id(&self) -> Option<u32> {
        self.spec.embeddings.word.padding
    }

    /// Its class in transformers, such as `BertForSequenceClassification`.
    pub fn class(&self) -> String {
        format!("{}{}", self.family.class_name, self.task.class_ending())
    }

    /// Sets every dropout probability, as `--dropout` does.
    ///
    /// # Errors
    /// A probability outside `[0, 1)`.
    pub fn set_dropout(&mut self, p: f32) -> Result<(), String> {
        for name in self.family.dropouts {
            self.fields.insert((*name).to_owned(), Value::from(p));
        }
        self.rebuild()
    }

    /// Sets one dropout probability by the name that the family's `config.json` has for it.
    ///
    /// # Errors
    /// A probability outside `[0, 1)`, or a name that the family doesn't have: the message lists its own.
    pub fn set_dropout_field(&mut self, name: &str, p: f32) -> Result<(), String> {
        if !self.family.dropouts.contains(&name) {
            return Err(format!(
                "a {} model has no {name}; its dropouts are {}",
                self.family.model_type,
                self.family.dropouts.join(", ")
            ));
        }
        self.fields.insert(name.to_owned(), Value::from(p));
        self.rebuild()
    }

    /// Gives the model a head for this task with these labels, in the order of their ids.
    ///
    /// # Errors
    /// No label, or too many.
    pub fn set_head(&mut self, task: Task, names: &[String]) -> Result<(), String> {
        if names.is_empty() || names.len() > MOST_LABELS {
            return Err(format!(
                "a head has 1 to {MOST_LABELS} labels, not {}",
                names.len()
            ));
        }
        self.labels = names.iter().cloned().enumerate().collect();
        self.num_labels = names.len();
        self.task = task;
        let by_id = names.iter().enumerate();
        let id2label: Map<String, Value> = by_id
            .clone()
            .map(|(id, name)| (id.to_string(), Value::from(name.clone())))
            .collect();
        let label2id: Map<String, Value> = by_id
            .map(|(id, name)| (name.clone(), Value::from(id)))
            .collect();
        let class = self.class();
        self.fields.remove(THRESHOLDS);
        let mut set = |key: &str, value: Value| {
            self.fields.insert(key.to_owned(), value);
        };
        set("id2label", id2label.into());
        set("label2id", label2id.into());
        set("architectures", vec![class].into());
        match task.problem_type() {
            Some(kind) => set("problem_type", kind.into()),
            None => {
                self.fields.remove("problem_type");
            }
        }
        self.rebuild()
    }

    /// How many numbers the head puts out: the labels named, 2 where none are.
    pub fn num_labels(&self) -> usize {
        self.num_labels
    }

    /// The labels' names in the order of their ids; `LABEL_<id>` for one without a name, which is what
    /// transformers calls it.
    pub fn label_names(&self) -> Vec<String> {
        (0..self.num_labels)
            .map(|id| match self.labels.get(&id) {
                Some(name) => name.clone(),
                None => labels::default_name(id),
            })
            .collect()
    }

    /// Remembers the columns that the model was trained on.
    pub fn set_trained_columns(&mut self, columns: &TrainedColumns) {
        if let Ok(value) = serde_json::to_value(columns) {
            self.fields.insert(TRAINED_COLUMNS.to_owned(), value);
        }
    }

    /// The columns that the model was trained on, where Tunesmith made it.
    pub fn trained_columns(&self) -> Option<TrainedColumns> {
        let value = self.fields.get(TRAINED_COLUMNS)?;
        let columns: TrainedColumns = serde_json::from_value(value.clone()).ok()?;
        matches!(columns.text_column_names.len(), 1 | 2).then_some(columns)
    }

    /// Remembers the probabilities above which labels are predicted, one for each label.
    pub fn set_thresholds(&mut self, thresholds: &[f64]) {
        self.fields.insert(THRESHOLDS.to_owned(), thresholds.into());
    }

    /// The probability above which each label is predicted, where a row may have several:
    /// `[num_labels]`. [`DEFAULT_THRESHOLD`] where `config.json` has none, or not one for each label.
    pub fn thresholds(&self) -> Vec<f64> {
        let kept = self.fields.get(THRESHOLDS).and_then(Value::as_array);
        let kept = kept.filter(|numbers| numbers.len() == self.num_labels);
        let numbers = kept.and_then(|numbers| {
            let numbers = numbers.iter().map(Value::as_f64);
            numbers.collect::<Option<Vec<f64>>>()
        });
        numbers.unwrap_or_else(|| vec![DEFAULT_THRESHOLD; self.num_labels])
    }

    /// Says what isn't to be trained; `config.json` has nothing of that.
    ///
    /// # Errors
    /// As [`Spec::freeze`].
    pub fn freeze(&mut self, frozen: &Frozen) -> Result<(), String> {
        self.spec.freeze(frozen)
    }

    fn rebuild(&mut self) -> Result<(), String> {
        let frozen = std::mem::take(&mut self.spec.frozen);
        self.spec = build(self.family, &self.fields, self.task, self.num_labels)?;
        self.spec.freeze(&frozen)
    }
}

fn build(
    family: &Family,
    fields: &Map<String, Value>,
    task: Task,
    num_labels: usize,
) -> Result<Spec, String> {
    let spec = (family.spec)(Fields(fields), task, num_labels)?;
    let parameters = spec.num_parameters();
    if parameters > MOST_PARAMETERS {
        return Err(format!(
            "the sizes make a model of {parameters} parameters: at most {MOST_PARAMETERS} are supported here"
        ));
    }
    Ok(spec)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    /// A small configuration with these fields over it.
    fn read(more: Value) -> Result<ModelConfig, String> {
        let mut fields = json!({
            "model_type": "bert", "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 1,
            "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 8,
        });
        for (key, value) in more.as_object().unwrap() {
            fields[key] = value.clone();
        }
        ModelConfig::from_json(&fields.to_string())
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
        let mut config = config.unwrap();
        assert_eq!(config.fields["label2id"]["a"], 0);
        let names = ["x", "y", "z"].map(str::to_owned);
        config.set_head(Task::SingleLabel, &names).unwrap();
        let written: Value = serde_json::from_str(&config.to_json()).unwrap();
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
        let pad = |more: Value| read(more).unwrap().pad_token_id();
        assert_eq!(pad(json!({})), Some(0));
        assert_eq!(pad(json!({"pad_token_id": null})), None);
        assert_eq!(pad(json!({"pad_token_id": -1})), Some(39));
        let none = read(json!({"pad_token_id": null})).unwrap();
        let written: Value = serde_json::from_str(&none.to_json()).unwrap();
        assert!(written["pad_token_id"].is_null());
    }

    #[test]
    fn sizes_that_are_not_there_are_those_of_bert_base() {
        let config = ModelConfig::from_json(r#"{"model_type": "bert"}"#).unwrap();
        let spec = config.spec();
        let sizes = [
            spec.vocabulary(),
            spec.hidden,
            spec.layers.len(),
            spec.heads,
            spec.intermediate(),
            spec.longest,
        ];
        assert_eq!(sizes, [30_522, 768, 12, 12, 3072, 512]);
    }

    #[test]
    fn the_columns_of_a_training_come_back() {
        let mut config = read(json!({})).unwrap();
        assert_eq!(config.trained_columns(), None);
        let columns = TrainedColumns {
            text_column_names: vec!["title".to_owned()],
            label_column_name: Some("topic".to_owned()),
            ..TrainedColumns::default()
        };
        config.set_trained_columns(&columns);
        let text = config.to_json();
        let again = ModelConfig::from_json(&text).unwrap();
        assert_eq!(again.trained_columns(), Some(columns));
        let broken = read(json!({"tunesmith": {"text_column_names": 3}})).unwrap();
        assert_eq!(broken.trained_columns(), None);
    }

    #[test]
    fn thresholds_belong_to_the_labels_that_they_were_set_for() {
        let mut config = read(json!({})).unwrap();
        let names = |count: usize| {
            (0..count)
                .map(|id| format!("topic {id}"))
                .collect::<Vec<_>>()
        };
        config.set_head(Task::MultiLabel, &names(3)).unwrap();
        assert_eq!(config.thresholds(), [DEFAULT_THRESHOLD; 3]);
        config.set_thresholds(&[0.25, 0.5, 0.75]);
        let again = ModelConfig::from_json(&config.to_json()).unwrap();
        assert_eq!(again.thresholds(), [0.25, 0.5, 0.75]);
        config.set_head(Task::MultiLabel, &names(2)).unwrap();
        assert_eq!(config.thresholds(), [DEFAULT_THRESHOLD; 2]);
    }

    #[test]
    fn numbers_that_no_model_has_are_refused_by_name() {
        let config = |name: &str, value: Value| {
            let mut json = serde_json::json!({
                "model_type": "bert", "vocab_size": 40, "hidden_size": 8, "num_hidden_layers": 2,
                "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 16,
            });
            json[name] = value;
            ModelConfig::from_json(&json.to_string())
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
        let message = ModelConfig::from_json(&wide.to_string()).unwrap_err();
        assert!(message.contains("parameters: at most"), "{message}");
    }

    #[test]
    fn a_file_cut_short_says_so() {
        let message = ModelConfig::from_json("{\"model_type\": \"be").unwrap_err();
        assert!(message.starts_with("it is cut short"), "{message}");
    }
}

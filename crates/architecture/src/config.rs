//! `config.json`, as transformers writes it, of any supported family.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::families::{self, Family};
use crate::fields::Fields;
use crate::labels;
use crate::spec::Spec;
use crate::task::Task;

/// As many classes as a head may have.
const MOST_LABELS: usize = 100_000;

/// So that all of a model's bytes can be counted by a `usize`; natively 64 GB of weights.
const MOST_PARAMETERS: u64 = if usize::BITS == 32 { 1 << 29 } else { 1 << 34 };

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
        let class = format!("{}{}", self.family.class_name, task.class_ending());
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

    fn rebuild(&mut self) -> Result<(), String> {
        self.spec = build(self.family, &self.fields, self.task, self.num_labels)?;
        Ok(())
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

//! The families, one file each. To add one: write its file, and add its line to [`FAMILIES`].

mod albert;
mod bert;
mod deberta;
mod distilbert;
mod electra;
mod modernbert;
mod mpnet;
mod roberta;
#[cfg(test)]
mod tests;

use crate::fields::Fields;
use crate::spec::Spec;
use crate::task::Task;

/// A family of models: what `model_type` in `config.json` names.
#[derive(Debug)]
pub struct Family {
    /// `model_type`.
    pub model_type: &'static str,
    /// How transformers' classes of the family begin.
    pub class_name: &'static str,
    /// What the names of the encoder's tensors begin with; a checkpoint of an encoder alone leaves it out.
    pub prefix: &'static str,
    /// The fields of `config.json` that are dropout probabilities.
    pub(crate) dropouts: &'static [&'static str],
    /// Reads the fields: a model of so many labels, for a task.
    pub(crate) spec: fn(Fields<'_>, Task, usize) -> Result<Spec, String>,
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.model_type == other.model_type
    }
}

const FAMILIES: &[Family] = &[
    bert::FAMILY,
    distilbert::FAMILY,
    roberta::ROBERTA,
    roberta::XLM_ROBERTA,
    roberta::CAMEMBERT,
    electra::FAMILY,
    mpnet::FAMILY,
    albert::FAMILY,
    deberta::FAMILY,
    modernbert::FAMILY,
];

/// Every family that can be trained.
pub fn families() -> &'static [Family] {
    FAMILIES
}

/// The family of this `model_type`.
pub fn family(model_type: &str) -> Option<&'static Family> {
    FAMILIES
        .iter()
        .find(|family| family.model_type == model_type)
}

/// Every `model_type`, for a message.
pub(crate) fn names() -> String {
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.model_type).collect();
    names.join(", ")
}

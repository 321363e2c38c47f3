//! RoBERTa (Liu et al., arXiv 1907.11692), XLM-R (arXiv 1911.02116) and CamemBERT (arXiv 1911.03894):
//! one model with three tokenizers.

use super::Family;
use super::bert::{BASE, Defaults, LayerNames, RowHead, Sizes};
use crate::activation::Activation;
use crate::fields::Fields;
use crate::spec::Spec;
use crate::task::Task;

const DROPOUTS: &[&str] = &[
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
];

pub(super) const ROBERTA: Family = Family {
    model_type: "roberta",
    class_name: "Roberta",
    prefix: "roberta.",
    dropouts: DROPOUTS,
    spec: roberta,
};

pub(super) const XLM_ROBERTA: Family = Family {
    model_type: "xlm-roberta",
    class_name: "XLMRoberta",
    prefix: "roberta.",
    dropouts: DROPOUTS,
    spec,
};

pub(super) const CAMEMBERT: Family = Family {
    model_type: "camembert",
    class_name: "Camembert",
    prefix: "roberta.",
    dropouts: DROPOUTS,
    spec,
};

fn roberta(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let words = 50_265;
    with_defaults(fields, task, labels, &Defaults { words, ..BASE })
}

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    with_defaults(fields, task, labels, &BASE)
}

fn with_defaults(
    fields: Fields<'_>,
    task: Task,
    labels: usize,
    defaults: &Defaults,
) -> Result<Spec, String> {
    let sizes = Sizes::read(fields, defaults)?;
    let padding = fields.padding(1, sizes.words)?.ok_or(
        "pad_token_id is null: positions are counted from the padding token, so it must be a number (1 is usual)",
    )?;
    let mut embeddings = sizes.embeddings("roberta", sizes.hidden, fields.types(2)?, Some(padding));
    sizes.count_from_padding(&mut embeddings, padding)?;
    let layers = (0..sizes.layers)
        .map(|index| sizes.layer(&LayerNames::of(&format!("roberta.encoder.layer.{index}"))))
        .collect();
    let dropout = fields.dropout("classifier_dropout", sizes.dropout)?;
    let head = sizes.head(task, labels, dropout, || {
        Ok(RowHead::of_roberta(Activation::Tanh, dropout))
    })?;
    Ok(sizes.spec(embeddings, layers, head))
}

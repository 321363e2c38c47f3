//! RoBERTa (Liu et al., arXiv 1907.11692), XLM-R (arXiv 1911.02116) and CamemBERT (arXiv 1911.03894):
//! one model with three tokenizers.

use super::Family;
use super::bert::{BASE, Defaults, LayerNames, Sizes};
use crate::activation::Activation;
use crate::fields::Fields;
use crate::spec::{Positions, Spec};
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
    example: "roberta-base",
    dropouts: DROPOUTS,
    spec: roberta,
};

pub(super) const XLM_ROBERTA: Family = Family {
    model_type: "xlm-roberta",
    class_name: "XLMRoberta",
    prefix: "roberta.",
    example: "xlm-roberta-base",
    dropouts: DROPOUTS,
    spec,
};

pub(super) const CAMEMBERT: Family = Family {
    model_type: "camembert",
    class_name: "Camembert",
    prefix: "roberta.",
    example: "camembert-base",
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
    let (hidden, style) = (sizes.hidden, sizes.style);
    let padding = fields.padding(1, sizes.words)?.ok_or(
        "pad_token_id is null: positions are counted from the padding token, so it must be a number (1 is usual)",
    )?;
    let mut embeddings = sizes.embeddings("roberta", hidden, fields.types(2)?, Some(padding));
    embeddings.positions = Positions::AfterPadding(padding);
    if let Some(position) = &mut embeddings.position {
        position.padding = Some(padding);
    }
    let layers = (0..sizes.layers)
        .map(|index| sizes.layer(&LayerNames::of(&format!("roberta.encoder.layer.{index}"))))
        .collect();
    let dropout = fields.dropout("classifier_dropout", sizes.dropout)?;
    let head = match task {
        Task::Tokens => sizes.token_head(dropout, labels),
        Task::SingleLabel | Task::MultiLabel | Task::Regression => sizes.first_token_head(
            style.linear("classifier.dense", hidden, hidden),
            Activation::Tanh,
            [dropout, dropout],
            style.linear("classifier.out_proj", labels, hidden),
        ),
    };
    let spec = sizes.spec(embeddings, layers, head);
    if spec.longest == 0 {
        return Err(format!(
            "max_position_embeddings {} leaves no position after the padding token's, {padding}",
            sizes.positions
        ));
    }
    Ok(spec)
}

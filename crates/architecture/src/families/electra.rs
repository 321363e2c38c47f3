//! ELECTRA (Clark et al., arXiv 2003.10555): the discriminator, whose embeddings may be narrower.

use super::Family;
use super::bert::{BASE, Defaults, LayerNames, RowHead, Sizes};
use crate::activation::Activation;
use crate::fields::Fields;
use crate::spec::{Projection, Spec};
use crate::task::Task;

pub(super) const FAMILY: Family = Family {
    model_type: "electra",
    class_name: "Electra",
    prefix: "electra.",
    dropouts: &[
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "classifier_dropout",
    ],
    spec,
};

const SMALL: Defaults = Defaults {
    hidden: 256,
    heads: 4,
    wide: 1024,
    ..BASE
};

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let sizes = Sizes::read(fields, &SMALL)?;
    let (hidden, style) = (sizes.hidden, sizes.style);
    let narrow = fields.width("embedding_size", 128)?;
    let padding = fields.padding(0, sizes.words)?;
    let mut embeddings = sizes.embeddings("electra", narrow, fields.types(2)?, padding);
    if narrow != hidden {
        embeddings.projection =
            Projection::AfterNorm(style.linear("electra.embeddings_project", hidden, narrow));
    }
    let layers = (0..sizes.layers)
        .map(|index| sizes.layer(&LayerNames::of(&format!("electra.encoder.layer.{index}"))))
        .collect();
    let dropout = fields.dropout("classifier_dropout", sizes.dropout)?;
    let head = sizes.head(task, labels, dropout, || {
        Ok(RowHead::of_roberta(Activation::Gelu, dropout))
    })?;
    Ok(sizes.spec(embeddings, layers, head))
}

//! ALBERT (Lan et al., arXiv 1909.11942): narrow embeddings, and layers that share their weights.

use super::Family;
use super::bert::{BASE, Defaults, LayerNames, RowHead, Sizes};
use crate::activation::Activation;
use crate::fields::Fields;
use crate::spec::{Projection, Spec};
use crate::task::Task;

pub(super) const FAMILY: Family = Family {
    model_type: "albert",
    class_name: "Albert",
    prefix: "albert.",
    dropouts: &[
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "classifier_dropout_prob",
    ],
    spec,
};

const XXLARGE: Defaults = Defaults {
    words: 30_000,
    hidden: 4096,
    heads: 64,
    wide: 16_384,
    activation: Activation::GeluTanh,
    dropout: 0.0,
    ..BASE
};

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let sizes = Sizes::read(fields, &XXLARGE)?;
    let (hidden, style) = (sizes.hidden, sizes.style);
    let narrow = fields.width("embedding_size", 128)?;
    let padding = fields.padding(0, sizes.words)?;
    let mut embeddings = sizes.embeddings("albert", narrow, fields.types(2)?, padding);
    embeddings.projection = Projection::AfterNorm(style.linear(
        "albert.encoder.embedding_hidden_mapping_in",
        hidden,
        narrow,
    ));
    let groups = fields.layers("num_hidden_groups", 1)?;
    let inner = fields.layers("inner_group_num", 1)?;
    let mut layers = Vec::new();
    for index in 0..sizes.layers {
        // Python's int(index / (layers / groups)).
        let group = (index as f64 / (sizes.layers as f64 / groups as f64)) as usize;
        for place in 0..inner {
            let at = |name: &str| {
                format!("albert.encoder.albert_layer_groups.{group}.albert_layers.{place}.{name}")
            };
            let mut layer = sizes.layer(&LayerNames {
                projections: ["query", "key", "value"].map(|name| at(&format!("attention.{name}"))),
                attention_output: at("attention.dense"),
                attention_norm: at("attention.LayerNorm"),
                intermediate: at("ffn"),
                output: at("ffn_output"),
                output_norm: at("full_layer_layer_norm"),
            });
            layer.feed_forward.output_dropout = 0.0;
            layers.push(layer);
        }
    }
    let dropout = fields.dropout("classifier_dropout_prob", 0.1)?;
    let head = sizes.head(task, labels, dropout, || {
        Ok(RowHead {
            dense: "albert.pooler",
            activation: Activation::Tanh,
            input_dropout: 0.0,
            dropout,
            classifier: "classifier",
        })
    })?;
    Ok(sizes.spec(embeddings, layers, head))
}

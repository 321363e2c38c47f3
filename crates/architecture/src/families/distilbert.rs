//! DistilBERT (Sanh et al., arXiv 1910.01108): BERT without segments and pooler.

use super::Family;
use super::bert::{LayerNames, RowHead, Sizes};
use crate::activation::Activation;
use crate::fields::{Fields, Style};
use crate::spec::Spec;
use crate::task::Task;

pub(super) const FAMILY: Family = Family {
    model_type: "distilbert",
    class_name: "DistilBert",
    prefix: "distilbert.",
    dropouts: &["dropout", "attention_dropout", "seq_classif_dropout"],
    spec,
};

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let (hidden, heads) = fields.hidden_and_heads(["dim", "n_heads"], [768, 12])?;
    let style = Style {
        deviation: fields.deviation()?,
        epsilon: 1e-12,
    };
    let sizes = Sizes {
        words: fields.words(30_522)?,
        hidden,
        heads,
        layers: fields.layers("n_layers", 6)?,
        wide: fields.width("hidden_dim", 3072)?,
        positions: fields.positions(512)?,
        style,
        activation: fields.activation("activation", Activation::Gelu)?,
        dropout: fields.dropout("dropout", 0.1)?,
        attention_dropout: fields.dropout("attention_dropout", 0.1)?,
    };
    let padding = fields.padding(0, sizes.words)?;
    let embeddings = sizes.embeddings("distilbert", hidden, 0, padding);
    let layers = (0..sizes.layers)
        .map(|index| {
            let at = |name: &str| format!("distilbert.transformer.layer.{index}.{name}");
            let mut layer = sizes.layer(&LayerNames {
                projections: ["q_lin", "k_lin", "v_lin"]
                    .map(|name| at(&format!("attention.{name}"))),
                attention_output: at("attention.out_lin"),
                attention_norm: at("sa_layer_norm"),
                intermediate: at("ffn.lin1"),
                output: at("ffn.lin2"),
                output_norm: at("output_layer_norm"),
            });
            layer.attention.output_dropout = 0.0;
            layer
        })
        .collect();
    let head = sizes.head(task, labels, sizes.dropout, || {
        Ok(RowHead {
            dense: "pre_classifier",
            activation: Activation::Relu,
            input_dropout: 0.0,
            dropout: fields.dropout("seq_classif_dropout", 0.2)?,
            classifier: "classifier",
        })
    })?;
    Ok(sizes.spec(embeddings, layers, head))
}

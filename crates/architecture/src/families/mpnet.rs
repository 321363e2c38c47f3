//! MPNet (Song et al., arXiv 2004.09297): a bias by relative position in every layer's attention.

use super::Family;
use super::bert::{BASE, Defaults, LayerNames, RowHead, Sizes};
use crate::activation::Activation;
use crate::fields::Fields;
use crate::spec::{Relative, RelativeBias, Spec};
use crate::task::Task;

pub(super) const FAMILY: Family = Family {
    model_type: "mpnet",
    class_name: "MPNet",
    prefix: "mpnet.",
    dropouts: &["hidden_dropout_prob", "attention_probs_dropout_prob"],
    spec,
};

/// transformers pads with this id whatever `pad_token_id` says.
const PADDING: u32 = 1;

/// Distances from here on share a bucket; no field of `config.json` says otherwise.
const MAX_DISTANCE: usize = 128;

/// transformers always asks for so many buckets, however many the table has.
const BUCKETS: usize = 32;

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let words = 30_527;
    let sizes = Sizes::read(fields, &Defaults { words, ..BASE })?;
    let mut embeddings = sizes.embeddings("mpnet", sizes.hidden, 0, Some(PADDING));
    sizes.count_from_padding(&mut embeddings, PADDING)?;
    let layers = (0..sizes.layers)
        .map(|index| {
            let at = |name: &str| format!("mpnet.encoder.layer.{index}.{name}");
            sizes.layer(&LayerNames {
                projections: ["q", "k", "v"].map(|name| at(&format!("attention.attn.{name}"))),
                attention_output: at("attention.attn.o"),
                attention_norm: at("attention.LayerNorm"),
                intermediate: at("intermediate.dense"),
                output: at("output.dense"),
                output_norm: at("output.LayerNorm"),
            })
        })
        .collect();
    let head = sizes.head(task, labels, sizes.dropout, || {
        Ok(RowHead::of_roberta(Activation::Tanh, sizes.dropout))
    })?;
    let mut spec = sizes.spec(embeddings, layers, head);
    let buckets = fields.count("relative_attention_num_buckets", BUCKETS, 1 << 12)?;
    if buckets < BUCKETS {
        return Err(format!(
            "relative_attention_num_buckets is {buckets}: transformers reads {BUCKETS}"
        ));
    }
    spec.relative = Relative::Bias(RelativeBias {
        table: sizes.style.table(
            "mpnet.encoder.relative_attention_bias",
            buckets,
            sizes.heads,
        ),
        max_distance: MAX_DISTANCE,
    });
    Ok(spec)
}

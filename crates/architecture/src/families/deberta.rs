//! DeBERTa v2 and v3 (He et al., arXiv 2006.03654 and 2111.09543): attention to content and to relative
//! positions apart.

use serde_json::Value;

use super::Family;
use super::bert::{BASE, Defaults, LayerNames, RowHead, Sizes};
use crate::activation::Activation;
use crate::fields::Fields;
use crate::spec::{Convolution, Disentangled, Layer, Linear, Projection, Relative, Spec};
use crate::task::Task;

pub(super) const FAMILY: Family = Family {
    model_type: "deberta-v2",
    class_name: "DebertaV2",
    prefix: "deberta.",
    dropouts: &[
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "pooler_dropout",
        "cls_dropout",
    ],
    spec,
};

const XLARGE: Defaults = Defaults {
    words: 128_100,
    hidden: 1536,
    heads: 24,
    layers: 24,
    wide: 6144,
    epsilon: 1e-7,
    ..BASE
};

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let sizes = Sizes::read(fields, &XLARGE)?;
    let (hidden, style) = (sizes.hidden, sizes.style);
    let width = fields.width("embedding_size", hidden)?;
    let padding = fields.padding(0, sizes.words)?;
    let mut embeddings = sizes.embeddings("deberta", width, fields.types(0)?, padding);
    if !fields.flag("position_biased_input", true)? {
        embeddings.position = None;
    }
    embeddings.norm = style.norm("deberta.embeddings.LayerNorm", hidden);
    if width != hidden {
        embeddings.projection = Projection::BeforeNorm(Linear {
            has_bias: false,
            ..style.linear("deberta.embeddings.embed_proj", hidden, width)
        });
    }
    let relative = relative(fields, &sizes)?;
    let shared = fields.flag("share_att_key", false)?;
    let kinds = match &relative {
        Relative::Disentangled(positions) => {
            [positions.position_to_content, positions.content_to_position]
        }
        Relative::None | Relative::Bias(_) => kinds(fields)?,
    };
    let factor = 1 + kinds.into_iter().filter(|set| *set).count();
    let mut layers: Vec<Layer> = (0..sizes.layers)
        .map(|index| {
            let at = |name: &str| format!("deberta.encoder.layer.{index}.{name}");
            let own = |name: &str| at(&format!("attention.self.{name}"));
            let mut layer = sizes.layer(&LayerNames {
                projections: ["query_proj", "key_proj", "value_proj"].map(own),
                ..LayerNames::of(&format!("deberta.encoder.layer.{index}"))
            });
            layer.attention.scale = 1.0 / ((hidden / sizes.heads * factor) as f32).sqrt();
            if matches!(relative, Relative::Disentangled(_)) && !shared {
                let names = ["pos_query_proj", "pos_key_proj"].into_iter().zip(kinds);
                let names: Vec<String> = names
                    .filter(|(_, set)| *set)
                    .map(|(name, _)| own(name))
                    .collect();
                if !names.is_empty() {
                    layer.attention.positions = Some(style.stacked(names, hidden, hidden));
                }
            }
            layer
        })
        .collect();
    if let Some(first) = layers.first_mut() {
        first.convolution = convolution(fields, &sizes)?;
    }
    let head = sizes.head(task, labels, sizes.dropout, || {
        let pooler = fields.width("pooler_hidden_size", hidden)?;
        if pooler != hidden {
            return Err(format!(
                "pooler_hidden_size is {pooler}: it must be hidden_size, {hidden}"
            ));
        }
        Ok(RowHead {
            dense: "pooler.dense",
            activation: fields.activation("pooler_hidden_act", Activation::Gelu)?,
            input_dropout: fields.dropout("pooler_dropout", 0.0)?,
            dropout: fields.dropout("cls_dropout", sizes.dropout)?,
            classifier: "classifier",
        })
    })?;
    let mut spec = sizes.spec(embeddings, layers, head);
    spec.relative = relative;
    Ok(spec)
}

/// Whether positions look at content (`p2c`), and content at positions (`c2p`).
fn kinds(fields: Fields<'_>) -> Result<[bool; 2], String> {
    let wrong = |value: &Value| {
        format!(
            "pos_att_type is {value}: it must be a list of \"p2c\" and \"c2p\", or both with | between"
        )
    };
    let names: Vec<String> = match fields.value("pos_att_type") {
        None => Vec::new(),
        Some(Value::String(text)) => text
            .to_lowercase()
            .split('|')
            .map(|name| name.trim().to_owned())
            .collect(),
        Some(value @ Value::Array(items)) => {
            let names = items.iter().map(|item| item.as_str().map(str::to_owned));
            names.collect::<Option<_>>().ok_or_else(|| wrong(value))?
        }
        Some(other) => return Err(wrong(other)),
    };
    Ok(["p2c", "c2p"].map(|kind| names.iter().any(|name| name == kind)))
}

fn relative(fields: Fields<'_>, sizes: &Sizes) -> Result<Relative, String> {
    if !fields.flag("relative_attention", false)? {
        return Ok(Relative::None);
    }
    let [position_to_content, content_to_position] = kinds(fields)?;
    let farthest = fields.integer("max_relative_positions", -1)?;
    let farthest = if farthest < 1 {
        sizes.positions
    } else {
        farthest as usize
    };
    let buckets = fields.integer("position_buckets", -1)?;
    let logarithmic = buckets > 0;
    let span = if logarithmic {
        buckets as usize
    } else {
        farthest
    };
    let normed = fields
        .text("norm_rel_ebd")?
        .unwrap_or("none")
        .to_lowercase()
        .split('|')
        .any(|name| name.trim() == "layer_norm");
    let style = &sizes.style;
    Ok(Relative::Disentangled(Disentangled {
        table: style.table("deberta.encoder.rel_embeddings", 2 * span, sizes.hidden),
        norm: normed.then(|| style.norm("deberta.encoder.LayerNorm", sizes.hidden)),
        span,
        logarithmic,
        max_distance: farthest,
        content_to_position,
        position_to_content,
        dropout: sizes.dropout,
    }))
}

fn convolution(fields: Fields<'_>, sizes: &Sizes) -> Result<Option<Convolution>, String> {
    let kernel = fields.integer("conv_kernel_size", 0)?;
    if kernel < 1 {
        return Ok(None);
    }
    if kernel % 2 == 0 || kernel > 31 {
        return Err(format!(
            "conv_kernel_size is {kernel}: it must be an odd number up to 31"
        ));
    }
    let groups = fields.integer("conv_groups", 1)?;
    if groups != 1 {
        return Err(format!("conv_groups is {groups}: only 1 is supported"));
    }
    let (hidden, style) = (sizes.hidden, &sizes.style);
    Ok(Some(Convolution {
        conv: Linear {
            kernel: Some(kernel as usize),
            ..style.linear("deberta.encoder.conv.conv", hidden, hidden)
        },
        dropout: sizes.dropout,
        activation: fields.activation("conv_act", Activation::Tanh)?,
        norm: style.norm("deberta.encoder.conv.LayerNorm", hidden),
    }))
}

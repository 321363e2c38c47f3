//! ModernBERT (Warner et al., arXiv 2412.13663): rotary positions, local and global attention in turns,
//! gated feed-forward, norms before the blocks.

use serde_json::Value;

use super::Family;
use crate::activation::Activation;
use crate::fields::{Fields, Style};
use crate::spec::{
    Attention, Dense, Embeddings, FeedForward, Head, Layer, Linear, Norm, Order, Pooling,
    Positions, Projection, Relative, Spec,
};
use crate::stages::Frozen;
use crate::task::Task;
use crate::tensors::Fresh;

pub(super) const FAMILY: Family = Family {
    model_type: "modernbert",
    class_name: "ModernBert",
    prefix: "model.",
    dropouts: &[
        "embedding_dropout",
        "attention_dropout",
        "mlp_dropout",
        "classifier_dropout",
    ],
    spec,
};

/// What the layers have in common.
struct Sizes {
    hidden: usize,
    heads: usize,
    wide: usize,
    style: Style,
    norm_bias: bool,
}

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let (hidden, heads) =
        fields.hidden_and_heads(["hidden_size", "num_attention_heads"], [768, 12])?;
    if !(hidden / heads).is_multiple_of(2) {
        return Err(format!(
            "hidden_size {hidden} gives {heads} heads an odd size: rotary positions need an even one"
        ));
    }
    let sizes = Sizes {
        hidden,
        heads,
        wide: fields.width("intermediate_size", 1152)?,
        style: Style {
            deviation: fields.deviation()?,
            epsilon: fields.epsilon("norm_eps", 1e-5)?,
        },
        norm_bias: fields.flag("norm_bias", false)?,
    };
    let count = fields.layers("num_hidden_layers", 22)?;
    let words = fields.words(50_368)?;
    let mut word = sizes
        .style
        .table("model.embeddings.tok_embeddings", words, hidden);
    word.padding = fields.padding(50_283, words)?;
    let embeddings = Embeddings {
        word,
        position: None,
        positions: Positions::FromZero,
        token_type: None,
        projection: Projection::None,
        norm: sizes.norm("model.embeddings.norm"),
        dropout: fields.dropout("embedding_dropout", 0.0)?,
    };
    Ok(Spec {
        embeddings,
        order: Order::PreNorm,
        layers: (0..count)
            .map(|index| layer(fields, &sizes, index, count))
            .collect::<Result<_, _>>()?,
        relative: Relative::None,
        final_norm: Some(sizes.norm("model.final_norm")),
        head: head(fields, &sizes, task, labels, count)?,
        hidden,
        heads,
        longest: fields.positions(8192)?,
        frozen: Frozen::default(),
    })
}

impl Sizes {
    fn norm(&self, name: &str) -> Norm {
        Norm {
            has_bias: self.norm_bias,
            ..self.style.norm(name, self.hidden)
        }
    }
}

/// Whether a layer sees the whole row, or its neighbourhood only.
fn is_global(fields: Fields<'_>, index: usize) -> Result<bool, String> {
    let Some(types) = fields.value("layer_types") else {
        let every = fields.count("global_attn_every_n_layers", 3, 1 << 9)?;
        return Ok(index.is_multiple_of(every));
    };
    match types.get(index).and_then(Value::as_str) {
        Some("full_attention") => Ok(true),
        Some("sliding_attention") => Ok(false),
        _ => Err(format!(
            "layer_types must say full_attention or sliding_attention for layer {index}"
        )),
    }
}

fn theta(fields: Fields<'_>, global: bool) -> Result<f32, String> {
    let (kind, old, default) = if global {
        ("full_attention", "global_rope_theta", 160_000.0)
    } else {
        ("sliding_attention", "local_rope_theta", 10_000.0)
    };
    let theta = match fields
        .value("rope_parameters")
        .and_then(|kinds| kinds.get(kind))
        .filter(|kind| !kind.is_null())
    {
        None => fields.number(old, default)?,
        Some(parameters) => {
            if let Some(scaling) = parameters.get("rope_type").and_then(Value::as_str)
                && scaling != "default"
            {
                return Err(format!(
                    "rope_parameters of type '{scaling}' are not supported; 'default' is"
                ));
            }
            match parameters.get("rope_theta") {
                None => fields.number(old, default)?,
                Some(theta) => theta
                    .as_f64()
                    .ok_or_else(|| format!("rope_theta is {theta}: it must be a number"))?
                    as f32,
            }
        }
    };
    if theta > 1.0 && theta.is_finite() {
        Ok(theta)
    } else {
        Err(format!("rope_theta is {theta}: it must be above 1"))
    }
}

fn layer(fields: Fields<'_>, sizes: &Sizes, index: usize, count: usize) -> Result<Layer, String> {
    let Sizes {
        hidden,
        heads,
        wide,
        style,
        ..
    } = *sizes;
    let at = |name: &str| format!("model.layers.{index}.{name}");
    let attention_bias = fields.flag("attention_bias", false)?;
    let mlp_bias = fields.flag("mlp_bias", false)?;
    let global = is_global(fields, index)?;
    let dropout = fields.dropout("attention_dropout", 0.0)?;
    let [into, back] = fresh(fields, count)?;
    let linear = |name: &str, out, inner, has_bias, fresh| Linear {
        has_bias,
        fresh,
        ..style.linear(at(name), out, inner)
    };
    let window = fields.count("local_attention", 128, 1 << 17)? / 2;
    Ok(Layer {
        attention: Attention {
            qkv: linear("attn.Wqkv", 3 * hidden, hidden, attention_bias, into),
            output: linear("attn.Wo", hidden, hidden, attention_bias, back),
            window: (!global).then_some(window),
            rope_theta: Some(theta(fields, global)?),
            positions: None,
            scale: 1.0 / ((hidden / heads) as f32).sqrt(),
            dropout,
            output_dropout: dropout,
        },
        attention_norm: (index > 0).then(|| sizes.norm(&at("attn_norm"))),
        feed_forward: FeedForward {
            input: linear("mlp.Wi", 2 * wide, hidden, mlp_bias, into),
            activation: fields.activation("hidden_activation", Activation::Gelu)?,
            gated: true,
            inner_dropout: fields.dropout("mlp_dropout", 0.0)?,
            output: linear("mlp.Wo", hidden, wide, mlp_bias, back),
            output_dropout: 0.0,
        },
        feed_forward_norm: sizes.norm(&at("mlp_norm")),
        convolution: None,
    })
}

/// New weights into a block and back out of it, as the paper draws them.
fn fresh(fields: Fields<'_>, layers: usize) -> Result<[Fresh; 2], String> {
    let deviation = fields.deviation()?;
    let cutoff = Some(fields.number("initializer_cutoff_factor", 2.0)?.max(0.1));
    let back = deviation / (2.0 * layers as f32).sqrt();
    Ok([deviation, back].map(|deviation| Fresh::Normal { deviation, cutoff }))
}

fn head(
    fields: Fields<'_>,
    sizes: &Sizes,
    task: Task,
    labels: usize,
    layers: usize,
) -> Result<Head, String> {
    let Sizes { hidden, style, .. } = *sizes;
    let [into, back] = fresh(fields, layers)?;
    let pooling = match task {
        Task::Tokens => Pooling::None,
        Task::SingleLabel | Task::MultiLabel | Task::Regression => {
            match fields.text("classifier_pooling")? {
                None | Some("cls") => Pooling::First,
                Some("mean") => Pooling::Mean,
                Some(other) => {
                    return Err(format!(
                        "classifier_pooling is '{other}': it must be 'cls' or 'mean'"
                    ));
                }
            }
        }
    };
    let cutoff = match into {
        Fresh::Normal { cutoff, .. } => cutoff,
        Fresh::Constant(_) => None,
    };
    Ok(Head {
        pooling,
        input_dropout: 0.0,
        dense: Some(Dense {
            linear: Linear {
                has_bias: fields.flag("classifier_bias", false)?,
                fresh: back,
                ..style.linear("head.dense", hidden, hidden)
            },
            activation: fields.activation("classifier_activation", Activation::Gelu)?,
            norm: Some(sizes.norm("head.norm")),
        }),
        dropout: fields.dropout("classifier_dropout", 0.0)?,
        classifier: Linear {
            fresh: Fresh::Normal {
                deviation: 1.0 / (hidden as f32).sqrt(),
                cutoff,
            },
            ..style.linear("classifier", labels, hidden)
        },
    })
}

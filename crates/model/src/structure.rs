//! What a BERT is made of, by Hugging Face's names: every tensor with its shape, and which lie side by
//! side.

use tunesmith_kernels::Slot;

use crate::BertConfig;
use crate::bert::Bert;
use crate::encoder::Layer;
use crate::layers::{LayerNorm, Linear};
use crate::parameter::{Declaration, Fresh, Part};

/// Takes a declaration and gives its place.
type Place<'a> = dyn FnMut(Declaration) -> Slot + 'a;

pub(crate) fn bert(config: &BertConfig, place: &mut Place<'_>) -> Bert {
    let hidden = config.hidden_size;
    let mut table = |name: &str, entries: usize| {
        let name = format!("bert.embeddings.{name}.weight");
        place(Declaration::one(
            name,
            &[entries, hidden],
            Fresh::Drawn,
            true,
        ))
    };
    Bert {
        word: table("word_embeddings", config.vocab_size),
        position: table("position_embeddings", config.max_position_embeddings),
        token_type: table("token_type_embeddings", config.type_vocab_size),
        hidden,
        norm: layer_norm("bert.embeddings.LayerNorm", config, place),
        layers: (0..config.num_hidden_layers)
            .map(|index| layer(index, config, place))
            .collect(),
        pooler: linear("bert.pooler.dense", hidden, hidden, place),
    }
}

fn layer(index: usize, config: &BertConfig, place: &mut Place<'_>) -> Layer {
    let (hidden, wide) = (config.hidden_size, config.intermediate_size);
    let at = |name: &str| format!("bert.encoder.layer.{index}.{name}");
    let projections = ["query", "key", "value"].map(|name| at(&format!("attention.self.{name}")));
    Layer {
        qkv: stacked(&projections, hidden, hidden, place),
        attention_output: linear(&at("attention.output.dense"), hidden, hidden, place),
        attention_norm: layer_norm(&at("attention.output.LayerNorm"), config, place),
        intermediate: linear(&at("intermediate.dense"), wide, hidden, place),
        output: linear(&at("output.dense"), hidden, wide, place),
        output_norm: layer_norm(&at("output.LayerNorm"), config, place),
    }
}

pub(crate) fn linear(name: &str, out: usize, inner: usize, place: &mut Place<'_>) -> Linear {
    stacked(&[name.to_owned()], out, inner, place)
}

// Layers of one input as a single one, their outputs side by side.
fn stacked(names: &[String], out: usize, inner: usize, place: &mut Place<'_>) -> Linear {
    let parts = |kind: &str, shape: &[usize], fresh: Fresh| {
        names
            .iter()
            .map(|name| Part {
                name: format!("{name}.{kind}"),
                shape: shape.to_vec(),
                fresh,
            })
            .collect()
    };
    Linear {
        weight: place(Declaration {
            parts: parts("weight", &[out, inner], Fresh::Drawn),
            decays: true,
        }),
        bias: place(Declaration {
            parts: parts("bias", &[out], Fresh::Constant(0.0)),
            decays: false,
        }),
    }
}

fn layer_norm(name: &str, config: &BertConfig, place: &mut Place<'_>) -> LayerNorm {
    let part = |kind: &str, value: f32| Part {
        name: format!("{name}.{kind}"),
        shape: vec![config.hidden_size],
        fresh: Fresh::Constant(value),
    };
    LayerNorm {
        affine: place(Declaration {
            parts: vec![part("weight", 1.0), part("bias", 0.0)],
            decays: false,
        }),
        epsilon: config.layer_norm_eps,
    }
}

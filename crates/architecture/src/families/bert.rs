//! BERT (Devlin et al., arXiv 1810.04805), and what the families after it took over.

use super::Family;
use crate::activation::Activation;
use crate::fields::{Fields, Style};
use crate::spec::{
    Attention, Dense, Embeddings, FeedForward, Head, Layer, Order, Pooling, Positions, Projection,
    Relative, Spec,
};
use crate::stages::Frozen;
use crate::task::Task;

pub(super) const FAMILY: Family = Family {
    model_type: "bert",
    class_name: "Bert",
    prefix: "bert.",
    dropouts: &[
        "hidden_dropout_prob",
        "attention_probs_dropout_prob",
        "classifier_dropout",
    ],
    spec,
};

/// The sizes that most families name as BERT does.
pub(super) struct Sizes {
    pub(super) words: usize,
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) layers: usize,
    pub(super) wide: usize,
    pub(super) positions: usize,
    pub(super) style: Style,
    pub(super) activation: Activation,
    pub(super) dropout: f32,
    pub(super) attention_dropout: f32,
}

/// A family's own defaults.
pub(super) struct Defaults {
    pub(super) words: usize,
    pub(super) hidden: usize,
    pub(super) heads: usize,
    pub(super) layers: usize,
    pub(super) wide: usize,
    pub(super) positions: usize,
    pub(super) epsilon: f32,
    pub(super) activation: Activation,
    pub(super) dropout: f32,
}

/// BERT-base's.
pub(super) const BASE: Defaults = Defaults {
    words: 30_522,
    hidden: 768,
    heads: 12,
    layers: 12,
    wide: 3072,
    positions: 512,
    epsilon: 1e-12,
    activation: Activation::Gelu,
    dropout: 0.1,
};

impl Sizes {
    pub(super) fn read(fields: Fields<'_>, defaults: &Defaults) -> Result<Self, String> {
        let (hidden, heads) = fields.hidden_and_heads(
            ["hidden_size", "num_attention_heads"],
            [defaults.hidden, defaults.heads],
        )?;
        if let Some(kind) = fields.text("position_embedding_type")?
            && kind != "absolute"
        {
            return Err(format!(
                "position_embedding_type '{kind}' is not supported; 'absolute' is"
            ));
        }
        Ok(Self {
            words: fields.words(defaults.words)?,
            hidden,
            heads,
            layers: fields.layers("num_hidden_layers", defaults.layers)?,
            wide: fields.width("intermediate_size", defaults.wide)?,
            positions: fields.positions(defaults.positions)?,
            style: Style {
                deviation: fields.deviation()?,
                epsilon: fields.epsilon("layer_norm_eps", defaults.epsilon)?,
            },
            activation: fields.activation("hidden_act", defaults.activation)?,
            dropout: fields.dropout("hidden_dropout_prob", defaults.dropout)?,
            attention_dropout: fields.dropout("attention_probs_dropout_prob", defaults.dropout)?,
        })
    }

    /// The tables of `prefix.embeddings`, `width` wide, with learned positions.
    pub(super) fn embeddings(
        &self,
        prefix: &str,
        width: usize,
        types: usize,
        padding: Option<u32>,
    ) -> Embeddings {
        let at = |name: &str| format!("{prefix}.embeddings.{name}");
        let mut word = self.style.table(at("word_embeddings"), self.words, width);
        word.padding = padding;
        let types =
            (types > 0).then(|| self.style.table(at("token_type_embeddings"), types, width));
        Embeddings {
            word,
            position: Some(
                self.style
                    .table(at("position_embeddings"), self.positions, width),
            ),
            positions: Positions::FromZero,
            token_type: types,
            projection: Projection::None,
            norm: self.style.norm(at("LayerNorm"), width),
            dropout: self.dropout,
        }
    }

    /// A layer from the names of its parts.
    pub(super) fn layer(&self, names: &LayerNames) -> Layer {
        let (hidden, wide, style) = (self.hidden, self.wide, &self.style);
        Layer {
            attention: Attention {
                qkv: style.stacked(names.projections.to_vec(), hidden, hidden),
                output: style.linear(&names.attention_output, hidden, hidden),
                window: None,
                rope_theta: None,
                positions: None,
                scale: 1.0 / ((hidden / self.heads) as f32).sqrt(),
                dropout: self.attention_dropout,
                output_dropout: self.dropout,
            },
            attention_norm: Some(style.norm(&names.attention_norm, hidden)),
            feed_forward: FeedForward {
                input: style.linear(&names.intermediate, wide, hidden),
                activation: self.activation,
                gated: false,
                inner_dropout: 0.0,
                output: style.linear(&names.output, hidden, wide),
                output_dropout: self.dropout,
            },
            feed_forward_norm: style.norm(&names.output_norm, hidden),
            convolution: None,
        }
    }

    /// Counts positions from the padding token's id, as RoBERTa does.
    ///
    /// # Errors
    /// Where no position is left.
    pub(super) fn count_from_padding(
        &self,
        embeddings: &mut Embeddings,
        padding: u32,
    ) -> Result<(), String> {
        if self.positions <= padding as usize + 1 {
            return Err(format!(
                "max_position_embeddings {} leaves no position after the padding token's, {padding}",
                self.positions
            ));
        }
        embeddings.positions = Positions::AfterPadding(padding);
        if let Some(position) = &mut embeddings.position {
            position.padding = Some(padding);
        }
        Ok(())
    }

    pub(super) fn spec(&self, embeddings: Embeddings, layers: Vec<Layer>, head: Head) -> Spec {
        let longest = match embeddings.positions {
            Positions::FromZero => self.positions,
            Positions::AfterPadding(padding) => self.positions.saturating_sub(padding as usize + 1),
        };
        Spec {
            embeddings,
            order: Order::PostNorm,
            layers,
            relative: Relative::None,
            final_norm: None,
            head,
            hidden: self.hidden,
            heads: self.heads,
            longest,
            frozen: Frozen::default(),
        }
    }

    /// A head over each token, with its dropout and no layer of its own, or one over the first token: a
    /// dense layer, and then the classifier. `row` is asked in the second case only.
    pub(super) fn head<'a>(
        &self,
        task: Task,
        labels: usize,
        token_dropout: f32,
        row: impl FnOnce() -> Result<RowHead<'a>, String>,
    ) -> Result<Head, String> {
        let (style, hidden) = (&self.style, self.hidden);
        Ok(match task {
            Task::Tokens => Head {
                pooling: Pooling::None,
                input_dropout: 0.0,
                dense: None,
                dropout: token_dropout,
                classifier: style.linear("classifier", labels, hidden),
            },
            Task::SingleLabel | Task::MultiLabel | Task::Regression => {
                let row = row()?;
                Head {
                    pooling: Pooling::First,
                    input_dropout: row.input_dropout,
                    dense: Some(Dense {
                        linear: style.linear(row.dense, hidden, hidden),
                        activation: row.activation,
                        norm: None,
                    }),
                    dropout: row.dropout,
                    classifier: style.linear(row.classifier, labels, hidden),
                }
            }
        })
    }
}

/// What is a family's own in a head over the first token.
pub(super) struct RowHead<'a> {
    /// The dense layer's name.
    pub(super) dense: &'a str,
    pub(super) activation: Activation,
    /// Before the dense layer.
    pub(super) input_dropout: f32,
    /// Before the classifier.
    pub(super) dropout: f32,
    /// The classifier's name.
    pub(super) classifier: &'a str,
}

impl RowHead<'_> {
    /// RoBERTa's, which families after it took over: `classifier.dense` and `classifier.out_proj`.
    pub(super) fn of_roberta(activation: Activation, dropout: f32) -> Self {
        Self {
            dense: "classifier.dense",
            activation,
            input_dropout: dropout,
            dropout,
            classifier: "classifier.out_proj",
        }
    }
}

/// The names of a layer's parts, without `.weight` and `.bias`.
pub(super) struct LayerNames {
    /// Query, key, value.
    pub(super) projections: [String; 3],
    pub(super) attention_output: String,
    pub(super) attention_norm: String,
    pub(super) intermediate: String,
    pub(super) output: String,
    pub(super) output_norm: String,
}

impl LayerNames {
    /// BERT's names below `layer`, such as `bert.encoder.layer.0`.
    pub(super) fn of(layer: &str) -> Self {
        let at = |name: &str| format!("{layer}.{name}");
        Self {
            projections: ["query", "key", "value"]
                .map(|name| at(&format!("attention.self.{name}"))),
            attention_output: at("attention.output.dense"),
            attention_norm: at("attention.output.LayerNorm"),
            intermediate: at("intermediate.dense"),
            output: at("output.dense"),
            output_norm: at("output.LayerNorm"),
        }
    }
}

fn spec(fields: Fields<'_>, task: Task, labels: usize) -> Result<Spec, String> {
    let sizes = Sizes::read(fields, &BASE)?;
    let types = fields.types(2)?;
    let embeddings = sizes.embeddings("bert", sizes.hidden, types, fields.padding(0, sizes.words)?);
    let layers = (0..sizes.layers)
        .map(|index| sizes.layer(&LayerNames::of(&format!("bert.encoder.layer.{index}"))))
        .collect();
    let dropout = fields.dropout("classifier_dropout", sizes.dropout)?;
    let head = sizes.head(task, labels, dropout, || {
        Ok(RowHead {
            dense: "bert.pooler.dense",
            activation: Activation::Tanh,
            input_dropout: 0.0,
            dropout,
            classifier: "classifier",
        })
    })?;
    Ok(sizes.spec(embeddings, layers, head))
}

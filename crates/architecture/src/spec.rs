//! What a model is made of, whatever its family: embeddings, layers, a head.

use std::collections::HashSet;

use crate::activation::Activation;
use crate::stages::{Frozen, Stage};
use crate::tensors::{Declaration, Fresh, Role};

/// A whole model. A tensor that is named twice is one tensor (ALBERT's layers share theirs).
#[derive(Debug, Clone, PartialEq)]
pub struct Spec {
    /// From token ids to the first layer's input.
    pub embeddings: Embeddings,
    /// Where the layers normalise.
    pub order: Order,
    /// In the order they run in.
    pub layers: Vec<Layer>,
    /// What attention knows of distances between tokens.
    pub relative: Relative,
    /// A norm after the last layer.
    pub final_norm: Option<Norm>,
    /// From the last layer's output to logits.
    pub head: Head,
    /// Width of the layers.
    pub hidden: usize,
    /// Attention heads a layer.
    pub heads: usize,
    /// The longest row, in tokens.
    pub longest: usize,
    /// What a training leaves as it is.
    pub frozen: Frozen,
}

/// `y = x W^T + b`; several layers over one input lie next to each other and run as one product.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// Their names, without `.weight` and `.bias`.
    pub names: Vec<String>,
    /// Outputs of each.
    pub out: usize,
    /// Inputs.
    pub inner: usize,
    /// Whether each has a bias.
    pub has_bias: bool,
    /// Tokens that a convolution over neighbours reads.
    pub kernel: Option<usize>,
    /// The weights of a new one.
    pub fresh: Fresh,
}

/// LayerNorm (Ba et al., arXiv 1607.06450).
#[derive(Debug, Clone, PartialEq)]
pub struct Norm {
    /// Its name, without `.weight` and `.bias`.
    pub name: String,
    /// Width of a row.
    pub size: usize,
    /// Added to the variance.
    pub epsilon: f32,
    /// Whether it has a beta.
    pub has_bias: bool,
}

/// One vector an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name, without `.weight`.
    pub name: String,
    /// Entries.
    pub rows: usize,
    /// Numbers an entry.
    pub width: usize,
    /// The entry that gets no gradient (`nn.Embedding`'s `padding_idx`).
    pub padding: Option<u32>,
    /// The values of a new one.
    pub fresh: Fresh,
}

/// From token ids to the first layer's input: a sum of tables, LayerNorm, dropout.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// By token id.
    pub word: Table,
    /// By position, where positions are learned.
    pub position: Option<Table>,
    /// How positions are counted.
    pub positions: Positions,
    /// By segment, where the family has segments.
    pub token_type: Option<Table>,
    /// From the tables' width to the layers', where they differ.
    pub projection: Projection,
    /// Of the sum.
    pub norm: Norm,
    /// After the norm.
    pub dropout: f32,
}

/// How positions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// 0, 1, 2, … whatever the tokens are.
    FromZero,
    /// Tokens that aren't the padding token count from its id + 1; padding has its id.
    AfterPadding(u32),
}

/// Where the width of the tables becomes that of the layers.
#[derive(Debug, Clone, PartialEq)]
pub enum Projection {
    /// They are the same.
    None,
    /// Before the norm (DeBERTa).
    BeforeNorm(Linear),
    /// After norm and dropout (ALBERT, ELECTRA).
    AfterNorm(Linear),
}

/// Where a layer normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The sum of a block's input and output: `x = norm(x + block(x))`.
    PostNorm,
    /// A block's input: `x = x + block(norm(x))`.
    PreNorm,
}

/// One layer: attention, then feed-forward.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// Every token looks at the others.
    pub attention: Attention,
    /// The attention's norm; none where its input is normalised already (ModernBERT's first layer).
    pub attention_norm: Option<Norm>,
    /// Each token by itself.
    pub feed_forward: FeedForward,
    /// The feed-forward's norm.
    pub feed_forward_norm: Norm,
    /// A convolution over the layer's input, added to its output (DeBERTa-v2's first layer).
    pub convolution: Option<Convolution>,
}

/// Multi-head attention (Vaswani et al., arXiv 1706.03762).
#[derive(Debug, Clone, PartialEq)]
pub struct Attention {
    /// Query, key and value.
    pub qkv: Linear,
    /// Of the heads' results.
    pub output: Linear,
    /// A token sees those at most so many places away.
    pub window: Option<usize>,
    /// Angles of rotary positions: the base of their wavelengths (Su et al., arXiv 2104.09864).
    pub rope_theta: Option<f32>,
    /// Projections of the relative positions; none where query's and key's own are used.
    pub positions: Option<Linear>,
    /// What scores are multiplied by.
    pub scale: f32,
    /// Of the probabilities.
    pub dropout: f32,
    /// Of the output.
    pub output_dropout: f32,
}

/// Two linear layers with an activation between them.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedForward {
    /// To the wide side; twice as wide where it is gated.
    pub input: Linear,
    /// Between the two.
    pub activation: Activation,
    /// Whether half of the wide side, activated, multiplies the other (Shazeer, arXiv 2002.05202).
    pub gated: bool,
    /// Before the second layer.
    pub inner_dropout: f32,
    /// Back.
    pub output: Linear,
    /// Of the output.
    pub output_dropout: f32,
}

/// `norm(y + activation(dropout(conv(x))))` of a layer's input x and output y.
#[derive(Debug, Clone, PartialEq)]
pub struct Convolution {
    /// Its weights, `[out, in, kernel]`.
    pub conv: Linear,
    /// Before the activation.
    pub dropout: f32,
    /// After the dropout.
    pub activation: Activation,
    /// Of the sum.
    pub norm: Norm,
}

/// What attention knows of distances between tokens, in all layers.
#[derive(Debug, Clone, PartialEq)]
pub enum Relative {
    /// Nothing, or rotary positions.
    None,
    /// A number a head, added to the scores (MPNet, arXiv 2004.09297; buckets as in T5).
    Bias(RelativeBias),
    /// Vectors that queries and keys are multiplied by (DeBERTa, arXiv 2006.03654).
    Disentangled(Disentangled),
}

/// A number a head by the bucket of a distance.
#[derive(Debug, Clone, PartialEq)]
pub struct RelativeBias {
    /// `[buckets, heads]`.
    pub table: Table,
    /// Distances from here on share the last bucket.
    pub max_distance: usize,
}

/// A vector by the bucket of a distance.
#[derive(Debug, Clone, PartialEq)]
pub struct Disentangled {
    /// `[2 * span, hidden]`.
    pub table: Table,
    /// Of the table.
    pub norm: Option<Norm>,
    /// Buckets on each side.
    pub span: usize,
    /// Whether far distances share buckets, on a logarithmic scale.
    pub logarithmic: bool,
    /// The farthest distance of that scale.
    pub max_distance: usize,
    /// Content looks at positions (`c2p`).
    pub content_to_position: bool,
    /// Positions look at content (`p2c`).
    pub position_to_content: bool,
    /// Of the vectors, in each layer.
    pub dropout: f32,
}

/// From the last layer's output to logits.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// Which rows it sees.
    pub pooling: Pooling,
    /// Of what it sees.
    pub input_dropout: f32,
    /// A layer before the classifier.
    pub dense: Option<Dense>,
    /// Before the classifier.
    pub dropout: f32,
    /// To the logits.
    pub classifier: Linear,
}

/// A head's own layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Dense {
    /// Its weights.
    pub linear: Linear,
    /// After it.
    pub activation: Activation,
    /// After the activation.
    pub norm: Option<Norm>,
}

/// What a head sees of a row's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first.
    First,
    /// Their mean.
    Mean,
    /// Every one, by itself.
    None,
}

impl Spec {
    /// The names of the head's tensors: a checkpoint of an encoder alone lacks them.
    pub fn head_names(&self) -> HashSet<String> {
        let parts = self.head_declarations().into_iter();
        parts
            .flat_map(|declaration| declaration.parts)
            .map(|part| part.name)
            .collect()
    }

    /// The names of the classifier's tensors, whose shapes depend on the labels.
    pub fn classifier_names(&self) -> HashSet<String> {
        let parts = self.head.classifier.declarations();
        parts
            .flat_map(|declaration| declaration.parts)
            .map(|part| part.name)
            .collect()
    }

    /// Numbers of all tensors.
    pub fn num_parameters(&self) -> u64 {
        let declarations = self.declarations();
        declarations.iter().map(|one| one.count() as u64).sum()
    }

    /// Those that are trained.
    pub fn num_trained(&self) -> u64 {
        let declared = self.declarations();
        let trained = declared.iter().filter(|one| one.role != Role::Frozen);
        trained.map(|one| one.count() as u64).sum()
    }

    /// Width of the feed-forward's inside.
    pub fn intermediate(&self) -> usize {
        self.layers
            .first()
            .map_or(0, |layer| layer.feed_forward.output.inner)
    }

    /// Rows of the word table.
    pub fn vocabulary(&self) -> usize {
        self.embeddings.word.rows
    }

    /// Whether a text's second part is told by `token_type_ids`: a table of one entry tells nothing.
    pub fn takes_token_types(&self) -> bool {
        let types = &self.embeddings.token_type;
        types.as_ref().is_some_and(|table| table.rows > 1)
    }

    /// Numbers an attention head.
    pub fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }

    /// What the model is run in, from tokens to logits, with the tensors of each.
    pub(crate) fn stages(&self) -> Vec<(Stage, Vec<Declaration>)> {
        let layers = self.layers.iter().enumerate();
        let layers = layers.map(|(index, layer)| (Stage::Layer(index), layer.declarations()));
        let norm = self.final_norm.iter().map(Norm::affine).collect();
        std::iter::once((Stage::Embeddings, self.embedding_declarations()))
            .chain(layers)
            .chain([
                (Stage::FinalNorm, norm),
                (Stage::Head, self.head_declarations()),
            ])
            .collect()
    }

    fn embedding_declarations(&self) -> Vec<Declaration> {
        let Embeddings {
            word,
            position,
            token_type,
            projection,
            norm,
            ..
        } = &self.embeddings;
        let tables = position.iter().chain(token_type).map(Table::declaration);
        let mut all: Vec<Declaration> = std::iter::once(word.words()).chain(tables).collect();
        all.push(norm.affine());
        match projection {
            Projection::None => {}
            Projection::BeforeNorm(linear) | Projection::AfterNorm(linear) => {
                all.extend(linear.declarations());
            }
        }
        match &self.relative {
            Relative::None => {}
            Relative::Bias(bias) => all.push(bias.table.declaration()),
            Relative::Disentangled(positions) => {
                all.push(positions.table.declaration());
                all.extend(positions.norm.as_ref().map(Norm::affine));
            }
        }
        all
    }

    fn head_declarations(&self) -> Vec<Declaration> {
        let mut all = Vec::new();
        if let Some(dense) = &self.head.dense {
            all.extend(dense.linear.declarations());
            all.extend(dense.norm.as_ref().map(Norm::affine));
        }
        all.extend(self.head.classifier.declarations());
        all
    }
}

impl Layer {
    fn declarations(&self) -> Vec<Declaration> {
        let (attention, feed_forward) = (&self.attention, &self.feed_forward);
        let mut all: Vec<Declaration> = attention.qkv.declarations().collect();
        all.extend(attention.positions.iter().flat_map(Linear::declarations));
        all.extend(attention.output.declarations());
        all.extend(self.attention_norm.as_ref().map(Norm::affine));
        all.extend(feed_forward.input.declarations());
        all.extend(feed_forward.output.declarations());
        all.push(self.feed_forward_norm.affine());
        if let Some(convolution) = &self.convolution {
            all.extend(convolution.conv.declarations());
            all.push(convolution.norm.affine());
        }
        all
    }
}

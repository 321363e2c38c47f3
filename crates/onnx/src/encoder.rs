//! From token ids to the last layer's output.

use tunesmith_architecture::{
    Attention, Convolution, Disentangled, FeedForward, Layer, Order, Positions, Projection,
    Relative, RelativeBias, Spec,
};

use crate::graph::{Graph, int, ints};
use crate::proto::Element;

/// The names of the graph's inputs, each `int64[batch_size, sequence_length]`.
pub(crate) const INPUT_IDS: &str = "input_ids";
pub(crate) const ATTENTION_MASK: &str = "attention_mask";
pub(crate) const TOKEN_TYPE_IDS: &str = "token_type_ids";

/// What every layer reads besides its input.
pub(crate) struct Shared {
    /// 1 for a token and 0 for padding, `[batch, seq, 1]`.
    pub(crate) mask: String,
    /// Whether a token is looked at, `[batch, 1, 1, seq]`.
    visible: String,
    /// `i - j` of a query and a key, `[seq, seq]`.
    offsets: String,
    /// 0, 1, 2, …, `[seq]`.
    places: String,
    distances: Distances,
}

/// What attention knows of distances.
enum Distances {
    None,
    /// Added to scores, `[1, heads, seq, seq]`.
    Bias(String),
    Positions {
        /// `[places, hidden]`.
        rows: String,
        /// A query's and a key's place, `[seq, seq]`.
        index: String,
        spec: Disentangled,
    },
}

/// The last layer's output, `[batch, seq, hidden]`.
pub(crate) fn encode(graph: &mut Graph, spec: &Spec) -> (String, Shared) {
    let shared = shared(graph, spec);
    let mut x = embed(graph, spec, &shared);
    for layer in &spec.layers {
        x = self::layer(graph, spec, layer, &x, &shared);
    }
    if let Some(norm) = &spec.final_norm {
        x = graph.norm(&x, norm);
    }
    (x, shared)
}

fn shared(graph: &mut Graph, spec: &Spec) -> Shared {
    let shape = graph.op("Shape", &[INPUT_IDS]);
    let [zero, one] = [0, 1].map(|value| graph.int(value));
    let length = graph.op("Gather", &[&shape, &one]);
    let places = graph.op("Range", &[&zero, &length, &one]);
    let [first, second, last] = [0, 1, -1].map(|axis| graph.ints(&[axis]));
    let queries = graph.op("Unsqueeze", &[&places, &second]);
    let keys = graph.op("Unsqueeze", &[&places, &first]);
    let offsets = graph.op("Sub", &[&queries, &keys]);

    let mask = graph.computed(ATTENTION_MASK);
    let mask = graph.op("Unsqueeze", &[&mask, &last]);
    let visible = graph.cast(ATTENTION_MASK, Element::Bool);
    let middle = graph.ints(&[1, 2]);
    let visible = graph.op("Unsqueeze", &[&visible, &middle]);
    let distances = match &spec.relative {
        Relative::None => Distances::None,
        Relative::Bias(bias) => Distances::Bias(relative_bias(graph, spec, bias, &offsets)),
        Relative::Disentangled(positions) => {
            let ids: Vec<i64> = (0..positions.table.rows as i64).collect();
            let ids = graph.named_ints("relative_positions".to_owned(), &ids);
            let mut rows = graph.rows(&positions.table, &ids);
            if let Some(norm) = &positions.norm {
                rows = graph.norm(&rows, norm);
            }
            Distances::Positions {
                rows,
                index: by_offset(graph, spec, &offsets, |offset| positions.row(offset)),
                spec: positions.clone(),
            }
        }
    };
    Shared {
        mask,
        visible,
        offsets,
        places,
        distances,
    }
}

/// What a table says of every query and key, `[seq, seq]`.
fn by_offset(graph: &mut Graph, spec: &Spec, offsets: &str, row: impl Fn(i64) -> u32) -> String {
    let longest = spec.longest as i64;
    let rows: Vec<i64> = (1 - longest..longest)
        .map(|offset| row(offset).into())
        .collect();
    let rows = graph.named_ints("rows_by_offset".to_owned(), &rows);
    let middle = graph.int(longest - 1);
    let index = graph.op("Add", &[offsets, &middle]);
    graph.op("Gather", &[&rows, &index])
}

fn relative_bias(graph: &mut Graph, spec: &Spec, bias: &RelativeBias, offsets: &str) -> String {
    let buckets = by_offset(graph, spec, offsets, |offset| bias.bucket(offset));
    let values = graph.rows(&bias.table, &buckets);
    let values = graph.op_with("Transpose", &[&values], vec![ints("perm", &[2, 0, 1])]);
    let first = graph.ints(&[0]);
    graph.op("Unsqueeze", &[&values, &first])
}

fn embed(graph: &mut Graph, spec: &Spec, shared: &Shared) -> String {
    let embeddings = &spec.embeddings;
    let mut x = graph.rows(&embeddings.word, INPUT_IDS);
    if let Some(table) = &embeddings.position {
        let ids = match embeddings.positions {
            Positions::FromZero => shared.places.clone(),
            Positions::AfterPadding(padding) => after_padding(graph, padding),
        };
        let rows = graph.rows(table, &ids);
        x = graph.op("Add", &[&x, &rows]);
    }
    if let Some(table) = &embeddings.token_type {
        let ids = if spec.takes_token_types() {
            TOKEN_TYPE_IDS.to_owned()
        } else {
            graph.ints(&[0])
        };
        let rows = graph.rows(table, &ids);
        x = graph.op("Add", &[&x, &rows]);
    }
    if let Projection::BeforeNorm(linear) = &embeddings.projection {
        x = graph.one_linear(&x, linear);
    }
    x = graph.norm(&x, &embeddings.norm);
    if let Projection::AfterNorm(linear) = &embeddings.projection {
        x = graph.one_linear(&x, linear);
    }
    x
}

/// Tokens that aren't the padding token count from its id + 1; padding has its id.
fn after_padding(graph: &mut Graph, padding: u32) -> String {
    let pad = graph.int(padding.into());
    let is_padding = graph.op("Equal", &[INPUT_IDS, &pad]);
    let is_token = graph.op("Not", &[&is_padding]);
    let is_token = graph.cast(&is_token, Element::Int64);
    let axis = graph.int(1);
    let counted = graph.op("CumSum", &[&is_token, &axis]);
    let counted = graph.op("Mul", &[&counted, &is_token]);
    graph.op("Add", &[&counted, &pad])
}

fn layer(graph: &mut Graph, spec: &Spec, layer: &Layer, x: &str, shared: &Shared) -> String {
    let y = match spec.order {
        Order::PostNorm => {
            let attended = attention(graph, spec, &layer.attention, x, shared);
            let mut attended = graph.op("Add", &[x, &attended]);
            if let Some(norm) = &layer.attention_norm {
                attended = graph.norm(&attended, norm);
            }
            let fed = feed_forward(graph, &layer.feed_forward, &attended);
            let sum = graph.op("Add", &[&attended, &fed]);
            graph.norm(&sum, &layer.feed_forward_norm)
        }
        Order::PreNorm => {
            let normed = match &layer.attention_norm {
                Some(norm) => graph.norm(x, norm),
                None => x.to_owned(),
            };
            let attended = attention(graph, spec, &layer.attention, &normed, shared);
            let attended = graph.op("Add", &[x, &attended]);
            let normed = graph.norm(&attended, &layer.feed_forward_norm);
            let fed = feed_forward(graph, &layer.feed_forward, &normed);
            graph.op("Add", &[&attended, &fed])
        }
    };
    match &layer.convolution {
        Some(convolution) => convolve(graph, convolution, x, &y, shared),
        None => y,
    }
}

fn attention(
    graph: &mut Graph,
    spec: &Spec,
    attention: &Attention,
    x: &str,
    shared: &Shared,
) -> String {
    let projected = graph.linear(x, &attention.qkv);
    let [query, key, value] = match <[String; 3]>::try_from(projected) {
        Ok(three) => three,
        // One matrix for all three.
        Err(one) => graph.split(&one[0], spec.hidden),
    };
    let [mut query, mut key, value] = [query, key, value].map(|one| heads(graph, spec, &one));
    if let Some(theta) = attention.rope_theta {
        let angles = angles(graph, spec, theta, shared);
        query = turn(graph, spec, &query, &angles);
        key = turn(graph, spec, &key, &angles);
    }
    let mut scores = product_with_transposed(graph, &query, &key);
    if let Distances::Positions {
        rows,
        index,
        spec: positions,
    } = &shared.distances
    {
        let (keys, queries) = projected_positions(graph, spec, attention, rows, positions);
        if let Some(keys) = keys {
            let products = product_with_transposed(graph, &query, &keys);
            let chosen = choose(graph, &products, index);
            scores = graph.op("Add", &[&scores, &chosen]);
        }
        if let Some(queries) = queries {
            // By key here, so that the index is turned, and what it chooses turned back.
            let products = product_with_transposed(graph, &key, &queries);
            let turned = graph.op_with("Transpose", &[index], vec![ints("perm", &[1, 0])]);
            let chosen = choose(graph, &products, &turned);
            let chosen = graph.op_with("Transpose", &[&chosen], vec![ints("perm", &[0, 1, 3, 2])]);
            scores = graph.op("Add", &[&scores, &chosen]);
        }
    }
    let scale = graph.number(attention.scale);
    scores = graph.op("Mul", &[&scores, &scale]);
    if let Distances::Bias(bias) = &shared.distances {
        scores = graph.op("Add", &[&scores, bias]);
    }
    let mut visible = shared.visible.clone();
    if let Some(window) = attention.window {
        let distance = graph.op("Abs", &[&shared.offsets]);
        let window = graph.int(window as i64);
        let is_near = graph.op("LessOrEqual", &[&distance, &window]);
        visible = graph.op("And", &[&visible, &is_near]);
    }
    let lowest = graph.lowest();
    let scores = graph.op("Where", &[&visible, &scores, &lowest]);
    let probabilities = graph.op_with("Softmax", &[&scores], vec![int("axis", -1)]);
    let context = graph.op("MatMul", &[&probabilities, &value]);
    let context = graph.op_with("Transpose", &[&context], vec![ints("perm", &[0, 2, 1, 3])]);
    let shape = graph.ints(&[0, 0, spec.hidden as i64]);
    let context = graph.op("Reshape", &[&context, &shape]);
    graph.one_linear(&context, &attention.output)
}

/// `[batch, seq, hidden]` as `[batch, heads, seq, head_dim]`.
fn heads(graph: &mut Graph, spec: &Spec, x: &str) -> String {
    let shape = graph.ints(&[0, 0, spec.heads as i64, spec.head_dim() as i64]);
    let x = graph.op("Reshape", &[x, &shape]);
    graph.op_with("Transpose", &[&x], vec![ints("perm", &[0, 2, 1, 3])])
}

/// `x y^T` of the last two dimensions.
fn product_with_transposed(graph: &mut Graph, x: &str, y: &str) -> String {
    let turned = graph.op_with("Transpose", &[y], vec![ints("perm", &[0, 1, 3, 2])]);
    graph.op("MatMul", &[x, &turned])
}

/// The keys and queries of relative positions, `[1, heads, places, head_dim]` each, by DeBERTa's `c2p` and
/// `p2c`.
fn projected_positions(
    graph: &mut Graph,
    spec: &Spec,
    attention: &Attention,
    rows: &str,
    positions: &Disentangled,
) -> (Option<String>, Option<String>) {
    // Its own projections are there for what is asked for alone; query's and key's are there both.
    let own = attention.positions.as_ref();
    let linear = own.unwrap_or(&attention.qkv);
    let has_queries = own.is_none() || positions.position_to_content;
    let mut wanted = linear.clone();
    wanted.names.truncate(2);
    let mut projected = graph.linear(rows, &wanted).into_iter();
    let queries = if has_queries { projected.next() } else { None };
    let keys = projected.next();
    let mut by_head = |projected: Option<String>, is_wanted: bool| {
        let projected = projected.filter(|_| is_wanted)?;
        let first = graph.ints(&[0]);
        let projected = graph.op("Unsqueeze", &[&projected, &first]);
        Some(heads(graph, spec, &projected))
    };
    (
        by_head(keys, positions.content_to_position),
        by_head(queries, positions.position_to_content),
    )
}

/// Of products with all places those that the index names, `[batch, heads, seq, seq]`.
fn choose(graph: &mut Graph, products: &str, index: &str) -> String {
    let shape = graph.op("Shape", &[products]);
    let [zero, two] = [0, 2].map(|place| graph.ints(&[place]));
    let leading = graph.op("Slice", &[&shape, &zero, &two]);
    let sides = graph.op("Shape", &[index]);
    let shape = graph.op_with("Concat", &[&leading, &sides], vec![int("axis", 0)]);
    let index = graph.op("Expand", &[index, &shape]);
    graph.op_with("GatherElements", &[products, &index], vec![int("axis", -1)])
}

/// Cosines and sines of rotary positions, `[seq, head_dim / 2]` each, computed in single precision.
fn angles(graph: &mut Graph, spec: &Spec, theta: f32, shared: &Shared) -> [String; 2] {
    let width = spec.head_dim();
    let frequencies: Vec<f32> = (0..width / 2)
        .map(|place| 1.0 / theta.powf((2 * place) as f32 / width as f32))
        .collect();
    let frequencies = graph.singles(format!("frequencies_{theta}"), &frequencies);
    let places = graph.cast(&shared.places, Element::Float);
    let last = graph.ints(&[-1]);
    let places = graph.op("Unsqueeze", &[&places, &last]);
    let angles = graph.op("Mul", &[&places, &frequencies]);
    ["Cos", "Sin"].map(|name| {
        let values = graph.op(name, &[&angles]);
        graph.computed(&values)
    })
}

/// Every head turned by the angles of its token: transformers' `rotate_half`.
fn turn(graph: &mut Graph, spec: &Spec, x: &str, [cosines, sines]: &[String; 2]) -> String {
    let [first, second] = graph.split(x, spec.head_dim() / 2);
    let mut product = |a: &str, b: &str| graph.op("Mul", &[a, b]);
    let (kept, back) = (product(&first, cosines), product(&second, sines));
    let (also_kept, forth) = (product(&second, cosines), product(&first, sines));
    let first = graph.op("Sub", &[&kept, &back]);
    let second = graph.op("Add", &[&also_kept, &forth]);
    graph.op_with("Concat", &[&first, &second], vec![int("axis", -1)])
}

fn feed_forward(graph: &mut Graph, spec: &FeedForward, x: &str) -> String {
    let wide = graph.one_linear(x, &spec.input);
    let activated = if spec.gated {
        let [activated, gate] = graph.split(&wide, spec.output.inner);
        let activated = graph.activate(spec.activation, &activated);
        graph.op("Mul", &[&activated, &gate])
    } else {
        graph.activate(spec.activation, &wide)
    };
    graph.one_linear(&activated, &spec.output)
}

/// `norm(y + activation(conv(x)))`, where padding counts as 0.
fn convolve(graph: &mut Graph, spec: &Convolution, x: &str, y: &str, shared: &Shared) -> String {
    let x = graph.op("Mul", &[x, &shared.mask]);
    let turned = graph.op_with("Transpose", &[&x], vec![ints("perm", &[0, 2, 1])]);
    let (weight, bias) = (spec.conv.weight(), spec.conv.bias());
    let mut inputs = vec![turned, graph.values(&weight.parts[0])];
    inputs.extend(bias.map(|bias| graph.values(&bias.parts[0])));
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let kernel = spec.conv.kernel.unwrap_or(1) as i64;
    let pads = ints("pads", &[kernel / 2, kernel / 2]);
    let convolved = graph.op_with("Conv", &inputs, vec![ints("kernel_shape", &[kernel]), pads]);
    let convolved = graph.op_with("Transpose", &[&convolved], vec![ints("perm", &[0, 2, 1])]);
    let activated = graph.activate(spec.activation, &convolved);
    let sum = graph.op("Add", &[y, &activated]);
    graph.norm(&sum, &spec.norm)
}

//! From the last layer's output to logits.

use tunesmith_architecture::{Head, Pooling};

use crate::encoder::Shared;
use crate::graph::{Graph, int};

/// The name of the graph's output: `float32[batch_size, num_labels]`, or for tokens
/// `float32[batch_size, sequence_length, num_labels]`.
pub(crate) const LOGITS: &str = "logits";

pub(crate) fn classify(graph: &mut Graph, head: &Head, hidden: &str, shared: &Shared) {
    let mut x = pool(graph, head.pooling, hidden, shared);
    if let Some(dense) = &head.dense {
        x = graph.one_linear(&x, &dense.linear);
        x = graph.activate(dense.activation, &x);
        if let Some(norm) = &dense.norm {
            x = graph.norm(&x, norm);
        }
    }
    let logits = graph.one_linear(&x, &head.classifier);
    graph.output(&logits, LOGITS);
}

/// `[batch, seq, hidden]` as `[batch, hidden]`, where not each token stands for itself.
fn pool(graph: &mut Graph, pooling: Pooling, hidden: &str, shared: &Shared) -> String {
    match pooling {
        Pooling::None => hidden.to_owned(),
        Pooling::First => {
            let first = graph.int(0);
            graph.op_with("Gather", &[hidden, &first], vec![int("axis", 1)])
        }
        Pooling::Mean => {
            let kept = graph.op("Mul", &[hidden, &shared.mask]);
            let axis = graph.ints(&[1]);
            let [sum, count] = [&kept, &shared.mask]
                .map(|value| graph.op_with("ReduceSum", &[value, &axis], vec![int("keepdims", 0)]));
            graph.op("Div", &[&sum, &count])
        }
    }
}

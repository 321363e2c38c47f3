//! Attention: masks, windows, and what distances add to scores.

use burn::tensor::{Device, Tensor};
use tunesmith_kernels::{
    Attention, Packing, PositionBias, Precision, View, attention, attention_backward, indices,
};

use crate::support::{
    compare_in_each, gradients, lengths, matrix, matrix_in, noise, read, read_all,
};

/// Two of the rows have padding, which sees the others' keys.
fn packing(longest: usize, device: &Device) -> Packing {
    let lengths = lengths(longest);
    let padding = [longest as u32 / 3, 0, lengths[2] / 2];
    Packing::with_padding(&lengths, &padding, device)
}

fn shape(longest: usize, head_dim: usize, p: f32, device: &Device) -> Attention {
    Attention {
        heads: 2,
        head_dim,
        window: None,
        scale: 0.4,
        dropout: noise(p, &lengths(longest), device),
    }
}

/// Context and gradients, of positions too where they have any.
fn both_ways(
    shape: &Attention,
    longest: usize,
    bias: &PositionBias<'_>,
    precision: Precision,
    device: &Device,
) -> Vec<Vec<f32>> {
    let packing = packing(longest, device);
    let hidden = shape.heads * shape.head_dim;
    let (qkv, d) = (
        matrix_in(precision, [packing.tokens, 3 * hidden], 1, device),
        matrix_in(precision, [packing.tokens, hidden], 4, device),
    );
    let (context, saved) = attention(shape, &qkv, &packing, bias);
    // Of the slots, the second is the one that a table's gradient goes to.
    let (mut sums, slots) = gradients(&[8, BUCKETS * 2], device);
    let over = (&qkv, &packing);
    let (dqkv, dpositions) = attention_backward(shape, over, &saved, &d, bias, &mut sums);
    let mut all = vec![read(context), read(dqkv)];
    all.extend(dpositions.map(read));
    all.extend(read_all(&sums, &slots));
    all
}

/// Buckets of a table.
const BUCKETS: usize = 7;

/// Sequences of lengths beside the tiles' and groups' edges: tokens of the longest, dropout.
const SEQUENCES: [(usize, f32); 5] = [
    (1, 0.0),
    (63, 0.1),
    (64, 0.1),
    (65, 0.0),
    // More than a group of lanes takes in one go.
    (131, 0.1),
];

#[test]
fn attention_over_rows_of_many_lengths() {
    for (seq, p) in SEQUENCES {
        compare_in_each(&format!("attention {seq} p {p}"), |precision, device| {
            both_ways(
                &shape(seq, 8, p, device),
                seq,
                &PositionBias::None,
                precision,
                device,
            )
        });
    }
}

#[test]
fn attention_with_wide_heads() {
    // As many numbers as MiniLM's and BERT's, and more than a lane has registers for.
    for (head_dim, seq, p) in [(32, 70, 0.1), (64, 65, 0.1), (68, 33, 0.1)] {
        compare_in_each(
            &format!("attention {seq}, heads of {head_dim}, p {p}"),
            |precision, device| {
                let shape = Attention {
                    // Scores of products of so many.
                    scale: 0.1,
                    ..shape(seq, head_dim, p, device)
                };
                both_ways(&shape, seq, &PositionBias::None, precision, device)
            },
        );
    }
}

#[test]
fn attention_within_a_window() {
    for (window, (seq, p)) in [0, 1, 9, 64, 40].into_iter().zip(SEQUENCES) {
        compare_in_each(
            &format!("attention {seq} within {window} p {p}"),
            |precision, device| {
                let shape = Attention {
                    window: Some(window),
                    ..shape(seq, 8, p, device)
                };
                both_ways(&shape, seq, &PositionBias::None, precision, device)
            },
        );
    }
}

/// Half of the distances in each direction, as MPNet's table has them: none rises all along.
fn buckets(seq: usize) -> Vec<u32> {
    (1 - seq as i32..seq as i32)
        .map(|distance| {
            let far = distance.unsigned_abs().min(3);
            if distance < 0 { far + 3 } else { far }
        })
        .collect()
}

#[test]
fn attention_with_a_table_of_distances() {
    for (window, (seq, p)) in [None, None, Some(5), None, None].into_iter().zip(SEQUENCES) {
        compare_in_each(
            &format!("attention by distance {seq} p {p}"),
            |precision, device| {
                let shape = Attention {
                    window,
                    ..shape(seq, 8, p, device)
                };
                let table = View::from(&matrix(BUCKETS, 2, 5, device));
                let (_, slots) = gradients(&[8, BUCKETS * 2], device);
                let bias = PositionBias::Relative {
                    table: &table,
                    slot: slots[1],
                    index: &indices(&buckets(seq), device),
                };
                both_ways(&shape, seq, &bias, precision, device)
            },
        );
    }
}

/// Rows of positions, more than a tile is wide.
const PLACES: usize = 37;

/// Places that rise with the distance, skip some, and come to an end on either side.
fn places(seq: usize) -> Vec<u32> {
    (1 - seq as i32..seq as i32)
        .map(|distance| match distance {
            ..=-9 => 2,
            -8..9 => (18 + distance + distance.signum()) as u32,
            9..50 => 30,
            _ => PLACES as u32 - 1,
        })
        .collect()
}

#[test]
fn attention_disentangled_from_positions() {
    let columns = [
        // As one product of queries, keys and values gives them, and the other way round.
        (Some(0), Some(1), 2),
        (Some(1), Some(0), 2),
        // With columns that are neither.
        (Some(0), Some(2), 3),
        (None, Some(0), 1),
        (Some(1), None, 2),
    ];
    for head_dim in [8, 6] {
        for ((queries, keys, parts), (seq, p)) in columns.into_iter().zip(SEQUENCES) {
            // Over a single token nothing depends on distances.
            let seq = seq.max(2);
            let hidden = 2 * head_dim;
            compare_in_each(
                &format!(
                    "disentangled attention {queries:?} {keys:?} of {parts}x{hidden}, {seq} p {p}"
                ),
                |precision, device| {
                    let positions: Tensor<2> = matrix(PLACES, parts * hidden, 5, device);
                    let bias = PositionBias::Disentangled {
                        positions: &positions,
                        queries: queries.map(|part: usize| part * hidden),
                        keys: keys.map(|part: usize| part * hidden),
                        index: &indices(&places(seq), device),
                    };
                    both_ways(
                        &shape(seq, head_dim, p, device),
                        seq,
                        &bias,
                        precision,
                        device,
                    )
                },
            );
        }
    }
}

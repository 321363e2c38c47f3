//! What the distance of a query and a key brings to their score: a number a head, or products with what the
//! distance's own query and key are.

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{DISENTANGLED_BACKWARD, Layout, RELATIVE_BACKWARD};

use super::{Attention, Over};
use crate::blocks::{Blocks, Slot, View, zeros};
use crate::buffer::{Buffer, empty, floats, ints, tensor};
use crate::gemm::{Batch, Epilogue, Product, Sizes, Start};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run, run_in_place};
use crate::packing::{sequence_of, sequences};

/// What a score gets besides `scale * q_i k_j`. Each has an `index` `[2 * longest - 1]`, which at
/// `i - j + longest - 1` holds the place of query `i` and key `j`: a row of the table or of `positions`.
#[derive(Debug, Clone, Copy)]
pub enum PositionBias<'a> {
    /// Nothing.
    None,
    /// `table[place][head]`, as T5 and MPNet have it (Song et al., arXiv 2004.09297).
    Relative {
        /// `[buckets, heads]`.
        table: &'a View,
        /// Where its gradient is added.
        slot: Slot,
        /// In any order.
        index: &'a Tensor<1, Int>,
    },
    /// `scale * (q_i K_place + k_j Q_place)`, DeBERTa's content to position and position to content (He et
    /// al., arXiv 2006.03654), either of which may be absent.
    Disentangled {
        /// `[places, width]`: each place's query and key of all heads, hidden wide, side by side.
        positions: &'a Tensor<2>,
        /// The column at which a place's query begins, a multiple of 4; `None`: no position to content.
        queries: Option<usize>,
        /// The same of its key; `None`: no content to position.
        keys: Option<usize>,
        /// Constant or rising with `i - j`.
        index: &'a Tensor<1, Int>,
    },
}

/// A bias without its tensors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    None,
    Relative { buckets: usize },
    Disentangled(Products),
}

/// The products with positions. They lie by token, then by kind, keys first, then by head, then by place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Products {
    pub(super) keys: Option<usize>,
    pub(super) queries: Option<usize>,
    places: usize,
    width: usize,
}

impl Kind {
    /// Whether there is a table, and products with keys and with queries.
    pub(super) fn flags(&self) -> [bool; 3] {
        match self {
            Self::None => [false; 3],
            Self::Relative { .. } => [true, false, false],
            Self::Disentangled(products) => {
                [false, products.keys.is_some(), products.queries.is_some()]
            }
        }
    }

    /// Numbers of the products by head and by token.
    pub(super) fn extents(&self, heads: usize) -> [usize; 2] {
        match self {
            Self::None | Self::Relative { .. } => [0; 2],
            Self::Disentangled(products) => [products.span(), products.columns(heads)],
        }
    }
}

impl Products {
    fn span(&self) -> usize {
        self.places.next_multiple_of(4)
    }

    fn columns(&self, heads: usize) -> usize {
        self.kinds().len() * heads * self.span()
    }

    /// Of each kind, in order: which part of a token's query, key and value is multiplied, and the column of
    /// `positions` that it is multiplied with.
    fn kinds(&self) -> Vec<[usize; 2]> {
        [(0, self.keys), (1, self.queries)]
            .into_iter()
            .filter_map(|(part, column)| Some([part, column?]))
            .collect()
    }

    /// Both kinds and all heads as one batch: where tokens, positions and products start, and their strides.
    fn batch(&self, shape: &Attention) -> [(usize, [usize; 2]); 3] {
        let kinds = self.kinds();
        let (hidden, head) = (shape.hidden(), shape.head_dim);
        let [part, column] = kinds.first().copied().unwrap_or_default();
        let [next_part, next_column] = kinds.last().copied().unwrap_or_default();
        [
            (
                part * hidden,
                [(next_part * hidden).wrapping_sub(part * hidden), head],
            ),
            (column, [next_column.wrapping_sub(column), head]),
            (0, [shape.heads * self.span(), self.span()]),
        ]
    }

    /// Whether the products' columns are all that `positions` has.
    fn cover(&self, shape: &Attention) -> bool {
        let mut columns: Vec<usize> = self.kinds().into_iter().map(|[_, column]| column).collect();
        columns.sort_unstable();
        columns.len() * shape.hidden() == self.width
            && columns
                .iter()
                .enumerate()
                .all(|(place, column)| *column == place * shape.hidden())
    }

    fn product(&self, over: &Over<'_>, layout: Layout) -> Product {
        let Over { shape, packing } = over;
        let [tokens, positions, products] = self.batch(shape);
        let rows = packing.tokens;
        let (of_tokens, of_positions, of_products) =
            (3 * shape.hidden(), self.width, self.columns(shape.heads));
        let ([m, n, k], operands, [lda, ldb, ldc]) = match layout {
            // The products from tokens and positions.
            Layout::Nt => (
                [rows, self.places, shape.head_dim],
                [tokens, positions, products],
                [of_tokens, of_positions, of_products],
            ),
            // The tokens' gradient from the products' and positions.
            Layout::Nn => (
                [rows, shape.head_dim, self.places],
                [products, positions, tokens],
                [of_products, of_positions, of_tokens],
            ),
            // The positions' gradient from the products' and tokens.
            Layout::Tn => (
                [self.places, shape.head_dim, rows],
                [products, tokens, positions],
                [of_products, of_tokens, of_positions],
            ),
        };
        let [(a_start, a), (b_start, b), (c_start, c)] = operands;
        Product {
            layout,
            m,
            n,
            k,
            lda,
            ldb,
            ldc,
            start: Start {
                a: a_start,
                b: b_start,
                c: c_start,
            },
            batch: Batch {
                outer: self.kinds().len(),
                inner: shape.heads,
                a,
                b,
                c,
            },
            alpha: shape.scale,
            accumulate: false,
            epilogue: Epilogue::None,
            one_input: false,
            half: false,
            sizes: Sizes::Given,
        }
    }
}

impl PositionBias<'_> {
    pub(super) fn kind(&self, shape: &Attention) -> Kind {
        match *self {
            Self::None => Kind::None,
            Self::Relative { table, .. } => Kind::Relative {
                buckets: table.count() / shape.heads,
            },
            Self::Disentangled {
                keys: None,
                queries: None,
                ..
            } => Kind::None,
            Self::Disentangled {
                positions,
                queries,
                keys,
                ..
            } => {
                let [places, width] = positions.dims();
                Kind::Disentangled(Products {
                    keys,
                    queries,
                    places,
                    width,
                })
            }
        }
    }

    /// The table or the products, which the softmax adds from.
    pub(super) fn added(&self, over: &Over<'_>, qkv: &Buffer) -> Option<Buffer> {
        match (*self, self.kind(over.shape)) {
            (Self::Relative { table, .. }, _) => Some(table.0.clone()),
            (Self::Disentangled { positions, .. }, Kind::Disentangled(products)) => {
                let shape = [over.packing.tokens, products.columns(over.shape.heads)];
                let c = empty(shape, &positions.device());
                let inputs = [qkv.clone(), floats(positions.clone())];
                Some(products.product(over, Layout::Nt).run(&inputs, c))
            }
            _ => None,
        }
    }

    /// The index, where anything is added by it.
    pub(super) fn places(&self) -> Option<Buffer> {
        match self {
            Self::None
            | Self::Disentangled {
                keys: None,
                queries: None,
                ..
            } => None,
            Self::Relative { index, .. } | Self::Disentangled { index, .. } => Some(ints(index)),
        }
    }

    /// Adds the bias's gradients to those of `qkv` and of the table, and gives that of the positions.
    pub(super) fn backward(
        &self,
        over: &Over<'_>,
        qkv: &Buffer,
        dscores: Buffer,
        dqkv: Buffer,
        gradients: &mut Blocks,
    ) -> (Buffer, Option<Tensor<2>>) {
        let words = || over.packing.words();
        match (*self, self.kind(over.shape)) {
            (Self::None, _) => (dqkv, None),
            (Self::Relative { slot, index, .. }, kind) => {
                let Kind::Relative { buckets } = kind else {
                    return (dqkv, None);
                };
                if !gradients.has(slot) {
                    return (dqkv, None);
                }
                let op = RelativeBackward {
                    over: over.clone(),
                    buckets,
                };
                let indices = [words(), ints(index)];
                run_in_place(&op, &[dscores], &indices, gradients, &[slot]);
                (dqkv, None)
            }
            (
                Self::Disentangled {
                    positions, index, ..
                },
                Kind::Disentangled(products),
            ) => {
                let device = positions.device();
                let op = DisentangledBackward {
                    over: over.clone(),
                    products,
                };
                let shape = [over.packing.tokens, products.columns(over.shape.heads)];
                let sums = empty(shape, &device);
                let [sums] = run(&op, &[dscores], &[words(), ints(index)], [sums]);
                let tokens = Product {
                    accumulate: true,
                    ..products.product(over, Layout::Nn)
                };
                let dqkv = tokens.run(&[sums.clone(), floats(positions.clone())], dqkv);
                let covered = products.cover(over.shape);
                let dpositions = if covered {
                    empty(positions.dims(), &device)
                } else {
                    floats(zeros(positions.dims(), &device))
                };
                let places = Product {
                    accumulate: !covered,
                    ..products.product(over, Layout::Tn)
                };
                let dpositions = places.run(&[sums, qkv.clone()], dpositions);
                (dqkv, Some(tensor(dpositions)))
            }
            (Self::Disentangled { positions, .. }, _) => {
                (dqkv, Some(zeros(positions.dims(), &positions.device())))
            }
        }
    }
}

/// Adds to a table's gradient the sums of the scores' by bucket and head.
struct RelativeBackward<'a> {
    over: Over<'a>,
    buckets: usize,
}

impl Kernel for RelativeBackward<'_> {
    fn launch(&self, class: Class) -> Launch {
        let Over { shape, packing } = self.over;
        let rows = self.buckets * shape.heads;
        Launch {
            variant: Variant::shader(RELATIVE_BACKWARD, &[("group", class.is_gpu())]),
            extent: Extent::Rows(rows),
            params: Params::default()
                .int(rows)
                .int(shape.heads)
                .int(packing.batch)
                .int(packing.longest),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Over { shape, packing } = self.over;
        let heads = shape.heads;
        let (dscores, words, places) = (floats[0], indices[0], indices[1]);
        let of_head = |head: usize| {
            let mut sums = vec![0.0; self.buckets];
            for sequence in sequences(words, packing.batch) {
                let (length, stride) = (sequence.length, sequence.stride());
                let dscores = &dscores[sequence.start(head, heads)..][..length * stride];
                for (i, row) in dscores.chunks(stride).enumerate() {
                    for (j, dscore) in row[..length].iter().enumerate() {
                        sums[places[i + packing.longest - 1 - j] as usize] += dscore;
                    }
                }
            }
            sums
        };
        let sums: Vec<Vec<f32>> = (0..heads).into_par_iter().map(of_head).collect();
        for (bucket, table) in outputs[0].chunks_mut(heads).enumerate() {
            for (number, sums) in table.iter_mut().zip(&sums) {
                *number += sums[bucket];
            }
        }
    }
}

/// The gradient of the products with positions: sums of the scores' gradient over all keys, or queries, of one
/// place.
struct DisentangledBackward<'a> {
    over: Over<'a>,
    products: Products,
}

impl Kernel for DisentangledBackward<'_> {
    fn launch(&self, class: Class) -> Launch {
        let Over { shape, packing } = self.over;
        let flags = [
            ("keys", self.products.keys.is_some()),
            ("queries", self.products.queries.is_some()),
            ("group", class.is_gpu()),
        ];
        Launch {
            variant: Variant::shader(DISENTANGLED_BACKWARD, &flags),
            extent: Extent::Rows(self.over.queries()),
            params: Params::default()
                .int(self.over.queries())
                .int(shape.heads)
                .int(packing.batch)
                .int(packing.longest)
                .int(self.products.span())
                .int(self.products.columns(shape.heads))
                .int(0)
                .int(0),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let Over { shape, packing } = self.over;
        let heads = shape.heads;
        let (dscores, words, places) = (floats[0], indices[0], indices[1]);
        let span = self.products.span();
        let kinds = self.products.kinds();
        outputs[0]
            .par_chunks_mut(self.products.columns(heads))
            .enumerate()
            .for_each(|(token, sums)| {
                sums.fill(0.0);
                let (_, sequence) = sequence_of(words, packing.batch, token);
                let (token, stride) = (token - sequence.first, sequence.stride());
                for (kind, head) in (0..kinds.len()).flat_map(|k| (0..heads).map(move |h| (k, h))) {
                    let sums = &mut sums[(kind * heads + head) * span..][..span];
                    let dscores = &dscores[sequence.start(head, heads)..];
                    for other in 0..sequence.length {
                        // Part 0 of a token is its query, part 1 its key.
                        let [i, j] = match kinds[kind][0] {
                            0 => [token, other],
                            _ => [other, token],
                        };
                        let place = places[i + packing.longest - 1 - j] as usize;
                        sums[place] += dscores[i * stride + j];
                    }
                }
            });
    }
}

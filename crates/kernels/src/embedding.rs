//! Looking up embedding rows, and adding gradients back to them.

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{EMBEDDING, SCATTER_ADD};

use crate::blocks::{Blocks, Slot, View};
use crate::buffer::{empty, floats, ints, tensor};
use crate::kernel::{
    Class, Extent, Kernel, Launch, MAX_WORKGROUPS, Params, Variant, run, run_in_place,
};

/// The tables that a token's embedding is the sum of, each `[entries, cols]`.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddingTables<'a> {
    /// By token id; in several pieces of whole rows, one after the other, where one buffer can't hold all.
    pub word: &'a [View],
    /// By position, where positions have embeddings of their own.
    pub position: Option<&'a View>,
    /// By segment, where there are any.
    pub token_type: Option<&'a View>,
}

struct Embedding {
    rows: usize,
    cols: usize,
    position: bool,
    token_type: bool,
    piece: Piece,
}

/// Which of a table's entries are in a buffer: the others are another launch's.
#[derive(Debug, Clone, Copy)]
struct Piece {
    first: usize,
    entries: usize,
    /// Whether there are others.
    is_part: bool,
}

impl Piece {
    /// The pieces of a table that lies in buffers of so many elements.
    fn all(counts: &[usize], cols: usize) -> Vec<Self> {
        let mut first = 0;
        let pieces = counts.iter().map(|count| {
            let entries = count / cols;
            first += entries;
            Self {
                first: first - entries,
                entries,
                is_part: counts.len() > 1,
            }
        });
        pieces.collect()
    }

    /// The place of an entry in the buffer, where it is there.
    fn place(self, index: i32) -> Option<usize> {
        let place = (index as usize).checked_sub(self.first)?;
        (place < self.entries).then_some(place)
    }
}

/// `word[ids[r]] + position[positions[r]] + token_type[type_ids[r]]`, of which the tables that are absent
/// and their indices are left out: indices `[tokens]`, below the tables' entries, give
/// `[tokens, cols]`, `cols` a multiple of 4.
pub fn embedding(
    tables: &EmbeddingTables<'_>,
    cols: usize,
    ids: &Tensor<1, Int>,
    positions: &Tensor<1, Int>,
    type_ids: &Tensor<1, Int>,
) -> Tensor<2> {
    let [rows] = ids.dims();
    let mut output = empty([rows, cols], &ids.device());
    let counts: Vec<usize> = tables.word.iter().map(View::count).collect();
    for (word, piece) in tables.word.iter().zip(Piece::all(&counts, cols)) {
        let looked_up = [
            (Some(word), ids),
            (tables.position, positions),
            (tables.token_type, type_ids),
        ];
        let (views, indices): (Vec<_>, Vec<_>) = looked_up
            .into_iter()
            .filter_map(|(table, index)| Some((table?.0.clone(), ints(index))))
            .unzip();
        let op = Embedding {
            rows,
            cols,
            position: tables.position.is_some(),
            token_type: tables.token_type.is_some(),
            piece,
        };
        // Every row is written by the piece that has its word.
        [output] = run(&op, &views, &indices, [output]);
    }
    tensor(output)
}

impl Kernel for Embedding {
    fn launch(&self, _: Class) -> Launch {
        let flags = [
            ("position", self.position),
            ("token_type", self.token_type),
            ("part", self.piece.is_part),
        ];
        Launch {
            variant: Variant::shader(EMBEDDING, &flags),
            extent: Extent::Line(self.rows * self.cols / 4),
            params: (Params::default().int(self.rows).int(self.cols / 4))
                .int(self.piece.first)
                .int(self.piece.entries),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let cols = self.cols;
        outputs[0]
            .par_chunks_mut(cols)
            .enumerate()
            .for_each(|(row, output)| {
                let Some(word) = self.piece.place(indices[0][row]) else {
                    return;
                };
                output.copy_from_slice(&floats[0][word * cols..][..cols]);
                for (table, index) in floats.iter().zip(indices).skip(1) {
                    let entry = &table[index[row] as usize * cols..][..cols];
                    for (sum, value) in output.iter_mut().zip(entry) {
                        *sum += value;
                    }
                }
            });
    }
}

struct ScatterAdd {
    rows: usize,
    cols: usize,
    skip: Option<u32>,
    piece: Piece,
}

/// Adds row `r` of `x` `[rows, cols]` to row `index[r]` of the gradient at `table`, in order, leaving
/// out the rows of the index `skip` (`nn.Embedding`'s `padding_idx`, whose gradient PyTorch keeps at
/// zero). The table may lie in several pieces of whole rows, one after the other. Where it has not all the rows
/// that the index names, as `has_all` says, the others are left out too. Nothing is added where `gradients` have no room
/// for the table.
pub fn scatter_add(
    x: &Tensor<2>,
    index: &Tensor<1, Int>,
    skip: Option<u32>,
    gradients: &mut Blocks,
    (table, has_all): (&[Slot], bool),
) {
    if !table.iter().all(|slot| gradients.has(*slot)) {
        return;
    }
    let [rows, cols] = x.dims();
    let counts: Vec<usize> = table.iter().map(|slot| slot.count).collect();
    for (slot, mut piece) in table.iter().zip(Piece::all(&counts, cols)) {
        piece.is_part |= !has_all;
        let op = ScatterAdd {
            rows,
            cols,
            skip,
            piece,
        };
        let inputs = [floats(x.clone())];
        run_in_place(&op, &inputs, &[ints(index)], gradients, &[*slot]);
    }
}

impl Kernel for ScatterAdd {
    fn launch(&self, class: Class) -> Launch {
        let skip = self.skip.unwrap_or(u32::MAX);
        let group = class.is_gpu() && self.rows <= MAX_WORKGROUPS as usize;
        let extent = if group {
            Extent::Grid(self.cols / 4, self.rows, 1)
        } else {
            Extent::Line(self.cols / 4)
        };
        Launch {
            variant: Variant::shader(
                SCATTER_ADD,
                &[("group", group), ("part", self.piece.is_part)],
            ),
            extent,
            params: Params::default()
                .int(self.rows)
                .int(self.cols / 4)
                .int(skip as usize)
                .int(self.piece.first)
                .int(self.piece.entries),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        for (x, &index) in floats[0].chunks(self.cols).zip(indices[0]) {
            let Some(place) = self.piece.place(index) else {
                continue;
            };
            if self.skip == Some(index as u32) {
                continue;
            }
            let entry = &mut outputs[0][place * self.cols..][..self.cols];
            for (sum, value) in entry.iter_mut().zip(x) {
                *sum += value;
            }
        }
    }
}

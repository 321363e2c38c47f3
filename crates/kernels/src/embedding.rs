//! Looking up embedding rows, and adding gradients back to them.

use burn::tensor::{Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{EMBEDDING, SCATTER_ADD};

use crate::blocks::{Blocks, Slot, View};
use crate::buffer::{empty, floats, ints, tensor};
use crate::kernel::{
    Class, Extent, Kernel, Launch, MAX_WORKGROUPS, Params, Variant, run, run_in_place,
};

struct Embedding {
    rows: usize,
    cols: usize,
    seq: usize,
}

/// `word[ids[r]] + position[r % seq] + token_type[type_ids[r]]`: tables `[entries, cols]`, ids
/// `[batch * seq]`, below the tables' entries, give `[batch * seq, cols]`.
pub fn embedding(
    [word, position, token_type]: [&View; 3],
    cols: usize,
    ids: &Tensor<1, Int>,
    type_ids: &Tensor<1, Int>,
    seq: usize,
) -> Tensor<2> {
    let [rows] = ids.dims();
    let tables = [word, position, token_type].map(|table| table.0.clone());
    let output = empty([rows, cols], &ids.device());
    let op = Embedding { rows, cols, seq };
    let [output] = run(&op, &tables, &[ints(ids), ints(type_ids)], [output]);
    tensor(output)
}

impl Kernel for Embedding {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(EMBEDDING, &[]),
            extent: Extent::Line(self.rows * self.cols / 4),
            params: Params::default()
                .int(self.rows)
                .int(self.cols / 4)
                .int(self.seq),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let cols = self.cols;
        let entry = |table: &'_ [f32], index: usize, c: usize| table[index * cols + c];
        outputs[0]
            .par_chunks_mut(cols)
            .enumerate()
            .for_each(|(row, output)| {
                let (id, type_id) = (indices[0][row] as usize, indices[1][row] as usize);
                for (c, output) in output.iter_mut().enumerate() {
                    *output = entry(floats[0], id, c)
                        + entry(floats[1], row % self.seq, c)
                        + entry(floats[2], type_id, c);
                }
            });
    }
}

struct ScatterAdd {
    rows: usize,
    cols: usize,
    skip: Option<u32>,
}

/// Adds row `r` of `x` `[rows, cols]` to row `index[r]` of the gradient at `table`, in order, leaving
/// out the rows of the index `skip` (`nn.Embedding`'s `padding_idx`, whose gradient PyTorch keeps at
/// zero).
pub fn scatter_add(
    x: &Tensor<2>,
    index: &Tensor<1, Int>,
    skip: Option<u32>,
    gradients: &mut Blocks,
    table: Slot,
) {
    let [rows, cols] = x.dims();
    let op = ScatterAdd { rows, cols, skip };
    let inputs = [floats(x.clone())];
    run_in_place(&op, &inputs, &[ints(index)], gradients, &[table]);
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
            variant: Variant::shader(SCATTER_ADD, &[("group", group)]),
            extent,
            params: Params::default()
                .int(self.rows)
                .int(self.cols / 4)
                .int(skip as usize),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        for (x, &index) in floats[0].chunks(self.cols).zip(indices[0]) {
            if self.skip == Some(index as u32) {
                continue;
            }
            let entry = &mut outputs[0][index as usize * self.cols..][..self.cols];
            for (sum, value) in entry.iter_mut().zip(x) {
                *sum += value;
            }
        }
    }
}

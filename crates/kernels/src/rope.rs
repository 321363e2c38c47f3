//! Rotary positions: queries and keys are turned by angles that grow with the token's position, so that
//! their products depend on distances alone (Su et al., "RoFormer", arXiv 2104.09864).

use burn::tensor::Tensor;
use rayon::prelude::*;
use tunesmith_shaders::ROPE;

use crate::attention::Attention;
use crate::buffer::{Precision, empty, empty_in, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::packing::{Packing, sequence_of};

struct Rope {
    rows: usize,
    batch: usize,
    heads: usize,
    head_dim: usize,
    backward: bool,
}

/// Turns the pairs `(x[t], x[t + head_dim / 2])` of every head of query and key by the angles of the token's
/// position within its sequence, and copies the value: transformers' `rotate_half`. `qkv` is
/// `[tokens, 3 * hidden]` as for [`crate::attention`], `table` `[longest, head_dim]`: of each position the
/// cosines of its `head_dim / 2` angles, then their sines. With `backward` it turns back, which is the
/// gradient of the turning: `qkv` is then a gradient of that shape.
pub fn rope(
    shape: &Attention,
    qkv: &Tensor<2>,
    packing: &Packing,
    table: &Tensor<2>,
    backward: bool,
) -> Tensor<2> {
    let [rows, width] = qkv.dims();
    let op = Rope {
        rows,
        batch: packing.batch,
        heads: shape.heads,
        head_dim: shape.head_dim,
        backward,
    };
    let inputs = [floats(qkv.clone()), floats(table.clone())];
    // Whole fours of half a head.
    let output = match (shape.head_dim / 2).is_multiple_of(4) {
        true => empty_in(Precision::of(qkv), [rows, width], &qkv.device()),
        false => empty([rows, width], &qkv.device()),
    };
    let [output] = run(&op, &inputs, &[packing.words()], [output]);
    tensor(output)
}

impl Kernel for Rope {
    fn launch(&self, _: Class) -> Launch {
        let half = self.head_dim / 2;
        let fours = half.is_multiple_of(4);
        let pairs = if fours { half / 4 } else { half };
        let flags = [
            ("backward", self.backward),
            ("fours", fours),
            ("scalar", !fours),
        ];
        let lanes = self.rows * 3 * self.heads * pairs;
        Launch {
            variant: Variant::shader(ROPE, &flags),
            extent: Extent::Line(lanes),
            params: Params::default()
                .int(lanes)
                .int(pairs)
                .int(3 * self.heads)
                .int(2 * self.heads)
                .int(self.batch)
                .int(0)
                .int(0)
                .int(0),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let (dim, half) = (self.head_dim, self.head_dim / 2);
        let (qkv, table) = (floats[0], floats[1]);
        let width = 3 * self.heads * dim;
        let sign = if self.backward { -1.0 } else { 1.0 };
        outputs[0]
            .par_chunks_mut(width)
            .zip(qkv.par_chunks(width))
            .enumerate()
            .for_each(|(row, (output, qkv))| {
                let position = row - sequence_of(indices[0], self.batch, row).1.first;
                let (cosines, sines) = table[position * dim..][..dim].split_at(half);
                let turned = 2 * self.heads * dim;
                let heads = output[..turned].chunks_mut(dim).zip(qkv.chunks(dim));
                for (output, head) in heads {
                    for t in 0..half {
                        let (x, y, sine) = (head[t], head[t + half], sign * sines[t]);
                        output[t] = x * cosines[t] - y * sine;
                        output[t + half] = y * cosines[t] + x * sine;
                    }
                }
                output[turned..].copy_from_slice(&qkv[turned..]);
            });
    }
}

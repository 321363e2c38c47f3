//! Dropout from a counter: nothing is stored, the mask is drawn again where it is needed.

use burn::tensor::{Device, Int, Tensor};
use rayon::prelude::*;
use tunesmith_shaders::{ADD, DROPOUT};

use crate::buffer::{Buffer, Precision, empty_in, floats, indices, ints, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::math::in_vectors;
use crate::philox::philox;

/// What the masks over the rows of a tensor are drawn by: seed, optimizer step, and each row's name. A name
/// doesn't depend on where the row lies in memory, so that padding, micro-batches and devices don't change a
/// run's noise.
#[derive(Debug, Clone)]
pub struct Noise {
    /// `[4 + 2 * rows]`: the seed, low word first, the step, nothing, and each row's name.
    words: Tensor<1, Int>,
}

/// Words before the first name.
const HEADER: usize = 4;

impl Noise {
    /// Of rows with these names: a token's position in its sequence, below 65,536, and the sequence's place
    /// among all of the step's.
    pub fn new(
        seed: u64,
        step: u32,
        names: impl IntoIterator<Item = [u32; 2]>,
        device: &Device,
    ) -> Self {
        let mut words = vec![seed as u32, (seed >> 32) as u32, step, 0];
        words.extend(names.into_iter().flatten());
        Self {
            words: indices(&words, device),
        }
    }
}

/// One dropout site of one step, or none: it names its mask completely.
///
/// The element (row, column) of a `[rows, cols]` tensor is kept where Philox4x32-10 of the counter
/// (column / 4, position + 65,536 * head, place, step) under the key (seed low, seed high + site) gives, in
/// its word column % 4, at least p * 2^32. The head is that of an attention's probabilities, else 0.
#[derive(Debug, Clone)]
pub struct Dropout(Option<Site>);

#[derive(Debug, Clone)]
struct Site {
    p: f32,
    number: u32,
    noise: Noise,
}

impl Dropout {
    /// Nothing is dropped.
    pub const NONE: Self = Self(None);

    /// Drops elements with probability `p`, in `[0, 1)`, at a place in the model; no two places share a number.
    pub fn new(p: f32, site: u32, noise: &Noise) -> Self {
        Self((p > 0.0).then(|| Site {
            p,
            number: site,
            noise: noise.clone(),
        }))
    }

    /// Whether anything is dropped.
    pub fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// What a kernel with a mask is given besides, as the last of its indices.
    pub(crate) fn noise(&self) -> Option<Buffer> {
        self.0.as_ref().map(|site| ints(&site.noise.words))
    }

    /// The three words that every shader with a mask ends its parameters with.
    pub(crate) fn params(&self, params: Params) -> Params {
        match &self.0 {
            Some(site) => params
                .int(site.number as usize)
                .int(site.threshold() as usize)
                .float(site.keep_scale()),
            None => params.int(0).int(0).float(1.0),
        }
    }

    /// Multiplies a row, starting at its first column, by its factors (0 or 1 / (1 - p)); `noise` is what
    /// [`noise`](Self::noise) holds.
    pub(crate) fn apply_row(&self, noise: &[i32], row: usize, head: usize, values: &mut [f32]) {
        if let Some(site) = &self.0 {
            let draw = site.draw(noise, row, head as u32);
            in_vectors(|| draw.apply(values));
        }
    }
}

impl Site {
    fn threshold(&self) -> u32 {
        (f64::from(self.p) * 4_294_967_296.0) as u32
    }

    fn keep_scale(&self) -> f32 {
        1.0 / (1.0 - self.p)
    }

    fn draw(&self, noise: &[i32], row: usize, head: u32) -> Draw {
        let word = |at: usize| noise[at] as u32;
        let [position, place] = [0, 1].map(|part| word(HEADER + 2 * row + part));
        Draw {
            key: [word(0), word(1).wrapping_add(self.number)],
            rest: [position | head << 16, place, word(2)],
            threshold: self.threshold(),
            scale: self.keep_scale(),
        }
    }
}

/// Blocks of four columns that are drawn together.
const BLOCKS: usize = 16;

/// What a row's mask is drawn by.
struct Draw {
    key: [u32; 2],
    /// A counter's words after the first.
    rest: [u32; 3],
    threshold: u32,
    scale: f32,
}

impl Draw {
    #[inline(always)]
    fn apply(&self, values: &mut [f32]) {
        for (chunk, values) in values.chunks_mut(4 * BLOCKS).enumerate() {
            let first = (chunk * BLOCKS) as u32;
            let blocks = std::array::from_fn(|block| first + block as u32);
            let [position, place, step] = self.rest.map(|word| [word; BLOCKS]);
            let bits = philox([blocks, position, place, step], self.key);
            let mut factors = [0.0; 4 * BLOCKS];
            for (block, factors) in factors.chunks_mut(4).enumerate() {
                for (bits, factor) in bits.iter().zip(factors) {
                    let kept = bits[block] >= self.threshold;
                    *factor = if kept { self.scale } else { 0.0 };
                }
            }
            for (value, factor) in values.iter_mut().zip(&factors) {
                *value *= factor;
            }
        }
    }
}

struct Op {
    rows: usize,
    cols: usize,
    dropout: Dropout,
}

/// `x` with its mask applied, `[rows, cols]`; over a gradient it is its own backward pass.
pub fn dropout(x: Tensor<2>, dropout: &Dropout) -> Tensor<2> {
    let Some(noise) = dropout.noise() else {
        return x;
    };
    let [rows, cols] = x.dims();
    let output = empty_in(Precision::of(&x), [rows, cols], &x.device());
    let op = Op {
        rows,
        cols,
        dropout: dropout.clone(),
    };
    let [output] = run(&op, &[floats(x)], &[noise], [output]);
    tensor(output)
}

impl Kernel for Op {
    fn launch(&self, class: Class) -> Launch {
        let fours = self.cols.is_multiple_of(4);
        let cols = if fours { self.cols / 4 } else { self.cols };
        let flags = [
            ("fours", fours),
            ("scalar", !fours),
            ("group", class.is_gpu()),
        ];
        Launch {
            variant: Variant::shader(DROPOUT, &flags),
            extent: Extent::Rows(self.rows),
            params: self
                .dropout
                .params(Params::default().int(self.rows).int(cols)),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        outputs[0]
            .par_chunks_mut(self.cols)
            .zip(floats[0].par_chunks(self.cols))
            .enumerate()
            .for_each(|(row, (values, x))| {
                values.copy_from_slice(x);
                self.dropout.apply_row(indices[0], row, 0, values);
            });
    }
}

struct Add {
    rows: usize,
    cols: usize,
    dropout: Dropout,
}

/// `residual + dropout(x)`, `[rows, cols]`, `cols` a multiple of 4, stored as the residual is. The gradient of `residual` is that of the
/// sum, and that of `x` is [`dropout`] of it.
pub fn add(residual: &Tensor<2>, x: &Tensor<2>, dropout: &Dropout) -> Tensor<2> {
    let [rows, cols] = x.dims();
    let op = Add {
        rows,
        cols,
        dropout: dropout.clone(),
    };
    let inputs = [floats(residual.clone()), floats(x.clone())];
    let noise: Vec<_> = dropout.noise().into_iter().collect();
    let sum = empty_in(Precision::of(residual), [rows, cols], &x.device());
    let [sum] = run(&op, &inputs, &noise, [sum]);
    tensor(sum)
}

impl Kernel for Add {
    fn launch(&self, class: Class) -> Launch {
        let flags = [
            ("dropout", self.dropout.is_active()),
            ("group", class.is_gpu()),
        ];
        let params = Params::default().int(self.rows).int(self.cols / 4);
        Launch {
            variant: Variant::shader(ADD, &flags),
            extent: Extent::Rows(self.rows),
            params: self.dropout.params(params),
        }
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let cols = self.cols;
        let noise = indices.first().copied().unwrap_or_default();
        outputs[0]
            .par_chunks_mut(cols)
            .zip(floats[0].par_chunks(cols).zip(floats[1].par_chunks(cols)))
            .enumerate()
            .for_each(|(row, (sum, (residual, x)))| {
                sum.copy_from_slice(x);
                self.dropout.apply_row(noise, row, 0, sum);
                for (sum, residual) in sum.iter_mut().zip(residual) {
                    *sum += residual;
                }
            });
    }
}

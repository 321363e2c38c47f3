//! The matrix product behind every linear layer and the attention.

use burn::tensor::Device;
use rayon::prelude::*;
pub(crate) use tunesmith_shaders::{Epilogue, Sizes};
use tunesmith_shaders::{Gemm, Layout, Sharing, Tile};

use crate::blocks::{Blocks, Slot};
use crate::buffer::Buffer;
use crate::half::Cast;
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run, run_in_place};
use crate::matrix::{Multiplication, Operand};
use crate::packing::{Packing, sequence};

mod parts;
#[cfg(test)]
mod tests;

/// Multiplications from which on the choice of a tile counts, and the largest is worth its compiling, which
/// takes a second: a small model's steps are done before that.
pub(crate) const WORTH_CHOOSING: usize = 4 << 20;

/// Workgroups that keep a large GPU busy: where a product has fewer of the larger tiles it takes smaller ones,
/// and where it has fewer of these and a long k, parts over k.
const WORKGROUPS: usize = 512;

/// A batch of products: index `z` splits into `(z / inner, z % inner)`, each with a stride in
/// elements for every matrix, so that heads are addressed where they lie and never moved. A stride may lead
/// back: it is then below zero in two's complement, as `wrapping_sub` gives it, here and in the shader.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    pub(crate) a: [usize; 2],
    pub(crate) b: [usize; 2],
    pub(crate) c: [usize; 2],
}

impl Batch {
    pub(crate) const ONE: Self = Self {
        outer: 1,
        inner: 1,
        a: [0; 2],
        b: [0; 2],
        c: [0; 2],
    };
}

/// The element of each matrix's buffer at which the matrix starts; a multiple of 4.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Start {
    pub(crate) a: usize,
    pub(crate) b: usize,
    pub(crate) c: usize,
}

/// `C = alpha * op(A) * op(B) (+ bias) (+ C)` with `op(A)` `[m, k]`, `op(B)` `[k, n]`; `ld*` are the
/// distances in elements between the rows as they are stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Product {
    pub(crate) layout: Layout,
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) lda: usize,
    pub(crate) ldb: usize,
    pub(crate) ldc: usize,
    pub(crate) start: Start,
    pub(crate) batch: Batch,
    pub(crate) alpha: f32,
    pub(crate) accumulate: bool,
    pub(crate) epilogue: Epilogue,
    /// A and B are one buffer, which is given once.
    pub(crate) one_input: bool,
    /// C holds halves, of which a lane writes four at a time.
    pub(crate) half: bool,
    /// What decides the sizes: where it's the sequences of a [`Packing`], `outer` counts them, `inner` the
    /// heads, and sizes and distances that are a sequence's tokens and stride hold those of the longest.
    pub(crate) sizes: Sizes,
}

/// One product of a batch: its sizes, the distances of its rows, and where its matrices start.
struct One {
    m: usize,
    n: usize,
    k: usize,
    lda: usize,
    ldb: usize,
    ldc: usize,
    at: [usize; 3],
}

impl Product {
    /// Runs it on A, B (unless they are one) and, with [`Epilogue::Bias`], the bias; where `vec4` tiles apply, columns of C
    /// up to the next multiple of 4 are written.
    pub(crate) fn run(&self, inputs: &[Buffer], c: Buffer) -> Buffer {
        self.run_over(inputs, &[], c)
    }

    /// The same by the sequences of a batch.
    pub(crate) fn run_packed(&self, inputs: &[Buffer], packing: &Packing, c: Buffer) -> Buffer {
        self.run_over(inputs, &[packing.words()], c)
    }

    fn run_over(&self, inputs: &[Buffer], indices: &[Buffer], c: Buffer) -> Buffer {
        let half = c.is_half();
        let op = Self { half, ..*self };
        let scalar = |class| half && op.tile(class) == Tile::SCALAR;
        let unrounded = c.class().filter(|class| scalar(*class)).and(c.unrounded());
        let Some(mut floats) = unrounded else {
            let [c] = run(&op, inputs, indices, [c]);
            return c;
        };
        // Rows that aren't whole fours: C goes to floats and back.
        let cast = Cast {
            fours: c.count() / 4,
        };
        [floats] = run(&cast, std::slice::from_ref(&c), &[], [floats]);
        [floats] = run(&op, inputs, indices, [floats]);
        let [c] = run(&cast, &[floats], &[], [c]);
        c
    }

    /// Runs it on A and B, on a device, with C and, with [`Epilogue::RowSums`], the sums in `blocks`.
    pub(crate) fn run_in_place(
        &self,
        inputs: &[Buffer],
        device: &Device,
        blocks: &mut Blocks,
        slots: &[Slot],
    ) {
        match inputs[0].class().and_then(|class| self.parts(class)) {
            Some(parts) => parts.run_in_place(inputs, device, blocks, slots),
            None => run_in_place(self, inputs, &[], blocks, slots),
        }
    }

    /// Multiplications.
    fn work(&self) -> usize {
        self.batch.outer * self.batch.inner * self.m * self.n * self.k
    }

    // Four floats at a time need every row they are read from and written to to start aligned.
    fn tile(&self, class: Class) -> Tile {
        let Batch { a, b, c, .. } = self.batch;
        let aligned = |values: &[usize]| values.iter().all(|value| value.is_multiple_of(4));
        let columns = aligned(&[self.ldb, self.ldc, b[0], b[1], c[0], c[1]])
            && self.n.next_multiple_of(4) <= self.ldc
            && (self.epilogue != Epilogue::Bias || self.n.is_multiple_of(4));
        let a_rows = aligned(&[self.lda, a[0], a[1]]);
        let rows = match self.layout {
            Layout::Nt => a_rows && self.k.is_multiple_of(4),
            Layout::Nn | Layout::Tn => self.n.next_multiple_of(4) <= self.ldb,
        };
        if !(columns && rows) {
            return Tile::SCALAR;
        }
        // Lanes that share what they load read A four floats at a time too.
        let shares = a_rows
            && match self.layout {
                Layout::Nn | Layout::Nt => self.k.next_multiple_of(4) <= self.lda,
                Layout::Tn => {
                    self.m.next_multiple_of(4) <= self.lda
                        && (self.epilogue != Epilogue::RowSums || self.m.is_multiple_of(4))
                }
            };
        let large = self.work() >= WORTH_CHOOSING;
        let can_run = |tile: &Tile| {
            tile.runs_with(class.subgroup)
                && tile.suits(self.m, self.n)
                && (shares || tile.sharing == Sharing::None)
        };
        let timed = class.tiles.map(|tiles| tiles[self.layout as usize]);
        if let Some(tile) = timed.filter(|tile| large && can_run(tile)) {
            return tile;
        }
        match class.subgroup {
            _ if class.is_gpu() && shares => self.staged(),
            _ if class.is_gpu() => Tile::SMALL,
            Some(lanes) if shares => Tile::shared(lanes).unwrap_or(Tile::LARGE),
            Some(_) if large => Tile::LARGE,
            Some(_) if self.half => Tile::SMALL,
            // The classifier's, of as many columns as there are labels.
            Some(_) => Tile::SCALAR,
            None if large => Tile::LARGEST,
            None => Tile::SMALL,
        }
    }

    // For a GPU: the largest tile of which there are enough.
    fn staged(&self) -> Tile {
        let products = self.batch.outer * self.batch.inner;
        let enough = |tile: &Tile| {
            tile.suits(self.m, self.n) && products * tile.count(self.m, self.n) >= WORKGROUPS
        };
        let larger = [Tile::STAGED_128, Tile::STAGED_64];
        larger.into_iter().find(enough).unwrap_or(Tile::STAGED)
    }
}

impl Kernel for Product {
    fn launch(&self, class: Class) -> Launch {
        self.launch_tile(self.tile(class))
    }

    fn plain(&self, floats: &[&[f32]], indices: &[&[i32]], outputs: &mut [&mut [f32]]) {
        let words = indices.first().copied().unwrap_or_default();
        let count = self.batch.outer * self.batch.inner;
        let (a, b) = (floats[0], floats[usize::from(!self.one_input)]);
        let c = Pointer(outputs[0].as_mut_ptr(), outputs[0].len());
        if self.epilogue == Epilogue::Bias {
            for row in outputs[0].chunks_mut(self.ldc).take(self.m) {
                row[..self.n].copy_from_slice(&floats[2][..self.n]);
            }
        }
        if count == 1 {
            self.one(a, b, &c, &self.at(0, words), true);
        } else {
            // Each z writes its own part of C: `Batch` strides never overlap.
            (0..count)
                .into_par_iter()
                .for_each(|z| self.one(a, b, &c, &self.at(z, words), false));
        }
        if self.epilogue == Epilogue::RowSums {
            for (z, sums) in outputs[1].chunks_mut(self.m).enumerate() {
                if self.sizes == Sizes::Parts {
                    sums.fill(0.0);
                }
                let columns = a.chunks(self.lda).skip(z * self.part());
                for column in columns.take(self.at(z, words).k) {
                    for (sum, value) in sums.iter_mut().zip(column) {
                        *sum += value;
                    }
                }
            }
        }
    }
}

impl Product {
    fn launch_tile(&self, tile: Tile) -> Launch {
        let Batch {
            outer,
            inner,
            a,
            b,
            c,
        } = self.batch;
        let params = Params::default()
            .int(self.m)
            .int(self.n)
            .int(self.k)
            .int(self.lda)
            .int(self.ldb)
            .int(self.ldc)
            .int(inner)
            .int(a[0])
            .int(a[1])
            .int(b[0])
            .int(b[1])
            .int(c[0])
            .int(c[1])
            .int(self.start.a)
            .int(self.start.b)
            .int(self.start.c)
            .float(self.alpha)
            .int(usize::from(self.accumulate))
            .int(tile.rows as usize)
            .int(self.part());
        Launch {
            variant: Variant::Gemm(Gemm {
                layout: self.layout,
                tile,
                epilogue: self.epilogue,
                one_input: self.one_input,
                sizes: self.sizes,
            }),
            extent: Extent::Grid(
                self.n.div_ceil(tile.cols as usize) * tile.lanes as usize,
                self.m.div_ceil(tile.rows as usize),
                outer * inner,
            ),
            params,
        }
    }
}

/// A buffer that several threads write disjoint parts of.
struct Pointer(*mut f32, usize);

// SAFETY: `Product::plain` gives every thread its own `z`, whose elements of C no other `z` has.
unsafe impl Sync for Pointer {}

impl Product {
    /// The product `z` of the batch; `words` are the packing's, where sizes are by sequence.
    fn at(&self, z: usize, words: &[i32]) -> One {
        let Batch {
            inner: heads,
            a,
            b,
            c,
            ..
        } = self.batch;
        let (outer, inner) = (z / heads, z % heads);
        let Start {
            a: a_start,
            b: b_start,
            c: c_start,
        } = self.start;
        let at = |strides: [usize; 2], start: usize| {
            let outer = outer.wrapping_mul(strides[0]);
            let inner = inner.wrapping_mul(strides[1]);
            start.wrapping_add(outer).wrapping_add(inner)
        };
        let given = One {
            m: self.m,
            n: self.n,
            k: self.k,
            lda: self.lda,
            ldb: self.ldb,
            ldc: self.ldc,
            at: [at(a, a_start), at(b, b_start), at(c, c_start)],
        };
        match self.sizes {
            Sizes::Given => return given,
            Sizes::Parts => {
                let part = self.part();
                let k = part.min(self.k - outer * part);
                return One { k, ..given };
            }
            Sizes::ToScores | Sizes::FromScores => {}
        }
        let sequence = sequence(words, outer);
        let (length, stride) = (sequence.length, sequence.stride());
        let scores = sequence.start(inner, heads);
        let rows =
            |start: usize, width: usize, head: usize| start + sequence.first * width + inner * head;
        match self.sizes {
            Sizes::Given | Sizes::Parts => given,
            Sizes::ToScores => One {
                m: length,
                n: length,
                ldc: stride,
                at: [
                    rows(a_start, self.lda, a[1]),
                    rows(b_start, self.ldb, b[1]),
                    scores,
                ],
                ..given
            },
            Sizes::FromScores => One {
                m: length,
                k: length,
                lda: stride,
                at: [
                    scores,
                    rows(b_start, self.ldb, b[1]),
                    rows(c_start, self.ldc, c[1]),
                ],
                ..given
            },
        }
    }

    /// `alone`: whether it has the machine to itself.
    fn one(&self, a: &[f32], b: &[f32], c: &Pointer, one: &One, alone: bool) {
        let One {
            m,
            n,
            k,
            lda,
            ldb,
            ldc,
            at: [a_at, b_at, c_at],
        } = *one;
        let (a_across, a_along) = match self.layout {
            Layout::Nn | Layout::Nt => (lda, 1),
            Layout::Tn => (1, lda),
        };
        let (b_across, b_along) = match self.layout {
            Layout::Nn | Layout::Tn => (1, ldb),
            Layout::Nt => (ldb, 1),
        };
        assert!(
            c_at + m.saturating_sub(1) * ldc + n.saturating_sub(1) < c.1,
            "C is smaller than its product"
        );
        let product = Multiplication {
            m,
            n,
            k,
            a: Operand {
                elements: &a[a_at..],
                across: a_across,
                along: a_along,
            },
            b: Operand {
                elements: &b[b_at..],
                across: b_across,
                along: b_along,
            },
            c: c.0.wrapping_add(c_at),
            ldc,
            alpha: self.alpha,
            accumulate: self.accumulate || self.epilogue == Epilogue::Bias,
        };
        // SAFETY: the assert above keeps C's elements inside its slice, and no other thread touches this part
        // of C.
        unsafe { product.run(alone) };
    }
}

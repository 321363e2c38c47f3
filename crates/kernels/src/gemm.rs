//! The matrix product behind every linear layer and the attention.

use gemm::Parallelism;
use rayon::prelude::*;
pub(crate) use tunesmith_shaders::{Epilogue, Sizes};
use tunesmith_shaders::{Gemm, Layout, Sharing, Tile};

use crate::blocks::{Blocks, Slot};
use crate::buffer::Buffer;
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run, run_in_place};
use crate::packing::{Packing, sequence};

/// Multiplications from which on the choice of a tile counts, and the largest is worth its compiling, which
/// takes a second: a small model's steps are done before that.
pub(crate) const WORTH_CHOOSING: usize = 4 << 20;

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
        let [c] = run(self, inputs, &[], [c]);
        c
    }

    /// The same by the sequences of a batch.
    pub(crate) fn run_packed(&self, inputs: &[Buffer], packing: &Packing, c: Buffer) -> Buffer {
        let [c] = run(self, inputs, &[packing.words()], [c]);
        c
    }

    /// Runs it on A and B with C and, with [`Epilogue::RowSums`], the sums in `blocks`.
    pub(crate) fn run_in_place(&self, inputs: &[Buffer], blocks: &mut Blocks, slots: &[Slot]) {
        run_in_place(self, inputs, &[], blocks, slots);
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
            _ if class.is_gpu() && shares => Tile::STAGED,
            _ if class.is_gpu() => Tile::SMALL,
            Some(lanes) if shares => Tile::shared(lanes).unwrap_or(Tile::LARGE),
            Some(_) if large => Tile::LARGE,
            // The classifier's, of as many columns as there are labels.
            Some(_) => Tile::SCALAR,
            None if large => Tile::LARGEST,
            None => Tile::SMALL,
        }
    }
}

/// For a product that has the machine to itself.
fn all_cores() -> Parallelism {
    #[cfg(not(target_arch = "wasm32"))]
    let parallelism = Parallelism::Rayon(0);
    #[cfg(target_arch = "wasm32")]
    let parallelism = Parallelism::None;
    parallelism
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
            self.one(a, b, &c, &self.at(0, words), all_cores());
        } else {
            // Each z writes its own part of C: `Batch` strides never overlap.
            (0..count)
                .into_par_iter()
                .for_each(|z| self.one(a, b, &c, &self.at(z, words), Parallelism::None));
        }
        if self.epilogue == Epilogue::RowSums {
            for column in a.chunks(self.lda).take(self.k) {
                for (sum, value) in outputs[1].iter_mut().zip(column) {
                    *sum += value;
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
            .int(tile.rows as usize);
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
        if self.sizes == Sizes::Given {
            return given;
        }
        let sequence = sequence(words, outer);
        let (length, stride) = (sequence.length, sequence.stride());
        let scores = sequence.start(inner, heads);
        let rows =
            |start: usize, width: usize, head: usize| start + sequence.first * width + inner * head;
        match self.sizes {
            Sizes::Given => given,
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

    fn one(&self, a: &[f32], b: &[f32], c: &Pointer, one: &One, parallelism: Parallelism) {
        let One {
            m,
            n,
            k,
            lda,
            ldb,
            ldc,
            at: [a_at, b_at, c_at],
        } = *one;
        let (a_rs, a_cs) = match self.layout {
            Layout::Nn | Layout::Nt => (lda, 1),
            Layout::Tn => (1, lda),
        };
        let (b_rs, b_cs) = match self.layout {
            Layout::Nn | Layout::Tn => (ldb, 1),
            Layout::Nt => (1, ldb),
        };
        let last = |rows: usize, rs: usize, cols: usize, cs: usize| {
            rows.saturating_sub(1) * rs + cols.saturating_sub(1) * cs
        };
        assert!(
            a_at + last(m, a_rs, k, a_cs) < a.len(),
            "A is smaller than its product"
        );
        assert!(
            b_at + last(k, b_rs, n, b_cs) < b.len(),
            "B is smaller than its product"
        );
        assert!(
            c_at + last(m, ldc, n, 1) < c.1,
            "C is smaller than its product"
        );
        // SAFETY: the asserts above keep every element inside its slice, and no other thread touches
        // this part of C.
        unsafe {
            gemm::gemm(
                m,
                n,
                k,
                c.0.add(c_at),
                1,
                ldc as isize,
                self.accumulate || self.epilogue == Epilogue::Bias,
                a.as_ptr().add(a_at),
                a_cs as isize,
                a_rs as isize,
                b.as_ptr().add(b_at),
                b_cs as isize,
                b_rs as isize,
                1.0,
                self.alpha,
                false,
                false,
                false,
                parallelism,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use burn::tensor::Device;

    use super::*;
    use crate::device::{AdapterKind, ComputeDevice, adapters};
    use crate::testing::{self, Forced, read};

    fn filled(count: usize, salt: f32, device: &Device) -> Buffer {
        testing::filled(count, |i| (i * (1.3 + salt)).sin(), device)
    }

    fn outputs(op: &Product, tile: Tile, device: &Device) -> Vec<Vec<f32>> {
        // One tile of the table.
        let kernel = Forced {
            kernel: op,
            launch: &|| op.launch_tile(tile),
        };
        let padded = |size: usize| size.next_multiple_of(4);
        let a = filled(padded(op.k) * padded(op.m), 0.1, device);
        let b = filled(padded(op.k) * padded(op.n), 0.2, device);
        let c = filled(op.m * op.ldc, 0.3, device);
        match op.epilogue {
            Epilogue::Bias => {
                let bias = filled(op.n, 0.4, device);
                let [c] = run(&kernel, &[a, b, bias], &[], [c]);
                vec![read(c)]
            }
            Epilogue::RowSums => {
                let sums = filled(op.m, 0.5, device);
                run(&kernel, &[a, b], &[], [c, sums]).map(read).to_vec()
            }
            Epilogue::None => {
                let inputs = if op.one_input {
                    let most = padded(op.k) * padded(op.m).max(padded(op.n));
                    vec![filled(most, 0.1, device)]
                } else {
                    vec![a, b]
                };
                let [c] = run(&kernel, &inputs, &[], [c]);
                vec![read(c)]
            }
        }
    }

    /// Every adapter, with the size of its subgroups.
    fn opened() -> Vec<(ComputeDevice, Option<u32>)> {
        let opened = pollster::block_on(async {
            let mut opened = Vec::new();
            for adapter in adapters().await {
                let device = adapter.open_with_webgpu_defaults("test").await.unwrap();
                opened.push((device, adapter.subgroup_size));
            }
            opened
        });
        let renderer =
            |(device, _): &(ComputeDevice, _)| device.kind == Some(AdapterKind::Software);
        assert!(
            opened.iter().any(renderer),
            "no software renderer: run `cargo xtask test`"
        );
        opened
    }

    /// Every tile is right on every adapter that can run it, not only on the one that is given it: with
    /// subgroups, without them, and as a GPU would.
    #[test]
    fn every_tile_equals_the_plain_product() {
        let opened = opened();
        let mut tiles = 0;
        // Whole tiles, parts of them, and rows, columns and steps that don't fill a vector.
        for (m, n, k) in [
            (4, 4, 4),
            (36, 100, 64),
            (64, 32, 68),
            (37, 7, 8),
            (5, 35, 7),
            (100, 68, 36),
        ] {
            let given = |gemm: &Gemm| gemm.sizes == Sizes::Given;
            for gemm in Gemm::variants().into_iter().filter(given) {
                let [m4, n4, k4] = [m, n, k].map(|size: usize| size.next_multiple_of(4));
                let (lda, ldb) = match gemm.layout {
                    Layout::Nn => (k4, n4),
                    Layout::Nt => (k4, k4),
                    Layout::Tn => (m4, n4),
                };
                // What `Product::tile` asks of a tile that reads vectors.
                let whole = match (gemm.layout, gemm.epilogue) {
                    (Layout::Nt, Epilogue::Bias) => k == k4 && n == n4,
                    (Layout::Nt, _) => k == k4,
                    (_, Epilogue::RowSums) => m == m4,
                    _ => true,
                };
                if gemm.tile.vec4 && !whole {
                    continue;
                }
                let op = Product {
                    layout: gemm.layout,
                    m,
                    n,
                    k,
                    lda,
                    ldb,
                    ldc: n4,
                    start: Start::default(),
                    batch: Batch::ONE,
                    alpha: 0.5,
                    accumulate: gemm.epilogue != Epilogue::Bias,
                    epilogue: gemm.epilogue,
                    one_input: gemm.one_input,
                    sizes: Sizes::Given,
                };
                let wanted = outputs(&op, gemm.tile, &Device::flex());
                for (device, lanes) in &opened {
                    if !gemm.tile.runs_with(*lanes) {
                        continue;
                    }
                    tiles += 1;
                    let got = outputs(&op, gemm.tile, &device.device);
                    let label = format!("{gemm:?} {m}x{n}x{k} on {}", device.name);
                    assert_eq!(device.failure(), None, "{label}");
                    let padding = |i: usize| i % n4 >= n;
                    let numbers = got.iter().zip(&wanted).flat_map(|(got, wanted)| {
                        let is_c = wanted.len() == m * n4;
                        let pairs = got.iter().zip(wanted).enumerate();
                        pairs.filter(move |(i, _)| !is_c || !padding(*i))
                    });
                    for (_, (got, wanted)) in numbers {
                        assert!(
                            (got - wanted).abs() < 2e-5 * (1.0 + wanted.abs()),
                            "{label}: {got}, {wanted}"
                        );
                    }
                }
            }
        }
        assert!(tiles >= 60, "{tiles}");
    }
    const LENGTHS: [u32; 4] = [37, 1, 8, 68];
    const HEADS: usize = 2;
    const HEAD_DIM: usize = 8;

    /// Attention's product of this kind over sequences of [`LENGTHS`], by one tile.
    fn packed(gemm: &Gemm, device: &Device) -> Vec<f32> {
        let packing = Packing::new(&LENGTHS, device);
        let (hidden, longest) = (HEADS * HEAD_DIM, packing.longest);
        let stride = longest.next_multiple_of(4);
        let to_scores = gemm.sizes == Sizes::ToScores;
        // Queries or contexts, keys or values of a projection, and scores.
        let (a_width, b_start) = match (to_scores, gemm.one_input) {
            (true, true) => (3 * hidden, hidden),
            (true, false) => (hidden, 2 * hidden),
            (false, _) => (stride, 2 * hidden),
        };
        let op = Product {
            layout: gemm.layout,
            m: longest,
            n: if to_scores { longest } else { HEAD_DIM },
            k: if to_scores { HEAD_DIM } else { longest },
            lda: a_width,
            ldb: 3 * hidden,
            ldc: if to_scores { stride } else { hidden },
            start: Start {
                a: 0,
                b: b_start,
                c: 0,
            },
            batch: Batch {
                outer: packing.batch,
                inner: HEADS,
                a: [0, HEAD_DIM],
                b: [0, HEAD_DIM],
                c: [0, HEAD_DIM],
            },
            alpha: 0.5,
            accumulate: false,
            epilogue: gemm.epilogue,
            one_input: gemm.one_input,
            sizes: gemm.sizes,
        };
        let (scores, tokens) = (packing.scores(HEADS), packing.tokens);
        let (a, c) = if to_scores {
            (tokens * a_width, scores)
        } else {
            (scores, tokens * hidden)
        };
        let b = filled(tokens * 3 * hidden, 0.2, device);
        let inputs = match gemm.one_input {
            true => vec![b],
            false => vec![filled(a, 0.1, device), b],
        };
        let kernel = Forced {
            kernel: &op,
            launch: &|| op.launch_tile(gemm.tile),
        };
        let c = filled(c, 0.3, device);
        let [c] = run(&kernel, &inputs, &[packing.words()], [c]);
        let c = read(c);
        if !to_scores {
            return c;
        }
        // Behind a row of scores there may be anything.
        let rows = LENGTHS.iter().flat_map(|length| {
            let length = *length as usize;
            std::iter::repeat_n(length, HEADS * length)
        });
        let mut first = 0;
        rows.flat_map(|length| {
            let row = &c[first..first + length];
            first += length.next_multiple_of(4);
            row.to_vec()
        })
        .collect()
    }

    #[test]
    fn every_tile_follows_the_lengths_of_sequences() {
        let opened = opened();
        let mut tiles = 0;
        let packs = |gemm: &Gemm| gemm.sizes != Sizes::Given;
        for gemm in Gemm::variants().into_iter().filter(packs) {
            let wanted = packed(&gemm, &Device::flex());
            for (device, lanes) in &opened {
                if !gemm.tile.runs_with(*lanes) {
                    continue;
                }
                tiles += 1;
                let got = packed(&gemm, &device.device);
                let label = format!("{gemm:?} on {}", device.name);
                assert_eq!(device.failure(), None, "{label}");
                assert_eq!(got.len(), wanted.len(), "{label}");
                for (got, wanted) in got.iter().zip(&wanted) {
                    assert!(
                        (got - wanted).abs() < 2e-5 * (1.0 + wanted.abs()),
                        "{label}: {got}, {wanted}"
                    );
                }
            }
        }
        assert!(tiles >= 40, "{tiles}");
    }
}

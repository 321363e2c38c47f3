//! A product of matrices by tiles that stay in registers. What a tile reads is copied together first, in the
//! order in which it is read (Goto and van de Geijn, "Anatomy of high-performance matrix multiplication",
//! 2008): a panel of B stays in the first cache while all rows of a block of A go by.

use std::ops::Range;

use super::{Multiplication, Operand};

/// Rows of C in a tile, and its columns: 8 registers, and what is read for one step, of the 16 that browsers use
/// on x86. In Chromium 6 x 8, 3 x 12 and 4 x 12 were slower, or no faster.
const ROWS: usize = 4;
const COLUMNS: usize = 8;
const FOURS: usize = COLUMNS / 4;

/// The most steps of k at a time: a panel of either operand takes half of a first cache of 32 KiB.
const DEPTH: usize = 384;

/// The most rows of A at a time: 0.8 MB, for the second cache.
const BLOCK: usize = 512;

/// Four numbers in a register.
pub(super) trait Four: Copy {
    fn splat(value: f32) -> Self;
    fn load(values: &[f32; 4]) -> Self;
    fn store(self, values: &mut [f32; 4]);
    /// `self + a * b`.
    fn add_product(self, a: Self, b: Self) -> Self;
}

/// # Safety
/// That of [`Multiplication::run`].
pub(super) unsafe fn packed<V: Four>(product: &Multiplication<'_>) {
    let Multiplication { m, n, k, ldc, .. } = *product;
    // SAFETY: these are columns of a row of C, which is the caller's alone.
    let row_of_c = |row: usize, columns: &Range<usize>| unsafe {
        let first = product.c.wrapping_add(row * ldc + columns.start);
        std::slice::from_raw_parts_mut(first, columns.len())
    };
    if k == 0 && !product.accumulate {
        (0..m).for_each(|row| row_of_c(row, &(0..n)).fill(0.0));
    }
    let (depth, block) = (share(k, DEPTH), share(m, BLOCK).next_multiple_of(ROWS));
    let mut a_panels = vec![[0.0; ROWS]; block / ROWS * depth];
    let mut b_panel = vec![[0.0; COLUMNS]; depth];
    for steps in parts(0..k, depth) {
        let adds = product.accumulate || steps.start > 0;
        let b_panel = &mut b_panel[..steps.len()];
        for rows in parts(0..m, block) {
            let panels = a_panels.chunks_mut(steps.len());
            for (panel, rows) in panels.zip(parts(rows.clone(), ROWS)) {
                pack(&product.a, rows, steps.clone(), panel);
            }
            for columns in parts(0..n, COLUMNS) {
                pack(&product.b, columns.clone(), steps.clone(), b_panel);
                let panels = a_panels.chunks(steps.len());
                for (panel, rows) in panels.zip(parts(rows.clone(), ROWS)) {
                    let sums = tile::<V>(panel, b_panel);
                    for (sums, row) in sums.iter().zip(rows) {
                        put(sums, product.alpha, adds, row_of_c(row, &columns));
                    }
                }
            }
        }
    }
}

/// The size of parts, no larger than `most`, of which the last is hardly smaller than the others.
fn share(count: usize, most: usize) -> usize {
    count.div_ceil(count.div_ceil(most).max(1)).max(1)
}

/// A range in parts of this size, the last of which may be smaller.
fn parts(range: Range<usize>, size: usize) -> impl Iterator<Item = Range<usize>> {
    let end = range.end;
    range
        .step_by(size)
        .map(move |start| start..end.min(start + size))
}

/// Puts an operand's rows (of A; of B its columns) beside each other, step by step of k, with zeros for those that
/// are missing.
fn pack<const WIDTH: usize>(
    operand: &Operand<'_>,
    lanes: Range<usize>,
    steps: Range<usize>,
    panel: &mut [[f32; WIDTH]],
) {
    let Operand { across, along, .. } = *operand;
    let from = &operand.elements[lanes.start * across + steps.start * along..];
    let count = lanes.len();
    if across == 1 {
        for (step, together) in panel.iter_mut().enumerate() {
            let from = &from[step * along..];
            match from.first_chunk() {
                Some(whole) if count == WIDTH => *together = *whole,
                _ => {
                    *together =
                        std::array::from_fn(|lane| if lane < count { from[lane] } else { 0.0 })
                }
            }
        }
        return;
    }
    for lane in 0..WIDTH {
        if lane < count {
            for (together, value) in panel.iter_mut().zip(&from[lane * across..]) {
                together[lane] = *value;
            }
        } else {
            for together in &mut *panel {
                together[lane] = 0.0;
            }
        }
    }
}

/// The products of a panel of A and one of B.
#[inline(always)]
fn tile<V: Four>(a: &[[f32; ROWS]], b: &[[f32; COLUMNS]]) -> [[V; FOURS]; ROWS] {
    let mut sums = [[V::splat(0.0); FOURS]; ROWS];
    for (a, b) in a.iter().zip(b) {
        let (b, _) = b.as_chunks::<4>();
        let b: [V; FOURS] = std::array::from_fn(|place| V::load(&b[place]));
        for (sums, a) in sums.iter_mut().zip(a) {
            let a = V::splat(*a);
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = sum.add_product(a, b);
            }
        }
    }
    sums
}

/// Writes or adds `alpha` times a row of a tile to a row of C.
#[inline(always)]
fn put<V: Four>(sums: &[V; FOURS], alpha: f32, adds: bool, c: &mut [f32]) {
    let before = |c: &[f32; 4]| if adds { V::load(c) } else { V::splat(0.0) };
    let (whole, rest) = c.as_chunks_mut::<4>();
    let mut sums = sums.iter();
    for (c, sum) in whole.iter_mut().zip(&mut sums) {
        before(c).add_product(V::splat(alpha), *sum).store(c);
    }
    if let Some(sum) = sums.next().filter(|_| !rest.is_empty()) {
        let mut last = [0.0; 4];
        last[..rest.len()].copy_from_slice(rest);
        before(&last)
            .add_product(V::splat(alpha), *sum)
            .store(&mut last);
        rest.copy_from_slice(&last[..rest.len()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    struct Plain([f32; 4]);

    impl Four for Plain {
        fn splat(value: f32) -> Self {
            Self([value; 4])
        }

        fn load(values: &[f32; 4]) -> Self {
            Self(*values)
        }

        fn store(self, values: &mut [f32; 4]) {
            *values = self.0;
        }

        fn add_product(self, a: Self, b: Self) -> Self {
            Self(std::array::from_fn(|i| self.0[i] + a.0[i] * b.0[i]))
        }
    }

    /// An operand's elements where it lies across or along rows of this length, nothing behind the last.
    fn stored(lanes: usize, steps: usize, by_lanes: bool, salt: f32) -> (Vec<f32>, usize, usize) {
        let (rows, columns) = if by_lanes {
            (lanes, steps)
        } else {
            (steps, lanes)
        };
        let stride = columns + 3;
        let count = (rows.max(1) - 1) * stride + columns;
        let elements = (0..count)
            .map(|i| (i as f32 * (1.3 + salt)).sin())
            .collect();
        if by_lanes {
            (elements, stride, 1)
        } else {
            (elements, 1, stride)
        }
    }

    fn compare([m, n, k]: [usize; 3], layout: [bool; 2], alpha: f32, accumulate: bool) {
        let (a, a_across, a_along) = stored(m, k, layout[0], 0.1);
        let (b, b_across, b_along) = stored(n, k, layout[1], 0.2);
        let ldc = n + 2;
        // What isn't added is never read.
        let before = |i: usize| {
            if accumulate {
                (i as f32).cos()
            } else {
                f32::NAN
            }
        };
        let mut c: Vec<f32> = (0..m * ldc).map(before).collect();
        let product = Multiplication {
            m,
            n,
            k,
            a: Operand {
                elements: &a,
                across: a_across,
                along: a_along,
            },
            b: Operand {
                elements: &b,
                across: b_across,
                along: b_along,
            },
            c: c.as_mut_ptr(),
            ldc,
            alpha,
            accumulate,
        };
        // SAFETY: `c` has `m` rows of `ldc` elements, and `n` is less.
        unsafe { packed::<Plain>(&product) };
        for (at, got) in c.iter().enumerate() {
            let (row, column) = (at / ldc, at % ldc);
            if column >= n {
                assert_eq!(
                    got.to_bits(),
                    before(at).to_bits(),
                    "beside C, at {row}, {column}"
                );
                continue;
            }
            let term = |step: usize| {
                f64::from(a[row * a_across + step * a_along])
                    * f64::from(b[column * b_across + step * b_along])
            };
            let sum: f64 = (0..k).map(term).sum();
            let wanted = f64::from(alpha) * sum
                + if accumulate {
                    f64::from(before(at))
                } else {
                    0.0
                };
            assert!(
                (f64::from(*got) - wanted).abs() < 1e-5 * (1.0 + k as f64).sqrt(),
                "{m} x {n} x {k} {layout:?}, at {row}, {column}: {got}, {wanted}"
            );
        }
    }

    #[test]
    fn equals_the_plain_product_at_any_size_in_any_layout() {
        let sizes = [
            [1, 1, 1],
            [ROWS, COLUMNS, 1],
            [ROWS - 1, COLUMNS - 1, 5],
            [ROWS + 1, COLUMNS + 1, 33],
            [2 * ROWS, 3, 64],
            [2, 2 * COLUMNS + 5, DEPTH],
            [5, 6, DEPTH + 1],
            [BLOCK, 4, 7],
            [BLOCK + 1, 9, 2 * DEPTH + 3],
            [2, 3, 384],
        ];
        for size in sizes {
            for layout in [[true, true], [true, false], [false, false], [false, true]] {
                compare(size, layout, 1.0, false);
                compare(size, layout, 0.25, true);
            }
        }
    }

    #[test]
    fn a_product_of_nothing_leaves_what_it_should() {
        compare([3, 4, 0], [true, true], 1.0, true);
        compare([3, 4, 0], [true, true], 1.0, false);
        compare([3, 0, 4], [true, true], 1.0, false);
        compare([0, 3, 4], [true, true], 1.0, false);
    }

    #[test]
    fn parts_are_hardly_smaller_than_each_other() {
        assert_eq!(
            [0, 1, 384, 385, 1000].map(|k| share(k, 384)),
            [1, 1, 384, 193, 334]
        );
        let whole: Vec<_> = parts(0..7, 3).collect();
        assert_eq!(whole, [0..3, 3..6, 6..7]);
    }
}

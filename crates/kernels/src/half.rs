//! Halves on the CPU device, rounded as `shaders/wgsl/half.wgsl` rounds, and a tensor in another precision.

use burn::tensor::{Tensor, f16};
use rayon::prelude::*;
use tunesmith_shaders::CAST;

use crate::buffer::{Precision, empty_in, floats, tensor};
use crate::kernel::{Class, Extent, Kernel, Launch, Params, Variant, run};
use crate::math::in_vectors;

/// Numbers a thread works on at a time.
const CHUNK: usize = 16 * 1024;

/// A number as a half: the nearest, ties to even; infinite where it is too large. The bits are those of a half.
#[inline(always)]
fn rounded(number: f32) -> u16 {
    let bits = number.to_bits();
    let size = bits & 0x7fff_ffff;
    // The exponent's bias is 112 less, and 13 bits are rounded off.
    let normal = size.wrapping_add(0xc800_0fff).wrapping_add(size >> 13 & 1) >> 13;
    // Below 2^-14 halves are multiples of 2^-24, as floats between 0.5 and 1 are: adding rounds to one.
    let small = (f32::from_bits(size) + 0.5)
        .to_bits()
        .wrapping_sub(0x3f00_0000);
    let half = if size < 0x3880_0000 { small } else { normal };
    let half = if size >= 0x477f_f000 { 0x7c00 } else { half };
    let half = if size > 0x7f80_0000 { 0x7e00 } else { half };
    (half | bits >> 16 & 0x8000) as u16
}

/// What a half's bits are as a number.
#[inline(always)]
fn widened(half: u16) -> f32 {
    let bits = u32::from(half);
    let size = bits & 0x7fff;
    let normal = (size << 13) + 0x3800_0000;
    // Multiples of 2^-24.
    let small = (f32::from_bits(size | 0x3f00_0000) - 0.5).to_bits();
    let float = if size < 0x0400 { small } else { normal };
    let float = if size >= 0x7c00 {
        normal + 0x3800_0000
    } else {
        float
    };
    f32::from_bits(float | (bits & 0x8000) << 16)
}

/// The numbers that halves are.
pub(crate) fn floats_of(halves: &[f16]) -> Vec<f32> {
    let mut numbers = vec![0.0; halves.len()];
    let chunks = numbers.par_chunks_mut(CHUNK).zip(halves.par_chunks(CHUNK));
    chunks.for_each(|(numbers, halves)| {
        in_vectors(|| {
            for (number, half) in numbers.iter_mut().zip(halves) {
                *number = widened(half.to_bits());
            }
        });
    });
    numbers
}

/// Rounds numbers to halves.
pub(crate) fn halves_of(numbers: &[f32], halves: &mut [f16]) {
    let chunks = halves.par_chunks_mut(CHUNK).zip(numbers.par_chunks(CHUNK));
    chunks.for_each(|(halves, numbers)| {
        in_vectors(|| {
            for (half, number) in halves.iter_mut().zip(numbers) {
                *half = f16::from_bits(rounded(*number));
            }
        });
    });
}

/// Rounds numbers to those that halves can be.
#[inline(always)]
pub(crate) fn round(numbers: &mut [f32]) {
    for number in numbers {
        *number = widened(rounded(*number));
    }
}

/// Copies numbers from one precision to another, a multiple of 4 of them.
pub(crate) struct Cast {
    pub(crate) fours: usize,
}

/// The same numbers in another precision, `[rows, cols]`: rounded, or as they are. Rows that are no whole fours stay
/// `f32`.
pub fn cast(x: Tensor<2>, precision: Precision) -> Tensor<2> {
    let [rows, cols] = x.dims();
    if Precision::of(&x) == precision || !cols.is_multiple_of(4) {
        return x;
    }
    let output = empty_in(precision, [rows, cols], &x.device());
    let op = Cast {
        fours: rows * cols / 4,
    };
    let [output] = run(&op, &[floats(x)], &[], [output]);
    tensor(output)
}

impl Kernel for Cast {
    fn launch(&self, _: Class) -> Launch {
        Launch {
            variant: Variant::shader(CAST, &[]),
            extent: Extent::Line(self.fours),
            params: Params::default().int(self.fours),
        }
    }

    fn plain(&self, floats: &[&[f32]], _: &[&[i32]], outputs: &mut [&mut [f32]]) {
        outputs[0].copy_from_slice(floats[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_itself_and_what_lies_between_goes_to_the_nearest() {
        for bits in 0..=u16::MAX {
            let half = f16::from_bits(bits);
            let number = widened(bits);
            if half.is_nan() {
                assert!(number.is_nan() && f16::from_bits(rounded(number)).is_nan());
                continue;
            }
            assert_eq!(number.to_bits(), half.to_f32().to_bits(), "{bits:#x}");
            assert_eq!(rounded(number), bits);
            let next = f16::from_bits(bits + 1).to_f32();
            if !next.is_finite() {
                continue;
            }
            let middle = (number + next) / 2.0;
            let beside = [middle.to_bits() - 1, middle.to_bits(), middle.to_bits() + 1];
            for between in beside.map(f32::from_bits) {
                let wanted = f16::from_f32(between);
                assert_eq!(rounded(between), wanted.to_bits(), "{between}");
            }
        }
        for large in [65_519.9, 65_520.0, 1e9, f32::INFINITY, -1e20] {
            assert_eq!(rounded(large), f16::from_f32(large).to_bits(), "{large}");
        }
    }
}

//! Our own product, in wasm's vectors.

use core::arch::wasm32::{f32x4_add, f32x4_mul, f32x4_splat, v128, v128_load, v128_store};

use super::Multiplication;
use super::packed::{Four, packed};

#[derive(Clone, Copy)]
struct Simd(v128);

impl Four for Simd {
    #[inline(always)]
    fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }

    #[inline(always)]
    fn load(values: &[f32; 4]) -> Self {
        // SAFETY: all 16 bytes are the array's.
        Self(unsafe { v128_load(values.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, values: &mut [f32; 4]) {
        // SAFETY: as above.
        unsafe { v128_store(values.as_mut_ptr().cast(), self.0) }
    }

    #[inline(always)]
    fn add_product(self, a: Self, b: Self) -> Self {
        Self(f32x4_add(self.0, f32x4_mul(a.0, b.0)))
    }
}

/// A browser's worker has one core.
///
/// # Safety
/// That of [`Multiplication::run`], which has looked at the operands.
pub(super) unsafe fn multiply(product: &Multiplication<'_>, _alone: bool) {
    // SAFETY: the caller's.
    unsafe { packed::<Simd>(product) }
}

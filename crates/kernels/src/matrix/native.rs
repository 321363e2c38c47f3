//! The crate `gemm`, with the processor's widest vectors and all of its cores.

use gemm::Parallelism;

use super::Multiplication;

/// # Safety
/// That of [`Multiplication::run`], which has looked at the operands.
pub(super) unsafe fn multiply(product: &Multiplication<'_>, alone: bool) {
    let Multiplication { a, b, .. } = product;
    // SAFETY: the caller answers for all three matrices.
    unsafe {
        gemm::gemm(
            product.m,
            product.n,
            product.k,
            product.c,
            1,
            product.ldc as isize,
            product.accumulate,
            a.elements.as_ptr(),
            a.along as isize,
            a.across as isize,
            b.elements.as_ptr(),
            b.across as isize,
            b.along as isize,
            1.0,
            product.alpha,
            false,
            false,
            false,
            match alone {
                true => Parallelism::Rayon(0),
                false => Parallelism::None,
            },
        );
    }
}

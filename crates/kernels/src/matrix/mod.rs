//! The CPU device's product of two matrices: natively the crate `gemm`'s, in a browser our own. `gemm` has a scalar
//! one there at a quarter of its speed, and one in vectors that is slower too (`benches/RESULTS.md`).

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(any(test, target_arch = "wasm32"))]
mod packed;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
use native::multiply;
#[cfg(target_arch = "wasm32")]
use web::multiply;

/// A matrix as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operand<'a> {
    /// From its first element on.
    pub(crate) elements: &'a [f32],
    /// From a row of C to the next, of A; from a column to the next, of B.
    pub(crate) across: usize,
    /// From a step of k to the next. One of the two is 1.
    pub(crate) along: usize,
}

/// `C = alpha * A * B (+ C)` with A `[m, k]`, B `[k, n]`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Multiplication<'a> {
    pub(crate) m: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) a: Operand<'a>,
    pub(crate) b: Operand<'a>,
    /// C's first element.
    pub(crate) c: *mut f32,
    /// From a row of C to the next.
    pub(crate) ldc: usize,
    pub(crate) alpha: f32,
    /// Whether C is added, and not only written.
    pub(crate) accumulate: bool,
}

impl Operand<'_> {
    /// Whether all of a matrix of this many rows or columns and steps is there.
    fn holds(&self, lanes: usize, steps: usize) -> bool {
        let last = |count: usize, stride: usize| count.saturating_sub(1) * stride;
        last(lanes, self.across) + last(steps, self.along) < self.elements.len()
    }
}

impl Multiplication<'_> {
    /// Computes it, on all cores where it is `alone`.
    ///
    /// # Safety
    /// C's `m` rows of `n` elements can be written, and nothing else reads or writes them meanwhile.
    ///
    /// # Panics
    /// Where an operand is smaller than its product: a bug in the calling op.
    pub(crate) unsafe fn run(&self, alone: bool) {
        assert!(
            self.a.holds(self.m, self.k),
            "A is smaller than its product"
        );
        assert!(
            self.b.holds(self.n, self.k),
            "B is smaller than its product"
        );
        // SAFETY: the asserts keep every element inside its slice, and the caller answers for C.
        unsafe { multiply(self, alone) }
    }
}

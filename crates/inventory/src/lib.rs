//! In place of the crate `inventory`, whose API this is as far as it is used: it registers nothing.
//!
//! Only wasm builds have it, and there only pliron, the intermediate language of cubecl's compiler. That
//! language registers each of its operations before anything runs, so that no linker can tell that the
//! compiler is never called: our kernels are WGSL. Without the registrations it is left out, a fifth of
//! what a browser downloads. A kernel in cubecl's own language would panic there for lack of them; the
//! browser's tests train on WebGPU, and would.

/// Makes a type one that can be registered: nothing has to be kept for it.
#[macro_export]
macro_rules! collect {
    ($type:ty) => {};
}

/// Registers nothing.
#[macro_export]
macro_rules! submit {
    ($($value:tt)*) => {};
}

/// What was registered: nothing.
pub fn iter<T: 'static>() -> impl Iterator<Item = &'static T> {
    core::iter::empty()
}

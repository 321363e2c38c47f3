//! Work on all cores where there are threads, one after the other where there are none; the results
//! come in the order of the inputs either way.

/// `f(0), f(1), …, f(count - 1)`.
pub(crate) fn map_ordered<T: Send>(count: usize, f: impl Fn(usize) -> T + Send + Sync) -> Vec<T> {
    #[cfg(not(target_arch = "wasm32"))]
    {
        use rayon::prelude::*;
        (0..count).into_par_iter().map(f).collect()
    }
    #[cfg(target_arch = "wasm32")]
    {
        (0..count).map(f).collect()
    }
}

/// How many pieces of work keep every core busy.
pub(crate) fn width() -> usize {
    #[cfg(not(target_arch = "wasm32"))]
    {
        rayon::current_num_threads()
    }
    #[cfg(target_arch = "wasm32")]
    {
        1
    }
}

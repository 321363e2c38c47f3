//! What a browser has not, threads, an environment and calls that wait for the network, behind functions that
//! every target has.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{cache_dir, dataset_snapshot, map_ordered, parquet_file, width};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{cache_dir, dataset_snapshot, map_ordered, parquet_file, width};

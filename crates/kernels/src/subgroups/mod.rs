//! Subgroups: whether a device's invocations can read each other's registers. Natively wgpu says so. In a browser it
//! knows nothing of them: the package's worker asks for them when a device is opened, and here it is tried whether it
//! got them.

#[cfg(not(target_arch = "wasm32"))]
mod native;
#[cfg(target_arch = "wasm32")]
mod web;

use burn::backend::wgpu::wgpu;

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::{BEGINNING, offered, usable};
#[cfg(target_arch = "wasm32")]
pub(crate) use web::{BEGINNING, offered, usable};

/// Invocations of an adapter's subgroups, where all have as many.
fn size(info: &wgpu::AdapterInfo) -> Option<u32> {
    let size = info.subgroup_min_size;
    (size > 0 && size == info.subgroup_max_size).then_some(size)
}

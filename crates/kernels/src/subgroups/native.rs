//! What wgpu says.

use burn::backend::wgpu::wgpu;

/// What a text with subgroups begins with: nothing, since naga knows no more of `enable subgroups` than the name.
pub(crate) const BEGINNING: &str = "";

/// The size of an adapter's subgroups, where there are any of one size.
pub(crate) fn offered(adapter: &wgpu::Adapter) -> Option<u32> {
    // Sizes are reported without the feature too.
    let size = super::size(&adapter.get_info())?;
    adapter
        .features()
        .contains(wgpu::Features::SUBGROUP)
        .then_some(size)
}

/// Whether this device of such an adapter takes texts with subgroups.
pub(crate) async fn usable(device: &wgpu::Device) -> bool {
    device.features().contains(wgpu::Features::SUBGROUP)
}

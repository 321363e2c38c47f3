//! What a browser does.

use burn::backend::wgpu::wgpu;
/// What a text with subgroups begins with.
pub(crate) use tunesmith_shaders::ENABLE_SUBGROUPS as BEGINNING;

/// The least that a device with subgroups compiles, and one without refuses.
const TRIAL: &str = "@compute @workgroup_size(4)
fn main(@builtin(subgroup_invocation_id) lane: u32) { _ = subgroupBroadcast(lane, 0u); }
";

/// The size of an adapter's subgroups, where they are of one size. An adapter without any says 4 and 128, as
/// WebGPU has it.
pub(crate) fn offered(adapter: &wgpu::Adapter) -> Option<u32> {
    super::size(&adapter.get_info())
}

/// Whether this device takes texts with subgroups: tried, since wgpu has no word for the browser's feature.
pub(crate) async fn usable(device: &wgpu::Device) -> bool {
    let refused = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let _ = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(format!("{BEGINNING}{TRIAL}").into()),
    });
    refused.pop().await.is_none()
}

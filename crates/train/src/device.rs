//! The device as events tell of it.

use tunesmith_kernels::{AdapterKind, ComputeDevice};
use tunesmith_protocol::{DeviceInfo, DeviceKind};

/// The device as events tell of it.
#[must_use]
pub fn device_info(device: &ComputeDevice) -> DeviceInfo {
    DeviceInfo {
        name: device.name.clone(),
        backend: device.backend.to_lowercase(),
        kind: match device.kind {
            None => DeviceKind::Cpu,
            Some(AdapterKind::Software) => DeviceKind::SoftwareGpu,
            Some(AdapterKind::Integrated) => DeviceKind::IntegratedGpu,
            Some(AdapterKind::Discrete) => DeviceKind::DiscreteGpu,
        },
    }
}

//! The protocol's words for devices and the kernels' devices.

use std::cell::RefCell;

use tunesmith::kernels::{self, AdapterKind, ComputeDevice, adapters};
use tunesmith_protocol::{AdapterInfo, DeviceChoice, DeviceKind};

use crate::SessionError;

thread_local! {
    /// Devices stay open: each holds memory of its own that nothing gives back.
    static OPENED: RefCell<Vec<(DeviceChoice, ComputeDevice)>> = const { RefCell::new(Vec::new()) };
}

/// Opens the device that `--device` asks for, or gives the one that this thread has opened, unless it
/// has failed since.
///
/// # Errors
/// Where there is none; the message says what to do.
pub async fn open(choice: DeviceChoice) -> Result<ComputeDevice, SessionError> {
    let found = OPENED.with(|opened| {
        let mut opened = opened.borrow_mut();
        opened.retain(|(_, device)| device.failure().is_none());
        let same = opened.iter().find(|(asked, _)| *asked == choice);
        same.map(|(_, device)| device.clone())
    });
    if let Some(device) = found {
        return Ok(device);
    }
    let asked = match choice {
        DeviceChoice::Auto => kernels::DeviceChoice::Auto,
        DeviceChoice::Gpu => kernels::DeviceChoice::Gpu,
        DeviceChoice::Cpu => kernels::DeviceChoice::Cpu,
        DeviceChoice::SoftwareGpu => kernels::DeviceChoice::SoftwareGpu,
    };
    let device = kernels::open_device(asked).await?;
    OPENED.with(|opened| opened.borrow_mut().push((choice, device.clone())));
    Ok(device)
}

/// What went wrong with a device that this thread has opened and not yet replaced.
pub(crate) fn device_failure() -> Option<String> {
    OPENED.with(|opened| {
        let opened = opened.borrow();
        opened.iter().find_map(|(_, device)| device.failure())
    })
}

/// What the devices that this thread has opened hold, in bytes: in use, or kept for the next step.
#[must_use]
pub fn device_bytes() -> u64 {
    OPENED.with(|opened| {
        let opened = opened.borrow();
        let usage = opened
            .iter()
            .filter_map(|(_, device)| device.device.memory_pool_usage());
        usage.map(|usage| usage.bytes_reserved).sum()
    })
}

/// Loses this thread's devices as a driver would, so that it can be tested what happens then.
pub fn destroy_devices() {
    OPENED.with(|opened| {
        for (_, device) in &*opened.borrow() {
            device.destroy();
        }
    });
}

/// The adapters that could compute, real GPUs first.
pub async fn adapter_infos() -> Vec<AdapterInfo> {
    let adapters = adapters().await;
    adapters
        .into_iter()
        .map(|adapter| AdapterInfo {
            kind: match adapter.kind {
                AdapterKind::Software => DeviceKind::SoftwareGpu,
                AdapterKind::Integrated => DeviceKind::IntegratedGpu,
                AdapterKind::Discrete => DeviceKind::DiscreteGpu,
            },
            backend: adapter.backend.to_lowercase(),
            name: adapter.name,
            max_binding_bytes: adapter.max_binding_bytes,
            max_buffer_bytes: adapter.max_buffer_bytes,
        })
        .collect()
}

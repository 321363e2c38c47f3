//! The protocol's words for devices and the kernels' devices.

use std::cell::RefCell;

use tunesmith::kernels::{self, AdapterKind, ComputeDevice, adapters};
use tunesmith_protocol::{AdapterInfo, DeviceChoice, DeviceKind};

use crate::SessionError;

/// An adapter as a person picks it from a list: its name and its graphics API.
pub type PickedAdapter = (String, String);

/// A device, and what was asked for when it was opened.
struct Opened {
    choice: DeviceChoice,
    picked: Option<PickedAdapter>,
    device: ComputeDevice,
}

thread_local! {
    /// Devices stay open: each holds memory of its own that nothing gives back.
    static OPENED: RefCell<Vec<Opened>> = const { RefCell::new(Vec::new()) };
    static PICKED: RefCell<Option<PickedAdapter>> = const { RefCell::new(None) };
}

/// Which adapter this thread opens from now on where a GPU is asked for; `None` for the first one. It
/// is no argument of a run, which may go on elsewhere.
pub fn pick_adapter(adapter: Option<PickedAdapter>) {
    PICKED.set(adapter);
}

/// Opens the device that `--device` asks for, or gives the one that this thread has opened, unless it
/// has failed since.
///
/// # Errors
/// Where there is none; the message says what to do.
pub async fn open(choice: DeviceChoice) -> Result<ComputeDevice, SessionError> {
    let gpu = matches!(choice, DeviceChoice::Gpu | DeviceChoice::SoftwareGpu);
    let picked = PICKED.with_borrow(Clone::clone).filter(|_| gpu);
    let found = OPENED.with(|opened| {
        let mut opened = opened.borrow_mut();
        opened.retain(|one| one.device.failure().is_none());
        let same = opened
            .iter()
            .find(|one| one.choice == choice && one.picked == picked);
        same.map(|one| one.device.clone())
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
    let device = match &picked {
        Some((name, backend)) => kernels::open_adapter(name, backend).await?,
        None => kernels::open_device(asked).await?,
    };
    let opened = Opened {
        choice,
        picked,
        device: device.clone(),
    };
    OPENED.with_borrow_mut(|all| all.push(opened));
    Ok(device)
}

/// What went wrong with a device that this thread has opened and not yet replaced.
pub(crate) fn device_failure() -> Option<String> {
    OPENED.with(|opened| {
        let opened = opened.borrow();
        opened.iter().find_map(|one| one.device.failure())
    })
}

/// What the devices that this thread has opened hold, in bytes: in use, or kept for the next step.
#[must_use]
pub fn device_bytes() -> u64 {
    OPENED.with(|opened| {
        let opened = opened.borrow();
        let usage = opened
            .iter()
            .filter_map(|one| one.device.device.memory_pool_usage());
        usage.map(|usage| usage.bytes_reserved).sum()
    })
}

/// Loses this thread's devices as a driver would, so that it can be tested what happens then.
pub fn destroy_devices() {
    OPENED.with(|opened| {
        for one in &*opened.borrow() {
            one.device.destroy();
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

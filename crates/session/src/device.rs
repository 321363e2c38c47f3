//! The protocol's words for devices and the kernels' devices.

use std::cell::RefCell;

use tunesmith::kernels::{self, AdapterKind, ComputeDevice, adapters};
use tunesmith_protocol::{
    AdapterInfo, DeviceChoice, DeviceKind, DevicePlace, Devices, TrainingArguments,
};

use crate::SessionError;

/// An adapter as a person picks it from a list: its name and its graphics API.
pub type PickedAdapter = (String, String);

/// What was asked for when a device was opened.
#[derive(PartialEq)]
enum Asked {
    Choice(DeviceChoice, Option<PickedAdapter>),
    /// The adapter of this number.
    Number(usize),
}

struct Opened {
    asked: Asked,
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
    let asked = Asked::Choice(choice, picked.clone());
    if let Some(device) = opened(&asked) {
        return Ok(device);
    }
    let choice = match choice {
        DeviceChoice::Auto => kernels::DeviceChoice::Auto,
        DeviceChoice::Gpu => kernels::DeviceChoice::Gpu,
        DeviceChoice::Cpu => kernels::DeviceChoice::Cpu,
        DeviceChoice::SoftwareGpu => kernels::DeviceChoice::SoftwareGpu,
    };
    let device = match &picked {
        Some((name, backend)) => kernels::open_adapter(name, backend).await?,
        None => kernels::open_device(choice).await?,
    };
    Ok(keep(asked, device))
}

/// A device that this thread has opened so and that hasn't failed since.
fn opened(asked: &Asked) -> Option<ComputeDevice> {
    OPENED.with_borrow_mut(|opened| {
        opened.retain(|one| one.device.failure().is_none());
        let same = opened.iter().find(|one| one.asked == *asked);
        same.map(|one| one.device.clone())
    })
}

fn keep(asked: Asked, device: ComputeDevice) -> ComputeDevice {
    let opened = Opened {
        asked,
        device: device.clone(),
    };
    OPENED.with_borrow_mut(|all| all.push(opened));
    device
}

fn wrong(message: String) -> SessionError {
    SessionError::Arguments(format!("devices: {message}"))
}

/// The places that `devices` names, of which there is at least one, among the adapters there are.
fn places(text: &str, found: &[kernels::Adapter]) -> Result<Vec<DevicePlace>, SessionError> {
    if cfg!(target_arch = "wasm32") {
        return Err(wrong("a page has one device: leave it out".to_owned()));
    }
    let places = match Devices::parse(text).map_err(wrong)? {
        Devices::These(places) => places,
        Devices::All => {
            let gpus = found.iter().enumerate();
            let gpus = gpus.filter(|(_, adapter)| adapter.kind != AdapterKind::Software);
            gpus.map(|(number, _)| DevicePlace::Adapter(number))
                .collect()
        }
    };
    if places.is_empty() {
        return Err(wrong(
            "all are the real GPUs, and none was found: give cpu:2 for two CPU workers, or leave it out".to_owned(),
        ));
    }
    Ok(places)
}

/// How many devices a run trains on.
pub(crate) async fn count(args: &TrainingArguments) -> Result<usize, SessionError> {
    match &args.devices {
        Some(text) => Ok(places(text, &adapters().await)?.len()),
        None => Ok(1),
    }
}

/// Opens the devices that a run trains on, in the order of ranks: those of `devices`, else the one of `device`.
///
/// # Errors
/// Where one of them is not here; the message says what to do.
pub(crate) async fn open_all(args: &TrainingArguments) -> Result<Vec<ComputeDevice>, SessionError> {
    let Some(text) = &args.devices else {
        return Ok(vec![open(args.device).await?]);
    };
    let found = adapters().await;
    let places = places(text, &found)?;
    let workers = places
        .iter()
        .filter(|place| **place == DevicePlace::Cpu)
        .count();
    let mut workers = ComputeDevice::cpus(workers)?.into_iter();
    let mut devices = Vec::new();
    for place in places {
        let device = match place {
            DevicePlace::Cpu => workers.next(),
            DevicePlace::Adapter(number) => {
                let asked = Asked::Number(number);
                match (opened(&asked), found.get(number)) {
                    (Some(device), _) => Some(device),
                    (None, Some(adapter)) => {
                        Some(keep(asked, adapter.open("asked for with --devices").await?))
                    }
                    (None, None) => {
                        return Err(wrong(format!(
                            "there is no adapter {number}: this machine has {}, counted from 0, as `tunesmith doctor` \
                             lists them",
                            found.len()
                        )));
                    }
                }
            }
        };
        devices.extend(device);
    }
    Ok(devices)
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
    for_each_opened(ComputeDevice::destroy);
}

/// Gives this thread's devices up as ones without memory left.
pub fn exhaust_devices() {
    for_each_opened(ComputeDevice::exhaust);
}

fn for_each_opened(work: impl Fn(&ComputeDevice)) {
    OPENED.with_borrow(|opened| opened.iter().for_each(|one| work(&one.device)));
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

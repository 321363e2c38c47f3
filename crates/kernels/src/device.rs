//! Which adapters there are, which one a run uses and why.

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::wgpu::{WgpuSetup, wgpu};
use burn::tensor::{Device, StreamId};
use thiserror::Error;

use crate::class::Class;
use crate::cores::Cores;
use crate::subgroups;

/// What a user asks for with `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceChoice {
    /// A real GPU where there is one, else the CPU.
    Auto,
    /// A real GPU, or an error.
    Gpu,
    /// burn's Flex.
    Cpu,
    /// A software renderer (lavapipe, SwiftShader), for tests and parity.
    SoftwareGpu,
}

/// What an adapter is made of; kernels choose their tiles by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdapterKind {
    /// A CPU that renders: llvmpipe, SwiftShader, WARP.
    Software,
    /// A GPU that shares the CPU's memory.
    Integrated,
    /// A GPU with memory of its own, or one whose kind isn't known.
    Discrete,
}

impl AdapterKind {
    /// By the adapter's name.
    pub(crate) fn of_name(name: &str) -> Self {
        let software = [
            "llvmpipe",
            "SwiftShader",
            "Microsoft Basic Render",
            "lavapipe",
        ];
        if software.iter().any(|word| name.contains(word)) {
            Self::Software
        } else {
            Self::Discrete
        }
    }
}

/// A wgpu adapter as people see it.
#[derive(Debug, Clone)]
pub struct Adapter {
    /// The driver's name for it.
    pub name: String,
    /// Vulkan, Metal, Dx12, Gl or BrowserWebGpu.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// What it is made of.
    pub kind: AdapterKind,
    /// The largest tensor it can bind, in bytes.
    pub max_binding_bytes: u64,
    /// The largest buffer it can allocate, in bytes.
    pub max_buffer_bytes: u64,
    /// Invocations of a subgroup, where they can read each other's registers and all subgroups have
    /// one size; in a browser, where its device lets them.
    pub subgroup_size: Option<u32>,
    handle: wgpu::Adapter,
}

/// Why no device could be opened.
#[derive(Debug, Error)]
pub enum DeviceError {
    /// No adapter of the kind asked for.
    #[error(
        "no {wanted} was found among {found}. Try `--device cpu`, or install a driver: on \
         Debian/Ubuntu `apt-get install mesa-vulkan-drivers` (25 or newer) gives a software one"
    )]
    NoAdapter {
        /// What was asked for.
        wanted: &'static str,
        /// The adapters there are.
        found: String,
    },
    /// No adapter of this name.
    #[error(
        "the adapter '{adapter}' is not here; there are {found}. Pick one of these, or the CPU"
    )]
    Gone {
        /// Its name.
        adapter: String,
        /// The adapters there are.
        found: String,
    },
    /// The driver refused to open the adapter.
    #[error("the adapter '{adapter}' could not be opened: {message}. Try `--device cpu`")]
    Open {
        /// The adapter's name.
        adapter: String,
        /// What the driver said.
        message: String,
    },
}

/// An opened device.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    /// The burn device that tensors are made on.
    pub device: Device,
    /// Its name for people: the adapter's, or the CPU's.
    pub name: String,
    /// `Flex` or the graphics API.
    pub backend: String,
    /// The driver and its version; empty for the CPU device and in browsers that keep it to themselves.
    pub driver: String,
    /// `None` for the CPU device.
    pub kind: Option<AdapterKind>,
    /// Why this one was chosen, a sentence for people.
    pub reason: String,
    /// The largest tensor it can bind, in bytes; `None` on the CPU.
    pub max_binding_bytes: Option<u64>,
    failure: Arc<Mutex<Option<String>>>,
    /// `None` for the CPU device.
    handle: Option<wgpu::Device>,
    /// Those that the CPU device computes on.
    cores: Cores,
}

impl ComputeDevice {
    /// The CPU device, burn's Flex.
    pub fn cpu(reason: &str) -> Self {
        Self {
            device: Device::flex(),
            name: "CPU".to_owned(),
            backend: "Flex".to_owned(),
            driver: String::new(),
            kind: None,
            reason: reason.to_owned(),
            max_binding_bytes: None,
            failure: Arc::default(),
            handle: None,
            cores: Cores::all(),
        }
    }

    /// So many CPU devices side by side, each with its share of the cores.
    ///
    /// # Errors
    /// Where the system starts no more threads.
    pub fn cpus(count: usize) -> Result<Vec<Self>, DeviceError> {
        let shares = Cores::shares(count).map_err(|error| DeviceError::Open {
            adapter: format!("{count} x CPU"),
            message: error.to_string(),
        })?;
        let devices = shares.into_iter().enumerate().map(|(place, cores)| Self {
            name: format!("CPU worker {}", place + 1),
            cores,
            ..Self::cpu("asked for with --devices")
        });
        Ok(devices.collect())
    }

    /// Does work on this device's share of the cores, where it has one.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.cores.install(work)
    }

    /// `f` of each item, in their order: on the CPU each core takes one at a time, elsewhere one follows the other.
    pub fn map<T: Sync, R: Send>(&self, items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
        match self.kind {
            None => self.cores.map(items, f),
            Some(_) => items.iter().map(f).collect(),
        }
    }

    /// Does all work of a thread that isn't the first on this device: each thread has memory of its own there,
    /// which nothing gives back, so threads that follow one another are taken for one.
    pub fn for_thread<R>(&self, work: impl FnOnce() -> R) -> R {
        StreamId { value: 0 }.executes(work)
    }

    /// Loses the device as a driver would, for tests; the CPU can't be lost.
    pub fn destroy(&self) {
        self.lose("the device was lost: destroyed");
    }

    /// Gives the device up as one without memory left; the CPU stays.
    pub fn exhaust(&self) {
        self.lose(OUT_OF_MEMORY);
    }

    fn lose(&self, why: &str) {
        if let Some(handle) = &self.handle {
            note(&self.failure, why.to_owned());
            handle.destroy();
        }
    }

    /// What the driver first complained about (out of memory, a lost device, an invalid shader), if
    /// anything: wgpu reports these apart from the call that caused them.
    pub fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Keeps the first complaint: those after it only follow from it.
fn note(failure: &Mutex<Option<String>>, message: String) {
    let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
    failure.get_or_insert(message);
}

/// What [`ComputeDevice::failure`] says of a device without memory left.
pub(crate) const OUT_OF_MEMORY: &str = "it is out of memory";

/// The most characters of a driver's own words that a person is shown.
const MOST_SHOWN: usize = 300;

/// A driver's complaint for a person.
fn complaint(error: &wgpu::Error) -> String {
    let description = match error {
        wgpu::Error::OutOfMemory { .. } => return OUT_OF_MEMORY.to_owned(),
        wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
            description
        }
    };
    let words: Vec<&str> = description.split_whitespace().collect();
    let said: String = words.join(" ").chars().take(MOST_SHOWN).collect();
    format!(
        "it refused a command, a bug here or in the driver that a newer version of either may not have: \
         \"{said}\""
    )
}

/// Every wgpu adapter of this machine, real GPUs first.
pub async fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let mut all: Vec<Adapter> = instance
        .enumerate_adapters(wgpu::Backends::PRIMARY)
        .await
        .into_iter()
        .map(Adapter::from)
        .collect();
    all.sort_by_key(|adapter| match adapter.kind {
        AdapterKind::Discrete => 0,
        AdapterKind::Integrated => 1,
        // Ten times as fast here as SwiftShader.
        AdapterKind::Software if adapter.name.contains("llvmpipe") => 2,
        AdapterKind::Software => 3,
    });
    all
}

/// Opens the device that `choice` asks for.
///
/// # Errors
/// Where there is no such adapter, or the driver won't open it; the message says what to do.
pub async fn open_device(choice: DeviceChoice) -> Result<ComputeDevice, DeviceError> {
    if choice == DeviceChoice::Cpu {
        return Ok(ComputeDevice::cpu("asked for with --device cpu"));
    }
    let all = adapters().await;
    let software = choice == DeviceChoice::SoftwareGpu;
    let chosen = all
        .iter()
        .find(|adapter| (adapter.kind == AdapterKind::Software) == software);
    match (chosen, choice) {
        (Some(adapter), DeviceChoice::Auto) => adapter.open("the first real GPU found").await,
        (Some(adapter), DeviceChoice::Gpu) => adapter.open("asked for with --device gpu").await,
        (Some(adapter), _) => adapter.open("asked for with --device software-gpu").await,
        (None, DeviceChoice::Auto) => Ok(ComputeDevice::cpu(
            "no real GPU was found, and the CPU is faster than a software renderer",
        )),
        (None, _) => Err(DeviceError::NoAdapter {
            wanted: if software {
                "software renderer"
            } else {
                "real GPU"
            },
            found: names(&all),
        }),
    }
}

/// Opens the adapter of this name and graphics API (`vulkan`, `Metal`), as [`adapters`] lists it.
///
/// # Errors
/// Where it is not here, or the driver won't open it; the message says what to do.
pub async fn open_adapter(name: &str, backend: &str) -> Result<ComputeDevice, DeviceError> {
    let all = adapters().await;
    let same =
        |adapter: &&Adapter| adapter.name == name && adapter.backend.eq_ignore_ascii_case(backend);
    match all.iter().find(same) {
        Some(adapter) => adapter.open("picked by its name").await,
        None => Err(DeviceError::Gone {
            adapter: name.to_owned(),
            found: names(&all),
        }),
    }
}

fn names(adapters: &[Adapter]) -> String {
    match adapters {
        [] => "no adapters at all".to_owned(),
        some => some
            .iter()
            .map(|adapter| adapter.name.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

impl From<wgpu::Adapter> for Adapter {
    fn from(handle: wgpu::Adapter) -> Self {
        let (info, limits) = (handle.get_info(), handle.limits());
        let kind = match info.device_type {
            wgpu::DeviceType::Cpu => AdapterKind::Software,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            _ => AdapterKind::of_name(&info.name),
        };
        Adapter {
            kind,
            // A browser may keep the name to itself.
            name: match kind {
                _ if !info.name.is_empty() => info.name,
                AdapterKind::Software => "software renderer".to_owned(),
                AdapterKind::Integrated | AdapterKind::Discrete => "GPU".to_owned(),
            },
            backend: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            subgroup_size: subgroups::offered(&handle),
            handle,
        }
    }
}

impl Adapter {
    /// Opens this adapter with everything it can do.
    ///
    /// # Errors
    /// Where the driver won't.
    pub async fn open(&self, reason: &str) -> Result<ComputeDevice, DeviceError> {
        self.open_with_limits(reason, self.handle.limits()).await
    }

    /// Opens this adapter with no more than what WebGPU promises everywhere: what our own kernels must live
    /// with.
    ///
    /// # Errors
    /// Where the driver won't.
    pub async fn open_with_webgpu_defaults(
        &self,
        reason: &str,
    ) -> Result<ComputeDevice, DeviceError> {
        self.open_with_limits(reason, wgpu::Limits::default()).await
    }

    /// Opens this adapter with tensors of at most so many bytes, as a smaller one has.
    ///
    /// # Errors
    /// Where the driver won't.
    pub async fn open_with_binding(
        &self,
        reason: &str,
        max_binding_bytes: u64,
    ) -> Result<ComputeDevice, DeviceError> {
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: max_binding_bytes,
            ..self.handle.limits()
        };
        self.open_with_limits(reason, limits).await
    }

    async fn open_with_limits(
        &self,
        reason: &str,
        required_limits: wgpu::Limits,
    ) -> Result<ComputeDevice, DeviceError> {
        let refused = |message: String| DeviceError::Open {
            adapter: self.name.clone(),
            message,
        };
        let max_binding_bytes = Some(required_limits.max_storage_buffer_binding_size);
        let descriptor = wgpu::DeviceDescriptor {
            // cubecl plans with the adapter's features, so all of them must be on.
            required_features: self
                .handle
                .features()
                .difference(wgpu::Features::MAPPABLE_PRIMARY_BUFFERS)
                .difference(wgpu::Features::all_experimental_mask()),
            required_limits,
            memory_hints: wgpu::MemoryHints::MemoryUsage,
            ..Default::default()
        };
        let (device, queue) = self
            .handle
            .request_device(&descriptor)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let subgroup = match self.subgroup_size {
            Some(size) if subgroups::usable(&device).await => Some(size),
            _ => None,
        };
        let failure: Arc<Mutex<Option<String>>> = Arc::default();
        let setup = WgpuSetup {
            instance: wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle()),
            backend: self.handle.get_info().backend,
            adapter: self.handle.clone(),
            device: device.clone(),
            queue,
        };
        let burn_device = Device::wgpu_options()
            .setup(setup)
            .init()
            .map_err(|error| refused(error.to_string()))?;
        let class = Class {
            kind: self.kind,
            subgroup,
            tiles: None,
        };
        class.remember(&burn_device);
        // After cubecl's own handlers, which panic: wgpu keeps the last that is set.
        let kept = failure.clone();
        device.on_uncaptured_error(Arc::new(move |error| note(&kept, complaint(&error))));
        let kept = failure.clone();
        device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                note(&kept, format!("the device was lost: {message}"));
            }
        });
        Ok(ComputeDevice {
            device: burn_device,
            name: self.name.clone(),
            backend: self.backend.clone(),
            driver: self.driver.clone(),
            kind: Some(self.kind),
            reason: reason.to_owned(),
            max_binding_bytes,
            failure,
            handle: Some(device),
            cores: Cores::all(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_complaint_is_kept_and_told_in_one_line() {
        let failure = Mutex::default();
        let first = wgpu::Error::Validation {
            source: "naga".into(),
            description: "Shader error:\n  ┌─ wgsl:3:9\n  unknown identifier".to_owned(),
        };
        note(&failure, complaint(&first));
        note(&failure, "the command buffer is invalid".to_owned());
        let told = failure.into_inner().ok().flatten();
        assert!(
            told.as_deref().is_some_and(
                |told| told.ends_with("\"Shader error: ┌─ wgsl:3:9 unknown identifier\"")
            ),
            "{told:?}"
        );
    }
}

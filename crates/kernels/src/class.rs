//! What a device is made of, as far as the choice of variants goes.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::backend::wgpu::CubeTensor;
use burn::tensor::{Device, Tensor};
use tunesmith_shaders::Tile;

use crate::buffer::{Buffer, floats};
use crate::device::AdapterKind;

/// A tile for each [`tunesmith_shaders::Layout`], in its order.
pub(crate) type Tiles = [Tile; 3];

/// The class of a device, by which variants are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: AdapterKind,
    /// Invocations of a subgroup, where they can read each other's registers and all subgroups have
    /// one size.
    pub(crate) subgroup: Option<u32>,
    /// The tiles of large products, where they were timed and are not to be looked up.
    pub(crate) tiles: Option<Tiles>,
}

/// The devices that were opened. Not by the adapter's name, which a browser keeps to itself.
fn opened() -> MutexGuard<'static, Vec<(cubecl::Device, Class)>> {
    static OPENED: Mutex<Vec<(cubecl::Device, Class)>> = Mutex::new(Vec::new());
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a device's class has changed.
static CHANGES: AtomicU64 = AtomicU64::new(0);

impl Class {
    /// Whether it has many lanes and pays most for memory, as a GPU does; a software renderer pays for a lane's
    /// beginning and for barriers.
    pub(crate) fn is_gpu(self) -> bool {
        self.kind != AdapterKind::Software
    }

    /// Says of which class a device is; the CPU is of none.
    pub(crate) fn remember(self, device: &Device) {
        if let Some(device) = compute(device) {
            let mut opened = opened();
            opened.retain(|(known, _)| *known != device);
            opened.push((device, self));
            CHANGES.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Of a device that this crate opened; `None` for the CPU.
    pub(crate) fn of(device: &Device) -> Option<Self> {
        Self::known(&compute(device)?)
    }

    /// Gives a device's large products these tiles, or those of the table again.
    pub(crate) fn choose(device: &Device, tiles: Option<Tiles>) {
        if let Some(class) = Self::of(device).filter(|class| class.tiles != tiles) {
            Self { tiles, ..class }.remember(device);
        }
    }

    /// Of the device that holds a tensor; looked up once, and not at each of a step's launches.
    pub(crate) fn beside(tensor: &CubeTensor) -> Self {
        thread_local! {
            static LAST: RefCell<Option<(cubecl::Device, u64, Class)>> = const { RefCell::new(None) };
        }
        let changes = CHANGES.load(Ordering::Relaxed);
        LAST.with_borrow_mut(|last| match last {
            Some((device, then, class)) if *device == tensor.device && *then == changes => *class,
            _ => {
                let class = Self::find(tensor);
                *last = Some((tensor.device.clone(), changes, class));
                class
            }
        })
    }

    fn find(tensor: &CubeTensor) -> Self {
        // One of burn's own is one that this crate didn't open.
        Self::known(&tensor.device).unwrap_or_else(|| Self {
            kind: AdapterKind::of_name(&tensor.client.properties().identity.name),
            subgroup: None,
            tiles: None,
        })
    }

    fn known(device: &cubecl::Device) -> Option<Self> {
        let opened = opened();
        let known = opened.iter().find(|(known, _)| known == device);
        known.map(|(_, class)| *class)
    }
}

/// What burn's tensors on a device say where they lie; `None` on the CPU.
fn compute(device: &Device) -> Option<cubecl::Device> {
    match floats(Tensor::<1>::empty([1], device)) {
        Buffer::Gpu(tensor) => Some(tensor.device),
        Buffer::Cpu(..) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::device::adapters;

    #[test]
    fn a_tensor_has_the_class_of_its_devices_adapter() {
        let classes = pollster::block_on(async {
            let mut found = Vec::new();
            // All opened before any is asked for.
            for adapter in adapters().await {
                let device = adapter.open("test").await.unwrap();
                found.push((device, adapter.kind, adapter.subgroup_size));
            }
            found
        });
        assert!(!classes.is_empty(), "no adapter: run `cargo xtask test`");
        for (device, kind, subgroup) in classes {
            let Buffer::Gpu(tensor) = floats(Tensor::<1>::zeros([1], &device.device)) else {
                panic!("not on {}", device.name);
            };
            let class = Class {
                kind,
                subgroup,
                tiles: None,
            };
            assert_eq!(Class::beside(&tensor), class, "{}", device.name);
            let chosen = Some([Tile::LARGE, Tile::SMALL, Tile::LARGEST]);
            Class::choose(&device.device, chosen);
            assert_eq!(Class::beside(&tensor).tiles, chosen, "{}", device.name);
            Class::choose(&device.device, None);
            assert_eq!(Class::beside(&tensor), class, "{}", device.name);
        }
    }
}

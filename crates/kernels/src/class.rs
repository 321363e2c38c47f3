//! What a device is made of, as far as the choice of variants goes.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::backend::wgpu::CubeTensor;

use crate::device::AdapterKind;

/// The class of a device, by which variants are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Class {
    pub(crate) kind: AdapterKind,
    /// Invocations of a subgroup, where they can read each other's registers and all subgroups have
    /// one size.
    pub(crate) subgroup: Option<u32>,
}

/// The devices that were opened. Not by the adapter's name, which a browser keeps to itself.
fn opened() -> MutexGuard<'static, Vec<(cubecl::Device, Class)>> {
    static OPENED: Mutex<Vec<(cubecl::Device, Class)>> = Mutex::new(Vec::new());
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Class {
    /// Says of which class the device is that holds a tensor.
    pub(crate) fn remember(self, tensor: &CubeTensor) {
        opened().push((tensor.device.clone(), self));
    }

    /// Of the device that holds a tensor; looked up once, and not at each of a step's launches.
    pub(crate) fn beside(tensor: &CubeTensor) -> Self {
        thread_local! {
            static LAST: RefCell<Option<(cubecl::Device, Class)>> = const { RefCell::new(None) };
        }
        LAST.with_borrow_mut(|last| match last {
            Some((device, class)) if *device == tensor.device => *class,
            _ => {
                let class = Self::find(tensor);
                *last = Some((tensor.device.clone(), class));
                class
            }
        })
    }

    fn find(tensor: &CubeTensor) -> Self {
        let opened = opened();
        let known = opened.iter().find(|(device, _)| *device == tensor.device);
        known.map_or_else(
            // One of burn's own, which this crate didn't open.
            || Self {
                kind: AdapterKind::of_name(&tensor.client.properties().identity.name),
                subgroup: None,
            },
            |(_, class)| *class,
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use burn::tensor::Tensor;

    use super::*;
    use crate::buffer::{Buffer, floats};
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
            assert_eq!(
                Class::beside(&tensor),
                Class { kind, subgroup },
                "{}",
                device.name
            );
        }
    }
}

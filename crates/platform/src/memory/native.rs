//! The machine's memory, or a container's share of it.

use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::Memory;

/// The memory of this machine; `None` where the system doesn't tell.
#[must_use]
pub fn memory() -> Option<Memory> {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind);
    let machine = Memory {
        total: system.total_memory(),
        available: system.available_memory(),
    };
    let memory = match system.cgroup_limits() {
        Some(limits) => Memory {
            total: machine.total.min(limits.total_memory),
            available: machine.available.min(limits.free_memory),
        },
        None => machine,
    };
    (memory.total > 0).then_some(memory)
}

//! Memory, counted as it is asked for, so that a test sees what a file makes its reader take.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

static USED: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
static PASSED: AtomicBool = AtomicBool::new(false);

/// The system's allocator with a limit: `#[global_allocator] static METER: Meter = Meter;`.
pub struct Meter;

impl Meter {
    /// From here on so many bytes more may be in use at once.
    pub(crate) fn limit(bytes: usize) {
        PASSED.store(false, Ordering::Relaxed);
        MOST.store(
            USED.load(Ordering::Relaxed).saturating_add(bytes),
            Ordering::Relaxed,
        );
    }

    /// No limit any more; whether it was passed.
    pub(crate) fn unlimited() -> bool {
        MOST.store(usize::MAX, Ordering::Relaxed);
        PASSED.load(Ordering::Relaxed)
    }

    fn add(bytes: usize) -> bool {
        let used = USED
            .fetch_add(bytes, Ordering::Relaxed)
            .saturating_add(bytes);
        let most = MOST.load(Ordering::Relaxed);
        if used <= most {
            return true;
        }
        PASSED.store(true, Ordering::Relaxed);
        // The test fails afterwards. What is far too much is not given at all.
        used - most <= bytes_of_slack()
    }
}

/// Past the limit the test goes on, to tell which file it was, unless the machine could not bear it.
fn bytes_of_slack() -> usize {
    1 << 30
}

// SAFETY: every call is handed on to the system's allocator as it is, or answered with null, which
// means "no memory".
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !Self::add(layout.size()) {
            USED.fetch_sub(layout.size(), Ordering::Relaxed);
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !Self::add(layout.size()) {
            USED.fetch_sub(layout.size(), Ordering::Relaxed);
            return std::ptr::null_mut();
        }
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !Self::add(size) {
            USED.fetch_sub(size, Ordering::Relaxed);
            return std::ptr::null_mut();
        }
        USED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

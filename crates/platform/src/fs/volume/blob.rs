//! The bytes of one file: where they are, and who holds them open.

use std::cell::{Cell, RefCell};
use std::io::Result;
use std::rc::Rc;

/// Where the bytes of one file are.
#[allow(
    clippy::len_without_is_empty,
    reason = "the volume asks for lengths alone"
)]
pub trait Blob {
    /// Reads at most `bytes.len()` bytes from `at` on; fewer at the end.
    ///
    /// # Errors
    /// What the storage says.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<usize>;
    /// Writes all of `bytes` from `at` on; what lies between the end and `at` becomes zeros.
    ///
    /// # Errors
    /// What the storage says; some of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()>;
    /// Cuts, or extends by zeros.
    ///
    /// # Errors
    /// What the storage says.
    fn set_len(&self, len: u64) -> Result<()>;
    /// How many bytes there are.
    ///
    /// # Errors
    /// What the storage says.
    #[allow(
        clippy::len_without_is_empty,
        reason = "asked of files, whose emptiness nobody asks for"
    )]
    fn len(&self) -> Result<u64>;
    /// Brings everything to the disk.
    ///
    /// # Errors
    /// What the storage says.
    fn sync(&self) -> Result<()>;
}

/// Blobs that are waiting to be used again.
pub(super) type Free<B> = Rc<RefCell<Vec<(u32, B)>>>;

/// An open blob; the last holder of a removed one gives it back.
pub struct Held<B: Blob> {
    pub(super) id: u32,
    blob: Option<B>,
    free: Free<B>,
    removed: Cell<bool>,
}

impl<B: Blob> Held<B> {
    pub(super) fn new(id: u32, blob: B, free: &Free<B>) -> Rc<Self> {
        Rc::new(Self {
            id,
            blob: Some(blob),
            free: Rc::clone(free),
            removed: Cell::new(false),
        })
    }

    /// The bytes.
    #[must_use]
    pub fn blob(&self) -> &B {
        match &self.blob {
            Some(blob) => blob,
            None => unreachable!("taken only when it is dropped"),
        }
    }

    /// The file is gone: the blob is free once nobody reads it any more. Only after the journal says so
    /// on the disk, since a crash would otherwise find another file's bytes under this name.
    pub(super) fn remove(&self) {
        self.removed.set(true);
    }
}

impl<B: Blob> Drop for Held<B> {
    fn drop(&mut self) {
        if let (true, Some(blob)) = (self.removed.get(), self.blob.take()) {
            // Its room is of use at once; who takes the blob empties it in any case.
            let _ = blob.set_len(0);
            self.free.borrow_mut().push((self.id, blob));
        }
    }
}

pub(super) fn read_all<B: Blob>(blob: &B) -> Result<Vec<u8>> {
    let mut bytes = vec![0; blob.len()? as usize];
    let read = blob.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// A blob in memory.
#[derive(Debug, Default, Clone)]
pub struct Memory(pub(super) Rc<RefCell<Vec<u8>>>);

impl Blob for Memory {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<usize> {
        let held = self.0.borrow();
        let start = held.len().min(at as usize);
        let count = bytes.len().min(held.len() - start);
        bytes[..count].copy_from_slice(&held[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let (start, mut held) = (at as usize, self.0.borrow_mut());
        let end = start + bytes.len();
        if held.len() < end {
            held.resize(end, 0);
        }
        held[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut held = self.0.borrow_mut();
        held.resize(len as usize, 0);
        if len == 0 {
            held.shrink_to_fit();
        }
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        Ok(self.0.borrow().len() as u64)
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

//! A disk that fails, is full or dies at a chosen operation, and what of it is there afterwards. For
//! tests, of this crate and of those above it.

use std::cell::{Cell, RefCell};
use std::io::{Error, ErrorKind, Result};
use std::rc::Rc;

use super::{Blob, Volume};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and those after it don't.
    Fails,
    /// From it on there is no room: what would make a blob longer fails.
    Full,
    /// From it on nothing is done any more, as where a tab is closed.
    Dies,
}

/// What a crash takes of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// Lines of the journals.
    pub names: bool,
    /// Bytes of the files.
    pub bytes: bool,
}

impl Lost {
    /// Every crash: of the tab alone, which loses nothing, and of the machine.
    pub const ALL: [Self; 4] = [
        Self::new(false, false),
        Self::new(true, false),
        Self::new(false, true),
        Self::new(true, true),
    ];

    const fn new(names: bool, bytes: bool) -> Self {
        Self { names, bytes }
    }
}

/// Two journals and some blobs that outlive the volumes on them.
#[derive(Clone)]
pub struct Disk {
    blobs: Vec<DiskBlob>,
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    operations: Cell<usize>,
    fault: Cell<Option<(usize, Fault)>>,
}

/// One blob of a [`Disk`].
#[derive(Clone)]
pub struct DiskBlob {
    now: Rc<RefCell<Vec<u8>>>,
    synced: Rc<RefCell<Vec<u8>>>,
    state: Rc<State>,
}

impl Disk {
    /// A disk with room for so many files.
    #[must_use]
    pub fn new(files: usize) -> Self {
        Self::holding(vec![Vec::new(); 2 + files])
    }

    fn holding(contents: Vec<Vec<u8>>) -> Self {
        let state = Rc::new(State::default());
        let blobs = contents
            .into_iter()
            .map(|bytes| DiskBlob {
                now: Rc::new(RefCell::new(bytes.clone())),
                synced: Rc::new(RefCell::new(bytes)),
                state: Rc::clone(&state),
            })
            .collect();
        Self { blobs, state }
    }

    /// Opens the volume on it.
    ///
    /// # Errors
    /// As [`Volume::open`].
    pub fn open(&self) -> Result<Volume<DiskBlob>> {
        let [first, second, files @ ..] = self.blobs.as_slice() else {
            return Err(ErrorKind::NotFound.into());
        };
        let files = (0..).zip(files.iter().cloned()).collect();
        Volume::open([first.clone(), second.clone()], files, None)
    }

    /// Chooses what happens at the operation of this number, counted from 0 from now on.
    pub fn set_fault(&self, number: usize, fault: Fault) {
        self.state.operations.set(0);
        self.state.fault.set(Some((number, fault)));
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.state.operations.get()
    }

    /// The disk after a crash, without faults.
    #[must_use]
    pub fn after(&self, lost: Lost) -> Self {
        let contents = self.blobs.iter().enumerate().map(|(number, blob)| {
            let is_lost = if number < 2 { lost.names } else { lost.bytes };
            let bytes = if is_lost { &blob.synced } else { &blob.now };
            bytes.borrow().clone()
        });
        Self::holding(contents.collect())
    }
}

/// What an operation may do.
#[derive(PartialEq, Eq)]
enum Turn {
    Works,
    Fails,
    Full,
}

impl DiskBlob {
    fn turn(&self) -> Turn {
        let number = self.state.operations.get();
        self.state.operations.set(number + 1);
        match self.state.fault.get() {
            Some((at, Fault::Fails)) if number == at => Turn::Fails,
            Some((at, Fault::Dies)) if number >= at => Turn::Fails,
            Some((at, Fault::Full)) if number >= at => Turn::Full,
            _ => Turn::Works,
        }
    }

    /// Whether the disk is dead: the operation before this one found it so too.
    fn is_dead(&self) -> bool {
        let number = self.state.operations.get() - 1;
        matches!(self.state.fault.get(), Some((at, Fault::Dies)) if number > at)
    }

    fn write(&self, bytes: &[u8], at: usize) {
        let mut now = self.now.borrow_mut();
        let end = at + bytes.len();
        if now.len() < end {
            now.resize(end, 0);
        }
        now[at..end].copy_from_slice(bytes);
    }
}

fn failure() -> Error {
    Error::other("the disk failed, as it was told to")
}

impl Blob for DiskBlob {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<usize> {
        if self.turn() == Turn::Fails {
            return Err(failure());
        }
        let now = self.now.borrow();
        let start = now.len().min(at as usize);
        let count = bytes.len().min(now.len() - start);
        bytes[..count].copy_from_slice(&now[start..start + count]);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()> {
        let at = at as usize;
        match self.turn() {
            Turn::Works => self.write(bytes, at),
            Turn::Fails => {
                // Torn.
                if !self.is_dead() {
                    self.write(&bytes[..bytes.len() / 2], at);
                }
                return Err(failure());
            }
            Turn::Full => {
                let room = self.now.borrow().len().saturating_sub(at);
                if room < bytes.len() {
                    self.write(&bytes[..room], at);
                    return Err(ErrorKind::QuotaExceeded.into());
                }
                self.write(bytes, at);
            }
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let len = len as usize;
        let turn = self.turn();
        let mut now = self.now.borrow_mut();
        match turn {
            Turn::Fails => return Err(failure()),
            Turn::Full if len > now.len() => return Err(ErrorKind::QuotaExceeded.into()),
            Turn::Works | Turn::Full => now.resize(len, 0),
        }
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        // No operation of the disk: it is known of an open file.
        Ok(self.now.borrow().len() as u64)
    }

    fn sync(&self) -> Result<()> {
        if self.turn() == Turn::Fails {
            return Err(failure());
        }
        self.synced.replace(self.now.borrow().clone());
        Ok(())
    }
}

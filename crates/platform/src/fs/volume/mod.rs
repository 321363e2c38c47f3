//! Folders and names over a heap of numbered blobs, for a place that has no synchronous file system: a
//! browser's worker. It compiles on every target, so that native tests can make its storage fail.
//!
//! A blob holds the bytes of one file and knows nothing of its name. Names live in memory, and in a
//! journal of lines. So a rename, of a whole folder too, is a single line, and whoever opens the
//! volume after a crash finds it done or not done. A blob whose file was removed or replaced is used
//! again once the journal says so on the disk and nobody holds it open.

mod blob;
#[cfg(test)]
mod crashes;
pub mod faulty;
mod journal;
mod names;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use blob::Free;
pub use blob::{Blob, Held, Memory};
use journal::{Change, Found, Journal};
pub use names::absolute;
use names::{below, moved};

/// What is known of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    bytes: Option<u64>,
    modified: Duration,
}

impl Metadata {
    /// Whether it is a file.
    #[must_use]
    pub fn is_file(&self) -> bool {
        self.bytes.is_some()
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.bytes.is_none()
    }

    /// Bytes of a file; 0 of a folder.
    #[must_use]
    #[allow(
        clippy::len_without_is_empty,
        reason = "the name that std::fs gives it"
    )]
    pub fn len(&self) -> u64 {
        self.bytes.unwrap_or(0)
    }

    /// How often the volume had been changed when the file got its name: there is no clock here.
    ///
    /// # Errors
    /// Never; as [`std::fs::Metadata::modified`].
    pub fn modified(&self) -> Result<Duration> {
        Ok(self.modified)
    }
}

enum Node<B: Blob> {
    Folder,
    File { held: Rc<Held<B>>, change: u64 },
}

/// The volume: its names, its journal and its spare blobs.
pub struct Volume<B: Blob> {
    nodes: BTreeMap<PathBuf, Node<B>>,
    journal: Journal<B>,
    changes: u64,
    free: Free<B>,
    /// Makes a blob at once, where that can be done.
    make: Option<fn() -> B>,
    /// Why there are no more spare blobs, where the storage said so.
    refused: Option<Error>,
}

impl<B: Blob> Volume<B> {
    /// Opens a volume from its journals and all its blobs. Those that no file has are emptied. A storage
    /// without room is no error: what is there is seen, and can be removed.
    ///
    /// # Errors
    /// Where a journal can't be read.
    pub fn open(journals: [B; 2], blobs: Vec<(u32, B)>, make: Option<fn() -> B>) -> Result<Self> {
        let found = Found::read(journals)?;
        let free: Free<B> = Rc::default();
        let mut spare: BTreeMap<u32, B> = blobs.into_iter().collect();
        let mut nodes = BTreeMap::new();
        let mut changes = 0;
        for (path, id) in &found.names {
            changes += 1;
            let node = match id {
                None => Node::Folder,
                // A file whose blob is gone was not written to its end.
                Some(id) => match spare.remove(id) {
                    Some(blob) => Node::File {
                        held: Held::new(*id, blob, &free),
                        change: changes,
                    },
                    None => continue,
                },
            };
            nodes.insert(path.clone(), node);
        }
        for (id, blob) in spare {
            // For its room alone: who takes the blob empties it again.
            let _ = blob.set_len(0);
            free.borrow_mut().push((id, blob));
        }
        let names = nodes.iter().map(|(path, node)| match node {
            Node::Folder => Change::Folder(path.clone()),
            Node::File { held, .. } => Change::File(path.clone(), held.id),
        });
        let journal = found.begin(names)?;
        Ok(Self {
            nodes,
            journal,
            changes,
            free,
            make,
            refused: None,
        })
    }

    /// Blobs that new files can take.
    #[must_use]
    pub fn spare(&self) -> usize {
        self.free.borrow().len()
    }

    /// More blobs for new files.
    pub fn add(&mut self, blobs: impl IntoIterator<Item = (u32, B)>) {
        self.refused = None;
        self.free.borrow_mut().extend(blobs);
    }

    /// The storage gives no more blobs: what is said when a new file finds none.
    pub fn refuse(&mut self, reason: Error) {
        self.refused = Some(reason);
    }

    /// An existing file.
    ///
    /// # Errors
    /// Where there is none of that name.
    pub fn file(&self, path: &Path) -> Result<Rc<Held<B>>> {
        match self.nodes.get(&absolute(path)) {
            Some(Node::File { held, .. }) => Ok(Rc::clone(held)),
            Some(Node::Folder) => Err(Error::new(ErrorKind::IsADirectory, "it is a folder")),
            None => Err(missing()),
        }
    }

    /// A new, empty file in place of what had that name. Whoever has the former one open goes on
    /// reading it.
    ///
    /// # Errors
    /// Where its folder isn't there, or there is no room; nothing is changed then.
    pub fn create(&mut self, path: &Path) -> Result<Rc<Held<B>>> {
        let path = absolute(path);
        if self.is_dir(&path) {
            return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
        }
        self.check_parent(&path)?;
        let (id, blob) = self.take_blob()?;
        let change = Change::File(path.clone(), id);
        let noted = blob.set_len(0).and_then(|()| match self.exists(&path) {
            // On the disk before the former file's blob is used for something else.
            true => self.journal.commit(&change),
            false => self.journal.note(&change),
        });
        if let Err(error) = noted {
            self.free.borrow_mut().push((id, blob));
            return Err(error);
        }
        let held = Held::new(id, blob, &self.free);
        self.put(path, Rc::clone(&held));
        Ok(held)
    }

    fn take_blob(&self) -> Result<(u32, B)> {
        if let Some(spare) = self.free.borrow_mut().pop() {
            return Ok(spare);
        }
        if let Some(make) = self.make {
            return Ok((u32::MAX, make()));
        }
        Err(match &self.refused {
            Some(reason) => Error::new(reason.kind(), reason.to_string()),
            None => Error::other("too many new files at once for the browser's storage"),
        })
    }

    /// A folder, and those it lies in, where they are not there yet.
    ///
    /// # Errors
    /// Where a file has one of the names, or the storage refuses.
    pub fn create_dir_all(&mut self, path: &Path) -> Result<()> {
        let path = absolute(path);
        let mut missing: Vec<PathBuf> = Vec::new();
        for folder in path.ancestors() {
            match self.nodes.get(folder) {
                Some(Node::Folder) => break,
                Some(Node::File { .. }) => {
                    return Err(Error::new(ErrorKind::NotADirectory, "a file has that name"));
                }
                None => missing.push(folder.to_owned()),
            }
        }
        for folder in missing.into_iter().rev() {
            self.journal.note(&Change::Folder(folder.clone()))?;
            self.changes += 1;
            self.nodes.insert(folder, Node::Folder);
        }
        Ok(())
    }

    /// Renames a file over a file, or a folder to a name that is free.
    ///
    /// # Errors
    /// As [`std::fs::rename`]; nothing is changed then.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        let (from, to) = (absolute(from), absolute(to));
        let folder = self.is_dir(&from);
        if !folder && !self.nodes.contains_key(&from) {
            return Err(missing());
        }
        self.check_parent(&to)?;
        if self.nodes.contains_key(&to) && (folder || self.is_dir(&to)) {
            return Err(Error::new(ErrorKind::AlreadyExists, "that name is taken"));
        }
        if from == to {
            return Ok(());
        }
        if to.starts_with(&from) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a folder can't be moved into itself",
            ));
        }
        // On the disk before the blob of a file that is replaced is used for something else.
        self.journal
            .commit(&Change::Rename(from.clone(), to.clone()))?;
        let paths: Vec<PathBuf> = below(&self.nodes, &from);
        for path in paths {
            if let Some(node) = self.nodes.remove(&path) {
                match node {
                    Node::Folder => {
                        self.nodes.insert(moved(&path, &from, &to), Node::Folder);
                    }
                    Node::File { held, .. } => self.put(moved(&path, &from, &to), held),
                }
            }
        }
        Ok(())
    }

    /// Removes a file, or a folder with all in it.
    ///
    /// # Errors
    /// Where there is no such file, or the storage refuses; nothing is changed then.
    pub fn remove(&mut self, path: &Path) -> Result<()> {
        let path = absolute(path);
        if !self.nodes.contains_key(&path) {
            return Err(missing());
        }
        // On the disk before a blob is used for something else.
        self.journal.commit(&Change::Remove(path.clone()))?;
        self.changes += 1;
        let paths: Vec<PathBuf> = below(&self.nodes, &path);
        for path in paths {
            if let Some(Node::File { held, .. }) = self.nodes.remove(&path) {
                held.remove();
            }
        }
        if self.nodes.is_empty() {
            self.nodes.insert(PathBuf::from("/"), Node::Folder);
        }
        Ok(())
    }

    fn exists(&self, path: &Path) -> bool {
        self.nodes.contains_key(path)
    }

    /// Whether a folder is there.
    #[must_use]
    pub fn is_dir(&self, path: &Path) -> bool {
        matches!(self.nodes.get(&absolute(path)), Some(Node::Folder))
    }

    /// What is known of a file or folder.
    ///
    /// # Errors
    /// Where there is nothing of that name.
    pub fn metadata(&self, path: &Path) -> Result<Metadata> {
        match self.nodes.get(&absolute(path)) {
            None => Err(missing()),
            Some(Node::Folder) => Ok(Metadata {
                bytes: None,
                modified: Duration::ZERO,
            }),
            Some(Node::File { held, change }) => Ok(Metadata {
                bytes: Some(held.blob().len()?),
                modified: Duration::from_secs(*change),
            }),
        }
    }

    /// What lies directly in a folder, by name.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub fn read_dir(&self, path: &Path) -> Result<Vec<PathBuf>> {
        let folder = absolute(path);
        match self.nodes.get(&folder) {
            Some(Node::Folder) => {}
            Some(Node::File { .. }) => {
                return Err(Error::new(ErrorKind::NotADirectory, "it is a file"));
            }
            None => return Err(missing()),
        }
        let children = self.nodes.keys();
        Ok(children
            .filter(|child| child.parent() == Some(&folder))
            .cloned()
            .collect())
    }

    fn put(&mut self, path: PathBuf, held: Rc<Held<B>>) {
        self.changes += 1;
        let change = self.changes;
        let former = self.nodes.insert(path, Node::File { held, change });
        if let Some(Node::File { held, .. }) = former {
            held.remove();
        }
    }

    fn check_parent(&self, path: &Path) -> Result<()> {
        match path.parent() {
            Some(parent) if self.is_dir(parent) => Ok(()),
            _ => Err(Error::new(ErrorKind::NotFound, "its folder does not exist")),
        }
    }
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such file or folder")
}

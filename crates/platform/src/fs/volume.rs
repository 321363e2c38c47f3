//! Folders and names over a heap of numbered blobs, for a place that has no synchronous file system.
//!
//! A blob holds the bytes of one file and knows nothing of its name. Names live in memory, and in a
//! journal: one JSON line a change, appended. So a rename, of a whole folder too, is a single line, and
//! whoever opens the volume after a crash finds it done or not done; a torn last line is cut away. Of
//! two journals one is in use; each opening begins the other with what is there.
//! A blob whose file was removed is used again once nobody holds it open.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Where the bytes of one file are.
pub(super) trait Blob {
    /// Reads at most `bytes.len()` bytes from `at` on; fewer at the end.
    fn read_at(&self, bytes: &mut [u8], at: u64) -> Result<usize>;
    /// Writes all of `bytes` from `at` on; what lies between the end and `at` becomes zeros.
    fn write_at(&self, bytes: &[u8], at: u64) -> Result<()>;
    /// Cuts, or extends by zeros.
    fn set_len(&self, len: u64) -> Result<()>;
    fn len(&self) -> Result<u64>;
    /// Brings everything to the disk.
    fn sync(&self) -> Result<()>;
}

/// Blobs that are waiting to be used again.
type Free<B> = Rc<RefCell<Vec<(u32, B)>>>;

/// An open blob; the last holder of a removed one gives it back.
pub(super) struct Held<B: Blob> {
    id: u32,
    blob: Option<B>,
    free: Free<B>,
    removed: std::cell::Cell<bool>,
}

impl<B: Blob> Held<B> {
    pub(super) fn blob(&self) -> &B {
        match &self.blob {
            Some(blob) => blob,
            None => unreachable!("taken only when it is dropped"),
        }
    }
}

impl<B: Blob> Drop for Held<B> {
    fn drop(&mut self) {
        if let (true, Some(blob)) = (self.removed.get(), self.blob.take()) {
            self.free.borrow_mut().push((self.id, blob));
        }
    }
}

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

/// A change of names, as the journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    /// A folder is there.
    Folder(PathBuf),
    /// A file is there, with the bytes of a blob.
    File(PathBuf, u32),
    /// The first is now the second.
    Rename(PathBuf, PathBuf),
    /// A file, or a folder with all in it, is gone.
    Remove(PathBuf),
    /// The journal's first line: the one with the higher number counts.
    Begin(u64),
    /// All that was there when the journal was begun is told; changes follow.
    Complete,
}

/// The volume: its names, its journal and its spare blobs.
pub(super) struct Volume<B: Blob> {
    nodes: BTreeMap<PathBuf, Node<B>>,
    journal: B,
    journal_end: u64,
    changes: u64,
    free: Free<B>,
    /// Makes a blob at once, where that can be done.
    make: Option<fn() -> B>,
}

impl<B: Blob> Volume<B> {
    /// Opens a volume from its journal and all its blobs. Those that no file has are emptied.
    ///
    /// # Errors
    /// Where a blob can't be read or emptied. A journal that makes no sense from some line on is read
    /// up to there.
    pub(super) fn open(
        journals: [B; 2],
        blobs: Vec<(u32, B)>,
        make: Option<fn() -> B>,
    ) -> Result<Self> {
        let texts = [read_all(&journals[0])?, read_all(&journals[1])?];
        let generations = [generation(&texts[0]), generation(&texts[1])];
        let [first, second] = journals;
        let (text, generation, next) = if generations[0] >= generations[1] {
            (&texts[0], generations[0], second)
        } else {
            (&texts[1], generations[1], first)
        };
        let mut files: BTreeMap<PathBuf, Option<u32>> = BTreeMap::new();
        files.insert(PathBuf::from("/"), None);
        for line in text.split(|byte| *byte == b'\n') {
            let Ok(change) = serde_json::from_slice::<Change>(line) else {
                break;
            };
            match change {
                Change::Folder(path) => {
                    files.insert(path, None);
                }
                Change::File(path, id) => {
                    files.insert(path, Some(id));
                }
                Change::Rename(from, to) => {
                    for path in below(&files, &from) {
                        if let Some(node) = files.remove(&path) {
                            files.insert(moved(&path, &from, &to), node);
                        }
                    }
                }
                Change::Remove(path) => {
                    for path in below(&files, &path) {
                        files.remove(&path);
                    }
                }
                Change::Begin(_) | Change::Complete => {}
            }
        }
        let free: Free<B> = Rc::default();
        let mut spare: BTreeMap<u32, B> = blobs.into_iter().collect();
        let mut volume = Self {
            nodes: BTreeMap::new(),
            journal: next,
            journal_end: 0,
            changes: 0,
            free: Rc::clone(&free),
            make,
        };
        for (path, id) in files {
            volume.changes += 1;
            let node = match id {
                None => Node::Folder,
                // A file whose blob is gone was not written to its end.
                Some(id) => match spare.remove(&id) {
                    Some(blob) => Node::File {
                        held: volume.hold(id, blob),
                        change: volume.changes,
                    },
                    None => continue,
                },
            };
            volume.nodes.insert(path, node);
        }
        for (id, blob) in spare {
            blob.set_len(0)?;
            free.borrow_mut().push((id, blob));
        }
        volume.begin_journal(generation.unwrap_or(0) + 1)?;
        Ok(volume)
    }

    /// Blobs that new files can take.
    pub(super) fn spare(&self) -> usize {
        self.free.borrow().len()
    }

    /// More blobs for new files.
    pub(super) fn add(&self, blobs: impl IntoIterator<Item = (u32, B)>) {
        self.free.borrow_mut().extend(blobs);
    }

    /// An existing file.
    pub(super) fn file(&self, path: &Path) -> Result<Rc<Held<B>>> {
        match self.nodes.get(&absolute(path)) {
            Some(Node::File { held, .. }) => Ok(Rc::clone(held)),
            Some(Node::Folder) => Err(Error::new(ErrorKind::IsADirectory, "it is a folder")),
            None => Err(missing()),
        }
    }

    /// A new, empty file in place of what had that name. Whoever has the former one open goes on
    /// reading it.
    pub(super) fn create(&mut self, path: &Path) -> Result<Rc<Held<B>>> {
        let path = absolute(path);
        if self.is_dir(&path) {
            return Err(Error::new(ErrorKind::IsADirectory, "it is a folder"));
        }
        self.check_parent(&path)?;
        let next = self.free.borrow_mut().pop();
        let (id, blob) = match (next, self.make) {
            (Some(spare), _) => spare,
            (None, Some(make)) => (u32::MAX, make()),
            (None, None) => {
                return Err(Error::other(
                    "too many new files at once for the browser's storage",
                ));
            }
        };
        blob.set_len(0)?;
        let held = self.hold(id, blob);
        self.note(&Change::File(path.clone(), id))?;
        self.put(path, Rc::clone(&held));
        Ok(held)
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> Result<()> {
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
            self.note(&Change::Folder(folder.clone()))?;
            self.nodes.insert(folder, Node::Folder);
        }
        Ok(())
    }

    /// Renames a file over a file, or a folder to a name that is free.
    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
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
        self.note(&Change::Rename(from.clone(), to.clone()))?;
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
        self.journal.sync()
    }

    /// Removes a file, or a folder with all in it.
    pub(super) fn remove(&mut self, path: &Path) -> Result<()> {
        let path = absolute(path);
        if !self.nodes.contains_key(&path) {
            return Err(missing());
        }
        self.note(&Change::Remove(path.clone()))?;
        // On the disk before a blob is used for something else.
        self.journal.sync()?;
        let paths: Vec<PathBuf> = below(&self.nodes, &path);
        for path in paths {
            if let Some(Node::File { held, .. }) = self.nodes.remove(&path) {
                held.removed.set(true);
            }
        }
        if self.nodes.is_empty() {
            self.nodes.insert(PathBuf::from("/"), Node::Folder);
        }
        Ok(())
    }

    pub(super) fn is_dir(&self, path: &Path) -> bool {
        matches!(self.nodes.get(&absolute(path)), Some(Node::Folder))
    }

    pub(super) fn metadata(&self, path: &Path) -> Result<Metadata> {
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
    pub(super) fn read_dir(&self, path: &Path) -> Result<Vec<PathBuf>> {
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

    fn hold(&self, id: u32, blob: B) -> Rc<Held<B>> {
        Rc::new(Held {
            id,
            blob: Some(blob),
            free: Rc::clone(&self.free),
            removed: false.into(),
        })
    }

    fn put(&mut self, path: PathBuf, held: Rc<Held<B>>) {
        let change = self.changes;
        let former = self.nodes.insert(path, Node::File { held, change });
        if let Some(Node::File { held, .. }) = former {
            held.removed.set(true);
        }
    }

    fn check_parent(&self, path: &Path) -> Result<()> {
        match path.parent() {
            Some(parent) if self.is_dir(parent) => Ok(()),
            _ => Err(Error::new(ErrorKind::NotFound, "its folder does not exist")),
        }
    }

    fn note(&mut self, change: &Change) -> Result<()> {
        self.changes += 1;
        let line = line(change)?;
        self.journal.write_at(&line, self.journal_end)?;
        self.journal_end += line.len() as u64;
        Ok(())
    }

    /// Writes what is there to the journal that isn't in use: from its last line on it is the one that
    /// counts.
    fn begin_journal(&mut self, generation: u64) -> Result<()> {
        let mut lines = line(&Change::Begin(generation))?;
        for (path, node) in &self.nodes {
            lines.extend(line(&match node {
                Node::Folder => Change::Folder(path.clone()),
                Node::File { held, .. } => Change::File(path.clone(), held.id),
            })?);
        }
        lines.extend(line(&Change::Complete)?);
        self.journal.set_len(0)?;
        self.journal.write_at(&lines, 0)?;
        self.journal_end = lines.len() as u64;
        self.journal.sync()
    }
}

fn line(change: &Change) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(change)?;
    line.push(b'\n');
    Ok(line)
}

/// The number of a journal that was begun and brought up to its opening's state.
fn generation(text: &[u8]) -> Option<u64> {
    let mut lines = text.split(|byte| *byte == b'\n');
    let Ok(Change::Begin(generation)) = serde_json::from_slice(lines.next()?) else {
        return None;
    };
    lines
        .map_while(|line| serde_json::from_slice(line).ok())
        .any(|change| matches!(change, Change::Complete))
        .then_some(generation)
}

fn missing() -> Error {
    Error::new(ErrorKind::NotFound, "there is no such file or folder")
}

fn read_all<B: Blob>(blob: &B) -> Result<Vec<u8>> {
    let mut bytes = vec![0; blob.len()? as usize];
    let read = blob.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}

/// The path from the root, without `.` and `..`.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let mut absolute = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => absolute.push(name),
            Component::ParentDir => {
                absolute.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    absolute
}

fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
        Ok(rest) => to.join(rest),
        Err(_) => path.to_owned(),
    }
}

/// A path and all below it.
fn below<T>(nodes: &BTreeMap<PathBuf, T>, path: &Path) -> Vec<PathBuf> {
    let paths = nodes.keys().filter(|other| other.starts_with(path));
    paths.cloned().collect()
}

/// A blob in memory.
#[derive(Debug, Default, Clone)]
pub(super) struct Memory(Rc<RefCell<Vec<u8>>>);

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
        self.0.borrow_mut().resize(len as usize, 0);
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        Ok(self.0.borrow().len() as u64)
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A disk that outlives the volumes on it.
    struct Disk {
        journals: [Memory; 2],
        blobs: Vec<Memory>,
    }

    impl Disk {
        fn new(blobs: usize) -> Self {
            Self {
                journals: Default::default(),
                blobs: (0..blobs).map(|_| Memory::default()).collect(),
            }
        }

        fn open(&self) -> Volume<Memory> {
            let blobs = (0..).zip(self.blobs.iter().cloned()).collect();
            Volume::open(self.journals.clone(), blobs, None).unwrap()
        }
    }

    fn put(volume: &mut Volume<Memory>, path: &str, text: &str) {
        let held = volume.create(Path::new(path)).unwrap();
        held.blob().write_at(text.as_bytes(), 0).unwrap();
    }

    fn text(volume: &Volume<Memory>, path: &str) -> String {
        let held = volume.file(Path::new(path)).unwrap();
        String::from_utf8(read_all(held.blob()).unwrap()).unwrap()
    }

    fn names(volume: &Volume<Memory>, path: &str) -> Vec<String> {
        let paths = volume.read_dir(Path::new(path)).unwrap();
        paths
            .iter()
            .map(|path| path.display().to_string())
            .collect()
    }

    #[test]
    fn what_was_there_is_there_when_it_is_opened_again() {
        let disk = Disk::new(4);
        let mut volume = disk.open();
        volume
            .create_dir_all(Path::new("/runs/mine/.tmp-1"))
            .unwrap();
        put(&mut volume, "/runs/mine/.tmp-1/a.json", "one");
        put(&mut volume, "/runs/mine/.tmp-1/b.json", "two");
        volume
            .rename(
                Path::new("/runs/mine/.tmp-1"),
                Path::new("/runs/mine/checkpoint-1"),
            )
            .unwrap();
        put(&mut volume, "/runs/mine/log", "three");
        volume.remove(Path::new("/runs/mine/log")).unwrap();
        drop(volume);
        for _ in 0..3 {
            let volume = disk.open();
            assert_eq!(names(&volume, "/runs/mine"), ["/runs/mine/checkpoint-1"]);
            assert_eq!(text(&volume, "runs/mine/checkpoint-1/b.json"), "two");
            assert_eq!(volume.spare(), 2);
        }
    }

    #[test]
    fn a_crash_at_any_byte_of_the_journal_leaves_a_change_done_or_not_done() {
        let disk = Disk::new(3);
        let mut volume = disk.open();
        volume.create_dir_all(Path::new("/a")).unwrap();
        put(&mut volume, "/a/x", "x");
        let before = volume.journal_end as usize;
        volume.rename(Path::new("/a"), Path::new("/b")).unwrap();
        let journal = volume.journal.0.borrow().clone();
        drop(volume);
        for cut in before..=journal.len() {
            let torn = Disk::new(3);
            let blobs = disk
                .blobs
                .iter()
                .map(|blob| Memory(Rc::new(blob.0.borrow().clone().into())));
            let torn = Disk {
                blobs: blobs.collect(),
                ..torn
            };
            *torn.journals[1].0.borrow_mut() = journal[..cut].to_vec();
            let volume = torn.open();
            let done = cut >= journal.len() - 1;
            assert_eq!(
                text(&volume, if done { "/b/x" } else { "/a/x" }),
                "x",
                "cut at {cut}"
            );
            assert_eq!(volume.is_dir(Path::new("/a")), !done);
        }
    }

    #[test]
    fn a_crash_while_a_journal_is_begun_leaves_the_other_in_use() {
        let disk = Disk::new(2);
        let mut volume = disk.open();
        put(&mut volume, "/x", "x");
        let used = volume.journal.clone();
        drop(volume);
        let other = disk
            .journals
            .iter()
            .find(|journal| !Rc::ptr_eq(&journal.0, &used.0))
            .unwrap();
        *other.0.borrow_mut() = b"{\"begin\":9}\n{\"folder\":\"/\"}\n".to_vec();
        assert_eq!(text(&disk.open(), "/x"), "x");
    }

    #[test]
    fn a_blob_is_used_again_when_nobody_reads_it_any_more() {
        let disk = Disk::new(2);
        let mut volume = disk.open();
        put(&mut volume, "/x", "first");
        let open = volume.file(Path::new("/x")).unwrap();
        put(&mut volume, "/x", "second");
        assert_eq!(volume.spare(), 0);
        assert_eq!(read_all(open.blob()).unwrap(), b"first");
        let error = volume.create(Path::new("/y")).err().unwrap();
        assert!(error.to_string().contains("too many new files"), "{error}");
        drop(open);
        volume.add([(2, Memory::default())]);
        assert_eq!(volume.spare(), 2);
        put(&mut volume, "/y", "third");
        assert_eq!(
            (text(&volume, "/x"), text(&volume, "/y")),
            ("second".into(), "third".into())
        );
    }

    #[test]
    fn what_std_refuses_is_refused() {
        let disk = Disk::new(2);
        let mut volume = disk.open();
        let kind = |result: Result<()>| result.unwrap_err().kind();
        assert_eq!(
            kind(volume.create(Path::new("/no/x")).map(|_| ())),
            ErrorKind::NotFound
        );
        put(&mut volume, "/x", "");
        assert_eq!(
            kind(volume.create_dir_all(Path::new("/x/y"))),
            ErrorKind::NotADirectory
        );
        volume.create_dir_all(Path::new("/d/e")).unwrap();
        assert_eq!(
            kind(volume.file(Path::new("/d")).map(|_| ())),
            ErrorKind::IsADirectory
        );
        assert_eq!(
            kind(volume.rename(Path::new("/d"), Path::new("/d/e/f"))),
            ErrorKind::InvalidInput
        );
        assert_eq!(
            kind(volume.rename(Path::new("/x"), Path::new("/d"))),
            ErrorKind::AlreadyExists
        );
        assert_eq!(
            kind(volume.rename(Path::new("/n"), Path::new("/m"))),
            ErrorKind::NotFound
        );
        assert_eq!(kind(volume.remove(Path::new("/n"))), ErrorKind::NotFound);
        assert_eq!(
            kind(volume.read_dir(Path::new("/x")).map(|_| ())),
            ErrorKind::NotADirectory
        );
        let file = volume.metadata(Path::new("/x")).unwrap();
        assert!(file.is_file() && !file.is_dir() && file.len() == 0);
        put(&mut volume, "/x", "new");
        let newer = volume.metadata(Path::new("/x")).unwrap();
        assert!(newer.modified().unwrap() > file.modified().unwrap());
        assert_eq!(absolute(Path::new("a/./b/../c")), Path::new("/a/c"));
    }
}

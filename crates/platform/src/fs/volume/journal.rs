//! The journal of names: one JSON line a change, appended.
//!
//! Of two journals one is in use. Each opening begins the other with what is there, and uses that from
//! its line `complete` on; where there is no room for it, the one in use is gone on with. A line counts
//! once its newline is there, so a change is done or not done, and a torn last line is overwritten by
//! the next.

use std::collections::BTreeMap;
use std::io::Result;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::blob::{Blob, read_all};
use super::names::{below, moved};

/// The room that is kept behind the last line for removals alone: where the storage is full, files
/// can still be removed, which takes a line too.
const RESERVE: u64 = 4096;

/// A change of names, as the journal keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
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

/// What is there: folders, and files with the number of their blob.
pub(super) type Names = BTreeMap<PathBuf, Option<u32>>;

/// The journal in use.
pub(super) struct Journal<B: Blob> {
    pub(super) blob: B,
    /// Behind the last line that counts.
    pub(super) end: u64,
    /// The bytes of the blob; those behind the end are of no meaning.
    len: u64,
}

/// What the two journals say.
pub(super) struct Found<B: Blob> {
    pub(super) names: Names,
    current: Journal<B>,
    other: B,
    generation: u64,
}

impl<B: Blob> Found<B> {
    /// Reads the journal that counts, up to the line from which on it makes no sense.
    pub(super) fn read(journals: [B; 2]) -> Result<Self> {
        let texts = [read_all(&journals[0])?, read_all(&journals[1])?];
        let generations = [generation(&texts[0]), generation(&texts[1])];
        let [first, second] = journals;
        let (text, generation, blob, other) = if generations[0] >= generations[1] {
            (&texts[0], generations[0], first, second)
        } else {
            (&texts[1], generations[1], second, first)
        };
        let root = PathBuf::from("/");
        let mut names = Names::from([(root.clone(), None)]);
        let mut end = 0;
        for (change, length) in changes(text) {
            end += length;
            apply(&mut names, change);
        }
        names.entry(root).or_insert(None);
        let len = text.len() as u64;
        Ok(Self {
            names,
            current: Journal { blob, end, len },
            other,
            generation: generation.unwrap_or(0),
        })
    }

    /// Begins the other journal with `names`, so that it holds no more lines than there are files. Where
    /// that can't be written (no room), the journal that was read stays in use: what is stored is seen.
    pub(super) fn begin(self, names: impl Iterator<Item = Change>) -> Result<Journal<B>> {
        let mut lines = line(&Change::Begin(self.generation + 1))?;
        for change in names {
            lines.extend(line(&change)?);
        }
        let written = write_whole(&self.other, &lines, &line(&Change::Complete)?);
        Ok(match written {
            Ok(end) => {
                let mut journal = Journal {
                    blob: self.other,
                    end,
                    len: end,
                };
                // Tried again with the first change.
                let _ = journal.make_room(end);
                journal
            }
            Err(_) => {
                // Without its last line it doesn't count; this is for an error that came after that.
                let _ = self.other.set_len(0);
                self.current
            }
        })
    }
}

fn write_whole<B: Blob>(blob: &B, lines: &[u8], last: &[u8]) -> Result<u64> {
    blob.set_len(0)?;
    blob.write_at(lines, 0)?;
    // On the disk before the line that says so.
    blob.sync()?;
    blob.write_at(last, lines.len() as u64)?;
    blob.sync()?;
    Ok((lines.len() + last.len()) as u64)
}

impl<B: Blob> Journal<B> {
    /// Notes a change, which a crash may lose.
    ///
    /// # Errors
    /// As the storage; the change is not noted then.
    pub(super) fn note(&mut self, change: &Change) -> Result<()> {
        let line = line(change)?;
        let end = self.end + line.len() as u64;
        let room = self.make_room(end);
        if !matches!(change, Change::Remove(_)) {
            room?;
        }
        self.blob.write_at(&line, self.end)?;
        self.end = end;
        self.len = self.len.max(end);
        Ok(())
    }

    /// Notes a change and brings it to the disk, with all before it.
    ///
    /// # Errors
    /// As the storage; the change is not noted then.
    pub(super) fn commit(&mut self, change: &Change) -> Result<()> {
        let before = self.end;
        self.note(change)?;
        self.blob.sync().inspect_err(|_| {
            let noted = (self.end - before) as usize;
            // In place, which needs no room. Where that fails too, the next line overwrites it.
            let _ = self.blob.write_at(&vec![0; noted], before);
            self.end = before;
        })
    }

    /// Extends the blob, so that the reserve lies behind `end`.
    fn make_room(&mut self, end: u64) -> Result<()> {
        if self.len < end + RESERVE {
            // For some lines more, so that not every one asks.
            self.blob.set_len(end + 2 * RESERVE)?;
            self.len = end + 2 * RESERVE;
        }
        Ok(())
    }
}

fn line(change: &Change) -> Result<Vec<u8>> {
    let mut line = serde_json::to_vec(change)?;
    line.push(b'\n');
    Ok(line)
}

/// The whole lines of a journal, as long as they make sense, each with its length.
fn changes(text: &[u8]) -> impl Iterator<Item = (Change, u64)> {
    text.split_inclusive(|byte| *byte == b'\n')
        .map_while(|line| {
            let change = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
            Some((change, line.len() as u64))
        })
}

/// The number of a journal that was begun and brought up to its opening's state.
fn generation(text: &[u8]) -> Option<u64> {
    let mut changes = changes(text).map(|(change, _)| change);
    let Change::Begin(generation) = changes.next()? else {
        return None;
    };
    changes
        .any(|change| matches!(change, Change::Complete))
        .then_some(generation)
}

fn apply(names: &mut Names, change: Change) {
    match change {
        Change::Folder(path) => {
            names.insert(path, None);
        }
        Change::File(path, id) => {
            names.insert(path, Some(id));
        }
        Change::Rename(from, to) => {
            for path in below(names, &from) {
                if let Some(node) = names.remove(&path) {
                    names.insert(moved(&path, &from, &to), node);
                }
            }
        }
        Change::Remove(path) => {
            for path in below(names, &path) {
                names.remove(&path);
            }
        }
        Change::Begin(_) | Change::Complete => {}
    }
}

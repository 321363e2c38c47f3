//! The calls of a native run over the browser's volume, whose tab is closed at every operation of its
//! storage.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_int;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tunesmith_platform::fs::volume::faulty::{Disk, DiskBlob, Fault, Lost};
use tunesmith_platform::fs::volume::{Blob, Held, Volume};

use crate::place::{Place, Tree};
use crate::system::Change;
use crate::{again, turn, undisturbed};

/// Files at a time, as many as a browser's worker has open.
const FILES: usize = 64;

/// A file as the browser's `File` has it.
struct Open {
    held: Rc<Held<DiskBlob>>,
    position: u64,
}

struct Replay {
    disk: Disk,
    volume: Volume<DiskBlob>,
    open: BTreeMap<c_int, Open>,
}

impl Replay {
    fn new(place: &Place) -> Self {
        let disk = Disk::new(FILES);
        let mut volume = disk.open().unwrap();
        let parent = place.out();
        volume.create_dir_all(parent.parent().unwrap()).unwrap();
        Self {
            disk,
            volume,
            open: BTreeMap::new(),
        }
    }

    fn take(&mut self, change: &Change) -> std::io::Result<()> {
        let Self { volume, open, .. } = self;
        match change {
            Change::Open {
                fd,
                path,
                truncates,
            } => {
                let held = match truncates {
                    true => volume.create(path)?,
                    false => volume.file(path)?,
                };
                // What isn't truncated is opened to be synced or appended to.
                let position = held.blob().len()?;
                open.insert(*fd, Open { held, position });
            }
            Change::Write { fd, bytes } => {
                if let Some(file) = open.get_mut(fd) {
                    file.held.blob().write_at(bytes, file.position)?;
                    file.position += bytes.len() as u64;
                }
            }
            Change::Length { fd, length } => {
                if let Some(file) = open.get(fd) {
                    file.held.blob().set_len(*length)?;
                }
            }
            Change::Sync { fd } => {
                if let Some(file) = open.get(fd) {
                    file.held.blob().sync()?;
                }
            }
            Change::Close { fd } => drop(open.remove(fd)),
            Change::Rename { from, to } => volume.rename(from, to)?,
            Change::Remove { path } => volume.remove(path)?,
            Change::Folder { path } => volume.create_dir_all(path)?,
        }
        Ok(())
    }
}

fn tree(volume: &Volume<DiskBlob>, folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in volume.read_dir(&folder).unwrap() {
            if volume.is_dir(&path) {
                found.insert(path.clone(), None);
                folders.push(path);
            } else {
                let held = volume.file(&path).unwrap();
                let mut bytes = vec![0; held.blob().len().unwrap() as usize];
                held.blob().read_at(&mut bytes, 0).unwrap();
                found.insert(path, Some(bytes));
            }
        }
    }
    found
}

#[test]
fn a_tab_that_is_closed() {
    let _turn = turn();
    let place = Place::new();
    let (weights, watched) = undisturbed(&place);
    let changes = watched.changes;
    let root = place.out().parent().unwrap().to_owned();

    let mut whole = Replay::new(&place);
    whole.disk.set_fault(usize::MAX, Fault::Dies);
    for change in &changes {
        whole
            .take(change)
            .unwrap_or_else(|error| panic!("{change:?}: {error}"));
    }
    let operations = whole.disk.operations();
    assert!(operations > 300, "{operations}");
    let mut written = tree(&whole.volume, &root);
    for (path, bytes) in place
        .written()
        .iter()
        .flat_map(|folder| crate::place::tree(folder))
    {
        assert_eq!(written.remove(&path), Some(bytes), "{}", path.display());
    }
    assert_eq!(
        written.into_keys().collect::<Vec<PathBuf>>(),
        Vec::<PathBuf>::new()
    );

    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for number in 0..operations {
        let mut replay = Replay::new(&place);
        replay.disk.set_fault(number, Fault::Dies);
        let failed = changes.iter().find(|change| replay.take(change).is_err());
        let disk = replay.disk.after(Lost::ALL[0]);
        place.put(
            &tree(&disk.open().unwrap(), &root)
                .into_iter()
                .filter(|(path, _)| {
                    place
                        .written()
                        .iter()
                        .any(|folder| path.starts_with(folder))
                })
                .collect(),
        );
        if seen.insert(place.key())
            && let Some(what) = again(&place, &weights)
        {
            let named = failed.map(|change| match change {
                Change::Write { fd, bytes } => format!("write of {} bytes to {fd}", bytes.len()),
                other => format!("{other:?}"),
            });
            wrong.push(format!("closed at operation {number} ({named:?}): {what}"));
        }
    }
    println!(
        "closed at {operations} operations, {} states gone on from, {} wrong",
        seen.len(),
        wrong.len()
    );
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

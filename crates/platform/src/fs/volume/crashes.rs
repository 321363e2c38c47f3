//! What a run does to its files, over a disk that goes wrong at every operation in turn.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::faulty::{Disk, DiskBlob, Fault, Lost};
use super::{Blob, Held, Volume};

/// One call of the pipeline's.
#[derive(Debug, Clone, Copy)]
enum Step {
    Folder(&'static str),
    Create(&'static str),
    /// Bytes at the end of the file that was created last.
    Write(&'static str),
    Sync,
    Rename(&'static str, &'static str),
    Remove(&'static str),
}
use Step::{Create, Folder, Remove, Rename, Sync, Write};

/// Two checkpoints, of which the second takes the first one's place, a file replaced by a rename and one
/// that is written over; more files one after the other than there are blobs.
const RUN: &[Step] = &[
    Folder("/runs"),
    Folder("/runs/mine"),
    Folder("/runs/mine/.tmp-1"),
    Create("/runs/mine/.tmp-1/model"),
    Write("first model, "),
    Write("its other half"),
    Sync,
    Create("/runs/mine/.tmp-1/state"),
    Write("first state"),
    Sync,
    Rename("/runs/mine/.tmp-1", "/runs/mine/checkpoint-1"),
    Create("/runs/mine/results.tmp"),
    Write("results of step 1"),
    Sync,
    Rename("/runs/mine/results.tmp", "/runs/mine/results"),
    Create("/runs/mine/log"),
    Write("a log"),
    Sync,
    Folder("/runs/mine/.tmp-2"),
    Create("/runs/mine/.tmp-2/model"),
    Write("second model, longer than the first"),
    Sync,
    Rename("/runs/mine/.tmp-2", "/runs/mine/checkpoint-2"),
    Remove("/runs/mine/checkpoint-1"),
    // Over a file, whose blob is the next one's at once.
    Create("/runs/mine/log"),
    Write("another log"),
    Sync,
    Create("/runs/mine/results.tmp"),
    Write("results of step 2"),
    Sync,
    Rename("/runs/mine/results.tmp", "/runs/mine/results"),
    Create("/runs/mine/notes"),
    Write("notes"),
    Sync,
    Remove("/runs/mine/log"),
    Create("/runs/mine/end"),
    Write("the end"),
    Sync,
];

const BLOBS: usize = 5;

type Open = Option<Rc<Held<DiskBlob>>>;

fn take(volume: &mut Volume<DiskBlob>, open: &mut Open, step: Step) -> std::io::Result<()> {
    match step {
        Folder(path) => volume.create_dir_all(Path::new(path)),
        Create(path) => {
            *open = None;
            *open = Some(volume.create(Path::new(path))?);
            Ok(())
        }
        Write(text) => {
            let Some(held) = open else { return Ok(()) };
            held.blob().write_at(text.as_bytes(), held.blob().len()?)
        }
        Sync => open.as_ref().map_or(Ok(()), |held| held.blob().sync()),
        Rename(from, to) => volume.rename(Path::new(from), Path::new(to)),
        Remove(path) => volume.remove(Path::new(path)),
    }
}

/// Whatever lies in a volume; `None` for folders.
type Tree = BTreeMap<PathBuf, Option<String>>;

fn tree(volume: &Volume<DiskBlob>) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for path in volume.read_dir(&folder).unwrap() {
            if volume.is_dir(&path) {
                folders.push(path.clone());
                tree.insert(path, None);
            } else {
                let held = volume.file(&path).unwrap();
                let mut bytes = vec![0; held.blob().len().unwrap() as usize];
                assert_eq!(
                    held.blob().read_at(&mut bytes, 0).unwrap(),
                    bytes.len(),
                    "{path:?}"
                );
                tree.insert(path, Some(String::from_utf8(bytes).unwrap()));
            }
        }
    }
    tree
}

/// The state after every step of an undisturbed run, the first before any.
fn undisturbed() -> (Vec<Tree>, usize) {
    let disk = Disk::new(BLOBS);
    let mut volume = disk.open().unwrap();
    disk.set_fault(usize::MAX, Fault::Fails);
    let mut open = None;
    let mut trees = vec![tree(&volume)];
    let mut operations = 0;
    for step in RUN {
        let before = disk.operations();
        take(&mut volume, &mut open, *step).unwrap();
        operations += disk.operations() - before;
        trees.push(tree(&volume));
    }
    (trees, operations)
}

/// Whether a step is on the disk when it is done, with all names before it.
fn is_durable(step: Step, before: &Tree) -> bool {
    match step {
        Rename(..) | Remove(_) => true,
        Create(path) => before.contains_key(Path::new(path)),
        Folder(_) | Write(_) | Sync => false,
    }
}

#[test]
fn a_crash_at_any_operation_leaves_old_or_new() {
    let (trees, operations) = undisturbed();
    assert!(operations > 50, "{operations}");
    for number in 0..operations {
        let disk = Disk::new(BLOBS);
        let mut volume = disk.open().unwrap();
        disk.set_fault(number, Fault::Dies);
        let mut open = None;
        let mut done = 0;
        let mut floor = 0;
        for step in RUN {
            if take(&mut volume, &mut open, *step).is_err() {
                break;
            }
            done += 1;
            if is_durable(*step, &trees[done - 1]) {
                floor = done;
            }
        }
        for lost in Lost::ALL {
            let found = tree(&disk.after(lost).open().unwrap());
            let label = format!("operation {number}, after step {done}, {lost:?}: {found:#?}");
            check(
                &found,
                &trees[floor..(done + 2).min(trees.len())],
                lost,
                &label,
            );
        }
    }
}

/// The names are those of one of the states, and no file has bytes that were never written to it.
fn check(found: &Tree, states: &[Tree], lost: Lost, label: &str) {
    let names = |tree: &Tree| tree.keys().cloned().collect::<BTreeSet<_>>();
    assert!(
        states.iter().any(|state| names(state) == names(found)),
        "{label}"
    );
    for (path, text) in found {
        let Some(text) = text else { continue };
        let versions: BTreeSet<&String> = states
            .iter()
            .filter_map(|state| state.get(path)?.as_ref())
            .collect();
        let name = path.to_string_lossy();
        // What is renamed into place was synced before.
        let whole = name.contains("/checkpoint-") || name.ends_with("/results");
        let is_one = if whole {
            versions.contains(text)
        } else {
            // Bytes that a crash takes may be zeros, where the length was kept.
            lost.bytes
                || versions
                    .iter()
                    .any(|version| version.starts_with(text.as_str()))
        };
        assert!(is_one, "{path:?} of {label}");
    }
}

#[test]
fn a_failing_operation_changes_nothing_and_the_volume_goes_on() {
    let (_, operations) = undisturbed();
    for fault in [Fault::Fails, Fault::Full] {
        let mut failed = 0;
        for number in 0..operations {
            let disk = Disk::new(BLOBS);
            let mut volume = disk.open().unwrap();
            disk.set_fault(number, fault);
            let mut open = None;
            for step in RUN {
                let before = tree_names(&volume);
                if take(&mut volume, &mut open, *step).is_err() {
                    failed += 1;
                    let after = tree_names(&volume);
                    // A folder may have been made of those above the one that failed.
                    let kept = before.iter().all(|path| after.contains(path));
                    assert!(kept, "{fault:?} at {number}: {step:?}");
                }
            }
            drop(open);
            let kept = disk.after(Lost::ALL[0]);
            let (spare, seen) = (volume.spare(), tree(&kept.open().unwrap()));
            // In a disk that works again.
            disk.set_fault(usize::MAX, Fault::Fails);
            assert_eq!(seen, tree(&volume), "{fault:?} at {number}");
            let files = seen.values().flatten().count();
            assert_eq!(spare + files, BLOBS, "{fault:?} at {number} lost a blob");
        }
        assert!(failed > operations / 2, "{fault:?}: {failed} calls failed");
    }
}

fn tree_names(volume: &Volume<DiskBlob>) -> BTreeSet<PathBuf> {
    let mut names = BTreeSet::new();
    let mut folders = vec![PathBuf::from("/")];
    while let Some(folder) = folders.pop() {
        for path in volume.read_dir(&folder).unwrap() {
            if volume.is_dir(&path) {
                folders.push(path.clone());
            }
            names.insert(path);
        }
    }
    names
}

#[test]
fn a_full_disk_shows_what_is_stored_and_lets_it_be_removed() {
    let disk = Disk::new(BLOBS);
    let mut volume = disk.open().unwrap();
    let mut open = None;
    for step in RUN {
        take(&mut volume, &mut open, *step).unwrap();
    }
    let stored = tree(&volume);
    drop((volume, open));
    disk.set_fault(0, Fault::Full);
    for _ in 0..3 {
        assert_eq!(tree(&disk.open().unwrap()), stored);
    }
    let mut volume = disk.open().unwrap();
    let error = (0..1000)
        .find_map(|i| {
            volume
                .create_dir_all(Path::new(&format!("/more-{i}")))
                .err()
        })
        .unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::QuotaExceeded);
    for path in ["/runs/mine/notes", "/runs/mine/checkpoint-2", "/runs"] {
        volume.remove(Path::new(path)).unwrap();
    }
    drop(volume);
    let left = tree(&disk.after(Lost::ALL[3]).open().unwrap());
    assert!(
        left.keys()
            .all(|path| path.to_string_lossy().starts_with("/more-"))
    );
}

#[test]
fn a_failing_operation_at_opening_hides_nothing() {
    let disk = Disk::new(BLOBS);
    let mut volume = disk.open().unwrap();
    let mut open = None;
    for step in RUN {
        take(&mut volume, &mut open, *step).unwrap();
    }
    let stored = tree(&volume);
    drop((volume, open));
    let before = disk.after(Lost::ALL[0]);
    before.set_fault(usize::MAX, Fault::Fails);
    before.after(Lost::ALL[0]).open().unwrap();
    for fault in [Fault::Fails, Fault::Full, Fault::Dies] {
        for number in 0..16 {
            let disk = disk.after(Lost::ALL[0]);
            disk.set_fault(number, fault);
            // A disk that can't be read is an error; what is seen otherwise is everything.
            let opened = disk.open().map(drop);
            assert!(
                opened.is_ok() || number < 2,
                "{fault:?} at {number}: {opened:?}"
            );
            for lost in Lost::ALL {
                let found = tree(&disk.after(lost).open().unwrap());
                assert_eq!(found, stored, "{fault:?} at {number}, {lost:?}");
            }
        }
    }
}

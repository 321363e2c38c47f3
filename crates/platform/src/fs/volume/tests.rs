#![allow(clippy::unwrap_used, reason = "tests")]

use tunesmith_damage::{Kind, Trial};

use super::blob::read_all;
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

/// A damaged journal is read as far as it makes sense, and the volume works from there on: what is written
/// then is there when it is opened again.
#[test]
fn a_damaged_journal_is_gone_on_with() {
    let disk = Disk::new(6);
    let mut volume = disk.open();
    volume.create_dir_all(Path::new("/runs/one")).unwrap();
    for (number, name) in ["a", "b", "c"].into_iter().enumerate() {
        put(
            &mut volume,
            &format!("/runs/one/{name}"),
            &"x".repeat(number),
        );
    }
    let rename = |volume: &mut Volume<Memory>, from: &str, to: &str| {
        volume.rename(Path::new(from), Path::new(to)).unwrap();
    };
    rename(&mut volume, "/runs/one", "/runs/two");
    volume.remove(Path::new("/runs/two/b")).unwrap();
    let journal = disk
        .journals
        .iter()
        .map(|journal| read_all(journal).unwrap());
    let journals: Vec<Vec<u8>> = journal.filter(|text| !text.is_empty()).collect();
    let open = |bytes: &[u8]| -> Result<()> {
        let disk = Disk::new(6);
        disk.journals[0].write_at(bytes, 0)?;
        let mut volume = disk.open();
        let root = Path::new("/");
        let before = volume.read_dir(root)?;
        volume.create_dir_all(Path::new("/new"))?;
        let held = volume.create(Path::new("/new/file"))?;
        held.blob().write_at(b"kept", 0)?;
        drop(held);
        let again = disk.open();
        assert_eq!(text(&again, "/new/file"), "kept");
        let after = again.read_dir(root)?;
        assert!(
            before.iter().all(|path| after.contains(path)),
            "{before:?}, {after:?}"
        );
        Ok(())
    };
    let trial = Trial {
        name: "journal",
        kind: Kind::JsonLines,
        files: &journals,
        caught_panics_fail: true,
        one_in: 1,
    };
    trial.run(open);
    trial.cut(open, |_, ()| true);
}

/// As it is written: what fuzzing begins with is read to its end.
#[test]
fn the_journals_that_fuzzing_begins_with_are_read() {
    for bytes in tunesmith_damage::fixtures::journals() {
        let disk = Disk::new(2);
        disk.journals[0].write_at(&bytes, 0).unwrap();
        let volume = disk.open();
        assert_eq!(names(&volume, "/runs"), ["/runs/checkpoint-1"]);
        let found = names(&volume, "/runs/checkpoint-1");
        assert_eq!(found, ["/runs/checkpoint-1/model.safetensors"]);
    }
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
    let before = volume.journal.end as usize;
    volume.rename(Path::new("/a"), Path::new("/b")).unwrap();
    let end = volume.journal.end as usize;
    let journal = volume.journal.blob.0.borrow()[..end].to_vec();
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
        // A line counts with its newline.
        let done = cut == journal.len();
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
    let used = volume.journal.blob.clone();
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

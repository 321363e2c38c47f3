//! The journal of the browser's volume: whatever it says, what is written from then on is there when the volume
//! is opened again.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tunesmith_platform::fs::volume::{Blob, Memory, Volume};

fuzz_target!(|data: &[u8]| {
    let journals = [Memory::default(), Memory::default()];
    let blobs = [Memory::default(), Memory::default(), Memory::default()];
    let open = || {
        let blobs = (0..).zip(blobs.iter().cloned()).collect();
        Volume::open(journals.clone(), blobs, Some(Memory::default)).expect("memory doesn't fail")
    };
    journals[0].write_at(data, 0).expect("memory doesn't fail");
    let mut volume = open();
    let (folder, file) = (Path::new("/new"), Path::new("/new/file"));
    let before = volume.read_dir(Path::new("/")).expect("the root is there");
    // A journal may say that a file has the folder's name, or a folder the file's.
    if volume.spare() == 0 || volume.create_dir_all(folder).is_err() || volume.create(file).is_err()
    {
        return;
    }
    drop(volume);
    let again = open();
    assert!(again.file(file).is_ok(), "a new file is gone");
    let after = again.read_dir(Path::new("/")).expect("the root is there");
    assert!(
        before.iter().all(|path| after.contains(path)),
        "a file is gone"
    );
});

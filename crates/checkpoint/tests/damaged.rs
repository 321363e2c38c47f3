//! Damaged files of weights end with their tensors or an error.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use tunesmith_checkpoint::{Checkpoint, CheckpointError};
use tunesmith_damage::{Kind, Meter, Trial, fixtures};

#[global_allocator]
static METER: Meter = Meter;

fn golden(name: &str) -> PathBuf {
    let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/goldens/checkpoints");
    goldens.join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(golden(name).join("pytorch_model.bin")).unwrap()
}

/// Opens a file and reads all that can be read of it.
fn read_all(path: &Path) -> Result<(), CheckpointError> {
    let checkpoint = Checkpoint::open_file(path)?;
    for name in checkpoint.names() {
        let count: usize = checkpoint.shape(name).unwrap().iter().product();
        match checkpoint.read(name) {
            Ok(values) => assert_eq!(values.len(), count),
            Err(CheckpointError::Dtype { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn trial(name: &str, kind: Kind, files: &[Vec<u8>], path: &Path) {
    let trial = Trial {
        name,
        kind,
        files,
        caught_panics_fail: true,
        one_in: 1,
    };
    let read = |bytes: &[u8]| {
        std::fs::write(path, bytes).unwrap();
        read_all(path)
    };
    trial.run(read);
    trial.cut(read, |_, ()| false);
}

#[test]
fn pytorch_model_bin() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pytorch_model.bin");
    let files = [bytes("zip"), bytes("protocol_4"), bytes("legacy")];
    trial("pytorch_model.bin", Kind::Bytes, &files, &path);
}

#[test]
fn safetensors() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("any.safetensors");
    let files = [
        fixtures::safetensors(
            &[("a", &[2, 3]), ("b", &[4]), ("c", &[]), ("d", &[0, 5])],
            0.5,
        ),
        fixtures::safetensors(&[], 1.0),
    ];
    trial("any.safetensors", Kind::Safetensors, &files, &path);
}

#[test]
fn index() {
    let dir = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden("shards")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, dir.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = dir.path().join("pytorch_model.bin.index.json");
    let mut text = std::fs::read(&path).unwrap();
    // Its line break may be missing.
    while text.last() == Some(&b'\n') {
        text.pop();
    }
    trial("pytorch_model.bin.index.json", Kind::Json, &[text], &path);
}

/// The zip's pickle, put in the place of the legacy file's, so that the machine meets each damage; the
/// zip's checksum would keep it from most.
fn legacy_with(pickle: &[u8]) -> Vec<u8> {
    let legacy = bytes("legacy");
    // The magic number, the version, and the machine's types end with the third full stop of an instruction.
    let types = legacy.windows(2).position(|pair| pair == b"u.").unwrap();
    [&legacy[..types + 2], pickle].concat()
}

fn message(pickle: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pytorch_model.bin");
    std::fs::write(&path, legacy_with(pickle)).unwrap();
    Checkpoint::open_file(&path).err().unwrap().to_string()
}

#[test]
fn a_pickle_made_to_do_harm_is_an_error() {
    let nested = [
        b"\x80\x02".as_slice(),
        &b"]".repeat(1 << 20),
        &b"a".repeat(1 << 19),
    ]
    .concat();
    let long = [b"\x80\x02X".as_slice(), &u32::MAX.to_le_bytes()].concat();
    let deep_mark = [b"\x80\x02".as_slice(), &b"(".repeat(5 << 20)].concat();
    for (pickle, said) in [
        (&b"\x80\x02cbuiltins\neval\n."[..], "`builtins.eval`"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "`os.system`"),
        (b"\x80\x02ctorch\nload\n.", "`torch.load`"),
        (b"\x80\x02(S'x'\ntR.", "instruction 0x53"),
        (b"\x80\x02cbuiltins", "failed to fill"),
        (b"\x80\x02.", "takes a value that isn't there"),
        (b"\x80\x02h\x07.", "asks for a value it didn't keep"),
        (b"\x80\x02]}s.", "changes a value that isn't there"),
        (b"\x80\x02K\x01K\x02K\x03s.", "no dictionary"),
        (b"\x80\x02NQ.", "isn't a storage"),
        (&nested, "failed to fill"),
        (&long, "more than 4194304 bytes"),
        (&deep_mark, "more than 4194304 bytes"),
    ] {
        let message = message(pickle);
        assert!(message.contains(said), "{said}: {message}");
        assert!(message.contains("pytorch_model.bin"), "{message}");
    }
}

/// A tensor of the legacy form whose numbers are these.
fn tensor(storage: u32, offset: i32, size: i32, stride: i32) -> Vec<u8> {
    let mut pickle = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((".to_vec();
    pickle.extend(b"X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0kX\x03\0\0\0cpu");
    let int = |value: i32| [b"J".as_slice(), &value.to_le_bytes()].concat();
    pickle.extend(int(storage as i32));
    pickle.extend(b"tQ");
    pickle.extend(int(offset));
    pickle.extend([int(size), b"\x85".to_vec(), int(stride), b"\x85".to_vec()].concat());
    pickle.extend(b"\x89N");
    pickle.extend(b"tRs.");
    // The keys of the storages, and the one storage.
    pickle.extend(b"\x80\x02]X\x01\0\0\0ka.");
    pickle.extend(4u64.to_le_bytes());
    for value in 0..4 {
        pickle.extend((value as f32).to_le_bytes());
    }
    legacy_with(&pickle)
}

#[test]
fn a_tensor_is_compared_with_its_storage_before_there_is_room_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pytorch_model.bin");
    std::fs::write(&path, tensor(4, 1, 2, 2)).unwrap();
    let checkpoint = Checkpoint::open_file(&path).unwrap();
    assert_eq!(checkpoint.read("w").unwrap(), [1.0, 3.0]);
    for (storage, offset, size, stride, said) in [
        (4, 0, 5, 1, "'w' goes beyond its values"),
        (4, 2, 2, 2, "'w' goes beyond its values"),
        (4, 0, i32::MAX, 0, "'w' goes beyond its values"),
        (1 << 30, 0, 1 << 30, 1, "'w' goes beyond its values"),
        (4, 0, -1, 1, "tensor 'w' makes no sense"),
        (4, -1, 1, 1, "tensor 'w' makes no sense"),
        (4, 0, 2, -1, "tensor 'w' makes no sense"),
    ] {
        std::fs::write(&path, tensor(storage, offset, size, stride)).unwrap();
        let message = Checkpoint::open_file(&path).err().unwrap().to_string();
        assert!(
            message.contains(said),
            "{storage} {offset} {size} {stride}: {message}"
        );
    }
}

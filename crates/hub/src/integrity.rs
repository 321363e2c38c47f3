//! Whether a file has the bytes that the Hub recorded: by size, and by the hash that names it.
//!
//! Large files are named by their SHA-256, small ones by their git object id, which is the SHA-1 of
//! `blob <length>\0` and the bytes. Some mirrors (Artifactory) name all files by the plain SHA-1.

use std::io::{self, Read};
use std::path::Path;

use sha1::{Digest, Sha1};
use sha2::Sha256;
use tunesmith_platform::fs::{self, File};

use crate::hub::RepoFile;

/// Read at once to hash a file.
const CHUNK: usize = 256 * 1024;
/// Bytes up to which a file of the cache is hashed whenever it is asked for; larger ones take too long.
const CHEAP: u64 = 16 << 20;

/// A hash other than the recorded one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// Which hash.
    pub algorithm: &'static str,
    /// As recorded.
    pub expected: String,
    /// Of the file.
    pub actual: String,
}

/// How closely a file is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Sizes, and the hashes of small files: milliseconds.
    Quick,
    /// The hashes of all files.
    Close,
}

/// Compares a file's hash with the one that names it; a name that is no hash says nothing.
pub(crate) fn check(path: &Path, etag: &str) -> io::Result<Option<Mismatch>> {
    let is_hex = etag.bytes().all(|b| b.is_ascii_hexdigit());
    let (algorithm, actual) = match etag.len() {
        64 if is_hex => {
            let mut hasher = Sha256::new();
            feed(path, |bytes| hasher.update(bytes))?;
            ("SHA-256", hex(&hasher.finalize()))
        }
        40 if is_hex => {
            let length = fs::metadata(path)?.len();
            let (mut git, mut plain) = (Sha1::new(), Sha1::new());
            git.update(format!("blob {length}\0"));
            feed(path, |bytes| {
                git.update(bytes);
                plain.update(bytes);
            })?;
            if hex(&plain.finalize()).eq_ignore_ascii_case(etag) {
                return Ok(None);
            }
            ("git object id", hex(&git.finalize()))
        }
        _ => return Ok(None),
    };
    let is_right = actual.eq_ignore_ascii_case(etag);
    Ok((!is_right).then(|| Mismatch {
        algorithm,
        expected: etag.to_owned(),
        actual,
    }))
}

/// Whether a file of the cache is as recorded, as far as the list and its blob's name tell. One that
/// can't be read is not.
pub(crate) fn is_sound(path: &Path, listed: Option<&RepoFile>, look: Look) -> bool {
    let Ok(size) = fs::metadata(path).map(|metadata| metadata.len()) else {
        return false;
    };
    if listed.is_some_and(|listed| listed.size != size) {
        return false;
    }
    let etag = listed.and_then(|listed| listed.etag.clone());
    let Some(etag) = etag.or_else(|| blob_name(path)) else {
        return true;
    };
    let is_quick = etag.len() == 40 && size <= CHEAP;
    match look {
        Look::Quick if !is_quick => true,
        _ => matches!(check(path, &etag), Ok(None)),
    }
}

/// The name of the blob that a link leads to.
fn blob_name(path: &Path) -> Option<String> {
    let blob = fs::canonicalize(path).ok()?;
    let is_blob = blob.parent()?.file_name()? == "blobs";
    is_blob.then(|| blob.file_name()?.to_str().map(str::to_owned))?
}

fn feed(path: &Path, mut hash: impl FnMut(&[u8])) -> io::Result<()> {
    let mut file = File::open(path)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        let count = file.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        hash(&chunk[..count]);
    }
}

fn hex(hash: &[u8]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn hashes_are_gits_and_everyones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hello");
        std::fs::write(&path, "hello\n").unwrap();
        for known in [
            // `echo hello | git hash-object --stdin`, `sha1sum`, `sha256sum`.
            "ce013625030ba8dba906f756967f9e9ca394464a",
            "f572d396fae9206628714fb2ce00f72e94f2258f",
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            // No hash, so nothing to compare with.
            "abc",
        ] {
            assert_eq!(check(&path, known).unwrap(), None, "{known}");
        }
        let wrong = check(&path, &"0".repeat(40)).unwrap().unwrap();
        assert_eq!(wrong.algorithm, "git object id");
        assert_eq!(wrong.actual, "ce013625030ba8dba906f756967f9e9ca394464a");
        assert!(check(&path, &"0".repeat(64)).unwrap().is_some());
    }
}

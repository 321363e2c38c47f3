//! The committed files are what the generator writes.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

#[test]
fn regenerating_gives_the_committed_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let files = tunesmith_paraphrase::write_all(folder.path()).unwrap();
    assert_eq!(files.len(), 16);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for file in files {
        let written = std::fs::read(folder.path().join(&file.path)).unwrap();
        let committed = std::fs::read(repository.join(&file.path)).unwrap_or_default();
        assert!(
            written == committed,
            "{} is not current: run `cargo run -p tunesmith-paraphrase` and commit the result",
            file.path.display()
        );
    }
}

#[test]
fn an_unwritable_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    std::fs::write(&root, "a file in the way").unwrap();
    let error = tunesmith_paraphrase::write_all(&root)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("root") && error.contains("check that the folder"),
        "{error}"
    );
}

//! The licences of what is linked. Every one of them asks that its text goes wherever the program goes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Linked;

/// What the file is called.
pub const FILE: &str = "THIRD-PARTY.txt";

const HEADING: &str = "Tunesmith is made with the crates below. Each is under the licence whose text \
                       follows its name; where a crate offers a choice, one of them.\n";
const RULE: &str =
    "--------------------------------------------------------------------------------";

/// Writes the notices of these crates.
///
/// # Errors
/// When a licence can't be read or the file not be written.
pub fn write(to: &Path, crates: &[Linked]) -> Result<()> {
    // The text, and who has it: many share one.
    let mut shared: BTreeMap<String, Vec<&Linked>> = BTreeMap::new();
    let mut without = Vec::new();
    for one in crates.iter().filter(|one| one.checksum.is_some()) {
        let texts = texts(&one.folder)?;
        if texts.is_empty() {
            without.push(one);
        }
        for text in texts {
            shared.entry(text).or_default().push(one);
        }
    }
    let mut notices = HEADING.to_owned();
    let mut entries: Vec<_> = shared.into_iter().collect();
    entries.sort_by(|a, b| a.1[0].name.cmp(&b.1[0].name));
    for (text, crates) in entries {
        let names: Vec<String> = crates
            .iter()
            .map(|one| format!("{} {}", one.name, one.version))
            .collect();
        let _ = write!(notices, "\n{RULE}\n{}\n{RULE}\n{text}\n", names.join(", "));
    }
    if !without.is_empty() {
        let _ = writeln!(
            notices,
            "\n{RULE}\nCrates that come without a text of their licence:"
        );
        for one in without {
            let license = one.license.as_deref().unwrap_or("unknown");
            let page = one.repository.as_deref().unwrap_or("crates.io");
            let _ = writeln!(notices, "{} {}: {license} ({page})", one.name, one.version);
        }
    }
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(to, notices).with_context(|| format!("can't write {}", to.display()))
}

/// The licences and notices at the top of a crate's sources, and those beside the fonts that it brings.
/// One that has MIT's is taken under that, so that Apache's long text isn't repeated.
fn texts(folder: &Path) -> Result<Vec<String>> {
    const HEADS: [&str; 6] = [
        "LICENSE",
        "LICENCE",
        "COPYING",
        "COPYRIGHT",
        "NOTICE",
        "UNLICENSE",
    ];
    let mut files = named(folder, |name| {
        HEADS.iter().any(|head| name.starts_with(head))
    })?;
    let fonts = folder.join("fonts");
    if fonts.is_dir() {
        files.extend(named(&fonts, |name| name.ends_with(".TXT"))?);
    }
    files.sort();
    let has_mit = files.iter().any(|(name, _)| name.contains("MIT"));
    let files = files
        .iter()
        .filter(|(name, _)| !(has_mit && name.contains("APACHE")));
    files
        .map(|(_, path)| {
            let bytes = fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
            let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
            Ok(text.trim().to_owned())
        })
        .collect()
}

/// The files of a folder by their names in capitals.
fn named(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, PathBuf)>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let files = entries.flatten().filter(|entry| entry.path().is_file());
    let named = files.map(|entry| {
        let name = entry.file_name().to_string_lossy().to_uppercase();
        (name, entry.path())
    });
    Ok(named.filter(|(name, _)| is_wanted(name)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_shared_text_is_there_once_and_one_that_is_missing_is_said() {
        let root = tempfile::tempdir().unwrap();
        let of = |name: &str, files: &[(&str, &str)]| {
            let folder = root.path().join(name);
            fs::create_dir(&folder).unwrap();
            for (file, text) in files {
                fs::write(folder.join(file), text).unwrap();
            }
            Linked {
                name: name.to_owned(),
                version: "1.0.0".to_owned(),
                license: Some("ISC".to_owned()),
                repository: None,
                checksum: Some("abc".to_owned()),
                folder,
                needs: Vec::new(),
            }
        };
        let crates = [
            of(
                "one",
                &[
                    ("LICENSE-MIT", "Permission\r\n"),
                    ("LICENSE-APACHE", "Terms"),
                ],
            ),
            of("three", &[("README.md", "no licence")]),
            of(
                "two",
                &[("license-mit", "Permission"), ("NOTICE", "By two")],
            ),
        ];
        fs::create_dir(crates[0].folder.join("fonts")).unwrap();
        fs::write(crates[0].folder.join("fonts/OFL.txt"), "Font terms").unwrap();
        let to = root.path().join("out").join(FILE);
        write(&to, &crates).unwrap();
        let text = fs::read_to_string(to).unwrap();
        assert_eq!(text.matches("Permission").count(), 1, "{text}");
        assert!(text.contains("one 1.0.0, two 1.0.0"), "{text}");
        assert!(
            text.contains("By two") && text.contains("Font terms"),
            "{text}"
        );
        assert!(!text.contains("\nTerms"), "{text}");
        assert!(text.contains("three 1.0.0: ISC"), "{text}");
    }
}

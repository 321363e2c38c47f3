//! Paths of a volume: all from its root.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The path from the root, without `.` and `..`.
#[must_use]
pub fn absolute(path: &Path) -> PathBuf {
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

/// What a path below `from` is called when `from` has become `to`.
pub(super) fn moved(path: &Path, from: &Path, to: &Path) -> PathBuf {
    match path.strip_prefix(from) {
        Ok(rest) if rest.as_os_str().is_empty() => to.to_owned(),
        Ok(rest) => to.join(rest),
        Err(_) => path.to_owned(),
    }
}

/// A path and all below it.
pub(super) fn below<T>(nodes: &BTreeMap<PathBuf, T>, path: &Path) -> Vec<PathBuf> {
    let paths = nodes.keys().filter(|other| other.starts_with(path));
    paths.cloned().collect()
}

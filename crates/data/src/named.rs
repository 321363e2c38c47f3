//! Files that are named together: `a.csv,b.csv`, or by a pattern, `part-*.csv`.

use std::collections::HashSet;
use std::path::Path;

use tunesmith_platform::fs;

use crate::DataError;
use crate::glob::Glob;
use crate::layout::list_files;
use crate::load::DataFile;

/// The files that a name means: the file of that very name where there is one, else the files between commas, each of
/// which may be a pattern (`*`, `?`, `[0-9]`, `**` for folders in folders). Those of a pattern come in the order of their
/// names.
pub(crate) fn files(file: &DataFile) -> Result<Vec<DataFile>, DataError> {
    let name = file.path.to_string_lossy();
    if fs::exists(&file.path) || !name.contains([',', '*', '?', '[']) {
        return Ok(vec![file.clone()]);
    }
    let of = |path: &str| DataFile {
        path: path.into(),
        ..file.clone()
    };
    let mut files = Vec::new();
    for part in name
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        match part.contains(['*', '?', '[']) && !fs::exists(part) {
            true => files.extend(matching(part)?.iter().map(|path| of(path))),
            false => files.push(of(part)),
        }
    }
    Ok(files)
}

fn matching(pattern: &str) -> Result<Vec<String>, DataError> {
    let pattern = pattern.replace(std::path::MAIN_SEPARATOR, "/");
    // What stands before the first part with a wildcard is a folder.
    let wild = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let (folder, rest) = pattern.split_at(pattern[..wild].rfind('/').map_or(0, |slash| slash + 1));
    let nothing = || {
        DataError::NoFiles {
        place: pattern.clone(),
        expected: "a data file whose name fits the pattern: correct it, or name the files with commas between"
            .to_owned(),
    }
    };
    let root = if folder.is_empty() { "." } else { folder };
    if !fs::is_dir(root) {
        return Err(nothing());
    }
    let depth = match rest.contains("**") {
        true => usize::MAX,
        false => rest.matches('/').count(),
    };
    let mut found = Vec::new();
    list_files(Path::new(root), "", depth, &mut HashSet::new(), &mut found)?;
    let glob = Glob::new(rest);
    found.retain(|path| glob.matches(path));
    found.sort();
    if found.is_empty() {
        return Err(nothing());
    }
    Ok(found.iter().map(|path| format!("{folder}{path}")).collect())
}

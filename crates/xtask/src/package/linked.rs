//! The crates that a program is made of.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::project::Project;

/// A crate that is linked.
#[derive(Debug, PartialEq)]
pub struct Linked {
    pub name: String,
    pub version: String,
    /// An SPDX expression, where its manifest has one.
    pub license: Option<String>,
    pub repository: Option<String>,
    /// The SHA-256 of what the registry served; none for a crate of this repository.
    pub checksum: Option<String>,
    /// Its sources on this machine.
    pub folder: PathBuf,
    /// Those of the other crates that it needs, by index.
    pub needs: Vec<usize>,
}

/// The crates of `packages` built for `target`, by name: what is linked, so without what only builds or
/// tests.
///
/// # Errors
/// When cargo can't list them.
pub fn linked(
    project: &Project,
    metadata: &Value,
    packages: &[&str],
    target: &str,
) -> Result<Vec<Linked>> {
    let mut command = project
        .cargo()
        .args(["tree", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}", "--target", target]);
    for package in packages {
        command = command.args(["--package", package]);
    }
    let tree = command.stdout()?;
    let lock = fs::read_to_string(project.root.join("Cargo.lock"))?;
    of_tree(&tree, metadata, &checksums(&lock))
}

/// The version of a package of this repository.
///
/// # Errors
/// When there is no such package.
pub fn version(metadata: &Value, package: &str) -> Result<String> {
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let found = packages.find(|one| one["name"] == package);
    let version = found.and_then(|one| one["version"].as_str());
    Ok(version
        .with_context(|| format!("cargo metadata has no package {package}"))?
        .to_owned())
}

type Named = (String, String);

fn of_tree(
    tree: &str,
    metadata: &Value,
    checksums: &BTreeMap<Named, String>,
) -> Result<Vec<Linked>> {
    // `name v1.2.3`, with a path, `(*)` or more behind it.
    let mut names: Vec<Named> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
            Some((name.to_owned(), version.to_owned()))
        })
        .collect();
    names.sort();
    names.dedup();
    if names.is_empty() {
        bail!("`cargo tree` lists no crates");
    }
    let index: BTreeMap<Named, usize> = names.iter().cloned().zip(0..).collect();

    let packages = metadata["packages"].as_array().into_iter().flatten();
    let by_name: BTreeMap<Named, &Value> = packages
        .filter_map(|package| Some((named(package)?, package)))
        .collect();
    let by_id: BTreeMap<&str, &Named> = by_name
        .iter()
        .filter_map(|(named, package)| Some((package["id"].as_str()?, named)))
        .collect();
    let nodes = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten();
    let needs: BTreeMap<&str, Vec<usize>> = nodes
        .filter_map(|node| {
            let ids = node["dependencies"].as_array().into_iter().flatten();
            let needs = ids.filter_map(|id| index.get(*by_id.get(id.as_str()?)?).copied());
            Some((node["id"].as_str()?, needs.collect()))
        })
        .collect();

    names
        .into_iter()
        .map(|named| {
            let package = by_name
                .get(&named)
                .with_context(|| format!("cargo metadata has no {} {}", named.0, named.1))?;
            let text = |key: &str| package[key].as_str().map(str::to_owned);
            let manifest = text("manifest_path").unwrap_or_default();
            let folder = Path::new(&manifest).parent().unwrap_or(Path::new(""));
            let id = package["id"].as_str().unwrap_or_default();
            Ok(Linked {
                license: text("license"),
                repository: text("repository"),
                checksum: checksums.get(&named).cloned(),
                folder: folder.to_owned(),
                needs: needs.get(id).cloned().unwrap_or_default(),
                name: named.0,
                version: named.1,
            })
        })
        .collect()
}

fn named(package: &Value) -> Option<Named> {
    let text = |key: &str| package[key].as_str().map(str::to_owned);
    Some((text("name")?, text("version")?))
}

/// Of `Cargo.lock`, whose entries are lines in a fixed order.
fn checksums(lock: &str) -> BTreeMap<Named, String> {
    let entries = lock.split("[[package]]").filter_map(|entry| {
        let value = |key: &str| {
            let mut lines = entry.lines();
            let line = lines.find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
            Some(line.trim_matches('"').to_owned())
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    });
    entries.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_linked_has_its_licence_checksum_and_needs() {
        let tree = "app v0.1.0 (/src/app)\nlib v2.0.0\nlib v2.0.0 (*)\n";
        let package = |name: &str, version: &str, id: &str| {
            json!({
                "name": name, "version": version, "id": id, "license": "MIT",
                "repository": null, "manifest_path": format!("/src/{name}/Cargo.toml"),
            })
        };
        let metadata = json!({
            "packages": [
                package("app", "0.1.0", "a"), package("lib", "2.0.0", "l"),
                package("builder", "1.0.0", "b"),
            ],
            "resolve": {"nodes": [
                {"id": "a", "dependencies": ["l", "b"]}, {"id": "l", "dependencies": []},
            ]},
        });
        let lock = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"lib\"\nversion = \"2.0.0\"\nchecksum = \"abc\"\n";
        let crates = of_tree(tree, &metadata, &checksums(lock)).unwrap();
        let names: Vec<_> = crates.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["app", "lib"], "builder is not linked");
        assert_eq!(crates[0].needs, [1]);
        assert_eq!(crates[0].checksum, None);
        assert_eq!(crates[1].checksum.as_deref(), Some("abc"));
        assert_eq!(crates[1].folder, Path::new("/src/lib"));
        assert_eq!(version(&metadata, "app").unwrap(), "0.1.0");
        assert!(of_tree("", &metadata, &checksums(lock)).is_err());
    }
}

//! The direction of dependencies: ARCHITECTURE.md's table, held to by a check.
//!
//! The arrows are what must stay true while crates are split and merged: the pipeline compiles for
//! every target because nothing in it can reach a shell, and the data side builds in seconds because
//! it can't reach the tensor library.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Each package of the workspace, and those of the workspace it may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("brotli", &[]),
    ("inventory", &[]),
    ("zstd", &[]),
    ("tunesmith-allocator", &[]),
    ("tunesmith-architecture", &[]),
    ("tunesmith-collective", &[]),
    ("tunesmith-damage", &[]),
    ("tunesmith-mpi", &["tunesmith-collective"]),
    ("tunesmith-shaders", &[]),
    ("tunesmith-protobuf", &[]),
    ("tunesmith-protocol", &[]),
    ("tunesmith-platform", &[]),
    ("tunesmith-checkpoint", &["tunesmith-platform"]),
    (
        "tunesmith-hub",
        &[
            "tunesmith-architecture",
            "tunesmith-checkpoint",
            "tunesmith-platform",
        ],
    ),
    ("tunesmith-metrics", &["tunesmith-architecture"]),
    ("tunesmith-paraphrase", &[]),
    (
        "tunesmith-data",
        &["tunesmith-hub", "tunesmith-platform", "tunesmith-protocol"],
    ),
    (
        "tunesmith-kernels",
        &[
            "tunesmith-architecture",
            "tunesmith-platform",
            "tunesmith-shaders",
        ],
    ),
    (
        "tunesmith-model",
        &[
            "tunesmith-architecture",
            "tunesmith-checkpoint",
            "tunesmith-kernels",
            "tunesmith-platform",
        ],
    ),
    (
        "tunesmith-onnx",
        &[
            "tunesmith-architecture",
            "tunesmith-checkpoint",
            "tunesmith-platform",
            "tunesmith-protobuf",
            "tunesmith-protocol",
        ],
    ),
    (
        "tunesmith-report",
        &["tunesmith-protobuf", "tunesmith-protocol"],
    ),
    (
        "tunesmith-train",
        &[
            "tunesmith-collective",
            "tunesmith-data",
            "tunesmith-hub",
            "tunesmith-kernels",
            "tunesmith-metrics",
            "tunesmith-model",
            "tunesmith-platform",
            "tunesmith-protocol",
        ],
    ),
    (
        "tunesmith",
        &[
            "tunesmith-data",
            "tunesmith-hub",
            "tunesmith-kernels",
            "tunesmith-metrics",
            "tunesmith-model",
            "tunesmith-onnx",
            "tunesmith-platform",
            "tunesmith-protocol",
            "tunesmith-train",
        ],
    ),
    (
        "tunesmith-session",
        &[
            "tunesmith",
            "tunesmith-collective",
            "tunesmith-platform",
            "tunesmith-protocol",
            "tunesmith-report",
        ],
    ),
    (
        "tunesmith-cli",
        &[
            "tunesmith",
            "tunesmith-allocator",
            "tunesmith-collective",
            "tunesmith-mpi",
            "tunesmith-protocol",
            "tunesmith-session",
        ],
    ),
    (
        "tunesmith-desktop",
        &[
            "tunesmith-allocator",
            "tunesmith-protocol",
            "tunesmith-session",
        ],
    ),
    (
        "tunesmith-web",
        &[
            "tunesmith-platform",
            "tunesmith-protocol",
            "tunesmith-session",
        ],
    ),
    (
        "tunesmith-bench",
        &[
            "tunesmith-allocator",
            "tunesmith-kernels",
            "tunesmith-model",
            "tunesmith-train",
        ],
    ),
    ("xtask", &["tunesmith-damage", "tunesmith-shaders"]),
];

/// Reads no tensor library, directly or through anything else.
const WITHOUT_TENSORS: &[&str] = &[
    "brotli",
    "inventory",
    "zstd",
    "tunesmith-allocator",
    "tunesmith-architecture",
    "tunesmith-collective",
    "tunesmith-damage",
    "tunesmith-mpi",
    "tunesmith-protocol",
    "tunesmith-platform",
    "tunesmith-checkpoint",
    "tunesmith-hub",
    "tunesmith-metrics",
    "tunesmith-data",
    "tunesmith-onnx",
    "tunesmith-paraphrase",
    "tunesmith-protobuf",
    "tunesmith-report",
    "xtask",
];

/// How the names of the tensor library's packages begin.
const TENSORS: &[&str] = &["burn", "cubecl"];

/// Lies below the session, so it must not know which shell holds it. Not platform: what a browser has
/// instead of a system is its matter.
const BELOW_SHELLS: &[&str] = &[
    "tunesmith-shaders",
    "tunesmith-protocol",
    "tunesmith-architecture",
    "tunesmith-checkpoint",
    "tunesmith-hub",
    "tunesmith-metrics",
    "tunesmith-data",
    "tunesmith-kernels",
    "tunesmith-model",
    "tunesmith-protobuf",
    "tunesmith-report",
    "tunesmith-train",
    "tunesmith",
];

/// What only a shell may depend on directly. (Through burn, wasm-bindgen is everywhere.)
const SHELLS_ONLY: &[&str] = &[
    "clap",
    "eframe",
    "egui",
    "indicatif",
    "wasm-bindgen",
    "wasm-bindgen-futures",
];

/// Checks what `cargo metadata` says.
///
/// # Errors
/// When a dependency goes against the table; the message lists each.
pub fn check(metadata: &Value) -> Result<()> {
    let violations = Graph::read(metadata)?.violations();
    if !violations.is_empty() {
        bail!("{}", violations.join("\n"));
    }
    Ok(())
}

/// Who depends on whom, by package id; a package's own tests and benchmarks don't count.
#[derive(Default)]
struct Graph {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, BTreeSet<String>>,
    members: BTreeSet<String>,
}

impl Graph {
    fn read(metadata: &Value) -> Result<Self> {
        let list = |value: &Value, what: &'static str| {
            value
                .as_array()
                .cloned()
                .with_context(|| format!("cargo metadata has no {what}"))
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let mut graph = Self::default();
        for package in list(&metadata["packages"], "packages")? {
            graph
                .names
                .insert(text(&package["id"]), text(&package["name"]));
        }
        for member in list(&metadata["workspace_members"], "workspace_members")? {
            graph.members.insert(text(&member));
        }
        for node in list(&metadata["resolve"]["nodes"], "resolved graph")? {
            let targets = list(&node["deps"], "dependencies")?
                .iter()
                .filter(|dependency| {
                    dependency["dep_kinds"]
                        .as_array()
                        .is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"] != "dev"))
                })
                .map(|dependency| text(&dependency["pkg"]))
                .collect();
            graph.edges.insert(text(&node["id"]), targets);
        }
        Ok(graph)
    }

    fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for id in &self.members {
            let name = self.name(id);
            let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(package, _)| *package == name)
            else {
                found.push(format!(
                    "{name} has no row in ARCHITECTURE.md's table: add it there and in \
                     crates/xtask/src/lint/arrows.rs"
                ));
                continue;
            };
            for dependency in self.direct(id) {
                let target = self.name(dependency);
                if self.members.contains(dependency) && !allowed.contains(&target) {
                    found.push(format!(
                        "{name} depends on {target}, against ARCHITECTURE.md's table"
                    ));
                }
                if BELOW_SHELLS.contains(&name) && SHELLS_ONLY.contains(&target) {
                    found.push(format!(
                        "{name} depends on {target}, which only a shell may"
                    ));
                }
            }
            if WITHOUT_TENSORS.contains(&name)
                && let Some(path) = self.path_to_tensors(id)
            {
                found.push(format!(
                    "{name} reaches the tensor library: {}",
                    path.join(" -> ")
                ));
            }
        }
        found
    }

    fn name(&self, id: &str) -> &str {
        self.names.get(id).map_or("?", String::as_str)
    }

    fn direct(&self, id: &str) -> impl Iterator<Item = &String> {
        self.edges.get(id).into_iter().flatten()
    }

    /// The names on a shortest way from the package to one of [`TENSORS`].
    fn path_to_tensors(&self, from: &str) -> Option<Vec<&str>> {
        let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([from]);
        while let Some(id) = queue.pop_front() {
            if TENSORS
                .iter()
                .any(|prefix| self.name(id).starts_with(prefix))
            {
                let way = std::iter::successors(Some(id), |id| came_from.get(id).copied());
                let mut names: Vec<&str> = way.map(|id| self.name(id)).collect();
                names.reverse();
                return Some(names);
            }
            for next in self.direct(id) {
                if next != from && !came_from.contains_key(next.as_str()) {
                    came_from.insert(next, id);
                    queue.push_back(next);
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    /// Metadata of a workspace in which the given packages depend on the given others.
    fn metadata(edges: &[(&str, &str, Option<&str>)]) -> Value {
        let names: BTreeSet<&str> = edges.iter().flat_map(|(a, b, _)| [*a, *b]).collect();
        let ours = |name: &str| name.starts_with("tunesmith") || name == "xtask";
        let nodes: Vec<Value> = names
            .iter()
            .map(|name| {
                let deps: Vec<Value> = edges
                    .iter()
                    .filter(|(from, _, _)| from == name)
                    .map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                    .collect();
                json!({"id": name, "deps": deps})
            })
            .collect();
        json!({
            "packages": names.iter().map(|n| json!({"id": n, "name": n})).collect::<Vec<_>>(),
            "workspace_members": names.iter().filter(|n| ours(n)).collect::<Vec<_>>(),
            "resolve": {"nodes": nodes},
        })
    }

    fn message(edges: &[(&str, &str, Option<&str>)]) -> String {
        check(&metadata(edges)).unwrap_err().to_string()
    }

    #[test]
    fn the_table_s_own_arrows_pass() {
        check(&metadata(&[
            ("tunesmith-train", "tunesmith-data", None),
            ("tunesmith-train", "tunesmith-model", None),
            ("tunesmith-model", "burn", None),
            ("tunesmith-cli", "clap", None),
            ("tunesmith-data", "arrow-array", None),
        ]))
        .unwrap();
    }

    #[test]
    fn an_arrow_upwards_is_found() {
        let message = message(&[("tunesmith-model", "tunesmith-train", None)]);
        assert_eq!(
            message,
            "tunesmith-model depends on tunesmith-train, against ARCHITECTURE.md's table"
        );
    }

    #[test]
    fn a_way_to_the_tensor_library_is_shown() {
        let message = message(&[
            ("tunesmith-data", "handy", None),
            ("handy", "burn-tensor", Some("build")),
        ]);
        assert_eq!(
            message,
            "tunesmith-data reaches the tensor library: tunesmith-data -> handy -> burn-tensor"
        );
    }

    #[test]
    fn a_shell_s_dependency_is_refused_below_it() {
        let message = message(&[("tunesmith-train", "clap", None)]);
        assert!(message.contains("only a shell may"), "{message}");
    }

    #[test]
    fn a_package_without_a_row_is_found() {
        let message = message(&[("tunesmith-new", "serde", None)]);
        assert!(message.contains("tunesmith-new has no row"), "{message}");
    }

    #[test]
    fn what_only_tests_use_is_free() {
        check(&metadata(&[("tunesmith-metrics", "burn", Some("dev"))])).unwrap();
    }
}

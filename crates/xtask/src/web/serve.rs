//! Serving `web/dist`, and building again what changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};

use super::{Optimised, builtin, module, page};
use crate::files;
use crate::project::Project;
use crate::setup::node;
use crate::shell::Cmd;

/// How often the sources are looked at.
const PAUSE: Duration = Duration::from_millis(500);

/// What is built again, and the sources whose change asks for it.
const PARTS: [(Part, &[&str]); 3] = [
    (Part::Page, &["web/src", "web/index.html", "web/style.css"]),
    (Part::Builtin, &["data"]),
    (
        Part::Module,
        &["crates", "shaders", "Cargo.toml", "Cargo.lock"],
    ),
];

#[derive(Clone, Copy)]
enum Part {
    Page,
    Builtin,
    Module,
}

/// Serves until it is interrupted.
///
/// # Errors
/// When the port is taken.
pub fn run(project: &Project, port: u16) -> Result<()> {
    server(project, port).run()
}

/// When the files of each of the [`PARTS`] were changed, as they were looked at last.
pub struct Sources([Times; PARTS.len()]);

type Times = BTreeMap<PathBuf, Option<SystemTime>>;

impl Sources {
    /// The sources as they are now.
    pub fn look(project: &Project) -> Self {
        Self(PARTS.map(|(_, sources)| times(&project.root, sources)))
    }
}

/// Serves, and builds a part again whenever one of its sources changes from what was seen; what doesn't
/// build is told and left as it was.
///
/// # Errors
/// When the server ends.
pub fn watch(project: &Project, port: u16, Sources(mut seen): Sources) -> Result<()> {
    let mut server = server(project, port).start()?;
    loop {
        thread::sleep(PAUSE);
        if let Some(status) = server.try_wait()? {
            bail!("the server ended ({status})");
        }
        for ((part, sources), seen) in PARTS.iter().zip(&mut seen) {
            let now = times(&project.root, sources);
            if now == *seen {
                continue;
            }
            *seen = now;
            let built = match part {
                Part::Page => page(project),
                Part::Builtin => builtin::copy(project),
                Part::Module => module::build(project, Optimised::No),
            };
            match built {
                Ok(()) => eprintln!("built again: reload the page"),
                Err(error) => eprintln!("error: {error:#}"),
            }
        }
    }
}

/// A script of Node's, which the build needs anyway: a server in Rust would be one more crate in what
/// is built before anything else, and the browser tests serve by the same script.
fn server(project: &Project, port: u16) -> Cmd {
    node::node(project).args(["tools/serve.js", "dist", &port.to_string()])
}

/// When each source was changed. A file that comes or goes while it is looked at is seen next time.
fn times(root: &Path, sources: &[&str]) -> Times {
    sources
        .iter()
        .flat_map(|source| files::below(&root.join(source)).unwrap_or_default())
        .map(|path| (path.clone(), files::modified(&path)))
        .collect()
}

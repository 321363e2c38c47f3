//! Which library of MPI a process must load: that of its launcher, since only that one understands what the launcher
//! tells its processes.

use std::env;
use std::path::Path;

use crate::abi::{Calls, Identity};
use crate::launcher::{Family, Launcher};
use crate::{LIBRARY_VARIABLE, MpiError, system};

/// A library that was loaded.
pub(crate) struct Found {
    /// Its file and what it calls itself.
    pub name: String,
    pub calls: Box<dyn Calls>,
}

/// The file names of the standard ABI, of Open MPI and of MPICH, by the versions that `abi/` has constants of.
#[cfg(not(target_os = "macos"))]
const NAMES: [&[&str]; 3] = [
    &["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so"],
    &["libmpi.so.40"],
    &["libmpich.so.12", "libmpi.so.12"],
];
#[cfg(target_os = "macos")]
const NAMES: [&[&str]; 3] = [
    &[
        "libmpi_abi.1.dylib",
        "libmpi_abi.0.dylib",
        "libmpi_abi.dylib",
    ],
    &["libmpi.40.dylib"],
    &["libmpich.12.dylib", "libmpi.12.dylib"],
];

/// The file names to look for, in this order: first what can be nobody else's.
fn names(family: Family) -> Vec<&'static str> {
    let [standard, open_mpi, mpich] = NAMES;
    match family {
        Family::OpenMpi => [open_mpi, standard].concat(),
        Family::Mpich => [standard, mpich].concat(),
        Family::Any => [standard, open_mpi, mpich].concat(),
    }
}

/// Loads the library for what a launcher has started: the one that lies beside the launcher, else what the system
/// finds under one of the names.
///
/// # Errors
/// Where there is none; the message lists what was looked for.
pub(crate) fn library(launcher: &Launcher) -> Result<Found, MpiError> {
    if let Ok(file) = env::var(LIBRARY_VARIABLE) {
        return load(&file, Family::Any).map_err(|reason| MpiError::Named { file, reason });
    }
    let names = names(launcher.family);
    let mut looked_for = Vec::new();
    for file in beside(&system::ancestors(), &names) {
        match load(&file, launcher.family) {
            Ok(found) => return Ok(found),
            Err(reason) => looked_for.push(reason),
        }
    }
    for name in names {
        match load(name, launcher.family) {
            Ok(found) => return Ok(found),
            Err(reason) => looked_for.push(reason),
        }
    }
    Err(MpiError::NoLibrary {
        launcher: launcher.name.clone(),
        looked_for,
        install: match launcher.family {
            Family::OpenMpi => "Open MPI (Debian and Ubuntu: openmpi-bin)",
            Family::Mpich => "MPICH (Debian and Ubuntu: mpich)",
            Family::Any => "Open MPI or MPICH (Debian and Ubuntu: openmpi-bin or mpich)",
        },
    })
}

/// The files of these names in the folders of libraries beside the folders of these programs.
fn beside(programs: &[impl AsRef<Path>], names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for program in programs {
        let Some(above) = program.as_ref().parent().and_then(Path::parent) else {
            continue;
        };
        for folder in ["lib", "lib64"] {
            let files = names.iter().map(|name| above.join(folder).join(name));
            let there = files.filter(|file| file.is_file());
            found.extend(there.filter_map(|file| file.to_str().map(str::to_owned)));
        }
    }
    found
}

/// Loads one file, or says what is wrong with it.
fn load(file: &str, family: Family) -> Result<Found, String> {
    let failed = |error: libloading::Error| {
        let error = error.to_string();
        match error.contains(file) {
            true => error,
            false => format!("{file}: {error}"),
        }
    };
    let missing = |failure| format!("{file} is no library of MPI as it must be: {failure}");
    // SAFETY: libraries of these names are MPI's, which a process may load at any time. It is seen by nobody else
    // until it is known to be the right one.
    let library = unsafe { system::open(file, false) }.map_err(failed)?;
    // SAFETY: likewise, they have MPI's functions.
    let identity = unsafe { Identity::of(&library) }.map_err(missing)?;
    let fits = match family {
        Family::OpenMpi => identity.is_open_mpi(),
        Family::Mpich => !identity.is_open_mpi(),
        Family::Any => true,
    };
    if !fits {
        return Err(format!("{file} is another MPI, {}", identity.version));
    }
    if identity.is_open_mpi() {
        // Its plug-ins use its functions without saying from where:
        // https://docs.open-mpi.org/en/main/tuning-apps/dynamic-loading.html
        // SAFETY: it is loaded already.
        let for_all = unsafe { system::open(file, true) }.map_err(failed)?;
        std::mem::forget(for_all);
    }
    let name = format!("{file} ({})", identity.version);
    // SAFETY: the library has told which it is.
    let calls = unsafe { identity.calls(library) }.map_err(missing)?;
    Ok(Found { name, calls })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_library_lies_beside_its_launcher() {
        let place = env::temp_dir().join(format!("tunesmith-mpi-{}", std::process::id()));
        fs::create_dir_all(place.join("lib64")).unwrap();
        let library = place.join("lib64").join("libmpi.so.40");
        fs::write(&library, "").unwrap();
        let programs = [place.join("bin").join("mpirun"), "sh".into(), "/sh".into()];
        let found = beside(&programs, &["libmpi_abi.so.1", "libmpi.so.40"]);
        let reason = load(&found[0], Family::OpenMpi).err().unwrap();
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(found, [library.to_str().unwrap()]);
        // It is there, but it's no library.
        assert!(reason.contains("libmpi.so.40"), "{reason}");
    }

    #[test]
    fn what_was_looked_for_is_said_with_what_to_do() {
        let reason = load("libno-such-mpi.so.7", Family::Any).err().unwrap();
        let error = MpiError::NoLibrary {
            launcher: "Open MPI (OMPI_COMM_WORLD_SIZE is set)".to_owned(),
            looked_for: vec![reason],
            install: "Open MPI",
        };
        let message = error.to_string();
        for part in [
            "OMPI_COMM_WORLD_SIZE",
            "libno-such-mpi.so.7",
            "Install Open MPI",
            LIBRARY_VARIABLE,
        ] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_library_of_something_else_is_none_of_mpi() {
        let reason = load("libc.so.6", Family::Any).err().unwrap();
        assert!(reason.contains("MPI_Get_library_version"), "{reason}");
    }
}

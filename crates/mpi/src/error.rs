//! Why a process can't join the ranks that it was started with.

use thiserror::Error;

use crate::LIBRARY_VARIABLE;

/// Why a process can't join the ranks that it was started with.
#[derive(Debug, Error)]
pub enum MpiError {
    /// No library could be loaded.
    #[error(
        "{launcher} has started this process as one of several, but the library of its MPI can't be loaded. Looked \
         for: {}. Install {install} on every machine, load its module before starting, or name the library's file \
         by {LIBRARY_VARIABLE} ({LIBRARY_VARIABLE}=none: each process works for itself)",
        looked_for.join("; ")
    )]
    NoLibrary {
        /// What has started the process, and how that is known.
        launcher: String,
        /// Each file and what was wrong with it.
        looked_for: Vec<String>,
        /// What would bring the library.
        install: &'static str,
    },
    /// The file that the variable names can't be used.
    #[error("{LIBRARY_VARIABLE} names {file}, which can't be used: {reason}")]
    Named {
        /// As the variable has it.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The library works alone, or with others.
    #[error(
        "{launcher} has started {started} processes, but {library} knows of {size}: it belongs to another MPI. Start \
         the run with the launcher of that MPI, or name the launcher's own library by {LIBRARY_VARIABLE}"
    )]
    OtherLauncher {
        /// The library's file and what it calls itself.
        library: String,
        /// What has started the process, and how that is known.
        launcher: String,
        /// As the launcher says.
        started: usize,
        /// As the library says.
        size: usize,
    },
    /// It may only be called by one thread.
    #[error(
        "{library} was built without support for threads: use an MPI with MPI_THREAD_SERIALIZED, as all current ones \
         are"
    )]
    NoThreads {
        /// The library's file and what it calls itself.
        library: String,
    },
    /// A function of it fails.
    #[error("{library} can't begin: {failure}")]
    Call {
        /// The library's file and what it calls itself.
        library: String,
        /// The function and its message.
        failure: String,
    },
    /// Slurm was not told to start them as ranks.
    #[error(
        "srun has started {tasks} processes without telling them of each other: start them with `srun --mpi=pmix` or \
         `srun --mpi=pmi2` (`srun --mpi=list` shows what this cluster has), or set {LIBRARY_VARIABLE}=none if each \
         of them should work for itself"
    )]
    SlurmAlone {
        /// How many.
        tasks: usize,
    },
    /// It was asked for twice.
    #[error("MPI can be initialized only once in a process")]
    Again,
}

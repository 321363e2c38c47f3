//! Ranks as processes, started by the launchers of the MPIs that there are. `cargo xtask test` installs these and
//! names them; without one its tests fail.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A rank that ended is noticed within this time by all others; a launcher gives them a few seconds to end by
/// themselves.
const NOTICED: Duration = Duration::from_secs(20);

/// Nothing here takes longer unless it hangs.
const HANGS: Duration = Duration::from_secs(120);

/// One run at a time: MPI keeps a core busy for each rank.
static TURN: Mutex<()> = Mutex::new(());

/// An MPI.
struct Installed {
    launcher: PathBuf,
    /// The library that its ranks must load, if it's not the one that they find first.
    library: Option<PathBuf>,
}

/// What a run printed, and how it ended.
struct Outcome {
    succeeded: bool,
    output: String,
    took: Duration,
}

impl Installed {
    /// Debian's Open MPI, or the one that the variable names.
    fn open_mpi() -> Self {
        let launcher = launcher("TUNESMITH_TEST_OPEN_MPI", Some("mpirun.openmpi"));
        Self {
            launcher,
            library: None,
        }
    }

    /// Debian's MPICH, or the one that the variable names, by MPICH's own ABI.
    fn mpich() -> Self {
        let launcher = launcher("TUNESMITH_TEST_MPICH", Some("mpirun.mpich"));
        let own = library_of(&launcher, "libmpi.so.12");
        Self {
            launcher,
            library: own.is_file().then_some(own),
        }
    }

    /// An MPI with the standard ABI.
    fn standard() -> Self {
        let launcher = launcher("TUNESMITH_TEST_MPI_ABI", None);
        Self {
            launcher,
            library: None,
        }
    }

    fn command(&self, ranks: usize) -> Command {
        let mut command = Command::new(&self.launcher);
        command
            .args(["-n", &ranks.to_string()])
            .stdin(Stdio::null())
            // Open MPI asks for a promise where root starts it, as in a container, and for another where there are
            // more ranks than cores: in version 4, and in 5.
            .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
            .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
            .env("OMPI_MCA_rmaps_base_oversubscribe", "true")
            .env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
        if let Some(library) = &self.library {
            command.env("TUNESMITH_MPI_LIB", library);
        }
        command
    }

    fn run(&self, ranks: usize, words: &[&str]) -> Outcome {
        self.run_with(ranks, words, |_| {})
    }

    fn run_with(&self, ranks: usize, words: &[&str], change: impl FnOnce(&mut Command)) -> Outcome {
        let _turn = TURN.lock().unwrap_or_else(|turn| turn.into_inner());
        let mut command = self.command(ranks);
        command
            .arg(env!("CARGO_BIN_EXE_ranks"))
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        change(&mut command);
        let start = Instant::now();
        let mut child = command.spawn().unwrap();
        let output = [
            read(child.stdout.take().unwrap()),
            read(child.stderr.take().unwrap()),
        ];
        let status = ended(&mut child);
        let took = start.elapsed();
        let output = output.map(|reader| reader.join().unwrap()).concat();
        let outcome = Outcome {
            succeeded: status.is_some_and(|status| status.success()),
            output,
            took,
        };
        assert!(status.is_some(), "it hangs: {}", outcome.output);
        outcome
    }

    /// A run in which all goes well, by the library that it should be.
    fn does(&self, ranks: usize, words: &[&str], library: &str) {
        let outcome = self.run(ranks, words);
        outcome.succeeds(ranks, library);
    }
}

impl Outcome {
    fn succeeds(&self, ranks: usize, library: &str) {
        assert!(self.succeeded, "{}", self.output);
        for rank in 0..ranks {
            let done = format!("rank {rank}: done");
            assert!(self.output.contains(&done), "{}", self.output);
            // One process alone needs no MPI.
            if ranks > 1 {
                let known = format!("rank {rank} of {ranks}: ");
                let of = self.output.lines().find_map(|line| line.split_once(&known));
                assert!(of.unwrap().1.contains(library), "{}", self.output);
            }
        }
    }

    /// All ranks have ended in time, without any of them having been done, and it is told.
    fn fails(&self, says: &[&str]) {
        assert!(!self.succeeded, "{}", self.output);
        for says in says {
            assert!(self.output.contains(says), "no {says:?} in {}", self.output);
        }
        assert!(self.took < NOTICED, "{:?}: {}", self.took, self.output);
        let process =
            |line: &str| Some(line.split_once("process ")?.1.split_once(',')?.0.to_owned());
        let processes: Vec<String> = self.output.lines().filter_map(process).collect();
        for process in processes {
            let there = || {
                Command::new("kill")
                    .args(["-0", &process])
                    .output()
                    .unwrap()
                    .status
                    .success()
            };
            let since = Instant::now();
            while there() {
                assert!(
                    since.elapsed() < NOTICED,
                    "{process} lives on: {}",
                    self.output
                );
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn launcher(variable: &str, usual: Option<&str>) -> PathBuf {
    if let Some(named) = env::var_os(variable) {
        return PathBuf::from(named);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = usual.and_then(|name| {
        let mut files = env::split_paths(&path).map(|folder| folder.join(name));
        files.find(|file| file.is_file())
    });
    found.unwrap_or_else(|| {
        panic!("no {variable}: `cargo xtask test mpirun` installs what is needed and sets it")
    })
}

fn library_of(launcher: &Path, name: &str) -> PathBuf {
    let above = launcher.parent().and_then(Path::parent);
    above.unwrap_or(Path::new("")).join("lib").join(name)
}

fn read(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Waits for the end; `None` where it had to be forced.
fn ended(child: &mut Child) -> Option<std::process::ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < HANGS {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

/// The same tests for each MPI.
macro_rules! tests {
    ($module:ident, $library:literal) => {
        mod $module {
            use super::*;

            fn mpi() -> Installed {
                Installed::$module()
            }

            #[test]
            fn ranks_have_what_threads_have_bit_for_bit() {
                for ranks in 1..=4 {
                    mpi().does(ranks, &["check"], $library);
                }
            }

            #[test]
            fn messages_are_sent_in_parts() {
                let in_parts = |command: &mut Command| {
                    command.env("PARTS", "1021");
                };
                let outcome = mpi().run_with(3, &["check"], in_parts);
                outcome.succeeds(3, $library);
            }

            #[test]
            fn pieces_of_100_mb_arrive() {
                mpi().does(2, &["large", "25000000"], $library);
            }

            #[test]
            fn a_rank_that_aborts_says_why_and_ends_all() {
                for place in ["start", "step", "end"] {
                    let outcome = mpi().run(3, &["fail", "abort", place]);
                    outcome.fails(&["rank 2 has ended: the disk is full"]);
                }
            }

            #[test]
            fn a_rank_that_is_killed_ends_all() {
                for place in ["start", "step", "meanwhile", "end"] {
                    mpi().run(3, &["fail", "kill", place]).fails(&[]);
                }
            }

            #[test]
            fn a_rank_that_exits_ends_all() {
                for place in ["step", "meanwhile"] {
                    mpi().run(2, &["fail", "exit", place]).fails(&[]);
                }
            }

            #[test]
            fn a_rank_that_leaves_or_panics_is_named_to_the_others() {
                let left = "is told: rank 2 has ended: its process has left the run";
                mpi()
                    .run(3, &["fail", "leave", "step"])
                    .fails(&[left, "rank 2 has left"]);
                mpi()
                    .run(3, &["fail", "panic", "step"])
                    .fails(&["as wanted"]);
            }

            #[test]
            fn a_rank_that_does_something_else_is_named() {
                let outcome = mpi().run(3, &["fail", "differ", "step"]);
                outcome.fails(&["is told: rank 2 has ended: it does something else than rank"]);
            }
        }
    };
}

tests!(open_mpi, "Open MPI v");
tests!(mpich, "libmpi");
tests!(standard, "libmpi_abi.so");

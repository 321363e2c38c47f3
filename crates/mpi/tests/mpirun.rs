//! Ranks as processes, started by the launchers of the MPIs that there are. `cargo xtask test` installs these and
//! names them; without one its tests fail.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests")]

use std::env;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
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

/// Another host than this one: a network of its own with one cable between the two. Both vanish with the last
/// process that is in them. Then what is to be started here, and how much came over the cable.
const TWO_HOSTS: &str = r#"
set -e
mount -t tmpfs none /run
mount -t sysfs none /sys
hostname one
ip link set lo up
ip netns add two
ip link add one type veth peer name two netns two
ip address add 10.213.0.1/24 dev one
ip link set one up
ip -n two link set lo up
ip -n two address add 10.213.0.2/24 dev two
ip -n two link set two up
until ip link show one | grep -q 'state UP' && ip -n two link show two | grep -q 'state UP'; do sleep 0.05; done
status=0
"$@" || status=$?
sed -n 's/ *one: *\([0-9]*\) .*/received \1 bytes/p' /proc/net/dev
exit $status
"#;

/// In the place of ssh, which is called with options, a host and a command.
const TO_THE_OTHER_HOST: &str = r#"#!/bin/sh
while :; do case "$1" in -*) shift ;; *) break ;; esac; done
shift
exec ip netns exec two unshare --uts sh -c "hostname two; $*"
"#;

/// Where the system doesn't let a test make networks, one who sets this knows that these tests do nothing.
const NO_NAMESPACES: &str = "TUNESMITH_TEST_WITHOUT_NAMESPACES";

/// An MPI.
struct Installed {
    /// Whether its launcher is used as Open MPI's; else as MPICH's.
    is_open_mpi: bool,
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
            is_open_mpi: true,
            launcher,
            library: None,
        }
    }

    /// Debian's MPICH, or the one that the variable names, by MPICH's own ABI.
    fn mpich() -> Self {
        let launcher = launcher("TUNESMITH_TEST_MPICH", Some("mpirun.mpich"));
        let own = library_of(&launcher, "libmpi.so.12");
        Self {
            is_open_mpi: false,
            launcher,
            library: own.is_file().then_some(own),
        }
    }

    /// An MPI with the standard ABI.
    fn standard() -> Self {
        let launcher = launcher("TUNESMITH_TEST_MPI_ABI", None);
        Self {
            is_open_mpi: false,
            launcher,
            library: None,
        }
    }

    /// How to start ranks on this machine.
    fn here(&self, ranks: usize) -> Command {
        let mut command = Command::new(&self.launcher);
        command.args(["-n", &ranks.to_string()]);
        self.prepare(&mut command);
        command
    }

    /// How to start two ranks on two hosts.
    fn on_two_hosts(&self, ssh: &Path) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(namespaces())
            .args(["sh", "-c", TWO_HOSTS, "sh"])
            .arg(&self.launcher)
            .args(["-n", "2"]);
        let hosts = "10.213.0.1,10.213.0.2";
        // Each is told to use the network, since all of them find that both hosts have the same memory.
        if self.is_open_mpi {
            command
                .args(["--host", hosts, "--mca", "plm_rsh_agent"])
                .arg(ssh)
                .args(["--mca", "pml", "ob1", "--mca", "btl", "tcp,self"]);
        } else {
            command
                .args(["-hosts", hosts, "-iface", "one"])
                .args(["-launcher", "ssh", "-launcher-exec"])
                .arg(ssh)
                .args(["-genv", "MPIR_CVAR_NOLOCAL", "1"])
                .args(["-genv", "UCX_TLS", "tcp,self"]);
        }
        self.prepare(&mut command);
        // Version 5 would put both ranks on the first.
        command.env_remove("PRTE_MCA_rmaps_default_mapping_policy");
        command
    }

    fn prepare(&self, command: &mut Command) {
        let path = env::var("PATH").unwrap_or_default();
        command
            .stdin(Stdio::null())
            .env("PATH", format!("{path}:/usr/sbin:/sbin"))
            // Open MPI asks for a promise where root starts it, as in a container, and for another where there are
            // more ranks than cores: in version 4, and in 5.
            .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
            .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
            .env("OMPI_MCA_rmaps_base_oversubscribe", "true")
            .env("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe");
        if let Some(library) = &self.library {
            command.env("TUNESMITH_MPI_LIB", library);
        }
    }

    fn run(&self, ranks: usize, words: &[&str]) -> Outcome {
        run(self.here(ranks), words)
    }

    /// A run in which all goes well, by the library that it should be.
    fn does(&self, ranks: usize, words: &[&str], library: &str) {
        let outcome = self.run(ranks, words);
        outcome.succeeds(ranks, library);
    }
}

/// Starts the ranks, with these words of what to do, and waits for their end.
fn run(mut command: Command, words: &[&str]) -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(|turn| turn.into_inner());
    command
        .arg(env!("CARGO_BIN_EXE_ranks"))
        .args(words)
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
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

/// Whether networks can be made; fails where they can't be and nobody has said so.
fn can_have_namespaces() -> bool {
    let tried = Command::new("unshare")
        .args(namespaces())
        .arg("true")
        .output();
    let fails = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    assert!(
        env::var_os(NO_NAMESPACES).is_some(),
        "no two hosts can be made here (unshare: {fails}); where that can't be helped, set {NO_NAMESPACES}=1"
    );
    false
}

fn namespaces() -> Vec<&'static str> {
    let id = Command::new("id").arg("-u").output().unwrap();
    let mut options = vec!["--net", "--mount", "--uts"];
    if id.stdout != b"0\n" {
        options.extend(["--user", "--map-root-user"]);
    }
    options
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

    /// What came over the cable between two hosts, in bytes.
    fn received(&self) -> u64 {
        let told = self
            .output
            .lines()
            .find_map(|line| line.strip_prefix("received "));
        told.unwrap().trim_end_matches(" bytes").parse().unwrap()
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

/// The file that is called as ssh would be.
struct Ssh(PathBuf);

impl Ssh {
    fn new(name: &str) -> Self {
        let file = format!("tunesmith-ssh-{}-{name}", std::process::id());
        let file = env::temp_dir().join(file);
        fs::write(&file, TO_THE_OTHER_HOST).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        Self(file)
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// Open MPI's, beside its launcher or where the system has it.
fn open_mpi_library() -> PathBuf {
    let beside = library_of(&Installed::open_mpi().launcher, "libmpi.so.40");
    match beside.is_file() {
        true => beside,
        false => PathBuf::from("libmpi.so.40"),
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
    // With all that it has started, which would hold its output open.
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-9", "--", &group]).status();
    child.wait().unwrap();
    None
}

/// Two ranks on two hosts have what two threads have, by the network, and end when one of them does.
fn on_two_hosts(mpi: &Installed, name: &str, library: &str) {
    if !can_have_namespaces() {
        return;
    }
    let ssh = Ssh::new(name);
    let on_two = |words: &[&str]| run(mpi.on_two_hosts(&ssh.0), words);
    on_two(&["check"]).succeeds(2, library);
    let outcome = on_two(&["exchange", "1000000", "3"]);
    outcome.succeeds(2, library);
    // Twice half of the numbers each time, by the cable and not by memory that both have.
    assert!(outcome.received() > 3 * 4_000_000, "{}", outcome.output);
    for how in ["kill", "exit", "abort"] {
        on_two(&["fail", how, "step"]).fails(&[]);
    }
}

// Not with Debian's MPICH, 4.0.2 on UCX: over TCP its MPI_Finalize hangs now and then, one rank waiting for another
// that no longer listens.
#[test]
fn open_mpi_on_two_hosts() {
    on_two_hosts(&Installed::open_mpi(), "open-mpi", "Open MPI v");
}

#[test]
fn mpich_5_on_two_hosts() {
    on_two_hosts(&Installed::standard(), "standard", "libmpi_abi.so");
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
                let mut command = mpi().here(3);
                command.env("PARTS", "1021");
                run(command, &["check"]).succeeds(3, $library);
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
                    let outcome = mpi().run(3, &["fail", "kill", place]);
                    // MPICH's launcher says that one was killed, and not which.
                    let named = mpi().is_open_mpi.then_some("process rank 2");
                    outcome.fails(named.as_slice());
                }
            }

            #[test]
            fn a_rank_that_exits_ends_all() {
                for place in ["step", "meanwhile"] {
                    let outcome = mpi().run(2, &["fail", "exit", place]);
                    outcome.fails(&["rank 1 has ended: its process exits"]);
                }
            }

            #[test]
            fn a_rank_that_leaves_or_panics_is_named_to_the_others() {
                let left = "is told: rank 2 has ended: its process has left the run";
                mpi().run(3, &["fail", "leave", "step"]).fails(&[left]);
                mpi()
                    .run(3, &["fail", "panic", "step"])
                    .fails(&["as wanted"]);
            }

            #[test]
            fn a_library_that_does_not_fit_is_told() {
                let with = |library: &Path| {
                    let mut command = mpi().here(2);
                    command.env("TUNESMITH_MPI_LIB", library);
                    run(command, &["check"])
                };
                let none = with("libc.so.6".as_ref());
                none.fails(&[
                    "TUNESMITH_MPI_LIB names libc.so.6",
                    "MPI_Get_library_version",
                ]);
                // Each as the launcher of another MPI would need it.
                if mpi().is_open_mpi {
                    let standard = Installed::standard().launcher;
                    with(&library_of(&standard, "libmpi_abi.so.1")).fails(&[]);
                } else {
                    with(&open_mpi_library()).fails(&["has started 2 processes", "knows of 1"]);
                }
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

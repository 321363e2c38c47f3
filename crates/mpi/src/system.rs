//! What is done otherwise on Unix than elsewhere: opening a library for all, ending at once, finding the process
//! that has started this one.

#[cfg(unix)]
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libloading::Library;

/// How long last words take to reach whoever has started the run. MPICH's launcher shows nothing more of a process
/// that it knows to have ended, not even what it said before.
pub(crate) const HEARD: Duration = Duration::from_millis(500);

/// Opens a library; `for_all` where further libraries, opened by it, are to find its functions.
///
/// # Safety
/// Its initializers run, whatever they do.
pub(crate) unsafe fn open(file: &str, for_all: bool) -> Result<Library, libloading::Error> {
    #[cfg(unix)]
    {
        use libloading::os::unix;
        let whose = match for_all {
            true => unix::RTLD_GLOBAL,
            false => unix::RTLD_LOCAL,
        };
        // SAFETY: the caller's.
        unsafe { unix::Library::open(Some(file), unix::RTLD_NOW | whose) }.map(Library::from)
    }
    #[cfg(not(unix))]
    {
        let _ = for_all;
        // SAFETY: the caller's.
        unsafe { Library::new(file) }
    }
}

/// Ends this process as failed, without anything that is done at a usual end: a thread that is inside of MPI would
/// hold that up.
pub(crate) fn exit_at_once() -> ! {
    #[cfg(unix)]
    // SAFETY: it takes a number and doesn't come back.
    unsafe {
        libc::_exit(1)
    }
    #[cfg(not(unix))]
    std::process::abort()
}

/// The rank that this process is while it belongs to a group, else [`usize::MAX`].
static MEMBER: AtomicUsize = AtomicUsize::new(usize::MAX);

/// From here on this process may not exit, whatever its code, until it has [`left`]: MPICH's launcher would have the
/// ranks of other machines wait for it forever.
pub(crate) fn joined(rank: usize) {
    MEMBER.store(rank, Ordering::SeqCst);
    #[cfg(unix)]
    // SAFETY: the function takes and gives nothing, and doesn't unwind.
    unsafe {
        libc::atexit(exits);
    }
}

/// It may exit again.
pub(crate) fn left() {
    MEMBER.store(usize::MAX, Ordering::SeqCst);
}

/// Ends as killed, which every launcher takes for the end of all ranks.
#[cfg(unix)]
extern "C" fn exits() {
    let rank = MEMBER.load(Ordering::SeqCst);
    if rank != usize::MAX {
        // As `eprintln`, which would panic where nobody listens.
        let message = format!("rank {rank} has ended: its process exits before the run is over\n");
        drop(std::io::stderr().write_all(message.as_bytes()));
        std::thread::sleep(HEARD);
        // SAFETY: it takes a number.
        unsafe { libc::raise(libc::SIGKILL) };
    }
}

/// The program files of the process that has started this one, of the one before it, and so on, as far as this user
/// may know them; none where the system doesn't tell by files.
pub(crate) fn ancestors() -> Vec<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        let mut found = Vec::new();
        let mut process = std::os::unix::process::parent_id();
        // A chain that is longer is none of a launcher.
        for _ in 0..16 {
            let folder = PathBuf::from(format!("/proc/{process}"));
            found.extend(std::fs::read_link(folder.join("exe")));
            let parent = std::fs::read_to_string(folder.join("stat"));
            match parent.ok().as_deref().and_then(parent_of) {
                Some(parent) if parent > 1 => process = parent,
                _ => break,
            }
        }
        found
    }
    #[cfg(not(target_os = "linux"))]
    Vec::new()
}

/// The parent in what Linux tells of a process: `PID (NAME) STATE PARENT …`, where the name may hold anything.
#[cfg(any(target_os = "linux", test))]
fn parent_of(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_s_parent_is_read_whatever_its_name() {
        assert_eq!(
            parent_of("42 (a (b) c 1 2) S 17 42 42 0 -1 4194560"),
            Some(17)
        );
        assert_eq!(parent_of("42 (sh"), None);
        assert_eq!(parent_of(""), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_was_started_by_another() {
        assert!(!ancestors().is_empty());
    }
}

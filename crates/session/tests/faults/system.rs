//! The C library's calls for files, as this test program defines them: the standard library's are bound
//! to these when it is linked. So a file system fails under the pipeline as it is, without a seam in it.
//!
//! Counted are the calls on files below the watched folders, whichever thread makes them.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happens at the chosen call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and those after it don't.
    Fails,
    /// From it on there is no room.
    Full,
    /// From it on nothing is done any more, as where the process is killed; a write is torn.
    Dies,
}

/// A call that changes files, as it was made.
#[derive(Debug, Clone)]
pub enum Change {
    Open {
        fd: c_int,
        path: PathBuf,
        truncates: bool,
    },
    Write {
        fd: c_int,
        bytes: Vec<u8>,
    },
    Length {
        fd: c_int,
        length: u64,
    },
    Sync {
        fd: c_int,
    },
    Close {
        fd: c_int,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
    },
    Remove {
        path: PathBuf,
    },
    Folder {
        path: PathBuf,
    },
}

struct State {
    watched: Vec<PathBuf>,
    open: BTreeMap<c_int, PathBuf>,
    fault: Option<(usize, Fault)>,
    calls: usize,
    /// The call that the fault was at.
    hit: Option<String>,
    changes: Vec<Change>,
}

static STATE: Mutex<State> = Mutex::new(State {
    watched: Vec::new(),
    open: BTreeMap::new(),
    fault: None,
    calls: 0,
    hit: None,
    changes: Vec::new(),
});

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What happened while the folders were watched.
pub struct Watched {
    /// Calls on files below them.
    pub calls: usize,
    /// The call that the fault was at, where it was reached.
    pub hit: Option<String>,
    /// The calls that changed something.
    pub changes: Vec<Change>,
}

/// Does `work`; at the call of this number on files below `folders` the fault happens.
pub fn watch<T>(
    folders: &[PathBuf],
    fault: Option<(usize, Fault)>,
    work: impl FnOnce() -> T,
) -> (T, Watched) {
    *state() = State {
        watched: folders.to_vec(),
        open: BTreeMap::new(),
        fault,
        calls: 0,
        hit: None,
        changes: Vec::new(),
    };
    let done = work();
    let mut state = state();
    state.watched.clear();
    state.open.clear();
    state.fault = None;
    let watched = Watched {
        calls: state.calls,
        hit: state.hit.take(),
        changes: std::mem::take(&mut state.changes),
    };
    (done, watched)
}

/// How a call goes.
enum Turn {
    Works,
    Fails(c_int),
    /// A write does so many bytes; none where it fails at once.
    Torn(c_int),
}

impl State {
    fn is_watched(&self, path: &Path) -> bool {
        self.watched.iter().any(|folder| path.starts_with(folder))
    }

    fn turn(&mut self, call: &str, path: &Path, grows: bool) -> Turn {
        let number = self.calls;
        self.calls += 1;
        let Some((at, fault)) = self.fault else {
            return Turn::Works;
        };
        if number == at {
            self.hit = Some(format!("{call} {}", path.display()));
        }
        match fault {
            Fault::Fails if number == at => Turn::Torn(libc::EIO),
            Fault::Full if number >= at && grows => Turn::Torn(libc::ENOSPC),
            Fault::Dies if number == at => Turn::Torn(libc::EIO),
            Fault::Dies if number > at => Turn::Fails(libc::EIO),
            _ => Turn::Works,
        }
    }
}

fn fail(errno: c_int) -> c_int {
    // SAFETY: the C library's own place for it.
    unsafe { *libc::__errno_location() = errno };
    -1
}

fn path(text: *const c_char) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: the callers are given a path by the standard library, which ends it with a zero.
    let bytes = unsafe { CStr::from_ptr(text) }.to_bytes();
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

fn path_at(folder: c_int, text: *const c_char) -> PathBuf {
    let name = path(text);
    match state().open.get(&folder) {
        Some(folder) => folder.join(name),
        None => name,
    }
}

/// A call on a path: how it goes, where it is below a watched folder.
fn call(name: &str, path: &Path, grows: bool) -> Option<Turn> {
    let mut state = state();
    state
        .is_watched(path)
        .then(|| state.turn(name, path, grows))
}

/// A call on an open file.
fn call_on(name: &str, fd: c_int, grows: bool) -> Option<Turn> {
    let mut state = state();
    let path = state.open.get(&fd)?.clone();
    Some(state.turn(name, &path, grows))
}

fn note(change: Change) {
    state().changes.push(change);
}

fn opened(folder: c_int, text: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    let path = path_at(folder, text);
    let writes = flags & (libc::O_WRONLY | libc::O_RDWR) != 0;
    let is_new = flags & libc::O_CREAT != 0 && !exists(text, folder);
    let turn = call("open", &path, is_new);
    if let Some(Turn::Fails(errno) | Turn::Torn(errno)) = turn {
        return fail(errno);
    }
    // SAFETY: the caller's arguments as they are.
    let fd = unsafe { libc::syscall(libc::SYS_openat, folder, text, flags, mode) } as c_int;
    if fd >= 0 && turn.is_some() {
        state().open.insert(fd, path.clone());
        if writes {
            let truncates = is_new || flags & libc::O_TRUNC != 0;
            note(Change::Open {
                fd,
                path,
                truncates,
            });
        }
    }
    fd
}

fn exists(text: *const c_char, folder: c_int) -> bool {
    // SAFETY: the caller's path as it is.
    unsafe { libc::syscall(libc::SYS_faccessat, folder, text, libc::F_OK) == 0 }
}

#[unsafe(no_mangle)]
extern "C" fn open64(text: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    opened(libc::AT_FDCWD, text, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn open(text: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    opened(libc::AT_FDCWD, text, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn openat64(folder: c_int, text: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    opened(folder, text, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn openat(folder: c_int, text: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    opened(folder, text, flags, mode)
}

#[unsafe(no_mangle)]
extern "C" fn close(fd: c_int) -> c_int {
    if state().open.remove(&fd).is_some() {
        note(Change::Close { fd });
    }
    // SAFETY: the caller's argument as it is.
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

#[unsafe(no_mangle)]
extern "C" fn read(fd: c_int, bytes: *mut c_void, count: usize) -> isize {
    match call_on("read", fd, false) {
        Some(Turn::Fails(errno) | Turn::Torn(errno)) => fail(errno) as isize,
        // SAFETY: the caller's arguments as they are.
        _ => unsafe { libc::syscall(libc::SYS_read, fd, bytes, count) as isize },
    }
}

#[unsafe(no_mangle)]
extern "C" fn write(fd: c_int, bytes: *const c_void, count: usize) -> isize {
    let turn = call_on("write", fd, true);
    let (wanted, errno) = match turn {
        Some(Turn::Fails(errno)) => return fail(errno) as isize,
        Some(Turn::Torn(errno)) => (count / 2, Some(errno)),
        _ => (count, None),
    };
    // SAFETY: the caller's arguments, of which a part is written.
    let written = unsafe { libc::syscall(libc::SYS_write, fd, bytes, wanted) };
    if turn.is_some() && written > 0 {
        // SAFETY: the caller's bytes, that were read from just now.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast(), written as usize) };
        let bytes = <[u8]>::to_vec(bytes);
        note(Change::Write { fd, bytes });
    }
    match errno {
        Some(errno) => fail(errno) as isize,
        None => written as isize,
    }
}

fn changed(
    name: &str,
    path: PathBuf,
    grows: bool,
    work: impl FnOnce() -> c_long,
    change: impl FnOnce(PathBuf) -> Change,
) -> c_int {
    let turn = call(name, &path, grows);
    if let Some(Turn::Fails(errno) | Turn::Torn(errno)) = turn {
        return fail(errno);
    }
    let done = work() as c_int;
    if done == 0 && turn.is_some() {
        note(change(path));
    }
    done
}

#[unsafe(no_mangle)]
extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    let source = path(from);
    changed(
        "rename to",
        path(to),
        false,
        // SAFETY: the caller's arguments as they are.
        || unsafe {
            libc::syscall(
                libc::SYS_renameat2,
                libc::AT_FDCWD,
                from,
                libc::AT_FDCWD,
                to,
                0,
            )
        },
        |to| Change::Rename { from: source, to },
    )
}

fn removed(name: &str, folder: c_int, text: *const c_char, flags: c_int) -> c_int {
    changed(
        name,
        path_at(folder, text),
        false,
        // SAFETY: the caller's arguments as they are.
        || unsafe { libc::syscall(libc::SYS_unlinkat, folder, text, flags) },
        |path| Change::Remove { path },
    )
}

#[unsafe(no_mangle)]
extern "C" fn unlink(text: *const c_char) -> c_int {
    removed("remove", libc::AT_FDCWD, text, 0)
}

#[unsafe(no_mangle)]
extern "C" fn rmdir(text: *const c_char) -> c_int {
    removed("remove", libc::AT_FDCWD, text, libc::AT_REMOVEDIR)
}

#[unsafe(no_mangle)]
extern "C" fn unlinkat(folder: c_int, text: *const c_char, flags: c_int) -> c_int {
    removed("remove", folder, text, flags)
}

#[unsafe(no_mangle)]
extern "C" fn mkdir(text: *const c_char, mode: c_uint) -> c_int {
    changed(
        "make the folder",
        path(text),
        true,
        // SAFETY: the caller's arguments as they are.
        || unsafe { libc::syscall(libc::SYS_mkdirat, libc::AT_FDCWD, text, mode) },
        |path| Change::Folder { path },
    )
}

fn synced(number: c_long, fd: c_int) -> c_int {
    let turn = call_on("sync", fd, false);
    if let Some(Turn::Fails(errno) | Turn::Torn(errno)) = turn {
        return fail(errno);
    }
    if turn.is_some() {
        note(Change::Sync { fd });
        // The disk is not waited for: what a crash of the machine takes is not tested by this file.
        return 0;
    }
    // SAFETY: the caller's argument as it is.
    unsafe { libc::syscall(number, fd) as c_int }
}

#[unsafe(no_mangle)]
extern "C" fn fsync(fd: c_int) -> c_int {
    synced(libc::SYS_fsync, fd)
}

#[unsafe(no_mangle)]
extern "C" fn fdatasync(fd: c_int) -> c_int {
    synced(libc::SYS_fdatasync, fd)
}

#[unsafe(no_mangle)]
extern "C" fn ftruncate64(fd: c_int, length: i64) -> c_int {
    let turn = call_on("set the length of", fd, true);
    if let Some(Turn::Fails(errno) | Turn::Torn(errno)) = turn {
        return fail(errno);
    }
    // SAFETY: the caller's arguments as they are.
    let done = unsafe { libc::syscall(libc::SYS_ftruncate, fd, length) as c_int };
    if done == 0 && turn.is_some() {
        let length = length as u64;
        note(Change::Length { fd, length });
    }
    done
}

/// Not here, so that a copy is reads and writes.
#[unsafe(no_mangle)]
extern "C" fn copy_file_range(
    _: c_int,
    _: *mut i64,
    _: c_int,
    _: *mut i64,
    _: usize,
    _: c_uint,
) -> isize {
    fail(libc::ENOSYS) as isize
}

/// As [`copy_file_range`].
#[unsafe(no_mangle)]
extern "C" fn sendfile64(_: c_int, _: c_int, _: *mut i64, _: usize) -> isize {
    fail(libc::ENOSYS) as isize
}

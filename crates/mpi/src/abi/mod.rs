//! The functions of MPI that are used, and how a library of each kind is called.
//!
//! The functions and their parameters are the same everywhere. What differs are *handles* (a communicator, a type, a
//! request), which are pointers or numbers, and the values of constants.

mod mpich;
mod open_mpi;
mod standard;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use libloading::Library;
use thiserror::Error;

/// A function of MPI that has failed.
#[derive(Debug, Error)]
#[error("{function}: {message}")]
pub(crate) struct Failure {
    pub function: &'static str,
    pub message: String,
}

/// A library of MPI. One thread calls it at a time, `init` before all else and `finalize` as the last. A slice holds
/// less than 2 GiB.
pub(crate) trait Calls: Send + Sync {
    /// Begins; waits for all ranks. Whether threads may take turns in calling.
    fn init(&self) -> Result<bool, Failure>;

    fn rank(&self) -> Result<usize, Failure>;

    fn size(&self) -> Result<usize, Failure>;

    /// Gives all ranks what each of so many has, in the order of ranks; each has as much. As long as it takes,
    /// `wait` is called again and again.
    fn all_gather(
        &self,
        own: Vec<u64>,
        size: usize,
        wait: &mut dyn FnMut(),
    ) -> Result<Vec<u64>, Failure>;

    /// Gives all ranks what rank 0 has; each knows how much.
    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), Failure>;

    fn send(&self, bytes: &[u8], to: usize) -> Result<(), Failure>;

    /// Fills the slice with what comes from a rank, which sends as much.
    fn receive(&self, bytes: &mut [u8], from: usize) -> Result<(), Failure>;

    /// Sends to one rank and receives from another, both at once.
    fn exchange(&self, to: (usize, &[u8]), from: (usize, &mut [u8])) -> Result<(), Failure>;

    /// Ends all ranks, this one too.
    fn abort(&self);

    /// Ends MPI, after which nothing else may be called; waits for all ranks.
    fn finalize(&self) -> Result<(), Failure>;
}

/// What a library says of itself.
pub(crate) struct Identity {
    /// Its name and version, in its own words.
    pub version: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Standard,
    OpenMpi,
    Mpich,
}

impl Identity {
    /// Asks a library which it is.
    ///
    /// # Errors
    /// The function that is missing, where it's no library of MPI.
    ///
    /// # Safety
    /// What bears the names of MPI's functions is these.
    pub(crate) unsafe fn of(library: &Library) -> Result<Self, Failure> {
        // MPI_MAX_LIBRARY_VERSION_STRING is 256 in Open MPI, 8,192 in the others.
        let mut text = [0; 8192];
        let mut length = 0;
        // SAFETY: its parameters since MPI 3.0: room for the text, and for its length. It may be called before MPI
        // is initialized.
        unsafe {
            let version: unsafe extern "C" fn(*mut c_char, *mut c_int) -> c_int =
                symbol(library, "MPI_Get_library_version")?;
            version(text.as_mut_ptr(), &raw mut length);
        }
        let all = text_of(&text);
        let version = all.lines().next().unwrap_or_default();
        // MPICH writes `MPICH Version:      5.0.2`.
        let words: Vec<&str> = version.split_whitespace().collect();
        let (mut major, mut minor) = (-1, -1);
        // SAFETY: its parameters in MPI 5.0, which gives -1 where another ABI than the standard's is meant; it may
        // be called before MPI is initialized. Older libraries don't have it.
        unsafe {
            type AbiVersion = unsafe extern "C" fn(*mut c_int, *mut c_int) -> c_int;
            if let Ok(abi) = symbol::<AbiVersion>(library, "MPI_Abi_get_version") {
                abi(&raw mut major, &raw mut minor);
            }
        }
        // SAFETY: only whether there is one is asked.
        let own = unsafe { symbol::<*mut c_void>(library, open_mpi::COMM_WORLD) }.is_ok();
        Ok(Self {
            version: words.join(" "),
            kind: match major {
                1.. => Kind::Standard,
                _ if own => Kind::OpenMpi,
                _ => Kind::Mpich,
            },
        })
    }

    /// Whether it is Open MPI's, by whichever ABI.
    pub(crate) fn is_open_mpi(&self) -> bool {
        self.kind == Kind::OpenMpi || self.version.contains("Open MPI")
    }

    /// The library's functions. It stays loaded as long as the process lives.
    ///
    /// # Errors
    /// The first one that it doesn't have.
    ///
    /// # Safety
    /// What bears the names of MPI's functions is these, of the kind that was found.
    pub(crate) unsafe fn calls(&self, library: Library) -> Result<Box<dyn Calls>, Failure> {
        // MPI leaves threads and handlers of its own behind, so that it can't be unloaded.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the caller's.
        unsafe {
            Ok(match self.kind {
                Kind::Standard => Box::new(Bound::load(library, standard::CONSTANTS)?),
                Kind::OpenMpi => Box::new(Bound::load(library, open_mpi::constants(library)?)?),
                Kind::Mpich => Box::new(Bound::load(library, mpich::CONSTANTS)?),
            })
        }
    }
}

/// A handle that is a pointer: an address or a small number in the place of one. MPI alone follows it.
#[derive(Clone, Copy)]
#[repr(transparent)]
struct Pointer(*mut c_void);

// SAFETY: nothing is read or written through it here, and MPI takes it from any thread.
unsafe impl Send for Pointer {}
// SAFETY: as above.
unsafe impl Sync for Pointer {}

/// The constants of an ABI, whose handles are of type `H`.
#[derive(Clone, Copy)]
struct Constants<H> {
    comm_world: H,
    byte: H,
    errors_return: H,
    /// `MPI_STATUS_IGNORE`, an address.
    status_ignore: usize,
    thread_serialized: c_int,
}

/// A library's functions together with the constants of its ABI. The types are those of MPI's C bindings.
struct Bound<H> {
    constants: Constants<H>,
    init_thread:
        unsafe extern "C" fn(*mut c_int, *mut *mut *mut c_char, c_int, *mut c_int) -> c_int,
    comm_set_errhandler: unsafe extern "C" fn(H, H) -> c_int,
    comm_rank: unsafe extern "C" fn(H, *mut c_int) -> c_int,
    comm_size: unsafe extern "C" fn(H, *mut c_int) -> c_int,
    iallgather:
        unsafe extern "C" fn(*const c_void, c_int, H, *mut c_void, c_int, H, H, *mut H) -> c_int,
    test: unsafe extern "C" fn(*mut H, *mut c_int, *mut c_void) -> c_int,
    bcast: unsafe extern "C" fn(*mut c_void, c_int, H, c_int, H) -> c_int,
    send: unsafe extern "C" fn(*const c_void, c_int, H, c_int, c_int, H) -> c_int,
    recv: unsafe extern "C" fn(*mut c_void, c_int, H, c_int, c_int, H, *mut c_void) -> c_int,
    sendrecv: unsafe extern "C" fn(
        *const c_void,
        c_int,
        H,
        c_int,
        c_int,
        *mut c_void,
        c_int,
        H,
        c_int,
        c_int,
        H,
        *mut c_void,
    ) -> c_int,
    abort: unsafe extern "C" fn(H, c_int) -> c_int,
    finalize: unsafe extern "C" fn() -> c_int,
    error_string: unsafe extern "C" fn(c_int, *mut c_char, *mut c_int) -> c_int,
}

/// All messages are of one kind: their senders and receivers are in step.
const TAG: c_int = 0;

const SUCCESS: c_int = 0;

impl<H: Copy> Bound<H> {
    /// # Safety
    /// The library is one of MPI with handles of type `H`, and stays loaded.
    unsafe fn load(library: &Library, constants: Constants<H>) -> Result<Self, Failure> {
        // SAFETY: the fields have the types of MPI's functions of these names.
        unsafe {
            Ok(Self {
                constants,
                init_thread: symbol(library, "MPI_Init_thread")?,
                comm_set_errhandler: symbol(library, "MPI_Comm_set_errhandler")?,
                comm_rank: symbol(library, "MPI_Comm_rank")?,
                comm_size: symbol(library, "MPI_Comm_size")?,
                iallgather: symbol(library, "MPI_Iallgather")?,
                test: symbol(library, "MPI_Test")?,
                bcast: symbol(library, "MPI_Bcast")?,
                send: symbol(library, "MPI_Send")?,
                recv: symbol(library, "MPI_Recv")?,
                sendrecv: symbol(library, "MPI_Sendrecv")?,
                abort: symbol(library, "MPI_Abort")?,
                finalize: symbol(library, "MPI_Finalize")?,
                error_string: symbol(library, "MPI_Error_string")?,
            })
        }
    }

    fn check(&self, function: &'static str, code: c_int) -> Result<(), Failure> {
        if code == SUCCESS {
            return Ok(());
        }
        // MPI_MAX_ERROR_STRING is 256 or 512.
        let mut text = [0; 8192];
        let mut length = 0;
        // SAFETY: there is room for the longest text.
        unsafe { (self.error_string)(code, text.as_mut_ptr(), &raw mut length) };
        Err(Failure {
            function,
            message: text_of(&text),
        })
    }

    fn status_ignore(&self) -> *mut c_void {
        ptr::without_provenance_mut(self.constants.status_ignore)
    }
}

impl<H: Copy + Send + Sync> Calls for Bound<H> {
    fn init(&self) -> Result<bool, Failure> {
        let wanted = self.constants.thread_serialized;
        let mut provided = 0;
        // SAFETY: MPI does without a program's arguments; there is room for the answer.
        let code = unsafe {
            (self.init_thread)(ptr::null_mut(), ptr::null_mut(), wanted, &raw mut provided)
        };
        self.check("MPI_Init_thread", code)?;
        let Constants {
            comm_world,
            errors_return,
            ..
        } = self.constants;
        // SAFETY: both are handles of this library.
        let code = unsafe { (self.comm_set_errhandler)(comm_world, errors_return) };
        self.check("MPI_Comm_set_errhandler", code)?;
        // The levels of threads rise in every ABI.
        Ok(provided >= wanted)
    }

    fn rank(&self) -> Result<usize, Failure> {
        let mut rank = 0;
        // SAFETY: the handle is this library's, and there is room for the answer.
        let code = unsafe { (self.comm_rank)(self.constants.comm_world, &raw mut rank) };
        self.check("MPI_Comm_rank", code)?;
        Ok(rank.unsigned_abs() as usize)
    }

    fn size(&self) -> Result<usize, Failure> {
        let mut size = 0;
        // SAFETY: the handle is this library's, and there is room for the answer.
        let code = unsafe { (self.comm_size)(self.constants.comm_world, &raw mut size) };
        self.check("MPI_Comm_size", code)?;
        Ok(size.unsigned_abs() as usize)
    }

    fn all_gather(
        &self,
        own: Vec<u64>,
        size: usize,
        wait: &mut dyn FnMut(),
    ) -> Result<Vec<u64>, Failure> {
        let Constants {
            comm_world, byte, ..
        } = self.constants;
        let mut all = vec![0_u64; own.len() * size];
        let count = c_count(size_of_val(own.as_slice()))?;
        // Any handle of its type will do to be written over.
        let mut request = comm_world;
        // SAFETY: as many bytes are read from `own`, and written to `all` from each of the ranks; both stay where
        // they are until the operation has ended.
        let mut code = unsafe {
            (self.iallgather)(
                own.as_ptr().cast(),
                count,
                byte,
                all.as_mut_ptr().cast(),
                count,
                byte,
                comm_world,
                &raw mut request,
            )
        };
        let mut function = "MPI_Iallgather";
        while code == SUCCESS {
            let mut ended = 0;
            // SAFETY: the request is the one just made; no status is asked for.
            code = unsafe { (self.test)(&raw mut request, &raw mut ended, self.status_ignore()) };
            if code == SUCCESS && ended != 0 {
                return Ok(all);
            }
            function = "MPI_Test";
            wait();
        }
        // MPI may still read the one and write to the other.
        std::mem::forget((own, all));
        self.check(function, code)?;
        Ok(Vec::new())
    }

    fn broadcast(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        let Constants {
            comm_world, byte, ..
        } = self.constants;
        let count = c_count(bytes.len())?;
        // SAFETY: as many bytes are read or written, before it returns.
        let code = unsafe { (self.bcast)(bytes.as_mut_ptr().cast(), count, byte, 0, comm_world) };
        self.check("MPI_Bcast", code)
    }

    fn send(&self, bytes: &[u8], to: usize) -> Result<(), Failure> {
        let Constants {
            comm_world, byte, ..
        } = self.constants;
        let (count, to) = (c_count(bytes.len())?, c_count(to)?);
        // SAFETY: as many bytes are read, before it returns.
        let code = unsafe { (self.send)(bytes.as_ptr().cast(), count, byte, to, TAG, comm_world) };
        self.check("MPI_Send", code)
    }

    fn receive(&self, bytes: &mut [u8], from: usize) -> Result<(), Failure> {
        let Constants {
            comm_world, byte, ..
        } = self.constants;
        let (count, from) = (c_count(bytes.len())?, c_count(from)?);
        // SAFETY: at most as many bytes are written, before it returns; no status is asked for.
        let code = unsafe {
            (self.recv)(
                bytes.as_mut_ptr().cast(),
                count,
                byte,
                from,
                TAG,
                comm_world,
                self.status_ignore(),
            )
        };
        self.check("MPI_Recv", code)
    }

    fn exchange(
        &self,
        (to, sent): (usize, &[u8]),
        (from, received): (usize, &mut [u8]),
    ) -> Result<(), Failure> {
        let Constants {
            comm_world, byte, ..
        } = self.constants;
        let (to, from) = (c_count(to)?, c_count(from)?);
        let (sends, receives) = (c_count(sent.len())?, c_count(received.len())?);
        // SAFETY: as many bytes are read from the one, and at most as many written to the other, before it returns;
        // no status is asked for.
        let code = unsafe {
            (self.sendrecv)(
                sent.as_ptr().cast(),
                sends,
                byte,
                to,
                TAG,
                received.as_mut_ptr().cast(),
                receives,
                byte,
                from,
                TAG,
                comm_world,
                self.status_ignore(),
            )
        };
        self.check("MPI_Sendrecv", code)
    }

    fn abort(&self) {
        // SAFETY: the handle is this library's.
        unsafe { (self.abort)(self.constants.comm_world, 1) };
    }

    fn finalize(&self) -> Result<(), Failure> {
        // SAFETY: it takes nothing.
        let code = unsafe { (self.finalize)() };
        // After it, no function may be asked for a message.
        match code {
            SUCCESS => Ok(()),
            code => Err(Failure {
                function: "MPI_Finalize",
                message: format!("error {code}"),
            }),
        }
    }
}

/// A function by its name, or the address of a variable.
///
/// # Safety
/// `T` is its type, and as large as a pointer.
unsafe fn symbol<T: Copy>(library: &Library, name: &'static str) -> Result<T, Failure> {
    // SAFETY: the caller's.
    let symbol = unsafe { library.get::<T>(name.as_bytes()) };
    match symbol {
        Ok(symbol) => Ok(*symbol),
        Err(_) => Err(Failure {
            function: name,
            message: "the library doesn't have it".to_owned(),
        }),
    }
}

fn c_count(count: usize) -> Result<c_int, Failure> {
    c_int::try_from(count).map_err(|_| Failure {
        function: "a message",
        message: format!("{count} bytes are more than one can have"),
    })
}

/// What a function has written before the first zero.
fn text_of(text: &[c_char]) -> String {
    let bytes: Vec<u8> = text.iter().map(|c| *c as u8).collect();
    let text = CStr::from_bytes_until_nul(&bytes).unwrap_or_default();
    text.to_string_lossy().trim().to_owned()
}

//! Open MPI's own ABI, the same in versions 3 to 5, as `libmpi.so.40`. A handle is a pointer, and the predefined ones
//! are the addresses of variables in the library.
//!
//! Values: `mpi.h` of Open MPI 4.1.4 and 5.0.11.

use std::ffi::c_void;

use libloading::Library;

use super::{Constants, Failure, Pointer, symbol};

/// The variable whose address is `MPI_COMM_WORLD`; no other MPI has it.
pub(super) const COMM_WORLD: &str = "ompi_mpi_comm_world";

/// # Safety
/// The library is Open MPI's.
pub(super) unsafe fn constants(library: &Library) -> Result<Constants<Pointer>, Failure> {
    let address = |name| {
        // SAFETY: it is a variable, of which the address is taken.
        let address = unsafe { symbol::<*mut c_void>(library, name) };
        address.map(Pointer)
    };
    Ok(Constants {
        comm_world: address(COMM_WORLD)?,
        byte: address("ompi_mpi_byte")?,
        errors_return: address("ompi_mpi_errors_return")?,
        status_ignore: 0,
        thread_serialized: 2,
    })
}

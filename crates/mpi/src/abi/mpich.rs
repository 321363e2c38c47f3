//! MPICH's own ABI, the same since 3.1 in MPICH, Intel MPI, MVAPICH2 and Cray's MPI, as `libmpi.so.12` (the "MPICH ABI
//! compatibility initiative"). A handle is a C `int`.
//!
//! Values: `mpi.h` of MPICH 4.0.2 and 5.0.2.

use std::ffi::c_int;

use super::Constants;

pub(super) const CONSTANTS: Constants<c_int> = Constants {
    comm_world: 0x4400_0000,
    byte: 0x4c00_010d,
    errors_return: 0x5400_0001,
    status_ignore: 1,
    thread_serialized: 2,
};

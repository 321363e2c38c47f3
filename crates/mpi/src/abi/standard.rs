//! The standard ABI of MPI 5.0, which MPICH has from version 5 on, a current Intel MPI, and Open MPI from version 6,
//! as `libmpi_abi`. A handle is a pointer, and the predefined ones are small numbers.
//!
//! Values: `mpi_abi.h` of MPICH 5.0.2 (`MPI_ABI_VERSION` 1.0).

use std::ptr::without_provenance_mut;

use super::{Constants, Pointer};

pub(super) const CONSTANTS: Constants<Pointer> = Constants {
    comm_world: Pointer(without_provenance_mut(0x101)),
    byte: Pointer(without_provenance_mut(0x247)),
    errors_return: Pointer(without_provenance_mut(0x143)),
    status_ignore: 0,
    thread_serialized: 2048,
};

//! The protocol's words for devices and the kernels' devices.

use tunesmith::kernels::{self, ComputeDevice};
use tunesmith_protocol::DeviceChoice;

use crate::SessionError;

/// Opens the device that `--device` asks for.
///
/// # Errors
/// Where there is none; the message says what to do.
pub async fn open(choice: DeviceChoice) -> Result<ComputeDevice, SessionError> {
    let choice = match choice {
        DeviceChoice::Auto => kernels::DeviceChoice::Auto,
        DeviceChoice::Gpu => kernels::DeviceChoice::Gpu,
        DeviceChoice::Cpu => kernels::DeviceChoice::Cpu,
        DeviceChoice::SoftwareGpu => kernels::DeviceChoice::SoftwareGpu,
    };
    Ok(kernels::open_device(choice).await?)
}

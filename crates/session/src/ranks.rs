//! A training on several machines: what the processes do that aren't the first.

use tunesmith::train::{Greeting, join as join_ranks};
use tunesmith_collective::Collective;
use tunesmith_protocol::RunConfig;

use crate::SessionError;
use crate::device::open_all;

/// Computes what rank 0 tells it, until that ends; needs neither data nor model. Of the devices that the arguments
/// name it takes the one at the place that it has among the ranks of its machine.
///
/// # Errors
/// Arguments that can't be used, a device that isn't here or fails; all ranks end then.
pub async fn join(
    config: &RunConfig,
    ranks: &dyn Collective,
    place: usize,
) -> Result<(), SessionError> {
    let joined = async {
        config.validate()?;
        let devices = open_all(&config.training).await?;
        let device = devices[place % devices.len()].clone();
        // What the others have is given back.
        drop(devices);
        Ok((Greeting::new(config, &device), device))
    };
    match joined.await {
        Ok((greeting, device)) => Ok(join_ranks(ranks, &device, &greeting)?),
        Err(error) => {
            let error: SessionError = error;
            ranks.abort(&error.to_string());
            Err(error)
        }
    }
}

//! At once.

use tunesmith_protocol::Event;

use crate::SessionError;
use crate::session::Shared;

/// Does `work` and passes its events on.
pub(crate) async fn background<T>(
    shared: &Shared,
    work: impl FnOnce(&mut dyn FnMut(Event)) -> Result<T, SessionError>,
) -> Result<T, SessionError> {
    work(&mut |event| shared.tell(event))
}

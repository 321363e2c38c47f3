//! Natively.

use reqwest::Url;

use super::{Commit, Hub};
use crate::error::HubError;
use crate::fault::Target;
use crate::net::{Meta, Net};

impl Hub {
    /// What the server says about a file.
    pub(super) async fn describe(
        &self,
        net: &Net,
        target: &Target<'_>,
        _: &Commit,
        _: &str,
        url: &Url,
    ) -> Result<Meta, HubError> {
        self.retrying(target, async || net.head(url).await).await
    }
}

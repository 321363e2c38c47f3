//! In a browser.

use reqwest::Url;

use super::{Commit, Hub, RepoFile};
use crate::error::HubError;
use crate::fault::{Target, shown};
use crate::net::{Meta, Net};

impl Hub {
    /// What the server says about a file: a browser follows the redirect that describes it out of sight, but the
    /// list of the commit's files describes it too.
    pub(super) async fn describe(
        &self,
        _: &Net,
        target: &Target<'_>,
        commit: &Commit,
        path: &str,
        url: &Url,
    ) -> Result<Meta, HubError> {
        let Target { kind, repo, .. } = *target;
        let files = self.list(kind, repo, commit).await?;
        match files.into_iter().find(|file| file.path == path) {
            Some(RepoFile {
                etag: Some(etag),
                size,
                ..
            }) => Ok(Meta {
                etag,
                size: Some(size),
            }),
            _ if self.is_listed(kind, repo, commit)? => Err(HubError::FileNotFound {
                repo: repo.to_owned(),
                file: path.to_owned(),
                revision: commit.sha.clone(),
                url: shown(url.as_str()),
                page: format!("{}/tree/{commit}", target.page()),
            }),
            _ => Err(self.miss(format!("{path} of {} {repo} at {commit}", kind.name()))),
        }
    }
}

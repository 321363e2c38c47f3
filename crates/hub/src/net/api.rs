//! What is asked of the Hub's API, the same on both targets: the commit of a revision, and the files of
//! a commit. Everything that a server sends has a bound, since it may be anyone's.

use std::collections::BTreeSet;

use super::{Net, answers, malformed};
use crate::fault::Fault;
use crate::hub::{RepoFile, RepoKind};

/// Bytes of an answer. The Hub's own are below one megabyte; a mirror may send more than was asked for.
pub(crate) const LONGEST: usize = 32_000_000;
/// Bytes of all pages of a list, about a million files.
const LONGEST_LIST: usize = 256_000_000;
/// The Hub puts 1,000 files on a page.
const MOST_PAGES: usize = 2000;

impl Net {
    /// The commit that `revision` is at now.
    pub async fn commit(
        &self,
        kind: RepoKind,
        repo: &str,
        revision: &str,
    ) -> Result<String, Fault> {
        let mut url = self.endpoint.api(kind, repo, &["revision", revision]);
        // Without the rest, which for a large data set is megabytes.
        url.set_query(Some("expand=sha"));
        let answer = self.get(&url, 0).await?.whole(&url, LONGEST).await?;
        answers::commit(&answer).map_err(|what| malformed(&url, &what))
    }

    /// The files of a commit, in the server's order.
    pub async fn tree(
        &self,
        kind: RepoKind,
        repo: &str,
        commit: &str,
    ) -> Result<Vec<RepoFile>, Fault> {
        let mut url = self.endpoint.api(kind, repo, &["tree", commit]);
        url.set_query(Some("recursive=true"));
        let (mut files, mut seen, mut left) = (Vec::new(), BTreeSet::new(), LONGEST_LIST);
        loop {
            if !seen.insert(url.to_string()) {
                return Err(malformed(&url, "the pages of its list lead in a circle"));
            }
            if seen.len() > MOST_PAGES {
                let what = format!("its list of files has more than {MOST_PAGES} pages");
                return Err(malformed(&url, &what));
            }
            let mut page = self.get(&url, 0).await?;
            let answer = page.whole(&url, left.min(LONGEST)).await?;
            left -= answer.len();
            files.extend(answers::files(&answer).map_err(|what| malformed(&url, &what))?);
            let Some(next) = answers::next_page(page.headers()) else {
                return Ok(files);
            };
            // It may lead to another host (a mirror that passes the Hub's header on), which is then
            // asked without the token.
            url = url
                .join(next)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https"))
                .ok_or_else(|| malformed(&url, "its link to the next page is no URL"))?;
        }
    }
}

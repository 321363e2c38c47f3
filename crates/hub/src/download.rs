//! One blob, from wherever an earlier attempt stopped to whole and verified.
//!
//! Bytes are appended to `<blob>.incomplete` and stay there whatever happens, so a cut
//! connection, a full disk or Ctrl-C costs only what had not arrived. The name without the suffix
//! appears by a rename, after the size and (where the file is named by one) the hash are right.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderMap};
use reqwest::{StatusCode, Url};
use tunesmith_platform::fs::{self, File, OpenOptions};

use crate::cache::{create_parent, incomplete};
use crate::config::HubConfig;
use crate::error::HubError;
use crate::fault::{Fault, Target, shown};
use crate::hub::Download;
use crate::integrity;
use crate::net::{Meta, Net, sleep};

/// A blob to download. The caller holds its lock.
pub(crate) struct Job<'a> {
    pub net: &'a Net,
    pub config: &'a HubConfig,
    pub target: Target<'a>,
    pub url: Url,
    /// Of the list where it tells, else what the server says of the file by itself.
    pub meta: Meta,
    pub blob: PathBuf,
    /// Path in the repository, for the progress.
    pub file: &'a str,
}

/// The file that grows.
struct Partial {
    path: PathBuf,
    file: File,
    have: u64,
}

impl Job<'_> {
    pub async fn run(&self, progress: &mut dyn FnMut(Download)) -> Result<(), HubError> {
        let path = incomplete(&self.blob);
        create_parent(&path)?;
        let resumed = fs::metadata(&path).is_ok_and(|metadata| metadata.len() > 0);
        self.fill(&path, progress).await?;
        match self.verify(&path) {
            // What an earlier process left may be damaged (a crash, a full disk): once, from zero.
            Err(HubError::HashMismatch { .. }) if resumed => {
                self.fill(&path, progress).await?;
                self.verify(&path)?;
            }
            result => result?,
        }
        fs::rename(&path, &self.blob)
            .map_err(|error| HubError::io("create", &self.blob, None, error))
    }

    /// Appends until the file is whole, resuming after faults that pass.
    async fn fill(&self, path: &Path, progress: &mut dyn FnMut(Download)) -> Result<(), HubError> {
        let mut partial = Partial::open(path)?;
        let mut total = self.meta.size;
        if total.is_some_and(|total| partial.have > total) {
            partial.restart()?;
        }
        let start = partial.have;
        // The furthest byte so far: a server that ignores ranges and always breaks off at the
        // same place makes no progress, although bytes arrive. And where it was when the failures
        // were last forgotten: a server that sends a byte and breaks off makes hardly any.
        let (mut furthest, mut mark) = (start, start);
        let mut failures = 0;
        self.report(&partial, total, progress);
        while total != Some(partial.have) {
            let fault = match self.pull(&mut partial, &mut total, progress).await {
                Ok(()) if total.is_none_or(|total| partial.have == total) => break,
                Ok(()) => self.cut("the server ended early"),
                Err(Fault::Refused(refusal))
                    if refusal.status == StatusCode::RANGE_NOT_SATISFIABLE =>
                {
                    partial.restart()?;
                    self.cut("the server has fewer bytes than were kept")
                }
                // The host was there a moment ago, so waiting for it is worthwhile.
                Err(Fault::Unreached { url, reason }) if furthest > start => {
                    Fault::Cut { url, reason }
                }
                Err(fault) => fault,
            };
            furthest = furthest.max(partial.have);
            if furthest >= mark + self.config.least_bytes() {
                mark = furthest;
                failures = 0;
            }
            let Some(pause) = fault.pause(failures, &self.config.retry) else {
                return Err(match fault {
                    Fault::Cut { url, reason } => HubError::Truncated {
                        url,
                        have: partial.have,
                        total,
                        reason,
                    },
                    fault => fault.explain(&self.target, failures + 1),
                });
            };
            sleep(pause).await;
            failures += 1;
        }
        partial.finish()
    }

    /// One request: appends what it gives.
    async fn pull(
        &self,
        partial: &mut Partial,
        total: &mut Option<u64>,
        progress: &mut dyn FnMut(Download),
    ) -> Result<(), Fault> {
        let mut body = self.net.get(&self.url, partial.have).await?;
        match range_start(body.status(), body.headers(), partial.have) {
            Some(start) if start == partial.have => {}
            Some(_) => {
                return Err(Fault::Final(HubError::Malformed {
                    url: self.shown(),
                    what: "it sent another range than was asked for".to_owned(),
                }));
            }
            // The whole file, range or not.
            None => partial.restart().map_err(Fault::Final)?,
        }
        if total.is_none() {
            *total = content_length(body.headers()).map(|rest| partial.have + rest);
        }
        loop {
            let chunk = body.chunk().await.map_err(|reason| self.cut(&reason))?;
            if chunk.is_empty() {
                return Ok(());
            }
            if total.is_some_and(|total| partial.have + chunk.len() as u64 > total) {
                partial.restart().map_err(Fault::Final)?;
                return Err(Fault::Final(HubError::Malformed {
                    url: self.shown(),
                    what: "it sent more bytes than it promised".to_owned(),
                }));
            }
            partial.append(chunk, *total).map_err(Fault::Final)?;
            self.report(partial, *total, progress);
        }
    }

    /// A file with another hash than the recorded one is removed.
    fn verify(&self, path: &Path) -> Result<(), HubError> {
        let checked = integrity::check(path, &self.meta.etag);
        let Some(mismatch) = checked.map_err(|error| HubError::io("read", path, None, error))?
        else {
            return Ok(());
        };
        fs::remove_file(path).map_err(|error| HubError::io("remove", path, None, error))?;
        Err(HubError::HashMismatch {
            url: self.shown(),
            algorithm: mismatch.algorithm,
            expected: mismatch.expected,
            actual: mismatch.actual,
        })
    }

    fn report(&self, partial: &Partial, total: Option<u64>, progress: &mut dyn FnMut(Download)) {
        progress(Download {
            file: self.file.to_owned(),
            loaded: partial.have,
            total,
        });
    }

    fn cut(&self, reason: &str) -> Fault {
        Fault::Cut {
            url: self.shown(),
            reason: reason.to_owned(),
        }
    }

    fn shown(&self) -> String {
        shown(self.url.as_str())
    }
}

impl Partial {
    fn open(path: &Path) -> Result<Self, HubError> {
        let failed = |error| HubError::io("create", path, None, error);
        let mut options = OpenOptions::new();
        let file = options.create(true).append(true).open(path);
        let file = file.map_err(failed)?;
        let have = fs::metadata(path).map_err(failed)?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            have,
        })
    }

    /// Some network filesystems grant every lock; then another process may have appended too.
    fn finish(mut self) -> Result<(), HubError> {
        let failed = |error| HubError::io("write", &self.path, None, error);
        self.file.sync_all().map_err(failed)?;
        let on_disk = fs::metadata(&self.path).map_err(failed)?.len();
        if on_disk == self.have {
            return Ok(());
        }
        let error = failed(io::Error::other(format!(
            "it has {on_disk} bytes where {} were written, so another process writes to it too; \
             run again when that has ended",
            self.have
        )));
        self.have = on_disk;
        self.restart()?;
        Err(error)
    }

    fn restart(&mut self) -> Result<(), HubError> {
        if self.have > 0 {
            self.file
                .set_len(0)
                .map_err(|error| HubError::io("empty", &self.path, None, error))?;
            self.have = 0;
        }
        Ok(())
    }

    fn append(&mut self, bytes: &[u8], total: Option<u64>) -> Result<(), HubError> {
        self.file.write_all(bytes).map_err(|error| {
            let needed = total.map(|total| total - self.have);
            HubError::io("write", &self.path, needed, error)
        })?;
        self.have += bytes.len() as u64;
        Ok(())
    }
}

/// The first byte of a partial answer (`Content-Range: bytes 5-9/10`), `None` for a whole file.
/// A browser may hide the header of another host; then it is the byte that was asked for.
fn range_start(status: StatusCode, headers: &HeaderMap, asked: u64) -> Option<u64> {
    let Some(range) = headers.get(CONTENT_RANGE) else {
        return (status == StatusCode::PARTIAL_CONTENT).then_some(asked);
    };
    let range = range.to_str().ok()?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.parse().ok()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_part_begins_where_it_says_or_where_it_was_asked_for() {
        let range = |text: &str| HeaderMap::from_iter([(CONTENT_RANGE, text.parse().unwrap())]);
        let (part, whole) = (StatusCode::PARTIAL_CONTENT, StatusCode::OK);
        assert_eq!(range_start(part, &range("bytes 5-9/10"), 7), Some(5));
        assert_eq!(range_start(part, &HeaderMap::new(), 7), Some(7));
        assert_eq!(range_start(whole, &HeaderMap::new(), 7), None);
    }
}

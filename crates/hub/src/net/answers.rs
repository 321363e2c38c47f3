//! What the API answers, where no client library reads it: a commit, and pages of a list of files.

use reqwest::header::{HeaderMap, LINK};
use serde::Deserialize;

use super::bare_etag;
use crate::hub::RepoFile;

#[derive(Deserialize)]
struct Info {
    sha: String,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Entry {
    File {
        path: String,
        size: u64,
        oid: String,
        lfs: Option<Large>,
    },
    /// A folder, whose files are listed too.
    #[serde(other)]
    Other,
}

/// A large file's bytes, in place of which git has a pointer.
#[derive(Deserialize)]
struct Large {
    /// SHA-256.
    oid: String,
    size: u64,
}

/// The commit that `…/revision/…` names.
pub fn commit(json: &[u8]) -> Result<String, String> {
    let info: Info = parsed(json)?;
    Ok(info.sha)
}

/// The files on one page of `…/tree/…`.
pub fn files(json: &[u8]) -> Result<Vec<RepoFile>, String> {
    let entries: Vec<Entry> = parsed(json)?;
    let files = entries.into_iter().filter_map(|entry| match entry {
        Entry::File {
            path,
            size,
            oid,
            lfs,
        } => Some(file(path, lfs.unwrap_or(Large { oid, size }))),
        Entry::Other => None,
    });
    files.collect()
}

fn file(path: String, Large { oid, size }: Large) -> Result<RepoFile, String> {
    let etag = bare_etag(&oid).ok_or_else(|| format!("{path} has the unusable id {oid:?}"))?;
    Ok(RepoFile {
        path,
        size,
        etag: Some(etag),
    })
}

/// For fuzzing: reads an answer as each kind of answer there is.
///
/// # Errors
/// Where it is none of them.
pub fn read_any_answer(json: &[u8]) -> Result<(), String> {
    let found: Result<Vec<crate::FoundRepo>, String> = parsed(json);
    commit(json)
        .map(drop)
        .or_else(|_| files(json).map(drop))
        .or_else(|_| found.map(drop))
}

/// Where the next page is: `Link: <https://…>; rel="next"`.
pub fn next_page(headers: &HeaderMap) -> Option<&str> {
    let links = headers.get(LINK)?.to_str().ok()?.split(',');
    let next = links
        .map(str::trim)
        .find(|link| link.contains("rel=\"next\""))?;
    Some(next.strip_prefix('<')?.split_once('>')?.0)
}

fn parsed<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_commit_is_read_and_a_sign_in_page_is_not() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let info =
            format!(r#"{{"_id": "1", "id": "owner/tiny", "sha": "{sha}", "private": false}}"#);
        assert_eq!(commit(info.as_bytes()).unwrap(), sha);
        assert!(
            commit(br#"{"id": "owner/tiny"}"#)
                .unwrap_err()
                .contains("sha")
        );
        commit(b"<!doctype html>").unwrap_err();
    }

    #[test]
    fn files_are_named_by_their_bytes_and_folders_left_out() {
        let listed = files(
            br#"[
                {"type": "directory", "oid": "aa", "size": 0, "path": "onnx"},
                {"type": "file", "oid": "bb", "size": 2, "path": "config.json"},
                {"type": "file", "oid": "cc", "size": 134, "path": "model.safetensors",
                 "lfs": {"oid": "dd", "size": 5, "pointerSize": 134}, "xetHash": "ee"}
            ]"#,
        );
        let file = |path: &str, size, etag: &str| RepoFile {
            path: path.to_owned(),
            size,
            etag: Some(etag.to_owned()),
        };
        assert_eq!(
            listed.unwrap(),
            [
                file("config.json", 2, "bb"),
                file("model.safetensors", 5, "dd")
            ]
        );
    }

    #[test]
    fn an_id_that_could_lead_out_of_the_cache_is_refused() {
        let listed = files(br#"[{"type": "file", "oid": "../x", "size": 2, "path": "a.txt"}]"#);
        assert!(listed.unwrap_err().contains("a.txt has the unusable id"));
    }

    #[test]
    fn the_next_page_is_the_one_called_so() {
        let link = |text: &str| HeaderMap::from_iter([(LINK, text.parse().unwrap())]);
        let next = "<https://hub/api?cursor=2>; rel=\"next\"";
        assert_eq!(next_page(&link(next)), Some("https://hub/api?cursor=2"));
        let both = format!("<https://hub/api>; rel=\"prev\", {next}");
        assert_eq!(next_page(&link(&both)), Some("https://hub/api?cursor=2"));
        assert_eq!(next_page(&link("<https://hub/api>; rel=\"prev\"")), None);
        assert_eq!(next_page(&HeaderMap::new()), None);
    }
}

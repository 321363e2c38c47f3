//! A Hub on loopback: the paths, headers and misbehaviour that the client has to cope with, and
//! a record of every request. Two ports, as the real one has two hosts: the Hub itself, and the
//! download host that large files are redirected to.

#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "tests")]

mod search;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use sha1::{Digest, Sha1};
use sha2::Sha256;
use tunesmith_hub::{Hub, HubConfig, Retry};

/// Commits of the repositories below.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const CONVERTED: &str = "89abcdef0123456789abcdef0123456789abcdef";
pub const TOKEN: &str = "hf_secret";

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Percent-decoded, without the query.
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    /// Whether it reached the download host.
    pub on_cdn: bool,
    pub at: Instant,
}

/// What to do to a request instead of, or while, serving it.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status with headers and an empty body.
    Status(u16, Vec<(&'static str, String)>),
    /// Promise the whole, send that many bytes and close.
    CutAfter(usize),
    /// Answer 200 with everything, whatever range or limit was asked for.
    IgnoreRange,
    /// Flip a bit of the first byte.
    Damage,
    /// Serve only that many bytes, as if that were all.
    Shorten(usize),
    /// Say nothing for that long, then serve.
    Sleep(Duration),
    /// Serve a byte at a time, with that pause before each.
    Trickle(Duration),
    /// Serve bytes for as long as the client takes them.
    Endless,
    /// Name this as the next page of a list.
    Next(String),
}

struct Planned {
    method: &'static str,
    path: String,
    fault: Fault,
    times: usize,
}

#[derive(Default)]
struct State {
    /// `models/owner/name` or `datasets/owner/name` -> its revisions and files.
    repos: BTreeMap<String, Repo>,
    /// `datasets/imdb` -> `datasets/stanfordnlp/imdb`.
    moved: BTreeMap<String, String>,
    planned: Vec<Planned>,
    log: Vec<Request>,
    /// Entries per page of a tree.
    page: Option<usize>,
    /// Every page of a tree has a next one.
    endless_pages: bool,
    cdn: Option<SocketAddr>,
    /// Repositories that only [`TOKEN`] may read.
    private: Vec<String>,
    /// What a search can find.
    published: Vec<search::Published>,
}

#[derive(Default, Clone)]
struct Repo {
    refs: BTreeMap<String, String>,
    commits: BTreeMap<String, BTreeMap<String, File>>,
}

#[derive(Clone)]
struct File {
    bytes: Vec<u8>,
    large: bool,
}

impl File {
    /// As on the Hub: the SHA-256 of a large file, the git object id of a small one.
    fn etag(&self) -> String {
        if self.large {
            sha256(&self.bytes)
        } else {
            git_id(&self.bytes)
        }
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// As `git hash-object` gives it.
pub fn git_id(bytes: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("blob {}\0", bytes.len()));
    hasher.update(bytes);
    hex(&hasher.finalize())
}

fn hex(hash: &[u8]) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Bytes that differ along the file, so that a wrong offset shows.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u32;
    std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
    .take(length)
    .collect()
}

pub struct FakeHub {
    state: Arc<Mutex<State>>,
    addr: SocketAddr,
}

impl FakeHub {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let addr = listen(&state, false);
        let cdn = listen(&state, true);
        state.lock().unwrap().cdn = Some(cdn);
        Self { state, addr }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A configuration that waits for nothing.
    pub fn config(&self, cache: &Path) -> HubConfig {
        let mut config = HubConfig::new(cache);
        config.endpoint = self.endpoint();
        config.retry = Retry {
            attempts: 4,
            base: Duration::from_millis(1),
            cap: Duration::from_millis(100),
        };
        config.connect_timeout = Duration::from_secs(2);
        config.read_timeout = Duration::from_secs(5);
        config
    }

    pub fn hub(&self, cache: &Path) -> Hub {
        Hub::new(self.config(cache)).unwrap()
    }

    pub fn offline(&self, cache: &Path) -> Hub {
        let mut config = self.config(cache);
        config.offline = true;
        Hub::new(config).unwrap()
    }

    /// Adds a small file at `COMMIT`, which `main` is at.
    pub fn add(&self, repo: &str, path: &str, bytes: &[u8]) -> &Self {
        self.add_at(repo, "main", COMMIT, path, bytes, false)
    }

    /// Adds a file that is served by the download host and named by its SHA-256.
    pub fn add_large(&self, repo: &str, path: &str, bytes: &[u8]) -> &Self {
        self.add_at(repo, "main", COMMIT, path, bytes, true)
    }

    pub fn add_at(
        &self,
        repo: &str,
        revision: &str,
        commit: &str,
        path: &str,
        bytes: &[u8],
        large: bool,
    ) -> &Self {
        let mut state = self.state();
        let repo = state.repos.entry(repo.to_owned()).or_default();
        repo.refs.insert(revision.to_owned(), commit.to_owned());
        let bytes = bytes.to_vec();
        let files = repo.commits.entry(commit.to_owned()).or_default();
        files.insert(path.to_owned(), File { bytes, large });
        drop(state);
        self
    }

    pub fn moved(&self, from: &str, to: &str) {
        self.state().moved.insert(from.to_owned(), to.to_owned());
    }

    pub fn private(&self, repo: &str) {
        self.state().private.push(repo.to_owned());
    }

    pub fn page(&self, entries: usize) {
        self.state().page = Some(entries);
    }

    pub fn endless_pages(&self) {
        self.state().endless_pages = true;
    }

    /// The next `times` requests of that method whose path contains `path` meet `fault`.
    pub fn plan(&self, method: &'static str, path: &str, times: usize, fault: Fault) {
        self.state().planned.push(Planned {
            method,
            path: path.to_owned(),
            fault,
            times,
        });
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state().log.clone()
    }

    pub fn count(&self, method: &str, path: &str) -> usize {
        let log = self.requests();
        log.iter()
            .filter(|request| request.method == method && request.path.contains(path))
            .count()
    }

    /// The `Range` headers of the GET requests for a file, in order.
    pub fn ranges(&self, path: &str) -> Vec<String> {
        let log = self.requests();
        log.iter()
            .filter(|request| request.method == "GET" && request.path.contains(path))
            .map(|request| request.headers.get("range").cloned().unwrap_or_default())
            .collect()
    }
}

fn listen(state: &Arc<Mutex<State>>, on_cdn: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let state = Arc::clone(state);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            std::thread::spawn(move || {
                // A client that goes away ends its thread, no more.
                let _ = serve(&state, stream, addr, on_cdn);
            });
        }
    });
    addr
}

fn serve(
    state: &Mutex<State>,
    mut stream: TcpStream,
    addr: SocketAddr,
    on_cdn: bool,
) -> std::io::Result<()> {
    let Some(request) = read_request(&stream, on_cdn)? else {
        return Ok(());
    };
    let (reply, fault) = {
        let mut state = state.lock().unwrap();
        state.log.push(request.clone());
        let fault = state.planned.iter_mut().find(|planned| {
            planned.times > 0
                && planned.method == request.method
                && request.path.contains(&planned.path)
        });
        let fault = fault.map(|planned| {
            planned.times -= 1;
            planned.fault.clone()
        });
        let mut reply = answer(&state, &request, addr, fault.as_ref());
        if let Some(Fault::Next(next)) = &fault {
            reply.headers.retain(|(name, _)| *name != "link");
            reply
                .headers
                .push(("link", format!("<{next}>; rel=\"next\"")));
        }
        (reply, fault)
    };
    if let Some(Fault::Sleep(pause)) = fault {
        std::thread::sleep(pause);
    }
    let mut head = format!("HTTP/1.1 {} Fake\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    // A planned status may bring its own.
    let has_length = reply
        .headers
        .iter()
        .any(|(name, _)| *name == "content-length");
    if !has_length && !matches!(fault, Some(Fault::Endless)) {
        write!(head, "content-length: {}\r\n", reply.body.len()).unwrap();
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    if request.method == "GET" {
        match fault {
            Some(Fault::CutAfter(count)) => {
                stream.write_all(&reply.body[..count.min(reply.body.len())])?;
            }
            Some(Fault::Trickle(pause)) => {
                for byte in reply.body {
                    std::thread::sleep(pause);
                    stream.write_all(&[byte])?;
                    stream.flush()?;
                }
            }
            Some(Fault::Endless) => loop {
                stream.write_all(&[b' '; 1 << 16])?;
            },
            _ => stream.write_all(&reply.body)?,
        }
    }
    stream.flush()?;
    stream.shutdown(Shutdown::Write)?;
    // Read to the end, or closing may take back bytes that the client has not read yet.
    std::io::copy(&mut stream, &mut std::io::sink())?;
    Ok(())
}

fn read_request(stream: &TcpStream, on_cdn: bool) -> std::io::Result<Option<Request>> {
    let mut reader = BufReader::new(stream.take(1 << 16));
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default().to_owned();
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.trim().to_lowercase(), value.trim().to_owned());
        }
    }
    Ok(Some(Request {
        method,
        path: path.replace("%2F", "/"),
        query: query.to_owned(),
        headers,
        on_cdn,
        at: Instant::now(),
    }))
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn json(value: &serde_json::Value) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: value.to_string().into_bytes(),
        }
    }

    fn refuse(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            headers: vec![
                ("x-error-code", code.to_owned()),
                ("x-error-message", message.to_owned()),
            ],
            body: Vec::new(),
        }
    }

    fn redirect(status: u16, to: String) -> Self {
        Self {
            status,
            headers: vec![("location", to)],
            body: b"a little page".to_vec(),
        }
    }
}

fn answer(state: &State, request: &Request, addr: SocketAddr, fault: Option<&Fault>) -> Reply {
    if let Some(Fault::Status(status, headers)) = fault {
        return Reply {
            status: *status,
            headers: headers.clone(),
            body: Vec::new(),
        };
    }
    if request.on_cdn {
        return blob(state, request, fault);
    }
    let path = request.path.trim_start_matches('/');
    for (from, to) in &state.moved {
        for marker in ["/revision/", "/tree/", "/resolve/"] {
            let (old, new) = (format!("{from}{marker}"), format!("{to}{marker}"));
            if path.contains(&old) && !path.contains(&new) {
                let query = &request.query;
                return Reply::redirect(307, format!("/{}?{query}", path.replace(&old, &new)));
            }
        }
    }
    let denied = |repo: &str| {
        let bearer = format!("Bearer {TOKEN}");
        state.private.iter().any(|private| private == repo)
            && request.headers.get("authorization") != Some(&bearer)
    };
    let split = |path: &str, marker: &str| {
        let (repo, rest) = path.split_once(marker)?;
        Some((repo.to_owned(), rest.to_owned()))
    };
    if let Some(path) = path.strip_prefix("api/") {
        if matches!(path, "models" | "datasets") {
            return search::answer(&state.published, path, &request.query, fault);
        }
        let (repo, rest, tree) = match (split(path, "/revision/"), split(path, "/tree/")) {
            (Some((repo, rest)), _) => (repo, rest, false),
            (_, Some((repo, rest))) => (repo, rest, true),
            _ => return Reply::refuse(404, "", "no such API"),
        };
        if denied(&repo) {
            return Reply::refuse(401, "GatedRepo", "Access is restricted");
        }
        let Some(repo) = state.repos.get(&repo) else {
            return Reply::refuse(404, "RepoNotFound", "Repository not found");
        };
        let commit = repo.refs.get(&rest).unwrap_or(&rest);
        let Some(files) = repo.commits.get(commit) else {
            return Reply::refuse(404, "RevisionNotFound", "Invalid rev id");
        };
        return if tree {
            listing(state, request, files, addr)
        } else {
            Reply::json(&serde_json::json!({"_id": "1", "id": "x/y", "sha": commit}))
        };
    }
    let path = match path.strip_prefix("datasets/") {
        Some(path) => format!("datasets/{path}"),
        None => format!("models/{path}"),
    };
    let Some((name, rest)) = split(&path, "/resolve/") else {
        return Reply::refuse(404, "", "no such page");
    };
    if denied(&name) {
        return Reply::refuse(401, "GatedRepo", "Access is restricted");
    }
    let Some(repo) = state.repos.get(&name) else {
        return Reply::refuse(404, "RepoNotFound", "Repository not found");
    };
    let found = repo.commits.iter().find_map(|(commit, files)| {
        let path = rest.strip_prefix(commit)?.strip_prefix('/')?;
        Some((commit, files.get(path)?))
    });
    let Some((commit, file)) = found else {
        return Reply::refuse(404, "EntryNotFound", "Entry not found");
    };
    let mut reply = if file.large {
        let cdn = state.cdn.unwrap();
        let to = format!("http://{cdn}/{}?signature=s3cret", file.etag());
        let mut reply = Reply::redirect(302, to);
        let etag = format!("\"{}\"", file.etag());
        reply.headers.push(("x-linked-etag", etag));
        reply
            .headers
            .push(("x-linked-size", file.bytes.len().to_string()));
        // The real Hub names its chunk store too, and must be served without it.
        reply.headers.push(("x-xet-hash", "f".repeat(64)));
        reply
    } else {
        ranged(request, &file.bytes, fault, format!("\"{}\"", file.etag()))
    };
    reply.headers.push(("x-repo-commit", commit.clone()));
    reply
}

/// The download host: any blob by its ETag, to whoever has the signed URL.
fn blob(state: &State, request: &Request, fault: Option<&Fault>) -> Reply {
    let etag = request.path.trim_start_matches('/');
    let files = state.repos.values().flat_map(|repo| repo.commits.values());
    match files
        .flat_map(BTreeMap::values)
        .find(|file| file.etag() == etag)
    {
        // As on S3, an ETag of its own.
        Some(file) => ranged(request, &file.bytes, fault, "\"md5-2\"".to_owned()),
        None => Reply::refuse(404, "", "no such blob"),
    }
}

fn ranged(request: &Request, bytes: &[u8], fault: Option<&Fault>, etag: String) -> Reply {
    let mut bytes = bytes.to_vec();
    match fault {
        Some(Fault::Damage) => bytes[0] ^= 1,
        Some(Fault::Shorten(count)) => bytes.truncate(*count),
        _ => {}
    }
    let range = request.headers.get("range");
    let start: Option<usize> = range
        .filter(|_| !matches!(fault, Some(Fault::IgnoreRange)))
        .map(|range| {
            range["bytes=".len()..]
                .trim_end_matches('-')
                .parse()
                .unwrap()
        });
    let total = bytes.len();
    match start {
        Some(start) if start >= total => Reply::refuse(416, "", "range"),
        Some(start) => Reply {
            status: 206,
            headers: vec![
                ("etag", etag),
                (
                    "content-range",
                    format!("bytes {start}-{}/{total}", total - 1),
                ),
            ],
            body: bytes[start..].to_vec(),
        },
        None => Reply {
            status: 200,
            headers: vec![("etag", etag)],
            body: bytes,
        },
    }
}

fn listing(
    state: &State,
    request: &Request,
    files: &BTreeMap<String, File>,
    addr: SocketAddr,
) -> Reply {
    assert!(
        request.query.contains("recursive=true"),
        "asked for {}?{}",
        request.path,
        request.query
    );
    let mut entries = Vec::new();
    let mut folders: Vec<&str> = files
        .keys()
        .filter_map(|path| Some(path.rsplit_once('/')?.0))
        .collect();
    folders.dedup();
    for folder in folders {
        let oid = git_id(folder.as_bytes());
        entries.push(serde_json::json!({
            "type": "directory", "oid": oid, "size": 0, "path": folder,
        }));
    }
    for (path, file) in files {
        let mut entry = serde_json::json!({
            "type": "file", "oid": file.etag(), "size": file.bytes.len(), "path": path,
        });
        if file.large {
            entry["lfs"] = serde_json::json!({
                "oid": file.etag(), "size": file.bytes.len(), "pointerSize": 134,
            });
        }
        entries.push(entry);
    }
    if state.endless_pages {
        let number = state.log.len();
        let next = format!(
            "<http://{addr}{}?recursive=true&cursor={number}>; rel=\"next\"",
            request.path
        );
        let mut reply = Reply::json(&serde_json::json!([]));
        reply.headers.push(("link", next));
        return reply;
    }
    let page = state.page.unwrap_or(entries.len().max(1));
    let cursor = request
        .query
        .split('&')
        .find_map(|pair| pair.strip_prefix("cursor="));
    let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
    let to = (from + page).min(entries.len());
    let mut reply = Reply::json(&serde_json::json!(entries[from..to]));
    if to < entries.len() {
        let next = format!(
            "<http://{addr}{}?recursive=true&cursor={to}>; rel=\"next\"",
            request.path
        );
        reply.headers.push(("link", next));
    }
    reply
}

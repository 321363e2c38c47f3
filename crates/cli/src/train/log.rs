//! `--events FILE`: the event stream as JSON Lines.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tunesmith_protocol::{Event, Record, RunConfig};

use super::arguments::Arguments;

/// More than the first line of any event log has.
const MOST_LINE: u64 = 16 << 20;

/// A file of events, or none.
pub struct EventLog {
    path: Option<PathBuf>,
    file: Option<File>,
    /// The log of an earlier run is there.
    earlier: bool,
}

impl EventLog {
    /// Checks that the file may be written. It is begun with the first event, so that a run which is
    /// refused costs nothing that was there.
    ///
    /// # Errors
    /// A file that the run reads, or one that is there and is no event log.
    pub fn check(arguments: &Arguments) -> Result<Self> {
        let path = arguments.events.clone();
        let mut earlier = false;
        if let Some(path) = &path {
            let file = arguments.file.as_deref();
            if let Some(what) = read_by(&arguments.config, file, path) {
                bail!(
                    "--events {} would replace {what}: name another file",
                    path.display()
                );
            }
            earlier = is_log(path)?;
        }
        Ok(Self {
            path,
            file: None,
            earlier,
        })
    }

    /// Writes a record as one line at once: whoever follows the file sees it, and a crash loses none.
    ///
    /// # Errors
    /// When it can't be written, which ends the log: one with a hole would mislead. A reader that has
    /// gone ends it too, and is no error.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        let written = self.append(&path, record);
        if written.is_err() {
            self.path = None;
        }
        match written {
            Err(error) if is_broken_pipe(&error) => Ok(()),
            written => written,
        }
    }

    fn append(&mut self, path: &Path, record: &Record) -> Result<()> {
        let mut line = record.to_json()?;
        line.push('\n');
        let file = match &mut self.file {
            Some(file) => file,
            // A run that was refused has nothing to tell that is worth the log of one that wasn't.
            None if self.earlier && matches!(record.event, Event::Failed { .. }) => return Ok(()),
            None => {
                let file = File::create(path)
                    .with_context(|| format!("can't create the event log {}", path.display()))?;
                self.file.insert(file)
            }
        };
        file.write_all(line.as_bytes()).with_context(|| {
            format!(
                "can't write the event log {}; free some space or leave --events out",
                path.display()
            )
        })
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == ErrorKind::BrokenPipe)
}

/// What the run reads from that file, in words.
fn read_by(config: &RunConfig, arguments: Option<&Path>, path: &Path) -> Option<&'static str> {
    let place = fs::canonicalize(path).ok()?;
    let data = &config.data;
    let files = [
        ("the file of arguments", arguments),
        (
            "the training file",
            data.train_file.as_deref().map(Path::new),
        ),
        (
            "the validation file",
            data.validation_file.as_deref().map(Path::new),
        ),
        ("the test file", data.test_file.as_deref().map(Path::new)),
    ];
    let same = |other: &Path| fs::canonicalize(other).is_ok_and(|other| other == place);
    let mut all = files.into_iter();
    let (what, _) = all.find(|(_, other)| other.is_some_and(same))?;
    Some(what)
}

/// Whether an event log is there; nothing at all, or what is no ordinary file (a pipe), will do too.
fn is_log(path: &Path) -> Result<bool> {
    let Ok(metadata) = fs::metadata(path) else {
        return Ok(false);
    };
    if metadata.is_dir() {
        bail!("--events {}: it is a folder; name a file", path.display());
    }
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(false);
    }
    let mut line = Vec::new();
    let read = File::open(path)
        .and_then(|file| BufReader::new(file.take(MOST_LINE)).read_until(b'\n', &mut line));
    read.with_context(|| format!("can't read {}, the earlier event log", path.display()))?;
    let record = serde_json::from_slice::<Value>(&line).unwrap_or_default();
    if ["version", "seq", "type"]
        .iter()
        .all(|key| record.get(key).is_some())
    {
        return Ok(true);
    }
    bail!(
        "--events {}: the file exists and is not an event log, so it is not replaced; name another \
         file, or remove it first",
        path.display()
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn only_an_event_log_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let record = r#"{"version":1,"seq":0,"type":"failed","message":"m"}"#;
        fs::write(at("log"), format!("{record}\n")).unwrap();
        fs::write(at("rows"), "{\"text\": \"a\", \"label\": 1}\n").unwrap();
        fs::write(at("bytes"), [0xff; 9]).unwrap();
        fs::write(at("empty"), "").unwrap();
        assert!(is_log(&at("log")).unwrap());
        for name in ["empty", "nothing"] {
            assert!(!is_log(&at(name)).unwrap(), "{name}");
        }
        for name in ["rows", "bytes"] {
            let message = is_log(&at(name)).unwrap_err().to_string();
            assert!(message.contains("not an event log"), "{message}");
        }
        assert!(is_log(dir.path()).is_err());
    }
}

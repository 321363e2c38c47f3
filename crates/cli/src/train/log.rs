//! `--events FILE`: the event stream as JSON Lines.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use tunesmith_protocol::Record;

/// A file of events, or none.
pub struct EventLog(Option<(File, PathBuf)>);

impl EventLog {
    /// Begins the file anew.
    ///
    /// # Errors
    /// When it can't be created.
    pub fn create(path: Option<PathBuf>) -> Result<Self> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
        let file = File::create(&path)
            .with_context(|| format!("can't create the event log {}", path.display()))?;
        Ok(Self(Some((file, path))))
    }

    /// Writes a record as one line at once: whoever follows the file sees it, and a crash loses none.
    ///
    /// # Errors
    /// When it can't be written, which ends the run: a log with a hole would mislead.
    pub fn write(&mut self, record: &Record) -> Result<()> {
        let Some((file, path)) = &mut self.0 else {
            return Ok(());
        };
        let mut line = record.to_json()?;
        line.push('\n');
        file.write_all(line.as_bytes()).with_context(|| {
            format!(
                "can't write the event log {}; free some space or leave --events out",
                path.display()
            )
        })
    }
}

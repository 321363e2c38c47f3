//! `report_to`: a training's log, written while it goes on.

use std::io::Write;
use std::path::{Path, PathBuf};

use tunesmith::data::csv_record;
use tunesmith::train::{LogEntry, TrainerState, replace_file};
use tunesmith_platform::{date, fs, process_id, unix_time};
use tunesmith_protocol::{Integration, TrainingArguments};
use tunesmith_report::{cell, event_file};

use crate::SessionError;

/// The table of the log.
const CSV: &str = "metrics.csv";

/// Those that are told what a training logs.
pub(crate) struct Reporters {
    folder: PathBuf,
    tensorboard: Option<PathBuf>,
    csv: Option<MetricsCsv>,
    /// Entries of the log that were told, or that an earlier run logged.
    told: usize,
}

impl Reporters {
    /// Those that the arguments name. Their folder and files are made with the first entry.
    pub(crate) fn new(args: &TrainingArguments) -> Self {
        let now = unix_time();
        let folder = match &args.logging_dir {
            Some(folder) => PathBuf::from(folder),
            None => Path::new(&args.output_dir)
                .join("runs")
                .join(timestamp(now)),
        };
        let is_asked = |integration| args.report_to.0.contains(&integration);
        // As PyTorch's SummaryWriter names it: seconds, host, process, and how many came before.
        let name = format!(
            "events.out.tfevents.{}.tunesmith.{}.0",
            now as u64,
            process_id()
        );
        Self {
            tensorboard: is_asked(Integration::TensorBoard).then(|| folder.join(name)),
            csv: is_asked(Integration::Csv).then(MetricsCsv::default),
            folder,
            told: 0,
        }
    }

    /// Leaves out what was logged before, by the run that this one goes on from.
    pub(crate) fn skip(&mut self, state: &TrainerState) {
        self.told = state.log_history.len();
    }

    /// Tells what was logged since the last call. Where it can't be written nothing more is, and the training goes on;
    /// gives what to say of that.
    pub(crate) fn tell(&mut self, state: &TrainerState) -> Option<String> {
        let news = state.log_history.get(self.told..).unwrap_or_default();
        self.told = state.log_history.len();
        let failed = news.iter().try_for_each(|entry| self.write(entry)).err()?;
        self.tensorboard = None;
        self.csv = None;
        Some(format!(
            "report_to stops here, and training goes on: {failed}"
        ))
    }

    fn write(&mut self, entry: &LogEntry) -> Result<(), SessionError> {
        if self.tensorboard.is_none() && self.csv.is_none() {
            return Ok(());
        }
        fs::create_dir_all(&self.folder).map_err(SessionError::io("create", &self.folder))?;
        if let Some(path) = &self.tensorboard {
            let step = entry
                .get("step")
                .and_then(|step| step.as_u64())
                .unwrap_or(0);
            let values = numbers(entry).filter(|(name, _)| name != "step");
            let values: Vec<(String, f64)> = values
                .map(|(name, value)| (event_file::tag(&name), value))
                .collect();
            let mut records = Vec::new();
            if !fs::exists(path) {
                records.extend(event_file::begin(unix_time()));
            }
            records.extend(event_file::scalars(unix_time(), step, &values));
            append(path, &records)?;
        }
        if let Some(csv) = &mut self.csv {
            let path = self.folder.join(CSV);
            let mut row: Vec<(String, f64)> = numbers(entry).collect();
            // A person looks for the step first, then for the epoch.
            row.sort_by_key(|(name, _)| (name != "step", name != "epoch"));
            match csv.add(row) {
                Written::Behind(line) => append(&path, line.as_bytes())?,
                Written::Anew(table) => replace_file(&path, table.as_bytes())?,
            }
        }
        Ok(())
    }
}

/// A training's log with a column for each name, in the order in which they come up.
#[derive(Debug, Default)]
struct MetricsCsv {
    columns: Vec<String>,
    rows: Vec<Vec<(String, f64)>>,
}

impl MetricsCsv {
    /// Takes in one more entry. Gives what is to be written: its line behind those that are there, or the whole table
    /// anew where it has columns that weren't there.
    fn add(&mut self, entry: Vec<(String, f64)>) -> Written {
        let mut is_new = self.rows.is_empty();
        for (name, _) in &entry {
            if !self.columns.contains(name) {
                self.columns.push(name.clone());
                is_new = true;
            }
        }
        let text = self.row(&entry);
        self.rows.push(entry);
        if is_new {
            Written::Anew(self.whole())
        } else {
            Written::Behind(text)
        }
    }

    fn row(&self, entry: &[(String, f64)]) -> String {
        let value = |column: &String| {
            let found = entry.iter().find(|(name, _)| name == column);
            found.map_or_else(String::new, |(_, value)| cell(*value))
        };
        csv_record(self.columns.iter().map(value))
    }

    fn whole(&self) -> String {
        let mut csv = csv_record(&self.columns);
        csv.extend(self.rows.iter().map(|entry| self.row(entry)));
        csv
    }
}

/// What is to be written of a [`MetricsCsv`].
#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// A line, behind those that are there.
    Behind(String),
    /// Everything, in place of what is there.
    Anew(String),
}

/// The numbers of an entry by their names; NaN where one isn't finite, which JSON has no number for.
fn numbers(entry: &LogEntry) -> impl Iterator<Item = (String, f64)> {
    let numbers = entry
        .iter()
        .filter(|(_, value)| value.is_number() || value.is_null());
    numbers.map(|(name, value)| (name.clone(), value.as_f64().unwrap_or(f64::NAN)))
}

fn append(path: &Path, bytes: &[u8]) -> Result<(), SessionError> {
    let mut options = fs::OpenOptions::new();
    let file = options.append(true).create(true).open(path);
    let mut file = file.map_err(SessionError::io("open", path))?;
    file.write_all(bytes)
        .map_err(SessionError::io("write", path))
}

/// `2026-11-28_09-30-00`, in UTC: names that sort by time.
fn timestamp(seconds: f64) -> String {
    let seconds = seconds as i64;
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}_{hour:02}-{minute:02}-{second:02}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;
    use tunesmith_protocol::ReportTo;

    #[test]
    fn a_folder_is_named_by_its_time() {
        assert_eq!(timestamp(1_709_226_000.9), "2024-02-29_17-00-00");
    }

    #[test]
    fn a_log_gets_columns_as_they_come_up() {
        let entry = |values: &[(&str, f64)]| -> Vec<(String, f64)> {
            values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect()
        };
        let mut csv = MetricsCsv::default();
        let first = csv.add(entry(&[("step", 1.0), ("loss", 0.5)]));
        assert_eq!(first, Written::Anew("step,loss\n1,0.5\n".to_owned()));
        let second = csv.add(entry(&[("step", 2.0), ("loss", f64::NAN)]));
        assert_eq!(second, Written::Behind("2,\n".to_owned()));
        let third = csv.add(entry(&[("step", 2.0), ("eval_loss", 0.25)]));
        let whole = "step,loss,eval_loss\n1,0.5,\n2,,\n2,,0.25\n";
        assert_eq!(third, Written::Anew(whole.to_owned()));
    }

    #[test]
    fn only_what_is_new_is_told_and_a_full_disk_stops_no_training() {
        let dir = tempfile::tempdir().unwrap();
        let mut args = TrainingArguments {
            output_dir: dir.path().display().to_string(),
            logging_dir: Some(dir.path().join("logs").display().to_string()),
            report_to: ReportTo(vec![Integration::Csv]),
            ..TrainingArguments::default()
        };
        let mut state = TrainerState::new(&args, 4, 1);
        let entry = |step: u64| serde_json::from_value(json!({"loss": 0.5, "step": step})).unwrap();
        state.log_history = vec![entry(1)];
        let mut reporters = Reporters::new(&args);
        reporters.skip(&state);
        state.log_history.push(entry(2));
        assert_eq!(reporters.tell(&state), None);
        assert_eq!(reporters.tell(&state), None);
        state.log_history.push(entry(3));
        assert_eq!(reporters.tell(&state), None);
        let written = std::fs::read_to_string(dir.path().join("logs/metrics.csv")).unwrap();
        assert_eq!(written, "step,loss\n2,0.5\n3,0.5\n");

        std::fs::write(dir.path().join("file"), "").unwrap();
        args.logging_dir = Some(dir.path().join("file").display().to_string());
        let mut reporters = Reporters::new(&args);
        let said = reporters.tell(&state).unwrap_or_default();
        assert!(
            said.contains("training goes on") && said.contains("file"),
            "{said}"
        );
        state.log_history.push(entry(4));
        assert_eq!(reporters.tell(&state), None);
    }
}

//! A whole run on `data/tiny` over a few sentences: training with evaluations and rotated checkpoints,
//! the best model at its end, predictions. And what may be said of its files afterwards.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tunesmith::train::checkpoints;
use tunesmith_protocol::{
    DataArguments, DeviceChoice, Event, IntervalStrategy, ModelArguments, ResumeFrom, RunConfig,
    Steps, TrainingArguments,
};
use tunesmith_session::Session;

/// The files of a run.
pub struct Place {
    dir: tempfile::TempDir,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Done,
    /// Well, but with the last weights in place of the best, which could not be read; it said so.
    LastInstead,
    Failed(String),
    Panicked(String),
}

/// What lies below a folder, by path: bytes of files, `None` for folders.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

impl Place {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        for (name, rows) in [("train", 12), ("validation", 6), ("test", 4)] {
            fs::write(place.path(&format!("{name}.csv")), pairs(rows)).unwrap();
        }
        // SAFETY: the tests of this program take turns, and nothing else here sets a variable.
        unsafe { std::env::set_var("TUNESMITH_CACHE", place.cache()) };
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn out(&self) -> PathBuf {
        self.path("out")
    }

    pub fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// What the run writes.
    pub fn written(&self) -> [PathBuf; 2] {
        [self.out(), self.cache()]
    }

    pub fn clear(&self) {
        for folder in self.written() {
            if folder.exists() {
                fs::remove_dir_all(folder).unwrap();
            }
        }
    }

    /// Puts a tree where the run writes.
    pub fn put(&self, tree: &Tree) {
        self.clear();
        for (path, bytes) in tree {
            match bytes {
                None => fs::create_dir_all(path).unwrap(),
                Some(bytes) => {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(path, bytes).unwrap();
                }
            }
        }
    }

    fn config(&self) -> RunConfig {
        let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/tiny");
        let file = |name: &str| Some(self.path(name).display().to_string());
        RunConfig {
            model: ModelArguments {
                model_name_or_path: tiny.canonicalize().unwrap().display().to_string(),
                ..ModelArguments::default()
            },
            data: DataArguments {
                train_file: file("train.csv"),
                validation_file: file("validation.csv"),
                test_file: file("test.csv"),
                ..DataArguments::default()
            },
            training: TrainingArguments {
                output_dir: self.out().display().to_string(),
                do_train: true,
                do_eval: true,
                do_predict: true,
                device: DeviceChoice::Cpu,
                learning_rate: 1e-2,
                per_device_train_batch_size: 4,
                num_train_epochs: 1.0,
                logging_steps: Steps(1.0),
                eval_strategy: IntervalStrategy::Steps,
                save_steps: Steps(1.0),
                save_total_limit: Some(2),
                load_best_model_at_end: true,
                ..TrainingArguments::default()
            },
        }
    }

    /// The command from nothing.
    pub fn run(&self) -> End {
        drive(self.config())
    }

    /// The same command again, as whoever finds the folder gives it: on from its last checkpoint, or anew
    /// where it has none.
    pub fn run_again(&self) -> End {
        let mut config = self.config();
        if checkpoints(&self.out()).is_empty() {
            config.training.overwrite_output_dir = true;
        } else {
            config.training.resume_from_checkpoint = ResumeFrom::Last;
        }
        drive(config)
    }

    /// The bytes of the final weights.
    pub fn weights(&self) -> Option<Vec<u8>> {
        fs::read(self.out().join("model.safetensors")).ok()
    }

    /// Whatever a run makes for a while only and has not removed.
    pub fn leftovers(&self) -> Vec<String> {
        let folders = self.written();
        let paths = folders.iter().flat_map(|folder| tree(folder).into_keys());
        paths
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(".tmp-") || name.contains(".partial") || name.contains(".former")
            })
            .map(|path| path.display().to_string())
            .collect()
    }

    /// What the files come to for whoever goes on with them: their names, and of each whether it is whole.
    /// Two states of one key differ in measured times, and in bytes that nobody will read.
    pub fn key(&self) -> String {
        let mut key = String::new();
        for (path, bytes) in self.written().iter().flat_map(|folder| tree(folder)) {
            let path = path.strip_prefix(self.dir.path()).unwrap();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let text = path.to_string_lossy();
            let said = match &bytes {
                None => "folder".to_owned(),
                Some(_) if text.contains(".tmp-") || name.contains(".partial") => {
                    "scratch".to_owned()
                }
                Some(bytes) if bytes.is_empty() => "empty".to_owned(),
                Some(bytes) if name.ends_with(".json") => {
                    let whole = serde_json::from_slice::<serde_json::Value>(bytes).is_ok();
                    format!("whole: {whole}")
                }
                Some(bytes) if name == "README.md" => format!("whole: {}", bytes.ends_with(b"\n")),
                Some(bytes) => format!("{} bytes", bytes.len()),
            };
            writeln!(key, "{text} {said}").unwrap();
        }
        key
    }
}

pub fn tree(folder: &Path) -> Tree {
    let mut found = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        found.insert(folder, None);
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), Some(fs::read(path).unwrap()));
            }
        }
    }
    found
}

fn drive(config: RunConfig) -> End {
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let mut session = Session::new(config);
        let (mut last, mut instead) = (None, false);
        pollster::block_on(async {
            while let Some(record) = session.next().await {
                instead |= matches!(
                    &record.event,
                    Event::Warning { message } if message.contains("can't be loaded")
                );
                last = Some(record.event);
            }
        });
        (last, instead)
    }));
    match ended {
        Ok((Some(Event::Done(_)), true)) => End::LastInstead,
        Ok((Some(Event::Done(_)), false)) => End::Done,
        Ok((Some(Event::Failed { message } | Event::DeviceLost { message }), _)) => {
            if message.contains("failed unexpectedly") {
                End::Panicked(message)
            } else {
                End::Failed(message)
            }
        }
        Ok((other, _)) => End::Panicked(format!("the last event was {other:?}")),
        Err(panic) => End::Panicked(
            panic
                .downcast_ref::<String>()
                .cloned()
                .unwrap_or_else(|| "a panic".to_owned()),
        ),
    }
}

/// Pairs of sentences in a file.
fn pairs(rows: usize) -> String {
    const WHO: [&str; 4] = ["a cat", "the dog", "one bird", "that fish"];
    const WHAT: [&str; 3] = ["eats", "sleeps", "is here"];
    let mut text = String::from("sentence1,sentence2,label\n");
    for row in 0..rows {
        let (who, what) = (WHO[row % 4], WHAT[row % 3]);
        let other = WHO[(row + row % 2) % 4];
        let label = if row % 2 == 0 { "same" } else { "other" };
        writeln!(text, "{who} {what},{other} {what} too,{label}").unwrap();
    }
    text
}

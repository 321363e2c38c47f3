//! `cargo xtask demo`: the main job, from nothing to a fine-tuned classifier, in one command.
//!
//! It is what a newcomer runs first. Every step is a `tunesmith` command that is printed, so that it
//! can be taken again by hand; what had to be replaced (no hub, no GPU) is said where it happens.

mod parity;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::project::{PARAPHRASE_CONFIG, Project};
use crate::setup::{minilm, vulkan};
use crate::shell::Cmd;

/// Training rows where there is no GPU: 250 steps an epoch. At half a second a step, as measured on
/// 2 cores, three epochs with their evaluations take 6 to 7 minutes of the demo's 10.
const ROWS_ON_CPU: &str = "2000";

/// Two pairs that are in no data set, one of each kind: the second tells another day and number, a
/// difference that this repository's synthetic set teaches as MRPC does.
const PAIRS: [(&str, &str); 2] = [
    (
        "The harbour bridge was closed on Monday after engineers found cracks in two of its cables.",
        "Engineers found cracks in two cables of the harbour bridge, which was closed on Monday.",
    ),
    (
        "The harbour bridge was closed on Monday after engineers found cracks in two of its cables.",
        "The harbour bridge was closed on Friday after engineers found cracks in five of its cables.",
    ),
];

/// What is trained on what.
pub struct Task {
    checkpoint: String,
    dataset: String,
    config: &'static str,
}

impl Task {
    /// The command that trains it, to which options are added.
    pub fn train(&self, tunesmith: &Path) -> Cmd {
        Cmd::new(tunesmith)
            .args(["train", "--model_name_or_path", &self.checkpoint])
            .args(["--dataset_name", &self.dataset])
            .args(["--dataset_config_name", self.config])
    }
}

/// How much of it is run.
#[derive(Clone, Copy, PartialEq)]
enum Length {
    /// All rows on a GPU, some of them on a CPU.
    Usual,
    /// All rows.
    Full,
    /// A few steps: whether every part works.
    FirstSteps,
}

/// Runs the demo; `full` takes all rows even on the CPU.
///
/// # Errors
/// When a step fails, or the losses on the GPU's path and on the CPU differ.
pub fn run(project: &Project, full: bool) -> Result<()> {
    let length = match full {
        true => Length::Full,
        false => Length::Usual,
    };
    run_in(project, length, &project.root.join("out"))
}

/// Every part of the demo in a minute: a few steps on the repository's own set, without the hub.
///
/// # Errors
/// As [`run`].
pub fn first_steps(project: &Project) -> Result<()> {
    let out = tempfile::tempdir().context("no temporary folder")?;
    run_in(project, Length::FirstSteps, out.path())
}

fn run_in(project: &Project, length: Length, out: &Path) -> Result<()> {
    heading("Building the tunesmith command");
    let tunesmith = project.tunesmith()?;
    let start = Instant::now();

    heading("Checkpoint and data");
    let task = match length {
        Length::FirstSteps => own(project, minilm::for_tests(project)?, &tunesmith)?,
        Length::Usual | Length::Full => gather(project, &tunesmith)?,
    };

    let model = empty(&out.join("demo"))?;
    let events = out.join("demo-events.jsonl");
    let mut train = task
        .train(&tunesmith)
        .arg("--output_dir")
        .arg(&model)
        .arg("--events")
        .arg(&events);
    heading("Fine-tuning");
    if length == Length::FirstSteps {
        train = train
            .args(["--max_train_samples", "64", "--max_eval_samples", "32"])
            .args(["--max_steps", "4", "--save_strategy", "no"])
            .args(["--eval_strategy", "steps", "--eval_steps", "2"]);
    } else {
        train = train.args(["--eval_strategy", "epoch"]);
    }
    if length == Length::Usual && !vulkan::has_gpu() {
        println!(
            "No GPU here: {ROWS_ON_CPU} training rows, so that this ends within 10 minutes, with the \
             settings of the Hugging Face course: 3 epochs, batches of 8. For all rows (about a \
             quarter of an hour on 2 cores): cargo xtask demo --full"
        );
        train = train.args(["--max_train_samples", ROWS_ON_CPU]);
    } else if length != Length::FirstSteps {
        println!(
            "All training rows, with the settings of the Hugging Face course: 3 epochs, batches of 8."
        );
    }
    train.run()?;

    heading("Evaluation after each epoch, on the validation split");
    println!("{}", table::evaluations(&model.join("trainer_state.json"))?);

    heading("Two pairs that it has not seen");
    for (text, pair) in PAIRS {
        Cmd::new(&tunesmith)
            .args(["predict", "--model"])
            .arg(&model)
            .args(["--text", text, "--text-pair", pair])
            .run()?;
    }

    heading("The first steps again, on two devices, without dropout");
    let checked = parity::check(&task, &tunesmith, &events, &out.join("demo-parity"))?;

    heading("Done");
    let elapsed = Duration::from_secs(start.elapsed().as_secs());
    println!("{elapsed:?} after the build. {checked}");
    println!("The fine-tuned model: {}", model.display());
    println!(
        "Ask it:    tunesmith predict --model {} --text '…' --text-pair '…'",
        model.display()
    );
    println!(
        "In Python: AutoModelForSequenceClassification.from_pretrained({:?})",
        model.display().to_string()
    );
    println!("The tunesmith command: {}", tunesmith.display());
    Ok(())
}

fn gather(project: &Project, tunesmith: &Path) -> Result<Task> {
    let checkpoint = minilm::for_demo(project, tunesmith)?;
    // It prints the splits, and downloads them where they aren't in the cache.
    let hub = Cmd::new(tunesmith).args(["data", "glue", "mrpc"]).run();
    if hub.is_ok() {
        return Ok(Task {
            checkpoint: checkpoint.display().to_string(),
            dataset: "glue".to_owned(),
            config: "mrpc",
        });
    }
    println!(
        "The hub did not give glue/mrpc; taking this repository's own set of sentence pairs, which is \
         synthetic (data/paraphrase/README.md)."
    );
    own(project, checkpoint, tunesmith)
}

/// This repository's own set of sentence pairs.
fn own(project: &Project, checkpoint: PathBuf, tunesmith: &Path) -> Result<Task> {
    let folder = project.paraphrase();
    Cmd::new(tunesmith)
        .arg("data")
        .arg(&folder)
        .arg(PARAPHRASE_CONFIG)
        .run()?;
    Ok(Task {
        checkpoint: checkpoint.display().to_string(),
        dataset: folder.display().to_string(),
        config: PARAPHRASE_CONFIG,
    })
}

/// The folder without what an earlier demo left in it; `tunesmith train` refuses one that isn't empty.
fn empty(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("can't remove the last demo's {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("can't create {}", folder.display()))?;
    Ok(folder.to_owned())
}

fn heading(title: &str) {
    println!("\n== {title}");
}

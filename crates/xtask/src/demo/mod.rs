//! `cargo xtask demo`: the main job, from nothing to a fine-tuned classifier, in one command.
//!
//! It is what a newcomer runs first. Every step is a `tunesmith` command that is printed, so that it
//! can be taken again by hand; what had to be replaced (no hub, no GPU) is said where it happens.

mod parity;
mod table;

use std::fs;
use std::path::Path;
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

/// Runs the demo; `full` takes all rows even on the CPU.
///
/// # Errors
/// When a step fails, or the losses on the GPU's path and on the CPU differ.
pub fn run(project: &Project, full: bool) -> Result<()> {
    heading("Building the tunesmith command");
    let tunesmith = project.tunesmith()?;
    let start = Instant::now();

    heading("Checkpoint and data");
    let task = gather(project, &tunesmith)?;

    let out = project.root.join("out");
    let model = empty(&out.join("demo"))?;
    let events = out.join("demo-events.jsonl");
    let mut train = task
        .train(&tunesmith)
        .args(["--eval_strategy", "epoch"])
        .arg("--output_dir")
        .arg(&model)
        .arg("--events")
        .arg(&events);
    heading("Fine-tuning");
    if full || vulkan::has_gpu() {
        println!(
            "All training rows, with the settings of the Hugging Face course: 3 epochs, batches of 8."
        );
    } else {
        println!(
            "No GPU here: {ROWS_ON_CPU} training rows, so that this ends within 10 minutes, with the \
             settings of the Hugging Face course: 3 epochs, batches of 8. For all rows (about a \
             quarter of an hour on 2 cores): cargo xtask demo --full"
        );
        train = train.args(["--max_train_samples", ROWS_ON_CPU]);
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
    let checkpoint = minilm::for_demo(project, tunesmith)?.display().to_string();
    // It prints the splits, and downloads them where they aren't in the cache.
    let hub = Cmd::new(tunesmith).args(["data", "glue", "mrpc"]).run();
    let (dataset, config) = match hub {
        Ok(()) => ("glue".to_owned(), "mrpc"),
        Err(_) => {
            println!(
                "The hub did not give glue/mrpc; taking this repository's own set of sentence pairs, \
                 which is synthetic (data/paraphrase/README.md)."
            );
            let folder = project.paraphrase();
            Cmd::new(tunesmith)
                .arg("data")
                .arg(&folder)
                .arg(PARAPHRASE_CONFIG)
                .run()?;
            (folder.display().to_string(), PARAPHRASE_CONFIG)
        }
    };
    Ok(Task {
        checkpoint,
        dataset,
        config,
    })
}

/// The folder without what an earlier demo left in it; `tunesmith train` refuses one that isn't empty.
fn empty(folder: &Path) -> Result<std::path::PathBuf> {
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

//! Damaged files for everything that reads files of strangers.
//!
//! Two ways: libFuzzer, which looks for its own damage in what the seeds lead to (`fuzz/`), and the
//! tests' own mutator with more copies than the tests take (`crates/damage`).

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use tunesmith_damage::fixtures;

use crate::project::Project;
use crate::setup::rust;
use crate::shell::Cmd;
use crate::test::Tally;

/// The first files of a target, from the repository at this path.
type Seeds = fn(&Path) -> Result<Vec<Vec<u8>>>;

/// What libFuzzer reads, with the first files of each.
const TARGETS: [(&str, Seeds); 10] = [
    ("card", |_| Ok(fixtures::cards())),
    ("csv", |_| Ok(fixtures::csv())),
    ("hub", |_| Ok(fixtures::hub_answers())),
    ("journal", |_| Ok(fixtures::journals())),
    ("json_lines", |_| Ok(fixtures::json_lines())),
    ("parquet", parquet),
    ("tokenizer", |_| Ok(fixtures::tokenizers())),
    ("checkpoint", |_| Ok(fixtures::checkpoints())),
    ("config", |_| Ok(fixtures::configs())),
    ("safetensors", |_| {
        Ok(vec![fixtures::safetensors(
            &[("a", &[2, 3]), ("b", &[4]), ("c", &[])],
            0.5,
        )])
    }),
];

/// The last of them build the tensor library.
const WITH_TENSORS: usize = 3;

/// The smallest of the repository's own.
fn parquet(root: &Path) -> Result<Vec<Vec<u8>>> {
    let path = root.join("data/paraphrase/mrpc_like/validation-00000-of-00001.parquet");
    let file = fs::read(&path).with_context(|| format!("can't read {}", path.display()))?;
    Ok(vec![file])
}

/// What to read, and how much of it.
pub struct Options {
    /// The targets of libFuzzer whose name contains one of these; all, where there is none.
    pub names: Vec<String>,
    /// How long each runs.
    pub seconds: u32,
    /// Those too that build the tensor library.
    pub tensors: bool,
}

/// Runs libFuzzer's targets, each for its time. One that finds something leaves the file in
/// `fuzz/artifacts`.
///
/// # Errors
/// When the set-up fails.
pub fn targets(project: &Project, options: &Options) -> Result<Tally> {
    rust::fuzzing()?;
    let folder = project.root.join("fuzz");
    let end = match options.tensors {
        true => TARGETS.len(),
        false => TARGETS.len() - WITH_TENSORS,
    };
    let chosen = |name: &str| {
        options.names.is_empty()
            || options
                .names
                .iter()
                .any(|part| name.contains(part.as_str()))
    };
    let mut tally = Tally::default();
    for (name, seeds) in TARGETS[..end].iter().filter(|(name, _)| chosen(name)) {
        let corpus = folder.join("corpus").join(name);
        fs::create_dir_all(&corpus)
            .with_context(|| format!("can't create {}", corpus.display()))?;
        for (number, seed) in seeds(&project.root)?.iter().enumerate() {
            fs::write(corpus.join(format!("seed-{number}")), seed)
                .with_context(|| format!("can't write into {}", corpus.display()))?;
        }
        let mut command = Cmd::new("cargo").dir(&project.root).args([
            "+nightly",
            "fuzz",
            "run",
            "--release",
            "--debug-assertions",
        ]);
        if options.tensors {
            command = command.args(["--features", "tensors"]);
        }
        let ran = command
            .args([name, "--"])
            .arg(format!("-max_total_time={}", options.seconds))
            .args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"])
            .run();
        if let Err(error) = &ran {
            eprintln!("{name}: {error:#}");
        }
        tally.count(ran.is_ok());
    }
    Ok(tally)
}

/// Runs the tests named `damaged` with so many damaged copies of each kind of file.
///
/// # Errors
/// When cargo can't be started.
pub fn mutants(project: &Project, count: u32) -> Result<Tally> {
    let mut tally = Tally::default();
    let status = project
        .cargo()
        .args(["test", "--workspace", "--test", "damaged", "--no-fail-fast"])
        .args(["--", "--nocapture"])
        .env("TUNESMITH_MUTANTS", count.to_string())
        .lines(|line| tally.read(line))?;
    tally.ended("cargo test", status);
    Ok(tally)
}

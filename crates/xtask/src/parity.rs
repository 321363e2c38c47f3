//! The same cases on every target, and what their event logs say of each other.
//!
//! A case of `tests/cases` runs natively on the CPU, on llvmpipe and on SwiftShader, and in Chromium on
//! the CPU and on SwiftShader (`web/e2e/parity.spec.ts`). What a log says of rows, ids, order, padding,
//! learning rates and metrics must be the same to the letter; losses and logits agree to 1e-4. Runs also
//! change their target in the middle, by a checkpoint.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::project::Project;
use crate::setup::{minilm, swiftshader, vulkan};
use crate::shell::Cmd;
use crate::test::{Tally, text_columns};
use crate::web;

/// How far losses and logits may be apart: float32 sums of another order differ by some 1e-7 here.
const TOLERANCE: f64 = 1e-4;

/// The step after which a run changes its target.
const HANDED_OVER: &str = "checkpoint-5";

/// The checkpoint of the tests, which lies outside the repository.
const MINILM: &str = "all-MiniLM-L6-v2";

/// What must be the same of a step: the digest is of its ids, padding, masks and labels.
const IN_A_STEP: [&str; 5] = [
    "epoch",
    "learning_rate",
    "batch_rows",
    "batch_length",
    "batch_digest",
];

/// Where a case runs, the device that it asks for, and whether its driver is SwiftShader's.
const NATIVE: [(&str, &str, bool); 3] = [
    ("native-cpu", "cpu", false),
    ("native-llvmpipe", "software-gpu", false),
    ("native-swiftshader", "software-gpu", true),
];
const BROWSER: [(&str, &str, bool); 2] = [
    ("chromium-cpu", "cpu", false),
    ("chromium-swiftshader", "software-gpu", true),
];

/// Runs every case everywhere, prints the table, and counts the comparisons.
///
/// # Errors
/// When a run fails, or the set-up.
pub fn run(project: &Project) -> Result<Tally> {
    vulkan::software().context("parity needs software Vulkan")?;
    let swiftshader = swiftshader::manifest().context("parity needs SwiftShader")?;
    let tunesmith = project.tunesmith()?;
    let out = project.root.join("web/test-results/parity");
    let _ = fs::remove_dir_all(&out);
    let cases = cases(&project.root.join("tests/cases"))?;
    for case in &cases {
        case.draw_model(project, &out)?;
    }
    let run = |case: &Case, target: &str, device: &str, driver, from: Option<&Path>| {
        let place = out.join(&case.name).join(target);
        fs::create_dir_all(&place).with_context(|| format!("can't make {}", place.display()))?;
        case.run(project, &tunesmith, device, driver, &place, from)
    };
    let driver = |on_swiftshader: bool| on_swiftshader.then_some(swiftshader.as_path());
    for case in &cases {
        for (target, device, on_swiftshader) in NATIVE {
            run(case, target, device, driver(on_swiftshader), None)?;
        }
    }
    // Reads the native runs' checkpoints, and leaves its own.
    let mut tally = web::playwright(project, &["parity"])?;
    if tally.has_failed() {
        return Ok(tally);
    }
    for case in cases.iter().filter(|case| case.saves()) {
        for (target, device, on_swiftshader) in BROWSER {
            let from = out
                .join(&case.name)
                .join(target)
                .join("run")
                .join(HANDED_OVER);
            let target = format!("{target}-then-native");
            run(case, &target, device, driver(on_swiftshader), Some(&from))?;
        }
    }
    println!(
        "{:8} {:34} {:>10} {:>10} {:>9} {:>9} {:>9}",
        "case", "where", "the same", "metrics", "losses", "logits", "s a row"
    );
    for case in &cases {
        let place = |target: &str| out.join(&case.name).join(target);
        let reference = Ran::read(&place(NATIVE[0].0))?;
        for target in case.targets().iter().skip(1) {
            let found = reference.compare(&Ran::read(&place(target))?);
            println!("{:8} {target:34} {found}", case.name);
            tally.count(found.is_good());
        }
    }
    Ok(tally)
}

/// A folder of `tests/cases`.
struct Case {
    name: String,
    folder: PathBuf,
    config: Map<String, Value>,
}

fn cases(folder: &Path) -> Result<Vec<Case>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("can't list {}", folder.display()))?;
    let mut cases = Vec::new();
    for folder in entries.flatten().map(|entry| entry.path()) {
        let arguments = folder.join("config.json");
        if !arguments.is_file() {
            continue;
        }
        let text = fs::read_to_string(&arguments)
            .with_context(|| format!("can't read {}", arguments.display()))?;
        let config = serde_json::from_str(&text)
            .with_context(|| format!("{} is no JSON object", arguments.display()))?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        cases.push(Case {
            name: name.into_owned(),
            config,
            folder,
        });
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

impl Case {
    /// Makes the checkpoint of a case that brings a configuration alone: `models/NAME` among the results.
    fn draw_model(&self, project: &Project, out: &Path) -> Result<()> {
        let config = self.folder.join("model.json");
        if !config.is_file() {
            return Ok(());
        }
        Cmd::new(project.bench(false)?)
            .args(["checkpoint", "--config"])
            .arg(config)
            .arg("--tokenizer")
            .arg(project.root.join("data/tiny"))
            .arg("--output")
            .arg(out.join("models").join(&self.name))
            .run()
    }

    /// Whether it leaves a checkpoint, by which a run changes its target.
    fn saves(&self) -> bool {
        self.config["save_strategy"] != "no"
    }

    /// Where it ran, the run that the others are held to first.
    fn targets(&self) -> Vec<String> {
        let native = NATIVE.iter().map(|(target, ..)| (*target).to_owned());
        let browser = BROWSER.iter().flat_map(|(target, ..)| {
            let handed_over = [
                format!("{target}-then-native"),
                format!("native-then-{target}"),
            ];
            let handed_over = handed_over.into_iter().filter(|_| self.saves());
            std::iter::once((*target).to_owned()).chain(handed_over)
        });
        native.chain(browser).collect()
    }

    /// Runs it with the command, from the start or from a checkpoint, and asks its model.
    fn run(
        &self,
        project: &Project,
        tunesmith: &Path,
        device: &str,
        driver: Option<&Path>,
        place: &Path,
        resume: Option<&Path>,
    ) -> Result<()> {
        let mut config = self.config.clone();
        if config["model_name_or_path"] == MINILM {
            let folder = minilm::for_tests(project)?;
            config.insert("model_name_or_path".to_owned(), json!(folder));
        }
        config.insert("device".to_owned(), json!(device));
        config.insert("output_dir".to_owned(), json!(place.join("run")));
        if let Some(checkpoint) = resume {
            config.insert("resume_from_checkpoint".to_owned(), json!(checkpoint));
        }
        let arguments = place.join("config.json");
        fs::write(&arguments, Value::Object(config).to_string())
            .with_context(|| format!("can't write {}", arguments.display()))?;
        let with_driver = |command: Cmd| match driver {
            Some(manifest) => command.env("VK_DRIVER_FILES", manifest),
            None => command,
        };
        with_driver(Cmd::new(tunesmith).dir(&project.root).arg("train"))
            .arg(&arguments)
            .arg("--events")
            .arg(place.join("events.jsonl"))
            .run()?;
        let texts = self.folder.join("texts.jsonl");
        let is_pair = fs::read_to_string(&texts).is_ok_and(|lines| lines.contains("\"text_pair\""));
        with_driver(Cmd::new(tunesmith).args(["predict", "--device", device, "--model"]))
            .arg(place.join("run"))
            .arg("--input")
            .arg(&texts)
            .args(["--text_column_names", text_columns(is_pair)])
            .arg("--output")
            .arg(place.join("predictions.jsonl"))
            .run()
    }
}

/// What a run left: its log, and what its model says of the case's texts.
struct Ran {
    /// What must be the same to the letter, by what it is and where in the run or in the answers.
    facts: BTreeMap<String, Value>,
    metrics: BTreeMap<String, Value>,
    losses: BTreeMap<String, f64>,
    logits: Vec<f64>,
    /// Seconds of training for a row, after the first step.
    seconds_a_row: f64,
}

/// How two runs compare.
struct Found {
    differing: Vec<String>,
    metrics: Vec<String>,
    losses: f64,
    logits: f64,
    seconds_a_row: f64,
}

impl Ran {
    fn read(place: &Path) -> Result<Self> {
        let predictions = lines(&place.join("predictions.jsonl"))?;
        Self::of(&lines(&place.join("events.jsonl"))?, &predictions)
            .with_context(|| format!("the run in {}", place.display()))
    }

    fn of(events: &[Value], predictions: &[Value]) -> Result<Self> {
        let mut ran = Self {
            facts: BTreeMap::new(),
            metrics: BTreeMap::new(),
            losses: BTreeMap::new(),
            logits: Vec::new(),
            seconds_a_row: f64::NAN,
        };
        for (row, prediction) in predictions.iter().enumerate() {
            let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
            let logits = prediction["logits"].as_array();
            ran.logits.extend(logits.into_iter().flatten().map(number));
            // Tokens are told as entities: their places are facts, their scores stand for logits.
            for (place, entity) in prediction["entities"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                ran.logits.push(number(&entity["score"]));
                let mut entity = entity.clone();
                entity["score"] = Value::Null;
                let key = format!("entity {place} of text {row}");
                ran.facts.insert(key, plain(&entity));
            }
        }
        for event in events {
            let step = &event["step"];
            let loss = event["loss"].as_f64().unwrap_or(f64::NAN);
            match event["type"].as_str() {
                Some("dataset_ready") => {
                    ran.facts
                        .insert("rows and ids".to_owned(), plain(&event["splits"]));
                    ran.facts
                        .insert("labels".to_owned(), plain(&event["labels"]));
                }
                Some("step") => {
                    for name in IN_A_STEP {
                        let key = format!("{name} of step {step:>4}");
                        ran.facts.insert(key, plain(&event[name]));
                    }
                    ran.losses.insert(format!("step {step:>4}"), loss);
                    let rows = event["samples_per_second"].as_f64();
                    if let Some(rows) = rows.filter(|rows| *rows > 0.0) {
                        ran.seconds_a_row = 1.0 / rows;
                    }
                }
                Some("eval") => {
                    let key = format!("eval after step {step:>4}");
                    ran.losses.insert(key.clone(), loss);
                    ran.metrics.insert(key, plain(&event["metrics"]));
                }
                _ => {}
            }
        }
        if ran.losses.is_empty() || ran.logits.is_empty() {
            bail!("it took no step or answered nothing, so there is nothing to compare");
        }
        Ok(ran)
    }

    /// A run that went on from a checkpoint has the later steps only: those are compared.
    fn compare(&self, other: &Self) -> Found {
        let differing = |left: &BTreeMap<String, Value>, right: &BTreeMap<String, Value>| {
            let differs = right
                .iter()
                .filter(|(key, value)| left.get(*key) != Some(*value));
            differs.map(|(key, _)| key.clone()).collect()
        };
        let losses = other.losses.iter().map(|(key, loss)| {
            let wanted = self.losses.get(key).copied().unwrap_or(f64::NAN);
            (wanted - loss).abs()
        });
        let logits = self
            .logits
            .iter()
            .zip(&other.logits)
            .map(|(a, b)| (a - b).abs());
        Found {
            differing: differing(&self.facts, &other.facts),
            metrics: differing(&self.metrics, &other.metrics),
            losses: worst(losses),
            logits: match self.logits.len() == other.logits.len() {
                true => worst(logits),
                false => f64::INFINITY,
            },
            seconds_a_row: other.seconds_a_row,
        }
    }
}

/// A value with every number as a double, which is all that a browser has: it writes 1 for 1.0. Both
/// write the shortest digits that read back as the same bits.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(values) => values.iter().map(plain).collect(),
        Value::Object(values) => values
            .iter()
            .map(|(name, value)| (name.clone(), plain(value)))
            .collect(),
        other => other.clone(),
    }
}

/// The greatest, where no number is the greatest of all: it must not pass as equal.
fn worst(differences: impl Iterator<Item = f64>) -> f64 {
    differences.fold(0.0, |worst, difference| match difference.is_nan() {
        true => f64::INFINITY,
        false => worst.max(difference),
    })
}

impl Found {
    fn is_good(&self) -> bool {
        self.differing.is_empty()
            && self.metrics.is_empty()
            && self.losses <= TOLERANCE
            && self.logits <= TOLERANCE
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let same = |list: &[String]| match list {
            [] => "yes".to_owned(),
            list => format!("{} not", list.len()),
        };
        write!(
            f,
            "{:>10} {:>10} {:>9.1e} {:>9.1e} {:>9.3}",
            same(&self.differing),
            same(&self.metrics),
            self.losses,
            self.logits,
            self.seconds_a_row
        )?;
        for what in self.differing.iter().chain(&self.metrics).take(5) {
            write!(f, "\n           differs: {what}")?;
        }
        Ok(())
    }
}

fn lines(path: &Path) -> Result<Vec<Value>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}, line {}: no JSON", path.display(), index + 1))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn events(loss: Option<f64>, length: u64, accuracy: f64) -> Vec<Value> {
        vec![
            json!({"type": "dataset_ready", "splits": [{"name": "train", "digest": "ab"}], "labels": []}),
            json!({"type": "step", "step": 1, "loss": 0.7, "batch_length": 9}),
            json!({"type": "step", "step": 2, "loss": loss, "batch_length": length}),
            json!({"type": "eval", "step": 2, "loss": 0.5, "metrics": {"accuracy": accuracy}}),
        ]
    }

    fn ran(events: &[Value]) -> Ran {
        Ran::of(events, &[json!({"logits": [0.25, 0.5]})]).unwrap()
    }

    #[test]
    fn every_kind_of_difference_is_noticed() {
        let reference = ran(&events(Some(0.6), 12, 0.75));
        let mut as_a_browser_writes = events(Some(0.60001), 12, 1.0);
        as_a_browser_writes[3]["metrics"] = json!({"accuracy": 1});
        let reference_of_one = ran(&events(Some(0.6), 12, 1.0));
        let same = reference_of_one.compare(&ran(&as_a_browser_writes));
        assert!(same.is_good(), "{same}");
        for (other, what) in [
            (events(Some(0.61), 12, 0.75), "a loss"),
            (events(None, 12, 0.75), "a loss that is no number"),
            (events(Some(0.6), 13, 0.75), "padding"),
            (events(Some(0.6), 12, 0.76), "a metric"),
        ] {
            assert!(!reference.compare(&ran(&other)).is_good(), "{what}");
        }
        let mut other = events(Some(0.6), 12, 0.75);
        other[2]["batch_digest"] = json!("cd");
        assert!(!reference.compare(&ran(&other)).is_good(), "a batch");
        let mut other = ran(&events(Some(0.6), 12, 0.75));
        other.logits[1] = 0.51;
        assert!(!reference.compare(&other).is_good(), "a logit");
        other.logits.pop();
        assert!(!reference.compare(&other).is_good(), "a missing answer");
    }

    #[test]
    fn entities_are_compared_by_their_places_and_scores() {
        let of = |start: u64, score: f64| {
            let entity = json!({"entity_group": "LOC", "start": start, "end": 9, "score": score});
            Ran::of(
                &events(Some(0.6), 12, 0.75),
                &[json!({"entities": [entity]})],
            )
            .unwrap()
        };
        let reference = of(4, 0.75);
        assert!(reference.compare(&of(4, 0.750_01)).is_good());
        assert!(!reference.compare(&of(5, 0.75)).is_good(), "a place");
        assert!(!reference.compare(&of(4, 0.76)).is_good(), "a score");
    }

    #[test]
    fn a_run_that_went_on_is_compared_where_it_went_on() {
        let reference = ran(&events(Some(0.6), 12, 0.75));
        let mut later = events(Some(0.6), 12, 0.75);
        later.remove(1);
        assert!(reference.compare(&ran(&later)).is_good());
        assert!(
            Ran::of(&later[..1], &[json!({"logits": [0.5]})]).is_err(),
            "nothing to compare"
        );
    }
}

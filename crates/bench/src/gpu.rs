//! Everything that a GPU should be measured by, in one go and a limited time. Each part is a process of its own:
//! one that fails or takes too long is a row with the reason, and the others go on.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use crate::{DeviceArg, PRECISION};

#[derive(Parser, Clone)]
pub(crate) struct GpuArgs {
    /// The repository's folder of benches: shapes of models, and PyTorch's script.
    #[arg(long, default_value = "benches")]
    benches: PathBuf,
    /// A folder with config.json; may be given several times. MiniLM's and BERT-base's, if none is.
    #[arg(long)]
    model: Vec<PathBuf>,
    /// Rows of a batch and tokens of a row; may be given several times.
    #[arg(long, default_values = ["8x72", "32x72", "8x512", "32x512"])]
    shape: Vec<Shape>,
    /// Where to run.
    #[arg(long, value_enum, default_value = "gpu")]
    device: DeviceArg,
    /// The folder for gpu.json and gpu.md.
    #[arg(long, default_value = "bench-gpu")]
    output: PathBuf,
    /// A Python, whose PyTorch is measured beside where it has one.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Seconds in all.
    #[arg(long, default_value_t = 450)]
    seconds: u64,
    /// Seconds of a part at most.
    #[arg(long, default_value_t = 60)]
    part_seconds: u64,
    /// Steps of a part at most.
    #[arg(long, default_value_t = 20)]
    steps: usize,
}

/// A batch's rows and its tokens a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    batch: usize,
    seq: usize,
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('x').and_then(|(batch, seq)| {
            Some((batch.parse().ok()?, seq.parse().ok()?)).filter(|shape: &(usize, usize)| {
                // Of nothing there is nothing to measure.
                shape.0 > 0 && shape.1 > 0
            })
        });
        let (batch, seq) = parts.ok_or("write rows x tokens, such as 8x72")?;
        Ok(Self { batch, seq })
    }
}

/// Seconds for each of a step's two series; PyTorch's likewise.
const SERIES_SECONDS: &str = "4";

/// What a part runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Step,
    Torch,
    Tiles,
    Kernels,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Torch => "torch",
            Self::Tiles => "tiles",
            Self::Kernels => "kernels",
        }
    }
}

/// One thing to measure, and what came of it: JSON, a line each.
struct Part<'a> {
    subject: Subject,
    model: &'a Path,
    shape: Shape,
    seconds: f64,
    result: Result<Vec<Value>, String>,
}

impl Part<'_> {
    fn model_name(&self) -> String {
        let name = self.model.file_name().unwrap_or(self.model.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// As a person would name it.
    fn title(&self) -> String {
        let Shape { batch, seq } = self.shape;
        format!(
            "{} {} {batch} x {seq}",
            self.subject.name(),
            self.model_name()
        )
    }

    fn json(&self) -> Value {
        let mut part = json!({
            "part": self.subject.name(),
            "model": self.model_name(),
            "batch": self.shape.batch,
            "length": self.shape.seq,
            "seconds": (self.seconds * 10.0).round() / 10.0,
        });
        if self.subject != Subject::Torch {
            part["precision"] = json!(PRECISION);
        }
        match &self.result {
            Ok(lines) => part["results"] = json!(lines),
            Err(reason) => part["reason"] = json!(reason),
        }
        part
    }
}

/// Measures it all and writes both files.
///
/// # Errors
/// Where a file can't be written, or nothing at all could be measured.
pub(crate) fn measure(args: &GpuArgs) -> Result<()> {
    fs::create_dir_all(&args.output)
        .with_context(|| format!("can't make {}", args.output.display()))?;
    let started = Instant::now();
    let end = started + Duration::from_secs(args.seconds);
    let models = if args.model.is_empty() {
        ["minilm", "bert-base"]
            .map(|name| args.benches.join(name))
            .to_vec()
    } else {
        args.model.clone()
    };
    let program = std::env::current_exe().context("where this program lies")?;
    let torch = torch(args, end);
    let mut parts = Vec::new();
    for (subject, model, shape) in plan(&models, &args.shape) {
        let limit = Duration::from_secs(args.part_seconds).min(end - Instant::now().min(end));
        let begun = Instant::now();
        let result = match (subject, &torch) {
            (Subject::Torch, Err(reason)) => Err(reason.clone()),
            (Subject::Torch, Ok(_)) => {
                let script = args.benches.join("torch_step.py");
                let command = Command::new(&args.python);
                let first = [script.into_os_string()];
                lines(
                    command,
                    first.into_iter().chain(options(args, model, shape)),
                    limit,
                )
            }
            _ => {
                let first = [OsString::from(subject.name())];
                let ours = ["--json", "--no-stock"].map(OsString::from);
                let all = first
                    .into_iter()
                    .chain(options(args, model, shape))
                    .chain(ours);
                lines(Command::new(&program), all, limit)
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        let part = Part {
            subject,
            model,
            shape,
            seconds,
            result,
        };
        eprintln!(
            "{}: {}",
            part.title(),
            match &part.result {
                Ok(_) => format!("{seconds:.1} s"),
                Err(reason) => reason.clone(),
            }
        );
        parts.push(part);
        // After each part: what was measured stays, whatever happens to those to come.
        write(args, &parts, &torch, started)?;
    }
    ensure!(
        parts.iter().any(|part| part.result.is_ok()),
        "nothing could be measured: {} has the reasons",
        args.output.join("gpu.md").display()
    );
    println!("{}", args.output.join("gpu.md").display());
    Ok(())
}

/// What to measure, what matters most first: time may run out.
fn plan<'a>(models: &'a [PathBuf], shapes: &[Shape]) -> Vec<(Subject, &'a Path, Shape)> {
    let mut ends = vec![shapes[0], shapes[shapes.len() - 1]];
    ends.dedup();
    let subjects = [
        (Subject::Step, shapes),
        (Subject::Torch, shapes),
        (Subject::Tiles, &ends),
        (Subject::Kernels, &ends),
    ];
    let each = subjects.into_iter().flat_map(|(subject, shapes)| {
        models.iter().flat_map(move |model| {
            shapes
                .iter()
                .map(move |shape| (subject, model.as_path(), *shape))
        })
    });
    each.collect()
}

/// The options that our own measurements and PyTorch's share.
fn options(args: &GpuArgs, model: &Path, shape: Shape) -> Vec<OsString> {
    let device = args.device.to_possible_value();
    let device = device.map_or_else(String::new, |value| value.get_name().to_owned());
    let named = [
        ("--batch", shape.batch.to_string()),
        ("--seq", shape.seq.to_string()),
        ("--steps", args.steps.to_string()),
        ("--seconds", SERIES_SECONDS.to_owned()),
        ("--device", device),
    ];
    let mut all = vec!["--model".into(), model.into()];
    all.extend(
        named
            .into_iter()
            .flat_map(|(name, value)| [name.into(), value.into()]),
    );
    all
}

/// PyTorch's version, or why there is none to measure.
fn torch(args: &GpuArgs, end: Instant) -> Result<String, String> {
    let asks = "import json, torch, transformers; print(json.dumps(torch.__version__))";
    let limit = Duration::from_secs(args.part_seconds).min(end - Instant::now().min(end));
    let told = lines(Command::new(&args.python), ["-c", asks], limit);
    let told = told.map_err(|reason| {
        format!(
            "no PyTorch with transformers in {}: {reason}",
            args.python.display()
        )
    })?;
    let version = told.last().and_then(Value::as_str).unwrap_or_default();
    Ok(version.to_owned())
}

/// Runs a command for so long at most and reads the JSON that it prints, a line each.
fn lines<S: AsRef<std::ffi::OsStr>>(
    mut command: Command,
    arguments: impl IntoIterator<Item = S>,
    limit: Duration,
) -> Result<Vec<Value>, String> {
    if limit.is_zero() {
        return Err("no time was left".to_owned());
    }
    let program = command.get_program().to_string_lossy().into_owned();
    let child = command
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("can't start {program}: {error}"))?;
    // Read beside it, so that it never waits for room.
    let [out, err] = [
        child
            .stdout
            .take()
            .map(|pipe| thread::spawn(move || all_of(pipe))),
        child
            .stderr
            .take()
            .map(|pipe| thread::spawn(move || all_of(pipe))),
    ];
    let ended = wait(&mut child, limit);
    let [out, err] =
        [out, err].map(|reader| reader.and_then(|it| it.join().ok()).unwrap_or_default());
    match ended {
        Ok(true) => {}
        Ok(false) => return Err(format!("took longer than {:.0} s", limit.as_secs_f64())),
        Err(error) => return Err(format!("lost {program}: {error}")),
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("{status}: {}", said(&err)));
    }
    let found: Vec<Value> = out
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    if found.is_empty() {
        return Err("it printed no numbers".to_owned());
    }
    Ok(found)
}

/// The line of what a program said that tells most.
fn said(all: &str) -> &str {
    let mut lines = all
        .lines()
        .map(str::trim)
        // Behind a panic's message.
        .filter(|line| !line.is_empty() && !line.starts_with("note: "));
    let last = lines.clone().next_back();
    let error = lines.find(|line| line.starts_with("Error: "));
    error.or(last).unwrap_or("it said nothing")
}

fn all_of(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    // What could be read until then is of use too.
    let _ = pipe.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether it ended in time; it is ended otherwise.
fn wait(child: &mut Child, limit: Duration) -> io::Result<bool> {
    const OFTEN: Duration = Duration::from_millis(20);
    let begun = Instant::now();
    while child.try_wait()?.is_none() {
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        thread::sleep(OFTEN);
    }
    Ok(true)
}

fn write(
    args: &GpuArgs,
    parts: &[Part<'_>],
    torch: &Result<String, String>,
    started: Instant,
) -> Result<()> {
    let mut head = json!({
        "program": concat!("tunesmith ", env!("CARGO_PKG_VERSION")),
        "torch": torch.as_ref().unwrap_or_else(|reason| reason),
        "seconds": started.elapsed().as_secs(),
    });
    let step = parts
        .iter()
        .find_map(|part| match (part.subject, &part.result) {
            (Subject::Step, Ok(lines)) => lines.first(),
            _ => None,
        });
    for name in ["device", "backend", "driver"] {
        head[name] = step.map_or(Value::Null, |step| step[name].clone());
    }
    let table = table(&head, parts);
    head["parts"] = parts.iter().map(Part::json).collect();
    let text = serde_json::to_string_pretty(&head)? + "\n";
    for (name, text) in [("gpu.json", text), ("gpu.md", table)] {
        let path = args.output.join(name);
        fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
    }
    Ok(())
}

/// A value as a table's cell.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

/// A text that stays within its cell.
fn escaped(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").replace('|', "\\|")
}

fn table(head: &Value, parts: &[Part<'_>]) -> String {
    let mut text = String::from("# A GPU, measured\n\n");
    let facts = ["device", "backend", "driver", "program", "torch", "seconds"];
    for name in facts {
        let _ = writeln!(text, "- {name}: {}", cell(&head[name]));
    }
    text += "\n## Steps\n\nMilliseconds of a training step, medians; PyTorch's in each of its precisions.\n\n";
    let columns = [
        "step_ms",
        "forward_ms",
        "backward_ms",
        "optimizer_ms",
        "host_ms",
    ];
    let more = ["first_step_s", "dispatches", "memory_mb", "steps"];
    let _ = writeln!(
        text,
        "| model | batch | precision | {} | {} | PyTorch |\n|{}",
        columns.join(" | "),
        more.join(" | "),
        "---|".repeat(4 + columns.len() + more.len())
    );
    for part in parts.iter().filter(|part| part.subject == Subject::Step) {
        let Shape { batch, seq } = part.shape;
        let _ = write!(
            text,
            "| {} | {batch} x {seq} | {PRECISION} |",
            part.model_name()
        );
        let row = match &part.result {
            Ok(lines) => lines.first().map(|line| &line["rows"][0]),
            Err(_) => None,
        };
        for name in columns.iter().chain(&more) {
            let _ = write!(
                text,
                " {} |",
                row.map_or("-".to_owned(), |row| cell(&row[*name]))
            );
        }
        let beside = parts.iter().find(|other| {
            other.subject == Subject::Torch
                && (other.model, other.shape) == (part.model, part.shape)
        });
        let beside = beside.and_then(|other| other.result.as_ref().ok());
        let times: Vec<_> = beside
            .into_iter()
            .flatten()
            .map(|line| format!("{} {}", cell(&line["step_ms"]), cell(&line["dtype"])))
            .collect();
        let _ = writeln!(
            text,
            " {} |",
            if times.is_empty() {
                "-".to_owned()
            } else {
                times.join("; ")
            }
        );
    }
    for subject in [Subject::Tiles, Subject::Kernels] {
        for part in parts.iter().filter(|part| part.subject == subject) {
            let Ok(lines) = &part.result else { continue };
            let _ = writeln!(text, "\n## {}\n", escaped(&part.title()));
            for line in lines {
                rows(&mut text, line);
            }
        }
    }
    let failed: Vec<_> = parts
        .iter()
        .filter_map(|part| Some((part, part.result.as_ref().err()?)))
        .collect();
    if !failed.is_empty() {
        text += "\n## Not measured\n\n| part | reason |\n|---|---|\n";
    }
    for (part, reason) in failed {
        let _ = writeln!(text, "| {} | {} |", escaped(&part.title()), escaped(reason));
    }
    text
}

/// A report of kernels or tiles.
fn rows(text: &mut String, report: &Value) {
    let columns = [
        "first_ms", "ms", "gflops", "gbytes", "count", "limit_ms", "step_ms",
    ];
    let all = report["rows"].as_array().into_iter().flatten();
    let used: Vec<_> = columns
        .into_iter()
        .filter(|column| all.clone().any(|row| !row[*column].is_null()))
        .collect();
    let _ = writeln!(
        text,
        "| | {} |\n|---|{}",
        used.join(" | "),
        "---|".repeat(used.len())
    );
    for row in all {
        let cells: Vec<_> = used.iter().map(|column| cell(&row[*column])).collect();
        let name = row["name"].as_str().unwrap_or_default();
        let _ = writeln!(text, "| {} | {} |", escaped(name), cells.join(" | "));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_shape_is_rows_and_tokens() {
        assert_eq!("8x72".parse(), Ok(Shape { batch: 8, seq: 72 }));
        for wrong in ["8", "x72", "8x", "0x5", "8x0", "8x72x3", "-1x5"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn steps_come_first_and_one_shape_is_not_measured_twice() {
        let models = [PathBuf::from("a")];
        let shape = Shape { batch: 1, seq: 2 };
        let subjects: Vec<_> = plan(&models, &[shape]).iter().map(|part| part.0).collect();
        assert_eq!(
            subjects,
            [
                Subject::Step,
                Subject::Torch,
                Subject::Tiles,
                Subject::Kernels
            ]
        );
        assert_eq!(plan(&models, &[shape, Shape { batch: 3, seq: 4 }]).len(), 8);
    }

    #[test]
    #[cfg(unix)]
    fn a_part_that_hangs_fails_or_says_nothing_has_a_reason() {
        let run = |script: &str| {
            let shell = Command::new("sh");
            lines(shell, ["-c", script], Duration::from_millis(500))
        };
        assert_eq!(
            run("echo noise; echo '{\"a\": 1}'"),
            Ok(vec![json!({ "a": 1 })])
        );
        assert_eq!(run("exec sleep 60").unwrap_err(), "took longer than 0 s");
        let panic = "thread 'main' panicked at a.rs:1:\nwhy\nnote: run with";
        assert_eq!(said(panic), "why");
        assert_eq!(said("Error: why\n\nCaused by:\n    how\n"), "Error: why");
        let reason = run("echo why >&2; exit 3").unwrap_err();
        assert!(
            reason.ends_with(": why") && reason.contains('3'),
            "{reason}"
        );
        assert_eq!(run("echo noise").unwrap_err(), "it printed no numbers");
        let reason = lines(
            Command::new("no-such-program"),
            ["x"],
            Duration::from_secs(1),
        );
        assert!(
            reason
                .unwrap_err()
                .starts_with("can't start no-such-program")
        );
        let reason = lines(Command::new("sh"), ["x"], Duration::ZERO);
        assert_eq!(reason.unwrap_err(), "no time was left");
    }
}

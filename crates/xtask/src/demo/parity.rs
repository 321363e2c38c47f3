//! The same first steps on the CPU and through wgpu: the losses must agree.
//!
//! It is the product's promise in small, so a newcomer sees it kept on their own machine. Dropout is
//! off so that nothing but arithmetic differs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::{Task, empty};
use crate::setup::vulkan;

/// Steps to compare: enough that a wrong gradient shows in the losses after the first.
const STEPS: &str = "5";

/// How far two losses may be apart: float32 sums of another order differ by some 1e-6 here, a wrong
/// kernel by far more.
const TOLERANCE: f64 = 1e-4;

/// Trains the first steps twice, prints the losses side by side, and says in a sentence how it went.
/// `events` is the log of the run that chose the device.
///
/// # Errors
/// When a run fails or losses differ by more than [`TOLERANCE`]. A machine on which no adapter can be
/// installed is no error: the sentence says what to install.
pub fn check(task: &Task, tunesmith: &Path, events: &Path, out: &Path) -> Result<String> {
    let gpu = match device_kind(&read(events)?)?.as_str() {
        "cpu" | "software_gpu" => {
            println!("No GPU was used, so software Vulkan stands in for one: slow, same code.");
            if let Err(error) = vulkan::software() {
                println!("Left out: {error:#}");
                return Ok("The check against the GPU's path was left out: see above.".to_owned());
            }
            "software-gpu"
        }
        _ => "gpu",
    };
    let out = empty(out)?;
    let mut losses = Vec::new();
    for device in ["cpu", gpu] {
        let log = out.join(format!("{device}.jsonl"));
        task.train(tunesmith)
            .args(["--device", device, "--max_steps", STEPS])
            .args(["--hidden_dropout_prob", "0"])
            .args(["--attention_probs_dropout_prob", "0"])
            .args(["--classifier_dropout", "0"])
            .args(["--eval_strategy", "no", "--save_strategy", "no"])
            .arg("--output_dir")
            .arg(out.join(device))
            .arg("--events")
            .arg(&log)
            .run()?;
        losses.push(step_losses(&read(&log)?));
    }
    let (table, worst) = compare(gpu, &losses[0], &losses[1])?;
    println!("{table}");
    if worst > TOLERANCE {
        bail!(
            "the losses on cpu and {gpu} differ by {worst:.1e}, more than {TOLERANCE:.0e}: one of the \
             two computes wrongly here; please report it with the output of `tunesmith doctor`"
        );
    }
    Ok(format!("cpu and {gpu} agree to {TOLERANCE:.0e}."))
}

fn read(log: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(log).with_context(|| format!("can't read {}", log.display()))?;
    text.lines()
        .enumerate()
        .map(|(index, line)| {
            serde_json::from_str(line)
                .with_context(|| format!("{}, line {}: no event", log.display(), index + 1))
        })
        .collect()
}

/// The kind of device that the run named when it started.
fn device_kind(events: &[Value]) -> Result<String> {
    events
        .iter()
        .find(|event| event["type"] == "run_started")
        .and_then(|event| event["device"]["kind"].as_str())
        .map(str::to_owned)
        .context("the run's events name no device")
}

/// The loss of each step, in order.
fn step_losses(events: &[Value]) -> Vec<f64> {
    events
        .iter()
        .filter(|event| event["type"] == "step")
        .map(|event| event["loss"].as_f64().unwrap_or(f64::NAN))
        .collect()
}

/// The losses side by side, and the greatest difference.
fn compare(gpu: &str, left: &[f64], right: &[f64]) -> Result<(String, f64)> {
    if left.is_empty() || left.len() != right.len() {
        bail!(
            "{} steps on cpu and {} on {gpu}: nothing to compare",
            left.len(),
            right.len()
        );
    }
    let mut table = format!("{:>4} {:>12} {gpu:>12} {:>12}", "step", "cpu", "difference");
    let mut worst = 0.0_f64;
    for (index, (a, b)) in left.iter().zip(right).enumerate() {
        let difference = (a - b).abs();
        // A loss that is no number must not pass as equal; `max` would drop it.
        worst = if difference.is_nan() {
            f64::INFINITY
        } else {
            worst.max(difference)
        };
        write!(
            table,
            "\n{:>4} {a:>12.6} {b:>12.6} {difference:>12.1e}",
            index + 1
        )?;
    }
    Ok((table, worst))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use serde_json::json;

    #[test]
    fn losses_and_device_come_from_the_event_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("events.jsonl");
        fs::write(
            &log,
            concat!(
                r#"{"version":1,"seq":0,"type":"run_started","device":{"name":"CPU","backend":"flex","kind":"cpu"}}"#,
                "\n",
                r#"{"version":1,"seq":1,"type":"step","step":1,"loss":0.7}"#,
                "\n",
                r#"{"version":1,"seq":2,"type":"log","loss":9.0}"#,
                "\n",
                r#"{"version":1,"seq":3,"type":"step","step":2,"loss":0.6}"#,
                "\n",
            ),
        )
        .unwrap();
        let events = read(&log).unwrap();
        assert_eq!(device_kind(&events).unwrap(), "cpu");
        assert_eq!(step_losses(&events), [0.7, 0.6]);
        fs::write(&log, "{}\nnot json\n").unwrap();
        assert!(format!("{:#}", read(&log).unwrap_err()).contains("line 2"));
    }

    #[test]
    fn a_difference_a_missing_step_or_no_number_is_noticed() {
        let (table, worst) = compare("gpu", &[0.7, 0.6], &[0.7, 0.6002]).unwrap();
        assert!(worst > TOLERANCE);
        assert!(table.lines().nth(2).unwrap().ends_with("2.0e-4"), "{table}");
        assert!(compare("gpu", &[0.7, 0.6], &[0.7, 0.60001]).unwrap().1 <= TOLERANCE);
        let nan = step_losses(&[json!({"type": "step", "loss": null})]);
        assert!(compare("gpu", &nan, &[0.7]).unwrap().1 > TOLERANCE);
        assert!(
            compare("gpu", &[0.7, f64::NAN, 0.5], &[0.7, 0.6, 0.5])
                .unwrap()
                .1
                > TOLERANCE
        );
        assert!(compare("gpu", &[0.7], &[]).is_err());
    }
}

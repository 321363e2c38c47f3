//! Which device is the fastest here: a few steps of a small model on each, since neither a name nor
//! a limit tells. It has MiniLM's width, so that the devices stand to each other as in real work.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use tunesmith::kernels::{Adapter, AdapterKind, ComputeDevice};
use tunesmith::model::{Inputs, Mode, Model, Targets};
use tunesmith::train::AdamW;

use super::memory::shape;
use crate::output;

const LAYERS: usize = 2;
const VOCABULARY: usize = 1000;
const ROWS: usize = 8;
const TOKENS: usize = 64;
/// After the first, which compiles.
const STEPS: usize = 5;

/// Measures every device and prints what to use.
///
/// # Errors
/// When standard output can't be written; a device that fails is told and left out.
pub fn report(adapters: &[Adapter]) -> Result<()> {
    output::line(format!(
        "Speed: a training step of a small model ({LAYERS} layers of width 384, {ROWS} rows x {TOKENS} tokens)"
    ))?;
    let cpu = time("CPU", "--device cpu", || {
        Ok(ComputeDevice::cpu("measured by doctor"))
    })?;
    let mut fastest = cpu.map(|seconds| (seconds, "CPU", "--device cpu"));
    // One of each kind: `--device` can't choose among several of a kind either.
    let software = |adapter: &&Adapter| adapter.kind == AdapterKind::Software;
    let kinds = [
        (
            adapters.iter().find(|adapter| !software(adapter)),
            "--device gpu",
        ),
        (adapters.iter().find(software), "--device software-gpu"),
    ];
    for (adapter, flag) in kinds {
        let Some(adapter) = adapter else { continue };
        let open = || Ok(pollster::block_on(adapter.open("measured by doctor"))?);
        let seconds = time(&adapter.name, flag, open)?;
        if let Some(seconds) = seconds
            && fastest.is_none_or(|(best, ..)| seconds < best)
        {
            fastest = Some((seconds, &adapter.name, flag));
        }
    }
    match fastest {
        Some((_, name, flag)) => output::line(format!("  {name} is the fastest here: {flag}")),
        None => output::line("  no device could take a step"),
    }
}

fn time(
    name: &str,
    flag: &str,
    open: impl FnOnce() -> Result<ComputeDevice>,
) -> Result<Option<f64>> {
    let started = Instant::now();
    match open().and_then(|device| steps(&device, started)) {
        Ok((first, step)) => {
            output::line(format!(
                "  {name} ({flag}): {:.0} ms a step; the first ended {first:.1} s after opening",
                step * 1e3
            ))?;
            Ok(Some(step))
        }
        Err(error) => {
            output::line(format!("  {name} ({flag}): {error:#}"))?;
            Ok(None)
        }
    }
}

/// Seconds to the end of the first step, and of the fastest step after it.
fn steps(device: &ComputeDevice, started: Instant) -> Result<(f64, f64)> {
    let mut model = Model::from_config(shape(LAYERS, VOCABULARY)?, 42, device)?;
    let mut optimizer = AdamW::new(&model, [0.9, 0.999], 1e-8, 0.0, 1.0);
    let inputs = Inputs {
        batch: ROWS,
        seq: TOKENS,
        input_ids: (0..ROWS * TOKENS)
            .map(|i| (i * 31 % VOCABULARY) as u32)
            .collect(),
        token_type_ids: None,
        lengths: vec![TOKENS as u32; ROWS],
        pad_left: false,
    };
    let targets = Targets::Classes((0..ROWS as u32).map(|row| row % 2).collect());
    let mut step = |step: u32| -> Result<()> {
        let mode = Mode::Train {
            seed: 42,
            step,
            first_row: 0,
        };
        let output = model.forward(&inputs, Some(&targets), &mode)?;
        model.backward(output);
        let norm = optimizer.step(&mut model, 5e-5).values();
        let norm = pollster::block_on(norm.into_data_async()).context("the gradient norm")?;
        // Reading a weight waits for its update, the last thing that a step asks for.
        if let Some(weight) = model.parameters.iter().last() {
            for value in model.parameters.value(weight) {
                pollster::block_on(value.into_data_async()).context("a weight")?;
            }
        }
        if !norm.iter::<f32>().all(f32::is_finite) {
            bail!("the gradient norm is not finite: this driver computes wrongly");
        }
        match device.failure() {
            Some(message) => bail!("{message}"),
            None => Ok(()),
        }
    };
    step(0)?;
    let first = started.elapsed().as_secs_f64();
    let mut best = f64::INFINITY;
    for i in 1..=STEPS {
        let start = Instant::now();
        step(i as u32)?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok((first, best))
}

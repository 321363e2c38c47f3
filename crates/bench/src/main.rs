//! Measures a training step, beside stock burn in the same run.
//!
//! A binary of its own, so that the product doesn't carry the model that it is compared with.

mod checkpoint;
mod gpu;
mod kernels;
mod ours;
#[cfg(feature = "stock")]
mod stock;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use burn::tensor::Device;
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};
use tunesmith_kernels::{Adapter, AdapterKind, ComputeDevice, DeviceChoice, adapters, open_device};
use tunesmith_model::{AutoConfig, Inputs, ModelConfig, Targets};

/// What `cargo xtask bench` runs.
#[derive(Parser)]
enum Cli {
    /// Time per training step, in phases, with dispatches and memory.
    Step(StepArgs),
    /// Time per kernel at the shapes of a model's layer: the first launch and the median.
    Kernels(StepArgs),
    /// Time per tile of the matrix product at the shapes of a model's widest layer, and of burn's product: what
    /// the choice of tiles is made from.
    Tiles(StepArgs),
    /// All of these for several models and batches, each for a limited time, and PyTorch's steps beside: writes
    /// a table and a file of JSON.
    Gpu(gpu::GpuArgs),
    /// Writes a checkpoint of any family with drawn weights, and the tokenizer of another.
    Checkpoint(checkpoint::CheckpointArgs),
}

#[derive(Parser, Clone)]
struct StepArgs {
    /// A directory with config.json and model.safetensors; random weights of its shape where the
    /// second is missing.
    #[arg(long)]
    model: PathBuf,
    /// Rows of a batch.
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// Tokens of a row.
    #[arg(long, default_value_t = 72)]
    seq: usize,
    /// Words that the rows have, of which alone there are gradients and moments; all of the vocabulary, if it
    /// isn't given.
    #[arg(long)]
    words: Option<u32>,
    /// Keeps of each layer its input, and computes the rest again.
    #[arg(long)]
    gradient_checkpointing: bool,
    /// Stores activations as halves.
    #[arg(long)]
    fp16: bool,
    /// Steps measured after the first.
    #[arg(long, default_value_t = 20)]
    steps: usize,
    /// Ends after so many seconds, with three steps at least.
    #[arg(long)]
    seconds: Option<f64>,
    /// Where to run.
    #[arg(long, value_enum, default_value = "cpu")]
    device: DeviceArg,
    /// Opens the adapter with WebGPU's default limits, as a browser might: bindings of 128 MiB.
    #[arg(long)]
    default_limits: bool,
    /// Leaves out burn's own modules and optimizer, which on a software renderer compile for minutes.
    #[arg(long)]
    no_stock: bool,
    /// Prints one JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

impl StepArgs {
    /// Whether another step is measured after so many.
    fn goes_on(&self, done: usize, begun: Instant) -> bool {
        const LEAST: usize = 3;
        let in_time = self
            .seconds
            .is_none_or(|most| begun.elapsed().as_secs_f64() < most);
        done < self.steps && (done < LEAST || in_time)
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum DeviceArg {
    Auto,
    Gpu,
    Cpu,
    SoftwareGpu,
}

/// What a contender takes for one step, in seconds.
struct Phases {
    forward: f64,
    backward: f64,
    optimizer: f64,
    /// The batch's, where it is read anyway.
    loss: Option<f32>,
}

/// A way to take a training step, to be timed.
trait Contender {
    fn name(&self) -> &'static str;

    /// One step; waits for the device after every phase where `apart`, at the end otherwise.
    fn step(&mut self, apart: bool) -> Result<Phases>;
}

/// What numbers are kept and computed in.
const PRECISION: &str = "f32";

fn main() -> Result<()> {
    tunesmith_allocator::keep_freed_memory();
    let cli = Cli::parse();
    let args = match &cli {
        Cli::Checkpoint(args) => return checkpoint::write(args),
        Cli::Gpu(args) => return gpu::measure(args),
        Cli::Step(args) | Cli::Kernels(args) | Cli::Tiles(args) => args,
    };
    let config = AutoConfig::from_pretrained(&args.model)?;
    let started = Instant::now();
    let device = open(args)?;
    let table = match &cli {
        Cli::Kernels(args) => Some(kernels::measure(args, &config, &device)?),
        Cli::Tiles(args) => Some(kernels::tiles(args, &config, &device)?),
        Cli::Step(_) | Cli::Gpu(_) | Cli::Checkpoint(_) => None,
    };
    if let Some(message) = device.failure() {
        anyhow::bail!("{}: {message}", device.name);
    }
    if let Some(table) = table {
        if args.json {
            println!("{table}");
        } else {
            kernels::print(&table);
        }
        return Ok(());
    }
    let mut rows = vec![measure(
        &mut ours::Ours::new(args, config.clone(), &device)?,
        args,
        &device,
        started,
    )?];
    if device.kind.is_some() {
        rows[0]["host_ms"] = host(args, &config)?;
    }
    if !args.no_stock {
        rows.push(stock(args, &config)?);
    }
    let report = json!({
        "device": device.name, "backend": device.backend, "driver": device.driver,
        "batch": args.batch, "seq": args.seq, "steps": args.steps, "rows": rows,
    });
    if args.json {
        println!("{report}");
    } else {
        print(&report);
    }
    Ok(())
}

/// A device of its own each time.
fn open(args: &StepArgs) -> Result<ComputeDevice> {
    let choice = match args.device {
        DeviceArg::Auto => DeviceChoice::Auto,
        DeviceArg::Gpu => DeviceChoice::Gpu,
        DeviceArg::Cpu => DeviceChoice::Cpu,
        DeviceArg::SoftwareGpu => DeviceChoice::SoftwareGpu,
    };
    let opened = pollster::block_on(async {
        if !args.default_limits {
            return open_device(choice).await.map(Some);
        }
        let software = matches!(args.device, DeviceArg::SoftwareGpu);
        let mut all = adapters().await.into_iter();
        match all.find(|one| (one.kind == AdapterKind::Software) == software) {
            Some(one) => one.open_with_webgpu_defaults("measured").await.map(Some),
            None => Ok(None),
        }
    });
    opened?.context("no adapter to open with WebGPU's default limits: name another with --device")
}

/// Burn's own modules, on a device of their own, so that neither finds the other's kernels or memory.
#[cfg(feature = "stock")]
fn stock(args: &StepArgs, config: &ModelConfig) -> Result<Value> {
    let started = Instant::now();
    let device = open(args)?;
    let mut stock = stock::Stock::new(args, config, &device)?;
    measure(&mut stock, args, &device, started)
}

#[cfg(not(feature = "stock"))]
fn stock(_: &StepArgs, _: &ModelConfig) -> Result<Value> {
    anyhow::bail!(
        "this build leaves out stock burn: measure it with `cargo xtask bench step`, or add --no-stock"
    )
}

fn measure(
    contender: &mut dyn Contender,
    args: &StepArgs,
    device: &ComputeDevice,
    started: Instant,
) -> Result<Value> {
    let first_loss = contender.step(false)?.loss;
    let first = started.elapsed().as_secs_f64();
    // The second step still compiles what only a non-zero state needs.
    contender.step(false)?;
    let before = tunesmith_kernels::dispatches();
    let mut whole = Vec::with_capacity(args.steps);
    let begun = Instant::now();
    while args.goes_on(whole.len(), begun) {
        let start = Instant::now();
        contender.step(false)?;
        whole.push(start.elapsed().as_secs_f64());
    }
    let dispatches = (tunesmith_kernels::dispatches() - before) / whole.len().max(1) as u64;
    let mut phases = Vec::with_capacity(args.steps);
    let begun = Instant::now();
    while args.goes_on(phases.len(), begun) {
        phases.push(contender.step(true)?);
    }
    // What the driver refused is told apart from the call that asked for it.
    if let Some(message) = device.failure() {
        anyhow::bail!("{}: {message}", device.name);
    }
    let phase = |get: fn(&Phases) -> f64| milliseconds(median(phases.iter().map(get).collect()));
    Ok(json!({
        "name": contender.name(),
        "steps": whole.len(),
        "precision": PRECISION,
        "first_step_s": (first * 100.0).round() / 100.0,
        "step_ms": milliseconds(median(whole)),
        "forward_ms": phase(|p| p.forward),
        "backward_ms": phase(|p| p.backward),
        "optimizer_ms": phase(|p| p.optimizer),
        "first_loss": first_loss.map(loss),
        "last_loss": phases.last().and_then(|phases| phases.loss).map(loss),
        "dispatches": if contender.name() == "tunesmith" { json!(dispatches) } else { Value::Null },
        "memory_mb": memory(&device.device).map(|bytes| bytes / 1_000_000),
    }))
}

/// Milliseconds of a step with the GPU's work taken out: on wgpu's device that does nothing, from where the
/// host begins to describe a step to where its numbers are back.
fn host(args: &StepArgs, config: &ModelConfig) -> Result<Value> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: wgpu::Backends::NOOP,
        backend_options: wgpu::BackendOptions {
            noop: wgpu::NoopBackendOptions::enabled(),
            ..wgpu::BackendOptions::default()
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let adapter =
        pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions::default()))
            .context("wgpu's device that does nothing")?;
    let device =
        pollster::block_on(Adapter::from(adapter).open_with_webgpu_defaults("to time the host"))?;
    let mut ours = ours::Ours::new(args, config.clone(), &device)?;
    let mut times = Vec::with_capacity(args.steps);
    for _ in 0..args.steps + 2 {
        let start = Instant::now();
        ours.step(false)?;
        times.push(start.elapsed().as_secs_f64());
    }
    Ok(json!(milliseconds(median(times.split_off(2)))))
}

/// What the device's pools hold, or on the CPU what the process peaked at.
fn memory(device: &Device) -> Option<u64> {
    if let Some(usage) = device
        .memory_pool_usage()
        .filter(|usage| usage.bytes_reserved > 0)
    {
        return Some(usage.bytes_reserved);
    }
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// To four places.
fn loss(loss: f32) -> f64 {
    (f64::from(loss) * 1e4).round() / 1e4
}

fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e4).round() / 10.0
}

fn print(report: &Value) {
    println!(
        "batch {} x {} on {} ({}), medians of {} steps",
        report["batch"], report["seq"], report["device"], report["backend"], report["steps"]
    );
    let columns = [
        "name",
        "first_step_s",
        "step_ms",
        "forward_ms",
        "backward_ms",
        "optimizer_ms",
        "dispatches",
        "host_ms",
        "memory_mb",
        "first_loss",
        "last_loss",
    ];
    println!("{}", columns.map(|c| format!("{c:>13}")).join(""));
    for row in report["rows"].as_array().into_iter().flatten() {
        let cell = |c: &str| match &row[c] {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        println!("{}", columns.map(|c| format!("{:>13}", cell(c))).join(""));
    }
}

/// A batch of made-up ids in which every row but the first is a little shorter than `seq`.
fn batch(args: &StepArgs, config: &ModelConfig) -> Result<(Inputs, Targets)> {
    let (batch, seq) = (args.batch, args.seq);
    let vocabulary = u32::try_from(config.spec().vocabulary()).context("vocab_size")?;
    let vocabulary = args
        .words
        .map_or(vocabulary, |words| words.clamp(2, vocabulary));
    let ids =
        (0..batch * seq).map(|i| 1 + (i as u32).wrapping_mul(2_654_435_761) % (vocabulary - 1));
    let types = (0..batch * seq).map(|i| u32::from(i % seq > seq / 2));
    let inputs = Inputs {
        batch,
        seq,
        input_ids: ids.collect(),
        token_type_ids: (config.spec().takes_token_types()).then(|| types.collect()),
        lengths: (0..batch)
            .map(|row| (seq - row.min(seq / 2)) as u32)
            .collect(),
        pad_left: false,
    };
    Ok((
        inputs,
        Targets::Classes((0..batch as u32).map(|row| row % 2).collect()),
    ))
}

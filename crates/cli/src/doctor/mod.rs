//! `tunesmith doctor`: which devices this machine has, which one a run would take and why, whether a
//! model fits, and which device is the fastest here. It is the first thing to ask for in a report.

mod measure;
mod memory;

use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Args;
use tunesmith::kernels::{Adapter, AdapterKind, DeviceChoice, adapters, open_device};
use tunesmith::model::AutoConfig;
use tunesmith::train::frozen;
use tunesmith_protocol::{Layers, TrainingArguments};
use tunesmith_session::MemoryEstimate;

use crate::output::{self, megabytes};

/// List the devices: which one is used and why, how fast each is, and whether a model fits.
#[derive(Args)]
pub struct DoctorArgs {
    /// Folder of the model to estimate memory for. Default: the size of all-MiniLM-L6-v2.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Rows per batch.
    #[arg(long = "batch-size", value_name = "N", default_value_t = 8, value_parser = positive)]
    batch_size: usize,
    /// Tokens per row.
    #[arg(long = "max-seq-length", value_name = "N", default_value_t = 128, value_parser = positive)]
    max_seq_length: usize,
    /// For training the head alone.
    #[arg(long = "train_head_only", alias = "train-head-only")]
    train_head_only: bool,
    /// For leaving the embeddings as they are.
    #[arg(long = "freeze_embeddings", alias = "freeze-embeddings")]
    freeze_embeddings: bool,
    /// For leaving these layers as they are: 0-5, or 0,1,3-5.
    #[arg(long = "freeze_layers", alias = "freeze-layers", value_name = "LAYERS")]
    freeze_layers: Option<Layers>,
    /// Don't measure speed.
    #[arg(long = "no-measure")]
    no_measure: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| "give a whole number of 1 or more".to_owned())
}

/// Prints the report.
///
/// # Errors
/// When the model's configuration can't be read.
pub fn run(args: &DoctorArgs) -> Result<()> {
    let adapters = pollster::block_on(adapters());
    output::line(format!("tunesmith {}\n", env!("CARGO_PKG_VERSION")))?;
    output::line("Adapters, by the numbers that --devices takes")?;
    if adapters.is_empty() {
        output::line(
            "  none: no graphics driver was found. Training runs on the CPU; on Debian/Ubuntu \
             `apt-get install mesa-vulkan-drivers` gives a software adapter",
        )?;
    }
    for (number, adapter) in adapters.iter().enumerate() {
        output::line(describe(number, adapter))?;
    }
    output::line("  --fp16 works on every adapter, and on the CPU")?;
    let chosen = pollster::block_on(open_device(DeviceChoice::Auto))?;
    output::line(format!(
        "\n--device auto takes {} ({}): {}",
        chosen.name, chosen.backend, chosen.reason
    ))?;

    let (name, mut config) = match &args.model {
        Some(dir) => (dir.display().to_string(), AutoConfig::from_pretrained(dir)?),
        None => (
            "a model of the size of all-MiniLM-L6-v2".to_owned(),
            memory::minilm()?,
        ),
    };
    let parts = TrainingArguments {
        train_head_only: args.train_head_only,
        freeze_embeddings: args.freeze_embeddings,
        freeze_layers: args.freeze_layers.clone(),
        ..TrainingArguments::default()
    };
    config
        .freeze(&frozen(&parts))
        .map_err(|text| anyhow!(text))?;
    output::line(format!(
        "\nMemory to train {name}, batches of {} rows x {} tokens",
        args.batch_size, args.max_seq_length
    ))?;
    let positions = config.spec().longest;
    if args.max_seq_length > positions {
        output::line(format!(
            "  the model has {positions} positions: rows are cut to {positions}"
        ))?;
    }
    let needed = MemoryEstimate::of(&config, args.batch_size, args.max_seq_length.min(positions));
    output::line(memory::lines(&needed))?;
    for adapter in &adapters {
        output::line(fits(adapter, &needed))?;
    }

    if !args.no_measure {
        output::line("")?;
        measure::report(&adapters)?;
    }
    Ok(())
}

fn describe(number: usize, adapter: &Adapter) -> String {
    let kind = match adapter.kind {
        AdapterKind::Software => "software, computes on the CPU",
        AdapterKind::Integrated => "integrated GPU",
        AdapterKind::Discrete => "GPU",
    };
    format!(
        "  {number}: {} ({}, {kind})\n     driver {}; binds tensors of up to {}, allocates up to {}",
        adapter.name,
        adapter.backend,
        adapter.driver,
        megabytes(adapter.max_binding_bytes),
        megabytes(adapter.max_buffer_bytes)
    )
}

/// The driver doesn't say how much memory is free, only how large one tensor may be.
fn fits(adapter: &Adapter, needed: &MemoryEstimate) -> String {
    let limit = adapter.max_binding_bytes.min(adapter.max_buffer_bytes);
    if needed.largest <= limit {
        format!("  {}: its largest tensor fits", adapter.name)
    } else {
        format!(
            "  {}: its largest tensor does not fit, {} are missing; use --device cpu, or smaller batches",
            adapter.name,
            megabytes(needed.largest - limit)
        )
    }
}

//! A checkpoint of any family with drawn weights: what `cargo xtask parity` trains where no real one is needed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use serde_json::Value;
use tunesmith_kernels::ComputeDevice;
use tunesmith_model::{Model, ModelConfig};

#[derive(Parser, Clone)]
pub(crate) struct CheckpointArgs {
    /// The configuration; `vocab_size` is the tokenizer's.
    #[arg(long)]
    config: PathBuf,
    /// A checkpoint's folder, whose tokenizer is taken.
    #[arg(long)]
    tokenizer: PathBuf,
    /// The folder that is written.
    #[arg(long)]
    output: PathBuf,
}

pub(crate) fn write(args: &CheckpointArgs) -> Result<()> {
    let mut config = json(&args.config)?;
    let tokenizer = json(&args.tokenizer.join("config.json"))?;
    config["vocab_size"] = tokenizer["vocab_size"].clone();
    let config = ModelConfig::from_json(&config.to_string())
        .map_err(|message| anyhow!("{}: {message}", args.config.display()))?;
    let model = Model::from_config(config, 1, &ComputeDevice::cpu("the CPU"))?;
    fs::create_dir_all(&args.output)
        .with_context(|| format!("can't make {}", args.output.display()))?;
    pollster::block_on(model.save_pretrained(&args.output))?;
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        let (from, to) = (args.tokenizer.join(name), args.output.join(name));
        fs::copy(&from, &to).with_context(|| format!("can't copy {}", from.display()))?;
    }
    Ok(())
}

fn json(path: &Path) -> Result<Value> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

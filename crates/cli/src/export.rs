//! `tunesmith export`: a fine-tuned model in the form that other runtimes read.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use tunesmith::onnx;
use tunesmith_protocol::{OnnxDtype, UnknownChoice};

use crate::output;

/// Write a fine-tuned model as ONNX into its folder, for onnxruntime, transformers.js and Optimum.
#[derive(Args)]
pub struct ExportArgs {
    /// A folder that `tunesmith train` wrote, or a classifier in Hugging Face's layout.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// As ONNX: DIR/onnx gets a file for each --dtype.
    #[arg(long, required = true)]
    onnx: bool,
    /// fp32 (model.onnx), fp16 (model_fp16.onnx) or q8 (model_quantized.onnx: a quarter of the size, and
    /// slightly other results), with commas between. transformers.js takes q8 in a browser and fp32 in Node
    /// unless told otherwise.
    #[arg(
        long,
        value_name = "NAMES",
        default_value = "fp32,q8",
        value_delimiter = ',',
        value_parser = dtype
    )]
    dtype: Vec<OnnxDtype>,
}

fn dtype(word: &str) -> Result<OnnxDtype, UnknownChoice> {
    word.parse()
}

/// Exports, and prints the files.
///
/// # Errors
/// When the model can't be read, or a file not be written.
pub fn run(args: &ExportArgs) -> Result<()> {
    for path in onnx::export(&args.model, &args.dtype)? {
        let bytes = fs::metadata(&path)
            .with_context(|| format!("can't read {}", path.display()))?
            .len();
        output::line(format_args!(
            "{}  {}",
            path.display(),
            output::megabytes(bytes)
        ))?;
    }
    Ok(())
}

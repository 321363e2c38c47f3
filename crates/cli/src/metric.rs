//! `tunesmith metric`: evaluate's scores for predictions made anywhere.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde::Deserialize;
use tunesmith::metrics;

use crate::{lines, output};

/// Score predictions as evaluate.load("glue", TASK) does, as one JSON object.
#[derive(Args)]
pub struct MetricArgs {
    /// A GLUE task: cola, sst2, mrpc, qqp, stsb, mnli, mnli_matched, mnli_mismatched, qnli, rte, wnli.
    task: String,
    /// JSON Lines of {"prediction": …, "reference": …}; - is standard input.
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
}

#[derive(Deserialize)]
struct Scored {
    prediction: f64,
    reference: f64,
}

/// Prints the metric of all lines.
///
/// # Errors
/// When the task is unknown, or a line is not a prediction of it.
pub fn run(args: &MetricArgs) -> Result<()> {
    let mut metric = metrics::load("glue", Some(&args.task))?;
    let shape = r#"{"prediction": 1, "reference": 0}"#;
    lines::read(
        &args.input,
        shape,
        |_,
         Scored {
             prediction,
             reference,
         }| { Ok(metric.add(prediction, reference)?) },
    )?;
    output::line(serde_json::to_string(&metric.compute()?)?)
}

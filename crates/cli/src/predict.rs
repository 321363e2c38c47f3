//! `tunesmith predict`: what a fine-tuned model says of a text, a pair, or a file of them.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use tunesmith_protocol::{
    AggregationStrategy, DeviceChoice, Event, Pair, Prediction, Threshold, UnknownChoice,
};
use tunesmith_session::{PredictFile, Predictor, predict_file, ranked};

use crate::output;
use crate::progress::Progress;

/// Classify a text or a pair of texts, or a file of them, with a fine-tuned model.
#[derive(Args)]
pub struct PredictArgs {
    /// The folder of a fine-tuned model.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// The text, or the first of a pair.
    #[arg(long, required_unless_present = "input", allow_hyphen_values = true)]
    text: Option<String>,
    /// The second text.
    #[arg(long = "text-pair", requires = "text", allow_hyphen_values = true)]
    text_pair: Option<String>,
    /// File with rows to classify: CSV, TSV, JSON, JSON Lines, parquet, .xlsx, or .txt with a text on each line. Large
    /// files are read and written in blocks, so that they need not fit memory.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "text",
        requires = "output"
    )]
    input: Option<PathBuf>,
    /// Where to write the predictions of --input. A name that ends in .csv or .parquet gets a table of the texts,
    /// their labels and the probability of each class; any other JSON Lines: labels, scores and logits, or entities.
    /// Until it is whole it is called FILE.partial.
    #[arg(long, value_name = "FILE", requires = "input")]
    output: Option<PathBuf>,
    /// The text columns of --input, with a comma between; default those that hold strings.
    #[arg(
        long = "text_column_names",
        value_name = "A,B",
        requires = "input",
        value_delimiter = ','
    )]
    text_column_names: Option<Vec<String>>,
    /// Maximum number of tokens per row. Default: the model's limit.
    #[arg(long = "max-length", value_name = "N")]
    max_length: Option<usize>,
    /// For models of one class a row: the probability that the most likely class must have, else the label is
    /// unknown. For models of several labels a row: the probability above which a label is predicted; a number,
    /// or one for each label with commas between. Default there: what was saved with the model, else 0.5.
    #[arg(long)]
    threshold: Option<Threshold>,
    /// Show only so many classes, the most likely ones, with their probabilities. Default: all.
    #[arg(long = "top_k", value_name = "N")]
    top_k: Option<usize>,
    /// For models that label tokens, how these become entities: simple, first, average, max, or none for
    /// each token by itself.
    #[arg(long = "aggregation_strategy", value_name = "STRATEGY", value_parser = aggregation)]
    aggregation_strategy: Option<AggregationStrategy>,
    /// Where to compute: auto, gpu, cpu or software-gpu.
    #[arg(long, default_value = "auto", value_parser = device)]
    device: DeviceChoice,
}

/// Reads `--device`.
///
/// # Errors
/// Lists the choices.
pub fn device(word: &str) -> Result<DeviceChoice, UnknownChoice> {
    word.parse()
}

fn aggregation(word: &str) -> Result<AggregationStrategy, UnknownChoice> {
    word.parse()
}

/// Predicts, and prints or writes the predictions.
///
/// # Errors
/// When model or rows can't be read or the device fails.
pub fn run(args: &PredictArgs) -> Result<()> {
    let load = Predictor::load(&args.model, args.device, args.max_length);
    let mut predictor = pollster::block_on(load)?;
    if let Some(threshold) = &args.threshold {
        predictor.set_threshold(threshold)?;
    }
    if let Some(strategy) = args.aggregation_strategy {
        predictor.set_aggregation(strategy)?;
    }
    for warning in &predictor.warnings {
        output::note(format_args!("warning: {warning}"));
    }
    match (&args.input, &args.output, &args.text) {
        (Some(input), Some(output), _) => {
            let mut progress = Progress::new();
            let options = PredictFile {
                text_column_names: args.text_column_names.clone(),
                top_k: args.top_k,
            };
            let mut tell = |event| match event {
                Event::Warning { message } => progress.say(&format!("warning: {message}")),
                event => drop(progress.event(&event)),
            };
            let work = predict_file(&predictor, input, output, &options, &mut tell);
            let rows = pollster::block_on(work)?;
            progress.clear();
            output::line(format!(
                "{rows} predictions written to {}",
                output.display()
            ))
        }
        (_, _, Some(text)) => {
            let pair = Pair {
                text: text.clone(),
                text_pair: args.text_pair.clone(),
            };
            let predictions = pollster::block_on(predictor.predict(&[pair]))?;
            let prediction = predictions
                .first()
                .context("the model gave no prediction")?;
            output::line(describe(prediction, predictor.labels(), args.top_k))
        }
        _ => bail!("give --text, or --input and --output"),
    }
}

/// The label with its probability, then those of all classes or of the most likely ones; a number alone; entities with their places.
fn describe(prediction: &Prediction, labels: &[String], top_k: Option<usize>) -> String {
    let scored = |scores: &[f64]| {
        let names = labels.iter().map(String::as_str);
        let rows = match top_k {
            None => names.zip(scores.iter().copied()).collect(),
            Some(count) => ranked(labels, scores, count),
        };
        let row = |(label, score)| vec![format!("  {label}"), format!("{score:.4}")];
        output::table(&rows.into_iter().map(row).collect::<Vec<Vec<String>>>())
    };
    match prediction {
        Prediction::SingleLabel {
            label,
            score,
            scores,
            ..
        } => format!("{label} ({score:.4})\n{}", scored(scores)),
        Prediction::MultiLabel { labels, scores, .. } => {
            let labels = match labels.is_empty() {
                true => "no label".to_owned(),
                false => labels.join(", "),
            };
            format!("{labels}\n{}", scored(scores))
        }
        Prediction::Regression { score, .. } => format!("score {score:.4}"),
        Prediction::Tokens { entities } if entities.is_empty() => "no entities".to_owned(),
        Prediction::Tokens { entities } => {
            let heads = ["entity_group", "score", "start", "end", "word"];
            let mut rows = vec![heads.map(str::to_owned).to_vec()];
            rows.extend(entities.iter().map(|entity| {
                vec![
                    entity.entity_group.clone(),
                    format!("{:.4}", entity.score),
                    entity.start.to_string(),
                    entity.end.to_string(),
                    entity.word.clone(),
                ]
            }));
            output::table(&rows)
        }
    }
}

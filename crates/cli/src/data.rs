//! `tunesmith data`: what is in a dataset, shown as Python's `datasets` shows it, and the dataset as files.

mod save;

use std::path::{Path, PathBuf};

use crate::output;
use crate::progress::Progress;
use anyhow::{Context, Result, bail};
use clap::Args;
use tunesmith::data::{
    Dataset, DatasetDict, Dtype, Feature, LoadDataset, TokenizeArgs, TokenizeOptions, Tokenizer,
    default_cache_dir, tokenize_dataset,
};
use tunesmith_protocol::{DataArguments, RunConfig};

/// Show a dataset: its splits, a row, its features, or digests to compare it by; or write it as files.
#[derive(Args)]
pub struct DataArgs {
    /// A dataset's name on the Hub (glue), a folder laid out like one, or a file.
    #[arg(required_unless_present_any = ["train_file", "validation_file", "test_file"])]
    name: Option<String>,
    /// The configuration, such as mrpc of glue.
    config: Option<String>,
    /// Training rows: CSV, TSV, JSON, JSON Lines, parquet or .xlsx.
    #[arg(long = "train_file", value_name = "FILE", conflicts_with = "name")]
    train_file: Option<PathBuf>,
    /// Validation rows.
    #[arg(long = "validation_file", value_name = "FILE", conflicts_with = "name")]
    validation_file: Option<PathBuf>,
    /// Test rows.
    #[arg(long = "test_file", value_name = "FILE", conflicts_with = "name")]
    test_file: Option<PathBuf>,
    /// The column whose strings become class labels.
    #[arg(long = "label_column_name", value_name = "COLUMN")]
    label_column_name: Option<String>,
    /// Branch, tag or commit on the Hub.
    #[arg(long)]
    revision: Option<String>,
    /// Print this row as JSON, counted from 0.
    #[arg(long, value_name = "N")]
    row: Option<usize>,
    /// The split for --row, --features and --save. Default: the first. Or, for --save, the shares of the parts that
    /// the first split is cut into at random: 80/10/10 for train.csv, validation.csv and test.csv, 80/20 for the first
    /// two.
    #[arg(long)]
    split: Option<String>,
    /// Write the rows: to one file that ends in .csv, .jsonl or .parquet, or to a folder, as a CSV file for each split
    /// or part.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["row", "features", "digest", "check"])]
    save: Option<PathBuf>,
    /// Keep the shares of the classes in the parts of --split 80/10/10.
    #[arg(long, requires = "save")]
    stratify: bool,
    /// What --split 80/10/10 is drawn by.
    #[arg(long, requires = "save", default_value_t = 42)]
    seed: u64,
    /// Leave out rows whose text, or pair of texts, was there before.
    #[arg(long, group = "look", requires = "save", conflicts_with = "model")]
    dedupe: bool,
    /// Print the types of the columns.
    #[arg(long)]
    features: bool,
    /// For each split, print a SHA-256 of its rows, and with --model of their token ids.
    #[arg(long, group = "look")]
    digest: bool,
    /// Look for what makes results worse than they seem or could be: repeated rows, one text with two labels,
    /// rows for measuring that are also trained on, empty texts, classes with few rows; with --model also
    /// texts that are cut and tokens that its tokenizer doesn't know.
    #[arg(
        long,
        group = "look",
        conflicts_with_all = ["row", "split", "features", "revision"]
    )]
    check: bool,
    /// The folder of the model whose tokenizer --digest and --check use.
    #[arg(long, value_name = "DIR", requires = "look")]
    model: Option<PathBuf>,
    /// The text columns that --digest, --check and --dedupe read, with a comma between. Default for --digest: the
    /// first two that hold strings, which are the right ones in all of GLUE; for the others: as for training.
    #[arg(
        long = "text_column_names",
        value_name = "A,B",
        requires = "look",
        value_delimiter = ','
    )]
    text_column_names: Option<Vec<String>>,
    /// Maximum number of tokens per row for --digest and --check. Default: the model's limit.
    #[arg(long = "max_length", value_name = "N", requires = "model")]
    max_length: Option<usize>,
}

/// Prints what was asked for, else the splits.
///
/// # Errors
/// When the dataset can't be loaded or lacks what was asked for.
pub fn run(args: &DataArgs) -> Result<()> {
    if args.check {
        return check(args);
    }
    if let Some(path) = &args.save {
        return save::run(args, path);
    }
    let mut progress = Progress::new();
    let datasets = load(request(args)?, &mut progress)?;
    progress.clear();
    if args.row.is_none() && !args.features && !args.digest {
        return output::line(&datasets);
    }
    if args.features {
        output::line(split(args, &datasets)?.features())?;
    }
    if let Some(row) = args.row {
        output::line(split(args, &datasets)?.row(row)?)?;
    }
    if args.digest {
        digests(args, &datasets)?;
    }
    Ok(())
}

impl DataArgs {
    /// Whether `--split` names one, and isn't how to cut one.
    fn is_split_named(&self) -> bool {
        let name = self.split.as_deref();
        name.is_some_and(|name| matches!(save::shares(name), Ok(None)))
    }
}

fn load(request: LoadDataset, progress: &mut Progress) -> Result<DatasetDict> {
    Ok(request.load_with(&mut |event| progress.load(&event))?)
}

/// The data as a training would be told of it.
fn config(args: &DataArgs) -> RunConfig {
    let path = |file: &Option<PathBuf>| file.as_ref().map(|file| file.display().to_string());
    let mut config = RunConfig::default();
    config.data = DataArguments {
        dataset_name: args.name.clone(),
        dataset_config_name: args.config.clone(),
        train_file: path(&args.train_file),
        validation_file: path(&args.validation_file),
        test_file: path(&args.test_file),
        text_column_names: args.text_column_names.clone(),
        label_column_name: args.label_column_name.clone(),
        max_seq_length: args.max_length,
        ..config.data
    };
    if let Some(model) = path(&args.model) {
        config.model.model_name_or_path = model;
    }
    config
}

/// Prints what should be known of the data.
fn check(args: &DataArgs) -> Result<()> {
    let mut progress = Progress::new();
    let mut tell = |event| _ = progress.event(&event);
    let look = tunesmith_session::check(config(args), args.model.is_some(), &mut tell);
    let findings = pollster::block_on(look)?;
    progress.clear();
    if findings.is_empty() {
        return output::line("Nothing was found that needs a look.");
    }
    findings.iter().try_for_each(output::line)
}

fn request(args: &DataArgs) -> Result<LoadDataset> {
    let files = [
        ("train", &args.train_file),
        ("validation", &args.validation_file),
        ("test", &args.test_file),
    ];
    let mut request = match &args.name {
        Some(name) => LoadDataset::new(name),
        None => LoadDataset::files(
            files
                .into_iter()
                .filter_map(|(split, file)| Some((split, file.as_ref()?))),
        ),
    };
    if let Some(config) = &args.config {
        request = request.config(config);
    }
    if let Some(revision) = &args.revision {
        request = request.revision(revision);
    }
    if let Some(column) = &args.label_column_name {
        request = request.label_column(column);
    }
    Ok(request)
}

fn split<'a>(args: &DataArgs, datasets: &'a DatasetDict) -> Result<&'a Dataset> {
    match &args.split {
        Some(name) => Ok(datasets.get(name)?),
        None => Ok(datasets
            .iter()
            .next()
            .context("the dataset has no splits")?
            .1),
    }
}

fn digests(args: &DataArgs, datasets: &DatasetDict) -> Result<()> {
    let model = args
        .model
        .as_deref()
        .map(|dir| ForDigest::new(args, dir))
        .transpose()?;
    let mut rows = vec![vec![
        "split".to_owned(),
        "rows".to_owned(),
        "sha256 of the rows".to_owned(),
    ]];
    if model.is_some() {
        rows[0].push("sha256 of the token ids".to_owned());
    }
    for (name, dataset) in datasets.iter() {
        let mut row = vec![
            name.to_owned(),
            dataset.num_rows().to_string(),
            dataset.digest()?,
        ];
        if let Some(model) = &model {
            row.push(model.digest(dataset)?);
        }
        rows.push(row);
    }
    output::line(output::table(&rows))
}

/// A tokenizer and which columns it gets.
struct ForDigest {
    tokenizer: Tokenizer,
    columns: Option<Vec<String>>,
    options: TokenizeOptions,
}

impl ForDigest {
    fn new(args: &DataArgs, dir: &Path) -> Result<Self> {
        Ok(Self {
            tokenizer: Tokenizer::from_file(dir)?,
            columns: args.text_column_names.clone(),
            options: TokenizeOptions {
                max_length: args.max_length,
                ..Default::default()
            },
        })
    }

    fn digest(&self, dataset: &Dataset) -> Result<String> {
        let columns = match &self.columns {
            Some(columns) => columns.clone(),
            None => strings(dataset),
        };
        let (text, pair) = match columns.as_slice() {
            [text] => (text, None),
            [text, pair] => (text, Some(pair)),
            _ => bail!("name one text column, or two for pairs, with --text_column_names"),
        };
        let mut wanted = TokenizeArgs::new(text);
        wanted.text_pair_column = pair.cloned();
        wanted.options = self.options.clone();
        wanted.cache_dir = Some(default_cache_dir()?);
        let tokenized = tokenize_dataset(dataset, &self.tokenizer, &wanted, &mut |_| {})?;
        Ok(tokenized.digest())
    }
}

/// The columns of strings, two at the most.
fn strings(dataset: &Dataset) -> Vec<String> {
    let columns = dataset.features().iter();
    let strings = columns.filter(|(_, feature)| **feature == Feature::Value(Dtype::String));
    strings.map(|(name, _)| name.to_owned()).take(2).collect()
}

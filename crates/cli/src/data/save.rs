//! `tunesmith data … --save`: the rows as files, split, and without those that are there twice.

use std::path::Path;

use anyhow::{Context, Result, bail};
use tunesmith::data::{Dataset, DatasetDict, LoadDataset, TableFormat};

use super::{DataArgs, config, load, request, split};
use crate::output;
use crate::progress::Progress;

/// What the parts of a split are called, by how many there are.
const PARTS: [&[&str]; 2] = [&["train", "validation"], &["train", "validation", "test"]];

/// Loads the data and writes it.
///
/// # Errors
/// When the data can't be loaded, split or written.
pub fn run(args: &DataArgs, path: &Path) -> Result<()> {
    let parts = args.split.as_deref().map(shares).transpose()?.flatten();
    let format = TableFormat::of(path);
    let is_file = format.is_some();
    if parts.is_some() && is_file {
        bail!(
            "--split makes several files, and --save {} names one: name a folder",
            path.display()
        );
    }
    if args.stratify && parts.is_none() {
        bail!(
            "--stratify keeps the shares of the classes in the parts of --split 80/10/10: say how to split"
        );
    }
    let mut progress = Progress::new();
    let request = request(args)?;
    let typed = load(request.clone(), &mut progress)?;
    // A CSV file has no types, so its fields stay as they were written: 007, 1.50.
    let is_csv = matches!(format, None | Some(TableFormat::Csv));
    let datasets = match is_csv {
        true => load(as_text(request, &typed), &mut progress)?,
        false => typed.clone(),
    };
    progress.clear();
    let mut chosen: Vec<(String, Dataset)> = match (&parts, is_file || args.is_split_named()) {
        (None, false) => datasets
            .iter()
            .map(|(name, rows)| (name.to_owned(), rows.clone()))
            .collect(),
        _ => {
            let rows = match args.is_split_named() {
                true => split(args, &datasets)?,
                false => {
                    datasets
                        .iter()
                        .next()
                        .context("the dataset has no splits")?
                        .1
                }
            };
            vec![("train".to_owned(), rows.clone())]
        }
    };
    if let (false, Some(name)) = (is_file, args.split.as_ref().filter(|_| parts.is_none())) {
        chosen[0].0.clone_from(name);
    }
    // By their types: read as text, numbers would be taken for texts.
    let columns = || {
        let first = typed.iter().next().context("the dataset has no splits")?;
        Ok::<_, anyhow::Error>(tunesmith_session::columns(&config(args), first.1)?)
    };
    if args.dedupe {
        let columns = columns()?;
        for (name, rows) in &mut chosen {
            let texts: Vec<&str> = columns.texts.iter().map(String::as_str).collect();
            let (kept, gone) = rows.drop_duplicates(&texts)?;
            output::note(format_args!(
                "{name}: {gone} of {} rows repeated the text of one before them ({}) and were left out",
                rows.num_rows(),
                texts.join(", ")
            ));
            *rows = kept;
        }
    }
    if let Some(shares) = parts {
        let (_, rows) = chosen.swap_remove(0);
        let label = match args.stratify {
            true => Some(columns()?.label.context(
                "--stratify needs one column with a class for each row: name it with --label_column_name",
            )?),
            false => None,
        };
        chosen = cut(rows, &shares, args.seed, label.as_deref())?;
    }
    if is_file {
        let (_, rows) = chosen.swap_remove(0);
        rows.save(path)?;
        return written(&rows, path);
    }
    std::fs::create_dir_all(path).with_context(|| format!("cannot write {}", path.display()))?;
    for (name, rows) in &chosen {
        let path = path.join(format!("{name}.csv"));
        rows.save(&path)?;
        written(rows, &path)?;
    }
    Ok(())
}

fn written(rows: &Dataset, path: &Path) -> Result<()> {
    let path = path.display();
    output::line(format!("{} rows written to {path}", rows.num_rows()))
}

fn as_text(request: LoadDataset, typed: &DatasetDict) -> LoadDataset {
    let names = typed.iter().flat_map(|(_, rows)| rows.column_names());
    request.text_columns(names.collect::<Vec<&str>>())
}

/// `80/10/10` as shares; none where a split's name is meant.
pub fn shares(text: &str) -> Result<Option<Vec<f64>>> {
    if !text.contains('/') || text.contains(|c: char| !(c.is_ascii_digit() || "./".contains(c))) {
        return Ok(None);
    }
    let shares: Option<Vec<f64>> = text.split('/').map(|part| part.parse().ok()).collect();
    match shares {
        Some(shares) if [2, 3].contains(&shares.len()) && shares.iter().all(|part| *part > 0.0) => {
            Ok(Some(shares))
        }
        _ => bail!(
            "--split {text}: give the shares of train, validation and test, such as 80/10/10, or of the first two, such as 80/20"
        ),
    }
}

/// The parts of the rows by their shares: the first is split from the others, and these from each other.
fn cut(
    rows: Dataset,
    shares: &[f64],
    seed: u64,
    label: Option<&str>,
) -> Result<Vec<(String, Dataset)>> {
    let names = PARTS[shares.len() - 2];
    let mut parts = Vec::new();
    let mut rest = rows;
    for (place, name) in names.iter().enumerate() {
        let of_rest: f64 = shares[place + 1..].iter().sum();
        if of_rest == 0.0 {
            parts.push(((*name).to_owned(), rest));
            break;
        }
        let size = of_rest / (shares[place] + of_rest);
        let split = match label {
            Some(label) => rest.stratified_split(size, seed, label)?,
            None => rest.train_test_split(size, seed)?,
        };
        parts.push(((*name).to_owned(), split.get("train")?.clone()));
        rest = split.get("test")?.clone();
    }
    Ok(parts)
}

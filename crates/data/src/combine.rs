//! Several datasets as one, with the names and the results of Python's `datasets`.

use crate::column::Column;
use crate::rng::Pcg64;
use crate::{DataError, Dataset};

/// When [`interleave_datasets`] ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoppingStrategy {
    /// As soon as one dataset has no more rows.
    #[default]
    FirstExhausted,
    /// As soon as each row was taken at least once; datasets that have ended begin again.
    AllExhausted,
    /// As soon as each row was taken once; datasets that have ended are left out.
    AllExhaustedWithoutReplacement,
}

/// How [`interleave_datasets`] takes turns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InterleaveOptions {
    /// How likely the next row is one of each dataset; none: they take turns.
    pub probabilities: Option<Vec<f64>>,
    /// What the datasets are drawn by.
    pub seed: u64,
    /// When it ends.
    pub stopping_strategy: StoppingStrategy,
}

/// The rows of all datasets, one dataset after the other. Copies no values.
///
/// # Errors
/// No datasets, or ones with different columns or types.
pub fn concatenate_datasets(datasets: &[Dataset]) -> Result<Dataset, DataError> {
    let Some((first, others)) = datasets.split_first() else {
        return Err(DataError::Argument(
            "there are no datasets to put together".to_owned(),
        ));
    };
    let names = first.column_names();
    let mut all = vec![first.clone()];
    for other in others {
        // Their columns may be in another order.
        let same = match other.features().len() == names.len() {
            true => other.select_columns(&names)?,
            false => other.clone(),
        };
        if same.features() != first.features() {
            return Err(DataError::Mismatch(format!(
                "datasets that are put together must have the same columns: one has {}, and another {}",
                first.features(),
                other.features()
            )));
        }
        all.push(same);
    }
    let column = |place: usize| {
        let columns: Vec<&Column> = all.iter().map(|dataset| &dataset.columns[place]).collect();
        Column::concatenated(&columns)
    };
    let columns = (0..names.len()).map(column).collect();
    Dataset::from_columns(first.features().clone(), columns)
}

/// The rows of all datasets by turns, or as their probabilities have it: those of `datasets`' `interleave_datasets`.
///
/// # Errors
/// As [`concatenate_datasets`]; an empty dataset; probabilities that don't fit the datasets or don't add up to 1.
pub fn interleave_datasets(
    datasets: &[Dataset],
    options: &InterleaveOptions,
) -> Result<Dataset, DataError> {
    let all = concatenate_datasets(datasets)?;
    let lengths: Vec<usize> = datasets.iter().map(Dataset::num_rows).collect();
    if let Some(empty) = lengths.iter().position(|length| *length == 0) {
        return Err(DataError::Empty {
            what: format!("dataset {empty} of those that take turns"),
        });
    }
    let turns: Box<dyn Iterator<Item = usize>> = match &options.probabilities {
        None => Box::new((0..lengths.len()).cycle()),
        Some(probabilities) => Box::new(draws(probabilities, lengths.len(), options.seed)?),
    };
    let is_in_turn = options.probabilities.is_none();
    let starts: Vec<usize> = lengths
        .iter()
        .scan(0, |start, length| {
            let this = *start;
            *start += length;
            Some(this)
        })
        .collect();
    let mut taken = vec![0; lengths.len()];
    let mut rows = Vec::new();
    for (turn, dataset) in turns.enumerate() {
        // Whoever takes turns takes whole rounds.
        let may_end = !is_in_turn || turn % lengths.len() == 0;
        let mut ended = taken
            .iter()
            .zip(&lengths)
            .map(|(taken, length)| taken >= length);
        let ends = match options.stopping_strategy {
            StoppingStrategy::FirstExhausted => ended.any(|ended| ended),
            StoppingStrategy::AllExhausted | StoppingStrategy::AllExhaustedWithoutReplacement => {
                ended.all(|ended| ended)
            }
        };
        if ends && may_end {
            break;
        }
        let length = lengths[dataset];
        let is_over = taken[dataset] >= length;
        if is_over && options.stopping_strategy == StoppingStrategy::AllExhaustedWithoutReplacement
        {
            continue;
        }
        rows.push(starts[dataset] + taken[dataset] % length);
        taken[dataset] += 1;
    }
    all.select(&rows)
}

/// numpy's `choice(count, p=probabilities)`, again and again.
fn draws(
    probabilities: &[f64],
    count: usize,
    seed: u64,
) -> Result<impl Iterator<Item = usize> + use<>, DataError> {
    let sum: f64 = probabilities.iter().sum();
    // numpy's tolerance.
    let is_one = (sum - 1.0).abs() <= libm::sqrt(f64::EPSILON);
    // One of 0 would never be taken, and what waits for its end would never end.
    if probabilities.len() != count || !is_one || probabilities.iter().any(|p| *p <= 0.0) {
        return Err(DataError::Argument(format!(
            "the probabilities are {probabilities:?}: give one above 0 for each of the {count} datasets, which together are 1"
        )));
    }
    let mut sums: Vec<f64> = probabilities
        .iter()
        .scan(0.0, |sum, p| {
            *sum += p;
            Some(*sum)
        })
        .collect();
    let last = sums[count - 1];
    sums.iter_mut().for_each(|sum| *sum /= last);
    let mut rng = Pcg64::seeded(seed);
    Ok(std::iter::repeat_with(move || {
        let drawn = rng.random();
        sums.partition_point(|sum| *sum <= drawn)
    }))
}

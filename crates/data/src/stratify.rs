//! Splits that keep the shares of the classes, and rows that are there twice.

use std::collections::{BTreeMap, HashSet};

use crate::ops::class_name;
use crate::rng::Pcg64;
use crate::{DataError, Dataset, DatasetDict, Feature, SplitSize, Value};

/// The most classes that numpy draws from in the way that [`Pcg64::choice`] does.
const MOST_CLASSES: usize = 10_000;

impl Dataset {
    /// Random rows for `test` and the others for `train`, each class with its share of both: the rows of `datasets`'
    /// `train_test_split(test_size=test_size, seed=seed, stratify_by_column=column)`. (It asks for class labels; here
    /// strings and numbers do, too.)
    ///
    /// # Errors
    /// A column that isn't there or lacks a label, a class of a single row, or splits with fewer rows than classes.
    pub fn stratified_split(
        &self,
        test_size: impl Into<SplitSize>,
        seed: u64,
        column: &str,
    ) -> Result<DatasetDict, DataError> {
        let num_test = self.test_rows(test_size.into())?;
        let num_train = self.num_rows() - num_test;
        let classes = self.rows_by_class(column)?;
        let counts: Vec<usize> = classes.iter().map(|(_, rows)| rows.len()).collect();
        if let Some((name, _)) = classes.iter().find(|(_, rows)| rows.len() < 2) {
            return Err(DataError::Argument(format!(
                "the class {name} has 1 row, and a split by {column:?} needs 2 of each class: add rows of it, remove \
                 this one, or split without keeping the shares of the classes"
            )));
        }
        if num_train < classes.len() || num_test < classes.len() {
            return Err(DataError::Argument(format!(
                "a split into {num_train} and {num_test} rows can't have rows of all {} classes of {column:?}: make the \
                 smaller one larger, or split without keeping the shares of the classes",
                classes.len()
            )));
        }
        if classes.len() > MOST_CLASSES {
            return Err(DataError::Argument(format!(
                "{column:?} has {} classes, and a split by classes takes at most {MOST_CLASSES}",
                classes.len()
            )));
        }
        let mut rng = Pcg64::seeded(seed);
        let in_train = approximate_mode(&counts, num_train, &mut rng);
        let rest: Vec<usize> = counts.iter().zip(&in_train).map(|(n, i)| n - i).collect();
        let in_test = approximate_mode(&rest, num_test, &mut rng);
        let (mut train, mut test) = (Vec::new(), Vec::new());
        for ((_, rows), (in_train, in_test)) in classes.iter().zip(in_train.iter().zip(&in_test)) {
            let order = rng.permutation(rows.len());
            let (first, rest) = order.split_at(*in_train);
            train.extend(first.iter().map(|place| rows[*place]));
            test.extend(rest.iter().take(*in_test).map(|place| rows[*place]));
        }
        rng.shuffle(&mut train);
        rng.shuffle(&mut test);
        let mut splits = DatasetDict::new();
        splits.insert("train", self.select(&train)?);
        splits.insert("test", self.select(&test)?);
        Ok(splits)
    }

    /// The rows of each class, in the order of the classes: of their ids, or of the values as `numpy.unique` sorts them.
    fn rows_by_class(&self, column: &str) -> Result<Vec<(String, Vec<usize>)>, DataError> {
        let view = self.column(column)?;
        let mut classes: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        for (row, value) in view.iter().enumerate() {
            let is_known = !matches!(
                (view.feature(), value),
                (Feature::ClassLabel(_), Value::Int(..=-1))
            );
            let key = Key::of(value).filter(|_| is_known);
            let key = key.ok_or_else(|| DataError::Value {
                row,
                column: column.to_owned(),
                found: value.to_string(),
                expected: "a class is needed to keep the shares of the classes: fill it in, or leave such rows out"
                    .to_owned(),
            })?;
            classes.entry(key).or_default().push(row);
        }
        let named = |(key, rows): (Key, Vec<usize>)| {
            let value = match &key {
                Key::Int(id) => Value::Int(*id),
                Key::Text(text) => Value::Str(text),
            };
            (view.feature().text(value).unwrap_or_default(), rows)
        };
        Ok(classes.into_iter().map(named).collect())
    }

    /// The first row of each text, or of each pair of texts, and how many rows repeated one before them.
    ///
    /// # Errors
    /// A column that isn't there.
    pub fn drop_duplicates(&self, columns: &[&str]) -> Result<(Self, usize), DataError> {
        let views = columns.iter().map(|name| self.column(name));
        let views = views.collect::<Result<Vec<_>, _>>()?;
        let mut seen = HashSet::new();
        let is_new = |row: &usize| {
            let texts = views
                .iter()
                .map(|view| view.get(*row).map(|value| value.to_string()));
            seen.insert(texts.collect::<Vec<_>>())
        };
        let kept: Vec<usize> = (0..self.num_rows()).filter(is_new).collect();
        let repeated = self.num_rows() - kept.len();
        Ok((self.select(&kept)?, repeated))
    }
}

/// What classes are sorted by.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Int(i64),
    Text(String),
}

impl Key {
    fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Int(id) => Some(Self::Int(id)),
            value => class_name(value).map(Self::Text),
        }
    }
}

/// How many of `draws` each class gets, as near to its share as whole numbers are; scikit-learn's `_approximate_mode`,
/// which `datasets` has too.
fn approximate_mode(counts: &[usize], draws: usize, rng: &mut Pcg64) -> Vec<usize> {
    let total: usize = counts.iter().sum();
    let shares: Vec<f64> = counts
        .iter()
        .map(|count| (draws * count) as f64 / total as f64)
        .collect();
    let mut drawn: Vec<usize> = shares.iter().map(|share| *share as usize).collect();
    let mut missing = draws.saturating_sub(drawn.iter().sum());
    let remainders: Vec<f64> = shares
        .iter()
        .map(|share| share - libm::floor(*share))
        .collect();
    let mut values = remainders.clone();
    values.sort_by(|a, b| b.total_cmp(a));
    values.dedup();
    for value in values {
        if missing == 0 {
            break;
        }
        let places = (0..counts.len()).filter(|place| remainders[*place] == value);
        let places: Vec<usize> = places.collect();
        let count = places.len().min(missing);
        for chosen in rng.choice(places.len(), count) {
            drawn[places[chosen]] += 1;
        }
        missing -= count;
    }
    drawn
}

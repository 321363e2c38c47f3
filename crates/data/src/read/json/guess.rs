//! What the columns are: which keys there are, and what their values have been.

use std::collections::HashMap;

use super::cell::Cell;
use super::rows::{Rows, read};
use crate::read::{ReadOptions, Source, without};
use crate::{DataError, Dtype, Feature, Features};

/// Cells that a table may have where nearly all of them are empty: rows whose keys all differ are data
/// that was written as keys.
const MOST_EMPTY_CELLS: usize = 100_000_000;

/// What the values of a key were so far.
#[derive(Debug, Default)]
struct Guess {
    seen: Seen,
    /// What the items of its lists were.
    items: Option<Seen>,
    /// What the keys of the objects in its lists were.
    fields: Vec<(String, Seen)>,
    /// The last row that had it.
    row: u64,
}

/// The kinds of values that were seen.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    bool: bool,
    int: bool,
    float: bool,
    text: bool,
    nested: bool,
}

impl Seen {
    fn observe(&mut self, cell: &Cell) {
        match cell {
            Cell::Null => {}
            Cell::Bool(_) => self.bool = true,
            Cell::Int(_) => self.int = true,
            Cell::Float(_) => self.float = true,
            Cell::Text(_) => self.text = true,
            Cell::List(_) | Cell::Object(_) | Cell::Nested => self.nested = true,
        }
    }

    fn is_plain(self) -> bool {
        self.bool || self.int || self.float || self.text
    }

    fn is_mixed(self) -> bool {
        let numbers = self.int || self.float;
        u8::from(self.bool) + u8::from(numbers) + u8::from(self.text) > 1
    }

    fn dtype(self) -> Dtype {
        match self {
            _ if self.is_mixed() => Dtype::String,
            Self { float: true, .. } => Dtype::Float64,
            Self { int: true, .. } => Dtype::Int64,
            Self { bool: true, .. } => Dtype::Bool,
            // Nothing but null says nothing.
            _ => Dtype::String,
        }
    }
}

impl Guess {
    fn observe(&mut self, cell: &Cell) {
        let Cell::List(items) = cell else {
            return self.seen.observe(cell);
        };
        let mut seen = self.items.unwrap_or_default();
        for item in items {
            let Cell::Object(fields) = item else {
                seen.observe(item);
                continue;
            };
            for (key, value) in fields {
                match self.fields.iter_mut().find(|(name, _)| name == key) {
                    Some((_, field)) => field.observe(value),
                    None => {
                        let mut field = Seen::default();
                        field.observe(value);
                        self.fields.push((key.clone(), field));
                    }
                }
            }
        }
        self.items = Some(seen);
    }

    /// The columns that the key becomes: what was seen, and their types; `None` where it can't be a column.
    fn columns(&self, name: &str) -> Vec<(String, Seen, Option<Feature>)> {
        let list = |seen: Seen| Feature::List(Box::new(Feature::Value(seen.dtype())));
        match self.items {
            None if !self.seen.nested => {
                let feature = Feature::Value(self.seen.dtype());
                vec![(name.to_owned(), self.seen, Some(feature))]
            }
            Some(items) if !self.seen.nested && !self.seen.is_plain() && !items.nested => {
                if self.fields.is_empty() {
                    return vec![(name.to_owned(), items, Some(list(items)))];
                }
                if items.is_plain() {
                    return vec![(name.to_owned(), items, None)];
                }
                let fields = self.fields.iter().map(|(key, seen)| {
                    let feature = (!seen.nested).then(|| list(*seen));
                    (format!("{name}.{key}"), *seen, feature)
                });
                fields.collect()
            }
            _ => vec![(name.to_owned(), self.seen, None)],
        }
    }
}

/// The columns of the JSON files of a split, as far as they have been looked at.
#[derive(Default)]
pub(in crate::read) struct Guesses {
    columns: Vec<(String, Guess)>,
    index: HashMap<String, usize>,
    rows: u64,
    cells: usize,
    name: String,
}

impl Guesses {
    /// Looks at all rows, and counts them.
    pub(in crate::read) fn scan(&mut self, source: &Source) -> Result<u64, DataError> {
        self.name = source.name();
        // Of the next row; rows are counted from 1.
        self.rows += 1;
        let before = self.rows;
        read(source, self)?;
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let all = self.columns.len().saturating_mul(rows);
        if all > MOST_EMPTY_CELLS && self.cells < all / 100 {
            return Err(source.error(format!(
                "it has {} different keys, and nearly every row lacks nearly all of them: write what differs as values of the same few keys",
                self.columns.len()
            )));
        }
        Ok(self.rows - before)
    }

    pub(in crate::read) fn features(
        self,
        options: &ReadOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Features, DataError> {
        let found: Vec<_> = self
            .columns
            .iter()
            .flat_map(|(name, guess)| guess.columns(name))
            .collect();
        let names: Vec<String> = found.iter().map(|(name, ..)| name.clone()).collect();
        // Of a file without rows nothing is known.
        if !names.is_empty() {
            options.check(&names)?;
        }
        let mut columns = Vec::new();
        let mut left_out = Vec::new();
        for (name, seen, feature) in found {
            if !options.wants(&name) {
                continue;
            }
            let Some(feature) = feature else {
                left_out.push((name, "a list or an object".to_owned()));
                continue;
            };
            if seen.is_mixed() {
                warnings.push(format!(
                    "{}: the values of {name:?} are of several types; they are read as text",
                    self.name
                ));
            }
            columns.push((name, feature));
        }
        without(columns, left_out, options, warnings, &self.name)
    }
}

impl Rows for Guesses {
    fn cell(&mut self, key: &str, cell: Cell) -> Result<(), String> {
        let index = match self.index.get(key) {
            Some(index) => *index,
            None => {
                self.index.insert(key.to_owned(), self.columns.len());
                self.columns.push((key.to_owned(), Guess::default()));
                self.columns.len() - 1
            }
        };
        let guess = &mut self.columns[index].1;
        if guess.row == self.rows {
            return Err(format!(
                "the key {key:?} is there twice: give each value a key of its own"
            ));
        }
        guess.row = self.rows;
        self.cells += 1;
        guess.observe(&cell);
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), DataError> {
        self.rows += 1;
        Ok(())
    }
}

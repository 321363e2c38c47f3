//! The first sheet of an .xlsx workbook that has rows, its first row a header, with values as pandas'
//! `read_excel` gives them: numbers, true and false, dates as text.
//!
//! A workbook is a zip of XML files: the sheets, the texts that they share, and styles, which alone tell a
//! date from a number.

mod dates;
mod workbook;
mod xml;

use std::panic::{AssertUnwindSafe, catch_unwind};

use workbook::{Cell, Rows, Workbook};

use super::guess::{Guesses, typed};
use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Features};

pub(super) fn scan(
    source: &Source,
    options: &ReadOptions,
    guesses: &mut Guesses,
    warnings: &mut Vec<String>,
) -> Result<u64, DataError> {
    let table = Table::open(source, warnings)?;
    let columns = guesses.columns(source, &table.header, false, options)?;
    for (_, row) in &table.rows {
        for (i, guess) in columns.iter_mut().enumerate() {
            match row.get(i) {
                Some(cell) if cell.is_text => guess.observe_text(&cell.text),
                Some(cell) => guess.observe(&cell.text),
                None => guess.observe(""),
            }
        }
    }
    Ok(table.rows.len() as u64)
}

pub(super) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let table = Table::open(source, &mut Vec::new())?;
    let mut fields = vec![None; features.len()];
    for (field, name) in table.header.iter().enumerate() {
        if let Some(column) = features.position(name) {
            fields[column] = Some(field);
        }
    }
    let mut batcher = Batcher::new(features);
    for (number, row) in &table.rows {
        for (column, field) in fields.iter().enumerate() {
            let cell = field.and_then(|field| row.get(field));
            let text = cell.map_or("", |cell| cell.text.as_str());
            if !batcher.push(column, typed(text, features.at(column).1)) {
                return Err(
                    source.line_error(*number, "the file was changed while it was read; try again")
                );
            }
        }
        batcher.end_row(sink)?;
    }
    batcher.flush(sink)
}

/// A header and the rows below it.
struct Table {
    header: Vec<String>,
    rows: Rows,
}

impl Table {
    fn open(source: &Source, warnings: &mut Vec<String>) -> Result<Self, DataError> {
        let bytes = source.read()?;
        // A damaged workbook may make a library panic; natively that is an error as well.
        let read = catch_unwind(AssertUnwindSafe(|| Workbook::read(bytes)));
        let (mut rows, note) = read
            .unwrap_or_else(|_| Err("its reader gave up".to_owned()))
            .map_err(|reason| {
                source.error(format!(
                    "the workbook can't be read ({reason}): save it again, or save the sheet as CSV"
                ))
            })?;
        if let Some(note) = note {
            warnings.push(format!("{}: {note}", source.name()));
        }
        if rows.is_empty() {
            return Err(source.error("the workbook has no rows: the first must name the columns"));
        }
        // A table may stand anywhere on its sheet.
        let first = |row: &Vec<Cell>| row.iter().position(|cell| !cell.text.is_empty());
        let left = rows.iter().filter_map(|(_, row)| first(row)).min();
        for (_, row) in &mut rows {
            row.drain(..left.unwrap_or(0));
        }
        let (_, names) = rows.remove(0);
        let names = names.into_iter().map(|cell| cell.text).collect();
        let header = super::header(source, names, warnings);
        for (number, row) in &rows {
            if row.len() > header.len() {
                return Err(source.line_error(
                    *number,
                    format!(
                        "a cell to the right of the {} columns that the first row names: name its column, or remove it",
                        header.len()
                    ),
                ));
            }
        }
        Ok(Self { header, rows })
    }
}

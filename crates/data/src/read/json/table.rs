//! The rows as record batches, of the columns and types that were guessed.

use std::collections::HashMap;

use super::cell::Cell;
use super::rows::{Rows, read};
use crate::read::{Batcher, Sink, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

pub(in crate::read) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut table = Table {
        source,
        features,
        batcher: Batcher::new(features),
        cells: Vec::new(),
        fields: fields(features),
        sink,
    };
    table.clear();
    read(source, &mut table)?;
    table.batcher.flush(table.sink)
}

/// For a key the columns of its objects' keys: `spans` has `start` of the column `spans.start`.
type Fields = HashMap<String, Vec<(String, usize)>>;

fn fields(features: &Features) -> Fields {
    let mut fields = Fields::new();
    for (column, (name, feature)) in features.iter().enumerate() {
        if feature.item().is_none() {
            continue;
        }
        for (dot, _) in name.match_indices('.') {
            let (key, field) = (name[..dot].to_owned(), name[dot + 1..].to_owned());
            fields.entry(key).or_default().push((field, column));
        }
    }
    fields
}

/// Rows on their way into record batches.
struct Table<'a> {
    source: &'a Source,
    features: &'a Features,
    batcher: Batcher<'a>,
    cells: Vec<Cell>,
    fields: Fields,
    sink: Sink<'a>,
}

impl Table<'_> {
    fn clear(&mut self) {
        self.cells.clear();
        self.cells.resize(self.features.len(), Cell::Null);
    }
}

impl Rows for Table<'_> {
    fn cell(&mut self, key: &str, cell: Cell) -> Result<(), String> {
        if let Some(column) = self.features.position(key) {
            self.cells[column] = cell;
            return Ok(());
        }
        let (Some(fields), Cell::List(mut items)) = (self.fields.get(key), cell) else {
            return Ok(());
        };
        for (field, column) in fields {
            let values = items.iter_mut().map(|item| match item {
                Cell::Object(fields) => {
                    let value = fields.iter_mut().find(|(key, _)| key == field);
                    value.map_or(Cell::Null, |(_, value)| {
                        std::mem::replace(value, Cell::Null)
                    })
                }
                _ => Cell::Null,
            });
            self.cells[*column] = Cell::List(values.collect());
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), DataError> {
        for (column, cell) in self.cells.iter_mut().enumerate() {
            let feature = self.features.at(column).1;
            let fits = match (feature.item(), cell) {
                (Some(item), Cell::List(items)) => {
                    write_out(items, item);
                    self.batcher
                        .push_list(column, items.iter().map(Cell::value))
                }
                (_, cell) => {
                    write_out(std::slice::from_mut(cell), feature);
                    self.batcher.push(column, cell.value())
                }
            };
            if !fits {
                return Err(self
                    .source
                    .error("the file was changed while it was read; try again"));
            }
        }
        self.clear();
        self.batcher.end_row(self.sink)
    }
}

/// Turns values into text where their column is one of text.
fn write_out(cells: &mut [Cell], feature: &Feature) {
    if feature.dtype() != Some(Dtype::String) {
        return;
    }
    for cell in cells {
        let text = match cell {
            Cell::Bool(value) => value.to_string(),
            Cell::Int(value) => value.to_string(),
            Cell::Float(value) => Value::Float(*value).to_string(),
            Cell::Null | Cell::Text(_) | Cell::List(_) | Cell::Object(_) | Cell::Nested => continue,
        };
        *cell = Cell::Text(text);
    }
}

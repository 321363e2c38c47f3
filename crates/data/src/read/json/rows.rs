//! The rows of a file, one after the other, whatever its shape.

use std::fmt;
use std::io::{self, BufRead};

use serde::de::{
    self, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Error;

use super::cell::{Cell, CellOf, Depth, Seed};
use super::shape::{Shape, shape};
use crate::DataError;
use crate::read::Source;

/// What is done with the rows of a file.
pub(super) trait Rows {
    /// A key of the present row and its value; an error is what is wrong with it.
    fn cell(&mut self, key: &str, cell: Cell) -> Result<(), String>;
    fn end_row(&mut self) -> Result<(), DataError>;
}

pub(super) fn read(source: &Source, rows: &mut dyn Rows) -> Result<(), DataError> {
    let shape = shape(source)?;
    if let Shape::Lines = shape {
        return read_lines(source, rows);
    }
    let mut stopped = None;
    let mut json = serde_json::Deserializer::from_reader(source.open()?);
    let list = List {
        rows,
        stopped: &mut stopped,
    };
    let result = match shape {
        Shape::Field(field) => json.deserialize_map(InField {
            field: &field,
            list,
        }),
        Shape::One => RowSeed(&mut *list.rows).deserialize(&mut json).map(|()| {
            *list.stopped = list.rows.end_row().err();
        }),
        Shape::List | Shape::Lines => json.deserialize_seq(list),
    };
    let result = result.and_then(|()| json.end());
    match (stopped, result) {
        (Some(error), _) => Err(error),
        (None, result) => result.map_err(|error| wrong(source, None, error)),
    }
}

fn read_lines(source: &Source, rows: &mut dyn Rows) -> Result<(), DataError> {
    let mut reader = source.open()?;
    let mut buffer = Vec::new();
    let mut line = 0;
    loop {
        buffer.clear();
        line += 1;
        let read = reader.read_until(b'\n', &mut buffer);
        if read.map_err(|error| source.io_error(error))? == 0 {
            return Ok(());
        }
        let text = buffer.trim_ascii();
        if text.is_empty() {
            continue;
        }
        if text[0] != b'{' {
            let what = if text[0] == b'[' {
                "a list"
            } else {
                "not an object"
            };
            return Err(source.line_error(
                line,
                format!("{what}, but each line must be one JSON object in {{}}"),
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        RowSeed(rows)
            .deserialize(&mut json)
            .and_then(|()| json.end())
            .map_err(|error| wrong(source, Some(line), error))?;
        rows.end_row()?;
    }
}

/// An error of the parser with its place: the line as it says, or that one.
pub(super) fn wrong(source: &Source, line: Option<u64>, error: Error) -> DataError {
    if error.is_io() {
        return source.io_error(io::Error::from(error));
    }
    let place = line.unwrap_or(error.line() as u64);
    let column = error.column();
    let is_data = error.is_data();
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text);
    source.line_error(
        place,
        if is_data {
            reason.to_owned()
        } else if line.is_some() {
            format!(
                "not valid JSON ({reason}, column {column}); each line must be one whole JSON object"
            )
        } else {
            format!("not valid JSON ({reason}, column {column})")
        },
    )
}

/// A list of rows.
struct List<'a> {
    rows: &'a mut dyn Rows,
    /// What ended the reading where it was not the text.
    stopped: &'a mut Option<DataError>,
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(RowSeed(&mut *self.rows))?.is_some() {
            if let Err(error) = self.rows.end_row() {
                *self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

/// An object with a list of rows in one field.
struct InField<'a> {
    field: &'a str,
    list: List<'a>,
}

impl<'de> Visitor<'de> for InField<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let mut list = Some(self.list);
        while let Some(key) = object.next_key::<String>()? {
            match list.take() {
                Some(found) if key == self.field => object.next_value_seed(found)?,
                other => {
                    list = other;
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// An object, or a text, which is a row with the key `text` as in `datasets`.
struct RowSeed<'a>(&'a mut dyn Rows);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with the columns of a row")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0
            .cell("text", Cell::Text(text.to_owned()))
            .map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            let cell = object.next_value_seed(Seed(CellOf(Depth::Row)))?;
            self.0.cell(&key, cell).map_err(A::Error::custom)?;
        }
        Ok(())
    }
}

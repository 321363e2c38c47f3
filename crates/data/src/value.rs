//! One cell and one row, borrowed from the Arrow buffers they live in.

use std::fmt;
use std::io;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::List;

/// One cell of a dataset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A missing value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number of any width; `uint64` values past `i64::MAX` come as [`Value::Float`].
    Int(i64),
    /// A number of type `float64`.
    Float(f64),
    /// A number of type `float32`, kept apart because it prints shorter.
    Float32(f32),
    /// Text.
    Str(&'a str),
    /// A list of plain values.
    List(List<'a>),
}

impl<'a> Value<'a> {
    /// The text, where this is text.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number, where this is one. Truth values count as 0 and 1, as in Python.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i64::from(*value)),
            _ => None,
        }
    }

    /// The number, where this is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Float32(value) => Some(f64::from(*value)),
            _ => None,
        }
    }

    /// The items, where this is a list.
    pub fn as_list(&self) -> Option<List<'a>> {
        match self {
            Self::List(list) => Some(*list),
            _ => None,
        }
    }

    /// Whether the value is missing.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::Float32(value) => serializer.serialize_f32(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

/// JSON, as Python's `json.dumps(value, ensure_ascii=False)` writes it.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&python_json(self).map_err(|_| fmt::Error)?)
    }
}

/// One row: column names and values in the order of the columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Row<'a> {
    pub(crate) cells: Vec<(&'a str, Value<'a>)>,
}

impl<'a> Row<'a> {
    /// The value of a column.
    pub fn get(&self, column: &str) -> Option<Value<'a>> {
        self.cells
            .iter()
            .find(|(name, _)| *name == column)
            .map(|(_, value)| *value)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, Value<'a>)> + '_ {
        self.cells.iter().copied()
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (name, value) in &self.cells {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A JSON object on one line, as Python's `json.dumps(row, ensure_ascii=False)` writes it.
impl fmt::Display for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&python_json(self).map_err(|_| fmt::Error)?)
    }
}

/// JSON with Python's separators, `", "` and `": "`.
pub(crate) fn python_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, Spaced,
    ))?;
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

struct Spaced;

impl Spaced {
    fn separate<W: io::Write + ?Sized>(writer: &mut W, first: bool) -> io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }
}

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Self::separate(w, first)
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        w: &mut W,
        first: bool,
    ) -> io::Result<()> {
        Self::separate(w, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_prints_as_json() {
        let row = Row {
            cells: vec![
                ("text", Value::Str("He said \"é\"\n")),
                ("label", Value::Int(-1)),
                ("score", Value::Float32(0.1)),
                ("gone", Value::Null),
            ],
        };
        assert_eq!(
            row.to_string(),
            r#"{"text": "He said \"é\"\n", "label": -1, "score": 0.1, "gone": null}"#
        );
        assert_eq!(row.get("label"), Some(Value::Int(-1)));
        assert_eq!(row.get("nothing"), None);
    }
}

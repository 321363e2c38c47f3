//! How the rows lie in a file, by its beginning, and by all of it where it is one object.

use std::fmt;
use std::io::BufRead;

use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cell::{Seed, plain};
use super::rows::wrong;
use crate::DataError;
use crate::read::Source;

/// How the rows lie in a file.
pub(super) enum Shape {
    /// One object a line.
    Lines,
    /// A list of objects.
    List,
    /// A list of objects in that field of an object.
    Field(String),
    /// One object, which is the only row.
    One,
}

/// Looks at the beginning of a file, and at all of it where it is one object.
pub(super) fn shape(source: &Source) -> Result<Shape, DataError> {
    let mut reader = source.open()?;
    let mut first = Vec::new();
    while first.trim_ascii().is_empty() {
        first.clear();
        let read = reader.read_until(b'\n', &mut first);
        if read.map_err(|error| source.io_error(error))? == 0 {
            return Ok(Shape::Lines);
        }
    }
    let text = first.trim_ascii();
    if text[0] == b'[' {
        return Ok(Shape::List);
    }
    if text[0] != b'{' {
        return Ok(Shape::Lines);
    }
    let on_one_line = match serde_json::from_slice::<IgnoredAny>(text) {
        Ok(_) => true,
        Err(error) if error.is_eof() => false,
        Err(_) => return Ok(Shape::Lines),
    };
    if on_one_line {
        let name = source.name().to_lowercase();
        let says_lines = [".jsonl", ".ndjson"]
            .iter()
            .any(|ending| name.contains(ending));
        if says_lines || !rest_is_blank(source, &mut *reader)? {
            return Ok(Shape::Lines);
        }
    }
    let mut json = serde_json::Deserializer::from_reader(source.open()?);
    let fields = match json.deserialize_map(FieldsOf) {
        Ok(fields) => fields,
        // A line that is cut short: told as such, with the lines' words.
        Err(_) if !matches!(text.last(), Some(b'{' | b'[' | b',' | b':')) => {
            return Ok(Shape::Lines);
        }
        Err(error) => return Err(wrong(source, None, error)),
    };
    if json.end().is_err() {
        return Err(source.error(
            "several JSON objects, each on several lines: write one object a line, or all in one list",
        ));
    }
    let lists: Vec<&String> = fields
        .iter()
        .filter(|(_, kind)| *kind == FieldKind::Rows)
        .map(|(name, _)| name)
        .collect();
    match lists.as_slice() {
        [field] => Ok(Shape::Field((*field).clone())),
        [] if fields.iter().any(|(_, kind)| *kind == FieldKind::Plain) => Ok(Shape::One),
        [] => Err(source.error(format!(
            "one JSON object whose fields ({}) are no rows: write a list of objects, one for each row, as pandas' to_json(orient=\"records\") does",
            listed(fields.iter().map(|(name, _)| name))
        ))),
        several => Err(source.error(format!(
            "a JSON object with several lists of rows ({}): write the one that is meant to a file of its own",
            listed(several.iter().copied())
        ))),
    }
}

fn rest_is_blank(source: &Source, reader: &mut dyn BufRead) -> Result<bool, DataError> {
    loop {
        let chunk = reader.fill_buf().map_err(|error| source.io_error(error))?;
        if chunk.is_empty() {
            return Ok(true);
        }
        if !chunk.trim_ascii().is_empty() {
            return Ok(false);
        }
        let used = chunk.len();
        reader.consume(used);
    }
}

/// The first few of some names.
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).take(8).collect();
    names.join(", ")
}

/// What a field of an object holds.
#[derive(Clone, Copy, PartialEq)]
enum FieldKind {
    Plain,
    /// A list that begins with an object, or is empty.
    Rows,
    Other,
}

struct FieldsOf;

impl<'de> Visitor<'de> for FieldsOf {
    type Value = Vec<(String, FieldKind)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            fields.push((key, object.next_value_seed(Seed(KindOf))?));
        }
        Ok(fields)
    }
}

struct KindOf;

impl<'de> Visitor<'de> for KindOf {
    type Value = FieldKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    plain! {
        visit_bool bool => |_| FieldKind::Plain;
        visit_i64 i64 => |_| FieldKind::Plain;
        visit_u64 u64 => |_| FieldKind::Plain;
        visit_f64 f64 => |_| FieldKind::Plain;
        visit_str &str => |_| FieldKind::Plain;
    }

    fn visit_unit<E: de::Error>(self) -> Result<FieldKind, E> {
        Ok(FieldKind::Plain)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<FieldKind, A::Error> {
        let mut kind = FieldKind::Rows;
        if let Some(is_object) = list.next_element_seed(Seed(IsObject))?
            && !is_object
        {
            kind = FieldKind::Other;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(kind)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<FieldKind, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(FieldKind::Other)
    }
}

struct IsObject;

impl<'de> Visitor<'de> for IsObject {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    plain! {
        visit_bool bool => |_| false;
        visit_i64 i64 => |_| false;
        visit_u64 u64 => |_| false;
        visit_f64 f64 => |_| false;
        visit_str &str => |_| false;
    }

    fn visit_unit<E: de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(true)
    }
}

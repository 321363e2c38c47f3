//! JSON Lines, one object a line; and JSON: a list of objects (or of texts), on one line or many, or an
//! object that holds such a list in one of its fields.
//!
//! A key that a row lacks is null there. Whole numbers and fractions in one column make it `float64`;
//! numbers and text make it text. A list of plain values is a list; a list of objects is a list for each of
//! their keys, named as `datasets`' `flatten` names it (`spans.start`). Columns with other lists and with
//! objects are left out. Only values of columns that are wanted are kept while a row is parsed, and each key
//! is looked up once.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};

use serde::de::{
    self, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Error;

use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

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
pub(super) struct Guesses {
    columns: Vec<(String, Guess)>,
    index: HashMap<String, usize>,
    rows: u64,
    cells: usize,
    name: String,
}

impl Guesses {
    pub(super) fn scan(&mut self, source: &Source) -> Result<(), DataError> {
        self.name = source.name();
        // Of the next row; rows are counted from 1.
        self.rows += 1;
        read(source, self)?;
        let rows = usize::try_from(self.rows).unwrap_or(usize::MAX);
        let all = self.columns.len().saturating_mul(rows);
        if all > MOST_EMPTY_CELLS && self.cells < all / 100 {
            return Err(source.error(format!(
                "it has {} different keys, and nearly every row lacks nearly all of them: write what differs as values of the same few keys",
                self.columns.len()
            )));
        }
        Ok(())
    }

    pub(super) fn features(
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
        super::without(columns, left_out, options, warnings, &self.name)
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

pub(super) fn stream(
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

/// The value of a key.
#[derive(Clone)]
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    List(Vec<Cell>),
    /// Of a list.
    Object(Vec<(String, Cell)>),
    /// A list of a list, or an object elsewhere, which is not kept.
    Nested,
}

impl Cell {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Text(text) => Value::Str(text),
            Self::Null | Self::List(_) | Self::Object(_) | Self::Nested => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Float(value) => Value::Float(*value),
        }
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

/// What is done with the rows of a file.
trait Rows {
    /// A key of the present row and its value; an error is what is wrong with it.
    fn cell(&mut self, key: &str, cell: Cell) -> Result<(), String>;
    fn end_row(&mut self) -> Result<(), DataError>;
}

/// How the rows lie in a file.
enum Shape {
    /// One object a line.
    Lines,
    /// A list of objects.
    List,
    /// A list of objects in that field of an object.
    Field(String),
    /// One object, which is the only row.
    One,
}

fn read(source: &Source, rows: &mut dyn Rows) -> Result<(), DataError> {
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
fn wrong(source: &Source, line: Option<u64>, error: Error) -> DataError {
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

/// Looks at the beginning of a file, and at all of it where it is one object.
fn shape(source: &Source) -> Result<Shape, DataError> {
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

/// A visitor of any value, as a seed.
struct Seed<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Seed<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<V::Value, D::Error> {
        json.deserialize_any(self.0)
    }
}

macro_rules! plain {
    ($($method:ident $type:ty => $value:expr;)*) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            Ok($value(value))
        }
    )*};
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

/// Where a value stands.
#[derive(Clone, Copy)]
enum Depth {
    Row,
    List,
    Object,
}

struct CellOf(Depth);

impl<'de> Visitor<'de> for CellOf {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    plain! {
        visit_bool bool => Cell::Bool;
        visit_i64 i64 => Cell::Int;
        visit_u64 u64 => |value| i64::try_from(value).map_or(Cell::Float(value as f64), Cell::Int);
        visit_f64 f64 => Cell::Float;
        visit_string String => Cell::Text;
        visit_str &str => |text: &str| Cell::Text(text.to_owned());
    }

    fn visit_unit<E: de::Error>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        match self.0 {
            Depth::Row => {
                let mut items = Vec::new();
                while let Some(item) = list.next_element_seed(Seed(CellOf(Depth::List)))? {
                    items.push(item);
                }
                Ok(Cell::List(items))
            }
            Depth::List | Depth::Object => {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Cell::Nested)
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell, A::Error> {
        match self.0 {
            Depth::List => {
                let mut fields = Vec::new();
                while let Some(key) = object.next_key::<String>()? {
                    let value = object.next_value_seed(Seed(CellOf(Depth::Object)))?;
                    fields.push((key, value));
                }
                Ok(Cell::Object(fields))
            }
            Depth::Row | Depth::Object => {
                while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Cell::Nested)
            }
        }
    }
}

//! JSON Lines: one object a line, the same keys on every line, plain values only. Whole numbers and
//! fractions in one column make it `float64`; other mixtures are an error that names the line.

use std::io::{BufRead, BufReader, Read};

use serde_json::{Map, Value as Json};

use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

/// The columns of the JSON Lines files of a split, as far as they have been looked at.
#[derive(Default)]
pub(super) struct Guesses {
    columns: Vec<(String, Option<Dtype>)>,
}

impl Guesses {
    pub(super) fn scan(&mut self, source: &Source, options: &ReadOptions) -> Result<(), DataError> {
        let mut lines = Lines::open(source)?;
        while let Some(object) = lines.next()? {
            if self.columns.is_empty() {
                let names: Vec<String> = object.keys().cloned().collect();
                options.check(&names)?;
                self.columns = names
                    .into_iter()
                    .filter(|name| options.wants(name))
                    .map(|name| (name, None))
                    .collect();
            }
            for (name, guess) in &mut self.columns {
                let Some(value) = object.get(name.as_str()) else {
                    return Err(lines.error(format!(
                        "the key {name:?} is missing; the first line has it, so every line must (null where there is no value)"
                    )));
                };
                let found = lines.dtype(name, value)?;
                *guess = match (*guess, found) {
                    (old, None) => old,
                    (None, new) => new,
                    (Some(old), Some(new)) if old == new => Some(old),
                    (Some(Dtype::Int64 | Dtype::Float64), Some(Dtype::Int64 | Dtype::Float64)) => {
                        Some(Dtype::Float64)
                    }
                    (Some(old), Some(new)) => {
                        return Err(lines.error(format!(
                            "the key {name:?} is {new} here and {old} on the lines before: write it the same way on every line"
                        )));
                    }
                };
            }
            if let Some(name) = object
                .keys()
                .find(|name| options.wants(name) && !self.columns.iter().any(|(n, _)| n == *name))
            {
                return Err(lines.error(format!(
                    "the key {name:?} is new here; every line must have the keys of the first"
                )));
            }
        }
        Ok(())
    }

    pub(super) fn features(self) -> Result<Features, DataError> {
        Features::new(self.columns.into_iter().map(|(name, dtype)| {
            // Nothing but null says nothing.
            (name, Feature::Value(dtype.unwrap_or(Dtype::String)))
        }))
    }
}

pub(super) fn stream(
    source: &Source,
    _options: &ReadOptions,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut lines = Lines::open(source)?;
    let mut batcher = Batcher::new(features);
    while let Some(object) = lines.next()? {
        for (column, (name, _)) in features.iter().enumerate() {
            let value = match object.get(name) {
                Some(Json::String(text)) => Value::Str(text),
                Some(Json::Bool(value)) => Value::Bool(*value),
                Some(Json::Number(number)) => match number.as_i64() {
                    Some(whole) => Value::Int(whole),
                    None => number.as_f64().map_or(Value::Null, Value::Float),
                },
                _ => Value::Null,
            };
            if !batcher.builders[column].push(value) {
                return Err(
                    lines.error("the file was changed while it was read; try again".to_owned())
                );
            }
        }
        batcher.end_row(sink)?;
    }
    batcher.flush(sink)
}

struct Lines<'a> {
    source: &'a Source,
    reader: BufReader<Box<dyn Read + 'a>>,
    buffer: Vec<u8>,
    line: u64,
}

impl<'a> Lines<'a> {
    fn open(source: &'a Source) -> Result<Self, DataError> {
        Ok(Self {
            source,
            reader: BufReader::new(source.open()?),
            buffer: Vec::new(),
            line: 0,
        })
    }

    /// The object on the next line that isn't blank.
    fn next(&mut self) -> Result<Option<Map<String, Json>>, DataError> {
        loop {
            self.buffer.clear();
            self.line += 1;
            let read = self.reader.read_until(b'\n', &mut self.buffer);
            if read.map_err(|error| self.source.io_error(error))? == 0 {
                return Ok(None);
            }
            let text = std::str::from_utf8(&self.buffer).map_err(|error| DataError::NotUtf8 {
                file: self.source.name(),
                line: self.line,
                place: "in the line".to_owned(),
                byte: error.valid_up_to(),
            })?;
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            return match serde_json::from_str(text) {
                Ok(Json::Object(object)) => Ok(Some(object)),
                Ok(Json::Array(_)) => Err(self.error(
                    "a JSON array; write one object a line instead (JSON Lines)".to_owned(),
                )),
                Ok(_) => Err(self.error("not a JSON object".to_owned())),
                Err(error) => Err(self.error(format!(
                    "not valid JSON ({error}); each line must be one whole JSON object"
                ))),
            };
        }
    }

    fn dtype(&self, name: &str, value: &Json) -> Result<Option<Dtype>, DataError> {
        match value {
            Json::Null => Ok(None),
            Json::Bool(_) => Ok(Some(Dtype::Bool)),
            Json::String(_) => Ok(Some(Dtype::String)),
            Json::Number(number) if number.is_i64() => Ok(Some(Dtype::Int64)),
            Json::Number(_) => Ok(Some(Dtype::Float64)),
            Json::Array(_) | Json::Object(_) => Err(self.error(format!(
                "the key {name:?} holds a list or an object; only plain values are read: flatten it, or name the columns to read"
            ))),
        }
    }

    fn error(&self, reason: String) -> DataError {
        DataError::Line {
            file: self.source.name(),
            line: self.line,
            reason,
        }
    }
}

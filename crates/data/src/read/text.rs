//! Plain text: each line is a row of the column `text`, as `datasets`' `text` reads it.

use std::io::BufRead;

use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

const COLUMN: &str = "text";

/// How many rows there are.
pub(super) fn scan(source: &Source) -> Result<u64, DataError> {
    let mut rows = 0;
    each_line(source, &mut |_, _| {
        rows += 1;
        Ok(())
    })?;
    match rows {
        0 => Err(source.error("the file is empty: it must have a text on each line")),
        rows => Ok(rows),
    }
}

pub(super) fn features(options: &ReadOptions) -> Result<Features, DataError> {
    options.check(&[COLUMN.to_owned()])?;
    Features::new([(COLUMN.to_owned(), Feature::Value(Dtype::String))])
}

pub(super) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut batcher = Batcher::new(features);
    each_line(source, &mut |line, text| {
        if !batcher.push(0, Value::Str(text)) {
            return Err(source.line_error(line, "the line is too long to be read"));
        }
        batcher.end_row(sink)
    })?;
    batcher.flush(sink)
}

fn each_line(
    source: &Source,
    take: &mut dyn FnMut(u64, &str) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut reader = source.open()?;
    let mut bytes = Vec::new();
    let mut line = 0;
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes);
        if read.map_err(|error| source.io_error(error))? == 0 {
            return Ok(());
        }
        line += 1;
        let text = std::str::from_utf8(&bytes).map_err(|error| DataError::NotUtf8 {
            file: source.name(),
            line,
            byte: error.valid_up_to(),
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        take(line, text.strip_suffix('\r').unwrap_or(text))?;
    }
}

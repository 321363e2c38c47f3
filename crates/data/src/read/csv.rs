//! CSV and TSV, with the types that pandas would give the columns: `int64`, `float64`, `bool` or
//! `string` by all of their values; an empty field is missing; integers with missing values become
//! floats. One habit of pandas is left out: in a column of strings, words such as `null` or `NA`
//! stay the words they are.

use std::io::Read;

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder};

use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Dtype, Feature, Features, Value};

/// What pandas reads as a missing number.
const MISSING: [&str; 18] = [
    "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>",
    "N/A", "NA", "NULL", "None", "NaN", "n/a", "nan", "null",
];

/// The types that the values seen so far leave open.
#[derive(Clone, Copy, Debug)]
struct Guess {
    int: bool,
    float: bool,
    bool: bool,
    missing: bool,
    any: bool,
}

impl Guess {
    const OPEN: Self = Self {
        int: true,
        float: true,
        bool: true,
        missing: false,
        any: false,
    };

    fn observe(&mut self, text: &str) {
        if is_missing(text) {
            self.missing = true;
            return;
        }
        self.any = true;
        self.int = self.int && int(text).is_some();
        self.float = self.float && float(text).is_some();
        self.bool = self.bool && boolean(text).is_some();
    }

    fn dtype(self) -> Dtype {
        match self {
            Self { any: false, .. } => Dtype::Float64,
            Self {
                int: true,
                missing: false,
                ..
            } => Dtype::Int64,
            Self { float: true, .. } => Dtype::Float64,
            Self {
                bool: true,
                missing: false,
                ..
            } => Dtype::Bool,
            _ => Dtype::String,
        }
    }
}

fn is_missing(text: &str) -> bool {
    text.is_empty() || MISSING.contains(&text)
}

fn int(text: &str) -> Option<i64> {
    text.trim().parse().ok()
}

fn float(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "True" | "TRUE" | "true" => Some(true),
        "False" | "FALSE" | "false" => Some(false),
        _ => None,
    }
}

/// The columns of the CSV files of a split, as far as they have been looked at.
#[derive(Default)]
pub(super) struct Guesses {
    header: Vec<String>,
    guesses: Vec<Guess>,
}

impl Guesses {
    pub(super) fn is_empty(&self) -> bool {
        self.header.is_empty()
    }

    pub(super) fn scan(&mut self, source: &Source, options: &ReadOptions) -> Result<(), DataError> {
        let mut file = CsvFile::open(source, options)?;
        options.check(&file.header)?;
        if self.header.is_empty() {
            self.header = file.header.clone();
            self.guesses = vec![Guess::OPEN; self.header.len()];
        } else if self.header != file.header {
            return Err(DataError::Mismatch(format!(
                "{} has the columns {}, but the files before it have {}: the files of a split must have the same header",
                source.name(),
                file.header.join(", "),
                self.header.join(", ")
            )));
        }
        while file.next()? {
            for (i, guess) in self.guesses.iter_mut().enumerate() {
                guess.observe(file.text(i)?);
            }
        }
        for (i, name) in file.header.iter().enumerate().rev() {
            if !options.wants(name) {
                self.header.remove(i);
                self.guesses.remove(i);
            }
        }
        Ok(())
    }

    pub(super) fn features(self) -> Result<Features, DataError> {
        Features::new(
            self.header
                .into_iter()
                .zip(self.guesses)
                .map(|(name, guess)| (name, Feature::Value(guess.dtype()))),
        )
    }
}

pub(super) fn stream(
    source: &Source,
    options: &ReadOptions,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut file = CsvFile::open(source, options)?;
    let fields: Vec<Option<usize>> = features
        .names()
        .iter()
        .map(|name| file.header.iter().position(|column| column == name))
        .collect();
    let mut batcher = Batcher::new(features);
    while file.next()? {
        for (column, field) in fields.iter().enumerate() {
            let text = field.map_or(Ok(""), |field| file.text(field))?;
            let dtype = features.at(column).1.dtype();
            if !batcher.builders[column].push(typed(text, dtype)) {
                return Err(file.changed());
            }
        }
        batcher.end_row(sink)?;
    }
    batcher.flush(sink)
}

fn typed(text: &str, dtype: Dtype) -> Value<'_> {
    match dtype {
        _ if text.is_empty() => Value::Null,
        Dtype::String => Value::Str(text),
        _ if is_missing(text) => Value::Null,
        Dtype::Bool => boolean(text).map_or(Value::Str(text), Value::Bool),
        Dtype::Int64 => int(text).map_or(Value::Str(text), Value::Int),
        _ => float(text).map_or(Value::Str(text), Value::Float),
    }
}

struct CsvFile<'a> {
    source: &'a Source,
    reader: Reader<Box<dyn Read + 'a>>,
    header: Vec<String>,
    record: ByteRecord,
}

impl<'a> CsvFile<'a> {
    fn open(source: &'a Source, options: &ReadOptions) -> Result<Self, DataError> {
        let reader = ReaderBuilder::new()
            .delimiter(options.csv.delimiter)
            .quoting(options.csv.quoting)
            .from_reader(source.open()?);
        let mut file = Self {
            source,
            reader,
            header: Vec::new(),
            record: ByteRecord::new(),
        };
        file.record = match file.reader.byte_headers() {
            Ok(header) => header.clone(),
            Err(error) => return Err(file.error(error)),
        };
        if file.record.is_empty() {
            return Err(DataError::File {
                file: source.name(),
                reason: "the file is empty: the first line must name the columns".to_owned(),
            });
        }
        for i in 0..file.record.len() {
            let name = match file.text(i)?.trim() {
                "" => format!("Unnamed: {i}"),
                name => name.to_owned(),
            };
            file.header.push(name);
        }
        Ok(file)
    }

    fn next(&mut self) -> Result<bool, DataError> {
        self.reader
            .read_byte_record(&mut self.record)
            .map_err(|error| self.error(error))
    }

    fn text(&self, field: usize) -> Result<&str, DataError> {
        let bytes = self.record.get(field).unwrap_or_default();
        std::str::from_utf8(bytes).map_err(|error| DataError::NotUtf8 {
            file: self.source.name(),
            line: self.line(),
            place: match self.header.get(field) {
                Some(name) => format!("column {name:?}"),
                None => format!("field {} of the header", field + 1),
            },
            byte: error.valid_up_to(),
        })
    }

    fn line(&self) -> u64 {
        self.record.position().map_or(1, |position| position.line())
    }

    fn changed(&self) -> DataError {
        DataError::Line {
            file: self.source.name(),
            line: self.line(),
            reason: "the file was changed while it was read; try again".to_owned(),
        }
    }

    fn error(&self, error: csv::Error) -> DataError {
        let file = self.source.name();
        let text = error.to_string();
        match error.into_kind() {
            ErrorKind::Io(source) => self.source.io_error(source),
            ErrorKind::UnequalLengths {
                pos,
                expected_len,
                len,
            } => DataError::FieldCount {
                file,
                line: pos.map_or(0, |position| position.line()),
                found: len,
                expected: expected_len,
            },
            _ => DataError::File { file, reason: text },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dtype(values: &[&str]) -> Dtype {
        let mut guess = Guess::OPEN;
        values.iter().for_each(|value| guess.observe(value));
        guess.dtype()
    }

    #[test]
    fn types_are_those_of_pandas() {
        assert_eq!(dtype(&["1", "-2", " 3"]), Dtype::Int64);
        assert_eq!(dtype(&["1", "", "3"]), Dtype::Float64);
        assert_eq!(dtype(&["1", "2.5", "1e5"]), Dtype::Float64);
        assert_eq!(dtype(&["True", "false"]), Dtype::Bool);
        assert_eq!(dtype(&["True", ""]), Dtype::String);
        assert_eq!(dtype(&["1", "one"]), Dtype::String);
        assert_eq!(dtype(&["", "NA"]), Dtype::Float64);
        assert_eq!(dtype(&[]), Dtype::Float64);
    }

    #[test]
    fn words_for_missing_stay_in_text() {
        assert_eq!(typed("null", Dtype::String), Value::Str("null"));
        assert_eq!(typed("", Dtype::String), Value::Null);
        assert_eq!(typed("null", Dtype::Float64), Value::Null);
    }
}

//! CSV and TSV: which separator, whether quoted, and the rows.

use std::io::{BufRead, Read};

use super::guess::{Guesses, typed};
use super::records::{Flaw, Record, Records};
use super::{Batcher, ReadOptions, Sink, Source};
use crate::{CsvOptions, DataError, Features, Format};

/// Bytes that are looked at to find the separator.
const SAMPLE: u64 = 1 << 16;

/// Separators that are looked for, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    delimiter: u8,
    quoting: bool,
    /// Whether the first line only names the separator (`sep=;`), as Excel reads it.
    named: bool,
}

impl Dialect {
    fn of(source: &Source, format: Format, options: &ReadOptions) -> Result<Self, DataError> {
        if let Some(CsvOptions { delimiter, quoting }) = options.csv {
            return Ok(Self {
                delimiter,
                quoting,
                named: false,
            });
        }
        if let Some(known) = source.dialect.get() {
            return Ok(*known);
        }
        let mut sample = Vec::new();
        source
            .open()?
            .take(SAMPLE)
            .read_to_end(&mut sample)
            .map_err(|error| source.io_error(error))?;
        let mut found = Self::of_sample(&sample, format);
        // Files of benchmarks such as GLUE have tabs and no quoting: a quote is a quote.
        if found.delimiter == b'\t' && !found.named {
            found.quoting = is_quoted(source)?;
        }
        Ok(*source.dialect.get_or_init(|| found))
    }

    fn of_sample(sample: &[u8], format: Format) -> Self {
        if let [
            b's' | b'S',
            b'e' | b'E',
            b'p' | b'P',
            b'=',
            delimiter,
            rest @ ..,
        ] = sample
            && matches!(rest, [] | [b'\r' | b'\n', ..])
        {
            return Self {
                delimiter: *delimiter,
                quoting: true,
                named: true,
            };
        }
        let whole = (sample.len() as u64) < SAMPLE;
        let usual = if format == Format::Tsv { b'\t' } else { b',' };
        let first_line = sample.split(|byte| *byte == b'\n').next().unwrap_or(sample);
        let mut best = (1, usual);
        // In a TSV a tab in the header is all that is asked for: its quotes may be of any kind.
        if !(format == Format::Tsv && first_line.contains(&b'\t')) {
            let others = DELIMITERS.into_iter().filter(|other| *other != usual);
            for delimiter in std::iter::once(usual).chain(others) {
                let columns = columns(sample, delimiter, whole).unwrap_or(1);
                if columns > best.0 {
                    best = (columns, delimiter);
                }
            }
        }
        Self {
            delimiter: best.1,
            quoting: true,
            named: false,
        }
    }
}

/// How many fields every record of the sample has, where they all have as many.
fn columns(sample: &[u8], delimiter: u8, whole: bool) -> Option<usize> {
    let mut records = Records::new(sample, delimiter, true, 1);
    let mut record = Record::default();
    let mut lengths = Vec::new();
    while let Ok(true) = records.next(&mut record) {
        if !is_blank(&record) {
            lengths.push(record.len());
        }
    }
    // The last one is cut off in the middle.
    if !whole && lengths.len() > 1 {
        lengths.pop();
    }
    let first = *lengths.first()?;
    lengths
        .iter()
        .all(|length| *length == first)
        .then_some(first)
}

fn is_blank(record: &Record) -> bool {
    record.len() == 1
        && !record.quoted
        && record
            .get(0)
            .is_some_and(|field| field.trim_ascii().is_empty())
}

/// Whether a file of tabs is quoted, as pandas writes it, by all of its lines. Where each line has as many
/// fields as the header, no field holds a tab or a line's end; then it is quoted if every quote at the
/// beginning of a field has its partner at the end and others are doubled, and either some are, or the header
/// or a whole column is quoted: a single sentence in quotes is a sentence in quotes. Where lines differ, it is
/// quoted if that makes all records alike.
fn is_quoted(source: &Source) -> Result<bool, DataError> {
    let mut reader = source.open()?;
    let mut line = Vec::new();
    let mut header = None;
    let (mut alike, mut paired, mut evident) = (true, true, false);
    let mut any = false;
    // Of each column, whether a field has text, and whether all that have are quoted.
    let mut columns: Vec<(bool, bool)> = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        if read.map_err(|error| source.io_error(error))? == 0 {
            break;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            continue;
        }
        let fields = text.split(|byte| *byte == b'\t');
        let count = fields.clone().count();
        let is_header = header.is_none();
        alike &= *header.get_or_insert(count) == count;
        columns.resize(columns.len().max(count), (false, true));
        for (field, (seen, all)) in fields.zip(&mut columns) {
            let quoted = field.first() == Some(&b'"');
            any |= quoted;
            if !is_header && !field.is_empty() {
                *seen = true;
                *all &= quoted;
            }
            if quoted {
                evident |= is_header;
                let inner = field[1..].strip_suffix(b"\"");
                let inner = inner.map(|inner| String::from_utf8_lossy(inner).replace("\"\"", ""));
                paired &= inner.as_ref().is_some_and(|inner| !inner.contains('"'));
                evident |= inner.is_some_and(|inner| inner.len() + 2 < field.len());
            }
        }
    }
    if !any {
        // Quoting changes nothing then.
        return Ok(true);
    }
    if alike {
        return Ok(paired && (evident || columns.contains(&(true, true))));
    }
    let mut records = Records::new(source.open()?, b'\t', true, 1);
    let mut record = Record::default();
    let mut length = None;
    loop {
        match records.next(&mut record) {
            Ok(true) if is_blank(&record) => {}
            Ok(true) if *length.get_or_insert(record.len()) == record.len() => {}
            Ok(false) => return Ok(true),
            Err(Flaw::Io(error)) => return Err(source.io_error(error)),
            _ => return Ok(false),
        }
    }
}

/// Looks at all rows, for the types of the columns, and counts them.
pub(super) fn scan(
    source: &Source,
    format: Format,
    options: &ReadOptions,
    guesses: &mut Guesses,
    warnings: &mut Vec<String>,
) -> Result<u64, DataError> {
    let mut file = CsvFile::open(source, format, options, warnings)?;
    let decimal_comma = file.dialect.delimiter != b',';
    let columns = guesses.columns(source, &file.header, decimal_comma, options)?;
    let mut rows = 0;
    while file.next()? {
        rows += 1;
        for (i, guess) in columns.iter_mut().enumerate() {
            guess.observe(file.text(i)?);
        }
    }
    Ok(rows)
}

pub(super) fn stream(
    source: &Source,
    format: Format,
    options: &ReadOptions,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut file = CsvFile::open(source, format, options, &mut Vec::new())?;
    let mut fields = vec![None; features.len()];
    for (field, name) in file.header.iter().enumerate() {
        if let Some(column) = features.position(name) {
            fields[column] = Some(field);
        }
    }
    let mut batcher = Batcher::new(features);
    while file.next()? {
        for (column, field) in fields.iter().enumerate() {
            let text = field.map_or(Ok(""), |field| file.text(field))?;
            if !batcher.push(column, typed(text, features.at(column).1)) {
                return Err(file.changed());
            }
        }
        batcher.end_row(sink)?;
    }
    batcher.flush(sink)
}

struct CsvFile<'a> {
    source: &'a Source,
    dialect: Dialect,
    records: Records<Box<dyn BufRead + 'a>>,
    header: Vec<String>,
    record: Record,
}

impl<'a> CsvFile<'a> {
    fn open(
        source: &'a Source,
        format: Format,
        options: &ReadOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Self, DataError> {
        let dialect = Dialect::of(source, format, options)?;
        let mut reader = source.open()?;
        let mut line = 1;
        if dialect.named {
            let mut naming = Vec::new();
            reader
                .read_until(b'\n', &mut naming)
                .map_err(|error| source.io_error(error))?;
            line = 2;
        }
        let mut file = Self {
            source,
            dialect,
            records: Records::new(reader, dialect.delimiter, dialect.quoting, line),
            header: Vec::new(),
            record: Record::default(),
        };
        if !file.read()? {
            return Err(source.error("the file is empty: the first line must name the columns"));
        }
        let fields: Result<Vec<String>, DataError> = (0..file.record.len())
            .map(|field| file.text(field).map(str::to_owned))
            .collect();
        file.header = super::header(source, fields?, warnings);
        Ok(file)
    }

    /// The next row, which has as many fields as the header.
    fn next(&mut self) -> Result<bool, DataError> {
        while self.read()? {
            if self.record.len() == self.header.len() {
                return Ok(true);
            }
            if !is_blank(&self.record) {
                return Err(DataError::FieldCount {
                    file: self.source.name(),
                    line: self.record.line,
                    found: self.record.len() as u64,
                    expected: self.header.len() as u64,
                });
            }
        }
        Ok(false)
    }

    fn read(&mut self) -> Result<bool, DataError> {
        self.records.next(&mut self.record).map_err(|flaw| match flaw {
            Flaw::Io(error) => self.source.io_error(error),
            Flaw::Open { line } => self.source.line_error(
                line,
                "a quote (\") at the beginning of a field is never closed: close it, or write it twice inside of quotes (\"\"\"…\") where it is part of the text",
            ),
            Flaw::Late { opened, closed } => self.source.line_error(
                opened,
                format!(
                    "a quote (\") at the beginning of a field is closed on line {closed} only, where more text follows: close it on its line, or write it twice inside of quotes (\"\"\"…\") where it is part of the text"
                ),
            ),
        })
    }

    fn text(&self, field: usize) -> Result<&str, DataError> {
        let bytes = self.record.get(field).unwrap_or_default();
        // The file was found to be UTF-8 before.
        std::str::from_utf8(bytes).map_err(|_| self.changed())
    }

    fn changed(&self) -> DataError {
        self.source.line_error(
            self.record.line,
            "the file was changed while it was read; try again",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delimiter(text: &str) -> char {
        char::from(Dialect::of_sample(text.as_bytes(), Format::Csv).delimiter)
    }

    #[test]
    fn the_separator_is_the_one_that_all_lines_have() {
        assert_eq!(delimiter("text,label\na;b,1\n"), ',');
        assert_eq!(delimiter("text;label\na, b, c;1\nd;0\n"), ';');
        assert_eq!(delimiter("text;score\na;1,5\nb;2,5\n"), ';');
        assert_eq!(delimiter("text\tlabel\na, b\t1\n"), '\t');
        assert_eq!(delimiter("text|label\na|1\n"), '|');
        assert_eq!(delimiter("a;b;c\nx, y;1;2\n"), ';');
        assert_eq!(delimiter("sep=|\na|b\n"), '|');
        // Broken or of one column: what the ending says, and the line is told.
        assert_eq!(delimiter("text,label\na,b,1\nc;d\n"), ',');
        assert_eq!(delimiter("text\nhello; you\nyes, I\n"), ',');
        assert_eq!(delimiter("text,label\n\"a;b\nc;d\",1\n"), ',');
        let tsv = Dialect::of_sample(b"text\tlabel\n\"a\t1\n", Format::Tsv);
        assert_eq!(tsv.delimiter, b'\t');
        let tsv = Dialect::of_sample(b"text,label\na,1\n", Format::Tsv);
        assert_eq!(tsv.delimiter, b',');
    }
}

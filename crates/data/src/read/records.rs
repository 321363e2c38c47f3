//! Text with separators as records of fields, as the C parser of pandas reads it, but that a quote left
//! open is an error.
//!
//! Not the crate csv, which takes the rest of the file for the field and can't tell that it did.

use std::io::{self, BufRead};

use memchr::{memchr, memchr3};

/// Fields of a record, in one buffer.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The line that it begins on, counted from 1.
    pub(super) line: u64,
    /// Whether some field was quoted.
    pub(super) quoted: bool,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn get(&self, field: usize) -> Option<&[u8]> {
        let end = *self.ends.get(field)?;
        let start = field.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.bytes[start..end])
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.quoted = false;
    }

    fn end_field(&mut self) {
        self.ends.push(self.bytes.len());
    }
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum Flaw {
    Io(io::Error),
    /// A quote on that line that is open at the end of the file.
    Open {
        line: u64,
    },
    /// A quote on that line that was closed on another line and followed by more text: two fields that
    /// each have one quote, most likely, with rows between them.
    Late {
        opened: u64,
        closed: u64,
    },
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// At the beginning of a field.
    Start,
    Plain,
    Quoted,
    /// After a quote in a quoted field: its end, or the first of two.
    Quote,
}

/// Reads records one after the other.
pub(super) struct Records<R> {
    reader: R,
    delimiter: u8,
    quoting: bool,
    /// The line of the next byte.
    line: u64,
    /// Whether the last byte was a carriage return that ended a line.
    after_return: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(reader: R, delimiter: u8, quoting: bool, line: u64) -> Self {
        Self {
            reader,
            delimiter,
            quoting,
            line,
            after_return: false,
        }
    }

    /// The next record; empty lines are none.
    pub(super) fn next(&mut self, record: &mut Record) -> Result<bool, Flaw> {
        record.clear();
        let mut state = State::Start;
        let mut opened = 0;
        loop {
            let chunk = self.reader.fill_buf().map_err(Flaw::Io)?;
            if chunk.is_empty() {
                if state == State::Quoted {
                    return Err(Flaw::Open { line: opened });
                }
                if state == State::Start && record.ends.is_empty() {
                    return Ok(false);
                }
                record.end_field();
                return Ok(true);
            }
            let mut at = 0;
            let mut ended = false;
            while at < chunk.len() && !ended {
                let rest = &chunk[at..];
                let byte = rest[0];
                if std::mem::take(&mut self.after_return) && byte == b'\n' {
                    at += 1;
                    continue;
                }
                match state {
                    State::Start if record.ends.is_empty() && matches!(byte, b'\r' | b'\n') => {
                        self.line += 1;
                        self.after_return = byte == b'\r';
                    }
                    State::Start if byte == b'"' && self.quoting => {
                        if record.ends.is_empty() {
                            record.line = self.line;
                        }
                        state = State::Quoted;
                        opened = self.line;
                        record.quoted = true;
                    }
                    State::Quoted => {
                        let length = memchr(b'"', rest).unwrap_or(rest.len());
                        let text = &rest[..length];
                        record.bytes.extend_from_slice(text);
                        self.line += memchr::memchr_iter(b'\n', text).count() as u64;
                        at += length;
                        if length < rest.len() {
                            at += 1;
                            state = State::Quote;
                        }
                        continue;
                    }
                    State::Quote if byte == b'"' => {
                        record.bytes.push(b'"');
                        state = State::Quoted;
                    }
                    State::Start | State::Plain | State::Quote => {
                        if state == State::Start && record.ends.is_empty() {
                            record.line = self.line;
                        }
                        if byte == self.delimiter {
                            record.end_field();
                            state = State::Start;
                        } else if matches!(byte, b'\r' | b'\n') {
                            record.end_field();
                            self.line += 1;
                            self.after_return = byte == b'\r';
                            ended = true;
                        } else {
                            if state == State::Quote && opened != self.line {
                                return Err(Flaw::Late {
                                    opened,
                                    closed: self.line,
                                });
                            }
                            state = State::Plain;
                            let length = memchr3(self.delimiter, b'\r', b'\n', rest);
                            let length = length.unwrap_or(rest.len());
                            record.bytes.extend_from_slice(&rest[..length]);
                            at += length;
                            continue;
                        }
                    }
                }
                at += 1;
            }
            self.reader.consume(at);
            if ended {
                return Ok(true);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// Lines and fields, read through a buffer of so many bytes.
    fn read(text: &str, buffer: usize) -> Result<Vec<(u64, Vec<String>)>, Flaw> {
        let reader = BufReader::with_capacity(buffer, text.as_bytes());
        let mut records = Records::new(reader, b',', true, 1);
        let mut record = Record::default();
        let mut all = Vec::new();
        while records.next(&mut record)? {
            let field = |i| String::from_utf8(record.get(i).unwrap().to_vec()).unwrap();
            all.push((record.line, (0..record.len()).map(field).collect()));
        }
        Ok(all)
    }

    #[test]
    fn fields_are_those_of_pandas_whatever_the_buffer() {
        let text = "a,b\r\n\r\n\"x, \"\"y\"\"\n\",\"\"\r\n1,\"two\" three\rlast,,\n,\n\"\"";
        for buffer in [1, 2, 3, 7, 100] {
            let rows = read(text, buffer).unwrap();
            let rows: Vec<(u64, Vec<&str>)> = rows
                .iter()
                .map(|(line, fields)| (*line, fields.iter().map(String::as_str).collect()))
                .collect();
            assert_eq!(
                rows,
                [
                    (1, vec!["a", "b"]),
                    (3, vec!["x, \"y\"\n", ""]),
                    (5, vec!["1", "two three"]),
                    (6, vec!["last", "", ""]),
                    (7, vec!["", ""]),
                    (8, vec![""]),
                ],
                "{buffer}"
            );
        }
    }

    #[test]
    fn quotes_that_swallow_rows_are_told() {
        let open = read("a,b\n1,\"x\n2,y\n3,z\n", 5);
        assert!(matches!(open, Err(Flaw::Open { line: 2 })), "{open:?}");
        let late = read("a,b\n1,\"x\n2,y\n3,\"z\"\n", 5);
        assert!(
            matches!(
                late,
                Err(Flaw::Late {
                    opened: 2,
                    closed: 4
                })
            ),
            "{late:?}"
        );
    }
}

//! Text files become UTF-8: those with a byte order mark, those of Excel and PowerShell in UTF-16, and
//! those of older programs in Windows-1252.
//!
//! The table of Windows-1252 is the only one here. The crate encoding_rs has those of every language, a
//! twentieth of what a browser downloads, and bytes alone don't say which of them was meant.

use std::io::{self, BufRead, Read};

use super::packed::STEP;

/// How a text file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
    Windows1252,
}

impl Encoding {
    /// The name to tell people; `None` for the usual one.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Self::Utf8 => None,
            Self::Utf16Le | Self::Utf16Be => Some("UTF-16"),
            Self::Windows1252 => Some("Windows-1252"),
        }
    }
}

/// Why a file is no text.
#[derive(Debug)]
pub(super) enum Flaw {
    Io(io::Error),
    /// The first byte that no encoding explains.
    Byte {
        line: u64,
        column: usize,
    },
    /// Wrong as a whole, with what to do.
    File(&'static str),
}

/// Characters 0x80 to 0x9f of Windows-1252; five of them are none.
const HIGH: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039,
    0x0152, 0, 0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc,
    0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

fn windows_1252(byte: u8) -> Option<char> {
    match byte {
        0x80..=0x9f => match HIGH[usize::from(byte - 0x80)] {
            0 => None,
            code => char::from_u32(u32::from(code)),
        },
        _ => Some(char::from(byte)),
    }
}

/// Reads all of a file to tell how it is written.
pub(super) fn detect(reader: &mut dyn BufRead) -> Result<Encoding, Flaw> {
    let mut tally = Tally::default();
    let mut head = Vec::new();
    (&mut *reader)
        .take(4096)
        .read_to_end(&mut head)
        .map_err(Flaw::Io)?;
    if head.starts_with(b"\xff\xfe\0\0") || head.starts_with(b"\0\0\xfe\xff") {
        return Err(Flaw::File(
            "the text is in UTF-32: save it with the encoding UTF-8",
        ));
    }
    if let Some(found) = utf_16(&head) {
        return Ok(found);
    }
    tally.add(&head);
    loop {
        let chunk = reader.fill_buf().map_err(Flaw::Io)?;
        if chunk.is_empty() {
            break;
        }
        tally.add(chunk);
        let used = chunk.len();
        reader.consume(used);
    }
    tally.end()
}

/// By the mark at the beginning, else by every other byte being zero.
fn utf_16(head: &[u8]) -> Option<Encoding> {
    if head.starts_with(b"\xff\xfe") {
        return Some(Encoding::Utf16Le);
    }
    if head.starts_with(b"\xfe\xff") {
        return Some(Encoding::Utf16Be);
    }
    // A header of names that everybody can type.
    if let [a, b, c, d, ..] = head {
        match [*a == 0, *b == 0, *c == 0, *d == 0] {
            [false, true, false, true] => return Some(Encoding::Utf16Le),
            [true, false, true, false] => return Some(Encoding::Utf16Be),
            _ => {}
        }
    }
    let zeros = |offset: usize| {
        head.iter()
            .skip(offset)
            .step_by(2)
            .filter(|b| **b == 0)
            .count()
    };
    let (first, second) = (zeros(0), zeros(1));
    // The separators alone make up so many, whatever the script.
    let many = |count: usize, other: usize| count > other * 8 && count * 8 > head.len() / 2;
    if head.len() >= 32 && many(second, first) {
        Some(Encoding::Utf16Le)
    } else if head.len() >= 32 && many(first, second) {
        Some(Encoding::Utf16Be)
    } else {
        None
    }
}

/// Counts what speaks for UTF-8 and what for Windows-1252.
#[derive(Default)]
struct Tally {
    /// A character that the last chunk began.
    rest: Vec<u8>,
    /// Characters of two bytes and more.
    wide: u64,
    /// Bytes that are no UTF-8.
    wrong: u64,
    /// Of these, those next to another one.
    neighbours: u64,
    /// Of these, those that are nothing in Windows-1252.
    undefined: u64,
    previous_wrong: bool,
    newlines: u64,
    line_start: u64,
    position: u64,
    /// Line and byte in the line of the first wrong one.
    first: Option<(u64, usize)>,
}

impl Tally {
    fn add(&mut self, chunk: &[u8]) {
        let joined;
        let mut bytes = chunk;
        if !self.rest.is_empty() {
            self.rest.extend_from_slice(chunk);
            joined = std::mem::take(&mut self.rest);
            bytes = &joined;
        }
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => return self.good(text.as_bytes()),
                Err(error) => {
                    let (good, bad) = bytes.split_at(error.valid_up_to());
                    self.good(good);
                    let Some(length) = error.error_len() else {
                        self.rest = bad.to_vec();
                        return;
                    };
                    let (bad, after) = bad.split_at(length);
                    bad.iter().for_each(|byte| self.bad(*byte));
                    bytes = after;
                }
            }
        }
    }

    fn good(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.previous_wrong = false;
        if !bytes.is_ascii() {
            self.wide += bytes.iter().filter(|byte| **byte >= 0xc0).count() as u64;
        }
        if self.first.is_none() {
            for at in memchr::memchr_iter(b'\n', bytes) {
                self.newlines += 1;
                self.line_start = self.position + at as u64 + 1;
            }
        }
        self.position += bytes.len() as u64;
    }

    fn bad(&mut self, byte: u8) {
        if self.first.is_none() {
            let column = usize::try_from(self.position - self.line_start).unwrap_or(usize::MAX);
            self.first = Some((self.newlines + 1, column));
        }
        self.wrong += 1;
        self.neighbours += u64::from(self.previous_wrong);
        self.undefined += u64::from(windows_1252(byte).is_none());
        self.previous_wrong = true;
        self.position += 1;
    }

    fn end(mut self) -> Result<Encoding, Flaw> {
        for byte in std::mem::take(&mut self.rest) {
            self.bad(byte);
        }
        let Some((line, column)) = self.first else {
            return Ok(Encoding::Utf8);
        };
        // Damaged UTF-8 has both. In other one-byte encodings (Cyrillic, Greek) and in those of two
        // bytes, words are runs of such bytes; in Western languages they stand alone.
        let western = self.undefined == 0
            && self.wide * 20 <= self.wrong
            && self.neighbours * 4 <= self.wrong;
        if western {
            Ok(Encoding::Windows1252)
        } else {
            Err(Flaw::Byte { line, column })
        }
    }
}

/// A file's text as UTF-8, without its byte order mark.
pub(super) fn decode<'a>(
    encoding: Encoding,
    mut reader: Box<dyn BufRead + 'a>,
) -> io::Result<Box<dyn BufRead + 'a>> {
    if encoding == Encoding::Utf8 {
        let mark = b"\xef\xbb\xbf";
        // A first piece shorter than the mark comes from readers of a few bytes only.
        if reader.fill_buf()?.starts_with(mark) {
            reader.consume(mark.len());
        }
        return Ok(reader);
    }
    Ok(Box::new(io::BufReader::with_capacity(
        STEP,
        Decoded {
            reader,
            encoding,
            text: String::new(),
            taken: 0,
            unit: None,
            surrogate: None,
            at_start: true,
        },
    )))
}

struct Decoded<R> {
    reader: R,
    encoding: Encoding,
    text: String,
    taken: usize,
    /// The first byte of a pair.
    unit: Option<u8>,
    surrogate: Option<u16>,
    at_start: bool,
}

impl<R: BufRead> Decoded<R> {
    /// Decodes the next piece; nothing is left in `text`.
    fn fill(&mut self) -> io::Result<()> {
        self.text.clear();
        self.taken = 0;
        while self.text.is_empty() {
            let chunk = self.reader.fill_buf()?;
            let used = chunk.len();
            if used == 0 {
                if self.surrogate.take().is_some() | self.unit.take().is_some() {
                    self.text.push(char::REPLACEMENT_CHARACTER);
                }
                return Ok(());
            }
            if self.encoding == Encoding::Windows1252 {
                let unknown = char::REPLACEMENT_CHARACTER;
                let text = chunk
                    .iter()
                    .map(|byte| windows_1252(*byte).unwrap_or(unknown));
                self.text.extend(text);
            } else {
                for byte in chunk {
                    let Some(first) = self.unit.take() else {
                        self.unit = Some(*byte);
                        continue;
                    };
                    let pair = [first, *byte];
                    let unit = match self.encoding {
                        Encoding::Utf16Be => u16::from_be_bytes(pair),
                        _ => u16::from_le_bytes(pair),
                    };
                    let units = match self.surrogate.take() {
                        Some(high) => [Some(high), Some(unit)],
                        None if (0xd800..0xdc00).contains(&unit) => {
                            self.surrogate = Some(unit);
                            continue;
                        }
                        None => [None, Some(unit)],
                    };
                    let decoded = char::decode_utf16(units.into_iter().flatten())
                        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                        .filter(|c| !(self.at_start && *c == '\u{feff}'));
                    self.text.extend(decoded);
                    self.at_start = false;
                }
            }
            self.reader.consume(used);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.text.len() {
            self.fill()?;
        }
        let left = &self.text.as_bytes()[self.taken..];
        let count = left.len().min(bytes.len());
        bytes[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

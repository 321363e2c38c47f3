//! The first sheet of an .xlsx workbook that has rows, its first row a header, with values as pandas'
//! `read_excel` gives them: numbers, true and false, dates as text.
//!
//! A workbook is a zip of XML files: the sheets, the texts that they share, and styles, which alone tell a
//! date from a number.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use zip::ZipArchive;

use super::guess::{Guesses, typed};
use super::{Batcher, ReadOptions, Sink, Source};
use crate::{DataError, Features};

/// Bytes that a part of a workbook may always have, and those it may have for each byte of the file.
const FREE: u64 = 64 << 20;
const RATIO: u64 = 200;
/// The columns that Excel has.
const MOST_COLUMNS: usize = 1 << 14;

/// A cell: what it says, and whether it is text rather than a number.
#[derive(Clone, Debug, Default, PartialEq)]
struct Cell {
    text: String,
    is_text: bool,
}

/// A sheet's rows that have anything in them, with their numbers.
type Rows = Vec<(u64, Vec<Cell>)>;

pub(super) fn scan(
    source: &Source,
    options: &ReadOptions,
    guesses: &mut Guesses,
    warnings: &mut Vec<String>,
) -> Result<(), DataError> {
    let table = Table::open(source, warnings)?;
    let columns = guesses.columns(source, &table.header, false, options)?;
    for (_, row) in &table.rows {
        for (i, guess) in columns.iter_mut().enumerate() {
            match row.get(i) {
                Some(cell) if cell.is_text => guess.observe_text(&cell.text),
                Some(cell) => guess.observe(&cell.text),
                None => guess.observe(""),
            }
        }
    }
    Ok(())
}

pub(super) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let table = Table::open(source, &mut Vec::new())?;
    let mut fields = vec![None; features.len()];
    for (field, name) in table.header.iter().enumerate() {
        if let Some(column) = features.position(name) {
            fields[column] = Some(field);
        }
    }
    let mut batcher = Batcher::new(features);
    for (number, row) in &table.rows {
        for (column, field) in fields.iter().enumerate() {
            let cell = field.and_then(|field| row.get(field));
            let text = cell.map_or("", |cell| cell.text.as_str());
            if !batcher.push(column, typed(text, features.at(column).1)) {
                return Err(
                    source.line_error(*number, "the file was changed while it was read; try again")
                );
            }
        }
        batcher.end_row(sink)?;
    }
    batcher.flush(sink)
}

/// A header and the rows below it.
struct Table {
    header: Vec<String>,
    rows: Rows,
}

impl Table {
    fn open(source: &Source, warnings: &mut Vec<String>) -> Result<Self, DataError> {
        let bytes = source.read()?;
        // A damaged workbook may make a library panic; natively that is an error as well.
        let read = catch_unwind(AssertUnwindSafe(|| Workbook::read(bytes)));
        let (mut rows, note) = read
            .unwrap_or_else(|_| Err("its reader gave up".to_owned()))
            .map_err(|reason| {
                source.error(format!(
                    "the workbook can't be read ({reason}): save it again, or save the sheet as CSV"
                ))
            })?;
        if let Some(note) = note {
            warnings.push(format!("{}: {note}", source.name()));
        }
        if rows.is_empty() {
            return Err(source.error("the workbook has no rows: the first must name the columns"));
        }
        // A table may stand anywhere on its sheet.
        let first = |row: &Vec<Cell>| row.iter().position(|cell| !cell.text.is_empty());
        let left = rows.iter().filter_map(|(_, row)| first(row)).min();
        for (_, row) in &mut rows {
            row.drain(..left.unwrap_or(0));
        }
        let (_, names) = rows.remove(0);
        let names = names.into_iter().map(|cell| cell.text).collect();
        let header = super::header(source, names, warnings);
        for (number, row) in &rows {
            if row.len() > header.len() {
                return Err(source.line_error(
                    *number,
                    format!(
                        "a cell to the right of the {} columns that the first row names: name its column, or remove it",
                        header.len()
                    ),
                ));
            }
        }
        Ok(Self { header, rows })
    }
}

/// The parts of a workbook.
struct Workbook {
    archive: ZipArchive<Cursor<Bytes>>,
    strings: Vec<String>,
    /// Of each style, whether its numbers are dates.
    dates: Vec<bool>,
    from_1904: bool,
    /// Bytes that a part may have.
    most: u64,
}

impl Workbook {
    /// The rows of the first sheet that has any, and what to tell of the others.
    fn read(bytes: Bytes) -> Result<(Rows, Option<String>), String> {
        let most = FREE.max(bytes.len() as u64 * RATIO);
        let archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
        let mut workbook = Self {
            archive,
            most,
            strings: Vec::new(),
            dates: Vec::new(),
            from_1904: false,
        };
        let sheets = workbook.sheets()?;
        workbook.strings = workbook.shared_strings()?;
        workbook.dates = workbook.date_styles()?;
        for (i, (name, path)) in sheets.iter().enumerate() {
            let rows = workbook.sheet(path)?;
            if rows.is_empty() && i + 1 < sheets.len() {
                continue;
            }
            let note = (sheets.len() > 1)
                .then(|| format!("of its {} sheets, {name:?} is read", sheets.len()));
            return Ok((rows, note));
        }
        Err("it has no sheets".to_owned())
    }

    /// A part as text; `None` where there is none of that name.
    fn part(&mut self, name: &str) -> Result<Option<String>, String> {
        let Some(index) = self.archive.index_for_name(name) else {
            return Ok(None);
        };
        let part = self
            .archive
            .by_index(index)
            .map_err(|error| format!("{name}: {error}"))?;
        let mut bytes = Vec::new();
        let most = self.most;
        part.take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("{name}: {error}"))?;
        if bytes.len() as u64 > most {
            return Err(format!("{name} unpacks to more than {} MB", most >> 20));
        }
        let text = String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8"))?;
        Ok(Some(text))
    }

    /// Names and parts of the sheets, in their order.
    fn sheets(&mut self) -> Result<Vec<(String, String)>, String> {
        let book = self.part("xl/workbook.xml")?.unwrap_or_default();
        let relations = self.part("xl/_rels/workbook.xml.rels")?.unwrap_or_default();
        let mut targets = HashMap::new();
        elements(&relations, |tag| {
            if let (b"Relationship", Some(id), Some(target)) = (
                tag.local_name().as_ref(),
                attribute(tag, b"Id"),
                attribute(tag, b"Target"),
            ) {
                let path = match target.strip_prefix('/') {
                    Some(path) => path.to_owned(),
                    None => format!("xl/{target}"),
                };
                targets.insert(id, path);
            }
        })?;
        let mut sheets = Vec::new();
        let mut from_1904 = false;
        elements(&book, |tag| match tag.local_name().as_ref() {
            b"workbookPr" => {
                let value = attribute(tag, b"date1904");
                from_1904 = matches!(value.as_deref(), Some("1" | "true"));
            }
            b"sheet" => {
                let path = attribute(tag, b"id").and_then(|id| targets.get(&id).cloned());
                // Charts are listed as sheets too.
                if let Some(path) = path.filter(|path| !path.contains("chartsheets/")) {
                    sheets.push((attribute(tag, b"name").unwrap_or_default(), path));
                }
            }
            _ => {}
        })?;
        self.from_1904 = from_1904;
        Ok(sheets)
    }

    fn shared_strings(&mut self) -> Result<Vec<String>, String> {
        let text = self.part("xl/sharedStrings.xml")?.unwrap_or_default();
        let mut strings = Vec::new();
        let mut current = String::new();
        walk(&text, |event| {
            match event {
                Xml::Start(tag) if tag.local_name().as_ref() == b"si" => current.clear(),
                Xml::Text(text, inside) if inside.is_text() => current.push_str(text),
                Xml::End(b"si") => strings.push(unescaped(&current)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(strings)
    }

    fn date_styles(&mut self) -> Result<Vec<bool>, String> {
        let text = self.part("xl/styles.xml")?.unwrap_or_default();
        let mut formats: HashMap<u32, bool> = HashMap::new();
        let mut styles = Vec::new();
        let mut in_cells = false;
        walk(&text, |event| {
            match event {
                Xml::Start(tag) => match tag.local_name().as_ref() {
                    b"numFmt" => {
                        let id = attribute(tag, b"numFmtId").and_then(|id| id.parse().ok());
                        if let (Some(id), Some(code)) = (id, attribute(tag, b"formatCode")) {
                            formats.insert(id, is_date(&code));
                        }
                    }
                    b"cellXfs" => in_cells = true,
                    b"xf" if in_cells => {
                        let id = attribute(tag, b"numFmtId").and_then(|id| id.parse().ok());
                        let id: u32 = id.unwrap_or(0);
                        let built_in = matches!(id, 14..=22 | 27..=36 | 45..=47 | 50..=58);
                        styles.push(formats.get(&id).copied().unwrap_or(built_in));
                    }
                    _ => {}
                },
                Xml::End(b"cellXfs") => in_cells = false,
                _ => {}
            }
            Ok(())
        })?;
        Ok(styles)
    }

    fn sheet(&mut self, path: &str) -> Result<Rows, String> {
        let text = self
            .part(path)?
            .ok_or_else(|| format!("{path} is missing"))?;
        let mut rows: Rows = Vec::new();
        let mut row: Vec<Cell> = Vec::new();
        let (mut number, mut column) = (0_u64, 0_usize);
        let (mut kind, mut style) = (String::new(), 0_usize);
        let mut value = String::new();
        walk(&text, |event| {
            match event {
                Xml::Start(tag) => match tag.local_name().as_ref() {
                    b"row" => {
                        let written = attribute(tag, b"r").and_then(|r| r.parse().ok());
                        number = written.unwrap_or(number + 1);
                        column = 0;
                        row.clear();
                    }
                    b"c" => {
                        if let Some(place) = attribute(tag, b"r").as_deref().and_then(column_of) {
                            column = place;
                        }
                        if column >= MOST_COLUMNS {
                            return Err(format!("row {number} has more cells than Excel allows"));
                        }
                        kind = attribute(tag, b"t").unwrap_or_default();
                        let written = attribute(tag, b"s").and_then(|s| s.parse().ok());
                        style = written.unwrap_or(0);
                        value.clear();
                    }
                    _ => {}
                },
                Xml::Text(text, inside) if inside.is_value() || inside.is_text() => {
                    value.push_str(text);
                }
                Xml::End(b"c") => {
                    let cell = self.cell(&kind, style, &value)?;
                    if !cell.text.is_empty() {
                        row.resize(row.len().max(column + 1), Cell::default());
                        row[column] = cell;
                    }
                    column += 1;
                }
                Xml::End(b"row") if !row.is_empty() => {
                    rows.push((number, std::mem::take(&mut row)));
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn cell(&self, kind: &str, style: usize, value: &str) -> Result<Cell, String> {
        let text = |text: String| Cell {
            text,
            is_text: true,
        };
        let plain = |text: String| Cell {
            text,
            is_text: false,
        };
        Ok(match kind {
            "s" if value.is_empty() => Cell::default(),
            "s" => {
                let shared = value.trim().parse::<usize>().ok();
                let shared = shared.and_then(|index| self.strings.get(index));
                text(
                    shared
                        .cloned()
                        .ok_or_else(|| format!("it has no text number {value}"))?,
                )
            }
            "str" | "inlineStr" | "d" => text(unescaped(value)),
            "b" => plain(if value == "1" { "True" } else { "False" }.to_owned()),
            // Errors such as #N/A: missing, as in pandas.
            "e" => Cell::default(),
            _ if self.dates.get(style) == Some(&true) => match value.parse() {
                Ok(serial) => text(date(serial, self.from_1904)),
                Err(_) => plain(value.to_owned()),
            },
            _ => match value.parse::<f64>() {
                // Excel has no whole numbers: 3 may be written as 3.0 or 3E0.
                Ok(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                    plain(format!("{number:.0}"))
                }
                _ => plain(value.to_owned()),
            },
        })
    }
}

/// `_x000D_` and the like stand for characters that XML has not.
fn unescaped(text: &str) -> String {
    let mut parts = text.split("_x");
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part
            .get(..4)
            .and_then(|code| u32::from_str_radix(code, 16).ok());
        match code.and_then(char::from_u32).zip(part.get(4..)) {
            Some((c, rest)) if rest.starts_with('_') => {
                whole.push(c);
                whole.push_str(&rest[1..]);
            }
            _ => {
                whole.push_str("_x");
                whole.push_str(part);
            }
        }
    }
    whole
}

/// The column of a reference such as `AB12`, counted from 0.
fn column_of(reference: &str) -> Option<usize> {
    let mut column = 0_usize;
    for letter in reference.bytes().take_while(u8::is_ascii_alphabetic) {
        let digit = usize::from(letter.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(digit)?;
    }
    column.checked_sub(1)
}

/// Whether a number format shows a date or a time: it has letters for one outside of quotes and brackets.
fn is_date(format: &str) -> bool {
    let mut chars = format.chars();
    let mut found = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => while chars.next().is_some_and(|c| c != '"') {},
            '[' => {
                let inside: String = chars.by_ref().take_while(|c| *c != ']').collect();
                // [h] counts hours beyond a day; [Red] and [$-409] are colours and places.
                found |= matches!(
                    inside.to_lowercase().as_str(),
                    "h" | "hh" | "m" | "mm" | "s" | "ss"
                );
            }
            '\\' | '_' | '*' => {
                chars.next();
            }
            'd' | 'm' | 'y' | 'h' | 's' | 'D' | 'M' | 'Y' | 'H' | 'S' => found = true,
            // General, and other words.
            'G' | 'g' => return found,
            _ => {}
        }
    }
    found
}

/// A day number of Excel as ISO 8601, with the time where there is one.
fn date(serial: f64, from_1904: bool) -> String {
    let days = serial.floor();
    if !(0.0..3e6).contains(&days) {
        return serial.to_string();
    }
    let seconds = ((serial - days) * 86_400.0).round() as i64;
    // Excel has a 29 February 1900, so that its days are off by one before March.
    let epoch = if from_1904 {
        -24_107
    } else if days < 60.0 {
        -25_568
    } else {
        -25_569
    };
    let day = days as i64 + epoch + seconds / 86_400;
    let seconds = seconds % 86_400;
    let (year, month, day) = civil(day);
    let time = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    match (days == 0.0 && !from_1904, seconds) {
        (true, _) => time,
        (_, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {time}"),
    }
}

/// The date so many days after 1 January 1970 (Howard Hinnant's `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Where a text stands.
#[derive(Clone, Copy)]
struct Inside<'a> {
    element: &'a [u8],
    /// In a reading aid above the text (furigana), which is not part of it.
    phonetic: bool,
}

impl Inside<'_> {
    fn is_text(self) -> bool {
        self.element == b"t" && !self.phonetic
    }

    fn is_value(self) -> bool {
        self.element == b"v"
    }
}

/// What a walk through XML meets.
enum Xml<'a> {
    Start(&'a BytesStart<'a>),
    Text(&'a str, Inside<'a>),
    End(&'a [u8]),
}

fn walk(text: &str, mut visit: impl FnMut(Xml<'_>) -> Result<(), String>) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut element: Vec<u8> = Vec::new();
    let mut phonetic = false;
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(tag) => {
                element = tag.local_name().as_ref().to_vec();
                phonetic |= element == b"rPh";
                visit(Xml::Start(&tag))?;
            }
            Event::Empty(tag) => {
                visit(Xml::Start(&tag))?;
                visit(Xml::End(tag.local_name().as_ref()))?;
            }
            Event::End(tag) => {
                element.clear();
                let name = tag.local_name();
                phonetic &= name.as_ref() != b"rPh";
                visit(Xml::End(name.as_ref()))?;
            }
            Event::Text(part) => {
                let part = part.decode().map_err(|error| error.to_string())?;
                let inside = Inside {
                    element: &element,
                    phonetic,
                };
                visit(Xml::Text(&part, inside))?;
            }
            Event::CData(part) => {
                let part = part.decode().map_err(|error| error.to_string())?;
                let inside = Inside {
                    element: &element,
                    phonetic,
                };
                visit(Xml::Text(&part, inside))?;
            }
            Event::GeneralRef(name) => {
                let whole = format!("&{};", name.decode().map_err(|error| error.to_string())?);
                let part =
                    quick_xml::escape::unescape(&whole).map_err(|error| error.to_string())?;
                let inside = Inside {
                    element: &element,
                    phonetic,
                };
                visit(Xml::Text(&part, inside))?;
            }
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn elements(text: &str, mut visit: impl FnMut(&BytesStart<'_>)) -> Result<(), String> {
    walk(text, |event| {
        if let Xml::Start(tag) = event {
            visit(tag);
        }
        Ok(())
    })
}

/// An attribute by its name without a prefix.
fn attribute(tag: &BytesStart<'_>, name: &[u8]) -> Option<String> {
    let found = tag
        .attributes()
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    let text = std::str::from_utf8(&found.value).ok()?;
    Some(quick_xml::escape::unescape(text).ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(1.0, false), "1900-01-01");
        assert_eq!(date(61.0, false), "1900-03-01");
        assert_eq!(date(45_351.0, false), "2024-02-29");
        assert_eq!(date(45_351.75, false), "2024-02-29 18:00:00");
        assert_eq!(date(43_889.0, true), "2024-02-29");
        assert_eq!(date(0.5, false), "12:00:00");
        assert_eq!(date(1e9, false), "1000000000");
    }

    #[test]
    fn formats_of_dates_are_known_by_their_letters() {
        for code in [
            "yyyy-mm-dd",
            "d. mmm",
            "[$-409]h:mm AM/PM",
            "[h]:mm",
            "mm:ss.0",
        ] {
            assert!(is_date(code), "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0 \"days\"",
            "[Red]0",
            "0.0_d",
            "@",
            "\\d0",
        ] {
            assert!(!is_date(code), "{code}");
        }
    }

    #[test]
    fn references_and_escapes() {
        assert_eq!(column_of("A1"), Some(0));
        assert_eq!(column_of("ab12"), Some(27));
        assert_eq!(column_of("12"), None);
        assert_eq!(column_of(&"Z".repeat(40)), None);
        assert_eq!(unescaped("a_x000D_\nb_x_y_x00e9"), "a\r\nb_x_y_x00e9");
    }
}

//! The parts of a workbook: its sheets, the texts that they share, and the styles.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::ZipArchive;

use super::dates::{date, is_date};
use super::xml::{Xml, attribute, elements, unescaped, walk};

/// Bytes that a part of a workbook may always have, and those it may have for each byte of the file.
const FREE: u64 = 64 << 20;
const RATIO: u64 = 200;
/// The columns that Excel has.
const MOST_COLUMNS: usize = 1 << 14;

/// A cell: what it says, and whether it is text rather than a number.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) is_text: bool,
}

/// A sheet's rows that have anything in them, with their numbers.
pub(super) type Rows = Vec<(u64, Vec<Cell>)>;

/// The parts of a workbook.
pub(super) struct Workbook {
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
    pub(super) fn read(bytes: Bytes) -> Result<(Rows, Option<String>), String> {
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

/// The column of a reference such as `AB12`, counted from 0.
fn column_of(reference: &str) -> Option<usize> {
    let mut column = 0_usize;
    for letter in reference.bytes().take_while(u8::is_ascii_alphabetic) {
        let digit = usize::from(letter.to_ascii_uppercase() - b'A') + 1;
        column = column.checked_mul(26)?.checked_add(digit)?;
    }
    column.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_columns() {
        assert_eq!(column_of("A1"), Some(0));
        assert_eq!(column_of("ab12"), Some(27));
        assert_eq!(column_of("12"), None);
        assert_eq!(column_of(&"Z".repeat(40)), None);
    }
}

//! Standard output and standard error. `println!` and `eprintln!` panic when their reader has gone, as
//! in `tunesmith data … | head`; here the one is an error which ends the command quietly, and the other
//! is nothing: there is nobody left to tell, and the work goes on.

use std::fmt;
use std::io::{self, Write};

use anyhow::{Context, Result};

use crate::escape::visible;

/// Whoever read our output wants no more of it.
#[derive(Debug)]
pub struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the reader of the output has closed it")
    }
}

impl std::error::Error for ReaderGone {}

/// Writes a line to standard output, with what a terminal would obey made visible.
///
/// # Errors
/// [`ReaderGone`], or that the output can't be written (a full disk behind `>`).
pub fn line(text: impl fmt::Display) -> Result<()> {
    let text = visible(&text.to_string());
    let written = writeln!(io::stdout().lock(), "{text}");
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        written => written.context("can't write to standard output"),
    }
}

/// Writes a line to standard error, if it has a reader. The text is made before anything is locked,
/// and goes out in one piece, with what a terminal would obey made visible.
pub fn note(text: impl fmt::Display) {
    let line = format!("{}\n", visible(&text.to_string()));
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Rows of cells under headings, every column as wide as its widest cell: the first to the left,
/// the others to the right.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Seconds as `7 s`, `2:05` or `1:02:05`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest} s"),
        (0, _) => format!("{minutes}:{rest:02}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}"),
    }
}

/// Bytes as `90.9 MB`.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up() {
        let rows = [["token", "id"], ["[CLS]", "101"], ["é", "7"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "token   id\n[CLS]  101\né        7");
    }

    #[test]
    fn seconds_read_as_on_a_clock() {
        assert_eq!([7.4, 125.0, 3725.0].map(clock), ["7 s", "2:05", "1:02:05"]);
    }
}

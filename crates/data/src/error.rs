//! One error type for the crate. Each message says what is wrong, where (file, line, row, column)
//! and what to do about it, because it is shown to a person as it is.

use std::io;
use std::path::{Path, PathBuf};

use strsim::levenshtein;

/// What can go wrong between a file and a batch.
///
/// Rows are counted from 0, as `dataset[row]` counts them; lines of text files from 1, as editors do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}{}", path.display(), io_hint(source))]
    Io {
        /// What was tried, as a verb: "read", "write".
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A parquet file that its reader gave up on.
    #[error(
        "{file} is not a readable parquet file ({reason}). It may be cut short or damaged: download or write it again"
    )]
    Parquet {
        /// The file.
        file: String,
        /// The reader's own words.
        reason: String,
    },
    /// A parquet file compressed by a codec that is not built in.
    #[error(
        "{file}: the column '{column}' is compressed with {codec}, which is not read. Write it again: `write_parquet(path)` in polars, `to_parquet(path)` in pandas and datasets"
    )]
    Codec {
        /// The file.
        file: String,
        /// The first column that has it.
        column: String,
        /// The codec's name.
        codec: String,
    },
    /// A line of a CSV or TSV file with more or fewer fields than the header.
    #[error(
        "{file}, line {line}: {found} fields where the header has {expected}. Look for a separator inside unquoted text, or a quote that is not closed"
    )]
    FieldCount {
        /// The file.
        file: String,
        /// Counted from 1, the header included.
        line: u64,
        /// Fields on this line.
        found: u64,
        /// Fields in the header.
        expected: u64,
    },
    /// Text that is neither UTF-8 nor in another encoding that can be told.
    #[error(
        "{file}, line {line}: byte {byte} of the line is not UTF-8, and the file is not UTF-16 or Windows-1252 either. Save it with the encoding UTF-8"
    )]
    NotUtf8 {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Offset of the first bad byte within the line, counted from 0.
        byte: usize,
    },
    /// A text file whose lines cannot be understood.
    #[error("{file}, line {line}: {reason}")]
    Line {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A file that is wrong as a whole.
    #[error("{file}: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// A column that is not there.
    #[error(
        "there is no column {column:?}; the columns are {}{}",
        list(columns),
        nearest(column, columns)
    )]
    NoColumn {
        /// The name asked for.
        column: String,
        /// The names there are.
        columns: Vec<String>,
    },
    /// A column name that is taken.
    #[error("there is already a column {column:?}: choose another name, or remove that one first")]
    DuplicateColumn {
        /// The name.
        column: String,
    },
    /// A split that is not there.
    #[error(
        "there is no split {split:?}; the splits are {}{}",
        list(splits),
        nearest(split, splits)
    )]
    NoSplit {
        /// The name asked for.
        split: String,
        /// The names there are.
        splits: Vec<String>,
    },
    /// A configuration that is not there, or was not given where several exist.
    #[error("{}", config_message(place, config.as_deref(), configs))]
    NoConfig {
        /// The folder or repository.
        place: String,
        /// The name asked for, if one was.
        config: Option<String>,
        /// The names there are.
        configs: Vec<String>,
    },
    /// Nothing to read where data was expected.
    #[error("no data files in {place}: expected files such as {expected}")]
    NoFiles {
        /// The folder or repository.
        place: String,
        /// An example of what would be found.
        expected: String,
    },
    /// A row number past the end.
    #[error("row {row} does not exist: there are {num_rows} rows, counted from 0")]
    RowOutOfRange {
        /// The row asked for.
        row: usize,
        /// The rows there are.
        num_rows: usize,
    },
    /// A value of another type than was needed.
    #[error("row {row}, column {column:?}: {found}, but {expected}")]
    Value {
        /// Counted from 0.
        row: usize,
        /// The column.
        column: String,
        /// The value found, as it prints.
        found: String,
        /// What was needed and what to do.
        expected: String,
    },
    /// A column of a type that this operation cannot use.
    #[error("column {column:?} is {dtype}: {reason}")]
    ColumnType {
        /// The column.
        column: String,
        /// Its feature, as it prints.
        dtype: String,
        /// What was needed and what to do.
        reason: String,
    },
    /// A label outside the classes.
    #[error(
        "row {row}, column {column:?}: label {label} is out of range, the classes are 0 to {}{}",
        num_labels.saturating_sub(1), unlabelled_hint(*label)
    )]
    LabelOutOfRange {
        /// Counted from 0.
        row: usize,
        /// The label column.
        column: String,
        /// The label found.
        label: i64,
        /// The number of classes.
        num_labels: usize,
    },
    /// A row without a label.
    #[error(
        "row {row}, column {column:?}: the label is missing (null). Fill it in, or filter such rows out"
    )]
    NullLabel {
        /// Counted from 0.
        row: usize,
        /// The label column.
        column: String,
    },
    /// Labels that are all the same.
    #[error(
        "column {column:?}: all {num_rows} rows have the same label, {label}; there is nothing to tell apart. Check that the right column was chosen"
    )]
    OneClass {
        /// The label column.
        column: String,
        /// The rows looked at.
        num_rows: usize,
        /// The label that all have.
        label: String,
    },
    /// A split with no rows.
    #[error("{what} has no rows: check the file, or the filter that made it")]
    Empty {
        /// Which data.
        what: String,
    },
    /// An argument that makes no sense.
    #[error("{0}")]
    Argument(String),
    /// A `tokenizer.json` that cannot be used, or a text that it refuses.
    #[error("{place}: {reason}")]
    Tokenizer {
        /// The file, or the row.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Two parts of a map or a batch that do not fit together.
    #[error("{0}")]
    Mismatch(String),
    /// The Hub could not give the files.
    #[error(transparent)]
    Hub(#[from] tunesmith_hub::HubError),
}

impl DataError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Of a column that the file has and no reader here reads.
    pub(crate) fn left_out(column: &str, dtype: &str) -> Self {
        Self::ColumnType {
            column: column.to_owned(),
            dtype: dtype.to_owned(),
            reason: "only text, numbers, true and false, and lists of them, are read: choose another column, or write this one as text".to_owned(),
        }
    }

    pub(crate) fn no_column(column: &str, columns: Vec<&str>) -> Self {
        Self::NoColumn {
            column: column.to_owned(),
            columns: columns.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn io_hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => {
            ". The disk is full: free some space, or choose another folder (TUNESMITH_CACHE for the cache)"
        }
        io::ErrorKind::PermissionDenied => {
            ". Check the permissions, or choose another folder (TUNESMITH_CACHE for the cache)"
        }
        _ => "",
    }
}

fn unlabelled_hint(label: i64) -> &'static str {
    if label == -1 {
        ". -1 marks rows without a known label: remove such rows, or give the file as test_file to have them predicted"
    } else {
        ""
    }
}

fn config_message(place: &str, config: Option<&str>, configs: &[String]) -> String {
    match config {
        Some(config) => format!(
            "{place} has no configuration {config:?}; there are {}{}",
            list(configs),
            nearest(config, configs)
        ),
        None => format!(
            "{place} has several configurations: choose one of {}",
            list(configs)
        ),
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// " Did you mean …?" where one of `names` is a likely misspelling of `wanted`.
fn nearest(wanted: &str, names: &[String]) -> String {
    let wanted = wanted.to_lowercase();
    names
        .iter()
        .map(|name| (levenshtein(&wanted, &name.to_lowercase()), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| {
            *distance <= 2.max(wanted.chars().count().max(name.chars().count()) / 3)
                && *distance < wanted.chars().count()
        })
        .map(|(_, name)| format!(". Did you mean {name:?}?"))
        .unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_column_is_answered_with_the_nearest() {
        let error = DataError::no_column("sentense1", vec!["sentence1", "sentence2", "label"]);
        assert_eq!(
            error.to_string(),
            "there is no column \"sentense1\"; the columns are sentence1, sentence2, label. \
             Did you mean \"sentence1\"?"
        );
        let error = DataError::no_column("Label", vec!["sentence1", "label"]);
        assert!(error.to_string().ends_with("Did you mean \"label\"?"));
        let error = DataError::no_column("premise", vec!["sentence1", "label"]);
        assert!(!error.to_string().contains("Did you mean"), "{error}");
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let message = DataError::io("write", Path::new("/cache/a.arrow"))(full).to_string();
        assert!(
            message.starts_with("cannot write /cache/a.arrow"),
            "{message}"
        );
        assert!(
            message.contains("free some space, or choose another folder"),
            "{message}"
        );
    }
}

//! Files become Arrow record batches, a few thousand rows at a time, so that a file larger than
//! memory can be copied into the cache. Text files are read twice: once to find the types, once for
//! the values.

mod conll;
mod csv;
mod encoding;
mod guess;
mod json;
mod packed;
mod parquet;
mod records;
mod sheet;
mod source;
mod text;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use arrow_array::RecordBatch;

use crate::column::ColumnBuilder;
use crate::{DataError, Feature, Features, Value};

pub(crate) use source::Source;

/// The most rows of a record batch.
pub(crate) const BATCH_ROWS: usize = 4096;

/// The most bytes of text of a record batch, as far as one row has no more: offsets into it have 31 bits.
const BATCH_BYTES: usize = 64 << 20;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Parquet, with any of its codecs.
    Parquet,
    /// Fields with a separator between them, quoted where needed, the first line a header.
    Csv,
    /// Tab separated, quoted where the file shows that it is, the first line a header.
    Tsv,
    /// JSON Lines: one object a line. Or JSON: a list of objects, or an object with such a list.
    JsonLines,
    /// The first sheet of a workbook (.xlsx), its first row a header.
    Sheet,
    /// CoNLL: a word and its tags on each line, an empty line after each sentence.
    Conll,
    /// Plain text: a row of the column `text` for each line. No name says so: `.txt` is CoNLL's, too.
    Text,
}

impl Format {
    /// The endings of names, for messages.
    pub(crate) const ENDINGS: &str = ".parquet, .csv, .tsv, .jsonl, .json, .xlsx, or .conll or .txt (CoNLL: a word and its tags on \
         each line), and may be packed (.gz, .zst, .zip)";

    /// The format that a file's name says; what it is packed in (`.gz`, `.zst`, `.zip`) may follow.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let packed = [".gz", ".gzip", ".zst", ".zstd", ".zip"];
        let plain = packed.iter().find_map(|ending| name.strip_suffix(ending));
        match plain.unwrap_or(&name).rsplit_once('.')?.1 {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "tsv" | "tab" => Some(Self::Tsv),
            "jsonl" | "json" | "ndjson" => Some(Self::JsonLines),
            "xlsx" | "xlsm" => Some(Self::Sheet),
            "conll" | "conllu" | "iob" | "iob2" | "bio" => Some(Self::Conll),
            _ => None,
        }
    }

    /// The format of a file that somebody names: CoNLL's are often `.txt`, as many other files in a folder are.
    pub(crate) fn of_named(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let packed = [".gz", ".gzip", ".zst", ".zstd", ""];
        let is_text = |packed: &str| name.ends_with(&format!(".txt{packed}"));
        packed.into_iter().any(is_text).then_some(Self::Conll)
    }

    /// Whether a file's name says that it is text of one kind or another: CoNLL, or a text on each line.
    pub fn is_text_name(path: &Path) -> bool {
        Self::of_named(&path.display().to_string()).is_some()
    }

    /// The one that says most about its types, of several in which the same rows may lie.
    pub(crate) fn best(formats: impl Iterator<Item = Self>) -> Option<Self> {
        formats.min_by_key(|format| *format as usize)
    }
}

/// How the fields of a CSV or TSV file are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between two fields.
    pub delimiter: u8,
    /// Whether `"` quotes fields.
    pub quoting: bool,
}

#[derive(Default)]
pub(crate) struct ReadOptions {
    /// How CSV and TSV are written; `None`: as each file shows.
    pub(crate) csv: Option<CsvOptions>,
    /// Only these columns.
    pub(crate) columns: Option<Vec<String>>,
}

impl ReadOptions {
    fn wants(&self, column: &str) -> bool {
        self.columns
            .as_ref()
            .is_none_or(|columns| columns.iter().any(|wanted| wanted == column))
    }

    /// Whether the column is asked for by its name.
    fn names(&self, column: &str) -> bool {
        self.columns.is_some() && self.wants(column)
    }

    /// The columns of a file that are wanted, or what is missing.
    fn check(&self, found: &[String]) -> Result<(), DataError> {
        for wanted in self.columns.iter().flatten() {
            if !found.contains(wanted) {
                return Err(DataError::NoColumn {
                    column: wanted.clone(),
                    columns: found.to_vec(),
                });
            }
        }
        Ok(())
    }
}

type Sink<'a> = &'a mut dyn FnMut(RecordBatch) -> Result<(), DataError>;

/// The files of one split with the types of their columns.
pub(crate) struct Plan<'a> {
    sources: &'a [(Source, Format)],
    options: &'a ReadOptions,
    pub(crate) features: Features,
    pub(crate) num_rows: u64,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
}

/// Finds the types of the columns that the files have together.
pub(crate) fn scan<'a>(
    sources: &'a [(Source, Format)],
    options: &'a ReadOptions,
) -> Result<Plan<'a>, DataError> {
    let mut table_types = guess::Guesses::default();
    let mut json_types = json::Guesses::default();
    let mut conll_types = conll::Columns::default();
    let mut features: Option<(Features, String)> = None;
    let mut warnings = Vec::new();
    let mut num_rows = 0;
    for (source, format) in sources {
        num_rows += match format {
            Format::Csv | Format::Tsv => {
                csv::scan(source, *format, options, &mut table_types, &mut warnings)?
            }
            Format::Sheet => sheet::scan(source, options, &mut table_types, &mut warnings)?,
            Format::JsonLines => json_types.scan(source)?,
            Format::Conll => conll_types.scan(source)?,
            Format::Text => text::scan(source)?,
            Format::Parquet => {
                let (found, rows) = parquet::features(source, options, &mut warnings)?;
                match &features {
                    Some((first, name)) if *first != found => {
                        return Err(DataError::Mismatch(format!(
                            "{} has the columns {found}, but {name} has {first}: the files of a split must have the same columns",
                            source.name()
                        )));
                    }
                    _ => features = Some((found, source.name())),
                }
                rows
            }
        };
    }
    let is_text = |(_, format): &(Source, Format)| *format == Format::Text;
    let features = match features {
        Some((features, _)) => features,
        None if !table_types.is_empty() => table_types.features(options)?,
        None if !conll_types.is_empty() => conll_types.features(options)?,
        None if sources.iter().any(is_text) => text::features(options)?,
        None => json_types.features(options, &mut warnings)?,
    };
    Ok(Plan {
        num_rows,
        warnings,
        ..Plan::new(sources, options, features)
    })
}

impl<'a> Plan<'a> {
    /// For files that were looked at before.
    pub(crate) fn new(
        sources: &'a [(Source, Format)],
        options: &'a ReadOptions,
        features: Features,
    ) -> Self {
        Self {
            sources,
            options,
            features,
            num_rows: 0,
            warnings: Vec::new(),
        }
    }

    /// Reads all files in order, handing their rows to `sink` in batches.
    pub(crate) fn stream(&self, sink: Sink<'_>) -> Result<(), DataError> {
        for (source, format) in self.sources {
            match format {
                Format::Parquet => parquet::stream(source, &self.features, sink)?,
                Format::Csv | Format::Tsv => {
                    csv::stream(source, *format, self.options, &self.features, sink)?;
                }
                Format::JsonLines => json::stream(source, &self.features, sink)?,
                Format::Sheet => sheet::stream(source, &self.features, sink)?,
                Format::Conll => conll::stream(source, &self.features, sink)?,
                Format::Text => text::stream(source, &self.features, sink)?,
            }
        }
        Ok(())
    }
}

/// Columns of one name get the names that pandas gives them: `text`, `text.1`, `text.2`.
fn unique(names: Vec<String>) -> Vec<String> {
    let all: HashSet<String> = names.iter().cloned().collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut unique = Vec::with_capacity(names.len());
    for name in names {
        let count = counts.entry(name.clone()).or_insert(0);
        let mut new = name.clone();
        while *count > 0 {
            new = format!("{name}.{count}");
            if !all.contains(&new) {
                break;
            }
            *count += 1;
        }
        *count += 1;
        unique.push(new);
    }
    unique
}

/// The names for columns whose header fields are `fields`: empty ones and repeated ones get a name.
fn header(source: &Source, fields: Vec<String>, warnings: &mut Vec<String>) -> Vec<String> {
    let names: Vec<String> = fields
        .iter()
        .enumerate()
        .map(|(i, field)| match field.trim() {
            "" => format!("Unnamed: {i}"),
            name => name.to_owned(),
        })
        .collect();
    let header = unique(names.clone());
    if let Some((name, new)) = names.iter().zip(&header).find(|(name, new)| name != new) {
        warnings.push(format!(
            "{}: several columns are called {name:?}; the second is read as {new:?}",
            source.name()
        ));
    }
    header
}

/// The features of `columns`; those that are left out, with their types, must not have been asked for.
fn without(
    columns: Vec<(String, Feature)>,
    left_out: Vec<(String, String)>,
    options: &ReadOptions,
    warnings: &mut Vec<String>,
    file: &str,
) -> Result<Features, DataError> {
    let refused =
        |(name, dtype): &(String, String)| DataError::left_out(name, &format!("{dtype} in {file}"));
    if let Some(column) = left_out.iter().find(|(name, _)| options.names(name)) {
        return Err(refused(column));
    }
    if let Some(column) = left_out.first() {
        if columns.is_empty() {
            return Err(refused(column));
        }
        let names: Vec<String> = left_out
            .iter()
            .take(8)
            .map(|(name, dtype)| format!("{name} ({dtype})"))
            .collect();
        let more = left_out.len() - names.len();
        warnings.push(format!(
            "{file}: left out, since only text, numbers, true and false, and lists of them, are read: {}{}",
            names.join(", "),
            if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            }
        ));
    }
    // Who asks for one of them later is told the file as well.
    let left_out = left_out
        .into_iter()
        .map(|(name, dtype)| (name, format!("{dtype} in {file}")))
        .collect();
    Ok(Features::new(columns)?.with_left_out(left_out))
}

/// Collects rows into record batches.
struct Batcher<'a> {
    features: &'a Features,
    builders: Vec<ColumnBuilder>,
    rows: usize,
    bytes: usize,
}

impl<'a> Batcher<'a> {
    fn new(features: &'a Features) -> Self {
        Self {
            features,
            builders: Self::builders(features),
            rows: 0,
            bytes: 0,
        }
    }

    fn builders(features: &Features) -> Vec<ColumnBuilder> {
        features
            .iter()
            .map(|(_, feature)| ColumnBuilder::of(feature))
            .collect()
    }

    /// Adds a value to the row that is being made; `false` where it doesn't fit the column.
    #[must_use]
    fn push(&mut self, column: usize, value: Value<'_>) -> bool {
        if let Value::Str(text) = value {
            self.bytes += text.len();
            // Past it offsets overflow; a batch ends long before, so this is one row.
            if i32::try_from(self.bytes).is_err() {
                return false;
            }
        }
        self.builders[column].push(value)
    }

    /// Adds a list of these items; see [`Batcher::push`].
    #[must_use]
    fn push_list<'v>(&mut self, column: usize, items: impl Iterator<Item = Value<'v>>) -> bool {
        let mut bytes = 0;
        let counted = items.inspect(|item| {
            bytes += item.as_str().map_or(8, str::len);
        });
        let fits = self.builders[column].push_list(counted);
        self.bytes += bytes;
        fits && i32::try_from(self.bytes).is_ok()
    }

    fn end_row(&mut self, sink: Sink<'_>) -> Result<(), DataError> {
        self.rows += 1;
        if self.rows == BATCH_ROWS || self.bytes >= BATCH_BYTES {
            self.flush(sink)?;
        }
        Ok(())
    }

    fn flush(&mut self, sink: Sink<'_>) -> Result<(), DataError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        self.bytes = 0;
        let builders = std::mem::replace(&mut self.builders, Self::builders(self.features));
        let columns = builders.into_iter().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(self.features.schema(), columns)
            .map_err(|error| DataError::Mismatch(error.to_string()))?;
        sink(batch)
    }
}

//! Files become Arrow record batches, a few thousand rows at a time, so that a file larger than
//! memory can be copied into the cache. Text files are read twice: once to find the types, once for
//! the values.

mod csv;
mod jsonl;
mod parquet;

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use bytes::Bytes;
use tunesmith_platform::fs::File;

use crate::column::ColumnBuilder;
use crate::{DataError, Features};

/// Rows of a record batch.
pub(crate) const BATCH_ROWS: usize = 4096;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Parquet with snappy, gzip or no compression.
    Parquet,
    /// Comma separated, quoted where needed, the first line a header.
    Csv,
    /// Tab separated, never quoted, the first line a header.
    Tsv,
    /// One JSON object a line.
    JsonLines,
}

impl Format {
    /// The format that a file's name says.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_lowercase().as_str() {
            "parquet" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "tsv" => Some(Self::Tsv),
            "jsonl" | "json" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// How the fields of a CSV or TSV file are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between two fields.
    pub delimiter: u8,
    /// Whether `"` quotes fields. Off for TSV: the files of benchmarks such as GLUE have lone
    /// quotes at the beginning of sentences, which would swallow the lines after them.
    pub quoting: bool,
}

impl CsvOptions {
    /// What is usual for a format.
    pub fn for_format(format: Format) -> Self {
        let tabs = format == Format::Tsv;
        Self {
            delimiter: if tabs { b'\t' } else { b',' },
            quoting: !tabs,
        }
    }
}

/// A file, on disk or in memory.
pub(crate) enum Source {
    File(PathBuf),
    Bytes { name: String, bytes: Bytes },
}

impl Source {
    pub(crate) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Bytes { name, .. } => name.clone(),
        }
    }

    fn open(&self) -> Result<Box<dyn Read + '_>, DataError> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::with_capacity(
                1 << 18,
                File::open(path).map_err(DataError::io("read", path))?,
            )),
            Self::Bytes { bytes, .. } => Box::new(bytes.as_ref()),
        })
    }

    fn io_error(&self, source: std::io::Error) -> DataError {
        let path = PathBuf::from(self.name());
        DataError::io("read", &path)(source)
    }
}

pub(crate) struct ReadOptions {
    pub(crate) csv: CsvOptions,
    /// Only these columns.
    pub(crate) columns: Option<Vec<String>>,
}

impl ReadOptions {
    fn wants(&self, column: &str) -> bool {
        self.columns
            .as_ref()
            .is_none_or(|columns| columns.iter().any(|wanted| wanted == column))
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
}

/// Finds the types of the columns that the files have together.
pub(crate) fn scan<'a>(
    sources: &'a [(Source, Format)],
    options: &'a ReadOptions,
) -> Result<Plan<'a>, DataError> {
    let mut csv_types = csv::Guesses::default();
    let mut json_types = jsonl::Guesses::default();
    let mut features: Option<(Features, String)> = None;
    for (source, format) in sources {
        match format {
            Format::Csv | Format::Tsv => csv_types.scan(source, options)?,
            Format::JsonLines => json_types.scan(source, options)?,
            Format::Parquet => {
                let found = parquet::features(source, options)?;
                match &features {
                    Some((first, name)) if *first != found => {
                        return Err(DataError::Mismatch(format!(
                            "{} has the columns {found}, but {name} has {first}: the files of a split must have the same columns",
                            source.name()
                        )));
                    }
                    _ => features = Some((found, source.name())),
                }
            }
        }
    }
    let features = match features {
        Some((features, _)) => features,
        None if !csv_types.is_empty() => csv_types.features()?,
        None => json_types.features()?,
    };
    Ok(Plan {
        sources,
        options,
        features,
    })
}

impl Plan<'_> {
    /// Reads all files in order, handing their rows to `sink` in batches.
    pub(crate) fn stream(&self, sink: Sink<'_>) -> Result<(), DataError> {
        for (source, format) in self.sources {
            match format {
                Format::Parquet => parquet::stream(source, &self.features, sink)?,
                Format::Csv | Format::Tsv => {
                    csv::stream(source, self.options, &self.features, sink)?;
                }
                Format::JsonLines => jsonl::stream(source, self.options, &self.features, sink)?,
            }
        }
        Ok(())
    }
}

/// Collects rows into record batches.
struct Batcher<'a> {
    features: &'a Features,
    builders: Vec<ColumnBuilder>,
    rows: usize,
}

impl<'a> Batcher<'a> {
    fn new(features: &'a Features) -> Self {
        Self {
            features,
            builders: Self::builders(features),
            rows: 0,
        }
    }

    fn builders(features: &Features) -> Vec<ColumnBuilder> {
        features
            .iter()
            .map(|(_, feature)| ColumnBuilder::new(feature.dtype()))
            .collect()
    }

    fn end_row(&mut self, sink: Sink<'_>) -> Result<(), DataError> {
        self.rows += 1;
        if self.rows == BATCH_ROWS {
            self.flush(sink)?;
        }
        Ok(())
    }

    fn flush(&mut self, sink: Sink<'_>) -> Result<(), DataError> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let builders = std::mem::replace(&mut self.builders, Self::builders(self.features));
        let columns = builders.into_iter().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(self.features.schema(), columns)
            .map_err(|error| DataError::Mismatch(error.to_string()))?;
        sink(batch)
    }
}

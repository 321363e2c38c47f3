//! Rows become files: CSV, JSON Lines or parquet, by the file's name, written a block at a time.
//!
//! A class is its name in CSV and JSON Lines, since these keep no list of them; parquet has its number, and the names
//! where `datasets` keeps them. A label that isn't known (-1) is missing.

use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use tunesmith_platform::fs;

use crate::column::ColumnBuilder;
use crate::csv_record::csv_record;
use crate::features::METADATA_KEY;
use crate::read::BATCH_ROWS;
use crate::{DataError, Dataset, Feature, Features, Value};

/// Rows of a group, which parquet puts together in memory.
const GROUP_ROWS: usize = 1 << 16;

/// A file that has its name only once it is whole; until then, and where it is never finished, it is `NAME.partial`.
pub struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<fs::File>,
}

impl PartialFile {
    /// Begins it.
    ///
    /// # Errors
    /// A place that can't be written to.
    pub fn create(path: &Path) -> Result<Self, DataError> {
        let partial = PathBuf::from(format!("{}.partial", path.display()));
        let file = fs::File::create(&partial).map_err(DataError::io("write", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            partial,
            file: BufWriter::new(file),
        })
    }

    /// What went wrong when this file was written.
    pub fn error(&self, error: io::Error) -> DataError {
        DataError::io("write", &self.path)(error)
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// A place that can't be written to.
    pub fn finish(mut self) -> Result<(), DataError> {
        let named = self.file.flush();
        let named = named.and_then(|()| fs::rename(&self.partial, &self.path));
        named.map_err(|error| self.error(error))
    }
}

impl Write for PartialFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What a table is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// `.csv`
    Csv,
    /// `.jsonl`, `.json`, `.ndjson`
    JsonLines,
    /// `.parquet`
    Parquet,
}

impl TableFormat {
    /// The one that a file's name ends in, in letters of either case.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "json" | "ndjson" => Some(Self::JsonLines),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A table that is written as its rows come.
pub struct TableWriter {
    features: Features,
    to: To,
}

enum To {
    Csv(PartialFile),
    JsonLines(PartialFile),
    Parquet(Box<ArrowWriter<PartialFile>>, PathBuf),
}

impl TableWriter {
    /// Begins a file of rows with these columns: `.csv`, `.jsonl` (or `.json`, `.ndjson`) or `.parquet`.
    ///
    /// # Errors
    /// A name with another ending, or a place that can't be written to.
    pub fn create(path: &Path, features: &Features) -> Result<Self, DataError> {
        let to = match TableFormat::of(path) {
            Some(TableFormat::Csv) => {
                let mut file = PartialFile::create(path)?;
                let head = csv_record(features.names());
                file.write_all(head.as_bytes())
                    .map_err(|error| file.error(error))?;
                To::Csv(file)
            }
            Some(TableFormat::JsonLines) => To::JsonLines(PartialFile::create(path)?),
            Some(TableFormat::Parquet) => {
                let schema = features.schema();
                let declared = schema.metadata().get(METADATA_KEY).cloned();
                let declared = KeyValue::new(METADATA_KEY.to_owned(), declared);
                let properties = WriterProperties::builder()
                    .set_compression(Compression::SNAPPY)
                    .set_max_row_group_row_count(Some(GROUP_ROWS))
                    .set_key_value_metadata(Some(vec![declared]))
                    .build();
                let file = PartialFile::create(path)?;
                let writer = ArrowWriter::try_new(file, schema, Some(properties));
                To::Parquet(Box::new(writer.map_err(failed(path))?), path.to_path_buf())
            }
            None => {
                return Err(DataError::Argument(format!(
                    "{}: the name does not say how to write it: it must end in .csv, .jsonl or .parquet",
                    path.display()
                )));
            }
        };
        let features = features.clone();
        Ok(Self { features, to })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// Rows with other columns than the file was begun with, or a file that can't be written.
    pub fn write(&mut self, rows: &Dataset) -> Result<(), DataError> {
        if *rows.features() != self.features {
            return Err(DataError::Mismatch(format!(
                "the rows have the columns {}, and the file was begun with {}",
                rows.features(),
                self.features
            )));
        }
        match &mut self.to {
            To::Parquet(writer, path) => {
                for start in (0..rows.num_rows()).step_by(BATCH_ROWS) {
                    let end = (start + BATCH_ROWS).min(rows.num_rows());
                    writer
                        .write(&rows.record_batch(start..end)?)
                        .map_err(failed(path))?;
                }
                Ok(())
            }
            To::Csv(file) => {
                let features: Vec<&Feature> = self.features.iter().map(|(_, f)| f).collect();
                for row in rows.rows() {
                    let cells = features.iter().zip(row.iter());
                    let line = csv_record(cells.map(|(feature, (_, value))| cell(feature, value)));
                    file.write_all(line.as_bytes())
                        .map_err(|error| file.error(error))?;
                }
                Ok(())
            }
            To::JsonLines(file) => {
                for row in rows.rows() {
                    let object = Object(&self.features, row.iter().collect());
                    let line = serde_json::to_vec(&object);
                    let written = line.map_err(io::Error::from).and_then(|mut line| {
                        line.push(b'\n');
                        file.write_all(&line)
                    });
                    written.map_err(|error| file.error(error))?;
                }
                Ok(())
            }
        }
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// A file that can't be written.
    pub fn finish(self) -> Result<(), DataError> {
        match self.to {
            To::Csv(file) | To::JsonLines(file) => file.finish(),
            To::Parquet(writer, path) => writer.into_inner().map_err(failed(&path))?.finish(),
        }
    }
}

impl Dataset {
    /// These rows as Arrow has them.
    fn record_batch(&self, rows: Range<usize>) -> Result<RecordBatch, DataError> {
        let mut arrays = Vec::with_capacity(self.columns.len());
        for ((name, feature), column) in self.features.iter().zip(&self.columns) {
            let mut builder = ColumnBuilder::of(feature);
            for row in rows.clone() {
                let value = column.value(row);
                if !builder.push(value) {
                    return Err(DataError::Value {
                        row,
                        column: name.to_owned(),
                        found: value.to_string(),
                        expected: format!("{feature} is needed"),
                    });
                }
            }
            arrays.push(builder.finish());
        }
        RecordBatch::try_new(self.features.schema(), arrays)
            .map_err(|error| DataError::Mismatch(error.to_string()))
    }

    /// Writes all rows to a file; see [`TableWriter`]. It is there whole, or not at all.
    ///
    /// # Errors
    /// As [`TableWriter::create`] and [`TableWriter::write`].
    pub fn save(&self, path: &Path) -> Result<(), DataError> {
        let mut writer = TableWriter::create(path, self.features())?;
        writer.write(self)?;
        writer.finish()
    }
}

fn failed(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> DataError {
    let path = path.to_path_buf();
    move |error| DataError::io("write", &path)(io::Error::other(error))
}

/// A value without the number of a label that isn't known.
fn known<'a>(feature: &Feature, value: Value<'a>) -> Value<'a> {
    match (feature, value) {
        (Feature::ClassLabel(_), Value::Int(-1)) => Value::Null,
        (_, value) => value,
    }
}

fn cell(feature: &Feature, value: Value<'_>) -> String {
    let value = known(feature, value);
    match (feature, value) {
        // As JSON: an item may have a comma in it.
        (Feature::List(_), Value::List(_)) => {
            serde_json::to_string(&Named(feature, value)).unwrap_or_default()
        }
        _ => feature.text(value).unwrap_or_default(),
    }
}

/// A value, classes by their names.
struct Named<'a>(&'a Feature, Value<'a>);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = known(self.0, self.1);
        match (self.0, value) {
            (Feature::List(item), Value::List(list)) => {
                let mut items = serializer.serialize_seq(Some(list.len()))?;
                for value in list.iter() {
                    items.serialize_element(&Named(item, value))?;
                }
                items.end()
            }
            (Feature::ClassLabel(classes), Value::Int(id)) => match classes.int2str(id) {
                Some(name) => serializer.serialize_str(name),
                None => serializer.serialize_i64(id),
            },
            _ => value.serialize(serializer),
        }
    }
}

struct Object<'a>(&'a Features, Vec<(&'a str, Value<'a>)>);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.1.len()))?;
        for ((_, feature), (name, value)) in self.0.iter().zip(&self.1) {
            map.serialize_entry(name, &Named(feature, *value))?;
        }
        map.end()
    }
}

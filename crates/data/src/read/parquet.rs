//! Parquet, its strings as `string` whatever Arrow type the writer had, its features from the
//! `huggingface` metadata.
//!
//! Damaged files make the parquet crate panic in places (arrow-rs issues 5332, 9358, 9742). On
//! native targets a panic is caught here and becomes an error; on wasm, where panics cannot be
//! caught, the worker that reads has to be one that may die.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;

use super::{BATCH_ROWS, ReadOptions, Sink, Source};
use crate::features::METADATA_KEY;
use crate::{DataError, Dtype, Feature, Features};

pub(super) fn features(source: &Source, options: &ReadOptions) -> Result<Features, DataError> {
    guarded(source, || match source {
        Source::File(path) => {
            let file = chunks(path).map_err(DataError::io("read", path))?;
            features_of(source, &file, options)
        }
        Source::Bytes { bytes, .. } => features_of(source, bytes, options),
    })
}

pub(super) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let mut reader = guarded(source, || match source {
        Source::File(path) => {
            let file = chunks(path).map_err(DataError::io("read", path))?;
            open(source, file, features)
        }
        Source::Bytes { bytes, .. } => open(source, bytes.clone(), features),
    })?;
    let schema = features.schema();
    // The sink is outside of the guard: its panics are its own.
    while let Some(batch) = guarded(source, || next(source, &mut reader, &schema, features))? {
        sink(batch)?;
    }
    Ok(())
}

/// A file as the parquet crate reads it: a part at a time.
#[cfg(not(target_arch = "wasm32"))]
fn chunks(path: &Path) -> io::Result<std::fs::File> {
    std::fs::File::open(path)
}

/// A file as the parquet crate reads it: its readers must be `Send`, which a browser's files are not.
#[cfg(target_arch = "wasm32")]
fn chunks(path: &Path) -> io::Result<bytes::Bytes> {
    tunesmith_platform::fs::read(path).map(bytes::Bytes::from)
}

fn arrow_options() -> ArrowReaderOptions {
    // Without the writer's Arrow schema strings are plain strings, not dictionaries or views.
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

fn features_of<R: ChunkReader>(
    source: &Source,
    file: &R,
    options: &ReadOptions,
) -> Result<Features, DataError> {
    let metadata = ArrowReaderMetadata::load(file, arrow_options())
        .map_err(|error| unreadable(source, error.to_string()))?;
    let declared = metadata
        .metadata()
        .file_metadata()
        .key_value_metadata()
        .into_iter()
        .flatten()
        .find(|pair| pair.key == METADATA_KEY)
        .and_then(|pair| Features::from_metadata(pair.value.as_deref()?))
        .unwrap_or_default();
    let fields = metadata.schema().fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    options.check(&names)?;
    check_codecs(source, metadata.metadata(), options)?;
    let mut columns = Vec::new();
    for field in fields.iter().filter(|field| options.wants(field.name())) {
        let dtype = Dtype::from_arrow(field.data_type()).ok_or_else(|| DataError::ColumnType {
            column: field.name().clone(),
            dtype: field.data_type().to_string(),
            reason: format!(
                "{} has a column of a type that is not read; name the columns to read, without this one",
                source.name()
            ),
        })?;
        let feature = match declared.get(field.name()) {
            Some(Feature::ClassLabel(label)) if dtype.is_integer() => {
                Feature::ClassLabel(label.clone())
            }
            _ => Feature::Value(dtype),
        };
        columns.push((field.name().clone(), feature));
    }
    Features::new(columns)
}

fn check_codecs(
    source: &Source,
    metadata: &ParquetMetaData,
    options: &ReadOptions,
) -> Result<(), DataError> {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    for column in columns {
        let name = &column.column_path().parts()[0];
        let codec = column.compression();
        let reads = matches!(
            codec,
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::GZIP(_)
        );
        if options.wants(name) && !reads {
            let codec = codec.to_string();
            return Err(DataError::Codec {
                file: source.name(),
                column: name.clone(),
                // Without its level, which only the writer knew.
                codec: codec.split('(').next().unwrap_or_default().to_lowercase(),
            });
        }
    }
    Ok(())
}

fn open<R: ChunkReader + 'static>(
    source: &Source,
    file: R,
    features: &Features,
) -> Result<ParquetRecordBatchReader, DataError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, arrow_options())
        .map_err(|error| unreadable(source, error.to_string()))?;
    let mask = ProjectionMask::columns(builder.parquet_schema(), features.names());
    builder
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| unreadable(source, error.to_string()))
}

fn next(
    source: &Source,
    reader: &mut ParquetRecordBatchReader,
    schema: &SchemaRef,
    features: &Features,
) -> Result<Option<RecordBatch>, DataError> {
    let Some(batch) = reader.next() else {
        return Ok(None);
    };
    let batch = batch.map_err(|error| unreadable(source, error.to_string()))?;
    let mut columns = Vec::new();
    for (name, feature) in features.iter() {
        let column = batch
            .column_by_name(name)
            .ok_or_else(|| DataError::no_column(name, features.names()))?;
        columns.push(widened(column, feature.dtype()));
    }
    RecordBatch::try_new(schema.clone(), columns)
        .map(Some)
        .map_err(|error| unreadable(source, error.to_string()))
}

/// Class labels may be stored in any integer type; ours are `int64`.
fn widened(column: &arrow_array::ArrayRef, dtype: Dtype) -> arrow_array::ArrayRef {
    if *column.data_type() == dtype.arrow() {
        return column.clone();
    }
    let narrow = crate::column::Column::new(vec![column.clone()]);
    let mut builder = crate::column::ColumnBuilder::new(dtype);
    for row in 0..narrow.len() {
        if !builder.push(narrow.value(row)) {
            // The schema check that follows tells the two types.
            return column.clone();
        }
    }
    builder.finish()
}

fn unreadable(source: &Source, reason: String) -> DataError {
    DataError::Parquet {
        file: source.name(),
        reason,
    }
}

/// Runs `read`, turning a panic of the parquet crate into an error. What was half read when it
/// panicked is dropped with the error, so nothing broken is seen afterwards.
fn guarded<T>(
    source: &Source,
    read: impl FnOnce() -> Result<T, DataError>,
) -> Result<T, DataError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let reason = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("its reader panicked");
        Err(unreadable(source, reason.to_owned()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_the_reader_becomes_an_error() {
        let source = Source::File("data/train.parquet".into());
        let result = guarded(&source, || -> Result<(), DataError> {
            panic!("index out of bounds: the len is {}", 3)
        });
        let message = result.unwrap_err().to_string();
        assert!(
            message.starts_with(
                "data/train.parquet is not a readable parquet file (index out of bounds: the len is 3)"
            ),
            "{message}"
        );
    }
}

//! Parquet, its strings as `string` whatever Arrow type the writer had, its features from the
//! `huggingface` metadata.
//!
//! Damaged files make the parquet crate panic in places (arrow-rs issues 5332, 9358, 9742). On
//! native targets a panic is caught here and becomes an error; on wasm, where panics cannot be
//! caught, the worker that reads has to be one that may die.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::ChunkReader;

use super::{BATCH_BYTES, BATCH_ROWS, ReadOptions, Sink, Source};
use crate::features::METADATA_KEY;
use crate::list::renamed;
use crate::target::parquet_file;
use crate::{DataError, Feature, Features};

/// The types of the columns, and the number of rows.
pub(super) fn features(
    source: &Source,
    options: &ReadOptions,
    warnings: &mut Vec<String>,
) -> Result<(Features, u64), DataError> {
    let packed = packed(source)?;
    guarded(source, || match source.plain_path() {
        Some(path) => {
            let file = parquet_file(path).map_err(DataError::io("read", path))?;
            features_of(source, &file, options, warnings)
        }
        None => features_of(source, &packed, options, warnings),
    })
}

pub(super) fn stream(
    source: &Source,
    features: &Features,
    sink: Sink<'_>,
) -> Result<(), DataError> {
    let packed = packed(source)?;
    let mut reader = guarded(source, || match source.plain_path() {
        Some(path) => {
            let file = parquet_file(path).map_err(DataError::io("read", path))?;
            Reader::open(source, file, features)
        }
        None => Reader::open(source, packed, features),
    })?;
    let schema = features.schema();
    // The sink is outside of the guard: its panics are its own.
    while let Some(batch) = guarded(source, || reader.next(source, &schema, features))? {
        sink(batch)?;
    }
    Ok(())
}

/// What is not a file on the disk as it is, in memory: parquet is read from its end.
fn packed(source: &Source) -> Result<bytes::Bytes, DataError> {
    match source.plain_path() {
        Some(_) => Ok(bytes::Bytes::new()),
        None => source.read(),
    }
}

fn arrow_options() -> ArrowReaderOptions {
    // Without the writer's Arrow schema strings are plain strings, not dictionaries or views.
    ArrowReaderOptions::new().with_skip_arrow_metadata(true)
}

/// The names of the columns, each of them once. A name may have a dot in it, so a column is asked for by its
/// place.
fn names(schema: &Schema) -> Vec<String> {
    let fields = schema.fields().iter();
    super::unique(fields.map(|field| field.name().clone()).collect())
}

fn features_of<R: ChunkReader>(
    source: &Source,
    file: &R,
    options: &ReadOptions,
    warnings: &mut Vec<String>,
) -> Result<(Features, u64), DataError> {
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
    let names = names(metadata.schema());
    options.check(&names)?;
    let mut columns = Vec::new();
    let mut left_out = Vec::new();
    let mut read = HashSet::new();
    for (name, field) in names.into_iter().zip(fields) {
        if *field.name() != name {
            warnings.push(format!(
                "{}: several columns are called {:?}; one is read as {name:?}",
                source.name(),
                field.name()
            ));
        }
        if !options.wants(&name) {
            continue;
        }
        let Some(found) = Feature::from_arrow(field.data_type()) else {
            left_out.push((name, field.data_type().to_string()));
            continue;
        };
        let feature = found.declared(declared.get(&name));
        read.insert(field.name().as_str());
        columns.push((name, feature));
    }
    check_codecs(source, metadata.metadata(), &read)?;
    let rows = metadata.metadata().file_metadata().num_rows();
    let features = super::without(columns, left_out, options, warnings, &source.name())?;
    Ok((features, u64::try_from(rows).unwrap_or(0)))
}

fn check_codecs(
    source: &Source,
    metadata: &ParquetMetaData,
    read: &HashSet<&str>,
) -> Result<(), DataError> {
    let columns = metadata
        .row_groups()
        .iter()
        .flat_map(|group| group.columns());
    for column in columns {
        let name = column.column_path().parts().first();
        let name = name.map(String::as_str).unwrap_or_default();
        if read.contains(name) && column.compression() == Compression::LZO {
            return Err(DataError::Codec {
                file: source.name(),
                column: name.to_owned(),
                codec: "lzo".to_owned(),
            });
        }
    }
    Ok(())
}

/// The columns of a file that are read.
struct Reader {
    batches: ParquetRecordBatchReader,
    /// Where in a batch the columns of the features stand.
    places: Vec<usize>,
}

impl Reader {
    fn open<R: ChunkReader + 'static>(
        source: &Source,
        file: R,
        features: &Features,
    ) -> Result<Self, DataError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, arrow_options())
            .map_err(|error| unreadable(source, error.to_string()))?;
        let place: HashMap<String, usize> = names(builder.schema())
            .into_iter()
            .enumerate()
            .map(|(place, name)| (name, place))
            .collect();
        let mut roots = Vec::new();
        for name in features.names() {
            let root = place.get(name).copied();
            roots.push(root.ok_or_else(|| DataError::no_column(name, features.names()))?);
        }
        let mut in_order = roots.clone();
        in_order.sort_unstable();
        let places = roots
            .iter()
            .map(|root| in_order.partition_point(|other| other < root))
            .collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let rows = batch_rows(builder.metadata());
        let batches = builder
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(|error| unreadable(source, error.to_string()))?;
        Ok(Self { batches, places })
    }

    fn next(
        &mut self,
        source: &Source,
        schema: &SchemaRef,
        features: &Features,
    ) -> Result<Option<RecordBatch>, DataError> {
        let Some(batch) = self.batches.next() else {
            return Ok(None);
        };
        let batch = batch.map_err(|error| unreadable(source, error.to_string()))?;
        let columns = features
            .iter()
            .zip(&self.places)
            .map(|((_, feature), place)| widened(batch.column(*place), feature))
            .collect();
        RecordBatch::try_new(schema.clone(), columns)
            .map(Some)
            .map_err(|error| unreadable(source, error.to_string()))
    }
}

/// Rows of a batch: fewer where rows are long.
fn batch_rows(metadata: &ParquetMetaData) -> usize {
    let longest = metadata.row_groups().iter().map(|group| {
        let bytes = usize::try_from(group.total_byte_size()).unwrap_or(0);
        let rows = usize::try_from(group.num_rows()).unwrap_or(0);
        bytes / rows.max(1)
    });
    let longest = longest.max().unwrap_or(0);
    (BATCH_BYTES / longest.max(1)).clamp(1, BATCH_ROWS)
}

/// Class labels may be stored in any integer type; ours are `int64`.
fn widened(column: &ArrayRef, feature: &Feature) -> ArrayRef {
    let column = match column.as_list_opt::<i32>() {
        Some(lists) => renamed(lists),
        None => column.clone(),
    };
    if *column.data_type() == feature.arrow() {
        return column;
    }
    let narrow = crate::column::Column::new(vec![column.clone()]);
    let mut builder = crate::column::ColumnBuilder::of(feature);
    for row in 0..narrow.len() {
        if !builder.push(narrow.value(row)) {
            // The schema check that follows tells the two types.
            return column;
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
        let source = Source::file("data/train.parquet".into());
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
